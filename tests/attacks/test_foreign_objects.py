"""A customer names somebody else's device, session, code or key, and the console obliges.

wagtail-2fa let anybody delete anybody's device by its number (CVE-2020-5240); authentik took a
flow begun for one account as proof for another (CVE-2023-26481); in Keycloak one account's
credential was accepted for another's (GHSA-9695-w6h2-jpv9); Punk::TOTP looked for the code among
all keys (CVE-2026-78619).
"""

from __future__ import annotations

import pytest

from tests.support.console import HOME, PASSWORD, STRANGER, Console, Person, attempt
from tui_admin.errors import ConsoleError, NotFoundError, WrongCodeError, WrongPasswordError
from tui_admin.flows import activation, devices, sessions, sign_in
from tui_admin.flows.answers import SignedIn, Token
from tui_admin.models import Device, PendingKey, Session

ODD_IDS = ["", "0", "\x00", "\ud800", "x" * 100_000, "'; DROP TABLE device; --", "f" * 32]


@pytest.fixture
async def alice(console: Console) -> Person:
    return await console.customer("alice", otp=True)


@pytest.fixture
async def mallory(console: Console) -> Person:
    return await console.customer("mallory", otp=True, visitor=STRANGER)


async def test_anothers_device_is_not_there(
    console: Console, alice: Person, mallory: Person
) -> None:
    """S30, CVE-2020-5240: another's device can be neither shown, renamed nor removed; the answer
    is that of an id that does not exist, and costs the owner nothing."""
    mine = await console.sign_in(mallory, STRANGER)
    theirs = next(d for d in await console.rows(Device) if d.account_id == alice.account_id)
    for device_id in (theirs.id, *ODD_IDS):
        ctx = console.ctx
        for door in (
            devices.rename(ctx, STRANGER, mine, device_id, "Mine now"),
            devices.show_key(ctx, STRANGER, mine, device_id, PASSWORD, mallory.code()),
            devices.remove(ctx, STRANGER, mine, device_id, PASSWORD, mallory.code()),
        ):
            got = await attempt(door)
            assert isinstance(got, NotFoundError)
            assert got.sentence == NotFoundError().sentence
        console.clock.turn(300)
    after = next(d for d in await console.rows(Device) if d.id == theirs.id)
    assert (after.name, after.sealed_key) == (theirs.name, theirs.sealed_key)
    half = await console.half(alice)
    assert isinstance(await sign_in.code(console.ctx, HOME, half, alice.code()), SignedIn)


async def test_anothers_session_is_not_there(
    console: Console, alice: Person, mallory: Person
) -> None:
    """S30: another's session cannot be ended by its id, nor is it listed."""
    theirs = await console.sign_in(alice)
    mine = await console.sign_in(mallory, STRANGER)
    view = await devices.overview(console.ctx, theirs)
    for session_id in (*(session.id for session in view.sessions), *ODD_IDS):
        got = await attempt(sessions.end_one(console.ctx, STRANGER, mine, session_id))
        assert isinstance(got, NotFoundError)
    await sessions.check(console.ctx, HOME, theirs)
    listed = {s.id for s in (await devices.overview(console.ctx, mine)).sessions}
    assert not listed & {s.id for s in view.sessions}


async def test_an_id_is_no_token(console: Console, alice: Person) -> None:
    """S20, S30: the id of a session, or the hash under which its token is stored, opens nothing:
    a reader of the database cannot take sessions over."""
    await console.sign_in(alice)
    row = (await console.rows(Session))[-1]
    for value in (row.id, row.token_hash, alice.account_id):
        got = await attempt(sessions.check(console.ctx, STRANGER, Token(value)))
        assert isinstance(got, ConsoleError)


async def test_anothers_code_is_a_wrong_code(
    console: Console, alice: Person, mallory: Person
) -> None:
    """S30, CVE-2023-26481, CVE-2026-78619: a code from one's own device finishes nobody else's
    sign-in, and is not spent by the try."""
    half = await console.half(alice, STRANGER)
    code = mallory.code()
    got = await attempt(sign_in.code(console.ctx, STRANGER, half, code))
    assert isinstance(got, WrongCodeError)
    own = await console.half(mallory, STRANGER)
    assert isinstance(await sign_in.code(console.ctx, STRANGER, own, code), SignedIn)


async def test_anothers_password_and_code_prove_nothing(
    console: Console, alice: Person, mallory: Person
) -> None:
    """S30, GHSA-9695-w6h2-jpv9: in a stolen session one's own password and code change nothing."""
    eve = await console.customer("eve", otp=True, password="another pass 9 word")
    stolen = await console.sign_in(alice, STRANGER)
    got = await attempt(devices.disable(console.ctx, STRANGER, stolen, eve.password, eve.code()))
    assert isinstance(got, WrongPasswordError)
    got = await attempt(devices.disable(console.ctx, STRANGER, stolen, PASSWORD, mallory.code()))
    assert isinstance(got, WrongCodeError)
    assert (await devices.overview(console.ctx, stolen)).otp_active


async def test_anothers_pending_key_stays(console: Console) -> None:
    """S30: beginning, confirming and cancelling touch one's own pending key alone."""
    bob = await console.customer("bob")
    eve = await console.customer("eve")
    theirs = await console.sign_in(bob)
    await activation.begin(console.ctx, HOME, theirs)
    before = [r.sealed_key for r in await console.rows(PendingKey)]
    mine = await console.sign_in(eve)
    await activation.begin(console.ctx, HOME, mine)
    await activation.confirm(console.ctx, HOME, mine, PASSWORD, "000000")
    await activation.cancel(console.ctx, HOME, mine)
    assert [r.sealed_key for r in await console.rows(PendingKey)] == before
