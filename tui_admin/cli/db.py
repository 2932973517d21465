"""`tui-admin db`: the database's version and health."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tui_admin.cli.output import group, print_table, say
from tui_admin.errors import StartError
from tui_admin.i18n import _

if TYPE_CHECKING:
    from tui_admin.database import Database

_SIGNS_OF_DAMAGE = ("malformed", "not a database", "invalid page", "could not read block")

app = group(_("Bring the database to this version, and check it."))


@app.command(help=_("Bring the database to this program's version; make a backup before."))
def upgrade() -> None:
    """Run the migrations."""
    say(asyncio.run(_upgrade()))


@app.command(help=_("Check the database: version, safety of what it confirms, integrity."))
def check() -> None:
    """Check the database; changes nothing."""
    print_table(asyncio.run(_check()))


async def _upgrade() -> str:
    from tui_admin import database as storage
    from tui_admin.config import load_settings

    url = load_settings().url
    database = storage.Database(url)
    try:
        before = None if _is_missing(database) else await storage.schema_version(database)
        await storage.upgrade(database)
        after = await storage.schema_version(database)
    except storage.StorageError as error:
        raise StartError(storage.why_not(database, error)) from error
    finally:
        await database.close()
    if before == after:
        return _("The database is at version {version} already.").format(version=after)
    return _("The database is now at version {version}.").format(version=after)


async def _check() -> list[tuple[str, str]]:
    from tui_admin import database as storage
    from tui_admin.config import load_settings

    url = load_settings().url
    closed = storage.Database(url)
    if _is_missing(closed):
        raise StartError(
            _("There is no database at {path} yet. Make it with: tui-admin db upgrade").format(
                path=closed.path
            )
        )
    database = await storage.open_database(url)  # refuses another version and unsafe settings
    try:
        version = await storage.schema_version(database)
        await _check_integrity(database)
    finally:
        await database.close()
    where = database.path or database.url.render_as_string(hide_password=True)
    return [
        (_("Database"), str(where)),
        (_("Version"), str(version)),
        (_("Safety"), _("ok: what is confirmed is on the disk")),
        (_("Integrity"), _("ok")),
    ]


def _is_missing(database: Database) -> bool:
    """Whether an embedded database is not there; connecting would make an empty one."""
    path = database.path
    return path is not None and not (path.exists() and path.stat().st_size > 0)


async def _check_integrity(database: Database) -> None:
    """Read the whole database.

    Raises:
        StartError: it is damaged.
    """
    from sqlalchemy import func, select, text
    from sqlmodel import SQLModel

    from tui_admin import models  # noqa: F401  (fills the metadata)
    from tui_admin.database import StorageError

    found: list[str] = []
    try:
        async with database.connect() as connection:
            if database.is_sqlite:
                rows = await connection.execute(text("PRAGMA integrity_check"))
                found += [str(row[0]) for row in rows if row[0] != "ok"]
                rows = await connection.execute(text("PRAGMA foreign_key_check"))
                found += [_("a row of {table} points nowhere").format(table=r[0]) for r in rows]
            else:
                for table in SQLModel.metadata.sorted_tables:
                    await connection.execute(select(func.count()).select_from(table))
    except StorageError as error:
        cause = str(error.__cause__)
        if not any(word in cause for word in _SIGNS_OF_DAMAGE):
            raise
        found.append(cause.splitlines()[0])
    if found:
        raise StartError(
            _("The database is damaged ({what}). Restore a backup; it was left alone.").format(
                what=found[0][:200]
            )
        )
