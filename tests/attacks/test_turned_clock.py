"""The machine's clock jumps, by a dead battery, a bad time server or somebody who sends bad time.

Ahead and back again, spent codes must not come to life, sessions must not live on, and nobody may
stay locked out until the year that the clock was in.
"""

from __future__ import annotations

import pytest

from tests.support.console import HOME, PASSWORD, Console, attempt
from tui_admin.errors import (
    ClockError,
    ConsoleError,
    ReusedCodeError,
    SessionEndedError,
    SignInExpiredError,
    WrongCodeError,
    WrongCredentialsError,
)
from tui_admin.flows import devices, sessions, sign_in
from tui_admin.flows.answers import SignedIn

YEAR_S = 365 * 86_400


@pytest.mark.parametrize("back_s", [30, 60, 3600, YEAR_S])
async def test_a_clock_set_back_revives_no_code(console: Console, back_s: int) -> None:
    """S1: after the clock has gone back, codes that were good then are refused, and a recovery
    code is the way in and out."""
    alice = await console.customer(otp=True)
    spent = alice.code()
    await sign_in.code(console.ctx, HOME, await console.half(alice), spent)
    console.clock.turn(-back_s)
    half = await console.half(alice)
    got = await attempt(sign_in.code(console.ctx, HOME, half, spent))
    assert isinstance(got, ConsoleError)
    got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
    assert isinstance(got, ConsoleError)
    if back_s > 60:
        assert isinstance(got, ClockError)
    done = await sign_in.recovery_code(console.ctx, HOME, half, alice.recovery_codes[0])
    await devices.disable(
        console.ctx, HOME, done.session, PASSWORD, alice.recovery_codes[1], recovery=True
    )


async def test_a_year_ahead_and_back_locks_nobody_out(console: Console) -> None:
    """S8, S10: misses made while the clock was a year ahead count for their five minutes, not
    for a year."""
    await console.customer()
    console.clock.turn(YEAR_S)
    for _ in range(6):
        await attempt(sign_in.password(console.ctx, HOME, "alice", "not the password 1"))
    console.clock.turn(-YEAR_S)
    got = await attempt(sign_in.password(console.ctx, HOME, "alice", PASSWORD))
    assert not isinstance(got, SignedIn | WrongCredentialsError)
    console.clock.turn(301)
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", PASSWORD), SignedIn)


@pytest.mark.parametrize("ahead_s", [16 * 60, 13 * 3600, YEAR_S])
async def test_a_session_from_the_future_is_over(console: Console, ahead_s: int) -> None:
    """S21: a session begun or used while the clock was ahead is over once the clock is right."""
    alice = await console.customer()
    console.clock.turn(ahead_s)
    token = await console.sign_in(alice)
    console.clock.turn(-ahead_s)
    for _ in range(2):
        got = await attempt(sessions.check(console.ctx, HOME, token))
        assert isinstance(got, SessionEndedError)


async def test_a_session_that_ran_out_stays_over(console: Console) -> None:
    """S21: once a session was told that it is over, a clock set back does not bring it back."""
    token = await console.sign_in(await console.customer())
    console.clock.turn(16 * 60)
    assert isinstance(await attempt(sessions.check(console.ctx, HOME, token)), SessionEndedError)
    console.clock.turn(-10 * 60)
    assert isinstance(await attempt(sessions.check(console.ctx, HOME, token)), SessionEndedError)
    assert "session.ended" in await console.events()


async def test_a_half_done_sign_in_from_the_future_is_over(console: Console) -> None:
    """S6: a half-done sign-in does not live until the clock gets there."""
    alice = await console.customer(otp=True)
    console.clock.turn(YEAR_S)
    half = await console.half(alice)
    console.clock.turn(-YEAR_S)
    got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
    assert isinstance(got, SignInExpiredError)


async def test_a_small_step_back_is_no_harm(console: Console) -> None:
    """S21: a clock that a time server sets back by seconds ends no session and spends no code
    twice."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    code = alice.code()
    await sign_in.code(console.ctx, HOME, await console.half(alice), code)
    console.clock.turn(-2)
    await sessions.check(console.ctx, HOME, token)
    half = await console.half(alice)
    got = await attempt(sign_in.code(console.ctx, HOME, half, code))
    assert isinstance(got, ReusedCodeError | WrongCodeError)
