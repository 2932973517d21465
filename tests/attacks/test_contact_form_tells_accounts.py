"""Somebody types e-mail addresses into the contact form to learn who is a customer.

The answers to a known, a locked, an unverified and an unknown address are compared: their words,
their limits, and their work; what differs must lie where the asker cannot look.
"""

from __future__ import annotations

import statistics
import time

from tests.support.console import Console, attempt
from tui_admin.errors import LimitedError
from tui_admin.flows import accounts, support, working_days
from tui_admin.flows.answers import CaseOpened, CaseView, Visitor
from tui_admin.models import Letter


def somewhere(n: int) -> Visitor:
    return Visitor(f"203.0.{n // 250}.{n % 250 + 1}")


async def test_the_answer_is_the_same(console: Console) -> None:
    """S11: number, PIN, promise and state; the one difference is a letter to the owner."""
    await console.customer("alice")
    await console.customer("bob", verified=False)
    await console.customer("carol")
    await accounts.lock(console.ctx, "carol")
    views: list[CaseView] = []
    for n, name in enumerate(("alice", "bob", "carol", "nobody")):
        email = f"{name}@example.com"
        opened = await support.open_case(console.ctx, somewhere(n), email, "reach", "story")
        assert opened.due_at == working_days.answer_due(console.clock.now(), "CZ", "UTC")
        views.append(await support.look(console.ctx, somewhere(n), opened.number, opened.pin))
    assert len({(view.state, view.created_at, view.due_at) for view in views}) == 1
    told = [row.recipient for row in await console.rows(Letter)]
    assert sorted(told) == ["alice@example.com", "bob@example.com", "carol@example.com"]


async def test_the_limits_are_the_same(console: Console) -> None:
    """S11: the fourth in an hour is refused for both, with the same wait."""
    await console.customer("alice")
    waits = []
    for name in ("alice", "nobody"):
        email = f"{name}@example.com"
        for n in range(3):
            got = await attempt(support.open_case(console.ctx, somewhere(n), email, "r", "s"))
            assert isinstance(got, CaseOpened)
        got = await attempt(support.open_case(console.ctx, somewhere(9), email, "r", "s"))
        assert isinstance(got, LimitedError)
        waits.append(got.retry_after_s)
        console.clock.turn(3601)
    assert waits[0] == waits[1]


async def test_the_work_is_the_same_but_for_a_letter(console: Console) -> None:
    """S11: the medians of forty each lie close together."""
    ctx = console.with_settings(limits={"cases_1h": 1000, "cases_total_1h": 1000})
    await console.customer("alice")
    await console.customer("dan", role="staff")
    took: dict[str, list[float]] = {"alice": [], "nobody": []}
    await support.open_case(ctx, somewhere(0), "warm@example.com", "reach", "story")
    for n in range(40):
        for name, times in took.items():
            begin = time.perf_counter()
            await support.open_case(ctx, somewhere(n), f"{name}@example.com", "reach", "story")
            times.append(time.perf_counter() - begin)
    known, unknown = (statistics.median(times) for times in took.values())
    assert abs(known - unknown) < max(known, unknown) / 2


async def test_the_audit_log_names_no_address(console: Console) -> None:
    """S25: what is recorded of a refusal is a keyed hash, so a leaked log tells no addresses."""
    for _ in range(5):
        await attempt(support.open_case(console.ctx, somewhere(1), "nobody@example.com", "r", "s"))
    details = [row.details for row in await console.audit()]
    assert any("cases-email:" in text for text in details)
    assert not any("nobody" in text for text in details)
