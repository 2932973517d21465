"""Flow control: a client that does not read loses frames, not our memory, and sees the screen as
it is once it reads again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.screens.driving import lines
from tests.ssh.serving import LEAVE, TIMEOUT_S, Client, Server, connected, open_screen, until
from tests.ssh.test_terminals import colours
from tests.support.console import Console
from tui_admin.servers.terminal import WRITE_BUFFER


async def switches_themes(
    server: Server, screen: Client, times: int, happened: Callable[[], bool] | None = None
) -> int:
    """Make the console draw itself again and again, so many times at least, and until something
    has happened; return how many bytes waited at most."""
    most, done = 0, 0
    deadline_s = time.monotonic() + TIMEOUT_S
    while done < times or not (happened is None or happened()):
        assert time.monotonic() < deadline_s
        done += 1
        screen.press("f4")
        await asyncio.sleep(0.03)
        for terminal in server.door.terminals:
            if terminal._chan is not None:
                most = max(most, terminal._chan.get_write_buffer_size())
            one: Any = terminal._connection._conn
            if one is not None and not one._line.is_closing():
                most = max(most, one._line.get_write_buffer_size())
    return most


async def test_a_window_that_stays_full(server: Server, console: Console) -> None:
    """SSH's own window: frames are dropped, and the whole screen comes with the first byte that
    is read, in the same colours, with mouse and paste as they were."""
    alice = await console.customer("alice")
    async with connected(server) as conn:
        screen = await open_screen(conn, size=(200, 60), env={"COLORTERM": "truecolor"})
        await screen.wait_for("Log in")
        chan: Any = screen.chan
        chan._recv_window = chan._init_recv_window = 10**9  # nothing is given back from here on
        chan.pause_reading()
        (terminal,) = server.door.terminals
        server_chan: Any = terminal._chan
        server_chan._send_window = 30_000
        (app,) = server.apps()
        one: Any = app._driver
        most = await switches_themes(server, screen, 40, lambda: one._is_full)
        assert most < WRITE_BUFFER + 100_000
        screen.press("alice", "tab", alice.password, "enter")
        await until(lambda: terminal.is_signed_in)
        # The panel has been drawn, for nobody.
        await until(lambda: "Active Sessions" in "\n".join(lines(app)))
        assert one._is_full
        screen.raw.clear()
        chan.resume_reading()
        chan.send_packet(93, (10**8).to_bytes(4, "big"))  # window-adjust
        await screen.wait_for("Account Security")
        await screen.wait_for("^Q Leave")
        await until(lambda: not one._is_full)
        assert colours(screen.raw) == "truecolor"
        # Nothing was left in the middle, and no mode was switched off or on again.
        for mode in (b"\x1b[?1049", b"\x1b[?1000", b"\x1b[?2004", b"\x1b[?25"):
            assert mode not in screen.raw
        await until(lambda: screen.text().split("\n") == lines(app), what="the same on both sides")
        screen.press("ctrl+q")
        await screen.wait_for("Log out and leave?")
    await server.is_empty()
    assert await server.open_sessions() == 0


async def test_a_line_that_is_not_read(server: Server) -> None:
    """The network's own: a client that allows everything and takes nothing."""
    async with connected(server) as conn:
        screen = await open_screen(conn, size=(200, 60), env={"COLORTERM": "truecolor"})
        await screen.wait_for("Log in")
        (terminal,) = server.door.terminals
        server_chan: Any = terminal._chan
        server_chan._send_window = 2**32 - 1
        raw: Any = conn
        raw._transport.pause_reading()
        most = await switches_themes(server, screen, 80, lambda: "line" in terminal._holds)
        assert most < 1_000_000
        raw._transport.resume_reading()
        await until(lambda: not terminal._holds)
        screen.press("f1")
        await screen.wait_for("Esc closes")
        screen.press("escape", "ctrl+q")
        await screen.wait_closed()
        assert screen.raw.endswith(LEAVE)
    await server.is_empty()


async def test_a_client_that_never_reads_again_can_be_ended(server: Server) -> None:
    """The server is stopped, or the terminal is: neither waits for it."""
    async with connected(server) as conn:
        screen = await open_screen(conn, size=(200, 60))
        await screen.wait_for("Log in")
        raw: Any = conn
        raw._transport.pause_reading()
        await switches_themes(server, screen, 20)
        async with asyncio.timeout(TIMEOUT_S):
            await server.door.close()
    assert not server.door.terminals and not server.door._connections
