"""The answer to a wrong sign-in tells who has an account, or that the password was right.

Vaultwarden's "send code" door told a right password from a wrong one (CVE-2026-43914). Often it is
the time that tells: no hash is computed for an unknown name.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from tests.support.console import PASSWORD, STRANGER, Console, attempt
from tui_admin.errors import FieldError, LimitedError, WrongCredentialsError
from tui_admin.flows import accounts, sign_in
from tui_admin.flows.context import Context
from tui_admin.security.passwords import HashCost, Passwords

WRONG = "not the password 1"
STATES = [
    ("nobody", PASSWORD),
    ("alice", WRONG),
    ("alice@example.com", WRONG),
    ("locked", PASSWORD),
    ("locked", WRONG),
    ("secured", WRONG),
]
"""Unknown; wrong, by name and by address; locked with the right and a wrong password; with OTP."""


@pytest.fixture
async def people(console: Console) -> Console:
    await console.customer("alice")
    await console.customer("locked")
    await console.customer("secured", otp=True)
    await accounts.lock(console.ctx, "locked")
    return console


@contextmanager
def statements(ctx: Context) -> Iterator[list[str]]:
    """Collect the text of every statement that reaches the database."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        found.append(statement)

    engine = ctx.database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_the_words_are_the_same(people: Console) -> None:
    """S11: unknown, wrong and locked get the same error with the same sentence."""
    seen = set()
    for name, password in STATES:
        got = await attempt(sign_in.password(people.ctx, STRANGER, name, password))
        people.clock.turn(600)
        assert isinstance(got, WrongCredentialsError)
        seen.add((got.code, got.sentence, repr(got)))
    assert len(seen) == 1


async def test_the_work_is_the_same(people: Console) -> None:
    """S11: unknown, wrong and locked cost one hash and the very same statements, in order."""
    ctx, passwords = people.counting()
    await attempt(sign_in.password(ctx, STRANGER, "warm", WRONG))
    seen = set()
    for name, password in STATES:
        people.clock.turn(600)
        before = passwords.checks
        with statements(ctx) as found:
            await attempt(sign_in.password(ctx, STRANGER, name, password))
        assert passwords.checks == before + 1
        seen.add(tuple(found))
    assert len(seen) == 1
    passwords.close()


async def test_a_locked_account_is_compared_to_nothing(people: Console) -> None:
    """S11: a locked account's own hash is not computed: one of an older cost would take another
    time than that of an unknown name, and a right password a second hash for its renewal."""
    ctx, passwords = people.counting()
    for name in ("nobody", "locked"):
        await attempt(sign_in.password(ctx, STRANGER, name, PASSWORD))
    assert passwords.compared_to == [None, None]
    passwords.close()


async def test_the_work_of_a_refusal_is_the_same(people: Console) -> None:
    """S8, S11: once limited, known and unknown names are refused after the same count with the
    same wait, the same statements and no hash."""
    ctx, passwords = people.counting()
    seen = set()
    for name, password in STATES:
        people.clock.turn(86_400)
        tries = []
        for n in range(7):
            visitor = STRANGER.__class__(f"203.0.113.{n}")
            tries.append(await attempt(sign_in.password(ctx, visitor, name, password)))
        before = passwords.checks
        with statements(ctx) as found:
            last = await attempt(sign_in.password(ctx, STRANGER, name, password))
        assert passwords.checks == before
        assert isinstance(last, LimitedError)
        kinds = tuple(type(got).__name__ for got in tries)
        seen.add((kinds, last.retry_after_s, tuple(found)))
    assert len(seen) == 1
    passwords.close()


@pytest.mark.slow
async def test_the_time_is_the_same(people: Console) -> None:
    """S11: over 200 interleaved samples each, the median times of unknown, wrong and locked are
    within a third of each other; without the hash of nothing an unknown name takes half."""
    costlier = Passwords(HashCost(4, 8192, 1), workers=1)
    for name in ("alice", "locked"):
        await people.execute(
            "UPDATE account SET password_hash = :hash WHERE username = :name",
            hash=await costlier.hash(PASSWORD),
            name=name,
        )
    ctx = replace(people.ctx, passwords=costlier)
    states = [("nobody", PASSWORD), ("alice", WRONG), ("locked", PASSWORD)]
    times: dict[str, list[float]] = {name: [] for name, _ in states}
    for round_ in range(200):
        for name, password in states[round_ % 3 :] + states[: round_ % 3]:
            begun = time.perf_counter()
            got = await attempt(sign_in.password(ctx, STRANGER, name, password))
            times[name].append(time.perf_counter() - begun)
            assert isinstance(got, WrongCredentialsError)
        people.clock.turn(86_400)
    costlier.close()
    medians = [statistics.median(samples) for samples in times.values()]
    assert max(medians) / min(medians) < 1.35


@pytest.mark.parametrize(
    ("name", "password", "field"),
    [
        ("", PASSWORD, "username"),
        ("   ", PASSWORD, "username"),
        ("x" * 321, PASSWORD, "username"),
        ("alice" + " " * 400, PASSWORD, "username"),
        ("alice", "", "password"),
        ("alice", "x" * 129, "password"),
        ("alice", "x" * 4097, "password"),
        ("alice", "\ud83d" * 9, "password"),
    ],
)
async def test_a_form_error_costs_nothing_and_tells_nothing(
    people: Console, name: str, password: str, field: str
) -> None:
    """S11, S23: an empty or overlong field is refused beside the field, for known and unknown
    names alike, without a hash, a statement or an attempt."""
    ctx, passwords = people.counting()
    with statements(ctx) as found:
        got = await attempt(sign_in.password(ctx, STRANGER, name, password))
    assert isinstance(got, FieldError)
    assert got.field == field
    assert not found
    assert passwords.checks == 0
    passwords.close()


async def test_the_code_step_does_not_tell_a_wrong_password(people: Console) -> None:
    """S11, CVE-2026-43914: with a wrong password nobody learns that the account has OTP on."""
    answers = set()
    for name in ("alice", "secured", "nobody"):
        got = await attempt(sign_in.password(people.ctx, STRANGER, name, WRONG))
        answers.add(repr(got))
    assert len(answers) == 1
