"""Support requests: what the contact form takes, gives, promises and shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.console import HOME, STRANGER, Console, attempt
from tui_admin.errors import (
    FieldError,
    LimitedError,
    SessionEndedError,
    UnavailableError,
    WrongCaseError,
)
from tui_admin.flows import accounts, keys, sessions, support
from tui_admin.flows.answers import CaseOpened, Token, Visitor
from tui_admin.models import Letter, SupportRequest

EMAIL, REACH, STORY = "alice@example.com", "+420 777 888 999", "Phone and mailbox are gone.\nHelp!"


async def open_case(console: Console, email: str = EMAIL, visitor: Visitor = HOME) -> CaseOpened:
    return await support.open_case(console.ctx, visitor, email, REACH, STORY)


async def letters(console: Console, template: str) -> list[Letter]:
    return [row for row in await console.rows(Letter) if row.template == template]


async def test_a_case_is_taken(console: Console) -> None:
    """It gets a number and a PIN, is promised an answer within one working day, and is stored."""
    opened = await open_case(console)
    assert (len(opened.number), len(opened.pin)) == (8, 6)
    assert (opened.number + opened.pin).isdigit()
    assert opened.due_at == console.clock.now() + timedelta(days=1)  # a Tuesday
    [case] = await console.rows(SupportRequest)
    assert (case.kind, case.state, case.email) == ("contact", "open", EMAIL)
    assert (case.reach, case.story, case.address) == (REACH, STORY, HOME.address)
    assert case.account_id is None
    assert case.due_at == opened.due_at
    assert (await console.events()) == ["support.opened"]


async def test_the_pin_is_shown_once(console: Console) -> None:
    """Neither a `repr`, nor the database, nor the audit log holds it."""
    opened = await open_case(console)
    assert opened.pin not in repr(opened)
    [case], [row] = await console.rows(SupportRequest), await console.audit()
    stored = case.model_dump(exclude={"id", "pin_mac"}), row.model_dump(exclude={"mac", "previous"})
    assert opened.number in str(stored)
    assert opened.pin not in str(stored)
    assert case.pin_mac == console.ctx.keyring.mac("case-pin", f"{opened.number}:{opened.pin}")


async def test_numbers_do_not_count(console: Console) -> None:
    """Nobody learns from two cases of their own how many others there are."""
    numbers = set()
    for hour in range(10):
        numbers.add((await open_case(console)).number)
        console.clock.turn(3600 + hour)
    assert len(numbers) == 10
    ordered = sorted(int(number) for number in numbers)
    assert max(b - a for a, b in pairwise(ordered)) > 100


async def test_a_number_that_is_taken_is_not_given_again(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next random one is taken instead."""
    digits = iter(["11111111", "222222", "11111111", "33333333", "444444"])
    monkeypatch.setattr("tui_admin.flows.support.new_digits", lambda _count: next(digits))
    assert (await open_case(console)).number == "11111111"
    assert (await open_case(console)).number == "33333333"


async def test_the_owner_hears_of_it(console: Console) -> None:
    """When there is an account of this address, its owner gets a letter with number and promise,
    without the PIN."""
    alice = await console.customer()
    opened = await open_case(console)
    [letter] = await letters(console, "support.opened")
    assert (letter.recipient, letter.account_id) == (EMAIL, alice.account_id)
    assert letter.facts["number"] == opened.number
    assert datetime.fromisoformat(letter.facts["due_at"]) == opened.due_at
    assert opened.pin not in str(letter.facts.values())
    [case] = await console.rows(SupportRequest)
    assert case.account_id == alice.account_id


async def test_an_address_is_known_in_any_spelling(console: Console) -> None:
    """S28: the canonical form is what is looked up and stored."""
    await console.customer()
    await open_case(console, " Alice@EXAMPLE.com ")
    [case] = await console.rows(SupportRequest)
    assert case.email == EMAIL
    assert case.account_id is not None


async def test_a_username_that_looks_like_the_address_is_not_it(console: Console) -> None:
    """S28: who calls themselves `alice@example.com` does not get her case."""
    await accounts.create(
        console.ctx,
        username=EMAIL,
        email="mallory@example.com",
        password="correct horse 7 staple",
        phone="+420603123456",
        verified=True,
    )
    await open_case(console)
    [case] = await console.rows(SupportRequest)
    assert case.account_id is None
    assert await letters(console, "support.opened") == []


async def test_staff_hear_of_it(console: Console) -> None:
    """Each of the desk gets the number and the kind, and nothing of what was typed; who is locked
    or has an unverified address gets nothing."""
    await console.customer("carol")
    for name in ("dan", "eve", "frank"):
        await console.customer(name, role="staff", verified=name != "frank")
    await accounts.lock(console.ctx, "eve")
    opened = await open_case(console, "nobody@example.com")
    [letter] = await letters(console, "staff.case")
    assert letter.recipient == "dan@example.com"
    assert letter.facts == {"number": opened.number, "kind": "contact", "address": HOME.address}


async def test_at_most_twenty_of_staff_hear_of_it(console: Console) -> None:
    """A large desk is not written to as a whole."""
    for number in range(22):
        await console.customer(f"agent{number}", role="staff")
        console.clock.turn(1)
    await open_case(console)
    told = {letter.recipient for letter in await letters(console, "staff.case")}
    assert told == {f"agent{number}@example.com" for number in range(20)}


@pytest.mark.parametrize(
    ("field", "email", "reach", "story"),
    [
        ("email", "", REACH, STORY),
        ("email", "alice", REACH, STORY),
        ("email", "a@b.example, evil@example.com", REACH, STORY),
        ("reach", EMAIL, "", STORY),
        ("reach", EMAIL, "x" * 201, STORY),
        ("reach", EMAIL, "two\nlines", STORY),
        ("story", EMAIL, REACH, " \n "),
        ("story", EMAIL, REACH, "x" * 2001),
        ("story", EMAIL, REACH, "an escape \x1b[2J"),
        ("story", EMAIL, REACH, "turned \u202e round"),
    ],
)
async def test_a_form_error_costs_nothing(
    console: Console, field: str, email: str, reach: str, story: str
) -> None:
    """It names its field; nothing is stored, counted or recorded."""
    for _ in range(5):
        error = await attempt(support.open_case(console.ctx, HOME, email, reach, story))
        assert isinstance(error, FieldError)
        assert error.field == field
    assert await console.rows(SupportRequest) == []
    assert await console.events() == []
    await open_case(console)


async def test_the_longest_is_taken(console: Console) -> None:
    """200 and 2000 characters fit, over several lines and in any script."""
    story = "\n".join(["\u017elu\u0165ou\u010dk\u00fd k\u016f\u0148 \u4e2d\u6587 " * 4] * 40)[:2000]
    await support.open_case(console.ctx, HOME, EMAIL, "x" * 200, story)
    [case] = await console.rows(SupportRequest)
    assert len(case.reach) == 200
    assert case.story.count("\n") > 20


async def test_the_state_is_shown_to_whoever_has_both(console: Console) -> None:
    """From any terminal, with spaces as people write numbers; again and again."""
    opened = await open_case(console)
    spaced = f" {opened.number[:4]} {opened.number[4:]}"
    for _ in range(12):
        await support.look(console.ctx, STRANGER, spaced, opened.pin)
    view = await support.look(console.ctx, STRANGER, spaced, opened.pin)
    assert (view.number, view.state) == (opened.number, "open")
    assert (view.created_at, view.due_at) == (console.clock.now(), opened.due_at)
    await console.execute("UPDATE support_request SET state = 'answered'")
    view = await support.look(console.ctx, STRANGER, opened.number, opened.pin)
    assert view.state == "answered"


@pytest.mark.parametrize(
    ("field", "number", "pin"),
    [
        ("number", "", "123456"),
        ("number", "1234567", "123456"),
        ("number", "123456789", "123456"),
        ("number", "1234567a", "123456"),
        ("number", "\uff11" * 8, "123456"),
        ("pin", "12345678", ""),
        ("pin", "12345678", "12345"),
        ("pin", "12345678", "\u0661" * 6),
    ],
)
async def test_malformed_numbers_cost_nothing(
    console: Console, field: str, number: str, pin: str
) -> None:
    """They are no tries."""
    for _ in range(12):
        error = await attempt(support.look(console.ctx, HOME, number, pin))
        assert isinstance(error, FieldError)
        assert error.field == field


async def test_a_rotated_key_does_not_lose_a_case(console: Console) -> None:
    """The PIN is known under the key of the day on which it was given."""
    opened = await open_case(console)
    await keys.rotate(console.ctx)
    assert (await support.look(console.ctx, HOME, opened.number, opened.pin)).state == "open"


async def test_a_signed_in_person_asks_under_the_accounts_address(console: Console) -> None:
    """Nothing but how to reach them and the story is asked for."""
    alice = await console.customer()
    token = await console.sign_in(alice)
    opened = await support.open_case_signed_in(console.ctx, HOME, token, REACH, STORY)
    [case] = await console.rows(SupportRequest)
    assert (case.email, case.account_id) == (EMAIL, alice.account_id)
    assert (await support.look(console.ctx, HOME, opened.number, opened.pin)).state == "open"


async def test_without_a_session_nobody_asks_for_somebody(console: Console) -> None:
    """S30: a token that is over, or never was, opens nothing."""
    alice = await console.customer()
    token = await console.sign_in(alice)
    await sessions.sign_out(console.ctx, HOME, token)
    for wrong in (token, Token("made up")):
        call = support.open_case_signed_in(console.ctx, HOME, wrong, REACH, STORY)
        assert isinstance(await attempt(call), SessionEndedError)
    assert await console.rows(SupportRequest) == []


@pytest.mark.parametrize("was_completed", [False, True])
async def test_staff_hear_that_it_was_not_me(console: Console, was_completed: bool) -> None:
    """A stopped deactivation opens a case of its own kind; its PIN opens nothing anybody has."""
    alice = await console.customer()
    await console.customer("dan", role="staff")
    async with console.ctx.write(HOME) as tx:
        account = await tx.hold(alice.account_id)
        assert account is not None
        await support.open_not_me(console.ctx, tx, account, was_completed=was_completed)
    [case] = await console.rows(SupportRequest)
    assert (case.kind, case.email, case.account_id) == ("not_me", EMAIL, alice.account_id)
    assert ("switched off" in case.story) == was_completed
    [letter] = await letters(console, "staff.case")
    assert letter.facts["kind"] == "not_me"
    assert await letters(console, "support.opened") == []
    assert "support.opened" in await console.events()


async def test_what_does_not_commit_was_not_taken(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O1: case, letters and audit row come together or not at all."""
    await console.customer()

    async def broken(*_args: object) -> None:
        raise UnavailableError

    monkeypatch.setattr("tui_admin.flows.support.tell_staff", broken)
    assert isinstance(await attempt(open_case(console)), UnavailableError)
    assert await console.rows(SupportRequest) == []
    assert await letters(console, "support.opened") == []
    assert "support.opened" not in await console.events()


async def test_three_an_hour_from_one_place(console: Console) -> None:
    """The fourth is refused and told when; an hour later there is room again."""
    for number in range(3):
        await open_case(console, f"user{number}@example.com")
    error = await attempt(open_case(console, "user9@example.com"))
    assert isinstance(error, LimitedError)
    console.clock.turn(error.retry_after_s)
    await open_case(console, "user9@example.com")


async def test_a_wrong_pin_says_the_same_as_a_wrong_number(console: Console) -> None:
    """One sentence for both; the miss is in the audit log without the PIN that was typed."""
    opened = await open_case(console)
    wrong_pin = "000000" if opened.pin != "000000" else "111111"
    wrong_number = "00000000" if opened.number != "00000000" else "11111111"
    errors = [
        await attempt(support.look(console.ctx, HOME, opened.number, wrong_pin)),
        await attempt(support.look(console.ctx, HOME, wrong_number, opened.pin)),
    ]
    assert [type(error) for error in errors] == [WrongCaseError] * 2
    assert str(errors[0]) == str(errors[1])
    assert (await console.events())[-2:] == ["support.refused"] * 2
