"""The deactivation request: its row, whose proofs lead to it, what it carries and how it stands.

What happens to one, and in what order, is `lost_device`'s to say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, update
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.errors import RequestOverError
from tui_admin.flows.answers import Delivery, RequestView, Step, Token
from tui_admin.flows.context import Context, Transaction
from tui_admin.models import Account, DeactivationRequest, Letter
from tui_admin.security.text import mask_email, mask_phone, safe
from tui_admin.security.tokens import token_hash

STOPPABLE = timedelta(hours=72)
"""How long "this was not me" is listened to."""


def request_place(account_id: str, request_id: str) -> str:
    """Return the associated data that ties a request's sealed codes to its row."""
    return f"request:{account_id}:{request_id}"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a request's letters carry. A resend carries the same (S12)."""

    link: str
    stop: str
    mail_code: str
    sms_code: str

    def __repr__(self) -> str:
        return "Secrets()"


async def find_open(db: AsyncSession, account_id: str, now: datetime) -> DeactivationRequest | None:
    """Return the account's open request, the youngest if there are more."""
    query = (
        select(DeactivationRequest)
        .where(
            DeactivationRequest.account_id == account_id,
            col(DeactivationRequest.done_at).is_(None),
            col(DeactivationRequest.expires_at) > now,
            col(DeactivationRequest.created_at) <= now,
        )
        .order_by(col(DeactivationRequest.created_at).desc())
    )
    return (await db.exec(query)).first()


async def hold(
    ctx: Context, tx: Transaction, proof: Token
) -> tuple[DeactivationRequest, Account, bool]:
    """As `find`, with the account held until the commit."""
    hashed = token_hash(proof.value)
    query = select(DeactivationRequest.account_id).where(_proven_by(hashed))
    account_id = (await tx.db.exec(query)).first()
    if account_id is None:
        raise RequestOverError("")
    await tx.hold(account_id)
    return await find(ctx, tx.db, proof, tx.now)


async def find(
    ctx: Context, db: AsyncSession, proof: Token, now: datetime
) -> tuple[DeactivationRequest, Account, bool]:
    """Return the open request of a proof, its account, and whether the proof is the link's.

    Raises:
        RequestOverError: there is none, or how it ended.
    """
    hashed = token_hash(proof.value)
    query = (
        select(DeactivationRequest, Account)
        .join(Account, col(Account.id) == col(DeactivationRequest.account_id))
        .where(_proven_by(hashed))
    )
    found = (await db.exec(query)).first()
    if found is None:
        raise RequestOverError("")
    request, account = found
    if outcome := outcome_of(request, account, now):
        raise RequestOverError(outcome)
    by_link = request.link_hash == hashed
    if by_link and request.email_proven_at is None and is_link_old(ctx, request, now):
        raise RequestOverError("expired")
    return request, account, by_link


async def close(tx: Transaction, request: DeactivationRequest, outcome: str) -> None:
    """End an open request.

    Raises:
        RequestOverError: another terminal was first.
    """
    statement = (
        update(DeactivationRequest)
        .where(
            col(DeactivationRequest.id) == request.id, col(DeactivationRequest.done_at).is_(None)
        )
        .values(done_at=tx.now, outcome=outcome, sealed_key="")
        .returning(col(DeactivationRequest.id))
    )
    if (await tx.db.exec(statement)).first() is None:
        raise RequestOverError("")


async def void(tx: Transaction, account_id: str, outcome: str = "signed_in") -> None:
    """End the open requests of an account: whoever has the device has not lost it."""
    await tx.db.exec(
        update(DeactivationRequest)
        .where(
            col(DeactivationRequest.account_id) == account_id,
            col(DeactivationRequest.done_at).is_(None),
        )
        .values(done_at=tx.now, outcome=outcome, sealed_key="")
    )


def seal(ctx: Context, request: DeactivationRequest, secrets: Secrets) -> None:
    """Put into a new request what its letters carry."""
    plain = json.dumps([secrets.link, secrets.stop, secrets.mail_code, secrets.sms_code])
    place = request_place(request.account_id, request.id)
    request.sealed_key = ctx.keyring.seal(plain.encode("utf-8"), place=place)


def secrets_of(ctx: Context, request: DeactivationRequest) -> Secrets:
    """Return what an open request's letters carry."""
    place = request_place(request.account_id, request.id)
    return Secrets(*json.loads(ctx.keyring.open(request.sealed_key, place=place)))


def outcome_of(request: DeactivationRequest, account: Account, now: datetime) -> str:
    """Return how the request ended; empty while it is open."""
    if request.done_at is not None:
        return request.outcome
    if account.locked_at is not None:
        return "locked"
    # A clock that is set back must not prolong it.
    is_open = request.created_at - timedelta(minutes=1) <= now < request.expires_at
    return "" if is_open else "expired"


def is_link_old(ctx: Context, request: DeactivationRequest, now: datetime) -> bool:
    """Return whether the link has been out for too long to prove the e-mail."""
    return abs(now - request.created_at) >= timedelta(seconds=ctx.settings.lost_device.link_s)


def is_stoppable(request: DeactivationRequest, now: datetime) -> bool:
    """Return whether "this was not me" is still listened to."""
    return abs(now - request.created_at) < STOPPABLE


def again_s(ctx: Context, sent_at: datetime | None, now: datetime) -> int:
    """Return the seconds before a letter may be sent again."""
    if sent_at is None:
        return 0
    passed = abs((now - sent_at).total_seconds())
    return max(0, ctx.settings.lost_device.resend_s - int(passed))


async def view(
    ctx: Context,
    db: AsyncSession,
    request: DeactivationRequest,
    account: Account,
    now: datetime,
    *,
    by_link: bool = False,
) -> RequestView:
    """Return what a terminal shows of a request."""
    step = Step.EMAIL
    if request.email_proven_at is not None or by_link:
        step = Step.SMS if request.sms_sent_at is None else Step.CODE
    return RequestView(
        step=step,
        ttl_s=max(0, int((request.expires_at - now).total_seconds())),
        email=mask_email(account.email),
        phone=mask_phone(account.phone),
        asked_at=request.created_at,
        asked_from=safe(request.address, 64),
        mail=await _delivery(db, request.mail_letter_id),
        sms=await _delivery(db, request.sms_letter_id),
        mail_again_s=again_s(ctx, request.mail_sent_at, now),
        sms_again_s=again_s(ctx, request.sms_sent_at, now),
    )


def _proven_by(hashed: str) -> ColumnElement[bool]:
    return or_(
        col(DeactivationRequest.wizard_hash) == hashed, col(DeactivationRequest.link_hash) == hashed
    )


async def _delivery(db: AsyncSession, letter_id: str) -> Delivery:
    if not letter_id:
        return Delivery.NONE
    letter = await db.get(Letter, letter_id, populate_existing=True)
    if letter is None or letter.outcome == "sent":
        return Delivery.SENT
    if letter.done_at is not None:
        return Delivery.FAILED
    # The first try is only under way; from the second on, something went wrong.
    return Delivery.TRYING if letter.last_error else Delivery.WAITING
