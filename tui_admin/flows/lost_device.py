"""The lost device: password, e-mail, SMS and CAPTCHA, in that order, and OTP is switched off.

A deactivation request is begun behind the password. Two kinds of terminals work on it: the one
that knows the password (`wizard` token) and any that has followed the link of the e-mail. What has
been proven stands in the request's row, so that both go on from the same step, and no door can
leave one out. Opening the link proves and consumes nothing; the e-mail is proven by the button
pressed there, or by the mailed code typed into the wizard.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import col, or_, select

from tui_admin.errors import (
    ConsoleError,
    FieldError,
    LimitedError,
    LinkError,
    NoWayBackError,
    OnHoldError,
    OutOfOrderError,
    RequestOverError,
    WrongMailedCodeError,
    WrongSmsCodeError,
)
from tui_admin.flows import (
    captcha,
    deactivation,
    devices,
    limits,
    quotas,
    sessions,
    sign_in,
    support,
)
from tui_admin.flows.answers import (
    CaptchaView,
    Recovery,
    RequestView,
    StopOffer,
    Token,
    Visitor,
)
from tui_admin.flows.context import CommitAndRaiseError, Context, Transaction
from tui_admin.flows.quotas import DAY, HOUR, Quota
from tui_admin.i18n import _
from tui_admin.models import Account, DeactivationRequest, OldContact
from tui_admin.security.otp import clean_code
from tui_admin.security.text import phone_country, safe
from tui_admin.security.tokens import (
    clean_link_token,
    clean_recovery_code,
    new_digits,
    new_link_token,
    new_recovery_code,
    new_token,
    token_hash,
)

SMS_DIGITS = 6


async def begin(ctx: Context, visitor: Visitor, half: Token) -> Recovery:
    """Begin, behind the password: send the e-mail; or come back to the request that is open.

    Raises:
        SignInExpiredError: the half-done sign-in is over.
        NoWayBackError: nothing can be sent to this person.
        OnHoldError: the contacts were changed lately; all addresses are told.
        LimitedError: too many requests were begun for this account.
    """
    async with ctx.write(visitor) as tx:
        _half, account = await sign_in.half_account(ctx, tx, half)
        if account.email_verified_at is None or account.phone_verified_at is None:
            raise NoWayBackError
        if not (ctx.settings.smtp_url and ctx.settings.sms_url):
            raise NoWayBackError
        await _refuse_on_hold(ctx, tx, account)
        wizard = new_token()
        request = await deactivation.find_open(tx.db, account.id, tx.now)
        if request is not None:
            request.wizard_hash = token_hash(wizard)
            tx.record("recovery.resumed", account.id, request=request.id)
        else:
            request = await _new_request(ctx, tx, account, wizard)
        await tx.db.flush()
        view = await deactivation.view(ctx, tx.db, request, account, tx.now)
        return Recovery(Token(wizard), view)


async def look(ctx: Context, proof: Token) -> RequestView:
    """Return how the request stands now; for terminals that wait for the other one.

    Raises:
        RequestOverError: it is over, and how it ended.
    """
    async with ctx.database.read() as db:
        request, account, by_link = await deactivation.find(ctx, db, proof, ctx.clock.now())
        return await deactivation.view(ctx, db, request, account, ctx.clock.now(), by_link=by_link)


async def send_mail_again(ctx: Context, visitor: Visitor, wizard: Token) -> RequestView:
    """Send the same link and code once more; they live no longer by it.

    Raises:
        LimitedError: it was sent a moment ago, or too often.
        RequestOverError: the request is over.
    """
    async with ctx.write(visitor) as tx:
        request, account, by_link = await deactivation.hold(ctx, tx, wizard)
        if by_link or request.email_proven_at is not None:
            raise OutOfOrderError
        _cool_down(ctx, request.mail_sent_at, tx.now)
        await _send_mail(ctx, tx, request, account)
        tx.record("recovery.mail_sent_again", account.id, request=request.id)
        await tx.db.flush()
        return await deactivation.view(ctx, tx.db, request, account, tx.now)


async def confirm_mail(ctx: Context, visitor: Visitor, wizard: Token, typed: str) -> RequestView:
    """Prove the e-mail by what it carries: its code, or the link pasted whole.

    Raises:
        FieldError: neither a code nor a link; costs nothing.
        LimitedError: too many wrong ones.
        WrongMailedCodeError: wrong, or of another request.
        RequestOverError: the request is over, or this was one wrong code too many.
    """
    link, code = clean_link_token(typed), clean_recovery_code(typed)
    if link is None and code is None:
        raise FieldError(
            "mail_code", _("Ten letters and digits like ABCDE-12345, or the whole link.")
        )
    async with ctx.write(visitor) as tx:
        request, account, by_link = await deactivation.hold(ctx, tx, wizard)
        if by_link:
            raise OutOfOrderError
        if request.email_proven_at is None:
            place = await limits.take_place(ctx, tx, f"recovery:{account.id}", account.id)
            secrets = deactivation.secrets_of(ctx, request)
            is_right = (link is not None and _same(link, secrets.link)) or (
                code is not None and _same(code, clean_recovery_code(secrets.mail_code) or "")
            )
            if not is_right:
                raise _missed(ctx, tx, request, WrongMailedCodeError())
            await limits.give_back(tx, place)
            _prove_email(ctx, tx, request, "code")
        return await deactivation.view(ctx, tx.db, request, account, tx.now)


async def open_link(ctx: Context, typed: str) -> Recovery | StopOffer:
    """Return what a link leads to. Changes nothing, however often it is opened (S13).

    Raises:
        LinkError: too old, over, not whole, or never given out.
    """
    token = clean_link_token(typed)
    if token is None:
        raise LinkError
    now = ctx.clock.now()
    async with ctx.database.read() as db:
        hashed = token_hash(token)
        query = (
            select(DeactivationRequest, Account)
            .join(Account, col(Account.id) == col(DeactivationRequest.account_id))
            .where(
                or_(
                    DeactivationRequest.link_hash == hashed,
                    DeactivationRequest.stop_hash == hashed,
                )
            )
        )
        found = (await db.exec(query)).first()
        if found is None:
            raise LinkError
        request, account = found
        if request.stop_hash == hashed:
            if not deactivation.is_stoppable(request, now) or request.outcome == "stopped":
                raise LinkError
            return StopOffer(
                Token(token),
                request.created_at,
                safe(request.address, 64),
                request.outcome == "completed",
            )
        is_over = deactivation.outcome_of(request, account, now) != ""
        if is_over or deactivation.is_link_old(ctx, request, now):
            raise LinkError
        view = await deactivation.view(ctx, db, request, account, now, by_link=True)
        return Recovery(Token(token), view, is_by_link=True)


async def send_sms(ctx: Context, visitor: Visitor, proof: Token) -> RequestView:
    """Send the SMS code to the stored phone. Pressed behind the link, this proves the e-mail.

    Raises:
        OutOfOrderError: the e-mail is not proven.
        LimitedError: it was sent a moment ago, or a cap is reached; nothing was sent (S18).
        RequestOverError: the request is over.
    """
    async with ctx.write(visitor) as tx:
        request, account, by_link = await deactivation.hold(ctx, tx, proof)
        if request.email_proven_at is None:
            if not by_link:
                raise OutOfOrderError
            _prove_email(ctx, tx, request, "link")
        if request.sms_sent_at is not None:
            _cool_down(ctx, request.sms_sent_at, tx.now)
        await quotas.spend(ctx, tx, sms_quotas(ctx, tx, account), account.id)
        if request.sms_sent_at is None:
            request.expires_at = tx.now + timedelta(seconds=ctx.settings.lost_device.step_s)
        request.sms_sent_at = tx.now
        request.sms_letter_id = tx.write_letter(
            account,
            "recovery.sms",
            sms=True,
            expires_at=request.expires_at,
            secrets={"code": deactivation.secrets_of(ctx, request).sms_code},
        )
        tx.record("recovery.sms_sent", account.id, request=request.id)
        await tx.db.flush()
        return await deactivation.view(ctx, tx.db, request, account, tx.now)


async def new_captcha(
    ctx: Context, visitor: Visitor, proof: Token, *, as_question: bool
) -> CaptchaView:
    """Return a fresh CAPTCHA for the last step; the ones before are good for nothing.

    Raises:
        OutOfOrderError: the SMS has not been sent.
        LimitedError: too many were asked for.
        RequestOverError: the request is over.
    """
    async with ctx.write(visitor) as tx:
        request, account, _by_link = await deactivation.hold(ctx, tx, proof)
        if request.email_proven_at is None or request.sms_sent_at is None:
            raise OutOfOrderError
        return await captcha.show(
            ctx, tx, _captcha_subject(request), account.id, as_question=as_question
        )


async def finish(
    ctx: Context, visitor: Visitor, proof: Token, sms_code: str, captcha_id: str, answer: str
) -> None:
    """Switch OTP off. Nobody is signed in by this, and every session ends (S15).

    Raises:
        FieldError: a field is malformed (`sms_code`, `captcha`); costs nothing.
        OutOfOrderError: a step before is not done.
        WrongCaptchaError: the SMS code was not looked at.
        WrongSmsCodeError, LimitedError: no; the CAPTCHA is spent all the same.
        RequestOverError: the request is over, or this was one wrong code too many.
    """
    digits = clean_code(sms_code)
    if digits is None:
        raise FieldError("sms_code", _("The SMS code is six digits."))
    if not answer.strip():
        raise FieldError("captcha", _("Please type what you see."))
    async with ctx.write(visitor) as tx:
        request, account, _by_link = await deactivation.hold(ctx, tx, proof)
        if request.email_proven_at is None or request.sms_sent_at is None:
            raise OutOfOrderError
        place = await limits.take_place(ctx, tx, f"recovery:{account.id}", account.id)
        try:
            await captcha.spend(ctx, tx, _captcha_subject(request), captcha_id, answer)
        except CommitAndRaiseError:
            await limits.give_back(tx, place)
            raise
        if not _same(digits, deactivation.secrets_of(ctx, request).sms_code):
            raise _missed(ctx, tx, request, WrongSmsCodeError())
        await limits.give_back(tx, place)
        await deactivation.close(tx, request, "completed")
        await devices.switch_off(tx, account)
        ended = await sessions.end_all(tx, account.id, sessions.SECURITY)
        await sign_in.void_halves(tx, account.id)
        tx.record("otp.recovered", account.id, request=request.id, sessions_ended=ended)
        await tx.tell_everywhere(account, "otp.recovered")


async def stop(ctx: Context, visitor: Visitor, token: Token) -> None:
    """Say "this was not me": end the request and every session, and tell staff.

    `token` is the stop link's, or the link's own. After the request was completed, OTP stays off,
    but nobody stays signed in, and staff know. Stopping twice is stopping once.

    Raises:
        LinkError: no such link, or it is too old.
    """
    hashed = token_hash(token.value)
    await support.load_calendar(ctx)
    async with ctx.write(visitor) as tx:
        mine = or_(DeactivationRequest.stop_hash == hashed, DeactivationRequest.link_hash == hashed)
        found = (await tx.db.exec(select(DeactivationRequest.account_id).where(mine))).first()
        account = await tx.hold(found) if found else None
        request = (await tx.db.exec(select(DeactivationRequest).where(mine))).first()
        if account is None or request is None:
            raise LinkError
        if not deactivation.is_stoppable(request, tx.now):
            raise LinkError
        if request.outcome == "stopped":
            return
        was = request.outcome
        request.done_at, request.outcome = request.done_at or tx.now, "stopped"
        request.sealed_key = ""
        ended = await sessions.end_all(tx, account.id, sessions.SECURITY)
        await sign_in.void_halves(tx, account.id)
        tx.record("recovery.stopped", account.id, request=request.id, was=was, sessions_ended=ended)
        await tx.tell_everywhere(account, "recovery.stopped")
        await support.open_not_me(ctx, tx, account, was_completed=was == "completed")


async def _refuse_on_hold(ctx: Context, tx: Transaction, account: Account) -> None:
    hold = timedelta(hours=ctx.settings.lost_device.hold_h)
    query = (
        select(OldContact.replaced_at)
        .where(OldContact.account_id == account.id, col(OldContact.replaced_at) > tx.now - hold)
        .order_by(col(OldContact.replaced_at).desc())
    )
    changed_at = (await tx.db.exec(query)).first()
    if changed_at is None:
        return
    await quotas.spend(ctx, tx, _request_quotas(ctx, account), account.id)
    hours = max(1, -int((tx.now - changed_at - hold).total_seconds() // 3600))
    tx.record("recovery.held", account.id, hours=hours)
    await tx.tell_everywhere(account, "recovery.held", hours=hours)
    raise CommitAndRaiseError(OnHoldError(hours))


async def _new_request(
    ctx: Context, tx: Transaction, account: Account, wizard: str
) -> DeactivationRequest:
    await quotas.spend(ctx, tx, _request_quotas(ctx, account), account.id)
    await tx.db.exec(
        delete(DeactivationRequest).where(
            col(DeactivationRequest.account_id) == account.id,
            col(DeactivationRequest.created_at) < tx.now - deactivation.STOPPABLE,
        )
    )
    secrets = deactivation.Secrets(
        link=new_link_token(),
        stop=new_link_token(),
        mail_code=new_recovery_code(),
        sms_code=new_digits(SMS_DIGITS),
    )
    request = DeactivationRequest(
        account_id=account.id,
        wizard_hash=token_hash(wizard),
        link_hash=token_hash(secrets.link),
        stop_hash=token_hash(secrets.stop),
        sealed_key="",
        address=tx.visitor.address,
        terminal=tx.visitor.terminal,
        created_at=tx.now,
        expires_at=tx.now + timedelta(seconds=ctx.settings.lost_device.link_s),
        mail_sent_at=tx.now,
    )
    deactivation.seal(ctx, request, secrets)
    tx.db.add(request)
    await _send_mail(ctx, tx, request, account)
    tx.record("recovery.begun", account.id, request=request.id)
    return request


async def _send_mail(
    ctx: Context, tx: Transaction, request: DeactivationRequest, account: Account
) -> None:
    most = ctx.settings.limits.mails_1h
    await quotas.spend(ctx, tx, [Quota(f"mail:{account.id}", most, HOUR)], account.id)
    secrets = deactivation.secrets_of(ctx, request)
    request.mail_sent_at = tx.now
    request.mail_letter_id = tx.write_letter(
        account,
        "recovery.mail",
        expires_at=request.expires_at,
        secrets={"link": secrets.link, "stop": secrets.stop, "code": secrets.mail_code},
        asked_from=request.address,
        terminal=request.terminal,
        asked_at=request.created_at.isoformat(),
        expires_at_utc=request.expires_at.isoformat(),
    )


def _prove_email(ctx: Context, tx: Transaction, request: DeactivationRequest, how: str) -> None:
    request.email_proven_at = tx.now
    request.expires_at = tx.now + timedelta(seconds=ctx.settings.lost_device.step_s)
    tx.record("recovery.email_proven", request.account_id, request=request.id, how=how)


def _missed(
    ctx: Context, tx: Transaction, request: DeactivationRequest, error: ConsoleError
) -> CommitAndRaiseError:
    request.misses += 1
    tx.record("recovery.missed", request.account_id, request=request.id, why=error.code)
    if request.misses >= ctx.settings.lost_device.misses:
        request.done_at, request.outcome, request.sealed_key = tx.now, "missed", ""
        error = RequestOverError("missed")
    return CommitAndRaiseError(error)


def _same(typed: str, right: str) -> bool:
    return hmac.compare_digest(typed.encode("utf-8"), right.encode("utf-8"))


def _cool_down(ctx: Context, sent_at: datetime, now: datetime) -> None:
    wait = deactivation.again_s(ctx, sent_at, now)
    if wait:
        raise LimitedError(wait)


def _captcha_subject(request: DeactivationRequest) -> str:
    return f"recovery:{request.id}"


def _request_quotas(ctx: Context, account: Account) -> list[Quota]:
    most = ctx.settings.limits
    subject = f"request:{account.id}"
    return [Quota(subject, most.requests_1h, HOUR), Quota(subject, most.requests_1d, DAY)]


def sms_quotas(ctx: Context, tx: Transaction, account: Account) -> list[Quota]:
    """Return what one SMS to an account's phone is taken out of (S18)."""
    most, number = ctx.settings.limits, account.phone
    address = limits.address_key(tx.visitor.address)
    return [
        Quota(f"sms-number:{number}", most.sms_number_1h, HOUR),
        Quota(f"sms-number:{number}", most.sms_number_1d, DAY),
        Quota(f"sms-account:{account.id}", most.sms_account_1d, DAY),
        Quota(f"sms-address:{address}", most.sms_address_1h, HOUR),
        Quota(f"sms-prefix:{number[:-4]}", most.sms_prefix_1h, HOUR),
        Quota(f"sms-country:{phone_country(number)}", most.sms_country_1h, HOUR),
        Quota("sms", most.sms_total_1d, DAY),
    ]
