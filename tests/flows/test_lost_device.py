"""The lost device: what each step needs, what it gives, and what is left at the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.console import HOME, STRANGER, Console, attempt
from tests.support.recovery import Way, letters, secrets_of
from tui_admin.errors import (
    FieldError,
    LimitedError,
    LinkError,
    NoWayBackError,
    OnHoldError,
    OutOfOrderError,
    RequestOverError,
    SessionEndedError,
    SignInExpiredError,
    WrongCaptchaError,
    WrongMailedCodeError,
    WrongSmsCodeError,
)
from tui_admin.flows import accounts, activation, contacts, devices, lost_device, sessions, sign_in
from tui_admin.flows.answers import Delivery, NeedsCode, Recovery, SignedIn, Step, StopOffer, Token
from tui_admin.models import (
    DeactivationRequest,
    Device,
    PendingKey,
    RecoveryCode,
    Session,
    SupportRequest,
)

pytestmark = pytest.mark.usefixtures("easy_captcha")


async def test_the_whole_way(console: Console) -> None:
    """S14, S15, S16: password, e-mail, SMS and CAPTCHA switch OTP off. Nobody is signed in by it,
    every session ends, all factors are gone, and every address hears of it."""
    alice = await console.customer(otp=True)
    session = await console.sign_in(alice)
    further = await activation.begin_further(
        console.ctx, HOME, session, "Tablet", alice.password, alice.code()
    )
    assert further.key
    way = await Way.begin(console, alice)
    assert way.recovery.view.step is Step.EMAIL
    assert (await way.confirm_mail()).step is Step.SMS
    assert (await way.send_sms()).step is Step.CODE
    await way.finish()
    for table in (Device, RecoveryCode, PendingKey):
        assert await console.rows(table) == []
    assert all(row.ended_at is not None for row in await console.rows(Session))
    with pytest.raises(SessionEndedError):
        await sessions.check(console.ctx, HOME, session)
    told = {(row.channel, row.recipient) for row in await letters(console, "otp.recovered")}
    assert told == {("email", "alice@example.com"), ("sms", "+420603123456")}
    assert isinstance(await sign_in.password(console.ctx, HOME, "alice", alice.password), SignedIn)
    assert (await console.events()).count("otp.recovered") == 1


async def test_the_way_by_the_link(console: Console) -> None:
    """S13: opening the link changes nothing, however often; the button behind it proves the
    e-mail, and the terminal that waits follows."""
    alice = await console.customer(otp=True)
    way = await Way.begin(console, alice)
    link = (await way.mail())["link"]
    before = await console.rows(DeactivationRequest)
    for _ in range(5):
        opened = await lost_device.open_link(console.ctx, link)
        assert isinstance(opened, Recovery)
        assert opened.view.step is Step.SMS
    after = await console.rows(DeactivationRequest)
    assert [row.model_dump() for row in after] == [row.model_dump() for row in before]
    assert (await lost_device.look(console.ctx, way.wizard)).step is Step.EMAIL
    proof = await way.by_link()
    assert (await lost_device.look(console.ctx, proof)).step is Step.SMS
    await way.send_sms(proof)
    assert (await lost_device.look(console.ctx, way.wizard)).step is Step.CODE
    await way.finish(proof)
    with pytest.raises(RequestOverError) as over:
        await lost_device.look(console.ctx, way.wizard)
    assert over.value.outcome == "completed"


@pytest.mark.parametrize("pasted", ["ssh://recover-{}@panel.example.com", "{}.", "RECOVER-{}"])
async def test_the_link_pasted_into_the_wizard(console: Console, pasted: str) -> None:
    """The whole link, or its token, is as good as the mailed code."""
    way = await Way.begin(console, await console.customer(otp=True))
    link = pasted.format((await way.mail())["link"].upper())
    view = await lost_device.confirm_mail(console.ctx, HOME, way.wizard, link)
    assert view.step is Step.SMS


async def test_steps_out_of_order(console: Console) -> None:
    """S14: no step works before the one that it needs, by whichever proof."""
    ctx = console.ctx
    alice = await console.customer(otp=True)
    way = await Way.begin(console, alice)
    captcha = ("0" * 32, "k7mx")
    mail = await way.mail()

    async def refused(proof: Token) -> None:
        for call in (
            lost_device.new_captcha(ctx, HOME, proof, as_question=False),
            lost_device.finish(ctx, HOME, proof, "123456", *captcha),
        ):
            assert isinstance(await attempt(call), OutOfOrderError)

    await refused(way.wizard)
    assert isinstance(await attempt(way.send_sms()), OutOfOrderError)
    link = await way.by_link()
    await refused(link)
    assert isinstance(
        await attempt(lost_device.confirm_mail(ctx, HOME, link, mail["code"])), OutOfOrderError
    )
    await way.confirm_mail()
    await refused(way.wizard)
    await refused(link)
    assert isinstance(
        await attempt(lost_device.send_mail_again(ctx, HOME, way.wizard)), OutOfOrderError
    )
    assert (await devices.overview(ctx, await console.sign_in(alice))).otp_active


async def test_it_is_begun_behind_the_password_alone(console: Console) -> None:
    """S14: neither a made-up, a spent, a stale half-done sign-in nor a session begins one."""
    alice = await console.customer(otp=True)
    session = await console.sign_in(alice)
    spent = await console.half(alice)
    await sign_in.cancel(console.ctx, HOME, spent)
    stale = await console.half(alice)
    console.clock.turn(301)
    for token in (Token(""), Token("x" * 43), session, spent, stale):
        got = await attempt(lost_device.begin(console.ctx, HOME, token))
        assert isinstance(got, SignInExpiredError)
    assert await letters(console, "recovery.mail") == []


async def test_the_times_of_the_steps(console: Console) -> None:
    """S12, S13: the e-mail is good for five minutes, the SMS for five from its sending; a clock
    that is set back prolongs neither."""
    way = await Way.begin(console, await console.customer(otp=True))
    link = (await way.mail())["link"]
    console.clock.turn(299)
    assert isinstance(await lost_device.open_link(console.ctx, link), Recovery)
    console.clock.turn(1)
    assert isinstance(await attempt(lost_device.open_link(console.ctx, link)), LinkError)
    assert isinstance(await attempt(way.confirm_mail()), RequestOverError)
    console.clock.turn(-400)
    assert isinstance(await attempt(lost_device.open_link(console.ctx, link)), LinkError)
    assert isinstance(await attempt(way.confirm_mail()), RequestOverError)
    console.clock.turn(400)

    way = await Way.begin(console, way.person)
    console.clock.turn(250)
    await way.confirm_mail()
    console.clock.turn(250)
    await way.send_sms()
    console.clock.turn(299)
    assert (await lost_device.look(console.ctx, way.wizard)).step is Step.CODE
    captcha = await way.captcha()
    console.clock.turn(1)
    got = await attempt(way.finish(captcha=captcha))
    assert isinstance(got, RequestOverError)
    assert got.outcome == "expired"


async def test_coming_back(console: Console) -> None:
    """Signing in with the password again comes back to the step that was reached, without another
    e-mail; the terminal from before is out."""
    alice = await console.customer(otp=True)
    way = await Way.begin(console, alice)
    await way.confirm_mail()
    console.clock.turn(100)
    step = await sign_in.password(console.ctx, HOME, "alice", alice.password)
    assert isinstance(step, NeedsCode)
    assert step.is_recovering
    again = await lost_device.begin(console.ctx, HOME, step.half)
    assert again.view.step is Step.SMS
    assert len(await letters(console, "recovery.mail")) == 1
    assert isinstance(await attempt(lost_device.look(console.ctx, way.wizard)), RequestOverError)
    way.recovery = again
    await way.send_sms()
    await way.finish()


async def test_a_code_from_the_device_ends_the_request(console: Console) -> None:
    """Whoever signs in with a code has the device; a request that somebody else began is over."""
    alice = await console.customer(otp=True)
    way = await Way.begin(console, alice, STRANGER)
    await way.to_the_code()
    await console.sign_in(alice)
    got = await attempt(way.finish(captcha=("0" * 32, "x")))
    assert isinstance(got, RequestOverError)
    assert got.outcome == "signed_in"


async def test_sending_again(console: Console) -> None:
    """S12, S8: a resend waits, carries the same codes, prolongs nothing and resets no limit."""
    way = await Way.begin(console, await console.customer(otp=True))
    first = await way.mail()
    wrong = lost_device.confirm_mail(console.ctx, HOME, way.wizard, "ABCDE-12345")
    assert isinstance(await attempt(wrong), WrongMailedCodeError)
    got = await attempt(lost_device.send_mail_again(console.ctx, HOME, way.wizard))
    assert isinstance(got, LimitedError)
    console.clock.turn(60)
    view = await lost_device.send_mail_again(console.ctx, HOME, way.wizard)
    assert await way.mail() == first
    assert view.ttl_s == 240
    [row] = await console.rows(DeactivationRequest)
    assert row.misses == 1
    await way.confirm_mail()
    await way.send_sms()
    code = await way.sms()
    assert isinstance(await attempt(way.send_sms()), LimitedError)
    console.clock.turn(60)
    assert (await way.send_sms()).ttl_s == 240
    assert await way.sms() == code
    assert len(await letters(console, "recovery.sms")) == 2


async def test_five_wrong_codes_end_the_request(console: Console) -> None:
    """S8: mailed codes and SMS codes that miss count together; the fifth ends the request."""
    way = await Way.begin(console, await console.customer(otp=True))
    for _ in range(2):
        call = lost_device.confirm_mail(console.ctx, HOME, way.wizard, "ABCDE-12345")
        assert isinstance(await attempt(call), WrongMailedCodeError)
    await way.to_the_code()
    wrong = "000000" if await way.sms() != "000000" else "111111"
    for _ in range(2):
        assert isinstance(await attempt(way.finish(code=wrong)), WrongSmsCodeError)
    got = await attempt(way.finish(code=wrong))
    assert isinstance(got, RequestOverError)
    assert got.outcome == "missed"
    got = await attempt(way.finish(captcha=("0" * 32, "x")))
    assert isinstance(got, RequestOverError)
    assert len(await console.rows(Device)) == 1


async def test_malformed_fields_cost_nothing(console: Console) -> None:
    """A form error is no miss."""
    way = await Way.begin(console, await console.customer(otp=True))
    for typed in ("", "12345", "ABCDE", "x" * 5000, "\ud800", "\uff21\uff22", "[/]"):
        call = lost_device.confirm_mail(console.ctx, HOME, way.wizard, typed)
        assert isinstance(await attempt(call), FieldError)
    await way.to_the_code()
    for code, answer in (("12345", "x"), ("\uff11" * 6, "x"), ("", "x"), ("123456", " ")):
        call2 = lost_device.finish(console.ctx, HOME, way.wizard, code, "0" * 32, answer)
        assert isinstance(await attempt(call2), FieldError)
    [row] = await console.rows(DeactivationRequest)
    assert row.misses == 0


async def test_a_captcha_is_good_for_one_answer(console: Console) -> None:
    """A CAPTCHA that was answered, right or wrong, is spent; the SMS code is not looked at without
    one."""
    way = await Way.begin(console, await console.customer(otp=True))
    await way.to_the_code()
    captcha = await way.captcha()
    got = await attempt(way.finish(captcha=(captcha[0], "wrong")))
    assert isinstance(got, WrongCaptchaError)
    assert isinstance(await attempt(way.finish(captcha=captcha)), WrongCaptchaError)
    captcha = await way.captcha()
    wrong = "000000" if await way.sms() != "000000" else "111111"
    assert isinstance(await attempt(way.finish(code=wrong, captcha=captcha)), WrongSmsCodeError)
    assert isinstance(await attempt(way.finish(captcha=captcha)), WrongCaptchaError)
    await way.finish()


async def test_stopping(console: Console) -> None:
    """The link that says "this was not me" stops the request, ends sessions and tells staff; asking
    about it does nothing yet, and stopping twice is stopping once."""
    alice = await console.customer(otp=True)
    await console.customer("agent", role="staff")
    session = await console.sign_in(alice)
    way = await Way.begin(console, alice, STRANGER)
    await way.to_the_code()
    stop = (await way.mail())["stop"]
    offer = await lost_device.open_link(console.ctx, stop)
    assert isinstance(offer, StopOffer)
    assert offer.asked_from == STRANGER.address
    await sessions.check(console.ctx, HOME, session)
    await lost_device.stop(console.ctx, HOME, offer.stop)
    await lost_device.stop(console.ctx, HOME, offer.stop)
    got = await attempt(way.finish(captcha=("0" * 32, "x")))
    assert isinstance(got, RequestOverError)
    assert got.outcome == "stopped"
    assert isinstance(await attempt(sessions.check(console.ctx, HOME, session)), SessionEndedError)
    assert len(await letters(console, "recovery.stopped")) == 2
    [case] = await console.rows(SupportRequest)
    assert case.kind == "not_me"
    [letter] = await letters(console, "staff.case")
    assert letter.recipient == "agent@example.com"
    assert isinstance(await attempt(lost_device.open_link(console.ctx, stop)), LinkError)


async def test_stopping_too_late(console: Console) -> None:
    """After OTP was switched off, "this was not me" still ends sessions and tells staff."""
    alice = await console.customer(otp=True)
    way = await Way.begin(console, alice, STRANGER)
    mail = await way.mail()
    await way.to_the_code()
    await way.finish()
    stranger = await sign_in.password(console.ctx, STRANGER, "alice", alice.password)
    assert isinstance(stranger, SignedIn)
    offer = await lost_device.open_link(console.ctx, mail["stop"])
    assert isinstance(offer, StopOffer)
    assert offer.is_completed
    await lost_device.stop(console.ctx, HOME, offer.stop)
    got = await attempt(sessions.check(console.ctx, STRANGER, stranger.session))
    assert isinstance(got, SessionEndedError)
    assert [row.kind for row in await console.rows(SupportRequest)] == ["not_me"]
    console.clock.turn(72 * 3600)
    assert isinstance(await attempt(lost_device.open_link(console.ctx, mail["stop"])), LinkError)


async def test_who_began_it_cannot_stop_it(console: Console) -> None:
    """The wizard's token is no way to end the owner's sessions."""
    way = await Way.begin(console, await console.customer(otp=True), STRANGER)
    got = await attempt(lost_device.stop(console.ctx, STRANGER, way.wizard))
    assert isinstance(got, LinkError)


async def test_contacts_that_were_just_changed(console: Console) -> None:
    """For 72 hours after a change of phone no request goes out; every address is told, the old
    one included, and afterwards the old number still hears of what happens."""
    alice = await console.customer(otp=True)
    session = await console.sign_in(alice)
    await contacts.change_phone(
        console.ctx, HOME, session, "+420777888999", alice.password, alice.code()
    )
    await accounts.verify_contacts(console.ctx, "alice", email=False, phone=True)
    console.clock.turn(71 * 3600)
    got = await attempt(lost_device.begin(console.ctx, HOME, await console.half(alice)))
    assert isinstance(got, OnHoldError)
    assert got.hours == 1
    addresses = {"alice@example.com", "+420603123456", "+420777888999"}
    assert {row.recipient for row in await letters(console, "recovery.held")} == addresses
    assert await letters(console, "recovery.mail") == []
    console.clock.turn(3600)
    way = await Way.begin(console, alice)
    await way.to_the_code()
    [sms] = await letters(console, "recovery.sms")
    assert sms.recipient == "+420777888999"
    await way.finish()
    assert {row.recipient for row in await letters(console, "otp.recovered")} == addresses


async def test_nothing_to_send_to(console: Console) -> None:
    """S19: without a verified phone, or without a mail server, the contact form is the way."""
    alice = await console.customer(otp=True)
    half = await console.half(alice)
    silent = console.ctx.settings.model_copy(update={"smtp_url": ""})
    got = await attempt(lost_device.begin(replace(console.ctx, settings=silent), HOME, half))
    assert isinstance(got, NoWayBackError)
    await console.execute("UPDATE account SET phone_verified_at = NULL")
    got = await attempt(lost_device.begin(console.ctx, HOME, half))
    assert isinstance(got, NoWayBackError)


async def test_what_became_of_the_letters(console: Console) -> None:
    """The wizard tells whether a letter waits, is being tried again, has left, or failed."""
    way = await Way.begin(console, await console.customer(otp=True))
    assert way.recovery.view.mail is Delivery.WAITING
    for values, expected in (
        ("last_error = 'no answer'", Delivery.TRYING),
        ("done_at = created_at, outcome = 'failed'", Delivery.FAILED),
        ("outcome = 'sent'", Delivery.SENT),
    ):
        await console.execute(f"UPDATE outbox SET {values} WHERE template = 'recovery.mail'")
        assert (await lost_device.look(console.ctx, way.wizard)).mail is expected


async def test_letters_with_codes_run_out_and_are_sealed(console: Console) -> None:
    """O3, S5: what is good for five minutes is not delivered later, and stands sealed."""
    way = await Way.begin(console, await console.customer(otp=True))
    await way.to_the_code()
    for template in ("recovery.mail", "recovery.sms"):
        [letter] = await letters(console, template)
        assert letter.expires_at is not None
        assert (letter.expires_at - letter.created_at).total_seconds() == 300
        for secret in secrets_of(console, letter).values():
            assert secret not in str(letter.facts)


async def test_a_changed_factor_ends_the_request(console: Console) -> None:
    """Disabling OTP, or locking the account, ends what was begun."""
    alice = await console.customer(otp=True)
    session = await console.sign_in(alice)
    way = await Way.begin(console, alice)
    await devices.disable(console.ctx, HOME, session, alice.password, alice.code())
    assert isinstance(await attempt(way.confirm_mail()), RequestOverError)

    bob = await console.customer("bob", otp=True)
    way = await Way.begin(console, bob)
    await accounts.lock(console.ctx, "bob")
    assert isinstance(await attempt(way.confirm_mail()), RequestOverError)
