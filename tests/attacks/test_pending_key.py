"""A key or a sign-in that is only half done is used as if it were whole.

PLANKA let a pending token guess codes without end (CVE-2026-105835). In Devolutions the old key
went on working after re-enrolment (CVE-2026-9047). In miniOrange a half-done sign-in could enrol a
device of its own, and so finish itself (CVE-2026-111949).
"""

from __future__ import annotations

import pytest

from tests.support.console import (
    HOME,
    PASSWORD,
    STRANGER,
    Console,
    attempt,
    oath,
    other_code,
    outcomes,
)
from tui_admin.errors import (
    ConsoleError,
    LimitedError,
    PendingKeyGoneError,
    SessionEndedError,
    SignInExpiredError,
    WrongCodeError,
)
from tui_admin.flows import (
    activation,
    contacts,
    devices,
    profile,
    recovery_codes,
    sessions,
    sign_in,
)
from tui_admin.flows.answers import Activated, ActivationFailed, NeedsCode, SignedIn, Token
from tui_admin.models import Device, PendingKey


async def test_a_half_done_sign_in_cannot_guess_without_end(console: Console) -> None:
    """S8, CVE-2026-105835: five codes are looked at, whether on one half-done sign-in or on a new
    one for each guess; even the right one is not after that."""
    alice = await console.customer(otp=True)
    wrong = alice.wrong_code()
    looked_at, half = 0, await console.half(alice, STRANGER)
    for n in range(12):
        if n % 2:
            half = await console.half(alice, STRANGER)
        got = await attempt(sign_in.code(console.ctx, STRANGER, half, wrong))
        looked_at += isinstance(got, WrongCodeError)
    assert looked_at == 5
    got = await attempt(sign_in.code(console.ctx, STRANGER, half, alice.code()))
    assert isinstance(got, LimitedError)


async def test_a_half_done_sign_in_is_no_session(console: Console) -> None:
    """S6, S7, CVE-2026-111949: with password known and code not, no door of the panel opens:
    nothing can be enrolled, shown, changed or switched off."""
    alice = await console.customer(otp=True)
    half = await console.half(alice, STRANGER)
    ctx, device = console.ctx, (await console.rows(Device))[0].id
    code = alice.recovery_codes[0]
    doors = [
        sessions.check(ctx, STRANGER, half),
        sessions.end_one(ctx, STRANGER, half, device),
        activation.begin(ctx, STRANGER, half),
        activation.begin_further(ctx, STRANGER, half, "Mine", PASSWORD, alice.code()),
        activation.confirm(ctx, STRANGER, half, PASSWORD, alice.code()),
        activation.cancel(ctx, STRANGER, half),
        devices.overview(ctx, half),
        devices.show_key(ctx, STRANGER, half, device, PASSWORD, alice.code()),
        devices.rename(ctx, STRANGER, half, device, "Mine"),
        devices.remove(ctx, STRANGER, half, device, PASSWORD, alice.code()),
        devices.disable(ctx, STRANGER, half, PASSWORD, alice.code()),
        devices.disable(ctx, STRANGER, half, PASSWORD, code, recovery=True),
        recovery_codes.confirm(ctx, STRANGER, half, code),
        recovery_codes.renew(ctx, STRANGER, half, PASSWORD, alice.code()),
        contacts.change_phone(ctx, STRANGER, half, "+420603999888", PASSWORD, alice.code()),
        profile.read(ctx, half),
        profile.save(ctx, STRANGER, half, name="x", company="", language="en", timezone="UTC"),
        profile.remember_theme(ctx, STRANGER, half, "dark"),
    ]
    for door in doors:
        assert isinstance(await attempt(door), SessionEndedError)
    assert len(await console.rows(Device)) == 1
    # The knock on all those doors has cost the owner nothing: the code is still good.
    assert isinstance(await sign_in.code(ctx, HOME, half, alice.code()), SignedIn)


async def test_a_session_is_no_half_done_sign_in(console: Console) -> None:
    """S7: a session's token, or any other text, is not taken for a half-done sign-in."""
    alice = await console.customer(otp=True)
    session = await console.sign_in(alice)
    for token in (session, Token(""), Token("x" * 43), Token("\x00\ud800")):
        for door in (
            sign_in.code(console.ctx, HOME, token, alice.code()),
            sign_in.recovery_code(console.ctx, HOME, token, alice.recovery_codes[0]),
        ):
            assert isinstance(await attempt(door), SignInExpiredError)


async def test_a_pending_key_never_gates_a_sign_in(console: Console) -> None:
    """S6: a key that waits to be confirmed asks nobody for a code, and its codes open nothing."""
    bob = await console.customer("bob")
    view = await activation.begin(console.ctx, HOME, await console.sign_in(bob))
    step = await sign_in.password(console.ctx, HOME, "bob", PASSWORD)
    assert isinstance(step, SignedIn)
    alice = await console.customer("alice", otp=True)
    token = await console.sign_in(alice)
    view = await activation.begin_further(
        console.ctx, HOME, token, "Tablet", PASSWORD, alice.code()
    )
    console.clock.turn(60)
    pending_code = oath(view.key, console.clock.unix_s)
    half = await console.half(alice)
    got = await attempt(sign_in.code(console.ctx, HOME, half, pending_code))
    assert isinstance(got, WrongCodeError)
    assert isinstance(await sign_in.code(console.ctx, HOME, half, alice.code()), SignedIn)


@pytest.mark.parametrize("miss", ["code", "password", "too old"])
async def test_a_failed_activation_kills_the_key(console: Console, miss: str) -> None:
    """S6: after a wrong code, a wrong password or ten minutes the old key is refused, a new one
    is handed out at once, and the new one activates."""
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    old = await activation.begin(console.ctx, HOME, token)
    right = oath(old.key, console.clock.unix_s)
    if miss == "too old":
        console.clock.turn(600)
        right = oath(old.key, console.clock.unix_s)
    password = "another password" if miss == "password" else PASSWORD
    typed = other_code(right) if miss == "code" else right
    failed = await activation.confirm(console.ctx, HOME, token, password, typed)
    assert isinstance(failed, ActivationFailed)
    assert failed.fresh is not None
    assert failed.fresh.key != old.key
    assert failed.fresh.uri != old.uri
    again = await activation.confirm(console.ctx, HOME, token, PASSWORD, right)
    assert isinstance(again, ActivationFailed)
    assert again.fresh is not None
    assert not (await devices.overview(console.ctx, token)).otp_active
    code = oath(again.fresh.key, console.clock.unix_s)
    done = await activation.confirm(console.ctx, HOME, token, PASSWORD, code)
    assert isinstance(done, Activated)


async def test_an_old_key_is_nothing_after_re_enrolment(console: Console) -> None:
    """S6, CVE-2026-9047: after Disable and Set OTP the former device's codes are refused, at the
    sign-in and at Disable."""
    alice = await console.customer(otp=True)
    old = alice.key
    token = await devices.disable(
        console.ctx, HOME, await console.sign_in(alice), PASSWORD, alice.code()
    )
    console.clock.turn(30)
    token = await console.activate(alice, token)
    assert alice.key != old
    stale = oath(old, console.clock.unix_s)
    half = await console.half(alice)
    assert isinstance(await attempt(sign_in.code(console.ctx, HOME, half, stale)), WrongCodeError)
    got = await attempt(devices.disable(console.ctx, HOME, token, PASSWORD, stale))
    assert isinstance(got, WrongCodeError)


async def test_old_recovery_codes_are_nothing_after_re_enrolment(console: Console) -> None:
    """S6: the recovery codes of an earlier activation are refused after the next."""
    alice = await console.customer(otp=True)
    old = alice.recovery_codes
    token = await console.sign_in(alice)
    token = await devices.disable(console.ctx, HOME, token, PASSWORD, alice.code())
    await console.activate(alice, token)
    assert not set(old) & set(alice.recovery_codes)
    half = await console.half(alice)
    got = await attempt(sign_in.recovery_code(console.ctx, HOME, half, old[0]))
    assert isinstance(got, ConsoleError)


async def test_a_removed_device_is_refused(console: Console) -> None:
    """S6: a device that was removed opens nothing, the one that stays does."""
    alice = await console.customer(otp=True)
    first = alice.key
    token = await console.sign_in(alice)
    view = await activation.begin_further(
        console.ctx, HOME, token, "Tablet", PASSWORD, alice.code()
    )
    code = oath(view.key, console.clock.unix_s)
    done = await activation.confirm(console.ctx, HOME, token, PASSWORD, code)
    assert isinstance(done, Activated)
    assert done.codes == ()
    console.clock.turn(60)
    phone = (await devices.overview(console.ctx, done.session)).devices[0]
    tablet_code = oath(view.key, console.clock.unix_s)
    await devices.remove(console.ctx, HOME, done.session, phone.id, PASSWORD, tablet_code)
    half = await console.half(alice)
    got = await attempt(sign_in.code(console.ctx, HOME, half, oath(first, console.clock.unix_s)))
    assert isinstance(got, WrongCodeError)
    console.clock.turn(30)
    got = await sign_in.code(console.ctx, HOME, half, oath(view.key, console.clock.unix_s))
    assert isinstance(got, SignedIn)


async def test_the_successor_takes_nothing_from_the_device_in_force(console: Console) -> None:
    """S6: while a further device waits for its confirmation, and after that has failed, the
    device in force signs in."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    await activation.begin_further(console.ctx, HOME, token, "Tablet", PASSWORD, alice.code())
    failed = await activation.confirm(console.ctx, HOME, token, PASSWORD, "000000")
    assert isinstance(failed, ActivationFailed)
    console.clock.turn(30)
    assert isinstance(
        await sign_in.code(console.ctx, HOME, await console.half(alice), alice.code()), SignedIn
    )


async def test_the_key_of_another_session_is_gone(console: Console) -> None:
    """S6: a key shown in one session cannot be confirmed in another, nor is it left behind."""
    bob = await console.customer("bob")
    first, second = await console.sign_in(bob), await console.sign_in(bob)
    shown = await activation.begin(console.ctx, HOME, first)
    code = oath(shown.key, console.clock.unix_s)
    got = await activation.confirm(console.ctx, HOME, second, PASSWORD, code)
    assert isinstance(got, ActivationFailed)
    assert got.why == PendingKeyGoneError().sentence
    got = await activation.confirm(console.ctx, HOME, first, PASSWORD, code)
    assert isinstance(got, ActivationFailed)
    assert len(await console.rows(PendingKey)) == 1
    assert not await console.rows(Device)


async def test_one_key_takes_one_guess_even_at_once(console: Console) -> None:
    """S6, S9: of five confirmations at the same moment one is judged on a key, never two."""
    ctx, opened = console.counting_keys()
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(ctx, HOME, token)
    wrong = other_code(oath(view.key, console.clock.unix_s))
    await outcomes(activation.confirm(ctx, HOME, token, PASSWORD, wrong) for _ in range(5))
    assert opened
    assert set(opened.values()) == {1}
    assert not await console.rows(Device)


async def test_more_tries_are_a_setting(console: Console) -> None:
    """S6: with `otp.activation_attempts = 3` the key survives two misses and not the third."""
    ctx = console.with_settings(otp={"activation_attempts": 3})
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(ctx, HOME, token)
    wrong = other_code(oath(view.key, console.clock.unix_s))
    left = []
    for _ in range(3):
        got = await activation.confirm(ctx, HOME, token, PASSWORD, wrong)
        assert isinstance(got, ActivationFailed)
        left.append((got.tries_left, got.fresh is None))
    assert left == [(2, True), (1, True), (0, False)]


async def test_a_malformed_field_costs_no_key(console: Console) -> None:
    """S3, S6: five digits, an empty password, or 129 characters are form errors; the key stays."""
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(console.ctx, HOME, token)
    code = oath(view.key, console.clock.unix_s)
    for password, typed in ((PASSWORD, code[:5]), ("", code), ("x" * 129, code), (PASSWORD, "")):
        got = await attempt(activation.confirm(console.ctx, HOME, token, password, typed))
        assert type(got).__name__ == "FieldError"
    assert isinstance(await activation.confirm(console.ctx, HOME, token, PASSWORD, code), Activated)


async def test_a_half_done_sign_in_does_not_live_through_an_activation(console: Console) -> None:
    """S20: what was begun under the old factors is over when they change."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    half = await console.half(alice, STRANGER)
    await devices.disable(console.ctx, HOME, token, PASSWORD, alice.code())
    got = await attempt(sign_in.recovery_code(console.ctx, STRANGER, half, alice.recovery_codes[0]))
    assert isinstance(got, SignInExpiredError)


async def test_a_half_done_sign_in_runs_out(console: Console) -> None:
    """S6: five minutes after the password the code comes too late, and a cancelled sign-in takes
    none at all."""
    alice = await console.customer(otp=True)
    half = await console.half(alice)
    console.clock.turn(299)
    assert isinstance(await sign_in.code(console.ctx, HOME, half, alice.code()), SignedIn)
    half = await console.half(alice)
    console.clock.turn(300)
    got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
    assert isinstance(got, SignInExpiredError)
    half = await console.half(alice)
    await sign_in.cancel(console.ctx, HOME, half)
    got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
    assert isinstance(got, SignInExpiredError)
    step = await sign_in.password(console.ctx, HOME, "alice", PASSWORD)
    assert isinstance(step, NeedsCode)
