"""T4: a window of any size is drawn as one that can be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from asyncssh.packet import String, UInt32

from tests.ssh.serving import (
    TIMEOUT_S,
    Client,
    Server,
    connected,
    open_screen,
    opened_screen,
    until,
)
from tui_admin.servers import sizes
from tui_admin.servers.driver import MAX_COLUMNS, MAX_ROWS, ChannelDriver
from tui_admin.servers.sizes import SizeChanges

HUGE = 2**32 - 1


@pytest.mark.parametrize(
    ("claimed", "drawn"),
    [
        ((65535, 65535), (MAX_COLUMNS, MAX_ROWS)),
        ((HUGE, HUGE), (MAX_COLUMNS, MAX_ROWS)),
        ((0, 0), (80, 24)),
        ((0, 50), (80, 24)),
        ((1, 1), (1, 1)),
        ((HUGE, 1), (MAX_COLUMNS, 1)),
        ((100, 30), (100, 30)),
    ],
)
async def test_sizes(server: Server, claimed: tuple[int, int], drawn: tuple[int, int]) -> None:
    """T4: asked for at the beginning and changed to later; afterwards it is used as before."""
    async with connected(server) as conn, connected(server) as other:
        first = await open_screen(conn, size=(200, 60))
        chan: Any = first.chan
        await first.wait_for("Log in")
        (console,) = server.apps()
        chan.change_terminal_size(*claimed)
        await until(lambda: console.size == drawn)
        chan.change_terminal_size(80, 24)
        await until(lambda: console.size == (80, 24))
        first.press("f1")
        await until(lambda: len(console.screen_stack) == 2)

        size: Any = (*claimed, 0, 0)
        await other.create_session(
            lambda: Client((1, 1)), term_type="xterm", term_size=size, encoding=None
        )
        await until(lambda: len(server.apps()) == 2)
        (second,) = set(server.apps()) - {console}
        await until(lambda: second.size == drawn)
    await server.is_empty()


async def test_a_flood_of_changes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """T4: ten thousand changes lead to a few layouts, and to the last size."""
    resized = 0
    resize = ChannelDriver.resize

    def counting(self: ChannelDriver, size: tuple[int, int]) -> None:
        nonlocal resized
        resized += 1
        resize(self, size)

    monkeypatch.setattr(ChannelDriver, "resize", counting)
    async with connected(server) as conn, connected(server) as other:
        flood, neighbour = await open_screen(conn), await open_screen(other)
        await flood.wait_for("Log in")
        await neighbour.wait_for("Log in")
        console = next(t._warm.app for t in server.door.terminals if t._connection.address)  # type: ignore[union-attr]
        resized = 0
        began_s = asyncio.get_running_loop().time()
        for number in range(10_000):
            flood.chan.change_terminal_size(60 + number % 100, 20 + number % 30)
        flood.chan.change_terminal_size(91, 31)
        neighbour.press("f1")
        await neighbour.wait_for("Esc closes")
        await until(lambda: any(app.size == (91, 31) for app in server.apps()), 60)
        took_s = asyncio.get_running_loop().time() - began_s
        assert console.is_running
        assert resized <= 5 + 2 * took_s


class TurnedLoop:
    """A loop whose time goes on when it is turned; it holds one timer."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self._due: tuple[int, Callable[[], None]] | None = None

    def time(self) -> float:
        return self.now_ms / 1000

    def call_later(self, pause_s: float, then: Callable[[], None]) -> Mock:
        assert self._due is None, "one timer at a time"
        self._due = (self.now_ms + round(pause_s * 1000), then)
        return Mock()

    def turn(self, milliseconds: int) -> None:
        self.now_ms += milliseconds
        if self._due is not None and self._due[0] <= self.now_ms:
            (_at, then), self._due = self._due, None
            then()


def test_many_changes_wait_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone who drags a window sees it follow; a flood sees two a second."""
    loop, rung = TurnedLoop(), list[int]()
    monkeypatch.setattr(sizes, "asyncio", SimpleNamespace(get_running_loop=lambda: loop))
    began_ms = loop.now_ms
    changes = SizeChanges(lambda: rung.append(loop.now_ms - began_ms))
    while loop.now_ms - began_ms < 2300:
        changes.note()
        loop.turn(5)
    assert rung == [50, 150, 350, 750, 1250, 1750, 2250]
    loop.turn(500)
    assert len(rung) == 8, "the last change is not lost"
    loop.turn(1000)
    changes.note()
    loop.turn(50)
    assert len(rung) == 9, "after a pause it follows at once again"


@pytest.mark.parametrize(
    "modes",
    [b"", b"\x00", b"\xff" * 1000, b"\x01\x00\x00\x00\x03" * 5000, b"\x80\xff\xff\xff\xff\x00"],
    ids=["none", "end", "reserved", "many", "speed"],
)
async def test_modes_of_any_kind(server: Server, modes: bytes) -> None:
    """Those of a pty say nothing to a console that draws everything itself."""
    async with opened_screen(server) as screen:
        conn: Any = screen.chan.get_connection()
        terminal, chan = Client(), conn_channel(conn)
        await chan._open(b"session")
        chan._session = terminal
        terminal.chan = chan
        chan._recv_paused = False
        sizes = [UInt32(80), UInt32(24), UInt32(0), UInt32(0)]
        assert await chan._make_request(b"pty-req", String("xterm"), *sizes, String(modes))
        assert await chan._make_request(b"shell")
        await terminal.wait_for("Log in")


def conn_channel(conn: Any) -> Any:
    from asyncssh.channel import SSHClientChannel

    loop = asyncio.get_running_loop()
    return SSHClientChannel(conn, loop, "strict", None, "strict", 2**21, 32768)


async def test_modes_that_are_cut_off(server: Server) -> None:
    """It is no request: the connection ends there, and nothing is left."""
    async with connected(server) as conn:
        raw: Any = conn
        chan = conn_channel(raw)
        await chan._open(b"session")
        chan._session = Client()
        sizes = [UInt32(80), UInt32(24), UInt32(0), UInt32(0)]
        chan._send_request(b"pty-req", String("xterm"), *sizes, String(b"\x01\x00"))
        await asyncio.wait_for(conn.wait_closed(), TIMEOUT_S)
    await server.is_empty()
