"""Something breaks half-way, and the way it breaks lets somebody in.

In soft-serve a failed database made a visitor anonymous instead of nobody; in authentik an address
that could not be parsed skipped the policy (CVE-2024-47070). Here every part is broken once, at
each door, and what counts is who is inside afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.conftest import is_postgres, postgres_server
from tests.support.console import (
    HOME,
    PASSWORD,
    STRANGER,
    Console,
    Person,
    TurnedClock,
    attempt,
)
from tui_admin.database import StorageError
from tui_admin.errors import LimitedError, UnavailableError, WrongCredentialsError
from tui_admin.flows import (
    accounts,
    activation,
    devices,
    lost_device,
    profile,
    recovery_codes,
    sessions,
    sign_in,
)
from tui_admin.flows.answers import SignedIn, Token
from tui_admin.flows.context import Context
from tui_admin.models import Session
from tui_admin.security.passwords import Passwords
from tui_admin.security.sealed import Keyring

Door = Callable[[Context, Person, Token, Token], Awaitable[object]]

DOORS: dict[str, Door] = {
    "password": lambda c, p, h, s: sign_in.password(c, HOME, p.name, PASSWORD),
    "code": lambda c, p, h, s: sign_in.code(c, HOME, h, p.code()),
    "recovery code": lambda c, p, h, s: sign_in.recovery_code(c, HOME, h, p.recovery_codes[1]),
    "check": lambda c, p, h, s: sessions.check(c, HOME, s),
    "overview": lambda c, p, h, s: devices.overview(c, s),
    "profile": lambda c, p, h, s: profile.read(c, s),
    "disable": lambda c, p, h, s: devices.disable(c, HOME, s, PASSWORD, p.code()),
    "renew": lambda c, p, h, s: recovery_codes.renew(c, HOME, s, PASSWORD, p.code()),
    "begin": lambda c, p, h, s: activation.begin(c, HOME, s),
    "further": lambda c, p, h, s: activation.begin_further(c, HOME, s, "x", PASSWORD, p.code()),
    "unlock": lambda c, p, h, s: accounts.unlock(c, p.name),
    "lost device": lambda c, p, h, s: lost_device.begin(c, HOME, h),
    "look": lambda c, p, h, s: lost_device.look(c, s),
    "link": lambda c, p, h, s: lost_device.open_link(c, "0" * 26),
    "sms": lambda c, p, h, s: lost_device.send_sms(c, HOME, s),
    "finish": lambda c, p, h, s: lost_device.finish(c, HOME, s, "123456", "0" * 32, "x"),
    "stop": lambda c, p, h, s: lost_device.stop(c, HOME, s),
}


@pytest.mark.parametrize("door", DOORS)
async def test_without_a_database_nobody_is_anybody(console: Console, door: str) -> None:
    """S29: when the database is gone, every door says that it is not available, and opens
    nothing."""
    alice = await console.customer(otp=True)
    session, half = await console.sign_in(alice), await console.half(alice)
    await take_database_away(console)
    got = await attempt(DOORS[door](console.ctx, alice, half, session))
    assert isinstance(got, StorageError)
    assert "not available" in got.sentence


async def take_database_away(console: Console) -> None:
    database = console.ctx.database
    if is_postgres():
        url = make_url(console.settings.url)
        with postgres_server() as server:
            server.execute(f'DROP DATABASE "{url.database}" WITH (FORCE)')
        return
    await database.close()
    path = database.path
    assert path is not None
    for file in path.parent.glob(path.name + "*"):
        file.rename(file.with_name("moved-" + file.name))
    path.mkdir()


class UnforeseenError(RuntimeError):
    """Something that nobody thought of."""


class BrokenClock(TurnedClock):
    def now(self) -> datetime:
        raise UnforeseenError


class BrokenPasswords(Passwords):
    async def check(self, password: str, stored: str | None) -> str | None:
        raise UnforeseenError


class BrokenKeyring(Keyring):
    def open(self, envelope: str, *, place: str) -> bytes:
        raise UnforeseenError

    def mac(self, *args: Any, **kwargs: Any) -> str:
        raise UnforeseenError

    def macs(self, *args: Any, **kwargs: Any) -> list[str]:
        raise UnforeseenError


@pytest.mark.parametrize("part", ["clock", "passwords", "keyring"])
@pytest.mark.parametrize("door", ["password", "code", "recovery code", "disable", "renew"])
async def test_a_part_that_raises_opens_nothing(console: Console, part: str, door: str) -> None:
    """S29: when the clock, the hasher or the keys raise something unforeseen in the middle of a
    decision, no session begins, OTP stays on, and what was spent is not spent."""
    alice = await console.customer(otp=True)
    session, half = await console.sign_in(alice), await console.half(alice)
    before = [row.model_dump() for row in await console.rows(Session)]
    broken: Any = {
        "clock": BrokenClock(),
        "passwords": BrokenPasswords(workers=1),
        "keyring": BrokenKeyring(console.ctx.keyring.keys),
    }
    ctx = replace(console.ctx, **{part: broken[part]})
    needed = not (part == "passwords" and door in {"code", "recovery code"})
    if needed:
        with pytest.raises((UnforeseenError, UnavailableError)):
            await DOORS[door](ctx, alice, half, session)
        after = [row.model_dump() for row in await console.rows(Session)]
        assert [r["token_hash"] for r in after] == [r["token_hash"] for r in before]
        assert (await devices.overview(console.ctx, session)).otp_active
        done = await sign_in.code(console.ctx, HOME, half, alice.code())
        assert isinstance(done, SignedIn)
    broken["passwords"].close()


async def test_a_damaged_key_opens_nothing(console: Console) -> None:
    """S29: a sealed key that was cut, emptied or exchanged is refused with a sentence, and a
    recovery code still opens."""
    alice = await console.customer(otp=True)
    half = await console.half(alice)
    for damaged in ("", "1..", "1.a.b", "2.x.y.z", "1.\u00e9.AAAA", "x" * 300):
        await console.execute("UPDATE device SET sealed_key = :k", k=damaged)
        got = await attempt(sign_in.code(console.ctx, HOME, half, alice.code()))
        assert isinstance(got, UnavailableError)
        assert "key cannot be read" in got.sentence
    done = await sign_in.recovery_code(console.ctx, HOME, half, alice.recovery_codes[0])
    assert isinstance(done, SignedIn)


async def test_a_terminal_that_hangs_up_holds_nothing(console: Console) -> None:
    """S29, S9: whoever hangs up in the middle of a step, at whatever moment, leaves no session,
    no free guess, and no lock behind that others would wait for."""
    await console.customer()
    for delay_ms in range(45):
        task = asyncio.create_task(sign_in.password(console.ctx, HOME, "alice", PASSWORD))
        await asyncio.sleep(delay_ms / 1000)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        # A lock that was left behind would be waited for, and then be an error of the database.
        got = await attempt(sign_in.password(console.ctx, STRANGER, "nobody", PASSWORD))
        assert isinstance(got, WrongCredentialsError)
        console.clock.turn(3600)
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", PASSWORD), SignedIn)


async def test_a_guess_that_hangs_up_was_a_guess(console: Console) -> None:
    """S8, S9: hanging up before the answer gives no guess back."""
    await console.customer()
    ctx, passwords = console.counting()
    for _ in range(5):
        task = asyncio.create_task(sign_in.password(ctx, STRANGER, "alice", "not the password 1"))
        await passwords.asked.wait()
        passwords.asked.clear()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    got = await attempt(sign_in.password(ctx, STRANGER, "alice", PASSWORD))
    assert isinstance(got, LimitedError)
    passwords.close()
