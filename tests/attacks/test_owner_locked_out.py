"""Somebody who cannot get in sees to it that the owner cannot either.

The limits that stop a guesser count per account, so whoever keeps them full keeps the account
shut (OWASP ASVS 6.1.1). Here an address that the owner signed in from has a count of its own.
"""

from __future__ import annotations

import pytest

from tests.support.console import HOME, PASSWORD, STRANGER, Console, attempt, kinds
from tui_admin.errors import LimitedError, SignInExpiredError
from tui_admin.flows import sign_in
from tui_admin.flows.answers import SignedIn, Visitor

WRONG = "not the password 1"


@pytest.mark.parametrize("otp", [False, True])
async def test_the_owner_gets_in_from_a_known_address(console: Console, otp: bool) -> None:
    """S10: while strangers keep the account's count full for hours, the owner signs in from an
    address that has signed in before; from a new one the owner waits."""
    alice = await console.customer(otp=otp)
    await console.sign_in(alice, HOME)
    n = 0
    for _ in range(11):
        for _ in range(6):
            n += 1
            visitor = Visitor(f"203.0.113.{n % 250}")
            await attempt(sign_in.password(console.ctx, visitor, "alice", WRONG))
        console.clock.turn(1200)
    got = await attempt(sign_in.password(console.ctx, Visitor("192.0.2.99"), "alice", PASSWORD))
    assert isinstance(got, LimitedError)
    await console.sign_in(alice, HOME)


async def test_a_known_address_is_no_free_pass(console: Console) -> None:
    """S8, S10: at the known address the count is as low as elsewhere."""
    alice = await console.customer()
    await console.sign_in(alice, HOME)
    results = [await attempt(sign_in.password(console.ctx, HOME, "alice", WRONG)) for _ in range(8)]
    assert kinds(results) == {"WrongCredentialsError": 5, "LimitedError": 3}


async def test_known_to_one_is_not_known_to_all(console: Console) -> None:
    """S10: an address that signed in to one's own account is a stranger's to another account."""
    await console.sign_in(await console.customer("mallory"), STRANGER)
    await console.customer("alice")
    for n in range(5):
        await attempt(sign_in.password(console.ctx, Visitor(f"203.0.113.{n}"), "alice", WRONG))
    got = await attempt(sign_in.password(console.ctx, STRANGER, "alice", PASSWORD))
    assert isinstance(got, LimitedError)


async def test_a_known_address_is_forgotten_in_time(console: Console) -> None:
    """S10: after 90 days an address is a stranger's again."""
    alice = await console.customer()
    await console.sign_in(alice, HOME)
    console.clock.turn(91 * 86_400)
    for n in range(5):
        await attempt(sign_in.password(console.ctx, Visitor(f"203.0.113.{n}"), "alice", WRONG))
    got = await attempt(sign_in.password(console.ctx, HOME, "alice", PASSWORD))
    assert isinstance(got, LimitedError)


async def test_the_lock_ends_by_itself(console: Console) -> None:
    """S10: five minutes after the last guess the owner signs in from anywhere."""
    await console.customer()
    for n in range(9):
        await attempt(sign_in.password(console.ctx, Visitor(f"203.0.113.{n}"), "alice", WRONG))
    console.clock.turn(301)
    got = await sign_in.password(console.ctx, Visitor("192.0.2.99"), "alice", PASSWORD)
    assert isinstance(got, SignedIn)


async def test_strangers_cannot_use_up_the_code_step(console: Console) -> None:
    """S10: without the password nobody reaches the count of the codes."""
    alice = await console.customer(otp=True)
    half = await console.half(alice)
    for n in range(9):
        visitor = Visitor(f"203.0.113.{n}")
        await attempt(sign_in.password(console.ctx, visitor, "alice", WRONG))
        got = await attempt(sign_in.code(console.ctx, visitor, half.__class__("x"), "123456"))
        assert isinstance(got, SignInExpiredError)
    assert isinstance(await sign_in.code(console.ctx, HOME, half, alice.code()), SignedIn)
