"""An installation under test, the people who use it, and the clock that tests turn.

    alice = await console.customer("alice", otp=True)
    session = await console.sign_in(alice)
    console.clock.turn(30)

Everything is real but two things: the clock is turned instead of waited for, and a hash costs
little. Codes come from `oathtool`, which shares no code with what it is compared to.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlmodel import SQLModel, select

from tui_admin.config import HashSettings, Settings
from tui_admin.errors import ConsoleError
from tui_admin.flows import accounts, activation, sign_in
from tui_admin.flows.answers import Activated, NeedsCode, Token, Visitor
from tui_admin.flows.context import Context
from tui_admin.models import Account, AuditRow
from tui_admin.security.passwords import HashCost, Passwords
from tui_admin.security.sealed import Keyring
from tui_admin.wiring import open_context

START = datetime(2030, 1, 15, 12, 0, 0, tzinfo=UTC)
"""When a test begins: the first second of a 30-second step."""

CHEAP_HASH = HashSettings(rounds=1, memory_kib=8 * 1024, lanes=1)
PASSWORD = "correct horse 7 staple"
HOME = Visitor("192.0.2.10", "xterm-256color")
"""Where the owner of an account sits."""
STRANGER = Visitor("198.51.100.66", "xterm")
"""Where somebody else sits."""


class TurnedClock:
    """A clock that stands until it is turned."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    @property
    def unix_s(self) -> int:
        return int(self._now.timestamp())

    def turn(self, seconds: float) -> None:
        """Go on by `seconds`; back when negative."""
        self._now += timedelta(seconds=seconds)

    def set(self, moment: datetime) -> None:
        self._now = moment


def oath(key: str, unix_s: float) -> str:
    """Return the code that the independent generator gives for a base32 key at a moment."""
    done = subprocess.run(
        ["oathtool", "--totp", "-b", key.replace(" ", ""), "--now", f"@{int(unix_s)}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def other_code(*right: str) -> str:
    """Return a well-formed code that is none of `right`."""
    return next(code for code in ("000000", "111111", "222222", "333333") if code not in right)


@dataclass
class Person:
    """Somebody with an account, and what they know and hold."""

    name: str
    email: str
    password: str
    account_id: str
    clock: TurnedClock
    key: str = ""
    """The shared key in base32, when OTP is on."""
    recovery_codes: tuple[str, ...] = ()

    def code(self, drift_s: int = 0) -> str:
        """Return what the authenticator shows, its clock `drift_s` ahead."""
        return oath(self.key, self.clock.unix_s + drift_s)

    def wrong_code(self) -> str:
        """Return a code that no step of the next or last five minutes has."""
        return other_code(*(self.code(step * 30) for step in range(-10, 11)))


class CountingPasswords(Passwords):
    """The hasher, noting what it is asked for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.checks = 0
        self.asked = asyncio.Event()
        self.compared_to: list[str | None] = []

    async def check(self, password: str, stored: str | None) -> str | None:
        self.checks += 1
        self.asked.set()
        self.compared_to.append(stored)
        return await super().check(password, stored)


@dataclass
class Console:
    """One installation: its context, and ways to what tests look at."""

    ctx: Context
    clock: TurnedClock
    settings: Settings
    others: list[Context] = field(default_factory=list)

    async def customer(
        self,
        name: str = "alice",
        *,
        otp: bool = False,
        role: str = "customer",
        visitor: Visitor = HOME,
        password: str = PASSWORD,
        verified: bool = True,
        phone: str = "+420603123456",
    ) -> Person:
        """Make an account and, with `otp`, activate OTP the way a person does.

        Afterwards the clock stands three steps later, so that no code is spent.
        """
        view = await accounts.create(
            self.ctx,
            username=name,
            email=f"{name}@example.com",
            password=password,
            phone=phone,
            verified=verified,
            role=role,
        )
        person = Person(view.username, view.email, password, view.id, self.clock)
        if otp:
            await self.activate(person, await self.sign_in(person, visitor), visitor)
        return person

    async def activate(self, person: Person, token: Token, visitor: Visitor = HOME) -> Token:
        """Set OTP up and return the rotated session."""
        view = await activation.begin(self.ctx, visitor, token)
        code = oath(view.key, self.clock.unix_s)
        done = await activation.confirm(self.ctx, visitor, token, person.password, code)
        assert isinstance(done, Activated)
        person.key, person.recovery_codes = view.key.replace(" ", ""), done.codes
        self.clock.turn(90)
        return done.session

    async def sign_in(self, person: Person, visitor: Visitor = HOME) -> Token:
        """Sign a person in, with a code when OTP is on, and go three steps on then."""
        step = await sign_in.password(self.ctx, visitor, person.name, person.password)
        if isinstance(step, NeedsCode):
            step = await sign_in.code(self.ctx, visitor, step.half, person.code())
            self.clock.turn(90)
        return step.session

    async def half(self, person: Person, visitor: Visitor = HOME) -> Token:
        """Sign a person in half: the password is accepted, the code is still asked for."""
        step = await sign_in.password(self.ctx, visitor, person.name, person.password)
        assert isinstance(step, NeedsCode)
        return step.half

    async def reopen(self) -> None:
        """Restart: close everything and open it again from what is on the disk."""
        await self.ctx.close()
        self.ctx = await open_context(self.settings, self.clock)

    async def second_process(self) -> Context:
        """Open the same installation once more, beside the running one."""
        other = await open_context(self.settings, self.clock)
        self.others.append(other)
        return other

    def with_settings(self, **groups: dict[str, Any]) -> Context:
        """Return the context with other settings: `with_settings(otp={"ahead_steps": 1})`."""
        changed = {
            name: getattr(self.settings, name).model_copy(update=values)
            for name, values in groups.items()
        }
        return replace(self.ctx, settings=self.settings.model_copy(update=changed))

    def counting(self) -> tuple[Context, CountingPasswords]:
        """Return the context with a hasher that counts."""
        passwords = CountingPasswords(
            cost=_cost(self.settings.hashing), workers=self.settings.hashing.workers
        )
        ctx = replace(self.ctx, passwords=passwords)
        return ctx, passwords

    def counting_keys(self) -> tuple[Context, dict[str, int]]:
        """Return the context with a keyring that counts how often each sealed value is opened."""
        counts: dict[str, int] = {}

        class CountingKeyring(Keyring):
            def open(self, envelope: str, *, place: str) -> bytes:
                counts[envelope] = counts.get(envelope, 0) + 1
                return super().open(envelope, place=place)

        return replace(self.ctx, keyring=CountingKeyring(self.ctx.keyring.keys)), counts

    async def account(self, person: Person) -> Account:
        async with self.ctx.database.read() as db:
            found = await db.get(Account, person.account_id)
            assert found is not None
            return found

    async def rows(self, table: type[SQLModel]) -> list[Any]:
        """Return all rows of a table, as the database holds them."""
        async with self.ctx.database.read() as db:
            return list(await db.exec(select(table)))

    async def execute(self, statement: str, **values: Any) -> None:
        """Change the database behind the program's back."""
        async with self.ctx.database.write() as db:
            connection = await db.connection()
            await connection.execute(text(statement), values)

    async def audit(self) -> list[AuditRow]:
        return sorted(await self.rows(AuditRow), key=lambda row: row.seq)

    async def events(self) -> list[str]:
        return [row.event for row in await self.audit()]

    async def close(self) -> None:
        for ctx in (self.ctx, *self.others):
            await ctx.close()


def _cost(hashing: HashSettings) -> HashCost:
    return HashCost(hashing.rounds, hashing.memory_kib, hashing.lanes)


async def outcomes(calls: Iterable[Awaitable[object]]) -> list[object]:
    """Run all calls at the same time and return their answers and errors.

    Raises: whatever is no error of the console's own family.
    """
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ConsoleError):
            raise result
    return list(results)


def kinds(results: Iterable[object]) -> dict[str, int]:
    """Count results by the name of their type."""
    counts: dict[str, int] = {}
    for result in results:
        counts[type(result).__name__] = counts.get(type(result).__name__, 0) + 1
    return counts


async def attempt(call: Awaitable[object]) -> object:
    """Return what a call answers, or the error of the family that it raises."""
    try:
        return await call
    except ConsoleError as error:
        return error


@asynccontextmanager
async def opened(settings: Settings, clock: TurnedClock | None = None) -> AsyncIterator[Console]:
    """Open an installation and close it at the end, whatever was reopened in between."""
    clock = clock or TurnedClock()
    console = Console(await open_context(settings, clock), clock, settings)
    try:
        yield console
    finally:
        await console.close()


def all_bytes(folder: Path) -> bytes:
    """Return every byte of every file in a folder: what a thief of the disk reads."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
