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

if TYPE_CHECKING:
    from textual.app import App

    from tui_admin.config import SshSettings

CHUNK = 512
"""Bytes that are parsed at a time."""
MOST_WAITING = 64
"""Messages that may wait for the app before more are made."""
PAUSE_S = 0.02


class Intake:
    """Passes bytes on at the pace that the settings and the app allow."""

    def __init__(
        self,
        settings: SshSettings,
        feed: Callable[[bytes], int],
        pause: Callable[[], None],
        resume: Callable[[], None],
        app: App[Any],
    ) -> None:
        self._settings = settings
        self._feed = feed
        self._pause, self._resume = pause, resume
        self._app = app
        self._held = bytearray()
        self._allowance = float(settings.input_burst)
        self._at_s = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def take(self, data: bytes) -> None:
        """Take what has come; pauses the channel when it is too much."""
        if self._timer is not None:
            self._held += data
            return
        self._held += data
        self._pass_on()

    def close(self) -> None:
        """Let go of what was held."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _pass_on(self) -> None:
        was_paused = self._timer is not None
        self._timer = None
        now_s = time.monotonic()
        rate, burst = self._settings.input_rate, self._settings.input_burst
        self._allowance = min(burst, self._allowance + (now_s - self._at_s) * rate)
        self._at_s = now_s
        while self._held and self._allowance >= 1:
            if self._app._message_queue.qsize() >= MOST_WAITING:
                break
            chunk = self._held[: min(CHUNK, int(self._allowance))]
            del self._held[: len(chunk)]
            self._allowance -= len(chunk)
            self._feed(bytes(chunk))
        if self._held:
            if not was_paused:
                self._pause()
            self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._pass_on)
        elif was_paused:
            self._resume()
