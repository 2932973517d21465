"""A session ends by its times, by the operator, or elsewhere; the terminal notices and says why."""

from __future__ import annotations

import asyncio

import pytest

from tests.screens.driving import Hint, open_terminal
from tests.support.console import HOME, Console
from tui_admin.config import SessionSettings
from tui_admin.flows import accounts, sessions, sign_in
from tui_admin.flows.answers import SignedIn
from tui_admin.models import Session
from tui_admin.wiring import open_context

NEXT_KEY = pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("ended", "You were signed out. Please sign in again."),
        ("security", "You were signed out because the security settings were changed."),
    ],
)


@NEXT_KEY
async def test_a_session_that_was_ended_is_over_with_the_next_key(
    console: Console, reason: str, sentence: str
) -> None:
    """S22: whatever screen is up, the next key leads to the sign-in screen, which says why."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        terminal.at("ActivationScreen")
        await terminal.press("f1")
        terminal.at("HelpScreen")
        await console.execute(
            "UPDATE session SET ended_at = started_at, end_reason = :reason", reason=reason
        )
        await terminal.turn(2)
        terminal.at("HelpScreen")
        await terminal.press("down")
        terminal.at("SignInScreen")
        terminal.shows(sentence)
        assert terminal.app.signed_in is None
        # And the console can be used again at once.
        await terminal.sign_in(alice)


async def test_a_locked_account_is_out_with_the_next_click(console: Console) -> None:
    """S22: the mouse notices as the keyboard does."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await accounts.lock(console.ctx, "alice")
        await terminal.turn(2)
        await terminal.click("Active Sessions")
        terminal.at("SignInScreen")
        terminal.shows("You were signed out by the operator.")


async def test_the_longest_time_of_a_session(console: Console) -> None:
    """S21: twelve hours after the sign-in it is over, however busy the person was."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        for _quarter in range(48):
            console.clock.turn(14 * 60 + 59)
            # What a key press does in the database, without drawing anything.
            await sessions.check(console.ctx, HOME, terminal.app.token)
        await terminal.press("f1", "escape")
        terminal.at("PanelScreen")
        console.clock.turn(60)
        await terminal.press("down")
        terminal.at("SignInScreen")
        terminal.shows("You were signed out because the session reached its longest time.")


async def test_an_idle_terminal_warns_and_then_signs_out(console: Console) -> None:
    """S21: a minute before the 15 are over it says so, a key keeps the session, silence ends it."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.turn(14 * 60 + 1)
        await terminal.ring()
        terminal.shows("You will be signed out in a minute. Press any key to stay.")
        await terminal.press("down")
        terminal.hides("You will be signed out")
        await terminal.turn(30)
        await terminal.ring()
        terminal.at("PanelScreen")
        # The warning is seen where a dialog is up, too.
        await terminal.press("f10")
        await terminal.turn(14 * 60 + 1)
        await terminal.ring()
        terminal.at("QuestionDialog")
        terminal.shows("You will be signed out in a minute. Press any key to stay.")
        await terminal.turn(60)
        await terminal.ring()
        terminal.at("SignInScreen")
        terminal.shows("You were signed out because nothing was typed for a while.")
        (session,) = await console.rows(Session)
        assert session.end_reason == "idle"


async def test_an_idle_sign_out_takes_what_is_on_the_screen_away(console: Console) -> None:
    """S21: a shared key or dialog does not stay for whoever comes by."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        await terminal.type("secret")
        await terminal.turn(15 * 60 + 1)
        await terminal.ring()
        terminal.at("SignInScreen")
        assert len(terminal.app.screen_stack) == 1
        terminal.hides("alice")


async def test_nobody_signed_in_is_not_signed_out(console: Console) -> None:
    """The idle timer of the sign-in screen says nothing and goes on."""
    async with open_terminal(console) as terminal:
        before = terminal.text()
        await terminal.turn(15 * 60 + 1)
        await terminal.ring()
        assert terminal.text() == before
        assert terminal.app.attendance.timer is not None


async def test_a_kiosk_gives_the_next_person_everything_as_it_was(console: Console) -> None:
    """S21: ninety idle seconds end the session, empty the form, and open fresh storage."""
    alice = await console.customer("alice")
    settings = console.settings.model_copy(update={"sessions": SessionSettings(idle_s=90)})
    opened = []

    async def fresh() -> object:
        opened.append(await open_context(settings, console.clock))
        return opened[-1]

    async with open_terminal(
        console,
        open_context=fresh,  # type: ignore[arg-type]
        kiosk=True,
        demo=Hint(),
    ) as terminal:
        first_look = terminal.text()
        await terminal.sign_in(alice)
        await terminal.press("f4")
        await terminal.turn(61)
        await terminal.ring()
        terminal.shows("You will be signed out in a minute.")
        await terminal.turn(30)
        await terminal.ring()
        terminal.at("SignInScreen")
        assert terminal.app.theme == "calm-dark"
        assert len(opened) == 2
        await terminal.press("f2")
        terminal.shows("Demo phone")
        terminal.app.screen.query_one("#username").focus()
        await terminal.type("somebody", "tab", *"half a password")
        await terminal.turn(90)
        await terminal.ring()
        assert terminal.text() == first_look
        assert len(opened) == 3
        # The new storage is used, and the old one is closed.
        await terminal.sign_in(alice)
        await terminal.app.close_context()


async def test_what_is_announced_stands_on_every_screen(console: Console) -> None:
    """Whoever works on while the server drains does not forget it: it is said again wherever there
    is nothing else to say, and as it is by then."""
    left = iter(range(30, 0, -1))
    async with open_terminal(console) as terminal:
        terminal.app.call_later(terminal.app.announce, lambda: f"{next(left)} s are left.")
        await terminal.settle()
        terminal.shows("30 s are left.")
        await terminal.type("nobody", "tab", *"wrong", "enter")
        terminal.shows("not right")
        terminal.hides("are left.")
        await terminal.button("I cannot reach my e-mail or phone")
        terminal.shows("s are left.")
        terminal.hides("30 s")


@pytest.mark.parametrize("turns", [0, 1, 2, 4, 8, 16, 32, 64, 128])
@pytest.mark.parametrize("leaves", [True, False], ids=["leaves", "signed_out"])
async def test_a_session_that_ends_while_its_panel_opens(
    console: Console, leaves: bool, turns: int, caplog: pytest.LogCaptureFixture
) -> None:
    """S22, T12: at whichever moment it ends, by its time or with the terminal, it is no fault."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        answer = await sign_in.password(console.ctx, HOME, alice.name, alice.password)
        assert isinstance(answer, SignedIn)
        terminal.app.begin_session(answer)
        for _turn in range(turns):
            await asyncio.sleep(0)
        if leaves:
            terminal.app.exit()
        else:
            terminal.app.session_over("You were signed out.")
        await terminal.settle()
        if not leaves:
            terminal.at("SignInScreen")
            terminal.shows("You were signed out.")
        assert terminal.app.exit_error is None
    assert "fault" not in caplog.text
