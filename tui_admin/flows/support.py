"""Support requests: the way to a human for people who lost e-mail or phone too.

Whoever has a case's number and its PIN sees how it stands. Whether there is an account for the
e-mail address that was typed is told to nobody: the answer is the same, and what differs happens
where only the account's owner and staff look.
"""

from __future__ import annotations

import asyncio

from sqlmodel import col, select

from tui_admin.errors import ConflictError, FieldError, WrongCaseError
from tui_admin.flows import limits, quotas, sessions, working_days
from tui_admin.flows.answers import (
    REACH_LIMIT,
    STORY_LIMIT,
    CaseOpened,
    CaseView,
    Token,
    Visitor,
)
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.flows.quotas import HOUR, Quota
from tui_admin.i18n import _
from tui_admin.models import Account, SupportRequest
from tui_admin.security.text import canonical_email, clean_line, clean_lines
from tui_admin.security.tokens import new_digits

NUMBER_DIGITS, PIN_DIGITS = 8, 6
CONTACT, NOT_ME = "contact", "not_me"
_STAFF_TOLD = 20
_PURPOSE = "case-pin"
_SEPARATORS = str.maketrans("", "", " -\u00a0\u2009\u202f")


async def open_case(
    ctx: Context, visitor: Visitor, email: str, reach: str, story: str
) -> CaseOpened:
    """Take the case of somebody who is not signed in.

    Raises:
        FieldError: `email`, `reach` or `story` is missing, too long or malformed; costs nothing.
        LimitedError: too many cases came from here, for this address, or over all.
    """
    email = canonical_email(email)
    typed = _Typed(reach, story)
    await load_calendar(ctx)
    async with ctx.write(visitor) as tx:
        # By the address alone: a username may look like somebody else's address.
        account = (await tx.db.exec(select(Account).where(Account.email == email))).first()
        return await _open(ctx, tx, account, email, typed)


async def open_case_signed_in(
    ctx: Context, visitor: Visitor, token: Token, reach: str, story: str
) -> CaseOpened:
    """Take the case of the person who is signed in, under the account's own e-mail address.

    Raises: as `open_case`, and
        SessionEndedError: the session is over.
    """
    typed = _Typed(reach, story)
    await load_calendar(ctx)
    async with ctx.write(visitor) as tx:
        _session, account = await sessions.authorise(ctx, tx, token)
        return await _open(ctx, tx, account, account.email, typed)


async def look(ctx: Context, visitor: Visitor, number: str, pin: str) -> CaseView:
    """Return how a case stands, to whoever has its number and PIN.

    Raises:
        FieldError: `number` is not eight digits, or `pin` not six; costs nothing.
        LimitedError: too many misses on this case, or from here.
        WrongCaseError: there is no such case, or the PIN is another; nobody learns which.
    """
    number = _digits("number", number, NUMBER_DIGITS, _("The case number is eight digits."))
    pin = _digits("pin", pin, PIN_DIGITS, _("The PIN is six digits."))
    async with ctx.write(visitor) as tx:
        place = await limits.take_place(ctx, tx, f"case:{number}")
        query = select(SupportRequest).where(SupportRequest.number == number)
        case = (await tx.db.exec(query)).first()
        macs = ctx.keyring.macs(_PURPOSE, f"{number}:{pin}")
        if case is None or case.pin_mac not in macs:
            tx.record("support.refused", number=number)
            raise CommitAndRaiseError(WrongCaseError())
        await limits.give_back(tx, place)
        return CaseView(case.number, case.state, case.created_at, case.due_at)


async def open_not_me(
    ctx: Context, tx: Transaction, account: Account, *, was_completed: bool
) -> None:
    """Open a case for staff: the owner says that somebody else asked to switch OTP off.

    Nobody is given its PIN, since nobody waits for the answer at this terminal.
    """
    # For staff, and so in the language that the desk is written in.
    story = (
        "Somebody who follows the letters of this account says that the request to deactivate OTP "
        "was not theirs. Whoever made it knows the password. "
        + ("OTP was switched off before it was stopped." if was_completed else "OTP is still on.")
    )
    case, _pin = await _write(ctx, tx, account, account.email, NOT_ME, account.phone, story)
    await tell_staff(tx, NOT_ME, case.number)


async def tell_staff(tx: Transaction, kind: str, number: str) -> None:
    """Write to the people of the desk, the longest-serving first, that there is a case."""
    query = (
        select(Account)
        .where(
            Account.role == "staff",
            col(Account.locked_at).is_(None),
            col(Account.email_verified_at).is_not(None),
        )
        .order_by(col(Account.created_at), col(Account.id))
        .limit(_STAFF_TOLD)
    )
    for person in (await tx.db.exec(query)).all():
        tx.write_letter(person, "staff.case", number=number, kind=kind)


class _Typed:
    """What was typed about a case, looked at before anything is counted."""

    def __init__(self, reach: str, story: str) -> None:
        self.reach = clean_line("reach", reach, limit=REACH_LIMIT, required=True)
        self.story = clean_lines("story", story, limit=STORY_LIMIT, required=True)


async def _open(
    ctx: Context, tx: Transaction, account: Account | None, email: str, typed: _Typed
) -> CaseOpened:
    account_id = account.id if account else ""
    await quotas.spend(ctx, tx, _quotas(ctx, tx, email), account_id)
    case, pin = await _write(ctx, tx, account, email, CONTACT, typed.reach, typed.story)
    if account is not None:
        due = case.due_at.isoformat()
        tx.write_letter(account, "support.opened", number=case.number, due_at=due)
    await tell_staff(tx, CONTACT, case.number)
    return CaseOpened(case.number, pin, case.due_at)


async def _write(
    ctx: Context,
    tx: Transaction,
    account: Account | None,
    email: str,
    kind: str,
    reach: str,
    story: str,
) -> tuple[SupportRequest, str]:
    """Store a case and return it with its PIN."""
    number, pin = await _new_number(tx), new_digits(PIN_DIGITS)
    settings = ctx.settings
    case = SupportRequest(
        number=number,
        pin_mac=ctx.keyring.mac(_PURPOSE, f"{number}:{pin}"),
        kind=kind,
        account_id=account.id if account else None,
        email=email,
        reach=reach,
        story=story,
        address=tx.visitor.address,
        created_at=tx.now,
        due_at=working_days.answer_due(tx.now, settings.support.country, settings.timezone),
        changed_at=tx.now,
    )
    tx.db.add(case)
    tx.record("support.opened", account.id if account else "", number=number, kind=kind)
    return case, pin


async def _new_number(tx: Transaction) -> str:
    """Return a number that no case has. Random: a count would tell how many there are."""
    for _attempt in range(20):
        number = new_digits(NUMBER_DIGITS)
        taken = select(SupportRequest.id).where(SupportRequest.number == number)
        if (await tx.db.exec(taken)).first() is None:
            return number
    raise ConflictError


def _quotas(ctx: Context, tx: Transaction, email: str) -> list[Quota]:
    most = ctx.settings.limits
    # Its keyed hash: subjects of quotas stand in the audit log, and are shorter than addresses.
    of_email = ctx.keyring.mac("case-email", email)[-32:]
    return [
        Quota(f"cases:{limits.address_key(tx.visitor.address)}", most.cases_1h, HOUR),
        Quota(f"cases-email:{of_email}", most.cases_1h, HOUR),
        Quota("cases", most.cases_total_1h, HOUR),
    ]


def _digits(field: str, typed: str, count: int, sentence: str) -> str:
    digits = typed[:64].translate(_SEPARATORS)
    if len(digits) != count or not (digits.isascii() and digits.isdigit()):
        raise FieldError(field, sentence)
    return digits


async def load_calendar(ctx: Context) -> None:
    """Load the country's holidays in a thread, so that no transaction waits for it."""
    support = ctx.settings.support
    await asyncio.to_thread(
        working_days.answer_due, ctx.clock.now(), support.country, ctx.settings.timezone
    )
