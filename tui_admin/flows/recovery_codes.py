"""Recovery codes: ten at activation, shown once, one typed back; stored only as keyed hashes."""

from __future__ import annotations

from sqlalchemy import delete
from sqlmodel import col, select

from tui_admin.errors import RejectedError, WrongRecoveryCodeError
from tui_admin.flows import factors, limits, sessions
from tui_admin.flows.answers import Token, Visitor
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.flows.identity import proven
from tui_admin.models import Account, RecoveryCode
from tui_admin.security.tokens import clean_recovery_code, new_recovery_code

COUNT = 10


async def confirm(ctx: Context, visitor: Visitor, token: Token, typed: str) -> None:
    """Note that the person has kept the codes: one of them, typed back. Spends nothing.

    Raises:
        FieldError: not a recovery code.
        LimitedError: too many misses; a session must not be a place to guess codes at.
        WrongRecoveryCodeError: not one of this account's unspent codes.
    """
    code = factors.parse_recovery_code(typed)
    async with ctx.write(visitor) as tx:
        _session, account = await sessions.authorise(ctx, tx, token)
        subject = f"recovery-confirm:{account.id}"
        place = await limits.take_place(ctx, tx, subject, account.id)
        message = factors.recovery_message(account.id, code)
        query = select(RecoveryCode.id).where(
            RecoveryCode.account_id == account.id,
            col(RecoveryCode.code_mac).in_(ctx.keyring.macs(factors.RECOVERY_PURPOSE, message)),
            col(RecoveryCode.used_at).is_(None),
        )
        if (await tx.db.exec(query)).first() is None:
            tx.record("recovery_codes.confirm_missed", account.id)
            raise CommitAndRaiseError(WrongRecoveryCodeError())
        await limits.give_back(tx, place)
        account.recovery_codes_confirmed_at = tx.now
        tx.record("recovery_codes.confirmed", account.id)


async def renew(
    ctx: Context, visitor: Visitor, token: Token, password: str, code: str
) -> tuple[str, ...]:
    """Throw the old codes away and return ten new ones, the only time they are shown.

    Raises: what `identity.proven` raises, and
        RejectedError: OTP is off.
    """
    async with proven(ctx, visitor, token, password, code) as proof:
        if not proof.device_id:
            raise RejectedError
        codes = await hand_out(ctx, proof.tx, proof.account)
        proof.tx.record("recovery_codes.renewed", proof.account.id)
        await proof.tx.tell_everywhere(proof.account, "recovery_codes.renewed")
        return codes


async def hand_out(ctx: Context, tx: Transaction, account: Account) -> tuple[str, ...]:
    """Replace the account's codes by ten new ones and return them as people see them."""
    await remove_all(tx, account)
    codes = tuple(new_recovery_code() for _ in range(COUNT))
    for shown in codes:
        code = clean_recovery_code(shown)
        assert code is not None  # noqa: S101 (the alphabet is our own)
        message = factors.recovery_message(account.id, code)
        tx.db.add(
            RecoveryCode(
                account_id=account.id,
                code_mac=ctx.keyring.mac(factors.RECOVERY_PURPOSE, message),
                created_at=tx.now,
            )
        )
    return codes


async def remove_all(tx: Transaction, account: Account) -> None:
    """Delete the account's codes, spent and unspent."""
    await tx.db.exec(delete(RecoveryCode).where(col(RecoveryCode.account_id) == account.id))
    account.recovery_codes_confirmed_at = None
