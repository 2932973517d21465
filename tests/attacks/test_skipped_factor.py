"""The second factor is there, and a door beside it is open.

Zitadel took the code alone (CVE-2025-64103); in Gitea (CVE-2019-11576) and GitLab
(CVE-2021-39890) another door took the password alone; Nextcloud (CVE-2021-32800, CVE-2024-37313)
and Keycloak (CVE-2026-94218) let a step be skipped by starting anew; authentik skipped its policy
for an address that it could not parse (CVE-2024-47070); privacyIDEA signed the blank user in
(CVE-2018-1000809); django-two-factor-auth kept the password between the steps (CVE-2020-15105).
"""

from __future__ import annotations

import pickle

import pytest

from tests.support.console import HOME, PASSWORD, STRANGER, Console, attempt
from tui_admin.errors import (
    ConsoleError,
    FieldError,
    SessionEndedError,
    SignInExpiredError,
    WrongCodeError,
    WrongCredentialsError,
)
from tui_admin.flows import activation, contacts, devices, recovery_codes, sessions, sign_in
from tui_admin.flows.answers import NeedsCode, SignedIn, Token, Visitor
from tui_admin.models import HalfSignIn, Session


async def test_with_otp_on_the_password_gives_no_session(console: Console) -> None:
    """S6, CVE-2019-11576, CVE-2021-39890: the right password of an account with OTP starts no
    session, by name or by address, from any door."""
    alice = await console.customer(otp=True)
    before = len(await console.rows(Session))
    for name in ("alice", "alice@example.com", "ALICE"):
        for visitor in (HOME, STRANGER, Visitor("local", "ssh"), Visitor("", "")):
            step = await sign_in.password(console.ctx, visitor, name, alice.password)
            assert isinstance(step, NeedsCode)
    assert len(await console.rows(Session)) == before


async def test_a_code_alone_gives_nothing(console: Console) -> None:
    """S6, CVE-2025-64103: a valid code without a password step opens nothing."""
    alice = await console.customer(otp=True)
    for token in (Token(""), Token("alice"), Token(alice.account_id)):
        got = await attempt(sign_in.code(console.ctx, STRANGER, token, alice.code()))
        assert isinstance(got, SignInExpiredError)


async def test_starting_anew_skips_nothing(console: Console) -> None:
    """S6, CVE-2021-32800, CVE-2024-37313, CVE-2026-94218: however often a sign-in is begun,
    cancelled, missed or cut short by a restart, it asks for the code again."""
    alice = await console.customer(otp=True)
    for n in range(4):
        half = await console.half(alice)
        if n == 1:
            await sign_in.cancel(console.ctx, HOME, half)
        if n == 2:
            await attempt(sign_in.code(console.ctx, HOME, half, alice.wrong_code()))
        if n == 3:
            await console.reopen()
            assert isinstance(
                await attempt(sessions.check(console.ctx, HOME, half)), SessionEndedError
            )
    step = await sign_in.password(console.ctx, HOME, "alice", PASSWORD)
    assert isinstance(step, NeedsCode)
    assert isinstance(await sign_in.code(console.ctx, HOME, step.half, alice.code()), SignedIn)


@pytest.mark.parametrize(
    "address",
    ["", "unknown", "256.1.1.1", "x" * 1000, "\x00", "\ud800", "::g", "[::1]:22", "\x1b[2J"],
)
async def test_an_odd_address_skips_nothing(console: Console, address: str) -> None:
    """S8, S29, CVE-2024-47070: from an address that cannot be parsed the code is asked for, a
    wrong one is refused, and the limit holds."""
    alice = await console.customer(otp=True)
    visitor = Visitor(address, "\x00\ud800\x1b]0;x\x07" * 50)
    half = await console.half(alice, visitor)
    wrong = alice.wrong_code()
    results = [await attempt(sign_in.code(console.ctx, visitor, half, wrong)) for _ in range(6)]
    assert [type(r) for r in results[:5]] == [WrongCodeError] * 5
    assert type(results[5]).__name__ == "LimitedError"
    console.clock.turn(200)
    done = await attempt(sign_in.password(console.ctx, visitor, "alice", PASSWORD))
    assert isinstance(done, NeedsCode)
    console.clock.turn(101)
    done = await sign_in.code(console.ctx, visitor, done.half, alice.code())
    shown = (await devices.overview(console.ctx, done.session)).sessions[0]
    assert shown.address.isprintable()
    assert shown.terminal.isprintable()


@pytest.mark.parametrize("name", ["", " ", "\x00", "%", "_____", "*", "\u200b", "null"])
async def test_a_blank_name_is_nobody(console: Console, name: str) -> None:
    """S11, CVE-2018-1000809: blank, wildcard and invisible names sign nobody in."""
    await console.customer()
    got = await attempt(sign_in.password(console.ctx, STRANGER, name, PASSWORD))
    assert isinstance(got, WrongCredentialsError | FieldError)


async def test_an_empty_hash_opens_nothing(console: Console) -> None:
    """S29: an account row without a hash, or with a damaged one, signs nobody in."""
    await console.customer()
    for damaged in ("", "x", "$argon2id$v=19$m=8192,t=1,p=1$$", PASSWORD):
        await console.execute("UPDATE account SET password_hash = :h", h=damaged)
        console.clock.turn(86_400)
        for password in (damaged or "x", PASSWORD):
            got = await attempt(sign_in.password(console.ctx, STRANGER, "alice", password))
            assert isinstance(got, ConsoleError)
    assert not await console.rows(Session)


async def test_nothing_is_kept_between_the_steps(console: Console) -> None:
    """S25, CVE-2020-15105: between password and code neither the answer nor the database holds
    the password or the token that was handed out."""
    alice = await console.customer(otp=True)
    step = await sign_in.password(console.ctx, HOME, "alice", alice.password)
    assert isinstance(step, NeedsCode)
    assert alice.password.encode() not in pickle.dumps(step)
    assert step.half.value not in repr(step)
    for row in await console.rows(HalfSignIn):
        assert alice.password not in str(row.model_dump())
        assert step.half.value not in str(row.model_dump())


async def test_a_live_session_alone_changes_no_factor(console: Console) -> None:
    """S7: whoever sits down at an unattended terminal can neither show the key, add or remove a
    device, renew codes, switch off nor change the phone: password and code are asked for, and one
    of the two is not enough."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    ctx, device = console.ctx, (await devices.overview(console.ctx, token)).devices[0].id
    code, wrong = alice.code(), alice.wrong_code()
    for password, digits in (
        (PASSWORD, wrong),
        ("not the password 1", code),
        ("", ""),
        (PASSWORD, ""),
    ):
        for door in (
            devices.show_key(ctx, HOME, token, device, password, digits),
            devices.disable(ctx, HOME, token, password, digits),
            devices.remove(ctx, HOME, token, device, password, digits),
            activation.begin_further(ctx, HOME, token, "Mine", password, digits),
            recovery_codes.renew(ctx, HOME, token, password, digits),
            contacts.change_phone(ctx, HOME, token, "+420603999888", password, digits),
        ):
            console.clock.turn(1)
            got = await attempt(door)
            assert isinstance(got, ConsoleError)
    view = await devices.overview(ctx, token)
    assert view.otp_active
    assert len(view.devices) == 1
    account = await console.account(alice)
    assert account.phone == "+420603123456"
    assert account.new_phone == ""


async def test_activation_needs_verified_contacts(console: Console) -> None:
    """S6, S19: without a verified phone and e-mail address no key is handed out."""
    bob = await console.customer("bob", verified=False)
    token = await console.sign_in(bob)
    got = await attempt(activation.begin(console.ctx, HOME, token))
    assert isinstance(got, activation.ContactMissingError)
    assert got.email
    assert got.phone
    got = await attempt(activation.confirm(console.ctx, HOME, token, PASSWORD, "123456"))
    assert not isinstance(got, Token)
    assert not (await devices.overview(console.ctx, token)).otp_active
