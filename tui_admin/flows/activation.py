"""Activation: a pending key, shown as QR code and text, becomes a device by password and code.

A pending key never gates a sign-in, and a failed attempt throws it away: what may have been seen
or mistyped is never confirmed later, and the old key is refused ever after.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import col, select

from tui_admin.errors import (
    ConflictError,
    ConsoleError,
    FieldError,
    PendingKeyGoneError,
    ProofExpiredError,
    RejectedError,
    WrongCodeError,
    WrongPasswordError,
)
from tui_admin.flows import factors, identity, limits, recovery_codes, sessions, sign_in
from tui_admin.flows.answers import Activated, ActivationFailed, KeyView, Token, Visitor
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.i18n import _
from tui_admin.models import Account, Device, PendingKey, Session
from tui_admin.security import otp
from tui_admin.security.passwords import check_typed
from tui_admin.security.text import clean_line, safe

MAX_DEVICES = 10
NAME_LIMIT = 40


class ContactMissingError(RejectedError):
    """Phone and e-mail must be verified first, or the day the device is gone has no way out."""

    code = "contact_missing"

    def __init__(self, *, email: bool, phone: bool) -> None:
        super().__init__(email, phone)
        self.email, self.phone = email, phone

    @property
    def sentence(self) -> str:
        if self.email and self.phone:
            return _("Your e-mail address and your phone must be verified first.")
        if self.email:
            return _("Your e-mail address must be verified first.")
        return _("Your phone must be verified first.")


async def begin(ctx: Context, visitor: Visitor, token: Token) -> KeyView:
    """Make the pending key of a first device; an earlier pending key is gone.

    Raises:
        ContactMissingError: phone or e-mail is not verified.
        ConflictError: OTP is on already.
    """
    async with ctx.write(visitor) as tx:
        session, account = await sessions.authorise(ctx, tx, token)
        if await factors.devices_of(tx.db, account.id):
            raise ConflictError
        _require_contacts(account)
        return await _fresh_key(ctx, tx, session, account, _("Phone"))


async def begin_further(
    ctx: Context, visitor: Visitor, token: Token, name: str, password: str, code: str
) -> KeyView:
    """Make the pending key of a further device, after password and a code from a present one.

    Raises: what `identity.proven` raises, and
        FieldError: `name` is empty, too long or taken.
        RejectedError: there are ten devices already.
    """
    name = clean_line("name", name, limit=NAME_LIMIT, required=True)
    # Looked at before the proof too: a form error costs no guess, and a proof cannot be undone.
    async with ctx.database.read() as db:
        _session, account = await sessions.find(ctx, db, token)
        _require_room(await factors.devices_of(db, account.id), name)
    async with identity.proven(ctx, visitor, token, password, code) as proof:
        _require_room(await factors.devices_of(proof.tx.db, proof.account.id), name)
        now = proof.tx.now
        return await _fresh_key(ctx, proof.tx, proof.session, proof.account, name, now)


def _require_room(present: list[Device], name: str) -> None:
    if not present or len(present) >= MAX_DEVICES:
        raise RejectedError
    if name.casefold() in {device.name.casefold() for device in present}:
        raise FieldError("name", _("There is a device of this name already."))


async def confirm(
    ctx: Context, visitor: Visitor, token: Token, password: str, typed_code: str
) -> Activated | ActivationFailed:
    """Make the pending key a device, or throw it away and answer with a new one.

    Raises:
        FieldError: a field is malformed; costs nothing.
        LimitedError: too many misses; nothing was judged and the key stays.
        SessionEndedError, ConflictError: the session is over, or its account changed meanwhile.
    """
    check_typed("password", password)
    code = factors.parse_code(typed_code)
    async with ctx.write(visitor) as tx:
        session, account = await sessions.authorise(ctx, tx, token)
        pending = await _pending(ctx, tx, session)
        if pending is None:
            return await _replaced(ctx, tx, session, account, PendingKeyGoneError())
        pending_id, stored = pending.id, account.password_hash
        places = await identity.take_places(ctx, tx, account, with_code=True)
    wrong: ConsoleError | None = None
    try:
        await identity.check_password(ctx, visitor, account.id, password, stored, places)
    except WrongPasswordError as error:
        wrong = error
    async with ctx.write(visitor) as tx:
        session, account = await sessions.authorise(ctx, tx, token)
        if account.password_hash != stored:
            raise ConflictError
        pending = await _pending(ctx, tx, session)
        if pending is None or pending.id != pending_id:
            return await _replaced(ctx, tx, session, account, PendingKeyGoneError())
        if wrong is None:
            await limits.give_back(tx, places.password)
            key = _open(ctx, pending)
            now_step = otp.step_at(tx.now.timestamp())
            accepted = otp.accepted_steps(now_step, ahead=ctx.settings.otp.ahead_steps)
            step = otp.matching_step(key, code, accepted)
            if step is not None:
                assert places.code is not None  # noqa: S101 (asked for above)
                await limits.give_back(tx, places.code)
                return await _activate(ctx, tx, session, account, pending, step)
            wrong = WrongCodeError(otp.drift_s(key, code, now_step))
        return await _missed(ctx, tx, session, account, pending, wrong)


async def renew(ctx: Context, visitor: Visitor, token: Token) -> KeyView:
    """Throw the pending key away and make a new one for the same device (`Start over`).

    Raises:
        ProofExpiredError: a further device is to be added, and its proof is too old.
    """
    async with ctx.write(visitor) as tx:
        session, account = await sessions.authorise(ctx, tx, token)
        _require_contacts(account)
        return await _next_key(ctx, tx, session, account)


async def cancel(ctx: Context, visitor: Visitor, token: Token) -> None:
    """Throw the pending key away."""
    async with ctx.write(visitor) as tx:
        _session, account = await sessions.authorise(ctx, tx, token)
        await drop_pending(tx, account.id)


async def drop_pending(tx: Transaction, account_id: str) -> None:
    """Delete the account's pending key, if there is one."""
    await tx.db.exec(delete(PendingKey).where(col(PendingKey.account_id) == account_id))


def _require_contacts(account: Account) -> None:
    email, phone = account.email_verified_at is None, account.phone_verified_at is None
    if email or phone:
        raise ContactMissingError(email=email, phone=phone)


def pending_place(account_id: str, pending_id: str) -> str:
    """Return the associated data that ties a pending key to its row."""
    return f"pending:{account_id}:{pending_id}"


def _open(ctx: Context, pending: PendingKey) -> otp.SharedKey:
    place = pending_place(pending.account_id, pending.id)
    return otp.SharedKey(ctx.keyring.open(pending.sealed_key, place=place))


async def _pending(ctx: Context, tx: Transaction, session: Session) -> PendingKey | None:
    """Return the pending key that this very session was shown, if it still lives."""
    query = select(PendingKey).where(
        PendingKey.account_id == session.account_id, PendingKey.session_id == session.id
    )
    pending = (await tx.db.exec(query)).first()
    lifetime = timedelta(seconds=ctx.settings.otp.pending_key_s)
    return pending if pending and abs(tx.now - pending.created_at) < lifetime else None


async def _fresh_key(
    ctx: Context,
    tx: Transaction,
    session: Session,
    account: Account,
    name: str,
    proven_at: datetime | None = None,
) -> KeyView:
    await drop_pending(tx, account.id)
    key = otp.SharedKey.random()
    pending = PendingKey(
        account_id=account.id,
        session_id=session.id,
        name=name,
        sealed_key="",
        created_at=tx.now,
        proven_at=proven_at,
    )
    pending.sealed_key = ctx.keyring.seal(key.raw, place=pending_place(account.id, pending.id))
    tx.db.add(pending)
    tx.record("activation.begun", account.id)
    return key_view(ctx, account, key, name, ctx.settings.otp.pending_key_s)


def key_view(ctx: Context, account: Account, key: otp.SharedKey, name: str, ttl_s: int) -> KeyView:
    """Return what a screen needs to hand a shared key to an authenticator."""
    issuer = ctx.settings.brand
    return KeyView(
        device_name=safe(name),
        issuer=safe(issuer),
        account=safe(account.username),
        key=key.grouped,
        uri=otp.provisioning_uri(key, issuer=issuer, account=account.username),
        ttl_s=ttl_s,
    )


async def _missed(
    ctx: Context,
    tx: Transaction,
    session: Session,
    account: Account,
    pending: PendingKey,
    wrong: ConsoleError,
) -> ActivationFailed:
    pending.misses += 1
    tries_left = ctx.settings.otp.activation_attempts - pending.misses
    if tries_left > 0:
        tx.record("activation.missed", account.id, why=wrong.code)
        return ActivationFailed(wrong.sentence, None, tries_left)
    return await _replaced(ctx, tx, session, account, wrong)


async def _replaced(
    ctx: Context,
    tx: Transaction,
    session: Session,
    account: Account,
    wrong: ConsoleError,
) -> ActivationFailed:
    tx.record("activation.failed", account.id, why=wrong.code)
    return ActivationFailed(wrong.sentence, await _next_key(ctx, tx, session, account))


async def _next_key(ctx: Context, tx: Transaction, session: Session, account: Account) -> KeyView:
    """Replace this session's pending key by a fresh one.

    Only this session's: a key that waits in another session rests on a proof given there. And only
    as long as that proof is fresh, where OTP is on: a session that was left open must not turn an
    old proof into a further device.

    Raises:
        ProofExpiredError: (through `CommitAndRaiseError`) there is no proof, or it is too old.
    """
    query = select(PendingKey).where(
        PendingKey.account_id == account.id, PendingKey.session_id == session.id
    )
    old = (await tx.db.exec(query)).first()
    name, proven_at = (old.name, old.proven_at) if old else (_("Phone"), None)
    if await factors.devices_of(tx.db, account.id):
        lifetime = timedelta(seconds=ctx.settings.otp.pending_key_s)
        if proven_at is None or abs(tx.now - proven_at) >= lifetime:
            if old is not None:
                await drop_pending(tx, account.id)
            raise CommitAndRaiseError(ProofExpiredError())
    return await _fresh_key(ctx, tx, session, account, name, proven_at)


async def _activate(
    ctx: Context,
    tx: Transaction,
    session: Session,
    account: Account,
    pending: PendingKey,
    step: int,
) -> Activated:
    key = _open(ctx, pending)
    is_first = not await factors.devices_of(tx.db, account.id)
    device = Device(
        account_id=account.id,
        name=pending.name,
        sealed_key="",
        last_step=step,  # the activation code is spent too
        added_at=tx.now,
    )
    device.sealed_key = ctx.keyring.seal(key.raw, place=factors.key_place(account.id, device.id))
    tx.db.add(device)
    await drop_pending(tx, account.id)
    codes: tuple[str, ...] = ()
    if is_first:
        account.code_misses = 0
        codes = await recovery_codes.hand_out(ctx, tx, account)
    await sessions.end_all(tx, account.id, sessions.SECURITY, keep=session.id)
    await sign_in.void_halves(tx, account.id)
    event = "otp.activated" if is_first else "device.added"
    tx.record(event, account.id, device=device.id, name=device.name)
    await tx.tell_everywhere(account, event, device=device.name)
    return Activated(sessions.rotate(session), codes)
