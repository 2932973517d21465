"""Sessions: how long they live, what ends them, and that an end reaches the live terminal."""

from __future__ import annotations

import pytest

from tests.support.console import HOME, PASSWORD, STRANGER, Console, Person, attempt, oath
from tui_admin.errors import NotFoundError, SessionEndedError
from tui_admin.flows import activation, devices, profile, recovery_codes, sessions, sign_in
from tui_admin.flows.answers import Activated, SignedIn, Token
from tui_admin.flows.context import Context
from tui_admin.models import Session


@pytest.fixture
async def alice(console: Console) -> Person:
    return await console.customer(otp=True)


async def ended(ctx: Context, token: Token) -> str:
    """Return why a session is over, or nothing when it lives."""
    got = await attempt(sessions.check(ctx, HOME, token))
    return got.reason if isinstance(got, SessionEndedError) else ""


async def test_tokens_are_new_each_time(console: Console) -> None:
    """S20: each sign-in gives a token of its own, of 256 bits, and the answer's repr hides it."""
    await console.customer()
    tokens = set()
    for _ in range(5):
        step = await sign_in.password(console.ctx, HOME, "alice", PASSWORD)
        assert isinstance(step, SignedIn)
        tokens.add(step.session.value)
        assert step.session.value not in repr(step)
        assert len(step.session.value) == 43
    assert len(tokens) == 5


async def test_activation_rotates_and_ends(console: Console) -> None:
    """S20: switching OTP on gives this session a new token, refuses the old one, and ends every
    other session of the account."""
    bob = await console.customer("bob")
    old, other = await console.sign_in(bob), await console.sign_in(bob, STRANGER)
    new = await console.activate(bob, old)
    assert new.value != old.value
    assert await ended(console.ctx, old) == "ended"
    assert await ended(console.ctx, other) == "security"
    assert await ended(console.ctx, new) == ""


@pytest.mark.parametrize("change", ["disable", "disable by recovery code", "add", "remove"])
async def test_each_change_of_factor_rotates_and_ends(
    console: Console, alice: Person, change: str
) -> None:
    """S20, S22: switching off, adding and removing a device do the same."""
    ctx = console.ctx
    old = await console.sign_in(alice)
    if change == "remove":
        view = await activation.begin_further(ctx, HOME, old, "Tablet", PASSWORD, alice.code())
        done = await activation.confirm(
            ctx, HOME, old, PASSWORD, oath(view.key, console.clock.unix_s)
        )
        assert isinstance(done, Activated)
        old = done.session
        console.clock.turn(60)
    other = await console.sign_in(alice, STRANGER)
    if change == "disable":
        new = await devices.disable(ctx, HOME, old, PASSWORD, alice.code())
    elif change == "disable by recovery code":
        code = alice.recovery_codes[0]
        new = await devices.disable(ctx, HOME, old, PASSWORD, code, recovery=True)
    elif change == "add":
        view = await activation.begin_further(ctx, HOME, old, "Tablet", PASSWORD, alice.code())
        done = await activation.confirm(
            ctx, HOME, old, PASSWORD, oath(view.key, console.clock.unix_s)
        )
        assert isinstance(done, Activated)
        new = done.session
    else:
        tablet = (await devices.overview(ctx, old)).devices[1].id
        new = await devices.remove(ctx, HOME, old, tablet, PASSWORD, alice.code())
    assert await ended(ctx, old) == "ended"
    assert await ended(ctx, other) == "security"
    assert await ended(ctx, new) == ""


async def test_a_refused_change_rotates_nothing(console: Console, alice: Person) -> None:
    """S20: a miss leaves the session and the others as they are."""
    token, other = await console.sign_in(alice), await console.sign_in(alice, STRANGER)
    await attempt(devices.disable(console.ctx, HOME, token, PASSWORD, alice.wrong_code()))
    assert await ended(console.ctx, token) == ""
    assert await ended(console.ctx, other) == ""


async def test_idle_for_fifteen_minutes(console: Console) -> None:
    """S21: at 15 minutes without a key the session is over, a second before it is not, and a key
    at that moment gives another 15 minutes."""
    token = await console.sign_in(await console.customer())
    console.clock.turn(899)
    assert await ended(console.ctx, token) == ""
    console.clock.turn(899)
    assert await ended(console.ctx, token) == ""
    console.clock.turn(900)
    assert await ended(console.ctx, token) == "idle"
    assert await ended(console.ctx, token) == "idle"


async def test_twelve_hours_in_all(console: Console) -> None:
    """S21: after 12 hours the session is over, however busy it was."""
    token = await console.sign_in(await console.customer())
    for _ in range(4 * 12 - 1):
        console.clock.turn(898)
        assert await ended(console.ctx, token) == ""
    console.clock.turn(94 + 898 - 1)
    console.clock.turn(1)
    assert await ended(console.ctx, token) in {"total", "idle"}
    view = (await console.rows(Session))[0]
    assert view.ended_at is not None


async def test_the_total_comes_first(console: Console) -> None:
    """S21: at the very second of 12 hours the reason that is told is the total."""
    token = await console.sign_in(await console.customer())
    ctx = console.with_settings(sessions={"idle_s": 86_400})
    console.clock.turn(43_199)
    assert await ended(ctx, token) == ""
    console.clock.turn(1)
    assert await ended(ctx, token) == "total"


async def test_ninety_seconds_at_a_kiosk(console: Console) -> None:
    """S21: with the kiosk's setting a session is over after 90 idle seconds; keys keep it alive
    until then."""
    ctx = console.with_settings(sessions={"idle_s": 90})
    token = await console.sign_in(await console.customer())
    for _ in range(4):
        console.clock.turn(60)
        assert await ended(ctx, token) == ""
    console.clock.turn(90)
    assert await ended(ctx, token) == "idle"


async def test_every_door_looks_at_the_time(console: Console, alice: Person) -> None:
    """S21: a session that ran out is refused at every door, not only where keys are counted."""
    token = await console.sign_in(alice)
    device = (await devices.overview(console.ctx, token)).devices[0].id
    console.clock.turn(900)
    ctx = console.ctx
    for door in (
        profile.read(ctx, token),
        devices.overview(ctx, token),
        profile.remember_theme(ctx, HOME, token, "dark"),
        devices.rename(ctx, HOME, token, device, "x"),
        devices.show_key(ctx, HOME, token, device, PASSWORD, alice.code()),
        devices.disable(ctx, HOME, token, PASSWORD, alice.code()),
        activation.begin(ctx, HOME, token),
        recovery_codes.confirm(ctx, HOME, token, alice.recovery_codes[0]),
    ):
        got = await attempt(door)
        assert isinstance(got, SessionEndedError)
        assert got.reason == "idle"


async def test_the_end_is_recorded_once(console: Console) -> None:
    """S21, S25: running out is recorded with its reason, once, whoever notices it first."""
    token = await console.sign_in(await console.customer())
    console.clock.turn(900)
    await sessions.sign_out(console.ctx, HOME, token, sessions.IDLE)
    assert (await console.events()).count("session.ended") == 1
    for _ in range(3):
        assert await ended(console.ctx, token) == "idle"
    rows = [row for row in await console.audit() if row.event == "session.ended"]
    assert len(rows) == 1
    assert '"why": "idle"' in rows[0].details


async def test_ending_from_elsewhere_reaches_the_terminal(console: Console) -> None:
    """S22: a session ended from another is refused at its next key press, after a restart too."""
    alice = await console.customer()
    here, there = await console.sign_in(alice), await console.sign_in(alice, STRANGER)
    listed = (await devices.overview(console.ctx, here)).sessions
    assert [session.is_this for session in listed].count(True) == 1
    other = next(session for session in listed if not session.is_this)
    assert (other.address, other.terminal) == (STRANGER.address, STRANGER.terminal)
    await sessions.end_one(console.ctx, HOME, here, other.id)
    assert await ended(console.ctx, there) == "ended"
    await console.reopen()
    assert await ended(console.ctx, there) == "ended"
    assert await ended(console.ctx, here) == ""
    assert len((await devices.overview(console.ctx, here)).sessions) == 1


async def test_ones_own_session_is_ended_by_signing_out(console: Console) -> None:
    """S22: ending the session one sits in is refused; signing out ends it, twice is no error."""
    token = await console.sign_in(await console.customer())
    own = (await devices.overview(console.ctx, token)).sessions[0].id
    got = await attempt(sessions.end_one(console.ctx, HOME, token, own))
    assert isinstance(got, NotFoundError)
    await sessions.sign_out(console.ctx, HOME, token)
    await sessions.sign_out(console.ctx, HOME, token)
    await sessions.sign_out(console.ctx, HOME, Token("unknown"))
    assert await ended(console.ctx, token) == "signed_out"
    assert (await console.events()).count("session.ended") == 1


async def test_a_restart_keeps_sessions(console: Console) -> None:
    """S20: sessions live in the database: a restart ends none and revives none."""
    alice = await console.customer()
    lives, over = await console.sign_in(alice), await console.sign_in(alice)
    await sessions.sign_out(console.ctx, HOME, over)
    await console.reopen()
    assert await ended(console.ctx, lives) == ""
    assert await ended(console.ctx, over) == "signed_out"


async def test_keys_write_seldom(console: Console) -> None:
    """S21: keys pressed one after the other write at most every 20 seconds."""
    token = await console.sign_in(await console.customer())
    seen = set()
    for _ in range(60):
        console.clock.turn(1)
        await sessions.check(console.ctx, HOME, token)
        seen.add((await console.rows(Session))[0].seen_at)
    assert len(seen) <= 4
