"""The database when it is well, and when it is locked, full, damaged, gone or unsafe."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from tests.conftest import is_postgres
from tests.support.console import HOME, PASSWORD, Console, attempt
from tui_admin import database as database_module
from tui_admin.config import Settings
from tui_admin.database import Database, StorageError, open_database
from tui_admin.errors import StartError
from tui_admin.flows import accounts, audit, profile, sign_in
from tui_admin.flows.answers import SignedIn
from tui_admin.models import Account, Attempt, Device, Session
from tui_admin.security.sealed import load_keyring
from tui_admin.wiring import open_context

sqlite_only = pytest.mark.skipif(is_postgres(), reason="about the embedded database")


def file_of(console: Console) -> Path:
    path = console.ctx.database.path
    assert path is not None
    return path


@sqlite_only
async def test_every_connection_is_safe(console: Console) -> None:
    """S5, O7: on each pooled connection writes are synced in full, foreign keys hold, deleted
    keys are overwritten, and the log is a write-ahead one."""
    wanted = {
        "journal_mode": "wal",
        "synchronous": "2",
        "foreign_keys": "1",
        "secure_delete": "1",
        "trusted_schema": "0",
        "busy_timeout": "5000",
    }

    async def look() -> dict[str, str]:
        async with console.ctx.database.read() as db:
            connection = await db.connection()
            await asyncio.sleep(0.05)
            return {
                name: str((await connection.execute(text(f"PRAGMA {name}"))).scalar_one())
                for name in wanted
            }

    for found in await asyncio.gather(*(look() for _ in range(6))):
        assert found == wanted


@pytest.mark.postgres
async def test_the_isolation_is_named(console: Console) -> None:
    """S9: transactions run at READ COMMITTED even where the database's default is another; at
    REPEATABLE READ a count that was waited for would be read as it was before."""
    name = make_url(console.settings.url).database
    await console.execute(
        f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = 'repeatable read'"
    )
    await console.reopen()
    async with console.ctx.database.write() as db:
        connection = await db.connection()
        level = await connection.execute(text("SHOW transaction_isolation"))
        assert level.scalar_one() == "read committed"


@pytest.mark.postgres
async def test_unsafe_commits_are_refused(console: Console) -> None:
    """O7: a server that confirms before it has written is refused at the start."""
    name = make_url(console.settings.url).database
    await console.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    with pytest.raises(StartError, match="synchronous"):
        await open_database(console.settings.url)


@sqlite_only
async def test_foreign_keys_hold(console: Console) -> None:
    """S30: a row of an account that does not exist cannot be written."""
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await console.execute(
            "INSERT INTO recovery_code (id, account_id, code_mac, created_at) "
            "VALUES ('x', 'nobody', '', '2030-01-01')"
        )


async def test_an_exception_takes_everything_back(console: Console) -> None:
    """O1: what a transaction wrote before an exception is not there, its audit row neither."""
    alice = await console.customer()
    events = await console.events()

    async def fails() -> None:
        async with console.ctx.write(HOME) as tx:
            account = await tx.hold(alice.account_id)
            assert account is not None
            account.name = "changed"
            tx.record("never.happened", alice.account_id)
            await tx.db.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fails()
    assert (await console.account(alice)).name == ""
    assert await console.events() == events


@pytest.mark.parametrize("reads", [True, False])
@sqlite_only
async def test_locked_by_another_program(
    console: Console, monkeypatch: pytest.MonkeyPatch, reads: bool
) -> None:
    """S29: while another program holds the write lock, a step that writes is refused with a
    sentence after the time-out, nothing is lost, and reading goes on; a start says who is to
    blame."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_S", 0.2)
    await console.reopen()
    alice = await console.customer()
    token = await console.sign_in(alice)
    before = len(await console.audit())
    other = sqlite3.connect(file_of(console), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        if reads:
            assert (await profile.read(console.ctx, token)).username == "alice"
        got = await attempt(sign_in.password(console.ctx, HOME, "alice", PASSWORD))
        assert isinstance(got, StorageError)
        with pytest.raises(StartError, match="locked by another program"):
            await open_database(console.settings.url)
        other.execute("ROLLBACK")
    finally:
        other.close()
    assert len(await console.audit()) == before
    assert not await console.rows(Attempt)
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", PASSWORD), SignedIn)


@sqlite_only
async def test_a_full_disk(console: Console) -> None:
    """S29: on a full disk a step that writes is refused with a sentence, what was there before is
    there still and the chain holds, and with room again the console goes on."""
    alice = await console.customer()
    token = await console.sign_in(alice)

    async def limit(pages: int) -> None:
        async with console.ctx.database.connect() as connection:
            if not pages:
                pages = int((await connection.execute(text("PRAGMA page_count"))).scalar_one())
            await connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    await limit(0)
    refused: Any = None
    made = 0
    for n in range(200):
        refused = await attempt(
            accounts.create(
                console.ctx,
                username=f"user{n}",
                email=f"{'x' * 60}{n}@example.com",
                password=PASSWORD,
            )
        )
        if isinstance(refused, StorageError):
            break
        made += 1
    assert isinstance(refused, StorageError)
    assert len(await console.rows(Account)) == made + 1
    assert (await audit.verify(console.ctx)).broken_at is None
    assert (await profile.read(console.ctx, token)).username == "alice"
    await limit(1_000_000)
    await accounts.create(console.ctx, username="late", email="late@example.com", password=PASSWORD)
    async with console.ctx.database.connect() as connection:
        found = (await connection.execute(text("PRAGMA integrity_check"))).scalar_one()
    assert found == "ok"


@sqlite_only
@pytest.mark.parametrize("damage", ["header", "middle", "cut", "no database"])
async def test_a_damaged_file(console: Console, damage: str) -> None:
    """S29: a damaged file stops the start with a sentence, or the step that meets the damage, and
    is never written over with an empty database."""
    await console.customer(otp=True)
    await console.ctx.close()
    path = file_of(console)
    content = bytearray(path.read_bytes())
    if damage == "header":
        content[:16] = b"\0" * 16
    elif damage == "middle":
        content[4096:] = b"\xa5" * (len(content) - 4096)
    elif damage == "cut":
        del content[4096:]
    else:
        content = bytearray(b"Dear diary, " * 1000)
    path.write_bytes(content)
    with pytest.raises(StartError, match="is damaged"):
        await open_database(console.settings.url)
    assert path.read_bytes() == content
    path.unlink()
    console.ctx = await open_context(console.settings, console.clock)


@sqlite_only
async def test_a_folder_that_cannot_be_made(tmp_path: Path, settings: Settings) -> None:
    """S29: a data folder below a file gives a sentence with its path."""
    (tmp_path / "file").write_text("")
    url = f"sqlite+aiosqlite:///{tmp_path / 'file' / 'data' / 'tui-admin.db'}"
    with pytest.raises(StartError, match="cannot be used"):
        await open_database(url)


@sqlite_only
async def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    """S29: a folder of the database's name gives a sentence."""
    (tmp_path / "x.db").mkdir()
    (tmp_path / "x.db" / "inside").write_text("")
    with pytest.raises(StartError, match="cannot be opened or written"):
        await open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")


@pytest.mark.parametrize(
    "url", ["", "nonsense", "postgres", "sqlite+aiosqlite", "nodriver+sqlite:///x", "://", "\x00"]
)
async def test_what_is_no_address(url: str) -> None:
    """S29: a setting that is no database address gives a sentence and not a traceback."""
    with pytest.raises(StartError, match="database_url"):
        await open_database(url)


async def test_an_unreachable_server_hides_its_password() -> None:
    """S25, S29: a server that is not there gives a sentence with the address and without the
    password."""
    url = "postgresql+psycopg://user:sesame-42@127.0.0.1:1/console"
    with pytest.raises(StartError) as caught:
        await open_database(url)
    assert "127.0.0.1" in caught.value.sentence
    assert "sesame-42" not in caught.value.sentence
    assert "sesame-42" not in repr(caught.value)


@pytest.mark.postgres
async def test_a_server_that_restarts(console: Console) -> None:
    """S29: after the server has dropped all connections the next step works again."""
    alice = await console.customer()
    token = await console.sign_in(alice)
    url = make_url(console.settings.url)
    with psycopg.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        dbname="postgres",
        autocommit=True,
    ) as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [url.database],
        )
    assert (await profile.read(console.ctx, token)).username == "alice"
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", PASSWORD), SignedIn)


async def test_writers_at_once_lose_nothing(console: Console) -> None:
    """O1: forty accounts made at the same moment over two processes are all there, each with its
    audit row, in one chain."""
    other = await console.second_process()
    await asyncio.gather(
        *(
            accounts.create(
                (console.ctx, other)[n % 2],
                username=f"user{n}",
                email=f"user{n}@example.com",
                password=PASSWORD,
            )
            for n in range(40)
        )
    )
    assert len(await console.rows(Account)) == 40
    assert await audit.verify(console.ctx) == audit.Verification(40, None)


async def test_a_restart_keeps_everything(console: Console) -> None:
    """O1: what was acknowledged is there after a restart, devices readable."""
    alice = await console.customer(otp=True)
    before = [row.model_dump() for row in await console.rows(Device)]
    await console.reopen()
    assert [row.model_dump() for row in await console.rows(Device)] == before
    await console.sign_in(alice)


@sqlite_only
async def test_a_killed_program_keeps_what_it_confirmed(console: Console) -> None:
    """O1, O7: the file with its log, copied while the program runs (as a crash would leave it),
    holds every session that was confirmed."""
    alice = await console.customer()
    for _ in range(5):
        await console.sign_in(alice)
    path = file_of(console)
    crashed = path.parent.parent / "crashed"
    crashed.mkdir()
    for part in path.parent.glob("tui-admin.db*"):
        if not part.name.endswith("-shm"):
            (crashed / part.name).write_bytes(part.read_bytes())
    database = await open_database(f"sqlite+aiosqlite:///{crashed / path.name}")
    async with database.connect() as connection:
        count = await connection.execute(text("SELECT count(*) FROM session"))
        assert count.scalar_one() == 5
        check = await connection.execute(text("PRAGMA integrity_check"))
        assert check.scalar_one() == "ok"
    await database.close()


async def test_nothing_is_logged_or_shown_of_statements(console: Console) -> None:
    """S25: a storage error's sentence, text and repr hold neither statement nor values."""

    async def fails() -> None:
        async with console.ctx.database.write() as db:
            connection = await db.connection()
            await connection.execute(text("SELECT * FROM gone WHERE x = :x"), {"x": "sesame-42"})

    with pytest.raises(StorageError) as caught:
        await fails()
    for shown in (caught.value.sentence, str(caught.value), repr(caught.value)):
        assert "sesame" not in shown
        assert "SELECT" not in shown


async def test_times_come_back_in_utc(console: Console) -> None:
    """S25: moments are stored to the microsecond and come back aware of UTC."""
    console.clock.turn(0.123456)
    await console.sign_in(await console.customer())
    row = (await console.rows(Session))[0]
    assert row.started_at == console.clock.now()
    assert str(row.started_at.tzinfo) == "UTC"


async def test_the_database_clock_is_compared(console: Console) -> None:
    """`doctor` learns how far the database's clock is off, of either kind of database."""
    import time

    began = time.time()
    offset = await console.ctx.database.clock_offset_s(began - 100)
    assert 95 < offset < 105 + time.time() - began


async def test_the_key_file_belongs_to_the_database(console: Console) -> None:
    """S5: the key file that was made opens what the flows have sealed."""
    await console.customer(otp=True)
    keyring = load_keyring(console.settings.key_path)
    device = (await console.rows(Device))[0]
    place = f"device:{device.account_id}:{device.id}"
    assert len(keyring.open(device.sealed_key, place=place)) == 20


async def test_a_closed_database_leaves_no_thread(console: Console, database_url: str) -> None:
    """S29: a database that was closed holds no connection, thread or file open."""
    import threading

    before = threading.active_count()
    database = Database(database_url)
    async with database.read() as db:
        await db.connection()
    await database.close()
    for _ in range(500):  # the thread was told to end, and may not have had its turn
        if threading.active_count() <= before:
            break
        await asyncio.sleep(0.01)
    assert threading.active_count() <= before
