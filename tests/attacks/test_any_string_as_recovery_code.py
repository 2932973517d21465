"""Any text at all is taken for a recovery code.

In vDesk the answer of the comparison was not looked at, so that any string opened the account
(CVE-2022-45174). GitLab ignored a return value in the same place (CVE-2026-0723).
"""

from __future__ import annotations

import random
import string

import pytest

from tests.support.console import HOME, PASSWORD, Console, attempt, kinds, outcomes
from tui_admin.errors import FieldError, WrongRecoveryCodeError
from tui_admin.flows import devices, recovery_codes, sign_in
from tui_admin.flows.answers import SignedIn
from tui_admin.models import RecoveryCode
from tui_admin.security.tokens import new_recovery_code

NOT_CODES = [
    "",
    " ",
    "0",
    "null",
    "None",
    "' OR 1=1 --",
    "%%%%%%%%%%",
    "__________",
    "ABCDE-FGHJ",
    "ABCDE-FGHJKM",
    "UUUUU-UUUUU",
    "\x00" * 10,
    "\ud800" * 10,
    "０１２３４５６７８９",  # noqa: RUF001
    "A" * 100_000,
]


async def test_no_text_opens_the_account(console: Console) -> None:
    """S3, CVE-2022-45174, CVE-2026-0723: what is no recovery code is a form error; what looks
    like one and is none is refused."""
    alice = await console.customer(otp=True)
    half = await console.half(alice)
    for text in NOT_CODES:
        got = await attempt(sign_in.recovery_code(console.ctx, HOME, half, text))
        assert isinstance(got, FieldError)
        assert got.field == "code"
    for text in ("0000000000", new_recovery_code(), "ABCDE-FGHJK"):
        got = await attempt(sign_in.recovery_code(console.ctx, HOME, half, text))
        assert isinstance(got, WrongRecoveryCodeError)


async def test_somebody_elses_code_opens_nothing(console: Console) -> None:
    """S30: a valid recovery code of another account is refused, and is not spent by the try."""
    alice = await console.customer("alice", otp=True)
    mallory = await console.customer("mallory", otp=True)
    half = await console.half(alice)
    theirs = mallory.recovery_codes[0]
    got = await attempt(sign_in.recovery_code(console.ctx, HOME, half, theirs))
    assert isinstance(got, WrongRecoveryCodeError)
    token = await console.sign_in(alice)
    got = await attempt(recovery_codes.confirm(console.ctx, HOME, token, theirs))
    assert isinstance(got, WrongRecoveryCodeError)
    half = await console.half(mallory)
    assert isinstance(await sign_in.recovery_code(console.ctx, HOME, half, theirs), SignedIn)


async def test_each_code_is_good_once(console: Console) -> None:
    """S1: each of the ten codes opens once, as typed with small letters and spaces too, and not
    a second time, not after a restart either."""
    alice = await console.customer(otp=True)
    for n, code in enumerate(alice.recovery_codes):
        half = await console.half(alice)
        typed = code.lower().replace("-", " ") if n % 2 else code
        done = await sign_in.recovery_code(console.ctx, HOME, half, typed)
        assert done.recovery_codes_left == 9 - n
    await console.reopen()
    half = await console.half(alice)
    got = await attempt(sign_in.recovery_code(console.ctx, HOME, half, alice.recovery_codes[0]))
    assert isinstance(got, WrongRecoveryCodeError)


async def test_twenty_at_once_spend_it_once(console: Console) -> None:
    """S1, S9: one recovery code, twenty times at the same moment, opens one session."""
    alice = await console.customer(otp=True)
    ctx = console.with_settings(
        limits={"account_5min": 1000, "address_5min": 1000, "account_1h": 1000, "account_1d": 1000}
    )
    halves = [await console.half(alice) for _ in range(20)]
    code = alice.recovery_codes[0]
    results = await outcomes(sign_in.recovery_code(ctx, HOME, half, code) for half in halves)
    assert kinds(results) == {"SignedIn": 1, "WrongRecoveryCodeError": 19}


@pytest.mark.parametrize("door", ["disable", "renew"])
async def test_old_codes_go(console: Console, door: str) -> None:
    """S6: `New recovery codes` and `Disable` leave none of the old codes good."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    if door == "renew":
        fresh = await recovery_codes.renew(console.ctx, HOME, token, PASSWORD, alice.code())
        assert len(set(fresh) | set(alice.recovery_codes)) == 20
        half = await console.half(alice)
        got = await attempt(sign_in.recovery_code(console.ctx, HOME, half, alice.recovery_codes[3]))
        assert isinstance(got, WrongRecoveryCodeError)
        assert isinstance(await sign_in.recovery_code(console.ctx, HOME, half, fresh[3]), SignedIn)
    else:
        await devices.disable(
            console.ctx, HOME, token, PASSWORD, alice.recovery_codes[0], recovery=True
        )
        assert not await console.rows(RecoveryCode)


async def test_typing_one_back_spends_nothing(console: Console) -> None:
    """S1: the code that was typed back to show that they were kept still opens the door."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    assert not (await devices.overview(console.ctx, token)).recovery_codes_confirmed
    await recovery_codes.confirm(console.ctx, HOME, token, alice.recovery_codes[0])
    view = await devices.overview(console.ctx, token)
    assert view.recovery_codes_confirmed
    assert view.recovery_codes_left == 10
    half = await console.half(alice)
    got = await sign_in.recovery_code(console.ctx, HOME, half, alice.recovery_codes[0])
    assert isinstance(got, SignedIn)


async def test_renewing_needs_a_device(console: Console) -> None:
    """S7: recovery codes cannot be renewed by a recovery code, nor without OTP."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    door = recovery_codes.renew(console.ctx, HOME, token, PASSWORD, alice.recovery_codes[0])
    assert isinstance(await attempt(door), FieldError)
    bob = await console.customer("bob")
    door = recovery_codes.renew(console.ctx, HOME, await console.sign_in(bob), PASSWORD, "")
    assert type(await attempt(door)).__name__ == "RejectedError"


async def test_random_texts_open_nothing(console: Console) -> None:
    """S29, CVE-2022-45174: two hundred random texts give an error of the family each, never an
    answer and never a crash."""
    alice = await console.customer(otp=True)
    half = await console.half(alice)
    dice = random.Random(20300115)
    alphabet = string.printable + "\x00\x1b\u202e\ufeff\ud83d😀٣"
    for _ in range(200):
        text = "".join(dice.choices(alphabet, k=dice.randrange(30)))
        for door in (sign_in.recovery_code, sign_in.code):
            got = await attempt(door(console.ctx, HOME, half, text))
            assert isinstance(got, FieldError)
