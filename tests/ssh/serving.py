"""A server under test, and what tests do to it.

    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        await screen.sign_in(alice)

Clients are in the server's own loop, so nothing here blocks: OpenSSH's is waited for in a thread
(`asyncio.to_thread(app.wait_for, "Log in")`).
"""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import asyncssh

from screens.app import ConsoleApp
from tests.support.console import Console, Person
from tests.support.pty_app import KEYS
from tests.support.pty_app import Terminal as Screen
from tui_admin.config import Settings
from tui_admin.models import Session
from tui_admin.servers.ssh import Door

TIMEOUT_S = 60.0
"""How long to wait for something that must happen; generous, since test machines are busy."""
LEAVE = b"\x1b[?1049l"


@dataclass
class Server:
    """A door that is open, and the installation behind it."""

    door: Door
    console: Console

    @property
    def port(self) -> int:
        return self.door.port

    def apps(self) -> list[ConsoleApp]:
        """The consoles that are on terminals."""
        return [t._warm.app for t in self.door.terminals if t._warm is not None]

    def change(self, **ssh: int) -> None:
        """Change settings for what begins from now on."""
        self.door.settings = self.door.settings.model_copy(update=ssh)

    async def is_empty(self) -> None:
        """Wait until nothing is left of those who were here: no terminal and no connection."""
        await until(lambda: not self.door.terminals and not self.door._connections)
        assert self.door.startups.connections == self.door.startups.unsigned == 0
        assert not self.door.startups._unsigned

    async def open_sessions(self) -> int:
        rows = await self.console.rows(Session)
        return sum(row.ended_at is None for row in rows)

    async def raw(self) -> socket.socket:
        """Return a plain connection; the caller closes it."""
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        return sock


Serve = Callable[..., Awaitable[Server]]


@asynccontextmanager
async def serving(console: Console, **ssh: Any) -> AsyncIterator[Server]:
    """Serve the installation on a free port."""
    values = {"host": "127.0.0.1", "port": 0, "pool": 1, **ssh}
    checked = type(console.settings.ssh).model_validate(values)
    settings: Settings = console.settings.model_copy(update={"ssh": checked})
    door = Door(console.ctx, settings)
    await door.open()
    try:
        yield Server(door, console)
    finally:
        await door.close()


async def until(
    happened: Callable[[], bool], timeout_s: float = TIMEOUT_S, what: str = "a condition"
) -> None:
    """Wait until `happened()` is true."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s for {what}")
        await asyncio.sleep(0.01)


def open_files() -> int:
    """How many file descriptors this process has open. Not those of the database: its pool has a
    bound of its own, and keeps as many connections as were ever needed at the same moment."""
    gc.collect()
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the folder itself, while it is read
            found += "tui-admin.db" not in str(descriptor.readlink())
    return found


@asynccontextmanager
async def connected(
    server: Server, username: str = "anna", **options: Any
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """Connect as asyncssh's client, with no key and no agent."""
    options = {"client_keys": None, "agent_path": None, "config": None, **options}
    conn = await asyncssh.connect(
        "127.0.0.1", server.port, username=username, known_hosts=None, **options
    )
    try:
        yield conn
    finally:
        conn.abort()
        await conn.wait_closed()


@dataclass
class Client(asyncssh.SSHClientSession[bytes]):
    """A terminal at the other end: what it was sent, and what a person sees of it."""

    size: tuple[int, int] = (80, 24)
    raw: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)
    screen: Screen = field(init=False)
    chan: asyncssh.SSHClientChannel[bytes] = field(init=False)
    exit_status: int | None = None
    is_closed: bool = False

    def __post_init__(self) -> None:
        self.screen = Screen(*self.size)

    def connection_made(self, chan: Any) -> None:
        self.chan = chan

    def data_received(self, data: bytes, datatype: Any) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self.errors += data
            return
        self.raw += data
        self.screen.feed(data)

    def exit_status_received(self, status: int) -> None:
        self.exit_status = status

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True

    # What is shown

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.screen.display)

    async def wait_for(self, text: str, timeout_s: float = TIMEOUT_S) -> None:
        try:
            await until(lambda: text in self.text() or self.is_closed, timeout_s)
            assert text in self.text()
        except AssertionError:
            raise AssertionError(
                f"waited for {text!r}; it shows:\n{self.text()}\n{bytes(self.errors)!r}"
            ) from None

    async def wait_gone(self, text: str) -> None:
        """Wait until `text` is no longer on the screen."""
        await until(lambda: text not in self.text(), what=f"{text!r} to go")

    async def wait_closed(self, timeout_s: float = TIMEOUT_S) -> None:
        await until(lambda: self.is_closed, timeout_s, "the channel to close")

    # Doing

    def send(self, data: str | bytes) -> None:
        self.chan.write(data.encode() if isinstance(data, str) else data)

    def press(self, *names: str) -> None:
        self.send("".join(KEYS.get(name, name) for name in names))

    async def sign_in(self, person: Person) -> None:
        """Sign in, with a code if one is asked for."""
        await self.wait_for("Log in")
        self.press(person.name, "tab", person.password, "enter")
        if person.key:
            await self.wait_for("OTP password")
            self.press(person.code())
        await self.wait_for("Account Security")

    async def sign_out(self) -> None:
        """Sign out by the keyboard."""
        self.press("f10")
        await self.wait_for("Stay")
        self.press("shift+tab", "enter")


async def open_screen(
    conn: asyncssh.SSHClientConnection,
    *,
    term: str = "xterm-256color",
    size: tuple[int, int] = (80, 24),
    **options: Any,
) -> Client:
    """Open a terminal and ask for the console."""
    _chan, session = await conn.create_session(
        lambda: Client(size), term_type=term, term_size=size, encoding=None, **options
    )
    return cast(Client, session)


@asynccontextmanager
async def opened_screen(server: Server, **options: Any) -> AsyncIterator[Client]:
    """Connect and open one terminal."""
    async with connected(server) as conn:
        yield await open_screen(conn, **options)


async def command(
    conn: asyncssh.SSHClientConnection, line: str, **options: Any
) -> tuple[int | None, str, str]:
    """Run a command; return its exit code, output and errors."""
    _chan, session = await conn.create_session(Client, line, encoding=None, **options)
    client = cast(Client, session)
    await client.wait_closed()
    return client.exit_status, client.raw.decode(), client.errors.decode()


async def read_to_end(sock: socket.socket, timeout_s: float = TIMEOUT_S) -> bytes:
    """Read what a raw connection is sent until it is closed."""
    loop = asyncio.get_running_loop()
    data = b""
    async with asyncio.timeout(timeout_s):
        with suppress(ConnectionError):
            while more := await loop.sock_recv(sock, 65536):
                data += more
    return data
