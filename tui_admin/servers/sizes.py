"""Changes of a window's size: of many in a row, the last one counts (T4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.5
"""Each change within a second of the last one doubles the pause before it is looked at."""


class SizeChanges:
    """Calls `then` once for each run of changes: a layout costs as much as three keys."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._timer: asyncio.TimerHandle | None = None
        self._pause_s = PAUSE_S
        self._last_s = 0.0

    def note(self) -> None:
        """The size has changed."""
        if self._timer is not None:
            return
        loop = asyncio.get_running_loop()
        is_many = loop.time() - self._last_s < 1
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S) if is_many else PAUSE_S
        self._timer = loop.call_later(self._pause_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._last_s = asyncio.get_running_loop().time()
        self._then()

    def stop(self) -> None:
        """Forget the change that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
