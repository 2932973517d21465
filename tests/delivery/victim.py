"""A process of its own that is killed at a chosen moment, the way `kill -9` does it.

    python -m tests.delivery.victim flow MOMENT SETTINGS CLOCK NAME...
    python -m tests.delivery.victim worker MOMENT SETTINGS CLOCK

`flow` verifies the phone of each account and prints its name once the flow has returned: that is
what was acknowledged. `worker` delivers what is due. MOMENT is where it ends:

    before_commit, after_commit   inside the transaction of the last account's change, or after it
    after_250                     the server has said 250, and nothing is marked
    never                         it ends by itself; somebody else may kill it

With `dual_write` or `mark_first` as MOMENT, it has that bug and dies where the bug shows (O6).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import col

from tests.support.console import TurnedClock
from tui_admin import database
from tui_admin.config import Settings
from tui_admin.delivery.claims import Claimed, Tried
from tui_admin.delivery.outbox import Worker
from tui_admin.flows import accounts
from tui_admin.flows.context import Context
from tui_admin.models import Account
from tui_admin.wiring import make_senders, open_context


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_around_commit(moment: str, commits: int) -> None:
    """End before or after the commit of that number, counted from now."""
    commit = database._WholeSession.commit
    left = [commits]

    async def dying(self: Any) -> None:
        left[0] -= 1
        is_last = left[0] == 0
        if is_last and moment == "before_commit":
            die()
        await commit(self)
        if is_last and moment == "after_commit":
            die()

    database._WholeSession.commit = dying  # type: ignore[method-assign]


async def verify_by_dual_write(ctx: Context, name: str) -> None:
    """The first bug: the change is committed, and its letters get a transaction of their own."""
    view = await accounts.show(ctx, name)
    async with ctx.write(accounts.OPERATOR) as tx:
        change = update(Account).where(col(Account.id) == view.id)
        await tx.db.exec(change.values(phone_verified_at=tx.now))
    die()
    async with ctx.write(accounts.OPERATOR) as tx:
        account = await tx.hold(view.id)
        assert account is not None
        await tx.tell_everywhere(account, "phone.verified")


class MarkFirst(Worker):
    """The second bug: a letter is marked as sent before it is."""

    async def _try(self, claimed: Claimed) -> Tried:
        tried = Tried(claimed.letter, "sent")
        await self._claims.turn(claimed.letter.channel, tried, go_on=False)
        die()
        return await super()._try(claimed)


class DiesAfter:
    """A way out that takes the letter, and the process with it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def send(self, letter: Any) -> None:
        await self.inner.send(letter)
        die()

    async def close(self) -> None:
        await self.inner.close()


async def flow(ctx: Context, moment: str, names: list[str]) -> None:
    for name in names:
        if name == names[-1]:
            if moment == "dual_write":
                await verify_by_dual_write(ctx, name)
            die_around_commit(moment, 1)
        await accounts.verify_contacts(ctx, name, email=False, phone=True)
        print(name, flush=True)


async def worker(ctx: Context, moment: str) -> None:
    senders = make_senders(ctx.settings)
    die_around_commit(moment, 1)  # the first one claims
    if moment == "after_250":
        senders = {channel: DiesAfter(sender) for channel, sender in senders.items()}
    kind = MarkFirst if moment == "mark_first" else Worker
    working = kind(ctx, senders)
    await working.deliver_due()
    await working.close()


async def main() -> None:
    role, moment, settings, now, *names = sys.argv[1:]
    clock = TurnedClock(datetime.fromisoformat(now))
    ctx = await open_context(Settings.model_validate_json(settings), clock)
    try:
        await (worker(ctx, moment) if role == "worker" else flow(ctx, moment, names))
    finally:
        await ctx.close()


if __name__ == "__main__":
    asyncio.run(main())
