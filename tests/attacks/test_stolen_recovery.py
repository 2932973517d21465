"""Somebody has a part of what recovery needs, and tries to get along without the rest.

In Vantage6 the mailbox alone defeated two factors (CVE-2024-27928); in Keycloak a reset went
through without the mail (CVE-2026-18963); at Vulnerability-Lookup a link worked twice
(CVE-2026-73431); in
authentik another account's token was taken (CVE-2023-26481); Discourse acted as soon as a link was
opened (CVE-2019-1020018); Vaultwarden's "send code" told who has which password (CVE-2026-43914).
"""

from __future__ import annotations

import asyncio

import pytest

from tests.support.console import HOME, STRANGER, Console, attempt, kinds, outcomes
from tests.support.recovery import ANSWER, Way, letters
from tui_admin.errors import (
    LinkError,
    OutOfOrderError,
    RejectedError,
    RequestOverError,
    WrongCaptchaError,
    WrongMailedCodeError,
    WrongSmsCodeError,
)
from tui_admin.flows import devices, lost_device
from tui_admin.flows.answers import Recovery, Token
from tui_admin.models import DeactivationRequest, Device, Letter, Session

pytestmark = pytest.mark.usefixtures("easy_captcha")


async def test_the_mailbox_alone(console: Console) -> None:
    """CVE-2024-27928, S14: whoever reads the owner's mail can have the SMS sent to the owner's
    phone, and gets no further."""
    way = await Way.begin(console, await console.customer(otp=True))
    thief = await way.by_link()
    await lost_device.send_sms(console.ctx, STRANGER, thief)
    [sms] = await letters(console, "recovery.sms")
    assert sms.recipient == "+420603123456"
    for _ in range(4):
        call = way.finish(thief, code="000000")
        assert isinstance(await attempt(call), WrongSmsCodeError)
    got = await attempt(way.finish(thief, code="000000"))
    assert isinstance(got, RequestOverError)
    assert len(await console.rows(Device)) == 1


async def test_the_password_and_the_phone_without_the_mail(console: Console) -> None:
    """CVE-2026-18963, S14: password and SIM card do not do without the e-mail."""
    way = await Way.begin(console, await console.customer(otp=True), STRANGER)
    for call in (
        lost_device.send_sms(console.ctx, STRANGER, way.wizard),
        lost_device.finish(console.ctx, STRANGER, way.wizard, "123456", "0" * 32, ANSWER),
    ):
        assert isinstance(await attempt(call), OutOfOrderError)
    assert await letters(console, "recovery.sms") == []


async def test_another_accounts_codes(console: Console) -> None:
    """CVE-2023-26481, S12, S14, S30: link, mailed code, SMS code and CAPTCHA of another account's
    request, begun by the attacker for an account of her own, are good for nothing here."""
    alice = await Way.begin(console, await console.customer("alice", otp=True))
    mallory = await Way.begin(console, await console.customer("mallory", otp=True))
    hers = await mallory.mail()
    for typed in (hers["link"], hers["code"]):
        call = lost_device.confirm_mail(console.ctx, STRANGER, alice.wizard, typed)
        assert isinstance(await attempt(call), WrongMailedCodeError)
    await alice.to_the_code()
    await mallory.to_the_code()
    assert await alice.sms() != await mallory.sms()
    got = await attempt(alice.finish(captcha=await mallory.captcha()))
    assert isinstance(got, WrongCaptchaError)
    got = await attempt(alice.finish(code=await mallory.sms()))
    assert isinstance(got, WrongSmsCodeError)
    await mallory.finish()
    owners = {row.account_id for row in await console.rows(Device)}
    assert owners == {alice.person.account_id}


async def test_an_earlier_requests_codes(console: Console) -> None:
    """S12: what an older request of the same account carried is good for nothing in a new one."""
    alice = await console.customer(otp=True)
    old = await Way.begin(console, alice)
    mail = await old.mail()
    await old.to_the_code()
    sms = await old.sms()
    console.clock.turn(301)
    new = await Way.begin(console, alice)
    for typed in (mail["link"], mail["code"]):
        call = lost_device.confirm_mail(console.ctx, HOME, new.wizard, typed)
        assert isinstance(await attempt(call), WrongMailedCodeError)
    await new.to_the_code()
    assert isinstance(await attempt(new.finish(code=sms)), WrongSmsCodeError)


async def test_a_link_that_was_used(console: Console) -> None:
    """CVE-2026-73431: once OTP is off, neither link nor wizard opens anything any more."""
    way = await Way.begin(console, await console.customer(otp=True))
    link = await way.by_link()
    await way.to_the_code()
    await way.finish()
    assert isinstance(await attempt(lost_device.open_link(console.ctx, link.value)), LinkError)
    for proof in (link, way.wizard):
        for call in (
            lost_device.send_sms(console.ctx, HOME, proof),
            lost_device.new_captcha(console.ctx, HOME, proof, as_question=True),
            lost_device.finish(console.ctx, HOME, proof, "123456", "0" * 32, ANSWER),
        ):
            assert isinstance(await attempt(call), RequestOverError)


async def test_a_mail_scanner_opens_the_links(console: Console) -> None:
    """CVE-2019-1020018, S13: opening link and stop link a hundred times changes nothing."""
    alice = await console.customer(otp=True)
    session = await console.sign_in(alice)
    way = await Way.begin(console, alice)
    mail = await way.mail()
    for _ in range(100):
        await lost_device.open_link(console.ctx, mail["link"])
        await lost_device.open_link(console.ctx, mail["stop"])
    assert (await lost_device.look(console.ctx, way.wizard)).step == "email"
    assert (await devices.overview(console.ctx, session)).otp_active
    assert await letters(console, "recovery.sms") == []


async def test_made_up_links(console: Console) -> None:
    """Half, padded, foreign and made-up tokens all look alike."""
    way = await Way.begin(console, await console.customer(otp=True))
    link = (await way.mail())["link"]
    for typed in ("", link[:-1], link + "a", "0" * 26, "recover-", "%", "\x00", "a" * 100_000):
        assert isinstance(await attempt(lost_device.open_link(console.ctx, typed)), LinkError)
        if typed != link:
            got = await attempt(lost_device.look(console.ctx, Token(typed)))
            assert isinstance(got, RequestOverError)


async def test_nothing_tells_passwords(console: Console) -> None:
    """CVE-2026-43914: recovery cannot be begun, and so not be asked about, without the password;
    no letter goes out for a wrong one."""
    await console.customer(otp=True)
    got = await attempt(lost_device.begin(console.ctx, STRANGER, Token("x" * 43)))
    assert isinstance(got, RejectedError)
    assert await letters(console, "recovery.mail") == []


async def test_finishing_twenty_times_at_once(console: Console) -> None:
    """S9: of twenty terminals that send the last step at once, one switches OTP off."""
    way = await Way.begin(console, await console.customer(otp=True))
    await way.to_the_code()
    sms = await way.sms()
    challenge = await way.captcha()
    calls = [way.finish(code=sms, captcha=challenge) for _ in range(20)]
    results = await outcomes(calls)
    assert kinds(results)["NoneType"] == 1
    assert len(await letters(console, "otp.recovered")) == 2


async def test_guessing_sms_codes_at_once(console: Console) -> None:
    """S8, S9: a hundred guesses at once, from many addresses, are at most five looks."""
    way = await Way.begin(console, await console.customer(otp=True))
    await way.to_the_code()
    right = await way.sms()
    guesses = [f"{n:06}" for n in range(100) if f"{n:06}" != right]

    async def guess(code: str) -> None:
        view = await lost_device.new_captcha(console.ctx, HOME, way.wizard, as_question=False)
        await lost_device.finish(console.ctx, HOME, way.wizard, code, view.id, ANSWER)

    results = await outcomes(guess(code) for code in guesses)
    assert kinds(results).get("NoneType", 0) == 0
    assert kinds(results).get("WrongSmsCodeError", 0) <= 5
    [row] = await console.rows(DeactivationRequest)
    assert row.misses <= 5
    assert len(await console.rows(Device)) == 1


async def test_begun_twice_at_once(console: Console) -> None:
    """Two terminals that begin at the same moment share one request, and one e-mail goes out."""
    alice = await console.customer(otp=True)
    halves = [await console.half(alice) for _ in range(4)]
    begun = await asyncio.gather(*(lost_device.begin(console.ctx, HOME, half) for half in halves))
    assert all(isinstance(one, Recovery) for one in begun)
    assert len(await console.rows(DeactivationRequest)) == 1
    assert len(await letters(console, "recovery.mail")) == 1


async def test_it_signs_nobody_in(console: Console) -> None:
    """S15: the end of a recovery begins no session, in any terminal."""
    way = await Way.begin(console, await console.customer(otp=True))
    before = len(await console.rows(Session))
    await way.to_the_code()
    assert await way.finish(await way.by_link()) is None  # type: ignore[func-returns-value]
    assert len(await console.rows(Session)) == before


async def test_one_address_a_letter(console: Console) -> None:
    """S27: each letter names one recipient, the stored one."""
    way = await Way.begin(console, await console.customer(otp=True))
    await way.to_the_code()
    await way.finish()
    stored = {"alice@example.com", "+420603123456"}
    assert {row.recipient for row in await console.rows(Letter)} == stored
