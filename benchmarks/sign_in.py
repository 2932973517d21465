"""Sign-ins a second through the whole flow, beside bare Argon2id at the same cost and width.

Both hash in as many threads as the console uses; the flow does all of its limits, audit rows and
commits besides, on a database on disk.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher

from tui_admin import flows, wiring
from tui_admin.config import LimitSettings, Settings
from tui_admin.flows.answers import Visitor
from tui_admin.security.sealed import Keyring, save_keyring

PASSWORD = "sunny-harbour-42"
_UNLIMITED = 1_000_000


@dataclass(frozen=True)
class Throughput:
    """Rounds by turns of bare hashing and of whole sign-ins."""

    bare_per_s: float
    sign_in_per_s: float

    @property
    def share(self) -> float:
        """Sign-ins a second as a part of bare hashes a second."""
        return self.sign_in_per_s / self.bare_per_s


async def measure(rounds: int = 4, per_round: int = 24, at_once: int = 6) -> Throughput:
    """Measure by turns, so that a busy machine slows both alike; about half a minute."""
    with tempfile.TemporaryDirectory() as folder:
        limits = LimitSettings(
            account_5min=_UNLIMITED,
            account_1h=_UNLIMITED,
            account_1d=_UNLIMITED,
            address_5min=_UNLIMITED,
            address_1h=_UNLIMITED,
            total_5min=_UNLIMITED,
        )
        settings = Settings(data_dir=Path(folder), database_url="", key_file=None, limits=limits)
        save_keyring(settings.key_path, Keyring.random(), replace=False)
        ctx = await wiring.open_context(settings)
        try:
            await flows.accounts.create(
                ctx, username="bench", email="bench@example.com", password=PASSWORD
            )
            cost = settings.hashing
            hasher = PasswordHasher(cost.rounds, cost.memory_kib, cost.lanes)
            stored = hasher.hash(PASSWORD)
            bare_s = sign_in_s = 0.0
            with ThreadPoolExecutor(cost.workers) as pool:
                for _round in range(rounds):
                    begin = time.perf_counter()
                    list(pool.map(lambda _n: hasher.verify(stored, PASSWORD), range(per_round)))
                    bare_s += time.perf_counter() - begin
                    gate = asyncio.Semaphore(at_once)

                    async def sign_in(gate: asyncio.Semaphore = gate) -> None:
                        async with gate:
                            await flows.sign_in.password(ctx, Visitor(), "bench", PASSWORD)

                    begin = time.perf_counter()
                    await asyncio.gather(*(sign_in() for _n in range(per_round)))
                    sign_in_s += time.perf_counter() - begin
        finally:
            await ctx.close()
    count = rounds * per_round
    return Throughput(count / bare_s, count / sign_in_s)
