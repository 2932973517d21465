"""What is measured of the SSH server, and the server as the kernel sees it."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Figures:
    """What was measured; times in seconds, sizes in bytes."""

    handshake_s: list[float] = field(default_factory=list)
    """TCP to the answer of `ssh host version`: what SSH takes without a console."""
    paced_s: list[float] = field(default_factory=list)
    """TCP to the first frame, one arrival every `PACE_S`."""
    other_size_s: list[float] = field(default_factory=list)
    """The same in a window of a size that nobody had before."""
    burst_s: list[float] = field(default_factory=list)
    """The same, all at once, more than the pool holds."""
    arrival_cpu_s: float = 0.0
    """The server's CPU for one paced arrival, its successor in the pool included."""
    alone_s: list[float] = field(default_factory=list)
    """Key to frame, one terminal."""
    alone_cpu_s: float = 0.0
    """The server's CPU for one of these keys."""
    terminals: int = 0
    """How many are open in what follows."""
    crowd_s: list[float] = field(default_factory=list)
    """Key to frame, all of them typing."""
    crowd_cpu_s: float = 0.0
    client_cpu_s: float = 0.0
    """The client's own CPU for one of these keys."""
    idle_share: float = 0.0
    """The server's CPU with all of them at rest, as a part of one core."""
    bytes_each: float = 0.0
    """What a terminal adds to the server's resident memory."""
    opened_per_s: float = 0.0
    """Terminals opened a second, sixteen at a time."""
    held: int = 0
    """How many terminals answered a key while all of them were open."""
    held_wanted: int = 0
    held_bytes: int = 0
    """The server's resident memory with so many."""
    held_per_s: float = 0.0


class Server:
    """The server's processes as the kernel counts them."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def _pids(self) -> list[int]:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split()
        return [self._pid, *map(int, children)]

    def cpu_s(self) -> float:
        """CPU of all threads so far, to the nanosecond; see `benchmarks.terminal`."""
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self._pids())

    def rss_bytes(self) -> int:
        return sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            for pid in self._pids()
        )


def summary(got: Figures) -> dict[str, Any]:
    """The figures with lists as median, 95th and count."""
    shown: dict[str, Any] = asdict(got)
    for name, value in shown.items():
        if isinstance(value, list) and value:
            ordered = sorted(value)
            p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
            shown[name] = {"median": statistics.median(ordered), "p95": p95, "count": len(ordered)}
    return shown
