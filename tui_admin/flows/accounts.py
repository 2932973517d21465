"""Accounts as the operator of the installation handles them, from the command line.

Whoever runs these commands holds the database and the key file, so no session is asked for; every
change is recorded.
"""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.errors import ConflictError, FieldError, NotFoundError
from tui_admin.flows import contacts, factors, sessions, sign_in
from tui_admin.flows.answers import AccountView, Visitor
from tui_admin.flows.context import Context, Transaction
from tui_admin.i18n import _
from tui_admin.models import Account, Device
from tui_admin.security.passwords import check_new
from tui_admin.security.text import (
    canonical_email,
    canonical_identifier,
    canonical_phone,
    canonical_username,
    safe,
)

ROLES = ("customer", "staff")
OPERATOR = Visitor("local", "operator")


class AccountExistsError(ConflictError):
    """The username or the e-mail address is taken."""

    code = "account_exists"

    @property
    def sentence(self) -> str:
        return _("There is an account with this username or e-mail address already.")


def check_names(username: str, email: str, phone: str) -> None:
    """Look at what is typed before a password is asked for.

    Raises:
        FieldError: a field is not acceptable.
    """
    canonical_username(username)
    canonical_email(email)
    if phone:
        canonical_phone(phone)


async def create(
    ctx: Context,
    *,
    username: str,
    email: str,
    password: str,
    phone: str = "",
    verified: bool = False,
    role: str = "customer",
) -> AccountView:
    """Make an account; with `verified`, its contacts count as verified.

    Raises:
        FieldError: a field is not acceptable.
        AccountExistsError: the name or address is taken, as name or as address.
    """
    username = canonical_username(username)
    email = canonical_email(email)
    phone = canonical_phone(phone) if phone else ""
    if role not in ROLES:
        raise FieldError("role", _("The role is customer or staff."))
    check_new("password", password, about=(username, email, ctx.settings.brand))
    password_hash = await ctx.passwords.hash(password)
    try:
        async with ctx.write(OPERATOR) as tx:
            # A name that is another's address is no constraint's business, so one at a time.
            await ctx.database.lock(tx.db, "accounts")
            names = (username, email)
            taken = select(Account.id).where(
                or_(col(Account.username).in_(names), col(Account.email).in_(names))
            )
            if (await tx.db.exec(taken)).first() is not None:
                raise AccountExistsError
            account = Account(
                username=username,
                email=email,
                email_verified_at=tx.now if verified else None,
                phone=phone,
                phone_verified_at=tx.now if verified and phone else None,
                password_hash=password_hash,
                role=role,
                created_at=tx.now,
            )
            tx.db.add(account)
            await tx.db.flush()
            tx.record("account.created", account.id, role=role, verified=verified)
            return await _view(ctx, tx.db, account)
    except IntegrityError:
        # Two at once: the constraint is what decides.
        raise AccountExistsError from None


async def listing(ctx: Context) -> list[AccountView]:
    """Return all accounts, by username."""
    async with ctx.database.read() as db:
        accounts = await db.exec(select(Account).order_by(col(Account.username)))
        return [await _view(ctx, db, account) for account in accounts.all()]


async def show(ctx: Context, name: str) -> AccountView:
    """Return one account by username or e-mail address.

    Raises:
        NotFoundError: there is none.
    """
    async with ctx.database.read() as db:
        return await _view(ctx, db, await _by_name(db, name))


async def lock(ctx: Context, name: str) -> AccountView:
    """Refuse every sign-in and end every session of an account."""
    async with ctx.write(OPERATOR) as tx:
        account = await _hold(tx, name)
        if account.locked_at is None:
            account.locked_at = tx.now
            ended = await sessions.end_all(tx, account.id, sessions.LOCKED)
            await sign_in.void_halves(tx, account.id)
            tx.record("account.locked", account.id, sessions_ended=ended)
        return await _view(ctx, tx.db, account)


async def unlock(ctx: Context, name: str) -> AccountView:
    """Let an account sign in again, and have its codes looked at again."""
    async with ctx.write(OPERATOR) as tx:
        account = await _hold(tx, name)
        account.locked_at = None
        account.code_misses = 0
        tx.record("account.unlocked", account.id)
        return await _view(ctx, tx.db, account)


async def verify_contacts(ctx: Context, name: str, *, email: bool, phone: bool) -> AccountView:
    """Count the e-mail address or the phone as verified; a waiting number comes into force.

    Raises:
        FieldError: there is no number to verify.
    """
    async with ctx.write(OPERATOR) as tx:
        account = await _hold(tx, name)
        if email:
            account.email_verified_at = tx.now
            tx.record("email.verified", account.id)
        if phone:
            if not (account.new_phone or account.phone):
                raise FieldError("phone", _("The account has no phone number."))
            if account.new_phone:
                contacts.replace_phone(tx, account, account.new_phone)
            account.phone_verified_at = tx.now
            tx.record("phone.verified", account.id)
            await tx.tell_everywhere(account, "phone.verified")
        return await _view(ctx, tx.db, account)


async def _by_name(db: AsyncSession, name: str) -> Account:
    account = await sign_in.find_account(db, canonical_identifier(name))
    if account is None:
        raise NotFoundError
    return account


async def _hold(tx: Transaction, name: str) -> Account:
    """Return the account, held against changes until the transaction ends."""
    held = await tx.hold((await _by_name(tx.db, name)).id)
    if held is None:
        raise NotFoundError
    return held


async def _view(ctx: Context, db: AsyncSession, account: Account) -> AccountView:
    count = select(func.count()).where(Device.account_id == account.id)
    devices = (await db.exec(count)).one()
    return AccountView(
        id=account.id,
        username=safe(account.username),
        email=safe(account.email, 320),
        email_verified=account.email_verified_at is not None,
        phone=safe(account.phone),
        phone_verified=account.phone_verified_at is not None,
        new_phone=safe(account.new_phone),
        role=account.role,
        created_at=account.created_at,
        locked_at=account.locked_at,
        otp_active=devices > 0,
        otp_blocked=account.code_misses >= ctx.settings.limits.consecutive,
        devices=devices,
        recovery_codes_left=await factors.recovery_codes_left(db, account.id),
        open_sessions=len(await sessions.open_sessions(ctx, db, account.id)),
    )
