"""Letters a second through a real mail server, and how long one is under way.

The server is a process of its own. Beside the worker, bare aiosmtplib sends the same messages on
one connection: what it takes is the server's share, and no worker can be quicker.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen
from uuid import uuid4

import aiosmtplib
import psycopg
from sqlalchemy.engine import make_url
from sqlmodel import select

from tui_admin import flows, wiring
from tui_admin.config import HashSettings, Settings
from tui_admin.database import Database, upgrade
from tui_admin.delivery.email import build
from tui_admin.delivery.letters import rendering
from tui_admin.flows.answers import Visitor
from tui_admin.flows.context import Context
from tui_admin.models import Account, Letter
from tui_admin.security.sealed import Keyring, save_keyring

SERVER = os.environ.get("TUI_ADMIN_TEST_DATABASE_URL", "")
BATCH, ROUNDS, SINGLES = 100, 3, 300


@dataclass(frozen=True)
class Delivered:
    """What was measured on one kind of database."""

    per_s: float
    bare_per_s: float
    latencies_s: list[float] = field(repr=False)

    @property
    def share(self) -> float:
        """How much of the time was the server's."""
        return self.per_s / self.bare_per_s

    @property
    def median_s(self) -> float:
        return statistics.median(self.latencies_s)

    @property
    def p99_s(self) -> float:
        return sorted(self.latencies_s)[int(len(self.latencies_s) * 0.99)]


class _MailServer:
    """The server's process, and when it took which letter."""

    def __enter__(self) -> _MailServer:
        self._process = Popen(
            [sys.executable, "-m", "benchmarks.mail_server"], stdout=PIPE, text=True
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.taken: dict[str, float] = {}
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._thread.join()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            moment, letter_id = line.split()
            self.taken[letter_id] = float(moment)


@contextmanager
def database_url(*, postgres: bool) -> Iterator[str]:
    """The address of a fresh database; empty for the embedded one."""
    if not postgres:
        yield ""
        return
    name = f"tui_admin_bench_{uuid4().hex[:12]}"
    address = make_url(SERVER).set(drivername="postgresql")
    with psycopg.connect(address.render_as_string(hide_password=False), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def measure(*, postgres: bool) -> Delivered:
    """Measure worker and bare client by turns; then letters one by one."""
    with (
        database_url(postgres=postgres) as url,
        tempfile.TemporaryDirectory() as folder,
        _MailServer() as server,
    ):
        if url:
            database = Database(url)
            await upgrade(database)
            await database.close()
        settings = Settings(
            data_dir=Path(folder),
            database_url=url,
            key_file=None,
            smtp_url=f"smtp://127.0.0.1:{server.port}",
            hashing=HashSettings(rounds=1, memory_kib=8 * 1024, lanes=1),
        )
        save_keyring(settings.key_path, Keyring.random(), replace=False)
        ctx = await wiring.open_context(settings)
        try:
            await flows.accounts.create(
                ctx, username="bench", email="bench@example.com", password="sunny-harbour-42"
            )
            worker_s = bare_s = 0.0
            worker = wiring.make_worker(ctx)
            for _round in range(ROUNDS):
                await _write(ctx, BATCH)
                begin = time.perf_counter()
                assert await worker.deliver_due() == BATCH
                worker_s += time.perf_counter() - begin
                bare_s += await _bare(ctx, server.port)
            await worker.close()
            latencies = await _one_by_one(ctx, server)
        finally:
            await ctx.close()
    count = ROUNDS * BATCH
    return Delivered(count / worker_s, count / bare_s, latencies)


async def _write(ctx: Context, count: int) -> list[str]:
    async with ctx.write(Visitor()) as tx:
        account = (await tx.db.exec(select(Account))).one()
        return [tx.write_letter(account, "otp.disabled") for _number in range(count)]


async def _bare(ctx: Context, port: int) -> float:
    """Send as many letters of the same kind on one connection, and nothing else."""
    async with ctx.database.read() as db:
        letter = (await db.exec(select(Letter).limit(1))).one()
    made = rendering.make(letter, "bench", {}, ctx.settings)
    content = build(made, ctx.settings.mail_from, ctx.settings.brand).as_bytes()
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
    await client.connect()
    begin = time.perf_counter()
    for _number in range(BATCH):
        await client.sendmail(ctx.settings.mail_from, letter.recipient, content)
    spent = time.perf_counter() - begin
    await client.quit()
    return spent


async def _one_by_one(ctx: Context, server: _MailServer) -> list[float]:
    """Write letters one after the other while a worker runs; from the flow's call to the server's
    250."""
    worker = wiring.make_worker(ctx)
    worker.start()
    latencies = []
    for number in range(SINGLES):
        begin = time.time()
        [letter_id] = await _write(ctx, 1)
        deadline = begin + 10
        # The server's word comes by a thread; there is no event to wait for.
        while letter_id not in server.taken and time.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        latencies.append(server.taken[letter_id] - begin)
        await asyncio.sleep(0.005 * (number % 3))
    await worker.close()
    return latencies
