"""Account Security: keys shown, devices added, renamed, removed, OTP disabled, sessions ended."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from screens.widgets.action_button import ActionButton
from screens.widgets.countdown import Countdown
from tests.screens.driving import Terminal, open_terminal, shown_key, shown_uri
from tests.support.console import HOME, STRANGER, Console, Person, oath
from tui_admin.errors import SessionEndedError
from tui_admin.flows import sessions
from tui_admin.flows.answers import NeedsCode
from tui_admin.flows.context import Context
from tui_admin.models import Attempt, Device, Letter, Session


@asynccontextmanager
async def at_the_panel(
    console: Console, person: Person, context: Context | None = None
) -> AsyncIterator[Terminal]:
    """A terminal with the panel of a signed-in person, its code spent half a minute ago."""
    async with open_terminal(console, context=context) as terminal:
        await terminal.sign_in(person)
        await terminal.turn(30)
        yield terminal


async def test_showing_the_key_asks_for_password_and_code_again(console: Console) -> None:
    """S7: a live session alone shows nothing; then text and QR code hold the very same key."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        await terminal.button("Show shared key")
        terminal.at("ConfirmIdentityDialog")
        terminal.hides(alice.key[:4] + " " + alice.key[4:8])
        await terminal.type("wrong horse 7 staple", "enter", *alice.code())
        terminal.at("ConfirmIdentityDialog")
        terminal.shows("The account password is not right.")
        assert terminal.focused == "password" and terminal.field("password") == ""
        # The code was not looked at, so it is not spent.
        await terminal.type(alice.password, "enter", "enter")
        terminal.at("ShowKeyScreen")
        assert shown_key(terminal) == alice.key
        assert shown_uri(terminal) == (
            f"otpauth://totp/alice?secret={alice.key}&issuer=WEDOS%20Internet"
        )
        terminal.shows("Phone", "hides in 1:00")
        await terminal.press("enter")
        terminal.at("PanelScreen")


async def test_a_shown_key_hides_by_itself(console: Console) -> None:
    """After its time the panel is back and nothing of the key stands anywhere."""
    alice = await console.customer("alice", otp=True)
    context = console.with_settings(otp={"show_key_s": 12})
    async with at_the_panel(console, alice, context) as terminal:
        await terminal.button("Show shared key")
        await terminal.type(alice.password, "enter", *alice.code())
        terminal.at("ShowKeyScreen")
        await terminal.turn(11)
        terminal.at("ShowKeyScreen")
        terminal.shows("hides in 0:01")
        await terminal.turn(1)
        terminal.at("PanelScreen")
        assert shown_uri(terminal) is None
        terminal.hides(alice.key[:4])


async def test_a_shown_key_hides_under_the_help_too(console: Console) -> None:
    """What covers the key when its time is over goes with it; nobody finds it there later."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        await terminal.button("Show shared key")
        await terminal.type(alice.password, "enter", *alice.code())
        key_screen = terminal.app.screen
        await terminal.press("f1")
        terminal.clock.turn(61)
        for countdown in key_screen.query(Countdown):
            countdown.tick()
        await terminal.settle()
        terminal.at("PanelScreen")
        assert shown_uri(terminal) is None


async def test_a_code_is_spent_by_showing_the_key(console: Console) -> None:
    """S1: the code that showed the key switches nothing off."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        code = alice.code()
        await terminal.button("Show shared key")
        await terminal.type(alice.password, "enter", *code)
        await terminal.press("escape")
        await terminal.button("Disable")
        await terminal.type(alice.password, "enter", *code)
        terminal.at("ConfirmIdentityDialog")
        terminal.shows("This code was already used")
    assert len(await console.rows(Device)) == 1


async def add_device(terminal: Terminal, person: Person, name: str) -> str:
    """Add a further device on the terminal; return its key."""
    await terminal.button("Add device")
    await terminal.type(name, "enter", *person.password, "enter", *person.code())
    terminal.at("ActivationScreen")
    key = shown_key(terminal)
    await terminal.turn(30)
    await terminal.type(person.password, "enter", *oath(key, terminal.clock.unix_s))
    terminal.at("PanelScreen")
    await terminal.turn(30)
    return key


async def test_a_further_device_has_a_name_and_a_key_of_its_own(console: Console) -> None:
    """Both are listed with when they came and were used, and either code opens the account."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        key = await add_device(terminal, alice, "Backup card")
        assert key != alice.key
        terminal.shows("Phone", "Backup card", "added 15 Jan 2030", "last used 15 Jan 2030, 12:02")
        # With several devices, the one whose key is to be shown is asked for.
        await terminal.button("Show shared key")
        terminal.shows("Of which device?", "Backup card")
        await terminal.press("down", "enter")
        await terminal.type(alice.password, "enter", *alice.code())
        assert shown_key(terminal) == key
        await terminal.press("escape", "f10")
        await terminal.button("Log out")
        await terminal.turn(30)
        alice.key = key
        await terminal.sign_in(alice)


@pytest.mark.parametrize("size", [(60, 20), (80, 20), (80, 24), (99, 23)])
async def test_a_long_name_is_shown_whole_beside_its_buttons(
    console: Console, size: tuple[int, int]
) -> None:
    """Names have up to 40 characters; two that begin alike must not look alike."""
    alice = await console.customer("alice", otp=True)
    names = ("The old telephone in the upper drawer 17", "N" * 40)
    async with at_the_panel(console, alice) as terminal:
        for name in names:
            await add_device(terminal, alice, name)
        await terminal.resize(*size)
        for index, name in enumerate(names, start=1):
            for label in ("Rename", "Remove"):
                buttons = terminal.app.screen.query(ActionButton).results(ActionButton)
                button = [one for one in buttons if one.label == label][index]
                # By itself the focus scrolls in its own time, which nothing here waits for.
                button.focus(scroll_visible=False)
                button.scroll_visible(animate=False)
                await terminal.settle()
                assert f"[▸{label}◂]" in terminal.text()
                assert shown_in_pane(terminal, name), terminal.text()


async def test_a_long_name_leaves_the_form_whole(console: Console) -> None:
    """At 60x20 a title of two lines neither touches the countdown nor pushes the buttons out."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        await terminal.resize(60, 20)
        await terminal.button("Add device")
        name = "The old telephone in the upper drawer 17"
        await terminal.type(name, "enter", *alice.password, "enter", *alice.code())
        terminal.at("ActivationScreen")
        assert re.search(r"Add The old telephone in the upper +  key lives", terminal.text())
        assert terminal.has_button("Activate"), terminal.text()


@pytest.mark.parametrize("place", ["menu", "log-out", "disable"])
async def test_what_a_pane_shows_last_is_reached_by_keys(console: Console, place: str) -> None:
    """PgDn and PgUp, Ctrl+End and Ctrl+Home, wherever the focus is, and there it stays."""
    alice = await console.customer("alice", otp=True)
    first, last = "Your account:", "this terminal · 192.0.2.10"
    async with at_the_panel(console, alice) as terminal:
        await add_device(terminal, alice, "The old telephone in the upper drawer 17")
        await terminal.resize(60, 20)
        terminal.app.screen.query_one(f"#{place}").focus(scroll_visible=False)
        await terminal.press("ctrl+home")
        terminal.hides(last)
        for there, back in ((["pagedown"] * 3, ["pageup"] * 3), (["ctrl+end"], ["ctrl+home"])):
            await terminal.press(*there)
            await terminal.pilot.wait_for_scheduled_animations()
            terminal.shows(last)
            terminal.hides(first)
            assert terminal.focused == place
            await terminal.press(*back)
            await terminal.pilot.wait_for_scheduled_animations()
            terminal.shows(first)
        assert terminal.focused == place


def shown_in_pane(terminal: Terminal, name: str) -> bool:
    """Whether a name can be read from its first to its last letter, wrapped or not."""
    pane = terminal.app.screen.query_one("#pane").region
    rows = [row[pane.x : pane.right] for row in terminal.text().split("\n")]
    words = re.sub(r"\[.*|\s|[▁-█]", "", "\n".join(rows))
    return name.replace(" ", "") in words


async def test_a_name_that_is_taken_or_empty_is_refused_beside_the_field(console: Console) -> None:
    """No code is spent and no try counted by it."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        await terminal.button("Add device")
        await terminal.button("Continue")
        terminal.shows("Please fill this in.")
        assert terminal.focused == "name"
        await terminal.type("phone", "enter", *alice.password, "enter", *alice.code())
        terminal.shows("There is a device of this name already.")
        assert terminal.focused == "name"
    assert len(await console.rows(Device)) == 1


async def test_renaming(console: Console) -> None:
    """The new name stands in the list; the old one, empty and taken ones are handled."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        await terminal.button("Rename")
        terminal.at("RenameDialog")
        assert terminal.field("name") == "Phone"
        await terminal.press("ctrl+u", "enter")
        terminal.shows("Please fill this in.")
        await terminal.type("Pocket", "enter")
        terminal.at("PanelScreen")
        terminal.shows("Pocket", "✓ The device was renamed.")
        await terminal.button("Rename")
        await terminal.type("x", "escape")
        terminal.at("PanelScreen")
        terminal.shows("Pocket")
        terminal.hides("Pocketx")


async def test_what_was_done_before_is_not_said_again(console: Console) -> None:
    """Whatever is begun takes the sentence about the last thing away, finished or not."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        added = "✓ The device was added."
        await add_device(terminal, alice, "Backup card")
        terminal.shows(added)
        await terminal.press("f1", "escape")
        terminal.shows(added)  # Reading the help begins nothing.
        await terminal.button("Show shared key")
        await terminal.press("enter")
        await terminal.type(alice.password, "enter", *alice.code())
        await terminal.press("enter")
        terminal.at("PanelScreen")
        terminal.hides(added)
        await terminal.button("Rename")
        await terminal.type("Pocket", "enter")
        terminal.shows("✓ The device was renamed.")
        await terminal.button("Disable")
        await terminal.press("escape")
        terminal.at("PanelScreen")
        terminal.hides("The device was renamed.")


async def test_removing_one_of_two_devices(console: Console) -> None:
    """S7, S20: password and code are asked for; its codes are refused then, the token is new."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        assert not terminal.has_button("Remove")
        key = await add_device(terminal, alice, "Backup card")
        token = terminal.app.token
        await terminal.button("Remove", 0)
        terminal.shows("Remove Phone", "Its codes stop working at once.")
        await terminal.type(alice.password, "enter", *oath(key, terminal.clock.unix_s))
        terminal.at("PanelScreen")
        terminal.shows("The device was removed.", "Backup card")
        assert not terminal.has_button("Remove")
        with pytest.raises(SessionEndedError):
            await sessions.check(console.ctx, HOME, token)
        await terminal.press("f10")
        await terminal.button("Log out")
        await terminal.turn(30)
        await terminal.type("alice", "tab", *alice.password, "enter")
        await terminal.type(alice.code())
        terminal.at("OtpScreen")
        terminal.shows("The OTP password is not right.")


@pytest.mark.parametrize("by", ["code", "recovery code"])
async def test_disabling(console: Console, by: str) -> None:
    """S7, S16, S20: everything of OTP goes, letters to e-mail and phone, and the token is new."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        token = terminal.app.token
        await terminal.button("Disable")
        terminal.shows("Every device and recovery code is removed.")
        if by == "code":
            await terminal.type(alice.password, "enter", *alice.code())
        else:
            await terminal.button("Use a recovery code")
            await terminal.type(alice.recovery_codes[2])
            terminal.app.screen.query_one("#password").focus()
            await terminal.settle()
            await terminal.type(alice.password, "enter")
            if type(terminal.app.screen).__name__ == "ConfirmIdentityDialog":
                await terminal.button("Disable")
        terminal.at("PanelScreen")
        terminal.shows("OTP is off.", "OFF")
        assert terminal.has_button("Set OTP")
        assert terminal.app.token != token
        with pytest.raises(SessionEndedError):
            await sessions.check(console.ctx, HOME, token)
        await terminal.press("f10")
        await terminal.button("Log out")
        alice.key = ""
        await terminal.sign_in(alice)
    assert await console.rows(Device) == []
    letters = [row for row in await console.rows(Letter) if row.template == "otp.disabled"]
    assert sorted((row.channel, row.recipient) for row in letters) == [
        ("email", "alice@example.com"),
        ("sms", "+420603123456"),
    ]


async def test_the_other_way_to_confirm_begins_without_a_complaint(console: Console) -> None:
    """What was wrong with the code is not said under the recovery code, nor the other way round."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        await terminal.button("Disable")
        await terminal.type(alice.password, "enter", *"12", "enter")
        terminal.shows("The OTP password is six digits.")
        await terminal.button("Use a recovery code")
        terminal.hides("The OTP password is six digits.")
        await terminal.type("ABCDE-12345", "enter")
        terminal.shows("This recovery code is not right")
        await terminal.button("Use a code")
        terminal.hides("This recovery code is not right")


async def test_cancelling_the_dialog_changes_nothing(console: Console) -> None:
    """`Esc` and `Cancel` leave OTP on and count nothing."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        for leave in ("escape", "button"):
            await terminal.button("Disable")
            await terminal.type(alice.password)
            if leave == "escape":
                await terminal.press("escape")
            else:
                await terminal.button("Cancel")
            terminal.at("PanelScreen")
            terminal.shows("ACTIVE")
    assert await console.rows(Attempt) == []


async def test_another_session_is_listed_and_ended(console: Console) -> None:
    """S22: the other terminal is back at the sign-in screen with its next key, and told why."""
    alice = await console.customer("alice")
    async with open_terminal(console, visitor=STRANGER) as other:
        await other.sign_in(alice)
        async with at_the_panel(console, alice) as terminal:
            terminal.shows("this terminal · 192.0.2.10", "xterm · 198.51.100.66")
            await terminal.button("End")
            assert terminal.focused == "no"
            await terminal.button("End session")
            terminal.shows("The session was ended.")
            terminal.hides("198.51.100.66")
        other.at("PanelScreen")
        await other.press("down")
        other.at("SignInScreen")
        other.shows("You were signed out. Please sign in again.")


async def test_activation_ends_the_sessions_elsewhere(console: Console) -> None:
    """S22: once OTP is on, a terminal that was signed in without it is signed out."""
    alice = await console.customer("alice")
    async with open_terminal(console, visitor=STRANGER) as other:
        await other.sign_in(alice)
        async with at_the_panel(console, alice) as terminal:
            await terminal.button("Set OTP")
            code = oath(shown_key(terminal), terminal.clock.unix_s)
            await terminal.type(alice.password, "enter", *code)
            terminal.at("RecoveryCodesScreen")
        await other.press("tab")
        other.at("SignInScreen")
        other.shows("You were signed out because the security settings were changed.")


async def test_a_button_of_a_session_that_is_over_leads_to_the_sign_in_screen(
    console: Console,
) -> None:
    """S22: not only keys notice, but every flow that the screen calls."""
    alice = await console.customer("alice")
    async with at_the_panel(console, alice) as terminal:
        await console.execute("UPDATE session SET ended_at = started_at, end_reason = 'ended'")
        await terminal.button("Set OTP")
        terminal.at("SignInScreen")
        terminal.shows("You were signed out. Please sign in again.")
        assert terminal.app.signed_in is None


async def test_the_next_step_is_named(console: Console) -> None:
    """The first line says how well the account is protected, and what would help."""
    alice = await console.customer("alice", otp=True)
    async with at_the_panel(console, alice) as terminal:
        assert "Next:" in terminal.text()
        await console.execute("UPDATE account SET recovery_codes_confirmed_at = created_at")
        await terminal.press("f5")
        terminal.shows("3 of 3 protections on")


async def test_a_half_done_sign_in_shows_nothing_of_the_panel(console: Console) -> None:
    """S7: the token of the OTP step opens no screen behind it."""
    alice = await console.customer("alice", otp=True)
    async with open_terminal(console) as terminal:
        await terminal.type("alice", "tab", *alice.password, "enter")
        terminal.at("OtpScreen")
        half: NeedsCode = terminal.app.screen._half  # type: ignore[attr-defined]
        with pytest.raises(SessionEndedError):
            await sessions.check(console.ctx, HOME, half.half)
        for key in ("f5", "f6", "f10", "ctrl+p"):
            await terminal.press(key)
            terminal.at("OtpScreen")
    assert not [row for row in await console.rows(Session) if row.ended_at is None][1:]
