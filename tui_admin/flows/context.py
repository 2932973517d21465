"""What every flow needs, and the transaction it works in.

Time comes in through `Clock`, so that tests turn it; the network does not come in at all: letters
go to the outbox table.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.config import Settings
from tui_admin.database import Database
from tui_admin.errors import ConsoleError
from tui_admin.flows import audit
from tui_admin.flows.answers import Visitor
from tui_admin.models import Account, Letter
from tui_admin.security.passwords import Passwords
from tui_admin.security.sealed import Keyring
from tui_admin.security.text import safe


class Clock(Protocol):
    """The port through which time enters."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time(), UTC)


class CommitAndRaiseError(Exception):
    """Leave a transaction, keep what it wrote (a counted miss, an audit row), raise `error`."""

    def __init__(self, error: ConsoleError) -> None:
        super().__init__(error.code)
        self.error = error


_HOLD = (
    select(Account)
    .where(col(Account.id) == bindparam("account_id"))
    .with_for_update(key_share=True)
    .execution_options(populate_existing=True)
)


@dataclass(slots=True)
class Transaction:
    """One write transaction of a flow, at one moment.

    Audit rows are collected and written last: the chain has one end, and a transaction that held
    it while waiting for a row could wait for one that waits for the chain.
    """

    db: AsyncSession
    now: datetime
    visitor: Visitor
    entries: list[audit.Entry] = field(default_factory=list)

    async def hold(self, account_id: str) -> Account | None:
        """Return the account as it is now, and let nobody else decide about it until the commit.

        Without it, two transactions on PostgreSQL could both read "no device yet" or "one pending
        key" and both act on it: a sign-in without a code would slip past an activation. (On SQLite
        there is one writer anyway.) Taken before the lock on the limits, always.
        """
        return (await self.db.exec(_HOLD, params={"account_id": account_id})).first()

    def record(self, event: str, account_id: str = "", **details: Any) -> None:
        """Write `event` to the audit log when the transaction commits."""
        self.entries.append(audit.Entry(event, account_id, details))

    def write_letter(
        self, account: Account, template: str, *, sms: bool = False, **facts: Any
    ) -> None:
        """Put a letter into the outbox, for one address (S27)."""
        recipient = account.phone if sms else account.email
        if not recipient:
            return
        self.db.add(
            Letter(
                account_id=account.id,
                channel="sms" if sms else "email",
                recipient=recipient,
                template=template,
                language=account.language,
                facts={**facts, "address": self.visitor.address},
                created_at=self.now,
            )
        )


@dataclass(frozen=True, slots=True)
class Context:
    """The parts a flow works with; made by `wiring`, the same for all terminals."""

    settings: Settings
    database: Database
    keyring: Keyring
    passwords: Passwords
    clock: Clock

    @asynccontextmanager
    async def write(self, visitor: Visitor) -> AsyncIterator[Transaction]:
        """Run one transaction: all of it, its letters and its audit rows, or nothing.

        Raises:
            StorageError: the database is not available.
        """
        refusal: ConsoleError | None = None
        # What a peer calls itself is stored and compared; PostgreSQL takes no NUL, no driver takes
        # half a surrogate pair, and neither may end in a crash.
        visitor = Visitor(safe(visitor.address, 64), safe(visitor.terminal, 64))
        async with self.database.write() as db:
            tx = Transaction(db, self.clock.now(), visitor)
            try:
                yield tx
            except CommitAndRaiseError as kept:
                refusal = kept.error
            if tx.entries:
                # Rows first, the chain last: whoever holds its lock waits for nothing more.
                await db.flush()
                await self.database.lock(db, "audit")
                await audit.append(db, self.keyring, tx.now, visitor, tx.entries)
        if refusal is not None:
            raise refusal

    async def close(self) -> None:
        """Let go of threads and connections."""
        self.passwords.close()
        await self.database.close()
