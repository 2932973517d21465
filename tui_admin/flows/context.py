"""What every flow needs, and the transaction it works in.

Time comes in through `Clock`, so that tests turn it; the network does not come in at all: letters
go to the outbox table.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import bindparam
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.config import Settings
from tui_admin.database import Database
from tui_admin.errors import ConsoleError
from tui_admin.flows import audit
from tui_admin.flows.answers import Visitor
from tui_admin.models import Account, Letter, OldContact
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


class Bell:
    """Rung when letters have been committed, so that they need not wait for the next look."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when it rings, or after `seconds`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
        self._event.clear()


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

    ctx: Context
    db: AsyncSession
    now: datetime
    visitor: Visitor
    entries: list[audit.Entry] = field(default_factory=list)
    has_letters: bool = False

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
        self,
        account: Account,
        template: str,
        *,
        sms: bool = False,
        to: str = "",
        expires_at: datetime | None = None,
        secrets: Mapping[str, str] | None = None,
        **facts: Any,
    ) -> str:
        """Put a letter into the outbox, for one address (S27), and return its id.

        It goes to the account's e-mail address or, with `sms`, to its phone, which counts only once
        it is verified (S19); `to` names an older address instead. `secrets` (codes, links) are
        sealed until the letter is made, and erased once it is done with. Without an address
        nothing is written, and the id is empty.
        """
        phone = account.phone if account.phone_verified_at is not None else ""
        recipient = to or (phone if sms else account.email)
        if not recipient:
            return ""
        letter = Letter(
            account_id=account.id,
            channel="sms" if sms else "email",
            recipient=recipient,
            template=template,
            language=account.language,
            timezone=account.timezone,
            facts={**facts, "address": self.visitor.address},
            created_at=self.now,
            due_at=self.now,
            expires_at=expires_at,
        )
        if secrets:
            place = letter_place(account.id, letter.id)
            plain = json.dumps(dict(secrets)).encode("utf-8")
            letter.sealed_key = self.ctx.keyring.seal(plain, place=place)
        self.db.add(letter)
        self.has_letters = True
        return letter.id

    async def tell_everywhere(self, account: Account, template: str, **facts: Any) -> None:
        """Write a letter to every address of the account, replaced ones included (S16)."""
        self.write_letter(account, template, **facts)
        self.write_letter(account, template, sms=True, **facts)
        since = self.now - timedelta(days=self.ctx.settings.lost_device.old_contact_d)
        query = select(OldContact).where(
            OldContact.account_id == account.id, col(OldContact.replaced_at) > since
        )
        told = {account.email, account.phone}
        for old in await self.db.exec(query):
            if old.value not in told:
                told.add(old.value)
                sms = old.channel == "sms"
                self.write_letter(account, template, sms=sms, to=old.value, **facts)


def letter_place(account_id: str, letter_id: str) -> str:
    """Return the associated data that ties a letter's sealed part to its row."""
    return f"letter:{account_id}:{letter_id}"


@dataclass(frozen=True, slots=True)
class Context:
    """The parts a flow works with; made by `wiring`, the same for all terminals."""

    settings: Settings
    database: Database
    keyring: Keyring
    passwords: Passwords
    clock: Clock
    bell: Bell = field(default_factory=Bell)
    on_close: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What is ended before the database is let go."""

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
            tx = Transaction(self, db, self.clock.now(), visitor)
            try:
                yield tx
            except CommitAndRaiseError as kept:
                refusal = kept.error
            if tx.entries:
                # Rows first, the chain last: whoever holds its lock waits for nothing more.
                await db.flush()
                await self.database.lock(db, "audit")
                await audit.append(db, self.keyring, tx.now, visitor, tx.entries)
        if tx.has_letters:
            self.bell.ring()
        if refusal is not None:
            raise refusal

    async def close(self) -> None:
        """Let go of threads and connections."""
        while self.on_close:
            await self.on_close.pop()()
        self.passwords.close()
        await self.database.close()
