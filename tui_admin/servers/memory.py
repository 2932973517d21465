"""What consoles take while they live, and that nothing of them stays once they have ended.

Python's garbage collector looks at every object there is, while everybody waits: half a second for
a hundred people at work. So it is left to do so by itself hardly ever; what has ended takes itself
apart (`ConsoleApp.let_go`), and a few kilobytes of each are collected after many.
"""

from __future__ import annotations

import gc

SWEEP_AFTER = 1000
"""Ended consoles, of some 50 KB each by then."""
_NEVER = 1_000_000


def prepare() -> None:
    """Set the collector for many consoles in one process; called once all has been imported."""
    gc.collect()
    # What is loaded now stays, and is never looked at again.
    gc.freeze()
    gc.set_threshold(5_000, 10, _NEVER)


class Sweeper:
    """Collects what is left of consoles that have ended."""

    def __init__(self) -> None:
        self._ended = 0

    def console_ended(self) -> None:
        """Note that one has; after many, all that is left of them goes."""
        self._ended += 1
        if self._ended >= SWEEP_AFTER:
            self._ended = 0
            gc.collect()
