"""Quotas: how much of something may be used up in a span of time, whoever asks and however often.

Unlike the limits on guesses, a unit that was spent is never given back: an SMS has been paid for
whether its code was right or wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col

from tui_admin.errors import LimitedError
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.flows.limits import full_for
from tui_admin.models import Spending

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `most` units of `subject` in `span`; a day is the longest span."""

    subject: str
    most: int
    span: timedelta


async def spend(ctx: Context, tx: Transaction, quotas: Iterable[Quota], account_id: str) -> None:
    """Take one unit out of every quota, or none.

    Raises:
        LimitedError: (through `CommitAndRaiseError`) one of them is used up; it says until when.
    """
    wanted = list(quotas)
    await ctx.database.lock(tx.db, "quotas")
    waits = [await _used_up_for(tx, quota) for quota in wanted]
    if any(waits):
        full = [quota.subject for quota in wanted]
        tx.record("quota.refused", account_id, subjects=full, retry_after_s=max(waits))
        raise CommitAndRaiseError(LimitedError(max(waits)))
    for subject in {quota.subject for quota in wanted}:
        tx.db.add(Spending(subject=subject, at=tx.now))
    # What a clock that was ahead left in the future goes too: it would count until it is reached.
    stale = (col(Spending.at) < tx.now - DAY) | (col(Spending.at) > tx.now + DAY)
    await tx.db.exec(delete(Spending).where(stale))


async def _used_up_for(tx: Transaction, quota: Quota) -> int:
    """Return for how many seconds a quota is used up; 0 when there is something left."""
    mine = col(Spending.subject) == quota.subject
    return await full_for(tx.db, Spending, mine, quota.span, quota.most, tx.now)
