"""A live session of somebody else rides on a proof that it never gave.

The owner adds a device: password and a code are proven in the owner's session, and a key waits to
be confirmed. A thief who holds another session of the account and knows the password, but has no
device, asks to confirm "the" waiting key, misses, and is handed a new key of his own. One more
confirmation, and his device is on the account (miniOrange CVE-2026-111949 by another door: a step
half done by one enrols another).
"""

import pytest

from tests.support.console import HOME, STRANGER, Console, attempt, oath
from tui_admin.errors import ProofExpiredError
from tui_admin.flows import activation, devices, sessions
from tui_admin.flows.answers import Activated, ActivationFailed


@pytest.mark.parametrize("waited_s", [0, 3600])
async def test_a_session_without_proof_gets_no_key(console: Console, waited_s: int) -> None:
    """S6, S7, CVE-2026-111949: a waiting key of one session, fresh or forgotten, is nothing to
    another session of the account."""
    alice = await console.customer(otp=True)
    stolen = await console.sign_in(alice, STRANGER)
    owner = await console.sign_in(alice)
    await activation.begin_further(console.ctx, HOME, owner, "Tablet", alice.password, alice.code())
    for _ in range(waited_s // 600):
        console.clock.turn(600)
        await devices.overview(console.ctx, stolen)
        await sessions.check(console.ctx, STRANGER, stolen)
    got = await attempt(activation.confirm(console.ctx, STRANGER, stolen, alice.password, "000000"))
    if isinstance(got, ActivationFailed) and got.fresh is not None:
        code = oath(got.fresh.key, console.clock.unix_s)
        await activation.confirm(console.ctx, STRANGER, stolen, alice.password, code)
    assert isinstance(got, ProofExpiredError)
    assert len((await devices.overview(console.ctx, stolen)).devices) == 1


@pytest.mark.parametrize("door", ["confirm", "renew"])
async def test_an_old_proof_is_no_proof(console: Console, door: str) -> None:
    """S7: an unattended session in which a further device was once begun gives no key for it ten
    minutes after the proof, however often the key was renewed in between."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    await activation.begin_further(console.ctx, HOME, token, "Tablet", alice.password, alice.code())
    for _ in range(2):
        console.clock.turn(299)
        await activation.renew(console.ctx, HOME, token)
    console.clock.turn(2)
    if door == "renew":
        got = await attempt(activation.renew(console.ctx, HOME, token))
    else:
        got = await attempt(activation.confirm(console.ctx, HOME, token, alice.password, "000000"))
    assert isinstance(got, ProofExpiredError)
    got = await attempt(activation.renew(console.ctx, HOME, token))
    assert isinstance(got, ProofExpiredError)


async def test_a_miss_on_a_further_device_gives_a_new_key(console: Console) -> None:
    """S6: while the proof is fresh, a missed confirmation of a further device hands out a new key
    under the same name, and the new one can be confirmed."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    await activation.begin_further(console.ctx, HOME, token, "Tablet", alice.password, alice.code())
    got = await activation.confirm(console.ctx, HOME, token, alice.password, "000000")
    assert isinstance(got, ActivationFailed)
    assert got.fresh is not None
    assert got.fresh.device_name == "Tablet"
    code = oath(got.fresh.key, console.clock.unix_s)
    done = await activation.confirm(console.ctx, HOME, token, alice.password, code)
    assert isinstance(done, Activated)
