"""How fast a terminal may speak: a byte rate before the parser, and no more keys than are handled.

A megabyte of keys that were not pasted in brackets took 2.8 GiB and a hang (T3): each byte becomes
a message that waits for its turn. Here the client waits instead: what is not taken stays in the
network, behind SSH's own window.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tui_admin.errors import FloodError

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump

    from tui_admin.config import SshSettings

CHUNK = 16
"""Bytes that are parsed at a time."""
MOST_WAITING = 4
"""Messages that may wait for the app before more are made: what waits is handled in one go, while
everybody else waits."""
PAUSE_S = 0.02
FLOOD_S = 30.0
"""How long a terminal may send more than it may without a pause."""


class Intake:
    """Passes bytes on at the pace that the settings and the app allow.

    What comes before `start` waits for it: the console may be made only now.
    """

    def __init__(
        self,
        settings: SshSettings,
        pause: Callable[[], None],
        resume: Callable[[], None],
        flooded: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._pause, self._resume, self._flooded = pause, resume, flooded
        self._feed: Callable[[bytes], float] | None = None
        self._app: App[Any] | None = None
        self._held = bytearray()
        self._is_paused = False
        self._is_closed = False
        self._allowance = float(settings.input_burst)
        self._at_s = time.monotonic()
        self._held_since_s: float | None = None
        self._held_last_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, app: App[Any], feed: Callable[[bytes], float]) -> None:
        """Pass on to this app from now on; `feed` returns how many bytes its own count for."""
        self._app, self._feed = app, feed
        self._pass_on()

    def take(self, data: bytes) -> None:
        """Take what has come; pauses the channel when it is too much."""
        if self._is_closed:
            return
        self._held += data
        if self._timer is None:
            self._pass_on()

    def close(self) -> None:
        """Let go of what was held, and take nothing more."""
        self._is_closed = True
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pass_on(self) -> None:
        self._timer = None
        try:
            self._pass_some_on()
        except FloodError:
            self.close()
            self._flooded()
            return
        if self._held:
            if not self._is_paused:
                self._is_paused = True
                self._pause()
            if self._feed is not None:
                self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._pass_on)
        elif self._is_paused:
            self._is_paused = False
            self._resume()

    def _pass_some_on(self) -> None:
        """Pass on what may be.

        Raises:
            FloodError: for too long now there has been more.
        """
        if self._feed is None:
            return
        now_s = time.monotonic()
        rate, burst = self._settings.input_rate, self._settings.input_burst
        self._allowance = min(burst, self._allowance + (now_s - self._at_s) * rate)
        self._at_s = now_s
        while self._held and self._allowance >= 1 and self._waiting() < MOST_WAITING:
            chunk = bytes(self._held[: min(CHUNK, int(self._allowance))])
            del self._held[: len(chunk)]
            self._allowance -= self._feed(chunk)
        if not self._held:
            return
        if self._held_since_s is None or now_s - self._held_last_s > 1:
            self._held_since_s = now_s
        self._held_last_s = now_s
        if now_s - self._held_since_s > FLOOD_S:
            raise FloodError

    def _waiting(self) -> int:
        """Return how many messages wait: the app hands keys on to the screen or the field."""
        assert self._app is not None  # noqa: S101 (it has started)
        pumps: list[MessagePump] = [self._app]
        if self._app.screen_stack:
            pumps.append(self._app.screen)
        if self._app.focused is not None:
            pumps.append(self._app.focused)
        return sum(pump._message_queue.qsize() for pump in pumps)
