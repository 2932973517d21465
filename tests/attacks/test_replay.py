"""Somebody reads a code over the owner's shoulder, or off the wire, and types it too.

In MISP a code was not recorded at all (CVE-2026-103655), then recorded but not atomically, so that
two at once both passed (CVE-2026-107276). Rodauth took it again inside the drift window
(CVE-2026-82470), devise-two-factor in the next interval (CVE-2021-43177).
"""

from __future__ import annotations

import pytest

from tests.support.console import (
    HOME,
    PASSWORD,
    STRANGER,
    Console,
    Person,
    attempt,
    kinds,
    oath,
    outcomes,
)
from tui_admin.errors import (
    ConsoleError,
    ReusedCodeError,
    SignInExpiredError,
    WrongCodeError,
)
from tui_admin.flows import activation, devices, sign_in
from tui_admin.flows.answers import Activated, SignedIn
from tui_admin.models import Session

ROOMY = {"account_5min": 1000, "account_1h": 1000, "account_1d": 1000, "address_5min": 1000}


@pytest.fixture
async def alice(console: Console) -> Person:
    return await console.customer(otp=True)


async def test_a_code_is_worth_nothing_to_the_second_who_types_it(
    console: Console, alice: Person
) -> None:
    """S1, CVE-2026-103655: the code of an accepted sign-in is refused in a new sign-in."""
    code = alice.code()
    half = await console.half(alice)
    await sign_in.code(console.ctx, HOME, half, code)
    got = await attempt(
        sign_in.code(console.ctx, STRANGER, await console.half(alice, STRANGER), code)
    )
    assert isinstance(got, ReusedCodeError)


async def test_a_finished_sign_in_takes_no_second_code(console: Console, alice: Person) -> None:
    """S1: a half-done sign-in that was finished takes neither the same code nor the next."""
    half = await console.half(alice)
    await sign_in.code(console.ctx, HOME, half, alice.code())
    assert isinstance(
        await attempt(sign_in.code(console.ctx, HOME, half, alice.code())), SignInExpiredError
    )
    console.clock.turn(30)
    assert isinstance(
        await attempt(sign_in.code(console.ctx, HOME, half, alice.code())), SignInExpiredError
    )


async def test_a_restart_does_not_forget_spent_codes(console: Console, alice: Person) -> None:
    """S1: a code spent before a restart is refused after it."""
    code = alice.code()
    await sign_in.code(console.ctx, HOME, await console.half(alice), code)
    await console.reopen()
    got = await attempt(sign_in.code(console.ctx, HOME, await console.half(alice), code))
    assert isinstance(got, ReusedCodeError)


async def test_the_drift_window_opens_no_second_use(console: Console, alice: Person) -> None:
    """S1, CVE-2026-82470, CVE-2021-43177: one step later the code, still inside the window, is
    refused; and so is the code of the step before it."""
    earlier, code = alice.code(-30), alice.code()
    await sign_in.code(console.ctx, HOME, await console.half(alice), code)
    for stale in (earlier, code):
        half = await console.half(alice)
        assert isinstance(
            await attempt(sign_in.code(console.ctx, HOME, half, stale)), ReusedCodeError
        )
    console.clock.turn(30)
    half = await console.half(alice)
    assert isinstance(await attempt(sign_in.code(console.ctx, HOME, half, code)), ReusedCodeError)


async def test_the_next_code_is_good_at_once(console: Console, alice: Person) -> None:
    """S1: a spent step costs the owner one step of waiting, no more."""
    await sign_in.code(console.ctx, HOME, await console.half(alice), alice.code())
    console.clock.turn(30)
    got = await sign_in.code(console.ctx, HOME, await console.half(alice), alice.code())
    assert isinstance(got, SignedIn)


async def test_the_activation_code_is_burnt(console: Console) -> None:
    """S1: the code that activated OTP opens neither a sign-in nor the way to switch off."""
    bob = await console.customer("bob")
    token = await console.sign_in(bob)
    view = await activation.begin(console.ctx, HOME, token)
    code = oath(view.key, console.clock.unix_s)
    done = await activation.confirm(console.ctx, HOME, token, PASSWORD, code)
    assert isinstance(done, Activated)
    half = await console.half(bob)
    assert isinstance(await attempt(sign_in.code(console.ctx, HOME, half, code)), ReusedCodeError)
    got = await attempt(devices.disable(console.ctx, HOME, done.session, PASSWORD, code))
    assert isinstance(got, ReusedCodeError)
    assert (await devices.overview(console.ctx, done.session)).otp_active


async def test_a_sign_in_code_does_not_switch_off(console: Console, alice: Person) -> None:
    """S1, S7: the code just typed at the sign-in opens no other door."""
    code = alice.code()
    done = await sign_in.code(console.ctx, HOME, await console.half(alice), code)
    device = (await devices.overview(console.ctx, done.session)).devices[0].id
    ctx = console.ctx
    for door in (
        devices.disable(ctx, HOME, done.session, PASSWORD, code),
        devices.show_key(ctx, HOME, done.session, device, PASSWORD, code),
        activation.begin_further(ctx, HOME, done.session, "Tablet", PASSWORD, code),
    ):
        assert isinstance(await attempt(door), ReusedCodeError)


@pytest.mark.parametrize("doors", ["one half-done sign-in", "twenty"])
async def test_twenty_at_once_give_one_session(console: Console, alice: Person, doors: str) -> None:
    """S1, S9, CVE-2026-107276: twenty copies of a code at the same moment open one session."""
    ctx = console.with_settings(limits=ROOMY)
    before = len(await console.rows(Session))
    halves = [await console.half(alice) for _ in range(1 if doors.startswith("one") else 20)]
    code = alice.code()
    results = await outcomes(
        sign_in.code(ctx, HOME, halves[n % len(halves)], code) for n in range(20)
    )
    assert kinds(results)["SignedIn"] == 1
    assert all(isinstance(r, SignedIn | ConsoleError) for r in results)
    assert len(await console.rows(Session)) == before + 1


async def test_two_processes_share_what_is_spent(console: Console, alice: Person) -> None:
    """S1: twenty copies of a code over two processes open one session."""
    other = await console.second_process()
    halves = [await console.half(alice) for _ in range(4)]
    code = alice.code()
    results = await outcomes(
        sign_in.code((console.ctx, other)[n % 2], HOME, half, code) for n, half in enumerate(halves)
    )
    assert kinds(results) == {"SignedIn": 1, "ReusedCodeError": 3}


@pytest.mark.parametrize("drift_s", [-90, -60, 30, 60, 90])
async def test_outside_the_window_nothing_is_accepted(
    console: Console, alice: Person, drift_s: int
) -> None:
    """S2: the code of a clock that is 60 s or more slow, or 30 s or more fast, is refused."""
    half = await console.half(alice)
    got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code(drift_s)))
    assert isinstance(got, WrongCodeError)


@pytest.mark.parametrize("second", [0, 1, 29])
async def test_the_step_before_is_accepted(console: Console, alice: Person, second: int) -> None:
    """S2: the code of the step before is accepted during all of the current step."""
    code = alice.code()
    console.clock.turn(30 + second)
    got = await sign_in.code(console.ctx, HOME, await console.half(alice), code)
    assert isinstance(got, SignedIn)


async def test_one_ahead_is_a_setting(console: Console, alice: Person) -> None:
    """S2: with `otp.ahead_steps = 1` the next step's code is accepted, the one after it is not,
    and what was accepted early does not come true again later."""
    ctx = console.with_settings(otp={"ahead_steps": 1})
    half = await console.half(alice)
    assert isinstance(await attempt(sign_in.code(ctx, HOME, half, alice.code(60))), WrongCodeError)
    code = alice.code(30)
    await sign_in.code(ctx, HOME, half, code)
    console.clock.turn(30)
    half = await console.half(alice)
    assert isinstance(await attempt(sign_in.code(ctx, HOME, half, code)), ReusedCodeError)
