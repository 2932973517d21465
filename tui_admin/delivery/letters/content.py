"""What letters are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tui_admin.flows.visitor import LOCAL
from tui_admin.i18n import _, zoned_minute
from tui_admin.security.text import safe


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str
    kind: str = "paragraph"


@dataclass(frozen=True, slots=True)
class Exact:
    """Something to type, to copy or to click, on a line of its own that nothing breaks."""

    text: str
    href: str = ""
    kind: str = "exact"


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what belongs to them."""

    rows: tuple[tuple[str, str], ...]
    kind: str = "facts"


Block = Paragraph | Exact | Facts


@dataclass(frozen=True, slots=True)
class Content:
    """An e-mail before it has a form."""

    subject: str
    blocks: tuple[Block, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """What a letter is made from. Every text in it that a person supplied is safe to show."""

    template: str
    brand: str
    public_host: str
    account: str
    """The account's username, for people who have several."""
    timezone: str
    written_at: datetime
    facts: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)

    def fact(self, name: str) -> str:
        """Return a fact as text; empty when the letter has none of that name."""
        return safe(str(self.facts.get(name, "")))

    def moment(self, iso: str | None = None) -> str:
        """Return a moment, or that of the letter, as the person reads it, with its time zone."""
        at = datetime.fromisoformat(iso) if iso is not None else self.written_at
        return zoned_minute(at, self.timezone)

    @property
    def address(self) -> str:
        """Where it was asked for; `local` is the machine that the console runs on."""
        address = self.fact("address")
        return _("the operator's own system") if address == LOCAL else address
