"""What the commands share: opening the parts, and printing for people and for scripts.

Everything printed passes `safe`, also what a flow has made safe before: a column of the database
may have been written by somebody else.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tui_admin.i18n import _
from tui_admin.security.text import safe

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

Answer = TypeVar("Answer")

AsJson = Annotated[bool, typer.Option("--json", help=_("Print JSON, for scripts."))]
"""The option of every command whose answer scripts read."""

_CELL_LIMIT = 320


class UsageError(typer.TyperException):
    """The command line asks for what cannot be asked for; nothing was looked at."""

    exit_code = 2


def group(text: str) -> typer.Typer:
    """Return an empty group of commands that prints plain text and hides no exception."""
    return typer.Typer(
        help=text,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def with_context(work: Callable[[Context], Awaitable[Answer]]) -> Answer:
    """Open settings, keys and database, do `work` with them, and close them again.

    Raises:
        StartError: it cannot start as it is set up.
    """
    from tui_admin.wiring import open_context

    async def opened() -> Answer:
        ctx = await open_context()
        try:
            return await work(ctx)
        finally:
            await ctx.close()

    return asyncio.run(opened())


def say(text: str) -> None:
    """Print one line."""
    typer.echo(safe(text, 1000))


def print_json(value: Any) -> None:
    """Print `value` as JSON in plain ASCII, so that no character of it can act on a terminal."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True))


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns."""
    table = [[safe(cell, _CELL_LIMIT) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def moment(at: datetime) -> str:
    """Return a moment as ISO 8601 in UTC: `2025-01-31T12:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
