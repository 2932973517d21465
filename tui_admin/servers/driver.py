"""Textual's driver for one SSH channel: what the app draws goes there, what comes from there is
keys.

An app may run on a driver that has no channel yet: the pool starts it ahead, and it is attached
when somebody arrives.
"""

from __future__ import annotations

import asyncio
import codecs
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

# Private to Textual; the exact pin and the tests of this driver watch over it.
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.events import AppBlur, AppFocus, Key, MouseEvent, Paste, Resize
from textual.geometry import Size
from textual.message import Message

from screens.terminal import CLEAR
from tui_admin.servers.pastes import Pastes

if TYPE_CHECKING:
    from textual.app import App

log = logging.getLogger(__name__)
MAX_COLUMNS, MAX_ROWS = 500, 300
"""The largest window that is drawn; a client may claim any (T4)."""
USUAL = (80, 24)
"""The size of a terminal that does not say, and of most that do."""
ESCAPE_DELAY_S = 0.1
"""How long an ESC waits for the rest of a sequence before it is the key."""
KEY_COST = 16
"""Bytes that a key counts for: it costs milliseconds where a byte costs microseconds."""
PASTED_SHARE = 16
"""Pasted bytes that count for one: they are one message in the end."""

_WANTED = (Key, Paste, MouseEvent, AppFocus, AppBlur)
"""What a terminal may say. Answers to questions that were not asked are dropped."""

_ENTER = (
    "\x1b[?1049h"  # the alternate screen
    "\x1b[?25l"  # no cursor: fields draw their own
    "\x1b[?1000h\x1b[?1002h\x1b[?1006h"  # mouse: presses and drags, in SGR form
    "\x1b[?1004h"  # focus
    "\x1b[?2004h"  # bracketed paste
)
_LEAVE = f"\x1b[?2004l\x1b[?1004l\x1b[?1006l\x1b[?1002l\x1b[?1000l{CLEAR}\x1b[?25h\x1b[?1049l"


_POINTER = "\x1b]22;"
"""The shape of the mouse pointer: the Linux console and others print it."""


def _nobody() -> None:
    """Nobody counts."""


class Channel(Protocol):
    """The side of an SSH channel that a driver writes to."""

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""


class ChannelDriver(Driver):
    """Draws to a channel that is attached, and to nothing before."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size or USUAL)
        self.on_frame: Callable[[], None] = _nobody
        """Called for each piece that is sent."""
        self._channel: Channel | None = None
        self._is_full = False
        self._has_dropped = False
        self._is_closed = False
        self._parser = XTermParser()
        self._pastes = Pastes()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._escape: asyncio.TimerHandle | None = None

    # The app's side.

    @property
    def is_headless(self) -> bool:
        """Nothing is rendered for nobody: in which colours is not known before `attach`."""
        return self._channel is None

    def write(self, data: str) -> None:
        """Send a frame. A client that does not read gets none until it does: frames are dropped,
        not kept, and the whole screen is drawn when there is room again."""
        if self._channel is None or self._is_closed or self._channel.is_closing():
            return
        if data.startswith(_POINTER):
            return
        if self._is_full:
            self._has_dropped = True
            return
        self._channel.write(data.encode("utf-8", "replace"))
        self.on_frame()

    def send_message(self, message: Message) -> None:
        # Textual's own comes from a thread and has to wake the loop; this one is on it.
        self._app.post_message(message)

    def start_application_mode(self) -> None:
        """Nothing yet: `attach` makes the terminal ready."""

    def disable_input(self) -> None:
        """Stop listening."""
        self._is_closed = True

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was; safe to call twice."""
        channel, self._channel = self._channel, None
        self._is_closed = True
        if self._escape is not None:
            self._escape.cancel()
        self._start_parser()  # Textual's cache of keys would keep the old one and all it holds
        if channel is not None and not channel.is_closing():
            channel.write(_LEAVE.encode())

    @property
    def size(self) -> tuple[int, int]:
        """The size that the app draws itself in."""
        return self._size or USUAL

    # The channel's side.

    def attach(self, channel: Channel, size: tuple[int, int], colour_system: str) -> None:
        """Show the app on a channel, from its next frame on."""
        self._channel = channel
        app = self._app
        if app.console.color_system != colour_system:
            app.console = Console(
                color_system=colour_system,  # type: ignore[arg-type]
                file=app.console.file,
                markup=True,
                highlight=False,
                emoji=False,
                legacy_windows=False,
                force_terminal=True,
                _environ={},
            )
        self.write(_ENTER)
        if self.size == clamped(size):
            app.call_later(self._draw_all)
        else:
            self.resize(size)

    def resize(self, size: tuple[int, int]) -> None:
        """Tell the app of another size of its window."""
        if self._size == clamped(size):
            return
        self._size = clamped(size)
        event = Resize(Size(*self._size), Size(*self._size))
        self.send_message(event)

    def feed(self, data: bytes) -> float:
        """Take bytes that the terminal sent; return how many they count for."""
        text, pasted = self._pastes.admit(self._decoder.decode(data))
        cost = max(len(data) - pasted, 0) + pasted / PASTED_SHARE
        if not text:
            return cost  # A character in parts; to the parser, nothing would be the end of all.
        count = 0
        try:
            for message in self._parser.feed(text):
                count += self._take(message)
        except Exception:
            # ESC [ 9999999 u is enough: the parser asks for that character, and is broken then.
            log.debug("a sequence was no sequence", exc_info=True)
            self._start_parser()
        if self._escape is not None:
            self._escape.cancel()
        self._escape = self._loop.call_later(ESCAPE_DELAY_S * 1.1, self._tick)
        return max(cost, count * KEY_COST)

    def _tick(self) -> None:
        """Take an ESC that nothing has followed as the key."""
        for message in self._parser.tick():
            self._take(message)

    def _start_parser(self) -> None:
        self._parser._gen.close()
        self._parser = XTermParser()
        self._pastes = Pastes()

    def _take(self, message: Message) -> int:
        if self._is_closed or not isinstance(message, _WANTED):
            return 0
        self.process_message(message)
        return 1

    def pause(self) -> None:
        """The channel is full."""
        self._is_full = True

    def resume(self) -> None:
        """The channel has room again."""
        self._is_full = False
        if self._has_dropped:
            self._has_dropped = False
            self._app.call_later(self._draw_all)

    def _draw_all(self) -> None:
        if self._is_closed or not self._app.screen_stack:
            return
        screen = self._app.screen
        screen._compositor._dirty_regions.clear()
        self._app._display(screen, screen._compositor.render_update(full=True))


def clamped(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size that can be drawn; what makes no sense becomes 80 by 24."""
    columns, rows = size
    if columns <= 0 or rows <= 0:
        return USUAL
    return min(columns, MAX_COLUMNS), min(rows, MAX_ROWS)
