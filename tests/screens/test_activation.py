"""Set OTP: the key is confirmed by password and code, and a key that missed is gone for good."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from screens.widgets.form import CodeField
from tests.screens.driving import Terminal, open_terminal, shown_key, shown_uri
from tests.support.console import HOME, Console, Person, oath, other_code
from tui_admin.errors import SessionEndedError
from tui_admin.flows import sessions
from tui_admin.flows.context import Context
from tui_admin.models import Attempt, Device, PendingKey

NEW_KEY = "This is a new key: delete the old entry from your authenticator and scan again."


@asynccontextmanager
async def setting_otp(
    console: Console, person: Person, context: Context | None = None, **options: object
) -> AsyncIterator[Terminal]:
    """A terminal on which `Set OTP` was pressed."""
    async with open_terminal(console, context=context, **options) as terminal:  # type: ignore[arg-type]
        await terminal.sign_in(person)
        await terminal.button("Set OTP")
        terminal.at("ActivationScreen")
        yield terminal


async def confirm(terminal: Terminal, password: str, code: str) -> None:
    """Type password and code; the sixth digit sends them."""
    await terminal.press("ctrl+u") if terminal.focused == "password" else None
    terminal.app.screen.query_one("#password").focus()
    await terminal.pilot.pause()
    await terminal.type(password, "enter", *code)


def code_now(terminal: Terminal, drift_s: int = 0) -> str:
    """What an authenticator shows that holds the key on the screen."""
    return oath(shown_key(terminal), terminal.clock.unix_s + drift_s)


async def test_qr_code_and_text_hold_the_same_key(console: Console) -> None:
    """S4: 32 characters of base32 in both, and all that an authenticator asks for in words."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        key = shown_key(terminal)
        assert shown_uri(terminal) == (f"otpauth://totp/alice?secret={key}&issuer=WEDOS%20Internet")
        terminal.shows("WEDOS Internet · alice", "SHA-1 · 6 digits · 30 s", "key lives 10:00")


async def test_password_and_code_switch_otp_on(console: Console) -> None:
    """S6: ten recovery codes, the section says ACTIVE, and the next sign-in asks for a code."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        alice.key = shown_key(terminal)
        code = code_now(terminal)
        await confirm(terminal, alice.password, code)
        terminal.at("RecoveryCodesScreen")
        codes = [word for word in terminal.flat().split() if len(word) == 11 and word[5] == "-"]
        assert len(set(codes)) == 10
        await terminal.type(codes[4], "enter")
        terminal.at("PanelScreen")
        terminal.shows("ACTIVE since 15 Jan 2030", "Phone", "never used", "10 recovery codes left")
        for label in ("Add device", "Show shared key", "New recovery codes", "Disable"):
            assert terminal.has_button(label)
        assert not terminal.has_button("Set OTP")
        await terminal.press("f10")
        await terminal.button("Log out")
        await terminal.type("alice", "tab", *alice.password, "enter")
        terminal.at("OtpScreen")
        # The code of the activation is spent too.
        await terminal.type(code)
        terminal.shows("This code was already used")
        await terminal.turn(30)
        await terminal.type(alice.code())
        terminal.at("PanelScreen")
    assert await console.rows(PendingKey) == []


async def test_activation_gives_the_session_a_new_token(console: Console) -> None:
    """S20: the token from before is refused, and the terminal goes on under the new one."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        old = terminal.app.token
        await confirm(terminal, alice.password, code_now(terminal))
        assert terminal.app.token != old
        with pytest.raises(SessionEndedError):
            await sessions.check(console.ctx, HOME, old)
        await sessions.check(console.ctx, HOME, terminal.app.token)
        await terminal.turn(5)
        await terminal.press("f1")
        terminal.at("HelpScreen")


@pytest.mark.parametrize(
    ("password", "why"),
    [("wrong horse 7 staple", "The account password is not right."), ("", "")],
)
async def test_a_miss_throws_the_key_away(console: Console, password: str, why: str) -> None:
    """S6: key and QR code are new at once, and the old key is dead for ever."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        old = shown_key(terminal)
        if password:
            await confirm(terminal, password, code_now(terminal))
        else:
            now = terminal.clock.unix_s
            near = [oath(old, now + step * 30) for step in range(-21, 22)]
            await confirm(terminal, alice.password, other_code(*near))
            why = "The OTP password is not right."
        terminal.at("ActivationScreen")
        terminal.shows(why, NEW_KEY)
        fresh = shown_key(terminal)
        assert fresh != old
        assert f"secret={fresh}&" in str(shown_uri(terminal))
        assert terminal.field("password") == ""
        assert terminal.app.screen.query_one(CodeField).value == ""
        # The right password with a code of the old key: refused, and the fresh key goes as well.
        await terminal.turn(30)
        await confirm(terminal, alice.password, oath(old, terminal.clock.unix_s))
        terminal.at("ActivationScreen")
        assert shown_key(terminal) not in (old, fresh)
    assert await console.rows(Device) == []


async def test_an_operator_may_allow_more_tries_on_one_key(console: Console) -> None:
    """`otp.activation_attempts`: the key stays after the first miss and goes with the second."""
    alice = await console.customer("alice")
    context = console.with_settings(otp={"activation_attempts": 2})
    async with setting_otp(console, alice, context) as terminal:
        old = shown_key(terminal)
        await confirm(terminal, "wrong horse 7 staple", code_now(terminal))
        terminal.shows("The account password is not right.")
        terminal.hides(NEW_KEY)
        assert shown_key(terminal) == old
        await confirm(terminal, "wrong horse 7 staple", code_now(terminal))
        terminal.shows(NEW_KEY)
        assert shown_key(terminal) != old


async def test_a_malformed_field_costs_nothing_and_keeps_the_key(console: Console) -> None:
    """Five digits or no password are form errors: the key stays, nothing is counted."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        old = shown_key(terminal)
        await terminal.type(alice.password, "enter", *"12345", "enter")
        terminal.shows("The OTP password is six digits.")
        assert terminal.field("password") == alice.password
        await terminal.press("ctrl+u")
        await terminal.press("shift+tab", "ctrl+u", "tab")
        await terminal.type(code_now(terminal), "enter")
        terminal.shows("Please type your password.")
        assert terminal.focused == "password"
        await terminal.press("tab")
        await terminal.paste("1234567")
        terminal.shows("The OTP password is six digits.")
        assert shown_key(terminal) == old
    assert await console.rows(Attempt) == []


async def test_the_sixth_digit_waits_for_the_password(console: Console) -> None:
    """Whoever types the code first does not lose the key by it."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        await terminal.press("tab")
        await terminal.type(code_now(terminal))
        terminal.at("ActivationScreen")
        await terminal.press("shift+tab")
        await terminal.type(alice.password, "enter", "enter")
        terminal.at("RecoveryCodesScreen")


@pytest.mark.parametrize(
    ("drift_s", "sentence"),
    [
        (300, "The clock of your device is about 5 min fast; set it right."),
        (-300, "The clock of your device is about 5 min slow; set it right."),
    ],
)
async def test_a_clock_that_is_off_is_told_by_how_much(
    console: Console, drift_s: int, sentence: str
) -> None:
    """A code that comes some minutes too early or late is a miss whose cause is named."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        await confirm(terminal, alice.password, code_now(terminal, drift_s))
        terminal.at("ActivationScreen")
        terminal.shows(sentence, NEW_KEY)


async def test_a_key_of_ten_minutes_gives_way_to_a_new_one_by_itself(console: Console) -> None:
    """The countdown tells how long it lives, and at its end a new key and QR code stand there."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        old = shown_key(terminal)
        await terminal.turn(60)
        terminal.shows("key lives 9:00")
        assert shown_key(terminal) == old
        await terminal.turn(541)
        assert shown_key(terminal) != old
        assert f"secret={shown_key(terminal)}&" in str(shown_uri(terminal))
        terminal.shows(NEW_KEY, "key lives 10:00")


async def test_a_key_that_grew_old_meanwhile_is_not_confirmed(console: Console) -> None:
    """The server's own age counts, though the countdown had not been drawn again yet."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        old = shown_key(terminal)
        console.clock.turn(601)
        await confirm(terminal, alice.password, oath(old, console.clock.unix_s))
        terminal.at("ActivationScreen")
        assert shown_key(terminal) != old
        terminal.shows(NEW_KEY)
    assert await console.rows(Device) == []


async def test_start_over_makes_a_new_key(console: Console) -> None:
    """The person may throw a key away that somebody looked at."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        old = shown_key(terminal)
        await terminal.type("half typed")
        await terminal.button("Start over")
        assert shown_key(terminal) != old
        assert terminal.field("password") == ""
        await confirm(terminal, alice.password, code_now(terminal))
        terminal.at("RecoveryCodesScreen")


async def test_cancelling_drops_the_pending_key(console: Console) -> None:
    """`Esc` leaves nothing behind, and the account is as it was."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        assert len(await console.rows(PendingKey)) == 1
        await terminal.press("escape")
        terminal.at("PanelScreen")
        assert terminal.has_button("Set OTP")
        assert await console.rows(PendingKey) == []


@pytest.mark.parametrize(
    ("email", "phone", "sentence"),
    [
        (False, False, "your e-mail address and your phone must be verified first."),
        (True, False, "your phone must be verified first."),
    ],
)
async def test_missing_contacts_are_named_and_lead_to_basic_settings(
    console: Console, email: bool, phone: bool, sentence: str
) -> None:
    """Without a verified phone and e-mail there is no `Set OTP`, but the way to them."""
    alice = await console.customer("alice", verified=False)
    moment = "2030-01-01 00:00:00.000000"
    for column, is_verified in (("email_verified_at", email), ("phone_verified_at", phone)):
        if is_verified:
            await console.execute(f"UPDATE account SET {column} = :moment", moment=moment)
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        terminal.shows(f"To switch it on, {sentence}")
        assert not terminal.has_button("Set OTP")
        await terminal.button("Basic Settings")
        terminal.shows("Customer \u203a Basic Settings", "not verified")


async def test_copying_says_where_the_key_went_and_no_more(console: Console) -> None:
    """OSC 52 may be ignored by the terminal: it was sent, not copied."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        sent = terminal.record()
        await terminal.press("f8")
        terminal.shows("sent to your terminal")
        terminal.hides("copied")
        encoded = b64encode(shown_key(terminal).encode()).decode()
        assert "".join(sent).count(f"\x1b]52;c;{encoded}\x07") == 1
        # A paste here does not bring it back.
        await terminal.press("ctrl+v")
        assert terminal.field("password") == ""


async def test_the_key_can_stand_alone(console: Console) -> None:
    """`Show key only` takes the QR code away and brings it back."""
    alice = await console.customer("alice")
    async with setting_otp(console, alice) as terminal:
        key = shown_key(terminal)
        await terminal.press("f7")
        assert shown_uri(terminal) is None
        assert shown_key(terminal) == key
        await terminal.press("f7")
        assert key in str(shown_uri(terminal))


async def test_a_second_device_is_asked_for_its_own_key_while_the_first_goes_on(
    console: Console,
) -> None:
    """An active device keeps working until its successor is confirmed, and after."""
    alice = await console.customer("alice", otp=True)
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Add device")
        await terminal.turn(30)
        await terminal.type("Tablet", "enter", *alice.password, "enter", *alice.code())
        terminal.at("ActivationScreen")
        second = shown_key(terminal)
        assert second != alice.key
        # Elsewhere, the first device still opens the account.
        await terminal.turn(30)
        await console.sign_in(alice)
        await confirm(terminal, alice.password, code_now(terminal))
        terminal.at("PanelScreen")
        terminal.shows("Phone", "Tablet")
    assert len(await console.rows(Device)) == 2
