"""Somebody makes us pay for SMS, or floods a person with them.

Who rents a block of expensive numbers asks for codes to them, from many accounts and addresses; who
wants to wear a person down asks again and again. What counts is how many messages are written.
"""

from __future__ import annotations

import pytest

from tests.support.console import HOME, Console, attempt
from tests.support.recovery import Way, letters
from tui_admin.errors import LimitedError
from tui_admin.flows import lost_device, quotas
from tui_admin.flows.answers import Visitor
from tui_admin.flows.lost_device import sms_quotas
from tui_admin.models import Account

pytestmark = pytest.mark.usefixtures("easy_captcha")


async def test_a_thousand_requests_for_one_number(console: Console) -> None:
    """S18: whatever is asked for, by however many requests and resends, one number gets at most
    five codes an hour and ten a day; the answer says when the next is possible."""
    alice = await console.customer(otp=True)
    waits = []
    for _ in range(250):
        got = await attempt(Way.begin(console, alice))
        if isinstance(got, LimitedError):
            console.clock.turn(60)
            continue
        assert isinstance(got, Way)
        await got.confirm_mail()
        for _ in range(4):
            sent = await attempt(got.send_sms())
            if isinstance(sent, LimitedError):
                waits.append(sent.retry_after_s)
            console.clock.turn(61)
    sms = await letters(console, "recovery.sms")
    times = [letter.created_at for letter in sms]
    spans = ((3600, 5), (86400, 10))
    for span, most in spans:
        assert all(sum(0 <= (b - a).total_seconds() < span for b in times) <= most for a in times)
    assert len(sms) >= 5
    assert any(wait > 60 for wait in waits)


async def _many(console: Console, count: int, *, phone: str, address: str, account: str) -> int:
    """Ask for an SMS for each of `count` made-up accounts; return how many would be sent."""
    sent = 0
    for number in range(count):
        row = Account(
            id=account.format(n=number).ljust(32, "0"),
            username="x",
            email="x",
            phone=phone.format(n=number),
            password_hash="",
            created_at=console.clock.now(),
        )
        visitor = Visitor(address.format(n=number % 250, m=number // 250), "")
        try:
            async with console.ctx.write(visitor) as tx:
                wanted = sms_quotas(console.ctx, tx, row)
                await quotas.spend(console.ctx, tx, wanted, "")
                sent += 1
        except LimitedError:
            pass
    return sent


@pytest.mark.parametrize(
    ("phone", "address", "account", "most"),
    [
        ("+420603123456", "192.0.{m}.{n}", "a{n}", 5),
        ("+42060312{n:04}", "192.0.{m}.{n}", "a{n}", 30),
        ("+420{n:03}123456", "192.0.{m}.{n}", "a{n}", 300),
        ("+420{n:03}123456", "192.0.2.1", "a{n}", 10),
        ("+420{n:03}123456", "2001:db8::{n:x}", "a{n}", 10),
        ("+420{n:03}123456", "192.0.{m}.{n}", "a", 10),
    ],
    ids=["number", "prefix", "country", "address", "address-v6", "account"],
)
async def test_a_thousand_at_once(
    console: Console, phone: str, address: str, account: str, most: int
) -> None:
    """S18: caps by number, block of numbers, country, peer address and account, each alone."""
    sent = await _many(console, 400, phone=phone, address=address, account=account)
    assert sent == most


async def test_the_cap_over_all(console: Console) -> None:
    """S18: a day's total holds whoever asks."""
    ctx = console.with_settings(limits={"sms_total_1d": 7, "sms_country_1h": 1000})
    console.ctx = ctx
    sent = await _many(
        console, 20, phone="+420{n:03}123456", address="192.0.{m}.{n}", account="a{n}"
    )
    assert sent == 7
    console.clock.turn(86400)
    assert (
        await _many(console, 20, phone="+420{n:03}123456", address="192.0.{m}.{n}", account="a{n}")
        == 7
    )


async def test_only_the_stored_number(console: Console) -> None:
    """S18, S28: no step takes a number; the SMS goes to the one that is stored and verified."""
    alice = await console.customer(otp=True)
    way = await Way.begin(console, alice)
    await way.confirm_mail()
    await console.execute("UPDATE account SET new_phone = '+420777000111'")
    await lost_device.send_sms(console.ctx, HOME, way.wizard)
    assert [row.recipient for row in await letters(console, "recovery.sms")] == ["+420603123456"]
