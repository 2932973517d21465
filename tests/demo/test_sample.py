"""The demo delivers for real: what a flow writes arrives on the phone, by SMTP and by HTTP."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo.conftest import is_refused, until
from tests.support.console import HOME
from tui_admin.demo import ACCOUNTS, Demo
from tui_admin.demo.phone import Phone
from tui_admin.demo.sample import SECURED, open_sample
from tui_admin.flows import lost_device, sign_in
from tui_admin.flows.answers import NeedsCode, Recovery, Step, StopOffer
from tui_admin.flows.context import Context


def ports(ctx: Context) -> list[int]:
    """Return the ports of mail server and SMS gateway."""
    mail = ctx.settings.smtp_url.partition("?")[0]
    sms = ctx.settings.sms_url.partition("/{")[0]
    return [int(url.rpartition(":")[2]) for url in (mail, sms)]


async def test_a_lost_device_reaches_the_phone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letter with link, code and way to stop it, then the SMS; a proxy in the surroundings is not
    asked, since none leads back to this machine."""
    monkeypatch.setenv("no_proxy", "")
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    phone = Phone()
    ctx = await open_sample(tmp_path / "data", phone, idle_s=None)
    try:
        half = await sign_in.password(ctx, HOME, SECURED, ACCOUNTS[SECURED])
        assert isinstance(half, NeedsCode)
        begun = await lost_device.begin(ctx, HOME, half.half)
        await until(phone.inbox.mails)
        (mail,) = phone.inbox.mails()
        assert mail.recipient == SECURED and "Deactivate OTP" in mail.subject
        link, stop = mail.tokens
        assert isinstance(await lost_device.open_link(ctx, stop), StopOffer)
        by_link = await lost_device.open_link(ctx, link)
        assert isinstance(by_link, Recovery)
        view = await lost_device.confirm_mail(ctx, HOME, begun.proof, mail.code)
        assert view.step is Step.SMS
        await lost_device.send_sms(ctx, HOME, by_link.proof)
        await until(phone.inbox.sms)
        (sms,) = phone.inbox.sms()
        assert sms.number == "+420603333444" and len(sms.code) == 6
    finally:
        await ctx.close()
    assert [is_refused(port) for port in ports(ctx)] == [True, True]


def test_the_first_frame_does_not_wait_for_the_servers() -> None:
    """What is drawn first needs neither a mail server nor a parser of mails; a thread loads them
    while it stands."""
    code = (
        "import sys, tui_admin.cli.console, tui_admin.demo\n"
        "with tui_admin.demo.Demo(kiosk=False): print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    loaded = set(done.stdout.split())
    assert "screens.app" in loaded and "tui_admin.demo.inbox" in loaded
    late = {"aiosmtpd", "aiosmtplib", "apprise", "screens.demo_phone", "sqlalchemy"}
    assert not loaded & late


async def test_starting_over_leaves_nothing() -> None:
    """Each start has ports of its own, the ones before are closed, and the phone is as new."""
    with Demo(kiosk=True) as demo:
        first = await demo.open_context()
        known = demo.phone.entries()[0][:2]
        demo.phone.inbox.take_sms("+420603333444", "123456")
        demo.phone.type_key("x", "stranger", "JBSWY3DPEHPK3PXP")
        demo.phone.tab = "sms"
        await first.close()
        second = await demo.open_context()
        try:
            assert [is_refused(port) for port in ports(first)] == [True, True]
            assert [is_refused(port) for port in ports(second)] == [False, False]
            assert demo.phone.inbox.sms() == [] and demo.phone.tab == ""
            assert [entry[:2] for entry in demo.phone.entries()] == [known]
        finally:
            await second.close()


async def test_a_demo_that_cannot_open_closes_its_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the database fails, nothing goes on listening."""
    seen = []

    async def fails(settings: object, *, deliver: bool) -> None:
        seen.append(settings)
        raise OSError("no")

    monkeypatch.setattr("tui_admin.wiring.open_context", fails)
    with pytest.raises(OSError, match="no"):
        await open_sample(tmp_path / "data", Phone(), idle_s=None)

    class Opened:
        settings = seen[0]

    assert [is_refused(port) for port in ports(Opened())] == [True, True]  # type: ignore[arg-type]
