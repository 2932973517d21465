"""CAPTCHAs: a picture, or a question for those who cannot see it. The answer stays behind.

Each is good for one look at one answer, and for the one thing that it guards.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import delete
from sqlmodel import col

from tui_admin.errors import WrongCaptchaError
from tui_admin.flows import limits, quotas
from tui_admin.flows.answers import CaptchaView
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.flows.quotas import HOUR, Quota
from tui_admin.models import CaptchaChallenge
from tui_admin.security import captcha
from tui_admin.security.tokens import is_id

LIFETIME = timedelta(minutes=10)
LETTERS = captcha.LETTERS
"""How many letters and digits a picture shows."""
_PURPOSE = "captcha"


async def prepare() -> None:
    """Load what draws pictures, in a thread: `show` stands in a transaction and cannot wait for it.

    Whoever will show a CAPTCHA soon calls this; without it, the first picture takes a tenth of a
    second of every terminal's time.
    """
    await asyncio.to_thread(captcha.load)


async def show(
    ctx: Context, tx: Transaction, subject: str, account_id: str = "", *, as_question: bool
) -> CaptchaView:
    """Make a CAPTCHA that guards `subject`, in place of those shown for it before.

    Raises:
        LimitedError: (through `CommitAndRaiseError`) this address has asked for too many.
    """
    address = limits.address_key(tx.visitor.address)
    quota = Quota(f"captcha:{address}", ctx.settings.limits.captchas_1h, HOUR)
    await quotas.spend(ctx, tx, [quota], account_id)
    await _remove(tx, subject)
    made = captcha.new_question() if as_question else captcha.new_picture()
    challenge = CaptchaChallenge(subject=subject, answer_mac="", created_at=tx.now)
    challenge.answer_mac = ctx.keyring.mac(_PURPOSE, f"{challenge.id}:{made.answer}")
    tx.db.add(challenge)
    return CaptchaView(challenge.id, made.picture, made.question)


async def spend(ctx: Context, tx: Transaction, subject: str, challenge_id: str, typed: str) -> None:
    """Look at one answer; right or wrong, this CAPTCHA is used up.

    Raises:
        WrongCaptchaError: (through `CommitAndRaiseError`) wrong, too old, used, or another's.
    """
    statement = (
        delete(CaptchaChallenge)
        .where(
            col(CaptchaChallenge.id) == (challenge_id if is_id(challenge_id) else ""),
            col(CaptchaChallenge.subject) == subject,
        )
        .returning(col(CaptchaChallenge.answer_mac), col(CaptchaChallenge.created_at))
    )
    found = (await tx.db.exec(statement)).first()
    is_right = (
        found is not None
        and abs(tx.now - found[1]) < LIFETIME
        and found[0] in ctx.keyring.macs(_PURPOSE, f"{challenge_id}:{captcha.clean_answer(typed)}")
    )
    if not is_right:
        tx.record("captcha.missed", subject=subject)
        raise CommitAndRaiseError(WrongCaptchaError())


async def _remove(tx: Transaction, subject: str) -> None:
    stale = (col(CaptchaChallenge.subject) == subject) | (
        col(CaptchaChallenge.created_at) < tx.now - LIFETIME
    )
    await tx.db.exec(delete(CaptchaChallenge).where(stale))
