"""The outbox under test: what is written into it, and what must hold of it whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import text

from tests.support.console import HOME, Console, Person
from tui_admin.delivery.outbox import Worker
from tui_admin.delivery.senders import Made, Sender
from tui_admin.flows.context import Context
from tui_admin.models import Account, Letter


@dataclass
class Basket:
    """A way out that ends here; `fails` is raised in place of taking letters, while it is set."""

    fails: Exception | None = None
    letters: list[Made] = field(default_factory=list)
    before: Callable[[Made], object] = field(default=lambda made: None)
    """Called with each letter on its way."""
    is_closed: bool = False

    async def send(self, letter: Made) -> None:
        waits = self.before(letter)
        if asyncio.iscoroutine(waits):
            await waits
        if self.fails is not None:
            raise self.fails
        self.letters.append(letter)

    async def close(self) -> None:
        self.is_closed = True


def with_ways(console: Console, **settings: Any) -> Context:
    """Return the console's context with these ways to send, `smtp_url` and `sms_url`, alone."""
    settings = {"smtp_url": "", "sms_url": "", **settings}
    return replace(console.ctx, settings=console.settings.model_copy(update=settings))


def worker(
    ctx: Context, email: Sender | None = None, sms: Sender | None = None, **more: Any
) -> Worker:
    """Return a worker with these ways out, whose pauses have no jitter."""
    ways = {"email": email, "sms": sms}
    senders = {name: way for name, way in ways.items() if way is not None}
    return Worker(ctx, senders, jitter=lambda: 0.0, **more)


async def write(
    ctx: Context, person: Person, template: str = "otp.disabled", **details: Any
) -> str:
    """Write one letter as a flow does, and return its id."""
    async with ctx.write(HOME) as tx:
        account = await tx.hold(person.account_id)
        assert account is not None
        return tx.write_letter(account, template, **details)


async def letters(console: Console) -> list[Letter]:
    """Return the whole outbox, the oldest first."""
    return sorted(await console.rows(Letter), key=lambda row: (row.created_at, row.id))


async def the_letter(console: Console) -> Letter:
    """Return the one letter that there is."""
    [letter] = await letters(console)
    return letter


async def until(fact: Callable[[], bool]) -> None:
    """Wait until something is so; fail after some seconds."""
    deadline = asyncio.get_running_loop().time() + 60
    while not fact():
        assert asyncio.get_running_loop().time() < deadline, "it never became so"
        await asyncio.sleep(0.01)


async def assert_nothing_is_lost(
    console: Console, *, acknowledged: Iterable[str], delivered: Iterable[str]
) -> None:
    """O5: what must hold once a worker has finished, whatever was killed before.

    The change is "the phone was verified", which goes to e-mail and phone. `acknowledged` names the
    accounts for which the flow returned; `delivered` are the ids of letters that arrived.
    """
    accounts: list[Account] = await console.rows(Account)
    outbox = await letters(console)
    arrived = set(delivered)
    changed = {account.id: account for account in accounts if account.phone_verified_at}
    for name in acknowledged:
        assert name in {account.username for account in changed.values()}, "acknowledged, and lost"
    for account_id in changed:
        told = {letter.channel for letter in outbox if letter.account_id == account_id}
        assert told == {"email", "sms"}, "a change without its letters"
    for letter in outbox:
        assert letter.account_id in changed, "a letter of a change that is not there"
        assert letter.id in arrived, "a letter that was never delivered"
        assert letter.outcome == "sent", "a letter that is not known to be delivered"
    assert arrived <= {letter.id for letter in outbox}, "something unknown was delivered"
    if console.ctx.database.is_sqlite:
        async with console.ctx.database.read() as db:
            connection = await db.connection()
            found = await connection.execute(text("PRAGMA integrity_check"))
            assert found.scalar_one() == "ok"
