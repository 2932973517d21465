"""T12, T13: one terminal's fault is its own, and none of them reaches the host."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from textual import events

from screens.app import ConsoleApp
from screens.sign_in import SignInScreen
from tests.ssh.serving import LEAVE, Server, connected, open_screen, opened_screen, until
from tests.support.console import Console
from tests.support.pty_app import KEYS

FAULT = b"The console ended because of a fault. Please start it again."


async def test_a_fault_in_one_handler(
    server: Server, console: Console, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """T12: that terminal ends with a sentence and its session with it; its neighbour types on."""
    alice = await console.customer("alice")
    async with connected(server) as conn, connected(server) as other:
        broken, neighbour = await open_screen(conn), await open_screen(other)
        await broken.sign_in(alice)
        await neighbour.wait_for("Log in")
        on_event = ConsoleApp.on_event

        async def fails(self: ConsoleApp, event: events.Event) -> None:
            if isinstance(event, events.Key) and event.key == "f9" and self.signed_in:
                secret = "hunter2"
                raise RuntimeError(secret)
            await on_event(self, event)

        monkeypatch.setattr(ConsoleApp, "on_event", fails)
        for screen in (neighbour, broken):
            screen.press("f9")
        await broken.wait_closed()
        assert broken.exit_status == 1
        assert broken.errors == FAULT + b"\r\n"
        assert broken.raw.endswith(LEAVE) and b"hunter2" not in broken.raw
        neighbour.press("still here")
        await neighbour.wait_for("still here")
        await until(lambda: len(server.door.terminals) == 1)
        assert await server.open_sessions() == 0
    assert "the console ended by a fault" in caplog.text


@pytest.mark.parametrize("where", ["compose", "drawing"])
async def test_a_fault_while_it_draws(
    server: Server, monkeypatch: pytest.MonkeyPatch, where: str, caplog: Any
) -> None:
    """T12: the terminal is given back all the same."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        if where == "drawing":
            from textual.strip import Strip

            (app,) = server.apps()
            display = ConsoleApp._display

            def fails(self: ConsoleApp, *args: Any) -> None:
                if self is app:
                    raise RuntimeError(repr(Strip))
                display(self, *args)

            monkeypatch.setattr(ConsoleApp, "_display", fails)
        else:
            from screens import help as help_screen

            monkeypatch.setattr(help_screen.HelpScreen, "compose", lambda self: 1 / 0)
        screen.press("f1", "x", "x")
        await screen.wait_closed()
        assert screen.exit_status == 1 and screen.errors == FAULT + b"\r\n"
        assert screen.raw.endswith(LEAVE)
    await server.is_empty()
    async with opened_screen(server) as again:
        await again.wait_for("Log in")
    caplog.clear()


async def test_a_fault_while_it_ends(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """T12: what Textual does not catch itself is told like the rest."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        shut_down = ConsoleApp._shutdown

        async def fails(self: ConsoleApp) -> None:
            await shut_down(self)
            raise RuntimeError

        monkeypatch.setattr(ConsoleApp, "_shutdown", fails)
        screen.press("ctrl+q")
        await screen.wait_closed()
        assert screen.exit_status == 1 and screen.errors == FAULT + b"\r\n"
        assert screen.raw.endswith(LEAVE)
        monkeypatch.undo()
    await server.is_empty()
    assert "a console failed" in caplog.text
    caplog.clear()


async def test_a_console_that_cannot_be_made(
    serve: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """T12: whoever it was for reads a sentence; the next one is served."""
    server = await serve(pool=0)
    with monkeypatch.context() as patch:
        patch.setattr(SignInScreen, "compose", lambda self: 1 / 0)
        async with opened_screen(server) as screen:
            await screen.wait_closed()
            assert screen.exit_status == 1 and screen.errors == FAULT + b"\r\n"
    await server.is_empty()
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
    caplog.clear()


async def test_standard_output_stays_what_it_is(server: Server) -> None:
    """T12: Textual points it at each app while it runs, and with overlapping ones leaves it at a
    dead one."""
    real = sys.stdout, sys.stderr
    async with connected(server) as conn, connected(server) as other:
        for _round in range(5):
            one = await open_screen(conn)
            await one.wait_for("Log in")
            two = await open_screen(other)
            await two.wait_for("Log in")
            assert (sys.stdout, sys.stderr) == real
            one.press("ctrl+q")
            await one.wait_closed()
            assert (sys.stdout, sys.stderr) == real
            two.press("ctrl+q")
            await two.wait_closed()
    await server.is_empty()
    assert (sys.stdout, sys.stderr) == real


def files(folder: Path) -> list[Path]:
    """What lies in a folder, but for the database's own."""
    return sorted(path for path in folder.rglob("*") if "db" not in path.name)


async def test_the_host_is_out_of_reach(
    server: Server, console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T13: no palette, screenshot, browser, shell, file or suspension behind any key, signed in or
    not; the process gets no signal and leaves no file."""
    alice = await console.customer("alice", otp=True)
    signals: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _pid, number: signals.append(number))
    monkeypatch.setattr(os, "killpg", lambda _pid, number: signals.append(number))
    monkeypatch.setattr("webbrowser.open", lambda *_: signals.append(-1))
    monkeypatch.chdir(tmp_path)
    handlers = [signal.getsignal(n) for n in (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)]
    before = files(tmp_path)
    keys = ["ctrl+p", "ctrl+z", "ctrl+s", "ctrl+o", "ctrl+l", "ctrl+\\"]
    keys += [f"f{n}" for n in range(1, 13) if n != 10]
    named = {**KEYS, "ctrl+\\": "\x1c", "f11": "\x1b[23~", "f12": "\x1b[24~"}
    async with opened_screen(server) as screen:
        await screen.sign_in(alice)
        (app,) = server.apps()
        for key in keys:
            screen.send(named[key])
            await asyncio.sleep(0.1)
            assert "Search for commands" not in screen.text(), key
            screen.press("escape")
            await asyncio.sleep(0.05)
        assert not app.ENABLE_COMMAND_PALETTE and not app._driver.can_suspend  # type: ignore[union-attr]
        app.open_url("https://example.com")
        app.action_screenshot()
        app.action_suspend_process()
        assert app.deliver_screenshot() is None
        assert not screen.is_closed and app.exit_error is None
    await server.is_empty()
    assert signals == []
    assert files(tmp_path) == before
    assert handlers == [
        signal.getsignal(n) for n in (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)
    ]
