"""Sessions: one signed-in terminal each, in the database, so that they can be ended from elsewhere.

A session's row says whether it lives; no screen, cache or process does.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tui_admin.errors import NotFoundError, SessionEndedError
from tui_admin.flows.answers import SessionView, SignedIn, Token, Visitor
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.models import Account, PendingKey, Session
from tui_admin.security.text import safe
from tui_admin.security.tokens import is_id, new_token, token_hash

IDLE, TOTAL, SECURITY, LOCKED = "idle", "total", "security", "locked"
SIGNED_OUT, ENDED = "signed_out", "ended"
_TOUCH_S = 20


async def check(ctx: Context, visitor: Visitor, token: Token) -> None:
    """Say that the person is still there; called as keys are pressed.

    Writes at most every 20 seconds.

    Raises:
        SessionEndedError: the session is over.
    """
    try:
        async with ctx.database.read() as db:
            session, _account = await find(ctx, db, token)
    except SessionEndedError as error:
        if error.reason not in {IDLE, TOTAL}:
            raise
        # Written down below, so that a clock that is set back does not bring it to life again.
    else:
        unseen_s = abs((ctx.clock.now() - session.seen_at).total_seconds())
        if unseen_s < min(_TOUCH_S, ctx.settings.sessions.idle_s / 6):
            return
    async with ctx.write(visitor) as tx:
        await authorise(ctx, tx, token)


async def sign_out(ctx: Context, visitor: Visitor, token: Token, reason: str = SIGNED_OUT) -> None:
    """End this session; ending one that is over already is no error.

    `reason` is `signed_out`, or `idle` when the terminal itself saw the time run out.
    """
    async with ctx.write(visitor) as tx:
        try:
            session, account = await find(ctx, tx.db, token)
        except SessionEndedError as error:
            if error.reason in {IDLE, TOTAL}:
                await _close_expired(tx, token, error.reason)
            return
        end(tx, session, reason)
        tx.record("session.ended", account.id, session=session.id, why=reason)
        await _forget_old(ctx, tx, account.id)


async def end_one(ctx: Context, visitor: Visitor, token: Token, session_id: str) -> None:
    """End another session of the same account.

    Raises:
        NotFoundError: no such open session of this account.
    """
    if not is_id(session_id):
        raise NotFoundError
    async with ctx.write(visitor) as tx:
        session, account = await authorise(ctx, tx, token)
        query = select(Session).where(
            Session.id == session_id,
            Session.account_id == account.id,
            col(Session.ended_at).is_(None),
        )
        other = (await tx.db.exec(query)).first()
        if other is None or other.id == session.id:
            raise NotFoundError
        end(tx, other, ENDED)
        tx.record("session.ended", account.id, session=other.id, why=ENDED)


async def authorise(ctx: Context, tx: Transaction, token: Token) -> tuple[Session, Account]:
    """Return the live session and its account inside a write transaction, and note the activity.

    Raises:
        SessionEndedError: the session is over. (Through `CommitAndRaiseError` when its time just
            ran out, so that the end is recorded.)
    """
    query = select(Session.account_id).where(Session.token_hash == token_hash(token.value))
    account_id = (await tx.db.exec(query)).first()
    if account_id is None:
        raise SessionEndedError(ENDED)
    await tx.hold(account_id)
    try:
        session, account = await find(ctx, tx.db, token)
    except SessionEndedError as error:
        if error.reason in {IDLE, TOTAL}:
            await _close_expired(tx, token, error.reason)
            raise CommitAndRaiseError(error) from None
        raise
    session.seen_at = tx.now
    return session, account


async def find(ctx: Context, db: AsyncSession, token: Token) -> tuple[Session, Account]:
    """Return the live session of `token` and its account; changes nothing.

    Raises:
        SessionEndedError: unknown, ended, run out, or the account is locked.
    """
    query = (
        select(Session, Account)
        .join(Account, col(Account.id) == col(Session.account_id))
        .where(Session.token_hash == token_hash(token.value))
    )
    found = (await db.exec(query)).first()
    if found is None:
        raise SessionEndedError(ENDED)
    session, account = found
    if session.ended_at is not None:
        raise SessionEndedError(session.end_reason)
    if account.locked_at is not None:
        raise SessionEndedError(LOCKED)
    if reason := _run_out(ctx, session):
        raise SessionEndedError(reason)
    return session, account


def start(tx: Transaction, account: Account) -> SignedIn:
    """Begin a session; the caller has proven the person."""
    token = new_token()
    session = Session(
        account_id=account.id,
        token_hash=token_hash(token),
        address=tx.visitor.address,
        terminal=tx.visitor.terminal,
        started_at=tx.now,
        seen_at=tx.now,
    )
    tx.db.add(session)
    return SignedIn(
        session=Token(token),
        username=safe(account.username),
        role=account.role,
        language=account.language,
        timezone=account.timezone,
        theme=account.theme,
    )


async def _forget_old(ctx: Context, tx: Transaction, account_id: str) -> None:
    """Delete sessions that ended so long ago that no limit looks at them any more."""
    old = tx.now - timedelta(days=ctx.settings.limits.known_address_d + 1)
    await tx.db.exec(
        delete(Session).where(
            col(Session.account_id) == account_id,
            col(Session.ended_at) < old,
            col(Session.started_at) < old,
            col(Session.id).not_in(select(PendingKey.session_id)),
        )
    )


def rotate(session: Session) -> Token:
    """Give the session a new token; the old one is refused from the commit on (S20)."""
    token = new_token()
    session.token_hash = token_hash(token)
    return Token(token)


def end(tx: Transaction, session: Session, reason: str) -> None:
    """Mark a session as over."""
    session.ended_at, session.end_reason = tx.now, reason
    tx.db.add(session)


async def end_all(tx: Transaction, account_id: str, reason: str, *, keep: str = "") -> int:
    """End every open session of an account but `keep`; return how many."""
    statement = (
        update(Session)
        .where(
            col(Session.account_id) == account_id,
            col(Session.ended_at).is_(None),
            col(Session.id) != keep,
        )
        .values(ended_at=tx.now, end_reason=reason)
        .returning(col(Session.id))
    )
    return len((await tx.db.exec(statement)).all())


async def open_sessions(
    ctx: Context, db: AsyncSession, account_id: str, this_id: str = ""
) -> tuple[SessionView, ...]:
    """Return the live sessions of an account, the latest first."""
    query = (
        select(Session)
        .where(Session.account_id == account_id, col(Session.ended_at).is_(None))
        .order_by(col(Session.started_at).desc())
    )
    return tuple(
        SessionView(
            id=row.id,
            address=safe(row.address, 64),
            terminal=safe(row.terminal, 64),
            started_at=row.started_at,
            seen_at=row.seen_at,
            is_this=row.id == this_id,
        )
        for row in await db.exec(query)
        if not _run_out(ctx, row)
    )


def _run_out(ctx: Context, session: Session) -> str:
    # Distances in both directions: a clock that was ahead for a while leaves moments in the future,
    # and a session must not live until they come.
    now: datetime = ctx.clock.now()
    times = ctx.settings.sessions
    if abs(now - session.started_at) >= timedelta(seconds=times.total_s):
        return TOTAL
    if abs(now - session.seen_at) >= timedelta(seconds=times.idle_s):
        return IDLE
    return ""


async def _close_expired(tx: Transaction, token: Token, reason: str) -> None:
    query = select(Session).where(
        Session.token_hash == token_hash(token.value), col(Session.ended_at).is_(None)
    )
    session = (await tx.db.exec(query)).first()
    if session is None:
        return  # written down before; a terminal that goes on asking does not fill the log
    end(tx, session, reason)
    tx.record("session.ended", session.account_id, session=session.id, why=reason)
