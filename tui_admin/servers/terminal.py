"""One terminal at the door: an SSH channel with a console on it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncssh

from tui_admin.errors import ConsoleError, FaultError
from tui_admin.flows.visitor import Visitor
from tui_admin.i18n import _
from tui_admin.security.text import safe
from tui_admin.servers import colours, commands
from tui_admin.servers.driver import ESCAPE_DELAY_S, clamped
from tui_admin.servers.intake import Intake
from tui_admin.servers.pool import Warm

if TYPE_CHECKING:
    from tui_admin.servers.ssh import Connection, Door

log = logging.getLogger(__name__)
RESIZE_PAUSE_S = 0.05
"""Of many changes of size in a row, the last one counts."""
HANG_UP_S = 3.0
"""How long a client has to hang up once its terminal has ended."""
WRITE_BUFFER = 256 * 1024
"""Bytes that wait for a client that does not read; then frames are dropped."""


class Terminal(asyncssh.SSHServerSession[bytes]):
    """A session channel: the console if it asks for a shell, a command's answer if it asks for
    one."""

    def __init__(self, door: Door, connection: Connection) -> None:
        self._door = door
        self._connection = connection
        self._chan: asyncssh.SSHServerChannel[bytes] | None = None
        self._term = ""
        self._size: tuple[int, int] | None = None
        self._command: str | None = None
        self._warm: Warm | None = None
        self._task: asyncio.Task[None] | None = None
        self._intake: Intake | None = None
        self._resizing: asyncio.TimerHandle | None = None
        self._escape: asyncio.TimerHandle | None = None

    # What the client asks for.

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._chan = chan
        chan.set_write_buffer_limits(high=WRITE_BUFFER)

    def pty_requested(
        self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Any
    ) -> bool:
        self._term = colours.clean_term(term_type or "")
        self._size = clamped(term_size[:2])
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command[:1000]
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        return False

    def session_started(self) -> None:
        if self._command is not None:
            text, code = commands.answer(self._command, self._door.fingerprint)
            self._say(text, code)
        elif self._size is None:
            self._say(_("The console needs a terminal. Try: ssh -t"), 1)
        else:
            self._task = asyncio.get_running_loop().create_task(self._serve(self._size))

    def _say(self, sentence: str, code: int) -> None:
        """Print one sentence and end with an exit code; what is refused goes to stderr."""
        assert self._chan is not None  # noqa: S101 (there is one before anything is asked for)
        end = b"\r\n" if self._size is not None else b"\n"
        datatype = asyncssh.EXTENDED_DATA_STDERR if code else None
        self._chan.write(safe(sentence, 1000).encode() + end, datatype)
        self._chan.exit(code)

    # The console.

    async def _serve(self, size: tuple[int, int]) -> None:
        chan = self._chan
        assert chan is not None  # noqa: S101 (see above)
        warm = await self._door.pool.take(size)
        app = warm.app
        colorterm = chan.get_environment().get("COLORTERM", "")
        app.visitor = Visitor(self._connection.address, self._term)
        app.abilities = colours.abilities_of(self._term)
        app.most_misses = self._door.settings.misses
        self._warm = warm
        self._intake = Intake(
            self._door.settings, warm.driver.feed, chan.pause_reading, chan.resume_reading, app
        )
        self._door.terminals.add(self)
        try:
            if chan.is_closing():
                return
            # It may have changed while the console was made.
            size = self._size or size
            warm.driver.attach(chan, size, colours.colour_system(self._term, colorterm))
            if link := self._connection.link:
                app.call_later(app.follow_link, link)
            await asyncio.wait([warm.task])
        finally:
            self._door.terminals.discard(self)
            await self._finish(warm)

    async def _finish(self, warm: Warm) -> None:
        """End what is left: the app, its session, the channel."""
        app = warm.app
        if not warm.task.done():
            app.exit()
            await asyncio.wait([warm.task])
        error = app.exit_error
        if warm.task.exception() is not None:
            log.error("a console failed", exc_info=warm.task.exception())
            error = FaultError()
        await app.hang_up()
        assert self._chan is not None  # noqa: S101 (see above)
        if not self._chan.is_closing():
            if isinstance(error, ConsoleError):
                self._say(error.sentence, 1)
            else:
                self._chan.exit(app.return_code or 0)
        # The client reads the end of its terminal first, and then hangs up by itself.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._chan.wait_closed(), HANG_UP_S)
        self._connection.close()

    @property
    def is_signed_in(self) -> bool:
        """Whether somebody has proven who they are here."""
        return self._warm is not None and self._warm.app.signed_in is not None

    async def notify(self, sentence: str) -> None:
        """Say something on the screen that is up."""
        if self._warm is not None:
            self._warm.app.call_later(self._warm.app.announce, sentence)

    def end(self) -> None:
        """End this console, its session included."""
        if self._warm is not None:
            self._warm.app.exit()

    # What comes in.

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if self._intake is None or self._warm is None:
            return
        self._intake.take(data)
        if self._escape is not None:
            self._escape.cancel()
        loop = asyncio.get_running_loop()
        self._escape = loop.call_later(ESCAPE_DELAY_S * 1.1, self._warm.driver.tick)

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        self._size = clamped((width, height))
        if self._resizing is None:
            loop = asyncio.get_running_loop()
            self._resizing = loop.call_later(RESIZE_PAUSE_S, self._resize)

    def _resize(self) -> None:
        self._resizing = None
        if self._warm is not None and self._size is not None:
            self._warm.driver.resize(self._size)

    def pause_writing(self) -> None:
        if self._warm is not None:
            self._warm.driver.pause()

    def resume_writing(self) -> None:
        if self._warm is not None:
            self._warm.driver.resume()

    def eof_received(self) -> bool:
        self.end()
        return True  # our side stays open until the terminal is restored

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._resizing, self._escape):
            if timer is not None:
                timer.cancel()
        if self._intake is not None:
            self._intake.close()
        self.end()
