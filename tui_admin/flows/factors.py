"""Accepting a second factor: a code from a device, or a recovery code. Each counts once.

Both work inside the caller's transaction and raise when the answer is no, so that no caller can
forget to look at it. The limits have counted the try before.
"""

from __future__ import annotations

from sqlalchemy import bindparam, exists, update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.errors import (
    ClockError,
    ConsoleError,
    FactorBlockedError,
    FieldError,
    ReusedCodeError,
    WrongCodeError,
    WrongRecoveryCodeError,
)
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.i18n import _
from tui_admin.models import Account, Device, RecoveryCode
from tui_admin.security import otp, tokens

RECOVERY_PURPOSE = "recovery-code"
_CLOCK_SLACK_STEPS = 2
_HAS_DEVICE = select(exists().where(col(Device.account_id) == bindparam("account_id")))


def key_place(account_id: str, device_id: str) -> str:
    """Return the associated data that ties a sealed key to its row (S5)."""
    return f"device:{account_id}:{device_id}"


def recovery_message(account_id: str, code: str) -> str:
    """Return what a recovery code's keyed hash covers; bound to one account."""
    return f"{account_id}:{code}"


def parse_code(typed: str, field: str = "code") -> str:
    """Return six digits.

    Raises:
        FieldError: `typed` is not a code; this costs no attempt.
    """
    code = otp.clean_code(typed)
    if code is None:
        raise FieldError(field, _("The OTP password is six digits."))
    return code


def parse_recovery_code(typed: str, field: str = "code") -> str:
    """Return the ten characters of a recovery code.

    Raises:
        FieldError: `typed` is not one; this costs no attempt.
    """
    code = tokens.clean_recovery_code(typed)
    if code is None:
        raise FieldError(field, _("Ten letters and digits, please, like ABCDE-12345."))
    return code


async def devices_of(db: AsyncSession, account_id: str) -> list[Device]:
    """Return the account's devices, oldest first. OTP is on exactly when there is one."""
    query = select(Device).where(Device.account_id == account_id).order_by(col(Device.added_at))
    return list(await db.exec(query))


async def has_device(db: AsyncSession, account_id: str) -> bool:
    """Whether OTP is on; for those who do not need the devices themselves."""
    return (await db.exec(_HAS_DEVICE, params={"account_id": account_id})).one()


async def recovery_codes_left(db: AsyncSession, account_id: str) -> int:
    """Return how many recovery codes are unspent."""
    query = select(func.count()).where(
        RecoveryCode.account_id == account_id, col(RecoveryCode.used_at).is_(None)
    )
    return (await db.exec(query)).one()


async def accept_code(ctx: Context, tx: Transaction, account: Account, code: str) -> Device:
    """Spend a code of one of the account's devices and return the device.

    Raises: (all through `CommitAndRaiseError`, so that the miss stays counted)
        FactorBlockedError: too many misses in a row.
        ReusedCodeError: the code's step, or a later one, was accepted before.
        ClockError: the clock stands well before the last accepted step.
        WrongCodeError: it fits no device.
    """
    if account.code_misses >= ctx.settings.limits.consecutive:
        raise _refusal(tx, account, FactorBlockedError())
    now_s = tx.now.timestamp()
    now_step = otp.step_at(now_s)
    steps = otp.accepted_steps(now_step, ahead=ctx.settings.otp.ahead_steps)
    for device in await devices_of(tx.db, account.id):
        key = otp.SharedKey(
            ctx.keyring.open(device.sealed_key, place=key_place(account.id, device.id))
        )
        step = otp.matching_step(key, code, steps)
        if step is None:
            continue
        statement = (
            update(Device)
            .where(
                col(Device.id) == device.id,
                col(Device.account_id) == account.id,
                col(Device.last_step) < step,
            )
            .values(last_step=step, last_used_at=tx.now)
            .returning(col(Device.id))
        )
        if (await tx.db.exec(statement)).first() is not None:
            account.code_misses = 0
            tx.db.add(account)
            return device
        if device.last_step > now_step + _CLOCK_SLACK_STEPS:
            raise _refusal(tx, account, ClockError())
        wait_s = (max(device.last_step, step) + 1) * otp.STEP_S - int(now_s)
        raise _refusal(tx, account, ReusedCodeError(wait_s))
    await tx.db.exec(
        update(Account)
        .where(col(Account.id) == account.id)
        .values(code_misses=Account.code_misses + 1)
    )
    raise _refusal(tx, account, WrongCodeError())


async def accept_recovery_code(ctx: Context, tx: Transaction, account: Account, code: str) -> None:
    """Spend one recovery code; codes from devices are looked at again from then on.

    Raises: (through `CommitAndRaiseError`)
        WrongRecoveryCodeError: unknown, spent, or another account's.
    """
    macs = ctx.keyring.macs(RECOVERY_PURPOSE, recovery_message(account.id, code))
    statement = (
        update(RecoveryCode)
        .where(
            col(RecoveryCode.account_id) == account.id,
            col(RecoveryCode.code_mac).in_(macs),
            col(RecoveryCode.used_at).is_(None),
        )
        .values(used_at=tx.now)
        .returning(col(RecoveryCode.id))
    )
    if (await tx.db.exec(statement)).first() is None:
        raise _refusal(tx, account, WrongRecoveryCodeError())
    account.code_misses = 0
    tx.db.add(account)
    left = await recovery_codes_left(tx.db, account.id)
    tx.record("recovery_code.used", account.id, left=left)
    tx.write_letter(account, "recovery_code.used", left=left)


def _refusal(tx: Transaction, account: Account, error: ConsoleError) -> CommitAndRaiseError:
    tx.record("code.refused", account.id, why=error.code)
    return CommitAndRaiseError(error)
