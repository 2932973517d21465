"""Two things at once, each right alone, open what neither would.

Between reading "no device yet" and acting on it somebody else commits. PostgreSQL's default
isolation allows that; the account's row is held, so that one account is decided about by one at a
time (MISP CVE-2026-107276 and AVideo CVE-2026-92583 are of this kind).
"""

from __future__ import annotations

import asyncio

from tests.support.console import HOME, PASSWORD, STRANGER, Console, attempt, kinds, oath, outcomes
from tui_admin.errors import ConsoleError, SessionEndedError
from tui_admin.flows import accounts, activation, devices, sessions, sign_in
from tui_admin.flows.answers import Activated, SignedIn, Token, Visitor
from tui_admin.models import Account, Device, PendingKey, Session

ROUNDS = 6


async def test_no_sign_in_slips_past_an_activation(console: Console) -> None:
    """S6, S20: of sign-ins with the password alone that run while OTP is being switched on, none
    leaves a live session behind: each was ended by the activation, or asked for a code."""
    bob = await console.customer("bob")
    other = await console.second_process()
    for _ in range(ROUNDS):
        token = await console.sign_in(bob)
        view = await activation.begin(console.ctx, HOME, token)
        code = oath(view.key, console.clock.unix_s)
        results = await outcomes(
            [
                *(sign_in.password(other, STRANGER, "bob", PASSWORD) for _ in range(4)),
                activation.confirm(console.ctx, HOME, token, PASSWORD, code),
                *(sign_in.password(other, STRANGER, "bob", PASSWORD) for _ in range(4)),
            ]
        )
        done = next(r for r in results if isinstance(r, Activated))
        for result in results:
            if isinstance(result, SignedIn):
                got = await attempt(sessions.check(console.ctx, STRANGER, result.session))
                assert isinstance(got, SessionEndedError)
        await devices.disable(
            console.ctx, HOME, done.session, PASSWORD, done.codes[0], recovery=True
        )
        console.clock.turn(3600)


async def test_no_sign_in_slips_past_a_lock(console: Console) -> None:
    """S22: of sign-ins that run while the account is being locked none is live afterwards, nor
    once it is unlocked."""
    await console.customer("bob")
    other = await console.second_process()
    for _ in range(ROUNDS):
        results = await outcomes(
            [
                *(sign_in.password(other, STRANGER, "bob", PASSWORD) for _ in range(4)),
                accounts.lock(console.ctx, "bob"),
                *(sign_in.password(other, STRANGER, "bob", PASSWORD) for _ in range(3)),
            ]
        )
        await accounts.unlock(console.ctx, "bob")
        for result in results:
            if isinstance(result, SignedIn):
                got = await attempt(sessions.check(console.ctx, STRANGER, result.session))
                assert isinstance(got, SessionEndedError)
        console.clock.turn(86_400)


async def test_two_sessions_change_at_once(console: Console) -> None:
    """S9, S20: two sessions of one account that both switch OTP off, or set it up, at the same
    moment get one success and one clear refusal; nobody waits for ever and nothing is doubled."""
    bob = await console.customer("bob")
    other = await console.second_process()
    for _ in range(ROUNDS):
        one, two = await console.sign_in(bob), await console.sign_in(bob, STRANGER)
        shown = await outcomes(
            [activation.begin(console.ctx, HOME, one), activation.begin(other, STRANGER, two)]
        )
        assert kinds(shown) == {"KeyView": 2}
        assert len(await console.rows(PendingKey)) == 1
        await activation.begin(console.ctx, HOME, one)
        one = await console.activate(bob, one)
        two = await console.sign_in(bob, STRANGER)
        results = await outcomes(
            [
                devices.disable(console.ctx, HOME, one, PASSWORD, bob.code()),
                devices.disable(
                    other, STRANGER, two, PASSWORD, bob.recovery_codes[0], recovery=True
                ),
            ]
        )
        assert len([r for r in results if isinstance(r, Token)]) == 1
        assert len([r for r in results if isinstance(r, ConsoleError)]) == 1
        assert not await console.rows(Device)
        console.clock.turn(86_400)


async def test_the_last_two_devices_are_not_both_removed(console: Console) -> None:
    """S6, S9: removing each of the last two devices at the same moment leaves one: OTP is not
    switched off by a race."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    view = await activation.begin_further(
        console.ctx, HOME, token, "Tablet", PASSWORD, alice.code()
    )
    done = await activation.confirm(
        console.ctx, HOME, token, PASSWORD, oath(view.key, console.clock.unix_s)
    )
    assert isinstance(done, Activated)
    console.clock.turn(60)
    rows = (await devices.overview(console.ctx, done.session)).devices
    other = await console.second_process()
    results = await outcomes(
        [
            devices.remove(console.ctx, HOME, done.session, rows[0].id, PASSWORD, alice.code()),
            devices.remove(
                other,
                HOME,
                done.session,
                rows[1].id,
                PASSWORD,
                oath(view.key, console.clock.unix_s),
            ),
        ]
    )
    assert len([r for r in results if isinstance(r, Token)]) == 1
    assert len(await console.rows(Device)) == 1


async def test_two_accounts_of_one_name_at_once(console: Console) -> None:
    """S28: of ten accounts of the same name, or with one's name as another's address, made at
    the same moment, one is made."""
    other = await console.second_process()
    results = await outcomes(
        accounts.create(
            (console.ctx, other)[n % 2],
            username="x@b.cz" if n % 2 else f"user{n}",
            email="y@b.cz" if n % 2 else "x@b.cz",
            password=PASSWORD,
        )
        for n in range(10)
    )
    assert kinds(results) == {"AccountView": 1, "AccountExistsError": 9}
    assert len(await console.rows(Account)) == 1


async def test_many_terminals_lose_nothing(console: Console) -> None:
    """S9, O1: thirty sign-ins at the same moment, from addresses of their own and over two
    processes, all get their session, and each session is in the database."""
    for n in range(6):
        await console.customer(f"user{n}")
    other = await console.second_process()
    results = await asyncio.gather(
        *(
            sign_in.password(
                (console.ctx, other)[n % 2], Visitor(f"192.0.2.{n}"), f"user{n % 6}", PASSWORD
            )
            for n in range(30)
        )
    )
    tokens = [r.session.value for r in results if isinstance(r, SignedIn)]
    assert len(set(tokens)) == 30
    assert len(await console.rows(Session)) == 30
