"""A robot tries PINs until it reads somebody's case, or learns which numbers are cases at all.

It stays on one number and changes its address, stays at one address and changes the number, or
sends all at once.
"""

from __future__ import annotations

import statistics
import time

from tests.support.console import HOME, STRANGER, Console, attempt, kinds, outcomes
from tui_admin.errors import LimitedError, WrongCaseError
from tui_admin.flows import support
from tui_admin.flows.answers import CaseView, Visitor


def somewhere(n: int) -> Visitor:
    return Visitor(f"203.0.{n // 250}.{n % 250 + 1}")


async def case(console: Console) -> tuple[str, str, str]:
    """Open a case; return number, PIN, and a PIN that is wrong."""
    opened = await support.open_case(console.ctx, HOME, "alice@example.com", "reach", "story")
    wrong = "000000" if opened.pin != "000000" else "111111"
    return opened.number, opened.pin, wrong


async def test_one_number_takes_five_from_anywhere(console: Console) -> None:
    """S8: each guess from an address of its own; then not even the right PIN is looked at."""
    number, pin, wrong = await case(console)
    results = [
        await attempt(support.look(console.ctx, somewhere(n), number, wrong)) for n in range(12)
    ]
    assert kinds(results) == {"WrongCaseError": 5, "LimitedError": 7}
    assert isinstance(await attempt(support.look(console.ctx, HOME, number, pin)), LimitedError)
    console.clock.turn(301)
    assert isinstance(await support.look(console.ctx, HOME, number, pin), CaseView)


async def test_a_day_gives_fifty(console: Console) -> None:
    """S8: patience does not pay: fifty of a million in a day."""
    number, _pin, wrong = await case(console)
    evaluated = 0
    for n in range(24 * 12 - 1):
        for _ in range(5):
            got = await attempt(support.look(console.ctx, somewhere(n), number, wrong))
            evaluated += isinstance(got, WrongCaseError)
            if isinstance(got, LimitedError):
                break
        console.clock.turn(300)
    assert evaluated <= 50


async def test_one_address_takes_ten_over_all_numbers(console: Console) -> None:
    """S8: the same PIN at one number after the other."""
    results = [
        await attempt(support.look(console.ctx, STRANGER, f"{n:08}", "123456")) for n in range(30)
    ]
    assert kinds(results) == {"WrongCaseError": 10, "LimitedError": 20}


async def test_a_hundred_at_once(console: Console) -> None:
    """S9: exactly five are evaluated."""
    number, _pin, wrong = await case(console)
    other = await console.second_process()
    calls = [
        support.look(ctx, somewhere(n), number, wrong)
        for n, ctx in enumerate((console.ctx, other) * 50)
    ]
    assert kinds(await outcomes(calls)) == {"WrongCaseError": 5, "LimitedError": 95}


async def test_another_spelling_of_a_number_is_no_fresh_count(console: Console) -> None:
    """S28: spaces and dashes are taken away before counting."""
    number, _pin, wrong = await case(console)
    spellings = [number, f"{number[:4]} {number[4:]}", f" {number}", f"{number[:2]}-{number[2:]}"]
    results = [
        await attempt(support.look(console.ctx, somewhere(n), spellings[n % 4], wrong))
        for n in range(8)
    ]
    assert kinds(results) == {"WrongCaseError": 5, "LimitedError": 3}


async def test_a_number_that_is_no_case_looks_and_counts_the_same(console: Console) -> None:
    """S11: sentence, limits and time tell nothing about which numbers are cases."""
    number, _pin, wrong = await case(console)
    unknown = "00000000" if number != "00000000" else "11111111"
    took: dict[str, list[float]] = {number: [], unknown: []}
    said = {number: set(), unknown: set()}  # type: dict[str, set[str]]
    for n in range(60):
        for guessed in (number, unknown):
            begin = time.perf_counter()
            got = await attempt(support.look(console.ctx, somewhere(n), guessed, wrong))
            took[guessed].append(time.perf_counter() - begin)
            assert isinstance(got, WrongCaseError)
            said[guessed].add(got.sentence)
        console.clock.turn(7200)
    assert said[number] == said[unknown]
    known, other = (statistics.median(times) for times in took.values())
    assert abs(known - other) < max(known, other) / 2


async def test_the_pin_of_one_case_opens_no_other(console: Console) -> None:
    """S30: a PIN is bound to its number."""
    first, pin, _wrong = await case(console)
    second, other_pin, _wrong = await case(console)
    if pin != other_pin:
        for number, wrong in ((first, other_pin), (second, pin)):
            got = await attempt(support.look(console.ctx, HOME, number, wrong))
            assert isinstance(got, WrongCaseError)
    moved = "UPDATE support_request SET pin_mac = (SELECT pin_mac FROM support_request WHERE number = :a) WHERE number = :b"  # noqa: E501
    await console.execute(moved, a=first, b=second)
    got = await attempt(support.look(console.ctx, STRANGER, second, pin))
    assert isinstance(got, WrongCaseError)
