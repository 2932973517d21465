"""Somebody copies the disk, or reads and writes the database, but has no key file.

MISP kept its OTP keys in the clear; whoever read the table had everybody's second factor. With
write access one can also try to put one's own sealed key into another's row.
"""

from __future__ import annotations

import io
import logging
from base64 import b32encode, b64encode

import pytest
from sqlalchemy import text

from tests.conftest import is_postgres
from tests.support.console import HOME, PASSWORD, Console, all_bytes, attempt, oath
from tests.support.recovery import Way
from tui_admin.flows import activation, devices, recovery_codes, sign_in
from tui_admin.models import Account, Device, PendingKey, RecoveryCode, Session
from tui_admin.security.sealed import SealError
from tui_admin.security.tokens import clean_recovery_code


def forms(raw: bytes) -> list[bytes]:
    """Return the ways in which a key may stand in a file."""
    spoken = b32encode(raw).decode()
    return [
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        spoken.encode(),
        spoken.lower().encode(),
        b64encode(raw).rstrip(b"="),
        " ".join(spoken[at : at + 4] for at in range(0, 32, 4)).encode(),
    ]


async def dump(console: Console) -> bytes:
    """Return all that the database keeps: on SQLite its files with the log, else all rows."""
    if not is_postgres():
        return all_bytes(console.settings.data_dir)
    kept = b""
    async with console.ctx.database.connect() as connection:
        names = await connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        for name in names.scalars().all():
            rows = await connection.execute(text(f'SELECT t::text FROM "{name}" t'))
            kept += "\n".join(rows.scalars()).encode()
    return kept


async def test_no_secret_is_readable(console: Console, caplog: pytest.LogCaptureFixture) -> None:
    """S5, S25: shared keys in force, pending, and removed, recovery codes, tokens, codes and the
    password are in no file, row or log line, in any spelling, while the console runs or after."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    caplog.set_level(logging.DEBUG)
    try:
        alice = await console.customer(otp=True)
        token = await console.sign_in(alice)
        code = alice.code()
        pending = await activation.begin_further(console.ctx, HOME, token, "Tablet", PASSWORD, code)
        bob = await console.customer("bob", otp=True)
        gone_keys = bob.key
        await devices.disable(console.ctx, HOME, await console.sign_in(bob), PASSWORD, bob.code())
        half = await console.half(alice)
        used = alice.code()
        await sign_in.code(console.ctx, HOME, half, used)
    finally:
        logging.getLogger().removeHandler(handler)
    from base64 import b32decode

    secrets: list[bytes] = [PASSWORD.encode(), token.value.encode(), half.value.encode()]
    for key in (alice.key, pending.key.replace(" ", ""), gone_keys):
        secrets += forms(b32decode(key))
    for shown in alice.recovery_codes:
        bare = clean_recovery_code(shown)
        assert bare is not None
        secrets += [shown.encode(), bare.encode(), bare.lower().encode()]
    secrets += [f'"{digits}"'.encode() for digits in (code, used)]
    logged = (stream.getvalue() + caplog.text).encode()
    for when in ("running", "closed"):
        if when == "closed":
            await console.reopen()
        kept = await dump(console) + logged
        assert b"alice" in kept  # the search does see what is stored
        assert [secret for secret in secrets if secret in kept] == []


@pytest.mark.usefixtures("easy_captcha")
async def test_no_secret_of_a_recovery_is_readable(console: Console) -> None:
    """S5, S12: link, stop link, mailed code, SMS code, the terminal's token and the CAPTCHA's
    answer are in no file or row, while the request is open and after."""
    way = await Way.begin(console, await console.customer(otp=True))
    mail = await way.mail()
    await way.to_the_code()
    captcha, answer = await way.captcha()
    secrets = [*mail.values(), mail["code"].replace("-", ""), way.wizard.value]
    secrets += [f'"{await way.sms()}"', f"{captcha}:{answer}"]
    for when in ("open", "finished"):
        if when == "finished":
            await way.finish(captcha=(captcha, answer))
            await console.reopen()
        kept = await dump(console)
        assert b"recovery.mail" in kept
        assert [secret for secret in secrets if secret.encode() in kept] == []


async def test_a_thief_of_the_database_computes_no_code(console: Console) -> None:
    """S5: the sealed key opens with no other key file."""
    await console.customer(otp=True)
    device = (await console.rows(Device))[0]
    from tui_admin.flows import factors
    from tui_admin.security.sealed import Keyring

    place = factors.key_place(device.account_id, device.id)
    assert len(console.ctx.keyring.open(device.sealed_key, place=place)) == 20
    with pytest.raises(SealError):
        Keyring.random().open(device.sealed_key, place=place)


async def test_swapped_keys_open_nothing(console: Console) -> None:
    """S5: a writer of the database who puts the sealed key of a device of his own into the
    owner's row, and the owner's into his, opens neither account, and shows neither key."""
    alice = await console.customer("alice", otp=True)
    mallory = await console.customer("mallory", otp=True)
    token = await console.sign_in(mallory)
    rows = {row.account_id: row for row in await console.rows(Device)}
    mine, theirs = rows[mallory.account_id], rows[alice.account_id]
    swap = "UPDATE device SET sealed_key = :key WHERE id = :id"
    await console.execute(swap, key=mine.sealed_key, id=theirs.id)
    await console.execute(swap, key=theirs.sealed_key, id=mine.id)
    half = await console.half(alice)
    for code in (mallory.code(), alice.code()):
        got = await attempt(sign_in.code(console.ctx, HOME, half, code))
        assert isinstance(got, SealError)
        got = await attempt(devices.show_key(console.ctx, HOME, token, mine.id, PASSWORD, code))
        assert isinstance(got, SealError)


async def test_a_moved_device_opens_nothing(console: Console) -> None:
    """S5: a device row given to another account, or a pending key made into a device by hand, is
    refused."""
    alice = await console.customer("alice", otp=True)
    mallory = await console.customer("mallory", otp=True)
    await console.execute("DELETE FROM device WHERE account_id = :id", id=alice.account_id)
    await console.execute("UPDATE device SET account_id = :id", id=alice.account_id)
    half = await console.half(alice)
    got = await attempt(sign_in.code(console.ctx, HOME, half, mallory.code()))
    assert isinstance(got, SealError)
    bob = await console.customer("bob")
    view = await activation.begin(console.ctx, HOME, await console.sign_in(bob))
    pending = (await console.rows(PendingKey))[0]
    await console.execute(
        "UPDATE device SET account_id = :a, sealed_key = :k, last_step = 0",
        a=bob.account_id,
        k=pending.sealed_key,
    )
    half = await console.half(bob)
    code = oath(view.key, console.clock.unix_s)
    assert isinstance(await attempt(sign_in.code(console.ctx, HOME, half, code)), SealError)


async def test_a_copied_recovery_hash_is_worthless(console: Console) -> None:
    """S5, S30: the keyed hash of one's own recovery code, copied into another's account, opens
    nothing there."""
    alice = await console.customer("alice", otp=True)
    mallory = await console.customer("mallory", otp=True)
    mine = next(r for r in await console.rows(RecoveryCode) if r.account_id == mallory.account_id)
    await console.execute(
        "UPDATE recovery_code SET code_mac = :mac WHERE account_id = :id",
        mac=mine.code_mac,
        id=alice.account_id,
    )
    half = await console.half(alice)
    for code in mallory.recovery_codes:
        console.clock.turn(60)
        half = await console.half(alice)
        got = await attempt(sign_in.recovery_code(console.ctx, HOME, half, code))
        assert type(got).__name__ in {"WrongRecoveryCodeError", "LimitedError"}


async def test_tokens_and_codes_are_stored_as_hashes(console: Console) -> None:
    """S5, S20: what the rows hold of tokens and recovery codes is a hash of 256 bits, and of the
    password an Argon2id hash."""
    alice = await console.customer(otp=True)
    token = await console.sign_in(alice)
    await recovery_codes.confirm(console.ctx, HOME, token, alice.recovery_codes[0])
    for row in await console.rows(Session):
        assert len(row.token_hash) == 64
    for row in await console.rows(RecoveryCode):
        assert len(row.code_mac.split(".")[1]) == 64
    for row in await console.rows(Account):
        assert row.password_hash.startswith("$argon2id$")
