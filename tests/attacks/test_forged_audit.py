"""Somebody covers the tracks: forges lines by what he types, or mends the log behind our back.

A newline in a username made a second line in many a log; an ESC made the operator's terminal show
another one.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from tests.support.console import HOME, PASSWORD, STRANGER, Console, attempt, oath
from tui_admin.flows import (
    accounts,
    activation,
    audit,
    contacts,
    devices,
    profile,
    recovery_codes,
    sessions,
    sign_in,
)
from tui_admin.flows.answers import Activated, ActivationFailed, Visitor
from tui_admin.security.sealed import Keyring

EVENTS = {
    "account.created",
    "account.locked",
    "account.unlocked",
    "activation.begun",
    "activation.failed",
    "code.refused",
    "device.added",
    "device.removed",
    "device.renamed",
    "email.verified",
    "identity.refused",
    "key.shown",
    "limit.refused",
    "otp.activated",
    "otp.disabled",
    "password.rehashed",
    "phone.changed",
    "phone.verified",
    "profile.saved",
    "recovery_code.used",
    "recovery_codes.confirmed",
    "recovery_codes.confirm_missed",
    "recovery_codes.renewed",
    "session.ended",
    "sign_in.accepted",
    "sign_in.password_accepted",
    "sign_in.refused",
}


async def live(console: Console) -> list[str]:
    """Do everything once that an account can do, and return every secret that came up."""
    ctx, clock = console.ctx, console.clock
    alice = await console.customer(verified=False)
    await accounts.verify_contacts(ctx, "alice", email=True, phone=True)
    token = await console.sign_in(alice)
    secrets = [token.value, PASSWORD]
    await profile.save(ctx, HOME, token, name="Alice", company="", language="en", timezone="UTC")
    view = await activation.begin(ctx, HOME, token)
    failed = await activation.confirm(ctx, HOME, token, PASSWORD, "000000")
    assert isinstance(failed, ActivationFailed)
    assert failed.fresh is not None
    key = failed.fresh.key.replace(" ", "")
    done = await activation.confirm(ctx, HOME, token, PASSWORD, oath(key, clock.unix_s))
    assert isinstance(done, Activated)
    alice.key, alice.recovery_codes, token = key, done.codes, done.session
    secrets += [view.key, view.key.replace(" ", ""), key, token.value, *done.codes]
    await attempt(recovery_codes.confirm(ctx, HOME, token, "0000000000"))
    await recovery_codes.confirm(ctx, HOME, token, done.codes[0])
    clock.turn(60)
    device = (await devices.overview(ctx, token)).devices[0].id
    await devices.rename(ctx, HOME, token, device, "Old phone")
    await attempt(devices.show_key(ctx, HOME, token, device, "not the password 1", "000000"))
    await devices.show_key(ctx, HOME, token, device, PASSWORD, alice.code())
    clock.turn(60)
    secrets.append(alice.code())
    view = await activation.begin_further(ctx, HOME, token, "New", PASSWORD, alice.code())
    done = await activation.confirm(ctx, HOME, token, PASSWORD, oath(view.key, clock.unix_s))
    assert isinstance(done, Activated)
    token = done.session
    clock.turn(60)
    token = await devices.remove(ctx, HOME, token, device, PASSWORD, oath(view.key, clock.unix_s))
    alice.key = view.key
    clock.turn(60)
    await contacts.change_phone(ctx, HOME, token, "+420603999888", PASSWORD, alice.code())
    clock.turn(60)
    fresh = await recovery_codes.renew(ctx, HOME, token, PASSWORD, alice.code())
    clock.turn(60)
    half = await console.half(alice)
    await attempt(sign_in.code(ctx, HOME, half, alice.wrong_code()))
    await sign_in.code(ctx, HOME, half, alice.code())
    half = await console.half(alice)
    await sign_in.recovery_code(ctx, HOME, half, fresh[0])
    await attempt(sign_in.password(ctx, STRANGER, "alice", "hunter2 but long"))
    for n in range(12):
        await attempt(sign_in.password(ctx, STRANGER, f"typed-a-secret-{n}", "hunter2 but long"))
    clock.turn(60)
    token = await devices.disable(ctx, HOME, token, PASSWORD, alice.code())
    await sessions.sign_out(ctx, HOME, token)
    await accounts.lock(ctx, "alice")
    await accounts.unlock(ctx, "alice")
    costlier = console.with_settings()
    from tui_admin.security.passwords import HashCost, Passwords

    costlier = replace(costlier, passwords=Passwords(HashCost(2, 8192, 1)))
    await sign_in.password(costlier, HOME, "alice", PASSWORD)
    costlier.passwords.close()
    secrets += [
        view.key,
        view.key.replace(" ", ""),
        *fresh,
        half.value,
        token.value,
        "hunter2",
        "typed-a-secret",
    ]
    return [*secrets, *(code.replace("-", "") for code in (*done.codes, *fresh))]


async def test_every_event_is_there_and_no_secret(console: Console) -> None:
    """S25: whatever can happen to an account leaves its event, in UTC, in one unbroken chain, and
    no row holds a password, key, code or token, nor the name that was typed at a failed sign-in."""
    secrets = await live(console)
    rows = await console.audit()
    assert {row.event for row in rows} == EVENTS
    assert all(row.at.utcoffset() is not None and not row.at.utcoffset() for row in rows)
    kept = "\n".join(str(row.model_dump()) for row in rows)
    assert "sign_in.refused" in kept
    assert [secret for secret in secrets if secret in kept] == []
    found = await audit.verify(console.ctx)
    assert found == audit.Verification(len(rows), None)


@pytest.mark.parametrize("evil", ["\n", "\r\n", "\x1b[2K", "\x9b1A", "\u2028", "\x00", "\u202e"])
async def test_nothing_that_is_typed_makes_a_line(console: Console, evil: str) -> None:
    """S25: newline, ESC, C1 and bidi bytes in a username, an address, a terminal's name or a
    device's name reach no row: each is one line without a control character."""
    alice = await console.customer(otp=True)
    visitor = Visitor(f"192.0.2.1{evil}sign_in.accepted", f"xterm{evil}")
    await attempt(sign_in.password(console.ctx, visitor, f"bob{evil}root", "some password"))
    token = await console.sign_in(alice, visitor)
    device = (await devices.overview(console.ctx, token)).devices[0].id
    await attempt(devices.rename(console.ctx, visitor, token, device, f"Phone{evil}2"))
    await attempt(devices.rename(console.ctx, visitor, token, device, f"Ph[/]one{evil}"))
    await console.execute("UPDATE device SET name = :n", n=f"x{evil}y".replace("\x00", "\x01"))
    await devices.disable(console.ctx, visitor, token, PASSWORD, alice.code())
    async with console.ctx.write(visitor) as tx:
        tx.record("test.event", name=f"x{evil}y")
    for row in await console.audit():
        for value in (row.event, row.address, row.details, *json.loads(row.details).values()):
            assert str(value).isprintable()
    assert (await audit.verify(console.ctx)).broken_at is None


CHANGES = [
    "UPDATE audit SET event = 'sign_in.accepted' WHERE seq = 3",
    "UPDATE audit SET details = '{}' WHERE seq = 3",
    "UPDATE audit SET address = '192.0.2.99' WHERE seq = 3",
    "UPDATE audit SET account_id = 'x' WHERE seq = 3",
    "UPDATE audit SET at = '2031-01-01 00:00:00.000000' WHERE seq = 3",
    "UPDATE audit SET previous = mac WHERE seq = 3",
    "UPDATE audit SET mac = previous WHERE seq = 3",
    "UPDATE audit SET mac = '' WHERE seq = 3",
    "UPDATE audit SET mac = 'nokey.00' WHERE seq = 3",
    "DELETE FROM audit WHERE seq = 3",
]


async def some_rows(console: Console) -> None:
    for n in range(5):
        await attempt(sign_in.password(console.ctx, STRANGER, f"nobody{n}", "some password"))
    assert (await audit.verify(console.ctx)).rows == 5


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_row_is_found(console: Console, change: str) -> None:
    """S25: a changed or missing row is found, and named."""
    await some_rows(console)
    await console.execute(change)
    assert (await audit.verify(console.ctx)).broken_at == 3


async def test_rows_that_change_places_are_found(console: Console) -> None:
    """S25: two rows that change places are found."""
    await some_rows(console)
    for old, new in ((3, 99), (4, 3), (99, 4)):
        await console.execute("UPDATE audit SET seq = :new WHERE seq = :old", new=new, old=old)
    assert (await audit.verify(console.ctx)).broken_at == 3


async def test_counting_down_hides_no_hole(console: Console) -> None:
    """S25: a deleted row is found although the later ones were counted down and tied together."""
    await some_rows(console)
    rows = await console.audit()
    await console.execute("DELETE FROM audit WHERE seq = 3")
    for seq in (4, 5):
        await console.execute("UPDATE audit SET seq = seq - 1 WHERE seq = :seq", seq=seq)
    await console.execute("UPDATE audit SET previous = :mac WHERE seq = 3", mac=rows[1].mac)
    assert (await audit.verify(console.ctx)).broken_at == 3


async def test_a_row_of_another_past_is_found(console: Console) -> None:
    """S25: the last rows are taken out, the console writes others in their place, and then one of
    the old ones, whole and with its own hash, is put back: found."""
    await some_rows(console)
    old = (await console.audit())[4]
    await console.execute("DELETE FROM audit WHERE seq > 3")
    for n in range(2):
        await attempt(sign_in.password(console.ctx, STRANGER, f"else{n}", "some password"))
    await console.execute(
        "UPDATE audit SET details = :details, previous = :previous, mac = :mac WHERE seq = 5",
        details=old.details,
        previous=old.previous,
        mac=old.mac,
    )
    assert (await audit.verify(console.ctx)).broken_at == 5


async def test_another_key_does_not_verify(console: Console) -> None:
    """S25: a chain made anew by somebody without the key file does not hold."""
    await some_rows(console)
    stranger = replace(console.ctx, keyring=Keyring.random())
    assert (await audit.verify(stranger)).broken_at == 1


async def test_rotation_does_not_break_the_chain(console: Console) -> None:
    """S25: after a rotation the old rows hold and new ones follow."""
    await some_rows(console)
    rotated = replace(console.ctx, keyring=console.ctx.keyring.rotated())
    await attempt(sign_in.password(rotated, STRANGER, "nobody", "some password"))
    found = await audit.verify(rotated)
    assert found.broken_at is None
    assert found.rows == 6


async def test_parallel_events_make_one_chain(console: Console) -> None:
    """S25: events of many terminals at once, over two processes, make one unbroken chain."""
    import asyncio

    other = await console.second_process()
    dice = random.Random(4)
    await asyncio.gather(
        *(
            attempt(
                sign_in.password(
                    dice.choice((console.ctx, other)), Visitor(f"192.0.2.{n}"), f"n{n}", "password"
                )
            )
            for n in range(30)
        )
    )
    assert await audit.verify(console.ctx) == audit.Verification(30, None)
