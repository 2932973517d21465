"""Sign-in: the password, then with OTP on a code from a device or a recovery code.

Between the two stands a half-done sign-in in the database. It can do nothing but take the code,
and an account that is unknown, wrong, locked or limited gives nothing away on the first step.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import bindparam, delete, update
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.errors import (
    FieldError,
    SignInExpiredError,
    WrongCredentialsError,
    WrongPasswordError,
)
from tui_admin.flows import deactivation, factors, limits, sessions
from tui_admin.flows.answers import NeedsCode, SignedIn, Token, Visitor
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.i18n import _
from tui_admin.models import Account, HalfSignIn
from tui_admin.security.passwords import check_typed
from tui_admin.security.text import MAX_TYPED, canonical_identifier
from tui_admin.security.tokens import new_token, token_hash


async def password(
    ctx: Context, visitor: Visitor, identifier: str, password: str
) -> NeedsCode | SignedIn:
    """Judge username (or e-mail address) and password.

    Raises:
        FieldError: a field is empty or overlong; costs nothing.
        LimitedError: too many misses; nothing was hashed.
        WrongCredentialsError: unknown, wrong or locked, after the same work.
    """
    if len(identifier) > MAX_TYPED:
        raise FieldError("username", _("At most {n} characters, please.").format(n=MAX_TYPED))
    name = canonical_identifier(identifier)
    if not name:
        raise FieldError("username", _("Please type your username or e-mail address."))
    check_typed("password", password)
    async with ctx.write(visitor) as tx:
        account = await find_account(tx.db, name)
        account_id = account.id if account else ""
        # A locked account is checked against nothing, as an unknown one: with its own hash, one of
        # an older cost would take another time, and a right password a second hash.
        is_open = account is not None and account.locked_at is None
        stored = account.password_hash if account is not None and is_open else None
        subject = account_id or ctx.keyring.mac("unknown-name", name)[-32:]
        place = await limits.take_place(ctx, tx, f"password:{subject}", account_id)
    is_right, fresh_hash = False, None
    with suppress(WrongPasswordError):
        fresh_hash = await ctx.passwords.check(password, stored)
        is_right = True
    async with ctx.write(visitor) as tx:
        account = await tx.hold(account_id)
        # Read again: locked, or given another password, while the hash was computed.
        if (
            not is_right
            or account is None
            or account.locked_at is not None
            or account.password_hash != stored
        ):
            await limits.missed(tx, place)
            raise _refusal(tx, account_id, subject)
        await limits.give_back(tx, place)
        if fresh_hash is not None:
            account.password_hash = fresh_hash
            tx.record("password.rehashed", account_id)
        if await factors.has_device(tx.db, account_id):
            tx.record("sign_in.password_accepted", account_id)
            return await _begin_half(ctx, tx, account)
        tx.record("sign_in.accepted", account_id, factor="password")
        return sessions.start(tx, account)


async def code(ctx: Context, visitor: Visitor, half: Token, typed: str) -> SignedIn:
    """Finish a half-done sign-in with a code from a device.

    Raises:
        FieldError: not six digits; costs nothing.
        SignInExpiredError: it took too long, is finished, or the account was locked.
        LimitedError, WrongCodeError, ReusedCodeError, FactorBlockedError, ClockError: no.
    """
    digits = factors.parse_code(typed)
    async with ctx.write(visitor) as tx:
        row, account = await half_account(ctx, tx, half)
        place = await limits.take_place(ctx, tx, f"code:{account.id}", account.id)
        device = await factors.accept_code(ctx, tx, account, digits)
        await limits.give_back(tx, place)
        await _finish(tx, row)
        await deactivation.void(tx, account.id)
        tx.record("sign_in.accepted", account.id, factor="code", device=device.id)
        return sessions.start(tx, account)


async def recovery_code(ctx: Context, visitor: Visitor, half: Token, typed: str) -> SignedIn:
    """Finish a half-done sign-in with a recovery code; it is spent by this.

    Raises:
        FieldError: not a recovery code; costs nothing.
        SignInExpiredError: it took too long, is finished, or the account was locked.
        LimitedError, WrongRecoveryCodeError: no.
    """
    recovery = factors.parse_recovery_code(typed)
    async with ctx.write(visitor) as tx:
        row, account = await half_account(ctx, tx, half)
        place = await limits.take_place(ctx, tx, f"code:{account.id}", account.id)
        await factors.accept_recovery_code(ctx, tx, account, recovery)
        await limits.give_back(tx, place)
        await _finish(tx, row)
        await deactivation.void(tx, account.id)
        tx.record("sign_in.accepted", account.id, factor="recovery_code")
        left = await factors.recovery_codes_left(tx.db, account.id)
        return replace(sessions.start(tx, account), recovery_codes_left=left)


async def cancel(ctx: Context, visitor: Visitor, half: Token) -> None:
    """Give up a half-done sign-in, so that its token is worth nothing from then on."""
    async with ctx.write(visitor) as tx:
        await tx.db.exec(
            update(HalfSignIn)
            .where(
                col(HalfSignIn.token_hash) == token_hash(half.value),
                col(HalfSignIn.used_at).is_(None),
            )
            .values(used_at=tx.now)
        )


async def void_halves(tx: Transaction, account_id: str) -> None:
    """End every half-done sign-in of an account; after a change of factors they prove nothing.

    With them goes what was begun behind such a password: the deactivation request.
    """
    await deactivation.void(tx, account_id, "replaced")
    await tx.db.exec(
        update(HalfSignIn)
        .where(col(HalfSignIn.account_id) == account_id, col(HalfSignIn.used_at).is_(None))
        .values(used_at=tx.now)
    )


_BY_NAME = select(Account).where(
    or_(col(Account.username) == bindparam("name"), col(Account.email) == bindparam("name"))
)


async def find_account(db: AsyncSession, name: str) -> Account | None:
    """Find an account by username; only where none has that name, by e-mail address.

    A username may look like somebody else's address, so the two are never mixed in one answer.
    """
    accounts = await db.exec(_BY_NAME, params={"name": name})
    found = {account.username == name: account for account in accounts}
    return found.get(True) or found.get(False)


def _refusal(tx: Transaction, account_id: str, subject: str) -> CommitAndRaiseError:
    # The typed name is not recorded: people type passwords into the wrong field.
    tx.record("sign_in.refused", account_id, subject=subject)
    return CommitAndRaiseError(WrongCredentialsError())


async def _begin_half(ctx: Context, tx: Transaction, account: Account) -> NeedsCode:
    token = new_token()
    # Nothing else takes them away, and a right password may be typed any number of times.
    stale = tx.now - timedelta(days=1)
    await tx.db.exec(
        delete(HalfSignIn).where(
            col(HalfSignIn.account_id) == account.id, col(HalfSignIn.created_at) < stale
        )
    )
    tx.db.add(
        HalfSignIn(
            account_id=account.id,
            token_hash=token_hash(token),
            address=tx.visitor.address,
            created_at=tx.now,
        )
    )
    is_recovering = await deactivation.find_open(tx.db, account.id, tx.now) is not None
    return NeedsCode(Token(token), ctx.settings.sessions.half_done_s, is_recovering)


async def half_account(ctx: Context, tx: Transaction, token: Token) -> tuple[HalfSignIn, Account]:
    """Return a half-done sign-in and its account, held until the commit.

    Raises:
        SignInExpiredError: unknown, finished, too old, or the account is locked.
    """
    mine = HalfSignIn.token_hash == token_hash(token.value)
    account_id = (await tx.db.exec(select(HalfSignIn.account_id).where(mine))).first()
    if account_id is None:
        raise SignInExpiredError
    await tx.hold(account_id)
    query = (
        select(HalfSignIn, Account)
        .join(Account, col(Account.id) == col(HalfSignIn.account_id))
        .where(mine, col(HalfSignIn.used_at).is_(None))
    )
    found = (await tx.db.exec(query)).first()
    if found is None:
        raise SignInExpiredError
    row, account = found
    age = abs(tx.now - row.created_at)  # a clock set back must not prolong it
    if age >= timedelta(seconds=ctx.settings.sessions.half_done_s) or account.locked_at is not None:
        raise SignInExpiredError
    return row, account


async def _finish(tx: Transaction, row: HalfSignIn) -> None:
    statement = (
        update(HalfSignIn)
        .where(col(HalfSignIn.id) == row.id, col(HalfSignIn.used_at).is_(None))
        .values(used_at=tx.now)
        .returning(col(HalfSignIn.id))
    )
    if (await tx.db.exec(statement)).first() is None:
        raise SignInExpiredError
