"""The sign-in screen: one form, and one answer for everything that is wrong with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual import events

from screens.widgets.text_field import REVEAL_S
from tests.screens.driving import Terminal, open_terminal
from tests.support.console import HOME, PASSWORD, STRANGER, Console
from tui_admin.flows import accounts
from tui_admin.models import Attempt, HalfSignIn, Session
from tui_admin.security.passwords import HashCost, Passwords

WRONG = "The username or the password is not right."


class Gate(Passwords):
    """The hasher, held up until it is let go on; for a look at what is shown meanwhile."""

    def __init__(self) -> None:
        super().__init__(HashCost(1, 8 * 1024, 1), workers=1)
        self.open = asyncio.Event()
        self.checks = 0

    async def check(self, password: str, stored: str | None) -> str | None:
        self.checks += 1
        await self.open.wait()
        return await super().check(password, stored)


async def test_the_password_alone_opens_an_account_without_otp(console: Console) -> None:
    """Name and password lead to Account Security, and nothing of them stays in the form."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        terminal.shows(
            "Customer \u203a Account Security", "Two-Factor Authentication (OTP)", "alice"
        )
        sign_in = terminal.app.screen_stack[0]
        assert [field.value for field in sign_in.query("TextField").results()] == ["", ""]  # type: ignore[attr-defined]
    assert len(await console.rows(Session)) == 1


async def test_the_email_address_works_too(console: Console) -> None:
    """Where the username is asked for, the e-mail address is taken, in any case of letters."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.type(alice.email.upper(), "tab", *alice.password, "enter")
        terminal.at("PanelScreen")


async def test_an_account_with_otp_is_asked_for_its_code(console: Console) -> None:
    """The password of an account with OTP opens nothing but the OTP step."""
    alice = await console.customer("alice", otp=True)
    sessions = len(await console.rows(Session))
    async with open_terminal(console) as terminal:
        await terminal.type("alice", "tab", *alice.password, "enter")
        terminal.at("OtpScreen")
        terminal.shows("Enter the OTP password from your device")
        assert terminal.app.signed_in is None
    assert len(await console.rows(Session)) == sessions


@pytest.mark.parametrize(
    ("typed", "sentence", "focus"),
    [
        (("enter", "enter"), "Please type your username or e-mail address.", "username"),
        (("a", "enter", "enter"), "Please type your password.", "password"),
        (("tab", "x", "enter"), "Please type your username or e-mail address.", "username"),
    ],
)
async def test_empty_fields_are_named_and_cost_nothing(
    console: Console, typed: tuple[str, ...], sentence: str, focus: str
) -> None:
    """The sentence stands beside the empty field, the focus is there, and no try is counted."""
    async with open_terminal(console) as terminal:
        await terminal.press(*typed)
        terminal.shows(sentence)
        assert terminal.focused == focus
    assert await console.rows(Attempt) == []


async def refused(console: Console, name: str, password: str) -> str:
    """What a terminal shows after a refused sign-in, the typed name taken out, and the focus."""
    async with open_terminal(console, visitor=STRANGER) as terminal:
        await terminal.type(name, "tab", *password, "enter")
        terminal.at("SignInScreen")
        assert terminal.field("password") == ""
        assert terminal.focused == "password"
        return terminal.text().replace(name, " " * len(name))


async def test_unknown_wrong_and_locked_look_alike(console: Console) -> None:
    """S11: the whole screen is the same, whichever of the three it was; right password or not."""
    await console.customer("alice")
    await console.customer("carol", otp=True)
    await console.customer("locked")
    await accounts.lock(console.ctx, "locked")
    shown = {
        await refused(console, "alice", "wrong horse 7 staple"),
        await refused(console, "carol", "wrong horse 7 staple"),
        await refused(console, "locked", PASSWORD),
        await refused(console, "locked", "wrong horse 7 staple"),
        await refused(console, "nobody", "wrong horse 7 staple"),
    }
    assert len(shown) == 1
    assert WRONG in shown.pop()


async def test_limited_looks_alike_for_a_name_that_does_not_exist(console: Console) -> None:
    """S8, S11: the fifth miss is the last that is looked at, for an account and for no account."""
    await console.customer("alice")
    shown = []
    for name in ("alice", "nobody"):
        for _miss in range(5):
            assert WRONG in await refused(console, name, "wrong horse 7 staple")
        async with open_terminal(console, visitor=STRANGER) as terminal:
            await terminal.type(name, "tab", *PASSWORD, "enter")
            terminal.at("SignInScreen")
            terminal.shows("Too many tries. The next one is possible in 5 min.")
            shown.append(terminal.text().replace(name, " " * len(name)))
        console.clock.turn(301)
    assert shown[0] == shown[1]


async def test_while_the_hash_is_computed_the_screen_says_so(console: Console) -> None:
    """A slow step is told of, keys still work meanwhile, and the sentence goes with it."""
    await console.customer("alice")
    gate = Gate()
    async with open_terminal(console, context=replace(console.ctx, passwords=gate)) as terminal:
        await terminal.pilot.press(*"alice", "tab", *"wrong", "enter")
        await terminal.pilot.pause()
        assert "Checking…" in terminal.text()
        await terminal.pilot.press("f1")
        await terminal.pilot.pause()
        terminal.at("HelpScreen")
        await terminal.pilot.press("escape")
        gate.open.set()
        await terminal.settle()
        terminal.hides("Checking…")
        terminal.shows(WRONG)
    gate.close()


async def test_a_second_enter_while_one_is_checked_is_ignored(console: Console) -> None:
    """A double press counts one try and hashes once."""
    await console.customer("alice")
    gate = Gate()
    async with open_terminal(console, context=replace(console.ctx, passwords=gate)) as terminal:
        await terminal.pilot.press(*"alice", "tab", *"wrong")
        await terminal.pilot.press("enter", "enter", "enter")
        await terminal.pilot.pause()
        gate.open.set()
        await terminal.settle()
        terminal.shows(WRONG)
    gate.close()
    assert gate.checks == 1
    assert len(await console.rows(Attempt)) == 1


def watch_username(terminal: Terminal) -> list[str]:
    """Collect every text that the username field shows from now on."""
    seen: list[str] = []

    def note(text: str) -> None:
        seen.append(text)

    field = terminal.app.screen.query_one("#username")
    terminal.app.screen.watch(field, "value", note, init=False)
    return seen


@pytest.mark.parametrize("between", ["tab", "enter"])
async def test_keys_in_one_burst_never_put_the_password_into_the_name(
    console: Console, between: str
) -> None:
    """Who types ahead of the screen has each letter where it belongs: a name is shown in clear."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        seen = watch_username(terminal)
        await terminal.burst(*"alice", between, *alice.password, "enter")
        terminal.at("PanelScreen")
    assert {text for text in seen if text} == {"alice"[:end] for end in range(1, 6)}


async def test_keys_in_one_burst_are_obeyed_in_their_order(console: Console) -> None:
    """Backspace and Ctrl+U rub out what stands before them, not what was typed after them."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.burst(*"wrong", "ctrl+u", *"alicx", "backspace", *"e", "tab")
        assert terminal.field("username") == "alice"
        await terminal.burst(*"zz", "home", "delete", "delete", *alice.password, "enter", *"123456")
        # What is typed after Enter does not go into the password that was sent.
        terminal.at("PanelScreen")


async def test_a_burst_before_storage_is_open_is_not_lost(console: Console) -> None:
    """The first frame does not wait for storage, and what is typed on it is kept until it is."""
    alice = await console.customer("alice")
    go = asyncio.Event()

    async def slow() -> object:
        await go.wait()
        return console.ctx

    async with open_terminal(console, open_context=slow, wait=False) as terminal:  # type: ignore[arg-type]
        await terminal.pilot.press(*"alice", "tab", *alice.password, "enter")
        await terminal.pilot.pause()
        assert "Starting…" in terminal.text()
        go.set()
        await terminal.settle()
        terminal.at("PanelScreen")


async def test_who_clears_the_form_meanwhile_is_not_signed_in(console: Console) -> None:
    """A right password whose sender has pressed Esc opens nothing, and leaves no session behind."""
    await console.customer("alice")
    await console.customer("bob", otp=True)
    await console.execute("DELETE FROM session")
    gate = Gate()
    async with open_terminal(console, context=replace(console.ctx, passwords=gate)) as terminal:
        for name in ("alice", "bob"):
            gate.open.clear()
            await terminal.pilot.press(*name, "tab")
            terminal.app.post_message(events.Paste(PASSWORD))
            await terminal.pilot.press("enter", "escape")
            gate.open.set()
            await terminal.settle()
            terminal.at("SignInScreen")
            assert terminal.app.signed_in is None
    gate.close()
    assert all(row.ended_at for row in await console.rows(Session))
    assert all(row.used_at for row in await console.rows(HalfSignIn))


async def test_the_next_person_finds_nothing_of_the_last_one(console: Console) -> None:
    """After signing out, theme and clipboard are those of the terminal again."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.press("f4", "f4")
        assert terminal.app.theme == "high-contrast"
        terminal.app.copy_to_clipboard("hers")
        await terminal.press("f10")
        await terminal.button("Log out")
        assert terminal.app.theme == "calm-dark"
        assert terminal.app.clipboard == ""


async def test_the_password_is_dots_until_it_is_revealed(console: Console) -> None:
    """F3 shows it for a moment; F3 again, or leaving the field, hides it."""
    assert REVEAL_S <= 10
    async with open_terminal(console) as terminal:
        await terminal.type("alice", "tab", *"secret-7")
        terminal.hides("secret-7")
        terminal.shows("••••••••")
        await terminal.press("f3")
        terminal.shows("secret-7")
        await terminal.press("f3")
        terminal.hides("secret-7")
        await terminal.press("f3", "shift+tab")
        terminal.hides("secret-7")


async def test_escape_empties_the_form(console: Console) -> None:
    """Nothing typed stays for the next person."""
    async with open_terminal(console) as terminal:
        await terminal.type("alice", "tab", *"secret", "escape")
        assert (terminal.field("username"), terminal.field("password")) == ("", "")
        assert terminal.focused == "username"


async def test_logging_out_ends_the_session_and_empties_the_screen(console: Console) -> None:
    """After `Log out` the session's row is closed and the sign-in screen says so."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.press("f10")
        terminal.shows("End this session?")
        assert terminal.focused == "no"
        await terminal.press("enter")
        terminal.at("PanelScreen")
        await terminal.press("f10")
        await terminal.button("Log out")
        terminal.at("SignInScreen")
        terminal.shows("Signed out.")
        terminal.hides("alice")
    (session,) = await console.rows(Session)
    assert session.end_reason == "signed_out"


async def test_a_half_done_sign_in_belongs_to_its_own_visitor(console: Console) -> None:
    """The row of a half-done sign-in names where it came from."""
    alice = await console.customer("alice", otp=True)
    async with open_terminal(console, visitor=HOME) as terminal:
        await terminal.type("alice", "tab", *alice.password, "enter")
        terminal.at("OtpScreen")
    halves = await console.rows(HalfSignIn)
    assert [half.address for half in halves] == [HOME.address]
