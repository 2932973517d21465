"""An installation on the disk, made beforehand for programs that run in processes of their own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.console import CHEAP_HASH, Person, TurnedClock, opened
from tui_admin.config import Settings
from tui_admin.security.sealed import Keyring, save_keyring

PHONES = {"alice": "+420603123456", "bob": "+420777654321"}


@dataclass
class Installation:
    """A folder with key file and database, and who has an account there."""

    folder: Path
    database_url: str = ""
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        save_keyring(self.folder / "keys.json", Keyring.random(), replace=False)

    @property
    def env(self) -> dict[str, str]:
        """The variables by which a program finds it."""
        found = {
            "TUI_ADMIN_DATA_DIR": str(self.folder),
            "TUI_ADMIN_HASHING__ROUNDS": str(CHEAP_HASH.rounds),
            "TUI_ADMIN_HASHING__MEMORY_KIB": str(CHEAP_HASH.memory_kib),
            "TUI_ADMIN_HASHING__LANES": str(CHEAP_HASH.lanes),
        }
        return found | ({"TUI_ADMIN_DATABASE_URL": self.database_url} if self.database_url else {})

    def add(self, *names: str, otp: bool) -> None:
        """Make accounts. OTP was set up ten minutes ago, so that no code of now is spent."""
        settings = Settings(
            data_dir=self.folder, database_url=self.database_url, hashing=CHEAP_HASH
        )

        async def make() -> None:
            clock = TurnedClock(datetime.now(UTC) - timedelta(minutes=10))
            async with opened(settings, clock) as console:
                for name in names:
                    phone = PHONES[name]
                    person = await console.customer(name, otp=otp, phone=phone)
                    self.people[name] = person

        asyncio.run(make())
