"""SMS through a real HTTP gateway, and through one that takes e-mail."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.support.console import START
from tests.support.gateway import Gateway
from tests.support.mailbox import Mailbox
from tests.support.outbox import until
from tests.support.ports import reserved_port
from tui_admin.delivery import sms as sms_module
from tui_admin.delivery.email import EmailSender
from tui_admin.delivery.senders import Made, PermanentFailure, SetUpWrongly, TemporaryFailure
from tui_admin.delivery.sms import AppriseSms, MailedSms, check

LETTER = Made(
    id="0123456789abcdef0123456789abcdef",
    recipient="+420603123456",
    written_at=START,
    subject="",
    text="123456 is your code to deactivate OTP at WEDOS Internet.",
)


async def test_an_sms_reaches_the_gateway() -> None:
    """Number and id stand in the path, the text in the body, once."""
    with Gateway() as gateway:
        await AppriseSms(gateway.url).send(LETTER)
        [(path, body)] = gateway.requests
    assert path in {f"/send/{phone}/{LETTER.id}" for phone in ("%2B420603123456", "+420603123456")}
    assert body["message"] == LETTER.text
    assert body["title"] == ""


@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
async def test_a_gateway_that_refuses(status: int) -> None:
    """Apprise does not tell why, so every refusal is tried again."""
    with Gateway(status=status) as gateway:
        with pytest.raises(TemporaryFailure):
            await AppriseSms(gateway.url).send(LETTER)
        assert len(gateway.requests) == 1


async def test_a_gateway_that_accepts_and_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """O4: it may have been sent, so it is tried again, under the same id; nobody waits for long."""
    monkeypatch.setattr(sms_module, "SEND_S", 0.3)
    with Gateway(hangs=True) as gateway:
        for turn in (1, 2):
            with pytest.raises(TemporaryFailure, match="in time"):
                await AppriseSms(gateway.url).send(LETTER)
            # Its thread goes on, and may have come no further than to loading Apprise.
            await until(lambda turn=turn: len(gateway.requests) == turn)  # type: ignore[misc]
        assert len({path for path, _body in gateway.requests}) == 1
        assert LETTER.id in gateway.requests[0][0]


async def test_nobody_listens() -> None:
    """A gateway that is not there is tried again."""
    with reserved_port() as port, pytest.raises(TemporaryFailure):
        await AppriseSms(f"json://127.0.0.1:{port}/send/{{phone}}/{{id}}").send(LETTER)


@pytest.mark.parametrize(
    "recipient",
    [
        "+420603123456,+420603999999",
        "+420603123456/+420603999999",
        "+420603123456 ",
        "420603123456",
        "+42060312345x",
        "\uff0b420603123456",
        "",
    ],
)
async def test_exactly_one_number(recipient: str) -> None:
    """S27: what is not one number is refused for good, before anything is sent."""
    with Gateway() as gateway:
        with pytest.raises(PermanentFailure):
            await AppriseSms(gateway.url).send(replace(LETTER, recipient=recipient))
        assert gateway.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "nonsense://{phone}",
        "{phone}",
        "twilio://{phone}",
        "json://{phone}:port",
    ],
)
async def test_a_url_that_is_not_understood_blames_no_letter(url: str) -> None:
    """A wrong setting is said so, and every letter waits until it is right."""
    with pytest.raises(SetUpWrongly):
        await AppriseSms(url).send(LETTER)
    with pytest.raises(SetUpWrongly):
        check(url)


def test_a_url_to_several_numbers_is_refused() -> None:
    """S27: a second number in the URL would get every code."""
    account = "AC" + "a" * 32
    one = f"twilio://{account}:{'b' * 32}@+15005550006/{{phone}}"
    check(one)
    with pytest.raises(SetUpWrongly, match="more than one"):
        check(one + "/+420603999999")


async def test_sms_by_email() -> None:
    """`email://{phone}@gateway` goes out as one plain e-mail with the text alone."""
    async with Mailbox() as mailbox:
        mail = EmailSender(
            f"smtp://127.0.0.1:{mailbox.port}", sender="wedos@wedos.com", brand="WEDOS Internet"
        )
        sender = MailedSms("email://{phone}@sms.example.net", mail)
        await sender.send(LETTER)
        with pytest.raises(PermanentFailure):
            await sender.send(replace(LETTER, recipient="a@example.net, x"))
        await sender.close()
    [envelope], [message] = mailbox.envelopes, mailbox.messages
    assert envelope.rcpt_tos == ["+420603123456@sms.example.net"]
    assert message.get_content_type() == "text/plain"
    assert message.get_content().strip() == LETTER.text
    assert message["Subject"] is None


async def test_the_loop_goes_on_meanwhile() -> None:
    """Apprise works in a thread: other terminals are served while a gateway thinks."""
    with Gateway(hangs=True) as gateway:
        task = asyncio.create_task(AppriseSms(gateway.url).send(LETTER))
        await until(lambda: bool(gateway.requests))
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
