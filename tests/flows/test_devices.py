"""Setting OTP up, using it, showing the key, several devices, switching off: how it should go."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.console import HOME, PASSWORD, Console, Person, attempt, oath
from tui_admin.errors import (
    ConflictError,
    FieldError,
    ProofExpiredError,
    RejectedError,
    WrongCodeError,
    WrongPasswordError,
)
from tui_admin.flows import activation, devices, sign_in
from tui_admin.flows.answers import Activated, ActivationFailed, NeedsCode, SignedIn, Token
from tui_admin.models import Device, PendingKey


@pytest.fixture
async def alice(console: Console) -> Person:
    return await console.customer(otp=True)


async def further(console: Console, alice: Person, token: Token, name: str) -> tuple[Token, str]:
    """Add a device and return the new token and its key."""
    view = await activation.begin_further(console.ctx, HOME, token, name, PASSWORD, alice.code())
    code = oath(view.key, console.clock.unix_s)
    done = await activation.confirm(console.ctx, HOME, token, PASSWORD, code)
    assert isinstance(done, Activated)
    console.clock.turn(60)
    return done.session, view.key


async def test_the_whole_way(console: Console) -> None:
    """S1, S4, S6: set up, sign in by an independent generator's code, show the same key again,
    switch off; afterwards the password alone signs in."""
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(console.ctx, HOME, token)
    assert parse_qs(urlsplit(view.uri).query)["secret"] == [view.key.replace(" ", "")]
    assert len(view.key.replace(" ", "")) == 32
    assert (view.algorithm, view.digits, view.period_s) == ("SHA-1", 6, 30)
    code = oath(view.key, console.clock.unix_s)
    done = await activation.confirm(console.ctx, HOME, token, PASSWORD, f" {code[:3]} {code[3:]} ")
    assert isinstance(done, Activated)
    assert len(set(done.codes)) == 10
    console.clock.turn(30)
    step = await sign_in.password(console.ctx, HOME, "bob", PASSWORD)
    assert isinstance(step, NeedsCode)
    signed = await sign_in.code(console.ctx, HOME, step.half, oath(view.key, console.clock.unix_s))
    console.clock.turn(30)
    device = (await devices.overview(console.ctx, signed.session)).devices[0]
    assert device.last_used_at is not None
    again = await devices.show_key(
        console.ctx,
        HOME,
        signed.session,
        device.id,
        PASSWORD,
        oath(view.key, console.clock.unix_s),
    )
    assert (again.key, again.uri) == (view.key, view.uri)
    assert again.ttl_s == 60
    console.clock.turn(30)
    token = await devices.disable(
        console.ctx, HOME, signed.session, PASSWORD, oath(view.key, console.clock.unix_s)
    )
    state = await devices.overview(console.ctx, token)
    assert not state.otp_active
    assert not state.devices
    assert state.recovery_codes_left == 0
    assert isinstance(await sign_in.password(console.ctx, HOME, "bob", PASSWORD), SignedIn)


async def test_answers_hide_their_secrets(console: Console) -> None:
    """S25: the repr of a key view and of an activation shows neither key, URI nor codes."""
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(console.ctx, HOME, token)
    code = oath(view.key, console.clock.unix_s)
    done = await activation.confirm(console.ctx, HOME, token, PASSWORD, code)
    assert isinstance(done, Activated)
    shown = repr(view) + repr(done)
    for secret in (view.key, view.key.replace(" ", ""), *done.codes, done.session.value):
        assert secret not in shown


@pytest.mark.parametrize(("drift_s", "word"), [(-300, "slow"), (240, "fast"), (-600, "slow")])
async def test_a_clock_that_is_off_is_told(console: Console, drift_s: int, word: str) -> None:
    """S2: a code that would have been right minutes earlier or later fails, and the answer says
    by how much the device's clock is off."""
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(console.ctx, HOME, token)
    code = oath(view.key, console.clock.unix_s + drift_s)
    got = await activation.confirm(console.ctx, HOME, token, PASSWORD, code)
    assert isinstance(got, ActivationFailed)
    assert word in got.why
    assert f"{abs(drift_s) // 60} min" in got.why


async def test_a_sign_in_tells_no_drift(console: Console, alice: Person) -> None:
    """S11: at the sign-in a code of another time is a wrong code like any other."""
    half = await console.half(alice)
    for code in (alice.code(-300), alice.code(300), alice.wrong_code()):
        got = await attempt(sign_in.code(console.ctx, HOME, half, code))
        assert isinstance(got, WrongCodeError)
        assert got.drift_s is None


async def test_a_device_of_ones_own_for_each_place(console: Console, alice: Person) -> None:
    """S1: two devices have keys of their own; a code of one does not spend the other's."""
    token, key = await further(console, alice, await console.sign_in(alice), "Tablet")
    assert key.replace(" ", "") != alice.key
    names = [d.name for d in (await devices.overview(console.ctx, token)).devices]
    assert names == ["Phone", "Tablet"]
    for code in (alice.code(), oath(key, console.clock.unix_s)):
        half = await console.half(alice)
        assert isinstance(await sign_in.code(console.ctx, HOME, half, code), SignedIn)


async def test_ten_devices_are_enough(console: Console, alice: Person) -> None:
    """S8: an eleventh device is refused: each one is one more code that a guess may hit."""
    token = await console.sign_in(alice)
    for n in range(9):
        await console.execute(
            "INSERT INTO device (id, account_id, name, sealed_key, last_step, added_at) "
            "SELECT :id, account_id, :name, sealed_key, 2000000000, added_at FROM device "
            "WHERE name = 'Phone'",
            id=f"{n:032}",
            name=f"Device {n}",
        )
    await console.execute("UPDATE device SET last_step = 0 WHERE name = 'Phone'")
    got = await attempt(
        activation.begin_further(console.ctx, HOME, token, "Eleven", PASSWORD, alice.code())
    )
    assert isinstance(got, RejectedError)
    assert not await console.rows(PendingKey)


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 41, "a\x1bb", "a\nb", "\u202ea", "\x00", "\ud800"]
)
async def test_odd_device_names_are_form_errors(console: Console, alice: Person, name: str) -> None:
    """S29: empty, overlong and unshowable names are refused before anything is asked or spent."""
    token = await console.sign_in(alice)
    device = (await devices.overview(console.ctx, token)).devices[0].id
    code = alice.code()
    for door in (
        activation.begin_further(console.ctx, HOME, token, name, PASSWORD, code),
        devices.rename(console.ctx, HOME, token, device, name),
    ):
        got = await attempt(door)
        assert isinstance(got, FieldError)
        assert got.field == "name"
    assert isinstance(
        await sign_in.code(console.ctx, HOME, await console.half(alice), code), SignedIn
    )


async def test_names_are_told_apart(console: Console, alice: Person) -> None:
    """S30: two devices of one account cannot bear one name; the refusal is a form error that
    costs neither the code nor a guess."""
    token = await console.sign_in(alice)
    code = alice.code()
    for _ in range(6):
        got = await attempt(
            activation.begin_further(console.ctx, HOME, token, "PHONE", PASSWORD, code)
        )
        assert isinstance(got, FieldError)
        assert got.field == "name"
    token, _key = await further(console, alice, token, "Tablet")
    phone, tablet = (await devices.overview(console.ctx, token)).devices
    got = await attempt(devices.rename(console.ctx, HOME, token, tablet.id, " phone "))
    assert isinstance(got, FieldError)
    await devices.rename(console.ctx, HOME, token, phone.id, "Old [/] phone")
    assert (await devices.overview(console.ctx, token)).devices[0].name == "Old [/] phone"


async def test_the_last_device_stays(console: Console, alice: Person) -> None:
    """S6: the only device cannot be removed, so that OTP is not switched off by the side door."""
    token = await console.sign_in(alice)
    device = (await devices.overview(console.ctx, token)).devices[0].id
    got = await attempt(devices.remove(console.ctx, HOME, token, device, PASSWORD, alice.code()))
    assert isinstance(got, devices.LastDeviceError)
    assert len(await console.rows(Device)) == 1


async def test_setting_up_twice_is_a_conflict(console: Console, alice: Person) -> None:
    """S6: with OTP on, the way of the first device is closed: it would ask for no code."""
    token = await console.sign_in(alice)
    got = await attempt(activation.begin(console.ctx, HOME, token))
    assert isinstance(got, ConflictError)
    got = await attempt(activation.confirm(console.ctx, HOME, token, PASSWORD, alice.code()))
    assert isinstance(got, ProofExpiredError)


async def test_the_key_needs_both_proofs(console: Console, alice: Person) -> None:
    """S7: the key is shown for password and code, and for neither alone; a recovery code does not
    show it."""
    token = await console.sign_in(alice)
    device = (await devices.overview(console.ctx, token)).devices[0].id
    cases = [
        ("not the password 1", alice.code(), WrongPasswordError),
        (PASSWORD, alice.wrong_code(), WrongCodeError),
        (PASSWORD, alice.recovery_codes[0], FieldError),
    ]
    for password, code, error in cases:
        got = await attempt(devices.show_key(console.ctx, HOME, token, device, password, code))
        assert isinstance(got, error)


async def test_a_wrong_password_does_not_spend_the_code(console: Console, alice: Person) -> None:
    """S1: after a wrong password the code that was typed with it is still good."""
    token, code = await console.sign_in(alice), alice.code()
    got = await attempt(devices.disable(console.ctx, HOME, token, "not the password 1", code))
    assert isinstance(got, WrongPasswordError)
    await devices.disable(console.ctx, HOME, token, PASSWORD, code)


async def test_switching_off_twice_is_refused(console: Console, alice: Person) -> None:
    """S6: `Disable` without OTP says no, and changes nothing."""
    token = await devices.disable(
        console.ctx, HOME, await console.sign_in(alice), PASSWORD, alice.code()
    )
    got = await attempt(devices.disable(console.ctx, HOME, token, PASSWORD, ""))
    assert isinstance(got, RejectedError)


async def test_cancelling_leaves_nothing_behind(console: Console) -> None:
    """S6: a cancelled activation leaves no key in the database, and its code activates nothing."""
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(console.ctx, HOME, token)
    await activation.cancel(console.ctx, HOME, token)
    assert not await console.rows(PendingKey)
    code = oath(view.key, console.clock.unix_s)
    got = await activation.confirm(console.ctx, HOME, token, PASSWORD, code)
    assert isinstance(got, ActivationFailed)
    assert not await console.rows(Device)
