"""T13: nothing on the screen reaches the machine beneath; at a kiosk there is no way out either."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.screens.driving import Terminal, open_terminal
from tests.support.console import Console


async def every_door(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Try every key and action that leads out of an app; return what was reached."""
    import webbrowser

    reached: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda *a, **k: reached.append("browser"))
    driver = terminal.app._driver
    assert driver is not None
    monkeypatch.setattr(driver, "open_url", lambda *a, **k: reached.append("url"))
    monkeypatch.setattr(driver, "deliver_binary", lambda *a, **k: reached.append("file"))
    monkeypatch.setattr(driver, "suspend_application_mode", lambda: reached.append("suspend"))
    before = len(terminal.app.screen_stack)
    for key in ("ctrl+p", "ctrl+backslash", "ctrl+z", "ctrl+s", "ctrl+o", "f11", "f12", "ctrl+d"):
        await terminal.press(key)
    assert len(terminal.app.screen_stack) == before, terminal.text()
    for action in (
        "app.command_palette",
        "app.screenshot",
        "app.suspend_process",
    ):
        await terminal.app.run_action(action)
        await terminal.settle()
    assert len(terminal.app.screen_stack) == before, terminal.text()
    terminal.app.open_url("https://example.com")
    terminal.app.deliver_screenshot()
    await terminal.settle()
    return reached


@pytest.mark.parametrize("kiosk", [False, True])
async def test_nothing_reaches_the_host(
    console: Console, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kiosk: bool
) -> None:
    """T13: no palette, screenshot, browser, file or suspend, before sign-in and after."""
    alice = await console.customer("alice")
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    async with open_terminal(console, kiosk=kiosk) as terminal:
        assert await every_door(terminal, monkeypatch) == []
        await terminal.press("escape")
        await terminal.sign_in(alice)
        assert await every_door(terminal, monkeypatch) == []
    assert list(folder.iterdir()) == []


async def test_a_kiosk_cannot_be_left(console: Console) -> None:
    """T13: neither keys nor the key bar end the program, signed in or not."""
    alice = await console.customer("alice")
    async with open_terminal(console, kiosk=True) as terminal:
        for step in ("before", "after"):
            terminal.hides("Leave", "^Q")
            for key in ("ctrl+q", "ctrl+c", "ctrl+d", "f10" if step == "before" else "ctrl+q"):
                await terminal.press(key)
            assert terminal.app.is_running and terminal.app.return_code is None
            assert type(terminal.app.screen).__name__ != "QuestionDialog"
            if step == "before":
                await terminal.press("escape")
                await terminal.sign_in(alice)


async def test_a_kiosk_copies_nothing(console: Console) -> None:
    """T13: there is no `Copy key`, by button, key or action, and selecting copies nothing."""
    alice = await console.customer("alice")
    async with open_terminal(console, kiosk=True) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        terminal.hides("Copy key")
        sent = terminal.record()
        await terminal.press("f8")
        terminal.hides("sent to your terminal")
        await terminal.app.screen.run_action("copy_key")
        await terminal.type("secret")
        await terminal.press("ctrl+a", "ctrl+c", "ctrl+x")
        terminal.app.copy_to_clipboard("secret")
        assert "\x1b]52" not in "".join(sent)


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_leaving_asks_who_is_signed_in(console: Console, key: str) -> None:
    """Elsewhere both keys lead out: at once for nobody, after a question for somebody."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.press("escape")
        await terminal.press(key)
        terminal.shows("You are signed in. Log out and leave?")
        assert terminal.focused == "no"
        await terminal.press(key, "escape")
        terminal.at("PanelScreen")
        await terminal.press(key)
        await terminal.button("Log out and leave")
        await terminal.settle()
        assert not terminal.app.is_running or terminal.app._exit
    from tui_admin.models import Session

    assert [row.end_reason for row in await console.rows(Session)] == ["signed_out"]
