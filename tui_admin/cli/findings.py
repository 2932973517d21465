"""What `tui-admin doctor` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "attention", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: `sentence` says how it is and, unless it is ok, what to do."""

    name: str
    state: State
    sentence: str
