"""The outbox as its operator sees and handles it; `delivery` empties it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlmodel import col, func, select

from tui_admin.errors import FieldError, NotFoundError, RejectedError
from tui_admin.flows.accounts import OPERATOR
from tui_admin.flows.answers import LetterView
from tui_admin.flows.context import Context, Transaction
from tui_admin.i18n import _
from tui_admin.models import Letter
from tui_admin.security.text import safe
from tui_admin.security.tokens import is_id

WAITING, SENT, FAILED, EXPIRED = "waiting", "sent", "failed", "expired"
STATES = (WAITING, SENT, FAILED, EXPIRED)

CARRIES_SECRETS = frozenset({"recovery.mail", "recovery.sms"})
"""Templates that cannot be filled any more once the sealed part of a letter was erased."""


class NotFailedError(RejectedError):
    """Only what was given up on can be tried again. `state` is the letter's own."""

    code = "not_failed"

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    @property
    def sentence(self) -> str:
        return {
            SENT: _("This letter was sent. It is not sent twice."),
            EXPIRED: _("This letter came too late to be of use and was dropped."),
        }.get(self.state, _("This letter still waits; it is tried again by itself."))


class ErasedError(RejectedError):
    """The codes that the letter carried were erased when it was given up on."""

    code = "erased"

    @property
    def sentence(self) -> str:
        return _(
            "This letter carried a code that was erased when it was given up on. "
            "Whoever needs one has to ask for a new one."
        )


@dataclass(frozen=True, slots=True)
class Retried:
    """How many letters wait again, and how many cannot be sent any more."""

    retried: int
    left: int


@dataclass(frozen=True, slots=True)
class OutboxView:
    """The outbox in numbers."""

    waiting: dict[str, int]
    """By channel."""
    failed: int
    oldest_at: datetime | None
    """Since when the oldest waiting letter waits."""
    last_error: str
    """Why the letter that failed last did, of those that wait."""


async def listing(ctx: Context, state: str = "") -> list[LetterView]:
    """Return the letters of one state, or all, the oldest first.

    Raises:
        FieldError: there is no such state.
    """
    query = select(Letter).order_by(col(Letter.created_at), col(Letter.id))
    if state not in {"", *STATES}:
        raise FieldError(
            "state", _("The state is one of: {states}.").format(states=", ".join(STATES))
        )
    if state:
        query = query.where(Letter.outcome == ("" if state == WAITING else state))
    async with ctx.database.read() as db:
        return [_view(letter) for letter in (await db.exec(query)).all()]


async def retry(ctx: Context, letter_id: str) -> LetterView:
    """Let a letter that was given up on wait again, as if it had never been tried.

    Raises:
        NotFoundError: there is none of this id.
        NotFailedError: it was sent, has expired, or still waits.
        ErasedError: what it carried is not there any more.
    """
    async with ctx.write(OPERATOR) as tx:
        letter = await tx.db.get(Letter, letter_id) if is_id(letter_id) else None
        if letter is None:
            raise NotFoundError
        if letter.outcome != FAILED:
            raise NotFailedError(letter.outcome)
        if not await _retry(tx, letter):
            raise ErasedError
        await tx.db.refresh(letter)
        return _view(letter)


async def retry_failed(ctx: Context) -> Retried:
    """Let every letter that was given up on wait again, but those that carried a code."""
    async with ctx.write(OPERATOR) as tx:
        failed = (await tx.db.exec(select(Letter).where(Letter.outcome == FAILED))).all()
        done = [await _retry(tx, letter) for letter in failed]
        return Retried(sum(done), len(done) - sum(done))


async def survey(ctx: Context) -> OutboxView:
    """Count what waits and what was given up on."""
    waits = col(Letter.done_at).is_(None)
    async with ctx.database.read() as db:
        channels = select(Letter.channel, func.count()).where(waits).group_by(Letter.channel)
        waiting = dict((await db.exec(channels)).all())
        failed = select(func.count()).select_from(Letter).where(Letter.outcome == FAILED)
        oldest = select(func.min(col(Letter.created_at))).where(waits)
        error = (
            select(Letter.last_error)
            .where(waits, Letter.last_error != "")
            .order_by(col(Letter.due_at).desc())
            .limit(1)
        )
        return OutboxView(
            waiting,
            (await db.exec(failed)).one(),
            (await db.exec(oldest)).one(),
            safe((await db.exec(error)).first() or ""),
        )


async def _retry(tx: Transaction, letter: Letter) -> bool:
    """Let one letter wait again; false when what it carried was erased."""
    if letter.template in CARRIES_SECRETS and not letter.sealed_key:
        return False
    statement = (
        update(Letter)
        .where(col(Letter.id) == letter.id, col(Letter.outcome) == FAILED)
        .values(outcome="", done_at=None, due_at=tx.now, attempts=0, last_error="")
        .returning(col(Letter.id))
    )
    if (await tx.db.exec(statement)).first() is None:
        return False
    tx.record("letter.retried", letter.account_id, letter=letter.id, template=letter.template)
    tx.has_letters = True
    return True


def _view(letter: Letter) -> LetterView:
    return LetterView(
        id=letter.id,
        channel=letter.channel,
        recipient=safe(letter.recipient, 320),
        template=letter.template,
        created_at=letter.created_at,
        due_at=letter.due_at,
        attempts=letter.attempts,
        outcome=letter.outcome,
        last_error=safe(letter.last_error),
    )
