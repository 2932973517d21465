"""The connection to an embedded database: one trip to its thread a statement.

A plain aiosqlite connection goes there four times for one, to open a cursor, execute, fetch and
close, and each trip wakes two threads. Those, and not SQLite, were most of what a sign-in costs
beside its hash.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from typing import Any, Self

import aiosqlite


def connect(path: str, **options: Any) -> Connection:
    """Return a connection that opens when it is awaited; SQLAlchemy's `async_creator_fn`."""
    return Connection(partial(sqlite3.connect, path, **options), iter_chunk_size=1)


class Connection(aiosqlite.Connection):
    """aiosqlite's connection with other cursors."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        # A process that ends shall not wait for a connection that nobody closed.
        self._thread.daemon = True

    def cursor(self) -> Cursor:  # type: ignore[override]  # no trip, so nothing to await
        """Return a cursor for SQLAlchemy's adapter."""
        return Cursor(self)

    async def run(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do `work` on the connection's thread, in its turn."""
        await self._execute(work, self._conn)  # type: ignore[no-untyped-call]


class Cursor:
    """What SQLAlchemy's adapter asks of a cursor: execute, then fetch all, then close."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> None:
        """Execute a statement and fetch its rows."""
        await self._run(lambda cursor: cursor.execute(sql, parameters))  # type: ignore[arg-type]

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> None:
        """Execute a statement once for each of `parameters`."""
        await self._run(lambda cursor: cursor.executemany(sql, parameters))  # type: ignore[arg-type]

    async def fetchall(self) -> list[Any]:
        """Return the rows, which are here already."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: SQLite's own cursor was closed as soon as its rows were fetched."""

    async def _run(self, work: Callable[[sqlite3.Cursor], object]) -> None:
        def there(connection: sqlite3.Connection) -> None:
            with closing(connection.cursor()) as cursor:
                work(cursor)
                self.description = cursor.description
                self._rows = cursor.fetchall() if cursor.description else []
                self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid

        await self._connection.run(there)
