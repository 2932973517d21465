"""The port through which letters leave, and the three ways in which that can fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tui_admin.security.text import safe

REASON_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Made:
    """A letter as it leaves the house. Its `repr` shows no content."""

    id: str
    """The same for every try, whatever worker makes it."""
    recipient: str
    written_at: datetime
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(default="", repr=False)
    """The same once more, for mail programs; empty for an SMS."""


class DeliveryError(Exception):
    """A letter could not be sent. `reason` is one short line: no code, no password."""

    def __init__(self, reason: str) -> None:
        self.reason = safe(reason, REASON_LIMIT)
        super().__init__(self.reason)


class PermanentFailure(DeliveryError):  # noqa: N818 (what a sender reports, not a fault of ours)
    """It is refused for good; another try would end alike."""


class TemporaryFailure(DeliveryError):  # noqa: N818
    """Another try may succeed. With `is_service`, no letter would have got through just now."""

    def __init__(self, reason: str, *, is_service: bool = False) -> None:
        super().__init__(reason)
        self.is_service = is_service


class SetUpWrongly(TemporaryFailure):
    """The way out is set up wrongly. No letter is to blame, so none of them counts a try."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, is_service=True)


class Sender(Protocol):
    """One way out. Sends one letter at a time, to exactly one address (S27)."""

    async def send(self, letter: Made) -> None:
        """Send one letter; when it returns, the other side has taken it over.

        Raises:
            TemporaryFailure: not now; it may or may not have arrived.
            PermanentFailure: never.
        """

    async def close(self) -> None:
        """Let go of the connection, if one is kept."""
