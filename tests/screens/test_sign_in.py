"""The sign-in screen: one form, one answer for everything that is wrong."""

from __future__ import annotations

from tests.screens.driving import open_terminal
from tests.support.console import Console


async def test_first(console: Console) -> None:
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        print(terminal.text())
        await terminal.sign_in(alice)
        print(terminal.text())
        await terminal.click("[ Set OTP ]")
        print(terminal.text())
