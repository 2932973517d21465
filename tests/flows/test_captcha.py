"""CAPTCHAs: what is shown, what an answer is good for, and how many there are."""

from __future__ import annotations

import pytest

from tests.support.console import HOME, Console, attempt
from tui_admin.errors import LimitedError, WrongCaptchaError
from tui_admin.flows import captcha
from tui_admin.flows.answers import CaptchaView, Visitor
from tui_admin.models import CaptchaChallenge
from tui_admin.security.captcha import Captcha

SUBJECT = "recovery:1"


@pytest.fixture(autouse=True)
def _known_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answers are known to the test: `ac69` is drawn, `stone` is asked for."""
    monkeypatch.setattr(
        "tui_admin.security.captcha.new_picture", lambda: Captcha("ac69", picture=("# ", " #"))
    )
    monkeypatch.setattr(
        "tui_admin.security.captcha.new_question", lambda: Captcha("stone", question="Which?")
    )


async def show(
    console: Console, subject: str = SUBJECT, visitor: Visitor = HOME, *, as_question: bool = False
) -> CaptchaView:
    async with console.ctx.write(visitor) as tx:
        return await captcha.show(console.ctx, tx, subject, as_question=as_question)


async def spend(console: Console, shown: CaptchaView, typed: str, subject: str = SUBJECT) -> object:
    async def run() -> None:
        async with console.ctx.write(HOME) as tx:
            await captcha.spend(console.ctx, tx, subject, shown.id, typed)

    return await attempt(run())


async def test_a_picture_is_shown_and_solved(console: Console) -> None:
    """What leaves the flow is the picture, and the answer is taken as people type it."""
    shown = await show(console)
    assert (shown.picture, shown.question) == (("# ", " #"), "")
    assert await spend(console, shown, " AC 69 ") is None


async def test_a_question_is_the_other_way(console: Console) -> None:
    """It has words and no picture, and guards the same thing."""
    shown = await show(console, as_question=True)
    assert (shown.picture, shown.question) == ((), "Which?")
    assert await spend(console, shown, "Stone") is None


async def test_the_answer_stays_behind(console: Console) -> None:
    """Neither what is shown nor what is stored or audited tells the answer."""
    shown = await show(console)
    await spend(console, shown, "wrong")
    rows = await console.rows(CaptchaChallenge) + await console.audit()
    assert "ac69" not in repr(shown) + repr(rows)


async def test_a_miss_says_so_and_asks_for_a_new_one(console: Console) -> None:
    """The sentence announces another CAPTCHA, and the miss is in the audit log."""
    error = await spend(console, await show(console), "wrong")
    assert isinstance(error, WrongCaptchaError)
    assert "new one" in error.sentence
    assert (await console.events())[-1] == "captcha.missed"


async def test_it_is_good_for_ten_minutes(console: Console) -> None:
    """One second less than its life is in time; its whole life is too old, in either direction."""
    shown = await show(console)
    console.clock.turn(599)
    assert await spend(console, shown, "ac69") is None
    for turn in (600, -600):
        shown = await show(console)
        console.clock.turn(turn)
        assert isinstance(await spend(console, shown, "ac69"), WrongCaptchaError)


async def test_what_nobody_answered_does_not_pile_up(console: Console) -> None:
    """A new one takes the place of the one before; those too old go with the next."""
    await show(console)
    await show(console)
    assert len(await console.rows(CaptchaChallenge)) == 1
    await show(console, "recovery:2")
    console.clock.turn(601)
    await show(console, "recovery:3")
    assert [row.subject for row in await console.rows(CaptchaChallenge)] == ["recovery:3"]


async def test_an_address_gets_sixty_an_hour(console: Console) -> None:
    """The quota is the address's, whatever they guard; afterwards it says when."""
    for number in range(60):
        await show(console, f"recovery:{number}")
    error = await attempt(show(console))
    assert isinstance(error, LimitedError)
    assert 0 < error.retry_after_s <= 3601
    await show(console, visitor=Visitor("203.0.113.9"))
    console.clock.turn(error.retry_after_s)
    await show(console)


async def test_the_library_is_loaded_beforehand(console: Console) -> None:
    """`prepare` may be called any number of times."""
    await captcha.prepare()
    await captcha.prepare()
