"""Themes: three of them, switched by a key, remembered for the account, legible in all."""

from __future__ import annotations

import pytest

import screens.app
import styles
from screens.cells import Colour, screen_cells
from tests.screens.driving import Terminal, open_terminal
from tests.support.console import Console


def luminance(colour: Colour) -> float:
    """Relative luminance. Source: WCAG 2.2."""
    parts = [
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4
        for part in colour
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio. Source: WCAG 2.2."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def faint(terminal: Terminal, least: float) -> set[tuple[str, str]]:
    """Words that stand out from their background by less than `least`."""
    found = set()
    for row in screen_cells(terminal.app):
        text = "".join(char or " " for char, _fg, _bg in row)
        for x, (char, foreground, background) in enumerate(row):
            if char.isalnum() and contrast(foreground, background) < least:
                found.add((text.strip()[:60], f"{char} at {x}: {foreground} on {background}"))
    return found


async def test_the_theme_is_remembered_for_the_account(console: Console) -> None:
    """F4 goes round the three; the next terminal of the same account has the chosen one."""
    alice = await console.customer("alice")
    seen = []
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        for _press in range(3):
            await terminal.press("f4")
            seen.append(terminal.app.theme)
            assert (await console.account(alice)).theme == terminal.app.theme
        await terminal.press("f4")
    assert set(seen) == set(styles.themes()) == {"calm-dark", "calm-light", "high-contrast"}
    async with open_terminal(console) as terminal:
        assert terminal.app.theme == "calm-dark"
        await terminal.sign_in(alice)
        assert terminal.app.theme == seen[0] == "calm-light"


async def test_a_theme_that_is_not_there_any_more_is_passed_over(console: Console) -> None:
    """An account whose theme was taken out of the program is shown in the usual one."""
    alice = await console.customer("alice")
    await console.execute("UPDATE account SET theme = 'no-such-theme'")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        assert terminal.app.theme == "calm-dark"


async def test_the_theme_can_be_changed_before_sign_in(console: Console) -> None:
    """It holds for this terminal and is nobody's until somebody signs in."""
    async with open_terminal(console) as terminal:
        await terminal.press("f4")
        assert terminal.app.theme == "calm-light"


@pytest.mark.parametrize(
    ("theme", "least"), [("calm-dark", 4.5), ("calm-light", 4.5), ("high-contrast", 7.0)]
)
async def test_every_word_is_legible(console: Console, theme: str, least: float) -> None:
    """WCAG AA in the calm themes, AAA in high contrast, on the screens people meet first."""
    alice = await console.customer("alice", otp=True)
    async with open_terminal(console) as terminal:
        terminal.app.theme = theme
        await terminal.settle()
        assert faint(terminal, least) == set()
        await terminal.type("nobody", "tab", *"wrong password", "enter")
        assert faint(terminal, least) == set()
        await terminal.press("escape")
        await terminal.type("alice", "tab", *alice.password, "enter")
        assert faint(terminal, least) == set()
        await terminal.type(alice.code())
        terminal.at("PanelScreen")
        for key in ("tab", "tab", "tab", "escape"):
            await terminal.press(key)
            assert faint(terminal, least) == set()
        await terminal.click("Basic Settings")
        assert faint(terminal, least) == set()


async def test_a_key_that_is_held(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its repeats change nothing: each theme is worth ten keys, and other people wait for it."""
    monkeypatch.setattr(screens.app, "THEME_PAUSE_S", 60)
    async with open_terminal(console) as terminal:
        before = terminal.app.theme
        await terminal.press(*["f4"] * 30)
        changed = terminal.app.theme
        assert changed != before
        monkeypatch.setattr(screens.app, "THEME_PAUSE_S", 0)
        await terminal.press("f4")
        assert terminal.app.theme not in (before, changed)
