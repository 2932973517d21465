"""Fixtures for all tests: a fresh installation each, and no network but loopback.

Storage is SQLite, or PostgreSQL when `TUI_ADMIN_TEST_DATABASE_URL` names a server
(`postgresql+psycopg://user@host:port/postgres`) whose user may create databases.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.support.console import CHEAP_HASH, Console, TurnedClock, opened
from tests.support.post import Post
from tests.support.recovery import ANSWER, PICTURE
from tui_admin.config import Settings
from tui_admin.database import Database, open_database, upgrade
from tui_admin.security.sealed import Keyring, save_keyring

SERVER_VARIABLE = "TUI_ADMIN_TEST_DATABASE_URL"
SERVER = os.environ.get(SERVER_VARIABLE, "")

# What the person who runs the tests has set up must not reach them. The server's name stays: the
# workers of pytest-xdist inherit it from here.
for _name in [name for name in os.environ if name.startswith("TUI_ADMIN_")]:
    if _name != SERVER_VARIABLE:
        del os.environ[_name]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two workers a core: half of the time a test waits for another process. More than eight only
    add start-up time."""
    return min(2 * (os.cpu_count() or 1), 8)


def pytest_collection_finish() -> None:
    # Modules and tests stay to the end; the garbage collector need not look at them again.
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("postgres") and not SERVER:
            item.add_marker(pytest.mark.skip(reason="no PostgreSQL server is set"))


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """Collect what was not closed while its warning can still fail a test."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    for name in ("connect", "connect_ex"):
        original = getattr(socket.socket, name)

        def guarded(
            self: socket.socket, address: Any, original: Callable[..., Any] = original
        ) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                host = str(address[0])
                try:
                    inside = ipaddress.ip_address(host).is_loopback
                except ValueError:
                    inside = host == "localhost"
                if not inside:
                    raise RuntimeError(f"a test wanted to reach {host}")
            return original(self, address)

        monkeypatch.setattr(socket.socket, name, guarded)


@pytest.fixture(autouse=True)
async def _connections_have_ended() -> AsyncIterator[None]:
    """Wait at the end for the threads of SQLite's connections.

    One that could not be opened is given up without waiting, and its thread would then speak to a
    loop that is closed.
    """
    yield
    for _ in range(5000):
        if not any("_connection_worker" in thread.name for thread in threading.enumerate()):
            break
        await asyncio.sleep(0.002)


def is_postgres() -> bool:
    return bool(SERVER)


def postgres_server() -> psycopg.Connection[Any]:
    """A connection to the server that the tests were given, outside of any test's database."""
    url = make_url(SERVER)
    return psycopg.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        dbname=url.database or "postgres",
        autocommit=True,
        **{key: str(value) for key, value in url.query.items()},  # type: ignore[arg-type]
    )


def _upgraded(url: str) -> None:
    async def run() -> None:
        database = Database(url)
        await upgrade(database)
        await database.close()

    asyncio.run(run())


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A database at the newest revision, made once a worker; tests get copies."""
    if not SERVER:
        path = tmp_path_factory.mktemp("template") / "template.db"

        async def make() -> None:
            await (await open_database(f"sqlite+aiosqlite:///{path}")).close()

        asyncio.run(make())
        yield path
        return
    url = make_url(SERVER)
    name = f"tui_admin_template_{uuid4().hex[:12]}"
    with postgres_server() as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            _upgraded(url.set(database=name).render_as_string(hide_password=False))
            yield name
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database_url(tmp_path: Path, _template: Any) -> Iterator[str]:
    """The address of a fresh database at the newest revision."""
    if not SERVER:
        path = tmp_path / "data" / "tui-admin.db"
        path.parent.mkdir()
        shutil.copy(_template, path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    with _fresh_postgres(_template) as address:
        yield address


@pytest.fixture
def empty_database_url(tmp_path: Path) -> Iterator[str]:
    """The address of a database with nothing in it; on SQLite, of no file yet."""
    if not SERVER:
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty' / 'tui-admin.db'}"
        return
    with _fresh_postgres("template0") as address:
        yield address


class _fresh_postgres:  # noqa: N801 (reads as the context manager it is)
    def __init__(self, template: str) -> None:
        self.url = make_url(SERVER)
        self.template = template
        self.name = f"tui_admin_test_{uuid4().hex[:16]}"

    def __enter__(self) -> str:
        with postgres_server() as server:
            server.execute(f'CREATE DATABASE "{self.name}" TEMPLATE "{self.template}"')
        return self.url.set(database=self.name).render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        with postgres_server() as server:
            server.execute(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a fresh installation, its key file made."""
    data_dir = tmp_path / "data"
    save_keyring(data_dir / "keys.json", Keyring.random(), replace=False)
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        hashing=CHEAP_HASH,
        # Named, so that letters count as deliverable; nothing is sent unless a test sends it.
        smtp_url="smtp://127.0.0.1:1",
        sms_url="json://127.0.0.1:1/{phone}",
    )


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
async def console(settings: Settings, clock: TurnedClock) -> AsyncIterator[Console]:
    """A fresh installation."""
    async with opened(settings, clock) as installation:
        yield installation


@pytest.fixture
def easy_captcha(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every CAPTCHA ask for `recovery.ANSWER`."""
    from tui_admin.security import captcha

    answer = captcha.clean_answer(ANSWER)
    picture = captcha.Captcha(answer, picture=PICTURE)
    question = captcha.Captcha(answer, question="What is the password of this test?")
    monkeypatch.setattr(captcha, "new_picture", lambda: picture)
    monkeypatch.setattr(captcha, "new_question", lambda: question)


@pytest.fixture
def post() -> Iterator[Post]:
    """A mail server and an SMS gateway."""
    with Post() as servers:
        yield servers
