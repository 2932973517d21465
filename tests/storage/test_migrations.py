"""The schema: made from nothing by migrations, equal to the models, of the right version."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlmodel import SQLModel

from tests.conftest import is_postgres
from tests.support.console import HOME, PASSWORD, Console
from tui_admin import migrations
from tui_admin.database import Database, open_database, schema_version, upgrade
from tui_admin.errors import StartError
from tui_admin.flows import sign_in
from tui_admin.flows.answers import SignedIn


async def test_migrations_make_what_the_models_say(empty_database_url: str) -> None:
    """From an empty database to the newest revision gives exactly the tables, columns, indexes
    and constraints of the models."""
    database = Database(empty_database_url)
    await upgrade(database)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))

    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []
        tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
    assert tables == {*SQLModel.metadata.tables, "alembic_version"}
    assert await schema_version(database) == migrations.revisions()[-1]
    await database.close()


async def test_upgrading_twice_changes_nothing(empty_database_url: str) -> None:
    """`db upgrade` on a current database is no error and leaves it current."""
    database = Database(empty_database_url)
    await upgrade(database)
    await upgrade(database)
    assert await schema_version(database) == migrations.revisions()[-1]
    await database.close()
    await (await open_database(empty_database_url)).close()


async def _open_and_close(url: str) -> None:
    await (await open_database(url)).close()


async def set_version(url: str, statement: str) -> None:
    database = Database(url)
    async with database.connect() as connection:
        await connection.execute(text(statement))
        await connection.commit()
    await database.close()


async def test_a_newer_database_is_refused(database_url: str) -> None:
    """A database of a newer program is refused with a sentence, by the start and by the upgrade,
    and is left as it is."""
    await set_version(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StartError, match="newer version"):
        await open_database(database_url)
    database = Database(database_url)
    with pytest.raises(StartError, match="newer version"):
        await upgrade(database)
    assert await schema_version(database) == "9999"
    await database.close()


async def test_an_older_database_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database of an older program is not touched by a start: the sentence says which command
    to run, after a backup."""
    revisions = [*migrations.revisions(), "9998"]
    monkeypatch.setattr(migrations, "revisions", lambda: revisions)
    with pytest.raises(StartError, match="backup, then run: tui-admin db upgrade"):
        await open_database(database_url)


async def test_a_database_without_tables_is_refused(empty_database_url: str) -> None:
    """A database that has no tables (on SQLite: a file of somebody else's making) is not filled
    by a start; the sentence says which command does."""
    if not is_postgres():
        path = Path(empty_database_url.removeprefix("sqlite+aiosqlite:///"))
        path.parent.mkdir()
        foreign = sqlite3.connect(path)
        foreign.execute("CREATE TABLE theirs (x)")
        foreign.close()
    with pytest.raises(StartError, match="Run: tui-admin db upgrade"):
        await open_database(empty_database_url)


@pytest.mark.skipif(is_postgres(), reason="only an embedded database is made by a start")
@pytest.mark.parametrize("left", ["nothing", "an empty file", "no tables"])
def test_the_first_start_makes_the_embedded_database(empty_database_url: str, left: str) -> None:
    """The first start makes folder and database, for the owner's eyes only; also where an earlier
    one was cut short before its first byte."""
    path = Path(empty_database_url.removeprefix("sqlite+aiosqlite:///"))
    if left == "an empty file":
        path.parent.mkdir(mode=0o700)
        path.touch(mode=0o600)
    if left == "no tables":
        path.parent.mkdir(mode=0o700)
        path.touch(mode=0o600)
        begun = sqlite3.connect(path)
        begun.execute("PRAGMA journal_mode = WAL")
        begun.close()
        assert path.stat().st_size
    asyncio.run(_open_and_close(empty_database_url))
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(is_postgres(), reason="only an embedded database is made by a start")
async def test_two_first_starts_at_once(empty_database_url: str) -> None:
    """Two programs that start at the same moment where no database is yet both get it."""
    code = (
        "import asyncio, sys\n"
        "from tui_admin.database import open_database\n"
        "async def run():\n"
        "    await (await open_database(sys.argv[1])).close()\n"
        "asyncio.run(run())\n"
    )

    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, empty_database_url],
            check=False,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    done = await asyncio.gather(*(asyncio.to_thread(start) for _ in range(3)))
    assert [(each.returncode, each.stderr) for each in done] == [(0, "")] * 3
    await (await open_database(empty_database_url)).close()


async def test_data_lives_through_an_upgrade(console: Console) -> None:
    """Running the upgrade on a database in use loses nothing."""
    await console.customer()
    await upgrade(console.ctx.database)
    await console.reopen()
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", PASSWORD), SignedIn)
