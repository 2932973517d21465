"""One terminal at the door: an SSH channel with a console on it."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any

import asyncssh

from screens.terminal import DUMB
from tui_admin.errors import ConsoleError, FaultError, FloodError, RestartError, UnsignedError
from tui_admin.flows.visitor import Visitor
from tui_admin.i18n import _, use_language
from tui_admin.security.text import safe
from tui_admin.servers import colours, commands
from tui_admin.servers.driver import USUAL, clamped
from tui_admin.servers.intake import Intake
from tui_admin.servers.pool import Warm
from tui_admin.servers.sizes import SizeChanges
from tui_admin.servers.unsigned import Unsigned
from tui_admin.servers.wire import ConsoleChannel

if TYPE_CHECKING:
    from tui_admin.servers.connection import Connection
    from tui_admin.servers.ssh import Door

log = logging.getLogger(__name__)
HANG_UP_S = 10.0
"""How long a client has to close its side once its terminal has ended."""
LAST_FRAME_S = 10.0
"""How long a console has to end by itself."""
WRITE_BUFFER = 256 * 1024
"""Bytes that wait for a client that does not read; then frames are dropped."""


class Terminal(asyncssh.SSHServerSession[bytes]):
    """A session channel: the console if it asks for a shell, a command's answer if it asks for
    one."""

    def __init__(self, door: Door, connection: Connection) -> None:
        self._door = door
        self._connection = connection
        self._chan: ConsoleChannel | None = None
        self._term = ""
        self._size: tuple[int, int] | None = None
        self._command: str | None = None
        self._warm: Warm | None = None
        self.task: asyncio.Task[None] | None = None
        """What runs the console until everything of it has ended."""
        self._intake: Intake | None = None
        self._over = asyncio.Event()
        self._error: ConsoleError | None = None
        self._holds: set[str] = set()
        self._sizes = SizeChanges(self._resize)
        self._unsigned: Unsigned | None = None

    # What the client asks for.

    def connection_made(self, chan: Any) -> None:
        self._chan = chan
        chan.set_write_buffer_limits(high=WRITE_BUFFER)

    def pty_requested(
        self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Any
    ) -> bool:
        if self.is_console:
            return False
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
        assert self._chan is not None  # noqa: S101 (there is one before anything is asked for)
        if self._door.is_draining:
            self._say(RestartError().sentence, 1)
        elif self._command is not None:
            text, code = commands.answer(self._command, self._door.fingerprint)
            self._say(text, code)
        elif self._size is None:
            self._say(_("The console needs a terminal. Try: ssh -t"), 1)
        elif self._term == "dumb":
            self._say(_(DUMB), 1)
        else:
            self._intake = Intake(
                self._door.settings,
                self._chan.pause_reading,
                self._chan.resume_reading,
                lambda: self.end(FloodError()),
            )
            self._door.terminals.add(self)
            self._connection.console_began()
            self.task = asyncio.get_running_loop().create_task(self._serve(self._chan))

    def _say(self, sentence: str, code: int) -> None:
        """Print one sentence and end with an exit code; what is refused goes to stderr."""
        assert self._chan is not None  # noqa: S101 (see above)
        end = b"\r\n" if self._size is not None else b"\n"
        datatype = asyncssh.EXTENDED_DATA_STDERR if code else None
        self._chan.write(safe(sentence, 1000).encode() + end, datatype)
        self._chan.exit(code)

    # The console.

    @property
    def is_console(self) -> bool:
        """Whether it shows the console, or is about to."""
        return self.task is not None

    @property
    def is_signed_in(self) -> bool:
        """Whether somebody has proven who they are here."""
        return self._warm is not None and self._warm.app.signed_in is not None

    async def _serve(self, chan: ConsoleChannel) -> None:
        metrics = self._door.metrics
        metrics.terminals.inc()
        try:
            self._warm = await self._take()
            if self._warm is not None and not self._over.is_set():
                await self._show(self._warm, chan)
        except Exception:
            log.exception("a terminal failed")
            self._error = FaultError()
        finally:
            await self._finish(chan)
            metrics.terminals.dec()
            self._door.terminals.discard(self)

    async def _take(self) -> Warm | None:
        """Wait for a console, or until nobody waits for it any more: none is made for them."""
        taking = asyncio.ensure_future(self._door.pool.take(self._size or USUAL))
        over = asyncio.ensure_future(self._over.wait())
        await asyncio.wait([taking, over], return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if taking.done():
            return taking.result()
        taking.cancel()
        return None

    async def _show(self, warm: Warm, chan: ConsoleChannel) -> None:
        """Put a console on the channel, and wait until one of them is over."""
        app, intake = warm.app, self._intake
        assert self._size is not None and intake is not None  # noqa: S101 (they come first)
        app.visitor = Visitor(self._connection.address, self._term)
        app.abilities = colours.abilities_of(self._term)
        app.when_missed = self._connection.missed
        app.when_signed_in = self._signed_in
        app.on_sign_in = self._door.metrics.sign_in
        warm.driver.on_frame = self._door.metrics.frame
        warm.driver.attach(chan, self._size, colours.colour_system(self._term, chan.colorterm))
        if self._holds or self._connection.is_full:
            warm.driver.pause()
        intake.start(app, warm.driver.feed)
        self._signed_in(False)
        if link := self._connection.link:
            app.call_later(app.follow_link, link)
        over = asyncio.ensure_future(self._over.wait())
        await asyncio.wait([warm.task, over], return_when=asyncio.FIRST_COMPLETED)
        over.cancel()

    async def _finish(self, chan: ConsoleChannel) -> None:
        """End what is left: the app, its session, the channel."""
        code = 0
        self._over.set()
        self._stop_timers()
        if self._warm is not None:
            code = await self._end_app(self._warm)
            use_language(self._warm.app.language)  # for the last sentence
            self._warm.app.let_go()
            self._warm = None
            self._door.sweeper.console_ended()
        if not chan.is_closing():
            if self._error is not None:
                self._say(self._error.sentence, 1)
            else:
                chan.exit(code)
        # The client reads the end of its terminal first, and then closes its side or hangs up.
        try:
            await asyncio.wait_for(chan.wait_closed(), HANG_UP_S)
        except TimeoutError:
            self._connection.close()

    async def _end_app(self, warm: Warm) -> int:
        app = warm.app
        if not warm.task.done():
            app.exit()
            await asyncio.wait([warm.task], timeout=LAST_FRAME_S)
            warm.task.cancel()
            await asyncio.wait([warm.task])
        if warm.task.cancelled() or warm.task.exception() is not None:
            fault = None if warm.task.cancelled() else warm.task.exception()
            log.error("a console failed", exc_info=fault)
            app.exit_error = FaultError()
        if app._driver is not None:
            app._driver.stop_application_mode()
        await app.hang_up()
        self._error = self._error or app.exit_error
        return app.return_code or 0

    def _signed_in(self, is_signed_in: bool) -> None:
        """Somebody signed in here, or nobody is any more."""
        if self._unsigned is not None:
            self._unsigned.stop()
            self._unsigned = None
        if not is_signed_in and not self._over.is_set():
            self._unsigned = Unsigned(
                self._door.settings.unsigned_s,
                self._warn_unsigned,
                lambda: self.end(UnsignedError()),
            )
        self._connection.look_who_is_here()

    def _warn_unsigned(self) -> None:
        if self._warm is None:
            return
        app = self._warm.app
        # In the app's own task, and so in its language.
        app.call_later(
            lambda: app.attendance.warn(
                _("Nobody is signed in here. This ends in a minute; press any key to stay.")
            )
        )

    def announce_restart(self, at_s: float) -> None:
        """Say, on whatever screen is up until then, that the server ends at `at_s` of the loop's
        clock."""
        if self._warm is None:
            return
        app, loop = self._warm.app, asyncio.get_running_loop()
        app.call_later(
            app.announce,
            lambda: _(
                "The server restarts in {n} s. Please finish, and connect again after that."
            ).format(n=max(0, math.ceil(at_s - loop.time()))),
        )

    def end(self, error: ConsoleError | None = None) -> None:
        """End this console, its session included, with a sentence."""
        if error is not None and not self._over.is_set():
            self._error = error
            self._connection.why = error.code
            self._door.metrics.evicted(error.code)
        if self._warm is not None:
            self._warm.app.is_over = True
        self._over.set()

    # What comes in.

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if self._unsigned is not None:
            self._unsigned.note()
        if self._intake is not None:
            self._intake.take(data)

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._size is None:
            return
        self._size = clamped((width, height))
        if self.is_console and not self._over.is_set():
            self._sizes.note()

    def _resize(self) -> None:
        if self._warm is not None and self._size is not None:
            self._warm.driver.resize(self._size)

    def hold(self, reason: str) -> None:
        """Draw nothing: there is no room for it."""
        self._holds.add(reason)
        if self._warm is not None:
            self._warm.driver.pause()

    def release(self, reason: str) -> None:
        """Draw again, if nothing else is in the way."""
        self._holds.discard(reason)
        if self._warm is not None and not self._holds:
            self._warm.driver.resume()

    def pause_writing(self) -> None:
        self.hold("window")

    def resume_writing(self) -> None:
        self.release("window")

    def eof_received(self) -> bool:
        self.end()
        return True  # our side stays open until the terminal is restored

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        self.end()
        self._connection.closed(self)

    def _stop_timers(self) -> None:
        self._sizes.stop()
        if self._unsigned is not None:
            self._unsigned.stop()
        if self._intake is not None:
            self._intake.close()
