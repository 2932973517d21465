"""The outbox table as workers share it: who has which letter, and what became of it (O2).

A letter is claimed with a lease, sent outside of any transaction, and marked only while the lease
is still its owner's. Whoever dies in between leaves a letter that is free again after the lease.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, update
from sqlmodel import col, or_, select

from tui_admin.delivery import pacing
from tui_admin.delivery.pacing import LEASE, MOST_TRIES, REST_S
from tui_admin.flows.answers import Visitor
from tui_admin.flows.context import Context, Transaction, letter_place
from tui_admin.models import Account, Letter, new_id

WORKER = Visitor("local", "outbox")
KEEP = timedelta(days=30)
"""How long a letter that is done with can be looked at."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter in this worker's hands; a copy, since it is sent outside of the transaction."""

    letter: Letter = field(repr=False)
    account: str
    """The username."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one try. An empty `outcome` means another one."""

    letter: Letter = field(repr=False)
    outcome: str
    reason: str = ""
    why: str = ""
    """For the audit log: `refused`, `given_up` or `unreadable`."""
    is_counted: bool = True
    is_service: bool = False
    """No letter would have got through; the others wait for the next look."""


class Claims:
    """One worker's hold on the outbox."""

    def __init__(self, ctx: Context, jitter: Callable[[], float]) -> None:
        self._ctx = ctx
        self._jitter = jitter
        self.owner = new_id()

    async def look(self, channel: str) -> tuple[bool, bool]:
        """Whether a letter is due, and whether one has expired; reads and locks nothing.

        Raises:
            StorageError: the database is not available.
        """
        now = self._ctx.clock.now()
        async with self._ctx.database.read() as db:
            due = select(col(Letter.id)).where(*_due(now, channel)).limit(1)
            old = select(col(Letter.id)).where(*_expired(now, channel)).limit(1)
            is_due = (await db.exec(due)).first() is not None
            return is_due, (await db.exec(old)).first() is not None

    async def drop_expired(self, channel: str) -> None:
        """Drop what has become useless, and what opened something with it (O3)."""
        async with self._ctx.write(WORKER) as tx:
            done: dict[str, Any] = {"done_at": tx.now, "outcome": "expired", "sealed_key": ""}
            await tx.db.exec(update(Letter).where(*_expired(tx.now, channel)).values(**done))

    async def turn(
        self, channel: str, tried: Tried | None, *, go_on: bool = True
    ) -> Claimed | None:
        """Write down what became of one letter and take the next, in one transaction.

        Raises:
            StorageError: the database is not available; neither happened.
        """
        async with self._ctx.write(WORKER) as tx:
            if tried is not None:
                await self._mark(tx, tried)
            return await self._take(tx, channel) if go_on else None

    async def give_back(self) -> None:
        """Let others have what this worker could not finish."""
        async with self._ctx.write(WORKER) as tx:
            mine = update(Letter).where(*_held_by(self.owner))
            await tx.db.exec(mine.values(lease_owner="", lease_until=None))

    async def prune(self) -> None:
        """Delete letters that were done with long ago."""
        is_old = col(Letter.done_at) < self._ctx.clock.now() - KEEP
        async with self._ctx.database.read() as db:
            if (await db.exec(select(col(Letter.id)).where(is_old).limit(1))).first() is None:
                return
        async with self._ctx.write(WORKER) as tx:
            await tx.db.exec(delete(Letter).where(is_old))

    def open(self, letter: Letter) -> dict[str, str]:
        """Return what the letter carries sealed.

        Raises:
            SealError: it opens with no key of the file, or belongs to another row.
        """
        if not letter.sealed_key:
            return {}
        place = letter_place(letter.account_id, letter.id)
        opened: dict[str, str] = json.loads(self._ctx.keyring.open(letter.sealed_key, place=place))
        return opened

    async def _take(self, tx: Transaction, channel: str) -> Claimed | None:
        query = (
            select(Letter, col(Account.username))
            .join(Account, col(Account.id) == col(Letter.account_id))
            .where(*_due(tx.now, channel))
            # What expires goes first: behind a long queue it would be of no use.
            .order_by(col(Letter.expires_at).is_(None), col(Letter.due_at))
            .limit(1)
            .with_for_update(of=Letter, skip_locked=True)
        )
        found = (await tx.db.exec(query)).first()
        if found is None:
            return None
        letter, username = found
        letter.attempts += 1
        letter.lease_owner, letter.lease_until = self.owner, tx.now + LEASE
        return Claimed(letter, username)

    async def _mark(self, tx: Transaction, tried: Tried) -> None:
        letter = tried.letter
        values: dict[str, Any] = {
            "last_error": tried.reason,
            "lease_owner": "",
            "lease_until": None,
        }
        outcome, why = tried.outcome, tried.why
        if not outcome and tried.is_counted and letter.attempts >= MOST_TRIES:
            outcome, why = "failed", "given_up"
        pause_s = self._pause_s(letter) if tried.is_counted else REST_S
        if outcome:
            values |= {"done_at": tx.now, "outcome": outcome, "sealed_key": ""}
        else:
            values["due_at"] = tx.now + timedelta(seconds=pause_s)
        if not tried.is_counted:
            values["attempts"] = letter.attempts - 1
        statement = (
            update(Letter)
            .where(col(Letter.id) == letter.id, *_held_by(self.owner))
            .values(**values)
            .returning(col(Letter.id))
        )
        is_mine = (await tx.db.exec(statement)).first() is not None
        if is_mine and outcome == "failed":
            tx.record(
                "letter.failed",
                letter.account_id,
                letter=letter.id,
                template=letter.template,
                channel=letter.channel,
                attempts=letter.attempts,
                why=why,
            )

    def _pause_s(self, letter: Letter) -> float:
        is_urgent = letter.expires_at is not None
        return pacing.pause_s(letter.attempts, is_urgent=is_urgent, jitter=self._jitter())


def _due(now: datetime, channel: str) -> list[ColumnElement[bool]]:
    return [
        col(Letter.done_at).is_(None),
        col(Letter.due_at) <= now,
        col(Letter.channel) == channel,
        or_(col(Letter.expires_at).is_(None), col(Letter.expires_at) > now),
        _is_free(now),
    ]


def _expired(now: datetime, channel: str) -> list[ColumnElement[bool]]:
    return [
        col(Letter.done_at).is_(None),
        col(Letter.channel) == channel,
        col(Letter.expires_at) <= now,
        _is_free(now),
    ]


def _is_free(now: datetime) -> ColumnElement[bool]:
    until = col(Letter.lease_until)
    # A lease longer than leases are is one from before the clock was set back.
    return or_(until.is_(None), until <= now, until > now + LEASE)


def _held_by(owner: str) -> list[ColumnElement[bool]]:
    return [and_(col(Letter.lease_owner) == owner, col(Letter.done_at).is_(None))]
