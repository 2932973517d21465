"""The recovery codes: shown once, and one typed back as a sign that they were kept."""

from __future__ import annotations

import re

from tests.screens.driving import Terminal, open_terminal, shown_key
from tests.support.console import Console, oath
from tui_admin.models import Account, RecoveryCode

CODE = re.compile(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b")


async def activate(terminal: Terminal, password: str) -> list[str]:
    """Set OTP up on this terminal; return the codes that are shown then."""
    await terminal.button("Set OTP")
    code = oath(shown_key(terminal), terminal.clock.unix_s)
    await terminal.type(password, "enter", *code)
    terminal.at("RecoveryCodesScreen")
    return CODE.findall(terminal.text())


async def test_ten_codes_are_shown_once_and_one_is_typed_back(console: Console) -> None:
    """Anything but one of them keeps the screen; one of them, in any usual form, leaves it."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        codes = await activate(terminal, alice.password)
        assert len(codes) == len(set(codes)) == 10
        terminal.shows("They are shown only now.")
        # An Enter that was meant for the screen before says nothing.
        await terminal.press("enter")
        terminal.at("RecoveryCodesScreen")
        for typed, sentence in (
            ("hello", "like ABCDE-12345."),
            ("ABCDE-12345", "This recovery code is not right"),
        ):
            await terminal.type(typed, "enter")
            terminal.at("RecoveryCodesScreen")
            terminal.shows(sentence)
        # What was refused is not in the way of what is typed next.
        await terminal.type(codes[7].lower().replace("-", ""), "enter")
        terminal.at("PanelScreen")
        assert not CODE.search(terminal.text())
    (account,) = await console.rows(Account)
    assert account.recovery_codes_confirmed_at is not None
    rows = await console.rows(RecoveryCode)
    # Typing one back used none up, and the database holds none of them.
    assert len(rows) == 10 and all(row.used_at is None for row in rows)
    assert not {row.code_mac for row in rows} & set(codes)


async def test_leaving_without_typing_one_back_asks(console: Console) -> None:
    """The codes cannot be seen again, so `Esc` asks, and the harmless answer has the focus."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        codes = await activate(terminal, alice.password)
        await terminal.press("escape")
        terminal.shows("The codes will not be shown again. Have you kept them?")
        assert terminal.focused == "no"
        await terminal.press("escape")
        assert CODE.findall(terminal.text()) == codes
        await terminal.press("escape")
        await terminal.button("Leave all the same")
        terminal.at("PanelScreen")
        # OTP is on all the same, and the panel reminds of it.
        terminal.shows("ACTIVE")
    (account,) = await console.rows(Account)
    assert account.recovery_codes_confirmed_at is None


async def test_leaving_the_console_on_this_screen_asks_too(console: Console) -> None:
    """`Ctrl+Q` does not take the codes away without a word."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        codes = await activate(terminal, alice.password)
        await terminal.press("ctrl+q")
        terminal.at("QuestionDialog")
        terminal.shows("codes will not be shown again.")
        await terminal.press("enter")
        assert CODE.findall(terminal.text()) == codes


async def test_new_codes_replace_the_old_ones(console: Console) -> None:
    """`New recovery codes` asks for password and code; afterwards an old one opens nothing."""
    alice = await console.customer("alice", otp=True)
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("New recovery codes")
        terminal.at("ConfirmIdentityDialog")
        await terminal.turn(30)
        await terminal.type(alice.password, "enter", *alice.code())
        terminal.at("RecoveryCodesScreen")
        codes = CODE.findall(terminal.text())
        assert len(codes) == 10 and not set(codes) & set(alice.recovery_codes)
        await terminal.type(codes[0], "enter")
        terminal.shows("✓ The new recovery codes replace the old ones.")
        await terminal.press("f10")
        await terminal.button("Log out")
        await terminal.type("alice", "tab", *alice.password, "enter")
        await terminal.button("Use a recovery code")
        await terminal.type(alice.recovery_codes[0], "enter")
        terminal.shows("This recovery code is not right")
        await terminal.press("ctrl+u")
        await terminal.type(codes[1], "enter")
        terminal.at("PanelScreen")
