"""Draws the pictures of the documentation from the real console: `make screenshots`.

Each picture is an SVG that Textual exports of the demo, driven by keys as a person would.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from screens.app import ConsoleApp
from screens.demo_phone import PhoneOfDemo
from screens.terminal import TerminalAbilities
from tui_admin.demo import ACCOUNTS, Demo
from tui_admin.flows.answers import Visitor

FOLDER = Path(__file__).parent / "pictures"
CUSTOMER, SECURED = ACCOUNTS


async def sign_in(pilot: Pilot[None], email: str) -> None:
    """Type name and password and wait for the answer."""
    await pilot.press(*email, "tab", *ACCOUNTS[email], "enter")
    await settle(pilot)


async def settle(pilot: Pilot[None]) -> None:
    """Wait until no flow is under way."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def first(pilot: Pilot[None]) -> None:
    """The sign-in screen."""


async def otp(pilot: Pilot[None]) -> None:
    """The OTP step."""
    await sign_in(pilot, SECURED)


async def phone(pilot: Pilot[None]) -> None:
    """The OTP step with the demo's phone beside it."""
    await sign_in(pilot, SECURED)
    await pilot.press("f2")


async def secured(pilot: Pilot[None]) -> None:
    """Account Security of an account with OTP."""
    await phone(pilot)
    await pilot.click("#phone-entries ActionButton")
    await settle(pilot)


async def account_security(pilot: Pilot[None]) -> None:
    """Account Security before OTP is set."""
    await sign_in(pilot, CUSTOMER)


async def basic_settings(pilot: Pilot[None]) -> None:
    """Basic Settings."""
    await sign_in(pilot, CUSTOMER)
    await pilot.press("escape", "up", "enter")
    await settle(pilot)


async def activation(pilot: Pilot[None]) -> None:
    """Set OTP."""
    await sign_in(pilot, CUSTOMER)
    await pilot.click("#set-otp")
    await settle(pilot)


async def disable(pilot: Pilot[None]) -> None:
    """The dialog that switches OTP off."""
    await secured(pilot)
    await pilot.click("#disable")
    await settle(pilot)


async def codes(pilot: Pilot[None]) -> None:
    """The recovery codes after activation, done with the demo's phone."""
    await activation(pilot)
    await pilot.press("f2")
    await pilot.click("#phone-scan")
    await pilot.press("f2")
    await pilot.click("#password")
    await pilot.press(*ACCOUNTS[CUSTOMER])
    await pilot.press("f2")
    await pilot.pause()
    buttons = pilot.app.screen.query("#phone-entries ActionButton")
    buttons.last().action_press()  # type: ignore[attr-defined]
    await settle(pilot)


async def contact_form(pilot: Pilot[None]) -> None:
    """The contact form, filled in."""
    await pilot.click("#contact")
    await settle(pilot)
    story = "My phone was stolen on the train, and my mailbox wants a code from it. What now?"
    await pilot.press(*CUSTOMER, "tab", *"+420 777 888 999", "tab", *story)


async def contact_form_signed_in(pilot: Pilot[None]) -> None:
    """The contact form from the panel."""
    await sign_in(pilot, CUSTOMER)
    await pilot.press("escape", "end", "enter")
    await settle(pilot)


async def case_opened(pilot: Pilot[None]) -> None:
    """Number and PIN of a case."""
    await contact_form(pilot)
    await pilot.press("tab", "enter")
    await settle(pilot)


async def case_state(pilot: Pilot[None]) -> None:
    """How a case stands."""
    await case_opened(pilot)
    shown = [
        str(pilot.app.screen.query_one(place).render()) for place in ("#case-number", "#case-pin")
    ]
    await pilot.press("enter", "enter", "tab", "tab", "tab", "tab", "enter")
    await pilot.press(*shown[0], "tab", *shown[1], "enter")
    await settle(pilot)


async def lost_device(pilot: Pilot[None]) -> None:
    """The wizard of a lost device, its e-mail delivered."""
    await sign_in(pilot, SECURED)
    await pilot.click("#lost")
    await until(pilot, lambda: bool(phone_of(pilot).inbox.mails()))


async def mail(pilot: Pilot[None]) -> None:
    """The phone's list of mails."""
    await lost_device(pilot)
    await pilot.press("f2")
    await pilot.click("PhoneTabs", offset=(17, 0))


async def letter(pilot: Pilot[None]) -> None:
    """A mail that is open."""
    await mail(pilot)
    await pilot.click("#phone-mails", offset=(5, 1))
    await settle(pilot)


async def captcha(pilot: Pilot[None]) -> None:
    """The last step of the wizard."""
    await lost_device(pilot)
    link = phone_of(pilot).inbox.mails()[0].tokens[0]
    await console(pilot).follow_link(link)
    await settle(pilot)
    await pilot.click("#send-sms")
    await until(pilot, lambda: bool(phone_of(pilot).inbox.sms()))


async def sms(pilot: Pilot[None]) -> None:
    """The phone's SMS."""
    await captcha(pilot)
    await pilot.press("f2")
    await pilot.click("PhoneTabs", offset=(25, 0))


def console(pilot: Pilot[None]) -> ConsoleApp:
    assert isinstance(pilot.app, ConsoleApp)
    return pilot.app


def phone_of(pilot: Pilot[None]) -> PhoneOfDemo:
    demo = console(pilot).demo
    assert demo is not None
    return demo.phone


async def until(pilot: Pilot[None], happened: Callable[[], bool]) -> None:
    """Wait for something to arrive, ten seconds at most."""
    for _look in range(100):
        await settle(pilot)
        if happened():
            return
        await asyncio.sleep(0.1)
    raise TimeoutError


async def help_screen(pilot: Pilot[None]) -> None:
    """The help."""
    await pilot.press("f1")


STEPS: dict[str, Callable[[Pilot[None]], Awaitable[None]]] = {
    "sign-in": first,
    "otp": otp,
    "phone": phone,
    "secured": secured,
    "account-security": account_security,
    "basic-settings": basic_settings,
    "activation": activation,
    "disable": disable,
    "recovery-codes": codes,
    "contact-form": contact_form,
    "contact-form-signed-in": contact_form_signed_in,
    "case-opened": case_opened,
    "case-state": case_state,
    "lost-device": lost_device,
    "captcha": captcha,
    "mail": mail,
    "letter": letter,
    "sms": sms,
    "help": help_screen,
}
PICTURES = {
    "activation": (100, 30),
    "letter": (120, 30),
    "secured": (100, 30),
    "sign-in": (80, 24),
}
"""What the documentation shows, and how large."""


async def draw(name: str, size: tuple[int, int], theme: str = "calm-dark") -> str:
    """Return the SVG of one picture."""
    with Demo(kiosk=False) as demo:
        app = ConsoleApp(
            demo.open_context,
            visitor=Visitor("local", "xterm-256color"),
            abilities=TerminalAbilities(blocks=True, quadrants=True, colours=256),
            demo=demo,
        )
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            app.theme = theme
            await STEPS[name](pilot)
            await settle(pilot)
            # The picture must not change where the console did not.
            svg = re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title="tui-admin"))
            # Some viewers drop spaces at the start of a line, and with them the QR code's shape.
            svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
        await app.close_context()
    return svg


def main() -> None:
    """Draw the documentation's pictures, or those named: `NAME[:COLUMNSxROWS[:THEME]] FOLDER`."""
    if len(sys.argv) == 1:
        FOLDER.mkdir(exist_ok=True)
        for name, size in PICTURES.items():
            (FOLDER / f"{name}.svg").write_text(asyncio.run(draw(name, size)), "utf-8")
        return
    *wanted, folder = sys.argv[1:]
    for item in wanted:
        name, grid, theme = (item.split(":") + ["80x24", "calm-dark"][item.count(":") :])[:3]
        columns, rows = (int(number) for number in grid.split("x"))
        svg = asyncio.run(draw(name, (columns, rows), theme))
        (Path(folder) / f"{name}-{grid}-{theme}.svg").write_text(svg, "utf-8")


main()
