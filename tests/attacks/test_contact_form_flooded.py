"""A robot fills the contact form until nobody at the desk finds a real case any more.

It takes a fresh address for each case, or a fresh e-mail, or sends all at once; or it sends what
is too long, or what a terminal obeys when staff reads it.
"""

from __future__ import annotations

import pytest

from tests.support.console import HOME, STRANGER, Console, attempt, kinds, outcomes
from tui_admin.errors import FieldError
from tui_admin.flows import support
from tui_admin.flows.answers import CaseOpened, Visitor
from tui_admin.flows.context import Context
from tui_admin.models import Letter, Spending, SupportRequest
from tui_admin.security.text import safe


def somewhere(n: int) -> Visitor:
    return Visitor(f"203.0.{n // 250}.{n % 250 + 1}")


async def send(ctx: Context, visitor: Visitor, email: str) -> object:
    return await attempt(support.open_case(ctx, visitor, email, "reach", "story"))


async def test_one_address_opens_three(console: Console) -> None:
    """With a fresh e-mail address each: three cases an hour, and no letter for the rest."""
    await console.customer("dan", role="staff")
    results = [await send(console.ctx, STRANGER, f"u{n}@example.com") for n in range(20)]
    assert kinds(results) == {"CaseOpened": 3, "LimitedError": 17}
    assert len(await console.rows(SupportRequest)) == 3
    assert len(await console.rows(Letter)) == 3


async def test_addresses_of_one_ipv6_network_are_one(console: Console) -> None:
    """Whoever has a /64 has billions of addresses and one count."""
    results = [
        await send(console.ctx, Visitor(f"2001:db8::{n:x}"), f"u{n}@example.com")
        for n in range(1, 8)
    ]
    assert kinds(results) == {"CaseOpened": 3, "LimitedError": 4}


async def test_one_e_mail_is_asked_for_three_times(console: Console) -> None:
    """From a fresh address each: a person is not buried under letters about cases of theirs."""
    await console.customer()
    results = [await send(console.ctx, somewhere(n), "Alice@example.com") for n in range(20)]
    assert kinds(results) == {"CaseOpened": 3, "LimitedError": 17}
    assert len(await console.rows(Letter)) == 3


async def test_a_botnet_opens_a_hundred(console: Console) -> None:
    """With a fresh address and e-mail each, the count over all holds."""
    ctx = console.with_settings(limits={"cases_total_1h": 10})
    results = [await send(ctx, somewhere(n), f"u{n}@example.com") for n in range(30)]
    assert kinds(results) == {"CaseOpened": 10, "LimitedError": 20}
    console.clock.turn(3601)
    assert isinstance(await send(ctx, somewhere(99), "x@example.com"), CaseOpened)


async def test_all_at_once_are_counted(console: Console) -> None:
    """S9: forty at the same moment, from two processes."""
    other = await console.second_process()
    sent = [
        support.open_case(ctx, STRANGER, f"u{n}@example.com", "reach", "story")
        for n, ctx in enumerate((console.ctx, other) * 20)
    ]
    assert kinds(await outcomes(sent)) == {"CaseOpened": 3, "LimitedError": 37}
    assert len(await console.rows(SupportRequest)) == 3


async def test_being_refused_costs_nobody_else(console: Console) -> None:
    """Cases that one address was refused do not fill the count over all."""
    ctx = console.with_settings(limits={"cases_total_1h": 5})
    for n in range(20):
        await send(ctx, STRANGER, f"u{n}@example.com")
    assert isinstance(await send(ctx, HOME, "alice@example.com"), CaseOpened)
    assert len([row for row in await console.rows(Spending) if row.subject == "cases"]) == 4


@pytest.mark.parametrize("field", ["email", "reach", "story"])
async def test_a_megabyte_is_a_form_error(console: Console, field: str) -> None:
    """It is refused by its length, and not looked at character by character."""
    typed = {"email": "a@example.com", "reach": "reach", "story": "story"}
    for filler in ("x", " ", "\n", "\u0301", "\u202e", "x\n"):
        call = support.open_case(console.ctx, HOME, **{**typed, field: filler * 1_000_000})
        error = await attempt(call)
        assert isinstance(error, FieldError)
        assert error.field == field


@pytest.mark.parametrize(
    "story",
    [
        "[/][bold red]markup[/]",
        "{{ 7 * 7 }} {% raw %} %s {0}",
        "'; DROP TABLE support_request; --",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A1",
    ],
)
async def test_what_is_text_stays_text(console: Console, story: str) -> None:
    """T2: markup, templates, SQL and formulas are stored as they were typed."""
    await support.open_case(console.ctx, HOME, "a@example.com", story[:200], story)
    [case] = await console.rows(SupportRequest)
    assert (case.reach, case.story) == (story, story)


@pytest.mark.parametrize(
    "bad", ["\x1b]52;c;aGk=\x07", "\x9b2J", "\x00", "\u202e", "\u2066", "\ud800", "\u200b"]
)
@pytest.mark.parametrize("field", ["reach", "story"])
async def test_what_a_terminal_obeys_is_refused(console: Console, field: str, bad: str) -> None:
    """T1: escape sequences, NUL, direction marks and surrogates do not get to the desk."""
    typed = {"reach": "reach", "story": "story", field: f"before {bad} after"}
    error = await attempt(support.open_case(console.ctx, HOME, "a@example.com", **typed))
    assert isinstance(error, FieldError)
    assert await console.rows(SupportRequest) == []


async def test_lines_break_in_one_way_only(console: Console) -> None:
    """Whatever a terminal or a clipboard calls a line break is one, and walls of empty lines are
    pulled down; nothing hides behind a carriage return."""
    story = "one\r\ntwo\rthree\u2028four\x85five" + "\n" * 50 + "six\tseven   "
    await support.open_case(console.ctx, HOME, "a@example.com", "reach", story)
    [case] = await console.rows(SupportRequest)
    assert case.story == "one\ntwo\nthree\nfour\nfive\n\nsix seven"
    assert all(line == safe(line, 2000) for line in case.story.split("\n"))


async def test_a_terminals_name_and_address_are_made_safe(console: Console) -> None:
    """What a peer calls itself is stored as text, too."""
    visitor = Visitor("\x1b[2J\x00'", "\ud800xterm")
    assert isinstance(await send(console.ctx, visitor, "a@example.com"), CaseOpened)
    [case] = await console.rows(SupportRequest)
    assert case.address.isprintable()
    assert isinstance(await send(console.ctx, visitor, "bad"), FieldError)
    results = [await send(console.ctx, visitor, f"u{n}@example.com") for n in range(3)]
    assert kinds(results) == {"CaseOpened": 2, "LimitedError": 1}
