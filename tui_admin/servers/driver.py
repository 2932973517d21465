"""Textual's driver for one SSH channel: what the app draws goes there, what comes from there is
keys.

An app may run on a driver that has no channel yet: the pool starts it ahead, and it is attached
when somebody arrives.
"""

from __future__ import annotations

import codecs
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console

# Private to Textual; the exact pin and the tests of this driver watch over it.
from textual._xterm_parser import XTermParser
from textual.driver import Driver
from textual.events import AppBlur, AppFocus, Key, MouseEvent, Paste, Resize
from textual.geometry import Size
from textual.message import Message

if TYPE_CHECKING:
    from textual.app import App

MAX_COLUMNS, MAX_ROWS = 500, 300
"""The largest window that is drawn; a client may claim any (T4)."""
ESCAPE_DELAY_S = 0.1
"""How long an ESC waits for the rest of a sequence before it is the key."""

_WANTED = (Key, Paste, MouseEvent, AppFocus, AppBlur)
"""What a terminal may say. Answers to questions that were not asked are dropped."""

_ENTER = (
    "\x1b[?1049h"  # the alternate screen
    "\x1b[?25l"  # no cursor: fields draw their own
    "\x1b[?1000h\x1b[?1002h\x1b[?1006h"  # mouse: presses and drags, in SGR form
    "\x1b[?1004h"  # focus
    "\x1b[?2004h"  # bracketed paste
)
_LEAVE = (
    "\x1b[?2004l\x1b[?1004l\x1b[?1006l\x1b[?1002l\x1b[?1000l"
    "\x1b[0m\x1b[?25h\x1b[?1049l"
)  # fmt: skip


class Channel(Protocol):
    """The side of an SSH channel that a driver writes to."""

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""


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
        super().__init__(app, debug=debug, mouse=mouse, size=size or (80, 24))
        self._channel: Channel | None = None
        self._is_full = False
        self._has_dropped = False
        self._is_closed = False
        self._parser = XTermParser()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    # The app's side.

    def write(self, data: str) -> None:
        """Send a frame. A client that does not read gets none until it does: frames are dropped,
        not kept, and the whole screen is drawn when there is room again."""
        if self._channel is None or self._is_closed:
            return
        if self._is_full:
            self._has_dropped = True
            return
        self._channel.write(data.encode("utf-8", "replace"))

    def send_message(self, message: Message) -> None:
        # Textual's own comes from a thread and has to wake the loop; this one is on it.
        self._app.post_message(message)

    def start_application_mode(self) -> None:
        """Nothing yet: `attach` makes the terminal ready."""

    def disable_input(self) -> None:
        """Stop listening."""
        self._is_closed = True

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was."""
        channel, self._channel = self._channel, None
        self._is_closed = True
        if channel is not None:
            with suppress(BrokenPipeError):  # the client has hung up already
                channel.write(_LEAVE.encode())

    @property
    def size(self) -> tuple[int, int]:
        """The size that the app draws itself in."""
        return self._size or (80, 24)

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
        self._size = clamped(size)
        event = Resize(Size(*self._size), Size(*self._size))
        self.send_message(event)

    def feed(self, data: bytes) -> int:
        """Take bytes that the terminal sent; return how many messages they made."""
        count = 0
        text = self._decoder.decode(data)
        for message in self._parser.feed(text):
            count += self._take(message)
        return count

    def tick(self) -> None:
        """Take an ESC that nothing has followed as the key."""
        for message in self._parser.tick():
            self._take(message)

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
        screen = self._app.screen
        screen._compositor._dirty_regions.clear()
        self._app._display(screen, screen._compositor.render_update(full=True))


def clamped(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size that can be drawn; what makes no sense becomes 80 by 24."""
    columns, rows = size
    if columns <= 0 or rows <= 0:
        return 80, 24
    return min(columns, MAX_COLUMNS), min(rows, MAX_ROWS)
