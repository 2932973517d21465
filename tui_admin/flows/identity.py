"""Full re-authentication: the account password and, with OTP on, a second factor, for one change.

What a live session alone may not do goes through here: switching off, showing a key, changing
factors or contacts (S7). The code is spent in the same transaction as the change, so that neither
happens without the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tui_admin.errors import ConflictError, ConsoleError, WrongPasswordError
from tui_admin.flows import factors, limits, sessions
from tui_admin.flows.answers import Token, Visitor
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.models import Account, Session
from tui_admin.security.passwords import check_typed


@dataclass(frozen=True, slots=True)
class Proof:
    """The person is proven; the change belongs into `tx`."""

    tx: Transaction
    session: Session
    account: Account
    device_id: str
    """The device whose code was taken; empty without one."""


@asynccontextmanager
async def proven(
    ctx: Context,
    visitor: Visitor,
    token: Token,
    password: str,
    code: str,
    *,
    recovery: bool = False,
) -> AsyncIterator[Proof]:
    """Check password and code, then run the block in the transaction that spends the code.

    `code` is asked for only when OTP is on; with `recovery` it is a recovery code.

    Raises:
        FieldError: a field is malformed (`password`, `code`); costs nothing.
        LimitedError: too many misses.
        WrongPasswordError, WrongCodeError, ReusedCodeError, WrongRecoveryCodeError,
        FactorBlockedError, ClockError: no.
        SessionEndedError: the session is over.
    """
    check_typed("password", password)
    async with ctx.write(visitor) as tx:
        _session, account = await sessions.authorise(ctx, tx, token)
        has_otp = bool(await factors.devices_of(tx.db, account.id))
        if has_otp:
            code = factors.parse_recovery_code(code) if recovery else factors.parse_code(code)
        stored = account.password_hash
        places = await take_places(ctx, tx, account, with_code=has_otp)
    account_id = account.id
    await check_password(ctx, visitor, account_id, password, stored, places)
    is_proven = False
    try:
        async with ctx.write(visitor) as tx:
            session, account = await sessions.authorise(ctx, tx, token)
            if account.password_hash != stored:
                raise ConflictError
            await limits.give_back(tx, places.password)
            device_id = await _accept(ctx, tx, account, code, places, recovery=recovery)
            is_proven = True
            yield Proof(tx, session, account, device_id)
    except ConsoleError:
        if is_proven:
            # The change was refused and all was rolled back, but the person was right.
            async with ctx.write(visitor) as tx:
                await give_back(tx, places)
        raise


async def _accept(
    ctx: Context, tx: Transaction, account: Account, code: str, places: Places, *, recovery: bool
) -> str:
    """Spend the second factor, where OTP is on; return the device's id for a device's code."""
    device_id = ""
    # Asked again: a device may have been confirmed while the hash was computed.
    if await factors.devices_of(tx.db, account.id):
        if places.code is None:
            raise ConflictError
        if recovery:
            await factors.accept_recovery_code(ctx, tx, account, code)
        else:
            device_id = (await factors.accept_code(ctx, tx, account, code)).id
    if places.code is not None:
        await limits.give_back(tx, places.code)
    return device_id


@dataclass(frozen=True, slots=True)
class Places:
    """The places that one proof takes in the limits' counts."""

    password: limits.Place
    code: limits.Place | None


async def take_places(
    ctx: Context, tx: Transaction, account: Account, *, with_code: bool
) -> Places:
    """Count one try on the password and, if asked, one on the code.

    Raises:
        LimitedError: (through `CommitAndRaiseError`) one of them has no place left.
    """
    password = await limits.take_place(ctx, tx, f"password:{account.id}", account.id)
    code = None
    if with_code:
        try:
            code = await limits.take_place(ctx, tx, f"code:{account.id}", account.id)
        except CommitAndRaiseError:
            await limits.give_back(tx, password)
            raise
    return Places(password, code)


async def give_back(tx: Transaction, places: Places) -> None:
    """Take both tries out of the counts."""
    await limits.give_back(tx, places.password)
    if places.code is not None:
        await limits.give_back(tx, places.code)


async def check_password(
    ctx: Context,
    visitor: Visitor,
    account_id: str,
    password: str,
    stored: str,
    places: Places,
) -> None:
    """Check a signed-in person's password outside of any transaction.

    Raises:
        WrongPasswordError: recorded; the code was not looked at and its place is given back.
    """
    try:
        await ctx.passwords.check(password, stored)
    except WrongPasswordError:
        async with ctx.write(visitor) as tx:
            if places.code is not None:
                await limits.give_back(tx, places.code)
            await limits.missed(tx, places.password)
            tx.record("identity.refused", account_id, why="password")
        raise
