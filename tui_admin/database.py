"""The engine, transactions, and the safety checks at start.

SQLite has one writer: a transaction that will write says so at its beginning (`BEGIN IMMEDIATE`),
because one that reads first and writes later can fail with a lock that no waiting cures.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin import embedded, migrations
from tui_admin.errors import StartError, UnavailableError
from tui_admin.i18n import _

BUSY_TIMEOUT_S = 5
_SYNCHRONOUS_FULL = 2


class StorageError(UnavailableError):
    """The database did not do its part: gone, locked, full or damaged. Nothing was changed."""

    code = "storage"

    @property
    def sentence(self) -> str:
        return _("The database is not available just now. Nothing was changed; please try again.")


Answer = TypeVar("Answer")


async def _whole(work: Awaitable[Answer]) -> Answer:
    """Await `work` to its end even when the caller is cancelled, and hear the cancellation then."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


class _WholeSession(AsyncSession):
    """A session whose every call to the database is whole.

    A terminal that goes away cancels its flow. Cut short inside a call, a connection was dropped
    with SQLite's write lock still in its hands, and everybody else stood before a locked database:
    hanging up at the right moment was enough. Cancelled between two calls it is rolled back.
    """

    async def exec(self, *args: Any, **kwargs: Any) -> Any:
        return await _whole(super().exec(*args, **kwargs))

    async def get(self, *args: Any, **kwargs: Any) -> Any:
        return await _whole(super().get(*args, **kwargs))

    async def connection(self, *args: Any, **kwargs: Any) -> AsyncConnection:
        return await _whole(super().connection(*args, **kwargs))

    async def delete(self, instance: object) -> None:
        await _whole(super().delete(instance))

    async def flush(self, *args: Any, **kwargs: Any) -> None:
        await _whole(super().flush(*args, **kwargs))

    async def commit(self) -> None:
        await _whole(super().commit())

    async def close(self) -> None:
        await _whole(super().close())


class Database:
    """One database, SQLite or PostgreSQL, and its transactions."""

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
            self.is_sqlite = self.url.get_backend_name() == "sqlite"
            options: dict[str, Any] = (
                {
                    "connect_args": {
                        "timeout": BUSY_TIMEOUT_S,
                        "async_creator_fn": embedded.connect,
                    }
                }
                if self.is_sqlite
                # Named, because a server may be set to another level, and under that one a count
                # that was waited for would still be read as it was before.
                else {
                    "isolation_level": "READ COMMITTED",
                    "pool_pre_ping": True,
                    "connect_args": {"connect_timeout": 5},
                }
            )
            # Without the values: an error that is logged would tell names, hashes and tokens.
            self._engine = create_async_engine(self.url, hide_parameters=True, **options)
        except (ArgumentError, ImportError, SQLAlchemyError):
            raise StartError(_("The setting database_url is not a database address.")) from None
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        self._writers = self._engine.execution_options(writes=True)
        # SQLite's own waiting is a poll with pauses: of a hundred writers at once some would starve
        # until their time-out. Those of one process queue here, first come, first served.
        self._turn = asyncio.Lock() if self.is_sqlite else nullcontext()

    @property
    def path(self) -> Path | None:
        """The file of an embedded database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A transaction that only reads.

        Raises:
            StorageError: the database is not available.
        """
        with _storage_errors():
            async with _WholeSession(self._engine, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction that commits at the end of the block and rolls back on an exception.

        Raises:
            StorageError: the database is not available; what was written is not there.
            IntegrityError: a constraint said no; the flow knows which.
        """
        with _storage_errors():
            async with (
                self._turn,
                _WholeSession(self._writers, expire_on_commit=False) as session,
            ):
                yield session
                await session.commit()

    async def lock(self, session: AsyncSession, name: str) -> None:
        """Hold a named lock until the transaction ends. On SQLite a writer holds it all anyway."""
        if not self.is_sqlite:
            connection = await session.connection()
            query = text("SELECT pg_advisory_xact_lock(hashtext(:name))")
            await _whole(connection.execute(query, {"name": name}))

    async def close(self) -> None:
        await self._engine.dispose()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A bare connection, for migrations and checks."""
        with _storage_errors():
            async with self._writers.connect() as connection:
                yield connection

    async def clock_offset_s(self, now_unix_s: float) -> float:
        """Return how far the database server's clock is ahead of `now_unix_s`."""
        async with self.connect() as connection:
            query = (
                "SELECT (julianday('now') - 2440587.5) * 86400.0"
                if self.is_sqlite
                else "SELECT extract(epoch FROM clock_timestamp())"
            )
            return float((await connection.execute(text(query))).scalar_one()) - now_unix_s


class _storage_errors:  # noqa: N801 (reads as the context manager it is)
    """Turn a driver's errors into `StorageError`; constraints pass, flows answer those."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, IntegrityError):
            return
        unavailable = DBAPIError | PoolTimeoutError | OSError | TimeoutError | sqlite3.Error
        if isinstance(error, unavailable):
            raise StorageError from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: `_begin_sqlite` says which kind.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA trusted_schema = OFF")
    # Deleted keys are overwritten, so that no copy is left in free pages.
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


async def open_database(url: str) -> Database:
    """Open a database that is ready for use; make an embedded one that does not exist yet.

    Raises:
        StartError: unreachable, damaged, unsafe, or at another version; with what to do.
    """
    database = Database(url)
    try:
        if _is_fresh(database.path):
            await upgrade(database)
        else:
            await _check_version(database)
        await _check_safety(database)
    except StorageError as error:
        await database.close()
        raise StartError(why_not(database, error)) from error
    except BaseException:
        await database.close()
        raise
    return database


async def upgrade(database: Database) -> None:
    """Bring the schema to this program's version (`tui-admin db upgrade`).

    Raises:
        StartError: the database is from a newer version.
    """
    # Alembic takes longer to load than the whole first frame, and most starts need none of it.
    from alembic import command
    from alembic.config import Config

    if database.path is not None:
        _make_file(database.path)
    _refuse_newer(await schema_version(database))
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()


async def schema_version(database: Database) -> str | None:
    """Return the revision that the database is at, or None for an empty one."""
    if "alembic_version" not in await _table_names(database):
        return None
    async with database.connect() as connection:
        found = await connection.execute(text("SELECT version_num FROM alembic_version"))
        return found.scalar_one_or_none()


async def _table_names(database: Database) -> list[str]:
    async with database.connect() as connection:
        return await connection.run_sync(lambda sync: inspect(sync).get_table_names())


def _is_fresh(path: Path | None) -> bool:
    """Whether an embedded database is still to be made; an empty file is a start cut short."""
    return path is not None and (not path.exists() or path.stat().st_size == 0)


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError as error:
        raise StartError(
            _("The folder {path} cannot be used: {why}").format(
                path=path.parent, why=error.strerror
            )
        ) from None


def _refuse_newer(current: str | None) -> None:
    if current is not None and current not in migrations.revisions():
        raise StartError(
            _("The database is from a newer version of this program. Please update the program.")
        )


async def _check_version(database: Database) -> None:
    current = await schema_version(database)
    _refuse_newer(current)
    if current is None:
        if database.path is not None and not await _table_names(database):
            # Another program made it this moment, or one was cut short before the first table.
            await upgrade(database)
            return
        raise StartError(_("The database is empty. Run: tui-admin db upgrade"))
    if current != migrations.revisions()[-1]:
        raise StartError(
            _(
                "The database is from an older version. "
                "Make a backup, then run: tui-admin db upgrade"
            )
        )


async def _check_safety(database: Database) -> None:
    """Refuse settings under which a committed change may be lost (O7)."""
    query = "PRAGMA synchronous" if database.is_sqlite else "SHOW synchronous_commit"
    async with database.connect() as connection:
        value = str((await connection.execute(text(query))).scalar_one())
    safe = int(value) >= _SYNCHRONOUS_FULL if database.is_sqlite else value != "off"
    if not safe:
        raise StartError(
            _("The database may lose what it confirmed (synchronous is off). Switch it on.")
        )


def why_not(database: Database, error: StorageError) -> str:
    """Return the sentence for a database that does not open, with the way out."""
    where = database.path or database.url.render_as_string(hide_password=True)
    cause = str(error.__cause__).casefold()
    if "locked" in cause:
        return _(
            "The database {where} is locked by another program. End that, then try again."
        ).format(where=where)
    if "malformed" in cause or "not a database" in cause:
        return _(
            "The database {where} is damaged. Restore a backup; the damaged file was left alone."
        ).format(where=where)
    if "full" in cause:
        return _("There is no room left on the disk of {where}.").format(where=where)
    if "readonly" in cause or "permission" in cause or "unable to open" in cause:
        return _(
            "The database {where} cannot be opened or written. Check its owner and mode."
        ).format(where=where)
    return _(
        "The database {where} cannot be reached. Check that it runs, and database_url."
    ).format(where=where)
