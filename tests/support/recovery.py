"""Somebody on the way through a lost device, and what e-mail and phone bring them meanwhile.

    way = await Way.begin(console, alice)
    await way.confirm_mail()
    await way.send_sms()
    await way.finish()

Codes and links are read out of the letters in the outbox, as their recipient would read them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.support.console import HOME, Console, Person
from tui_admin.flows import lost_device
from tui_admin.flows.answers import Recovery, RequestView, Token, Visitor
from tui_admin.flows.context import letter_place
from tui_admin.models import Letter


async def letters(console: Console, template: str, person: Person | None = None) -> list[Letter]:
    """Return the letters of one kind, oldest first."""
    rows = [row for row in await console.rows(Letter) if row.template == template]
    if person is not None:
        rows = [row for row in rows if row.account_id == person.account_id]
    return sorted(rows, key=lambda row: row.created_at)


def secrets_of(console: Console, letter: Letter) -> dict[str, str]:
    """Return the codes and links that a letter carries."""
    place = letter_place(letter.account_id, letter.id)
    opened: dict[str, str] = json.loads(console.ctx.keyring.open(letter.sealed_key, place=place))
    return opened


@dataclass
class Way:
    """One deactivation request, seen by the person who began it."""

    console: Console
    person: Person
    recovery: Recovery
    visitor: Visitor = HOME

    @classmethod
    async def begin(cls, console: Console, person: Person, visitor: Visitor = HOME) -> Way:
        half = await console.half(person, visitor)
        recovery = await lost_device.begin(console.ctx, visitor, half)
        return cls(console, person, recovery, visitor)

    @property
    def wizard(self) -> Token:
        return self.recovery.proof

    async def mail(self) -> dict[str, str]:
        """What the latest e-mail carries: `link`, `stop` and `code`."""
        found = await letters(self.console, "recovery.mail", self.person)
        return secrets_of(self.console, found[-1])

    async def sms(self) -> str:
        """The code of the latest SMS."""
        found = await letters(self.console, "recovery.sms", self.person)
        return secrets_of(self.console, found[-1])["code"]

    async def by_link(self) -> Token:
        """Follow the link in another terminal; return that terminal's proof."""
        opened = await lost_device.open_link(self.console.ctx, (await self.mail())["link"])
        assert isinstance(opened, Recovery)
        return opened.proof

    async def confirm_mail(self) -> RequestView:
        code = (await self.mail())["code"]
        return await lost_device.confirm_mail(self.console.ctx, self.visitor, self.wizard, code)

    async def send_sms(self, proof: Token | None = None) -> RequestView:
        return await lost_device.send_sms(self.console.ctx, self.visitor, proof or self.wizard)

    async def captcha(self, proof: Token | None = None) -> tuple[str, str]:
        """Be shown a CAPTCHA and solve it; return its id and the answer."""
        view = await lost_device.new_captcha(
            self.console.ctx, self.visitor, proof or self.wizard, as_question=False
        )
        return view.id, ANSWER

    async def finish(self, proof: Token | None = None, **other: Any) -> None:
        """Send the SMS code and a solved CAPTCHA, or `code` and `captcha` in their place."""
        proof = proof or self.wizard
        challenge, answer = other.get("captcha") or await self.captcha(proof)
        code = other.get("code") or await self.sms()
        await lost_device.finish(self.console.ctx, self.visitor, proof, code, challenge, answer)

    async def to_the_code(self) -> None:
        """Do everything but the last step."""
        await self.confirm_mail()
        await self.send_sms()


ANSWER = "nhts"
"""What every CAPTCHA asks for in tests with `easy_captcha`."""

PICTURE = (
    "       #                              #               ",
    "      ###                    ###     ####             ",
    "      ###   #  #    ### #########   #######           ",
    "      ###   ## ##   ### ###### #   ###  ###           ",
    "      ###   ## ##   ###    ##      ##                 ",
    "      #### ##  ##   ###    ##      ###                ",
    "      #### ##  ##   ###########################       ",
    "      #### ## #########    ##       ####       #######",
    "      #  ##### ######## #  ##        ####             ",
    "     ########  ########    ##         ###             ",
    " #### #  ####  ###   ##   ###          ###            ",
    "#     #  ####  ##    ##   ###           ##            ",
    "     ##   ###  ##    ##   ####    #    ###            ",
    "     ##   ###  ##    ##   ###     #######             ",
    "      #   ###  ##    ##   ###     #######            #",
    "          ###  ### # ##    #         ###              ",
    "                #                                     ",
    "                    #                                 ",
)
"""How it is drawn: one that was made as all are."""
