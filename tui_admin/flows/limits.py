"""Limits on guesses: per account, per peer address and over all, in the database.

A try takes its place *before* it is judged and gives it back when it was right, so that a hundred
at once cannot all slip through a count that was read too early. Places outlive sessions, doors and
restarts, and asking again resets nothing.

An address that signed in to the account before has a place count of its own (`S10`): strangers'
misses fill the strangers' count, and the owner still gets in from a known address.

Source: NIST SP 800-63B-4 3.2.2, RFC 4226 7.3.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    bindparam,
    delete,
    insert,
    or_,
    true,
    update,
)
from sqlalchemy import select as sa_select
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.config import LimitSettings
from tui_admin.errors import LimitedError
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.flows.visitor import LOCAL, canonical_address
from tui_admin.models import Attempt, Session, Spending, new_id

_JUDGING = timedelta(seconds=60)
_SHORT_WAIT_S = 5
_FIVE_MIN, _HOUR, _DAY = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """A try that has been counted; `give_back` when it was right."""

    id: str


def address_key(address: str) -> str:
    """Return what a peer address is counted under: IPv4 itself, IPv6 its /64.

    What cannot be parsed shares one count, so that a garbled address gives nobody a fresh one.
    """
    if address == LOCAL:
        return LOCAL
    one = canonical_address(address)
    return str(ipaddress.IPv6Network((one, 64), strict=False)) if ":" in one else one


async def take_place(ctx: Context, tx: Transaction, subject: str, account_id: str = "") -> Place:
    """Count one try on `subject` and from the visitor's address, or refuse it.

    `subject` names what is guessed at: `password:<account id>`, `code:<account id>`. Passwords take
    a while to judge; `missed` has to be called for those that were wrong.

    Raises:
        LimitedError: (through `CommitAndRaiseError`) one of the counts is full.
    """
    await ctx.database.lock(tx.db, "limits")
    address = address_key(tx.visitor.address)
    limits = ctx.settings.limits
    # One statement for all that may refuse, and the same for a name that nobody has: the account
    # id is empty then, and no session has it.
    found = await _count(tx, limits, subject, address, account_id)
    if found.is_known:
        subject = f"{subject}@{address}"
    if found.is_full(limits):
        await _tidy(tx)
        wait = await _refused_for(tx.db, limits, tx.now, subject, address, known=found.is_known)
        if wait is not None:
            tx.record("limit.refused", account_id, retry_after_s=wait)
            raise CommitAndRaiseError(LimitedError(wait))
    is_judged = not subject.startswith("password:")
    place = Place(new_id())
    row = {"id": place.id, "subject": subject, "address": address, "at": tx.now}
    await tx.db.exec(_TAKE, params={**row, "is_judged": is_judged})
    return place


_TAKE = insert(Attempt)
_GIVE_BACK = (
    delete(Attempt)
    .where(or_(col(Attempt.id) == bindparam("id"), col(Attempt.at) < bindparam("old")))
    .execution_options(synchronize_session=False)
)


async def give_back(tx: Transaction, place: Place) -> None:
    """Take a right try out of the counts, and with it what no count looks at any more."""
    await tx.db.exec(_GIVE_BACK, params={"id": place.id, "old": tx.now - _DAY})


async def missed(tx: Transaction, place: Place) -> None:
    """Note that a password was wrong; its place counts in full from now on."""
    statement = update(Attempt).where(col(Attempt.id) == place.id).values(is_judged=True)
    await tx.db.exec(statement)


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many tries the counts hold that one try falls under."""

    is_known: bool
    account: tuple[int, ...]
    address: tuple[int, ...]
    total: int

    def is_full(self, limits: LimitSettings) -> bool:
        """Whether any count may have no place left."""
        most = (limits.account_5min, limits.account_1h, limits.account_1d)
        of_account = any(n >= limit for n, limit in zip(self.account, most, strict=True))
        most_address = (limits.address_5min, limits.address_1h)
        of_address = any(n >= limit for n, limit in zip(self.address, most_address, strict=True))
        # See `_refused_for` on who the count over all is for.
        return of_account or of_address or (not self.is_known and self.total >= limits.total_5min)


def _counting() -> Select[*tuple[Any, ...]]:
    def count(where: ColumnElement[bool], since: str) -> ScalarSelect[int]:
        counted = sa_select(func.count()).where(where, col(Attempt.at) > bindparam(since))
        return counted.scalar_subquery()

    known = (
        sa_select(func.count())
        .where(
            col(Session.account_id) == bindparam("account_id"),
            col(Session.address) == bindparam("visitor_address"),
            col(Session.started_at) > bindparam("known_since"),
        )
        .scalar_subquery()
    )
    plain = [count(col(Attempt.subject) == bindparam("subject"), since) for since in _SPANS]
    own = [count(col(Attempt.subject) == bindparam("own_subject"), since) for since in _SPANS]
    there = [count(col(Attempt.address) == bindparam("address"), since) for since in ("5min", "1h")]
    return sa_select(known, *plain, *own, *there, count(true(), "5min"))


_SPANS = {"5min": _FIVE_MIN, "1h": _HOUR, "1d": _DAY}
_COUNTING = _counting()
"""Made once: to put it together takes longer than to answer it."""


async def _count(
    tx: Transaction, limits: LimitSettings, subject: str, address: str, account_id: str
) -> _Counts:
    now = tx.now
    facts = {
        "account_id": account_id,
        "visitor_address": tx.visitor.address,
        "known_since": now - timedelta(days=limits.known_address_d),
        "subject": subject,
        "own_subject": f"{subject}@{address}",
        "address": address,
        **{name: now - span for name, span in _SPANS.items()},
    }
    n = tuple((await tx.db.exec(_COUNTING, params=facts)).one())  # type: ignore[call-overload]  # too many columns
    is_known = n[0] > 0
    return _Counts(is_known, n[4:7] if is_known else n[1:4], n[7:9], n[9])


async def _tidy(tx: Transaction) -> None:
    """Forget old tries, and count those that a clock set ahead left in the future as made now.

    Where they are, they would fill their counts until the clock gets there: a year, perhaps.
    """
    await tx.db.exec(delete(Attempt).where(col(Attempt.at) < tx.now - _DAY))
    await tx.db.exec(update(Attempt).where(col(Attempt.at) > tx.now).values(at=tx.now))


async def full_for(
    db: AsyncSession,
    table: type[Attempt] | type[Spending],
    where: ColumnElement[bool],
    span: timedelta,
    most: int,
    now: datetime,
) -> int:
    """Return for how many seconds there are `most` rows in the last `span`; 0 if there are not."""
    query = (
        select(table.at)
        .where(where, col(table.at) > now - span)
        .order_by(col(table.at).desc())
        .offset(most - 1)
        .limit(1)
    )
    oldest = (await db.exec(query)).first()
    return 0 if oldest is None else max(1, math.ceil((oldest + span - now).total_seconds()))


async def _refused_for(
    db: AsyncSession,
    limits: LimitSettings,
    now: datetime,
    subject: str,
    address: str,
    *,
    known: bool,
) -> int | None:
    """Return for how many seconds a count is full, or None when all have room.

    The count over all is for strangers: a botnet that keeps it full must not keep everybody out
    of their accounts, and a known address has its own account's counts over it.
    """
    waits: list[int] = []

    async def look(where: ColumnElement[bool], span: timedelta, most: int) -> None:
        wait_s = await full_for(db, Attempt, where, span, most, now)
        if not wait_s:
            return
        # Many people behind one address may sign in at the same moment. Where only tries that are
        # still being judged fill the count, most of them are about to give their places back.
        being_judged = col(Attempt.is_judged).is_(False) & (col(Attempt.at) > now - _JUDGING)
        judged = select(func.count()).where(where, col(Attempt.at) > now - span, ~being_judged)
        if (await db.exec(judged)).one() < most:
            waits.append(_SHORT_WAIT_S)
            return
        waits.append(wait_s)

    of_subject = col(Attempt.subject) == subject
    await look(of_subject, _FIVE_MIN, limits.account_5min)
    await look(of_subject, _HOUR, limits.account_1h)
    await look(of_subject, _DAY, limits.account_1d)
    await look(col(Attempt.address) == address, _FIVE_MIN, limits.address_5min)
    await look(col(Attempt.address) == address, _HOUR, limits.address_1h)
    if not known:
        await look(true(), _FIVE_MIN, limits.total_5min)
    return max(waits, default=None)
