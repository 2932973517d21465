"""Devices of an account: the overview, the key shown again, renaming, removing, switching off."""

from __future__ import annotations

from sqlalchemy import delete
from sqlmodel import col, select

from tui_admin.errors import FieldError, NotFoundError, RejectedError
from tui_admin.flows import activation, factors, recovery_codes, sessions, sign_in
from tui_admin.flows.answers import DeviceView, KeyView, SecurityView, Token, Visitor
from tui_admin.flows.context import Context, Transaction
from tui_admin.flows.identity import Proof, proven
from tui_admin.i18n import _
from tui_admin.models import Account, Device
from tui_admin.security import otp
from tui_admin.security.text import clean_line, safe
from tui_admin.security.tokens import is_id


class LastDeviceError(RejectedError):
    """Taking the last device away is switching OTP off, which has its own way."""

    code = "last_device"

    @property
    def sentence(self) -> str:
        return _("This is the last device. To go without it, use Disable.")


async def overview(ctx: Context, token: Token) -> SecurityView:
    """Return everything that Account Security shows.

    Raises:
        SessionEndedError: the session is over.
    """
    async with ctx.database.read() as db:
        session, account = await sessions.find(ctx, db, token)
        devices = await factors.devices_of(db, account.id)
        return SecurityView(
            otp_active=bool(devices),
            otp_since=min((device.added_at for device in devices), default=None),
            otp_blocked=account.code_misses >= ctx.settings.limits.consecutive,
            email_verified=account.email_verified_at is not None,
            phone_verified=account.phone_verified_at is not None,
            devices=tuple(
                DeviceView(device.id, safe(device.name), device.added_at, device.last_used_at)
                for device in devices
            ),
            recovery_codes_left=await factors.recovery_codes_left(db, account.id),
            recovery_codes_confirmed=account.recovery_codes_confirmed_at is not None,
            sessions=await sessions.open_sessions(ctx, db, account.id, session.id),
        )


async def show_key(
    ctx: Context,
    visitor: Visitor,
    token: Token,
    device_id: str,
    password: str,
    code: str,
) -> KeyView:
    """Return a device's shared key again, to put it on one more authenticator.

    Raises: what `identity.proven` raises, and
        NotFoundError: no such device of this account.
    """
    async with proven(ctx, visitor, token, password, code) as proof:
        device = await _device(proof.tx, proof.account.id, device_id)
        place = factors.key_place(proof.account.id, device.id)
        key = otp.SharedKey(ctx.keyring.open(device.sealed_key, place=place))
        proof.tx.record("key.shown", proof.account.id, device=device.id)
        proof.tx.write_letter(proof.account, "key.shown", device=device.name)
        seconds = ctx.settings.otp.show_key_s
        return activation.key_view(ctx, proof.account, key, device.name, seconds)


async def rename(ctx: Context, visitor: Visitor, token: Token, device_id: str, typed: str) -> None:
    """Give a device another name.

    Raises:
        FieldError: empty, too long, or taken.
        NotFoundError: no such device of this account.
    """
    name = clean_line("name", typed, limit=activation.NAME_LIMIT, required=True)
    async with ctx.write(visitor) as tx:
        _session, account = await sessions.authorise(ctx, tx, token)
        device = await _device(tx, account.id, device_id)
        others = [
            other for other in await factors.devices_of(tx.db, account.id) if other.id != device.id
        ]
        if name.casefold() in {other.name.casefold() for other in others}:
            raise FieldError("name", _("There is a device of this name already."))
        device.name = name
        tx.record("device.renamed", account.id, device=device.id, name=name)


async def remove(
    ctx: Context,
    visitor: Visitor,
    token: Token,
    device_id: str,
    password: str,
    code: str,
) -> Token:
    """Remove one of several devices; its key is refused from then on. Returns the new token.

    Raises: what `identity.proven` raises, and
        LastDeviceError: it is the only one.
        NotFoundError: no such device of this account.
    """
    async with proven(ctx, visitor, token, password, code) as proof:
        device = await _device(proof.tx, proof.account.id, device_id)
        if len(await factors.devices_of(proof.tx.db, proof.account.id)) == 1:
            raise LastDeviceError
        await proof.tx.db.delete(device)
        proof.tx.record("device.removed", proof.account.id, device=device.id, name=device.name)
        await proof.tx.tell_everywhere(proof.account, "device.removed", device=device.name)
        return await _after_change(proof)


async def disable(
    ctx: Context,
    visitor: Visitor,
    token: Token,
    password: str,
    code: str,
    *,
    recovery: bool = False,
) -> Token:
    """Switch OTP off: every device, recovery code and pending key goes. Returns the new token.

    With `recovery`, `code` is a recovery code.

    Raises: what `identity.proven` raises, and
        RejectedError: OTP is off already.
    """
    async with proven(ctx, visitor, token, password, code, recovery=recovery) as proof:
        tx, account = proof.tx, proof.account
        if not await factors.devices_of(tx.db, account.id):
            raise RejectedError
        await switch_off(tx, account)
        tx.record("otp.disabled", account.id)
        await tx.tell_everywhere(account, "otp.disabled")
        return await _after_change(proof)


async def switch_off(tx: Transaction, account: Account) -> None:
    """Delete every device, pending key and recovery code of an account."""
    await tx.db.exec(delete(Device).where(col(Device.account_id) == account.id))
    await activation.drop_pending(tx, account.id)
    await recovery_codes.remove_all(tx, account)
    account.code_misses = 0


async def _after_change(proof: Proof) -> Token:
    """End what was begun under the old factors, and give this session a new token (S20)."""
    account_id = proof.account.id
    await sessions.end_all(proof.tx, account_id, sessions.SECURITY, keep=proof.session.id)
    await sign_in.void_halves(proof.tx, account_id)
    return sessions.rotate(proof.session)


async def _device(tx: Transaction, account_id: str, device_id: str) -> Device:
    if not is_id(device_id):
        raise NotFoundError
    query = select(Device).where(Device.id == device_id, Device.account_id == account_id)
    device = (await tx.db.exec(query)).first()
    if device is None:
        raise NotFoundError
    return device
