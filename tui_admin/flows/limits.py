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
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, true, update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.config import LimitSettings
from tui_admin.errors import LimitedError
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.models import Attempt, Session

LOCAL = "local"
UNKNOWN = "unknown"
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
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.IPv6Network((ip, 64), strict=False))
    return str(ip)


async def take_place(ctx: Context, tx: Transaction, subject: str, account_id: str = "") -> Place:
    """Count one try on `subject` and from the visitor's address, or refuse it.

    `subject` names what is guessed at: `password:<account id>`, `code:<account id>`. Passwords take
    a while to judge; `missed` has to be called for those that were wrong.

    Raises:
        LimitedError: (through `CommitAndRaiseError`) one of the counts is full.
    """
    await ctx.database.lock(tx.db, "limits")
    address = address_key(tx.visitor.address)
    await _redate_future(tx)
    # Asked for an unknown name too (account id empty), so that both take the same statements.
    known = await _is_known(ctx, tx, account_id)
    if known:
        subject = f"{subject}@{address}"
    wait = await _full_for(tx.db, ctx.settings.limits, tx.now, subject, address, known=known)
    if wait is not None:
        tx.record("limit.refused", account_id, retry_after_s=wait)
        raise CommitAndRaiseError(LimitedError(wait))
    is_judged = not subject.startswith("password:")
    row = Attempt(subject=subject, address=address, at=tx.now, is_judged=is_judged)
    tx.db.add(row)
    await tx.db.exec(delete(Attempt).where(col(Attempt.at) < tx.now - _DAY))
    return Place(row.id)


async def give_back(tx: Transaction, place: Place) -> None:
    """Take a right try out of the counts."""
    await tx.db.exec(delete(Attempt).where(col(Attempt.id) == place.id))


async def missed(tx: Transaction, place: Place) -> None:
    """Note that a password was wrong; its place counts in full from now on."""
    statement = update(Attempt).where(col(Attempt.id) == place.id).values(is_judged=True)
    await tx.db.exec(statement)


async def _redate_future(tx: Transaction) -> None:
    """Count tries that a clock set ahead has left in the future as made now.

    Where they are, they would fill their counts until the clock gets there: a year, perhaps.
    """
    await tx.db.exec(update(Attempt).where(col(Attempt.at) > tx.now).values(at=tx.now))


async def _is_known(ctx: Context, tx: Transaction, account_id: str) -> bool:
    since = tx.now - timedelta(days=ctx.settings.limits.known_address_d)
    query = (
        select(Session.id)
        .where(
            Session.account_id == account_id,
            Session.address == tx.visitor.address,
            col(Session.started_at) > since,
        )
        .limit(1)
    )
    return (await tx.db.exec(query)).first() is not None


async def _full_for(
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
        query = (
            select(Attempt.at)
            .where(where, col(Attempt.at) > now - span)
            .order_by(col(Attempt.at).desc())
            .offset(most - 1)
            .limit(1)
        )
        oldest = (await db.exec(query)).first()
        if oldest is None:
            return
        # Many people behind one address may sign in at the same moment. Where only tries that are
        # still being judged fill the count, most of them are about to give their places back.
        being_judged = col(Attempt.is_judged).is_(False) & (col(Attempt.at) > now - _JUDGING)
        judged = select(func.count()).where(where, col(Attempt.at) > now - span, ~being_judged)
        if (await db.exec(judged)).one() < most:
            waits.append(_SHORT_WAIT_S)
            return
        waits.append(max(1, int((oldest + span - now).total_seconds()) + 1))

    of_subject = col(Attempt.subject) == subject
    await look(of_subject, _FIVE_MIN, limits.account_5min)
    await look(of_subject, _HOUR, limits.account_1h)
    await look(of_subject, _DAY, limits.account_1d)
    await look(col(Attempt.address) == address, _FIVE_MIN, limits.address_5min)
    await look(col(Attempt.address) == address, _HOUR, limits.address_1h)
    if not known:
        await look(true(), _FIVE_MIN, limits.total_5min)
    return max(waits, default=None)
