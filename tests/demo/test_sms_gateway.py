"""The demo's SMS gateway takes what Apprise posts, and nothing out of proportion."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from urllib.parse import quote

import apprise
import pytest

from tests.demo.conftest import Served, is_refused, until
from tui_admin.demo import sms_gateway
from tui_admin.demo.inbox import SMS_KEPT

TEXT = "123456 is your code to deactivate OTP at WEDOS Internet."


async def notify(gateway: Served, text: str, sms_id: str) -> bool:
    """Send an SMS as delivery does."""
    sender = apprise.Apprise()
    number = quote("+420603111222", safe="")
    assert sender.add(f"json://127.0.0.1:{gateway.port}/{number}?:id={sms_id}")
    return bool(await asyncio.to_thread(sender.notify, body=text))


def posted(body: bytes, *, path: str = "/+420603111222", kind: str = "application/json") -> bytes:
    """Return a request with this body."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def test_an_sms_arrives(gateway: Served) -> None:
    """Number, text with line breaks and other letters, and the six digits in it."""
    assert await notify(gateway, TEXT + "\nPříliš žluťoučký.", "1")
    (sms,) = gateway.inbox.sms()
    assert sms.number == "+420603111222"
    assert sms.text == TEXT + "\nPříliš žluťoučký."
    assert sms.code == "123456"
    assert gateway.inbox.unread_sms == 1


async def test_the_same_one_again_counts_once(gateway: Served) -> None:
    """A try that is repeated carries the same id and arrives once; another SMS arrives."""
    for sms_id in ("a" * 32, "a" * 32, "b" * 32):
        assert await notify(gateway, TEXT, sms_id)
    assert len(gateway.inbox.sms()) == 2


async def test_two_at_once(gateway: Served) -> None:
    """Requests at the same time do not mix."""
    texts = {f"text {number}" for number in range(6)}
    await asyncio.gather(*(notify(gateway, text, text[-1]) for text in texts))
    assert {sms.text for sms in gateway.inbox.sms()} == texts


async def test_the_oldest_go(gateway: Served) -> None:
    """However many come, a bounded number is kept, the newest first."""
    for number in range(SMS_KEPT + 3):
        await gateway.say(posted(json.dumps({"message": str(number)}).encode()))
    texts = [sms.text for sms in gateway.inbox.sms()]
    assert texts == [str(number) for number in range(SMS_KEPT + 2, 2, -1)]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /+420 HTTP/1.1\r\n\r\n", 400),
        (b"rubbish\r\n\r\n", 400),
        (b"\xff\xfe\r\n\r\n", 400),
        (posted(b"{}"), 400),
        (posted(b"[]"), 400),
        (posted(b"{not json"), 400),
        (posted(b"\xff\xff"), 400),
        (posted(b"[" * 16_000), 400),
        (posted(b'{"message": 7}'), 400),
        (posted(b'{"message": "x"}', path="/"), 400),
        (posted(b'{"message": "x"}', kind="text/plain"), 400),
        (posted(b'{"message": "' + b"x" * 16_384 + b'"}'), 413),
        (b"POST /1 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n", 413),
        (b"POST /1 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: x\r\n\r\n", 400),
        (b"X: y\r\n" * 5_000, 400),
    ],
)
async def test_anything_else_is_refused(gateway: Served, request_: bytes, status: int) -> None:
    """Whoever sends something else gets a status, or is cut off, and nothing is kept."""
    said = await gateway.say(request_)
    # What was not read of too long a request may reset the connection before the answer is read.
    assert said.startswith(b"HTTP/1.1 %d " % status) or (not said and len(request_) > 8_192)
    assert gateway.inbox.sms() == []
    assert (await gateway.say(posted(b'{"message": "x"}'))).startswith(b"HTTP/1.1 200 ")


async def test_a_slow_client_is_cut_off(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not finish a request in time holds no connection."""
    monkeypatch.setattr(sms_gateway, "REQUEST_S", 0.05)
    assert await gateway.say(posted(b'{"message": "x"}')[:-1]) == b""
    assert gateway.inbox.sms() == []


async def test_after_closing_nothing_listens(gateway: Served) -> None:
    """The port is closed, and a client in the middle of a request is cut off."""
    before = asyncio.all_tasks()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(b"POST /1 HTTP/1.1\r\n")
    await until(lambda: asyncio.all_tasks() != before)
    async with asyncio.timeout(sms_gateway.REQUEST_S / 2):
        await gateway.server.close()
    assert is_refused(gateway.port)
    assert asyncio.all_tasks() == before
    with suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
