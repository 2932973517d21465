"""Accounts: making, listing, locking; passwords at the door; contacts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.console import HOME, PASSWORD, Console, attempt
from tui_admin.errors import FieldError, LimitedError, NotFoundError, WrongPasswordError
from tui_admin.flows import accounts, contacts, devices, profile, sign_in
from tui_admin.flows.answers import SignedIn
from tui_admin.models import Account, Letter
from tui_admin.security.passwords import HashCost, Passwords

GOOD: dict[str, Any] = {"username": "alice", "email": "alice@example.com", "password": PASSWORD}


async def test_what_was_made_signs_in(console: Console) -> None:
    """S28: a new account signs in under its name and its address, with its contacts verified only
    when it was said so."""
    view = await accounts.create(console.ctx, **GOOD, phone="+420603123456")
    assert not view.email_verified
    assert not view.phone_verified
    for name in ("alice", "alice@example.com"):
        assert isinstance(await sign_in.password(console.ctx, HOME, name, PASSWORD), SignedIn)
    view = await accounts.verify_contacts(console.ctx, "alice", email=True, phone=True)
    assert view.email_verified
    assert view.phone_verified


async def test_an_address_of_other_letters_signs_in(console: Console) -> None:
    """S28: an address with an international domain is found as it was typed and in ASCII."""
    await accounts.create(console.ctx, **{**GOOD, "email": "alice@bücher.example.com"})
    for name in ("Alice@BÜCHER.example.com", "alice@xn--bcher-kva.example.com"):
        assert isinstance(await sign_in.password(console.ctx, HOME, name, PASSWORD), SignedIn)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "a b"),
        ("username", "\x00\x00"),
        ("username", "x" * 10_000),
        ("email", "nobody"),
        ("email", "a@b.cz\nc@d.cz"),
        ("email", "\ud800@b.cz"),
        ("phone", "12345"),
        ("phone", "\x00"),
        ("role", "root"),
        ("role", ""),
        ("password", ""),
        ("password", "x" * 129),
        ("password", "short 1"),
        ("password", "password1"),
        ("password", "my alice 1234"),
        ("password", "\ud800" * 9),
        ("password", "WEDOS Internet 7"),
    ],
)
async def test_bad_fields_make_no_account(console: Console, field: str, value: str) -> None:
    """S23, S27, S28: what is not acceptable is refused beside its field, and nothing is stored."""
    got = await attempt(accounts.create(console.ctx, **{**GOOD, field: value}))
    assert isinstance(got, FieldError)
    assert got.field == field
    assert not await console.rows(Account)
    assert not await console.audit()


@pytest.mark.parametrize("length", [8, 128])
async def test_the_longest_and_shortest_password_sign_in(console: Console, length: int) -> None:
    """S23: a password of 8 or of 128 characters signs in; with its last character changed or
    missing, or one more behind it, it does not."""
    password = ("q7#Z" * 32)[:length]
    await accounts.create(console.ctx, **{**GOOD, "password": password})
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", password), SignedIn)
    for other in (password[:-1] + "!", password[:-1], password + "!"):
        got = await attempt(sign_in.password(console.ctx, HOME, "alice", other))
        assert not isinstance(got, SignedIn)


async def test_a_pasted_password_signs_in(console: Console) -> None:
    """S23: blanks inside, quotes, markup, emoji and decomposed letters are part of the password;
    nothing is trimmed."""
    password = " [/] 'ž\"; 😀 \t end "
    await accounts.create(console.ctx, **{**GOOD, "password": password})
    typed = password.replace("ž", "z\u030c")
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", typed), SignedIn)
    got = await attempt(sign_in.password(console.ctx, HOME, "alice", password.strip()))
    assert not isinstance(got, SignedIn)


async def test_the_hash_is_renewed_at_sign_in(console: Console) -> None:
    """S24: after the cost was raised, the next right sign-in stores a hash at the new cost, a
    wrong one does not, and the password stays the same."""
    alice = await console.customer()
    before = (await console.account(alice)).password_hash
    costlier = replace(console.ctx, passwords=Passwords(HashCost(2, 16_384, 1), workers=1))
    await attempt(sign_in.password(costlier, HOME, "alice", "not the password 1"))
    assert (await console.account(alice)).password_hash == before
    for _ in range(2):
        assert isinstance(await sign_in.password(costlier, HOME, "alice", PASSWORD), SignedIn)
        after = (await console.account(alice)).password_hash
        assert "m=16384,t=2,p=1" in after
    assert (await console.events()).count("password.rehashed") == 1
    costlier.passwords.close()


async def test_the_operators_view(console: Console) -> None:
    """S25: listing and showing tell the state and nothing secret."""
    alice = await console.customer(otp=True)
    await console.customer("bob", role="staff", verified=False)
    await console.sign_in(alice)
    listed = await accounts.listing(console.ctx)
    assert [(v.username, v.role, v.otp_active, v.devices) for v in listed] == [
        ("alice", "customer", True, 1),
        ("bob", "staff", False, 0),
    ]
    assert listed[0].open_sessions == 2
    assert listed[0].recovery_codes_left == 10
    for secret in (alice.key, "argon2", *alice.recovery_codes):
        assert secret not in repr(listed)


@pytest.mark.parametrize("name", ["", "nobody", "\x00", "\ud800", "%", "x" * 100_000])
async def test_nobody_by_that_name(console: Console, name: str) -> None:
    """S29, S30: whatever name the operator types, a missing account is a sentence."""
    await console.customer()
    for door in (accounts.show, accounts.lock, accounts.unlock):
        assert isinstance(await attempt(door(console.ctx, name)), NotFoundError)
    got = await attempt(accounts.verify_contacts(console.ctx, name, email=True, phone=False))
    assert isinstance(got, NotFoundError)


async def test_a_new_phone_waits_beside_the_verified_one(console: Console) -> None:
    """S7, S19: a new number comes into force only once it is verified; until then letters and
    codes go to the old one."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    new = "+420603999888"
    await contacts.change_phone(console.ctx, HOME, token, new, PASSWORD, alice.code())
    view = await profile.read(console.ctx, token)
    assert (view.phone, view.new_phone, view.phone_verified) == ("+420603123456", new, True)
    await accounts.verify_contacts(console.ctx, "alice", email=False, phone=True)
    view = await profile.read(console.ctx, token)
    assert (view.phone, view.new_phone, view.phone_verified) == (new, "", True)


async def test_changing_the_phone_needs_the_password(console: Console) -> None:
    """S7: without OTP the phone cannot be changed from a live session alone either."""
    token = await console.sign_in(await console.customer())
    for password, error in (("", FieldError), ("not the password 1", WrongPasswordError)):
        got = await attempt(
            contacts.change_phone(console.ctx, HOME, token, "+420603999888", password, "")
        )
        assert isinstance(got, error)
    got = await attempt(contacts.change_phone(console.ctx, HOME, token, "+420", PASSWORD, ""))
    assert isinstance(got, FieldError)
    assert (await profile.read(console.ctx, token)).phone == "+420603123456"


async def test_the_same_phone_is_a_form_error(console: Console) -> None:
    """S8: the number one has already is refused beside the field; six times in a row costs no
    guess."""
    token = await console.sign_in(await console.customer())
    for _ in range(6):
        got = await attempt(
            contacts.change_phone(console.ctx, HOME, token, "+420 603 123 456", PASSWORD, "")
        )
        assert isinstance(got, FieldError)
        assert not isinstance(got, LimitedError)


async def test_letters_tell_of_changes(console: Console) -> None:
    """S16, S27: a change of factors writes a letter to every address, showing the key and using a
    recovery code one to the e-mail address; each goes to one, with no secret in it."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    ctx = console.ctx
    device = (await devices.overview(ctx, token)).devices[0].id
    await devices.show_key(ctx, HOME, token, device, PASSWORD, alice.code())
    code = alice.recovery_codes[0]
    await devices.disable(ctx, HOME, token, PASSWORD, code, recovery=True)
    letters = await console.rows(Letter)
    sent = sorted((row.template, row.channel, row.recipient) for row in letters)
    assert sent == [
        ("key.shown", "email", "alice@example.com"),
        ("otp.activated", "email", "alice@example.com"),
        ("otp.activated", "sms", "+420603123456"),
        ("otp.disabled", "email", "alice@example.com"),
        ("otp.disabled", "sms", "+420603123456"),
        ("recovery_code.used", "email", "alice@example.com"),
    ]
    for row in letters:
        assert alice.key not in str(row.facts)
        assert code not in str(row.facts)


async def test_a_refused_change_writes_no_letter(console: Console) -> None:
    """O1, S16: what was rolled back has no letter."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    before = len(await console.rows(Letter))
    await attempt(devices.disable(console.ctx, HOME, token, PASSWORD, alice.wrong_code()))
    await attempt(devices.show_key(console.ctx, HOME, token, "f" * 32, PASSWORD, alice.code()))
    assert len(await console.rows(Letter)) == before
