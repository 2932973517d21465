"""An account that was switched off gets in, because the code it shows is right.

MISP looked at the second factor only (CVE-2026-95754); in Keycloak a side door ignored the lock
(CVE-2026-9798).
"""

from __future__ import annotations

import pytest

from tests.support.console import HOME, PASSWORD, Console, attempt
from tui_admin.errors import SessionEndedError, SignInExpiredError, WrongCredentialsError
from tui_admin.flows import accounts, activation, devices, profile, sessions, sign_in
from tui_admin.flows.answers import SignedIn
from tui_admin.models import Session


@pytest.mark.parametrize("factor", ["code", "recovery code"])
async def test_a_lock_reaches_a_half_done_sign_in(console: Console, factor: str) -> None:
    """S22, CVE-2026-95754: locked between password and code, a valid code opens nothing, and it
    still opens nothing on the same half-done sign-in after the lock is lifted."""
    alice = await console.customer(otp=True)
    half = await console.half(alice)
    before = len(await console.rows(Session))
    await accounts.lock(console.ctx, "alice")

    async def finish() -> object:
        if factor == "code":
            return await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
        return await attempt(
            sign_in.recovery_code(console.ctx, HOME, half, alice.recovery_codes[0])
        )

    assert isinstance(await finish(), SignInExpiredError)
    await accounts.unlock(console.ctx, "alice")
    assert isinstance(await finish(), SignInExpiredError)
    assert len(await console.rows(Session)) == before


async def test_a_locked_account_is_as_good_as_unknown(console: Console) -> None:
    """S11, S22: with the right password a locked account answers like an unknown one."""
    await console.customer()
    await accounts.lock(console.ctx, "alice@example.com")
    for name in ("alice", "alice@example.com", "nobody"):
        got = await attempt(sign_in.password(console.ctx, HOME, name, PASSWORD))
        assert isinstance(got, WrongCredentialsError)
    await accounts.unlock(console.ctx, "alice")
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", PASSWORD), SignedIn)


async def test_a_lock_reaches_every_live_door(console: Console) -> None:
    """S22, CVE-2026-9798: after a lock the very next step of a live session is refused, at every
    door, and unlocking does not bring the session back."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    device = (await devices.overview(console.ctx, token)).devices[0].id
    await accounts.lock(console.ctx, "alice")
    ctx = console.ctx
    doors = [
        sessions.check(ctx, HOME, token),
        profile.read(ctx, token),
        devices.overview(ctx, token),
        devices.show_key(ctx, HOME, token, device, PASSWORD, alice.code()),
        devices.disable(ctx, HOME, token, PASSWORD, alice.code()),
        activation.begin(ctx, HOME, token),
    ]
    for door in doors:
        got = await attempt(door)
        assert isinstance(got, SessionEndedError)
        assert got.reason == "locked"
    await accounts.unlock(ctx, "alice")
    assert isinstance(await attempt(sessions.check(ctx, HOME, token)), SessionEndedError)


async def test_a_lock_by_hand_counts_too(console: Console) -> None:
    """S22, CVE-2026-95754: the state of the account is looked at with the code: an account that
    was locked straight in the database gets no further on a half-done sign-in or in a session."""
    alice = await console.customer(otp=True)
    token, half = await console.sign_in(alice), await console.half(alice)
    await console.execute("UPDATE account SET locked_at = created_at")
    got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
    assert isinstance(got, SignInExpiredError)
    assert isinstance(await attempt(sessions.check(console.ctx, HOME, token)), SessionEndedError)
