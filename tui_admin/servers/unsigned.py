"""A terminal that nobody is signed in on ends: a while after the last key, and sooner or later in
any case (T5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

WARN_S = 60.0
"""How long before the end somebody who has stopped typing is told."""
LONGEST = 6
"""Times the idle time that a terminal may stand at most: keys that nobody types keep none open."""


class Unsigned:
    """Counts from when it is made.

    Args:
        idle_s: Seconds without a key.
        warn: Called `WARN_S` before the end, where there are as many.
        end: Called at the end.
    """

    def __init__(self, idle_s: float, warn: Callable[[], None], end: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._idle_s = idle_s
        self._warn, self._end = warn, end
        self._heard_s = self._loop.time()
        self._latest_s = self._heard_s + LONGEST * idle_s
        self._timer = self._loop.call_later(0, self._look)

    def note(self) -> None:
        """A key came."""
        self._heard_s = self._loop.time()

    def _look(self) -> None:
        left_s = min(self._heard_s + self._idle_s, self._latest_s) - self._loop.time()
        if left_s <= 0:
            self._end()
            return
        if self._idle_s > WARN_S:
            if left_s <= WARN_S:
                self._warn()
            else:
                left_s -= WARN_S
        self._timer = self._loop.call_later(left_s, self._look)

    def stop(self) -> None:
        """Somebody has signed in, or nobody is there any more."""
        self._timer.cancel()
