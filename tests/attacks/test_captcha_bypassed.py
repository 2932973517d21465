"""One solved CAPTCHA, or one guess repeated, opens more than its one door.

A robot's owner solves a picture by hand once and sends the answer again and again, from two
terminals at once, for another request, or later. Or the robot guesses at one picture until it is
right.
"""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from tests.support.console import HOME, STRANGER, Console, attempt, kinds, outcomes
from tui_admin.errors import WrongCaptchaError
from tui_admin.flows import captcha
from tui_admin.flows.context import Context
from tui_admin.security.captcha import Captcha


@pytest.fixture(autouse=True)
def _known_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_admin.security.captcha.new_picture", lambda: Captcha("ac69", ("#",)))


async def shown(console: Console, subject: str) -> str:
    async with console.ctx.write(HOME) as tx:
        return (await captcha.show(console.ctx, tx, subject, as_question=False)).id


def send(ctx: Context, subject: str, id: str, typed: str = "ac69") -> Awaitable[None]:
    async def run() -> None:
        async with ctx.write(STRANGER) as tx:
            await captcha.spend(ctx, tx, subject, id, typed)

    return run()


async def test_a_solved_one_is_spent(console: Console) -> None:
    """The right answer opens once."""
    given = await shown(console, "recovery:1")
    assert await attempt(send(console.ctx, "recovery:1", given)) is None
    assert isinstance(await attempt(send(console.ctx, "recovery:1", given)), WrongCaptchaError)


async def test_a_missed_one_is_spent(console: Console) -> None:
    """There is no second guess at the same picture, not even a right one."""
    given = await shown(console, "recovery:1")
    assert isinstance(await attempt(send(console.ctx, "recovery:1", given, "x")), WrongCaptchaError)
    assert isinstance(await attempt(send(console.ctx, "recovery:1", given)), WrongCaptchaError)


@pytest.mark.parametrize("typed", ["", " ", "\u202e", "'", "ac69" * 100_000])
async def test_nothing_is_no_answer(console: Console, typed: str) -> None:
    """What cleans to nothing is a miss, and so is a megabyte that begins right."""
    given = await shown(console, "recovery:1")
    assert isinstance(
        await attempt(send(console.ctx, "recovery:1", given, typed)), WrongCaptchaError
    )


async def test_many_at_once_open_once(console: Console) -> None:
    """S9: the same right answer from twenty terminals in two processes: one is taken."""
    given = await shown(console, "recovery:1")
    other = await console.second_process()
    sent = [send(ctx, "recovery:1", given) for ctx in (console.ctx, other) * 10]
    assert kinds(await outcomes(sent)) == {"NoneType": 1, "WrongCaptchaError": 19}


async def test_one_for_another_request_opens_nothing_and_is_left(console: Console) -> None:
    """S30: what was shown for one request is no good for another, and nobody spends it there."""
    mine = await shown(console, "recovery:1")
    await shown(console, "recovery:2")
    assert isinstance(await attempt(send(console.ctx, "recovery:2", mine)), WrongCaptchaError)
    assert await attempt(send(console.ctx, "recovery:1", mine)) is None


async def test_one_that_was_replaced_opens_nothing(console: Console) -> None:
    """Asking for pictures until there is an easy one leaves one that is good, the last."""
    first = await shown(console, "recovery:1")
    last = await shown(console, "recovery:1")
    assert isinstance(await attempt(send(console.ctx, "recovery:1", first)), WrongCaptchaError)
    assert await attempt(send(console.ctx, "recovery:1", last)) is None


@pytest.mark.parametrize("id", ["", "0" * 32, "' OR 1=1 --", "\x00", "\ud800"])
async def test_one_that_never_was_opens_nothing(console: Console, id: str) -> None:
    """S29: ids that no CAPTCHA has are a miss and no crash."""
    await shown(console, "recovery:1")
    assert isinstance(await attempt(send(console.ctx, "recovery:1", id)), WrongCaptchaError)
