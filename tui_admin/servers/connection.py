"""One client's connection: who it is at the door, and how many terminals it may have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.constants import OPEN_RESOURCE_SHORTAGE

from tui_admin.errors import ConsoleError, TooManyMissesError
from tui_admin.i18n import _
from tui_admin.servers.startups import Seat
from tui_admin.servers.terminal import Terminal
from tui_admin.servers.wire import ConsoleChannel

if TYPE_CHECKING:
    from tui_admin.servers.ssh import Door

LINK_PREFIX = "recover-"
LONGEST_LINK = 200
CHANNELS_IN_ALL = 20
"""Channels that a connection may open over its life, one after the other."""


class Connection(asyncssh.SSHServer):
    """What all terminals of one connection share."""

    def __init__(self, door: Door, address: str, seat: Seat) -> None:
        self._door = door
        self._seat = seat
        self.address = address
        self.link = ""
        self.why = "closed"
        """Why it ended, for the log; never what the client said."""
        self.is_full = False
        """Whether the client has not read what was sent to it."""
        self._conn: asyncssh.SSHServerConnection | None = None
        self._terminals: set[Terminal] = set()
        self._opened = 0
        self._is_over = False
        self._misses = 0
        self._unused: asyncio.TimerHandle | None = None

    # What asyncssh asks.

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn

    def begin_auth(self, username: str) -> bool:
        """Let everybody in: the console asks who it is. No key, password or name that a client
        offers here says anything about that (CVE-2024-45337)."""
        self.link = ""
        if username.lower().startswith(LINK_PREFIX):
            self.link = username[: len(LINK_PREFIX) + LONGEST_LINK]
        return False

    def auth_completed(self) -> None:
        self._look_whether_used()

    def session_requested(self) -> tuple[ConsoleChannel, Terminal]:
        most = self._door.settings.channels
        is_full = len(self._terminals) >= most or self._opened >= CHANNELS_IN_ALL
        if is_full or self._is_over:
            raise asyncssh.ChannelOpenError(
                OPEN_RESOURCE_SHORTAGE, _("There are too many terminals on this connection.")
            )
        assert self._conn is not None  # noqa: S101 (it has asked)
        self._opened += 1
        terminal = Terminal(self._door, self)
        self._terminals.add(terminal)
        return ConsoleChannel(self._conn), terminal

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_looking()
        self._conn = None

    def hold_writing(self) -> None:
        """The client does not read."""
        self.is_full = True
        for terminal in self._terminals:
            terminal.hold("line")

    def release_writing(self) -> None:
        """It has read."""
        self.is_full = False
        for terminal in self._terminals:
            terminal.release("line")

    # What terminals tell.

    def missed(self) -> None:
        """Count a wrong password or code; after too many, on whichever terminals, all end (T7)."""
        self._misses += 1
        if self._misses >= self._door.settings.misses:
            self.end(TooManyMissesError())

    def look_who_is_here(self) -> None:
        """Somebody has signed in or out on one of the terminals."""
        self._seat.sign_in(any(terminal.is_signed_in for terminal in self._terminals))

    def closed(self, terminal: Terminal) -> None:
        """A terminal's channel is closed."""
        self._terminals.discard(terminal)
        self.look_who_is_here()
        self._look_whether_used()

    # The end.

    def end(self, error: ConsoleError) -> None:
        """End all consoles with a sentence, and then the connection."""
        self._is_over = True
        for terminal in list(self._terminals):
            terminal.end(error)

    def _look_whether_used(self) -> None:
        """Hang up some time after the last terminal: a client that has none costs as much as one
        that has."""
        self._stop_looking()
        if self._conn is None or any(terminal.is_console for terminal in self._terminals):
            return
        wait_s = 1 if self._is_over else self._door.settings.login_s
        self._unused = asyncio.get_running_loop().call_later(wait_s, self.close)

    def console_began(self) -> None:
        """A terminal shows the console."""
        self._stop_looking()

    def _stop_looking(self) -> None:
        if self._unused is not None:
            self._unused.cancel()
            self._unused = None

    def close(self) -> None:
        """Hang up."""
        self._stop_looking()
        if self._conn is not None:
            self._conn.close()
