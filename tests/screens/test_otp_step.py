"""The OTP step: six digits or a recovery code, and nothing else opens the door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from screens.widgets.form import CodeField
from tests.screens.driving import Terminal, open_terminal
from tests.support.console import Console, Person
from tui_admin.errors import SignInExpiredError
from tui_admin.flows import sign_in
from tui_admin.models import Attempt, HalfSignIn

SIX = "The OTP password is six digits."


@asynccontextmanager
async def at_the_step(console: Console, person: Person) -> AsyncIterator[Terminal]:
    """A terminal on which the password was accepted."""
    async with open_terminal(console) as terminal:
        await terminal.type(person.name, "tab", *person.password, "enter")
        terminal.at("OtpScreen")
        yield terminal


def code_shown(terminal: Terminal) -> str:
    """What stands in the code field."""
    return terminal.app.screen.query_one(CodeField).value


async def test_the_sixth_digit_submits(console: Console) -> None:
    """S1: nothing more is pressed, and the five before do nothing yet."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        code = alice.code()
        await terminal.type(code[:5])
        terminal.at("OtpScreen")
        assert code_shown(terminal) == code[:5]
        await terminal.type(code[5])
        terminal.at("PanelScreen")


@pytest.mark.parametrize("form", [" {}-{} ", "{}\u00a0{}\n"])
async def test_a_code_is_pasted_as_people_copy_it(console: Console, form: str) -> None:
    """S3: spaces, dashes and line ends around the digits are taken for what they are."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        code = alice.code()
        await terminal.paste(form.format(code[:3], code[3:]))
        terminal.at("PanelScreen")


async def test_what_is_not_six_ascii_digits_is_refused_and_costs_nothing(
    console: Console,
) -> None:
    """S3: a sentence says what a code is; no try is counted, and the step stays."""
    alice = await console.customer("alice", otp=True)
    full_width, arabic = "\uff11\uff12\uff13\uff14\uff15\uff16", "١٢٣٤٥٦"
    async with at_the_step(console, alice) as terminal:
        for pasted in ("12345", "1234567", full_width, arabic, "", "12345a", "²²²²²²"):
            terminal.app.screen.notice.say("")  # type: ignore[attr-defined]
            await terminal.paste(pasted)
            terminal.at("OtpScreen")
            terminal.shows(SIX)
            assert code_shown(terminal) == ""
    assert await console.rows(Attempt) == []


async def test_typing_takes_digits_only(console: Console) -> None:
    """S3: letters and full-width digits leave no trace in the field; five and Enter are too few."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        for char in ("a", "\uff12", "٤", "²"):
            await terminal.type(char)
            terminal.shows(SIX)
            await terminal.type("1")
        await terminal.type(" - ")
        assert code_shown(terminal) == "1111"
        await terminal.press("backspace", "5", "6", "enter")
        terminal.at("OtpScreen")
        terminal.shows(SIX)
    assert await console.rows(Attempt) == []


async def test_digits_in_one_burst_are_rubbed_out_in_their_order(console: Console) -> None:
    """Type-ahead: the digit before a Backspace goes, not the one after it."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        code = alice.code()
        await terminal.burst(
            "9", "backspace", *"99", "ctrl+u", *code[:3], "7", "backspace", *code[3:]
        )
        terminal.at("PanelScreen")


async def test_a_wrong_code_empties_the_field_and_says_no_more_than_no(console: Console) -> None:
    """S11: at a sign-in nothing tells whether the code fits another time."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        for code in (alice.wrong_code(), alice.code(-300), alice.code(+30)):
            await terminal.type(code)
            terminal.at("OtpScreen")
            terminal.shows("The OTP password is not right.")
            terminal.hides("clock")
            assert code_shown(terminal) == "" and terminal.focused == "code"
        await terminal.type(alice.code())
        terminal.at("PanelScreen")


async def test_a_code_that_was_used_is_refused_and_the_wait_is_named(console: Console) -> None:
    """S1: the same code a second time, in a new sign-in within its step; the next one works."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        code = alice.code()
        await terminal.type(code)
        await terminal.press("f10")
        await terminal.button("Log out")
        terminal.at("SignInScreen")
        await terminal.type("alice", "tab", *alice.password, "enter")
        await terminal.turn(18)
        await terminal.type(code)
        terminal.at("OtpScreen")
        terminal.shows("This code was already used; wait for the next one, 12 s.")
        await terminal.turn(12)
        await terminal.type(alice.code())
        terminal.at("PanelScreen")


async def test_the_countdown_is_that_of_the_servers_step(console: Console) -> None:
    """The seconds left of the present step stand beside the field; it starts over at its end."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        terminal.shows("30 s ▓▓▓▓▓▓")
        await terminal.turn(12)
        terminal.shows("18 s ▓▓▓▓░░")
        await terminal.turn(17)
        terminal.shows("1 s ▓░░░░░")
        await terminal.turn(1)
        terminal.shows("30 s ▓▓▓▓▓▓")


async def test_a_recovery_code_opens_the_door_once(console: Console) -> None:
    """`Use a recovery code` takes one in any usual form; the second time it is refused."""
    alice = await console.customer("alice", otp=True)
    recovery = alice.recovery_codes[3]
    async with at_the_step(console, alice) as terminal:
        await terminal.button("Use a recovery code")
        assert terminal.focused == "recovery"
        await terminal.type(recovery.lower().replace("-", " "), "enter")
        terminal.at("PanelScreen")
        terminal.shows("9 recovery codes left")
        await terminal.press("f10")
        await terminal.button("Log out")
        await terminal.type("alice", "tab", *alice.password, "enter")
        await terminal.button("Use a recovery code")
        await terminal.type(recovery, "enter")
        terminal.at("OtpScreen")
        terminal.shows("This recovery code is not right, or it was used before.")
        assert terminal.focused == "recovery"


async def test_what_is_no_recovery_code_costs_nothing(console: Console) -> None:
    """A form error beside the field, readable to its end, and no try is counted."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        await terminal.button("Use a recovery code")
        for typed in ("", "ABCDE", "ABCDE-1234", "ABCDE-123456", "0' OR 1=1--"):
            await terminal.press("ctrl+u")
            await terminal.type(typed)
            assert not typed or "like ABCDE-12345." not in terminal.text()
            await terminal.press("enter")
            terminal.at("OtpScreen")
            terminal.shows("like ABCDE-12345.")
    assert await console.rows(Attempt) == []


async def test_escape_goes_back_to_the_code_first_and_then_gives_up(console: Console) -> None:
    """The half-done sign-in is worth nothing once it was given up."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        half = terminal.app.screen._half.half  # type: ignore[attr-defined]
        await terminal.button("Use a recovery code")
        await terminal.press("escape")
        terminal.at("OtpScreen")
        assert terminal.focused == "code"
        await terminal.press("escape")
        terminal.at("SignInScreen")
        with pytest.raises(SignInExpiredError):
            await sign_in.code(console.ctx, terminal.app.visitor, half, alice.code())
    assert all(row.used_at for row in await console.rows(HalfSignIn))


async def test_a_step_that_took_too_long_starts_again_with_the_password(console: Console) -> None:
    """After five minutes even a right code leads back to the sign-in screen, with a sentence."""
    alice = await console.customer("alice", otp=True)
    async with at_the_step(console, alice) as terminal:
        await terminal.turn(301)
        await terminal.type(alice.code())
        terminal.at("SignInScreen")
        terminal.shows("This sign-in took too long. Please start again.")
        assert terminal.app.signed_in is None


async def test_five_misses_end_the_guessing(console: Console) -> None:
    """S8: the sixth code is not looked at, right as it is."""
    alice = await console.customer("alice", otp=True)
    await console.execute("UPDATE session SET started_at = '2020-01-01 00:00:00'")
    async with at_the_step(console, alice) as terminal:
        for _miss in range(5):
            await terminal.type(alice.wrong_code())
        await terminal.type(alice.code())
        terminal.at("OtpScreen")
        terminal.shows("Too many tries.")


async def test_blocked_codes_say_so_and_a_recovery_code_still_works(console: Console) -> None:
    """S8: after a hundred misses in a row codes are off until recovery."""
    alice = await console.customer("alice", otp=True)
    await console.execute("UPDATE account SET code_misses = 100")
    async with at_the_step(console, alice) as terminal:
        await terminal.type(alice.code())
        terminal.shows("OTP passwords are blocked after too many misses. Use a recovery code.")
        await terminal.button("Use a recovery code")
        await terminal.type(alice.recovery_codes[0], "enter")
        terminal.at("PanelScreen")
