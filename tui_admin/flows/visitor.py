"""Who is at the door. Apart from the answers, since the first frame waits for nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Visitor:
    """Who is at the door: the peer's address (`local` on this machine) and the terminal's name."""

    address: str = "local"
    terminal: str = ""
