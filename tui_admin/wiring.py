"""The one place that joins settings, storage, keys and flows."""

from __future__ import annotations

from tui_admin.config import Settings, load_settings
from tui_admin.database import open_database
from tui_admin.flows.context import Clock, Context, SystemClock
from tui_admin.security.passwords import HashCost, Passwords
from tui_admin.security.sealed import follow_keyring


async def open_context(settings: Settings | None = None, clock: Clock | None = None) -> Context:
    """Open everything that flows need; `await context.close()` lets it go.

    Raises:
        StartError: it cannot start as it is set up; the sentence says what to do.
    """
    settings = settings or load_settings()
    keyring = follow_keyring(settings.key_path)
    database = await open_database(settings.url)
    return Context(settings, database, keyring, make_passwords(settings), clock or SystemClock())


def make_passwords(settings: Settings) -> Passwords:
    """Return the hasher with the settings' cost and number of threads."""
    hashing = settings.hashing
    cost = HashCost(hashing.rounds, hashing.memory_kib, hashing.lanes)
    return Passwords(cost, workers=hashing.workers)
