"""The demo's mail server takes what aiosmtplib sends, and nothing out of proportion."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import aiosmtplib
import pytest

from tests.demo.conftest import Served, is_refused, letter, listening
from tui_admin.demo.inbox import MAILS_KEPT
from tui_admin.demo.mail_server import CONNECTIONS, MAIL_BYTES

CZECH = "Příliš žluťoučký kůň úpěl ďábelské ódy.\n\n.a line with a dot\nend = =3D"


@pytest.mark.parametrize("cte", ["quoted-printable", "base64", "8bit"])
async def test_every_encoding_arrives_as_text(mail: Served, cte: str) -> None:
    """UTF-8 in subject and text, however it travels, dots at the start of lines included."""
    await mail.send(letter(CZECH, "WEDOS Internet \N{EN DASH} Zrušení OTP", cte=cte))
    (kept,) = mail.inbox.mails()
    assert kept.text == CZECH
    assert kept.subject == "WEDOS Internet \N{EN DASH} Zrušení OTP"
    assert (kept.sender, kept.recipient) == (
        "WEDOS Internet <wedos@wedos.com>",
        "anna@example.com",
    )
    assert not kept.is_read and mail.inbox.unread_mails == 1


async def test_of_two_parts_the_text_is_kept(mail: Served) -> None:
    """A letter with an HTML part shows its text; one without a text part shows nothing."""
    message = letter("the text\n")
    message.add_alternative("<p>the <b>other</b></p>", subtype="html")
    await mail.send(message)
    await mail.send(letter("<p>alone</p>", kind="html"))
    assert [kept.text for kept in mail.inbox.mails()] == ["", "the text"]


async def test_an_oversize_mail_is_refused(mail: Served) -> None:
    """Whether its size is announced or not, the sender is told, and nothing is kept."""
    huge = letter("a line\n" * (MAIL_BYTES // 7 + 1))
    with pytest.raises(aiosmtplib.SMTPResponseException) as announced:
        await mail.send(huge)
    assert announced.value.code == 552
    head = b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
    said = await mail.say(head + b"a line\r\n" * (MAIL_BYTES // 8 + 1) + b".\r\nQUIT\r\n")
    assert b"552 " in said.splitlines()[-2]
    assert mail.inbox.mails() == []


async def test_two_at_once(mail: Served) -> None:
    """Two clients that speak at the same time do not mix."""
    wanted = {f"mail {number}": f"text {number}" for number in range(8)}
    await asyncio.gather(*(mail.send(letter(text, name)) for name, text in wanted.items()))
    assert {kept.subject: kept.text for kept in mail.inbox.mails()} == wanted


async def test_the_oldest_mails_go(mail: Served) -> None:
    """However many come, a bounded number is kept, the newest first."""
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1", port=mail.port, start_tls=False, local_hostname="localhost"
    ) as client:
        for number in range(MAILS_KEPT + 3):
            await client.send_message(letter(subject=str(number)))
    subjects = [kept.subject for kept in mail.inbox.mails()]
    assert subjects == [str(number) for number in range(MAILS_KEPT + 2, 2, -1)]


async def test_rubbish_is_refused(mail: Served) -> None:
    """A mail that nobody can read is refused, and the server goes on."""
    head = b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
    rubbish = b"Content-Type: text/plain; charset=klingon\r\n\r\nx\r\n.\r\nQUIT\r\n"
    said = await mail.say(head + rubbish)
    assert b"554 This mail cannot be read" in said
    await mail.send(letter())
    assert len(mail.inbox.mails()) == 1


async def test_it_is_plain_smtp(mail: Served) -> None:
    """Neither STARTTLS nor AUTH is offered."""
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1", port=mail.port, start_tls=False, local_hostname="localhost"
    ) as client:
        await client.ehlo()
        assert not client.supports_extension("starttls")
        assert not client.supports_extension("auth")


async def test_only_so_many_connections(mail: Served) -> None:
    """One more than the most is closed at once; when one goes, the next is served."""
    open_ones = [await asyncio.open_connection("127.0.0.1", mail.port) for _ in range(CONNECTIONS)]
    for reader, _writer in open_ones:
        assert (await reader.readline()).startswith(b"220 ")
    assert await mail.say(b"QUIT\r\n") in (b"", b"220 localhost tui-admin demo\r\n")
    for _reader, writer in open_ones:
        writer.close()
        await writer.wait_closed()
    await mail.send(letter())
    assert len(mail.inbox.mails()) == 1


@pytest.mark.skipif(not hasattr(socket, "AF_PACKET"), reason="reads Linux's own lists")
async def test_it_listens_on_loopback_alone(mail: Served, gateway: Served) -> None:
    """Nothing of the demo can be reached from another machine."""
    demo = {(address, port) for address, port in listening() if port in (mail.port, gateway.port)}
    assert demo == {("0100007F", mail.port), ("0100007F", gateway.port)}


async def test_after_closing_nothing_listens(mail: Served) -> None:
    """The port is closed, and a client in the middle of a mail is cut off without a leftover."""
    reader, writer = await asyncio.open_connection("127.0.0.1", mail.port)
    writer.write(b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nhalf")
    while not (await reader.readline()).startswith(b"354"):
        pass
    before = asyncio.all_tasks()
    async with asyncio.timeout(60):
        await mail.server.close()
    assert is_refused(mail.port)
    assert asyncio.all_tasks() < before
    assert mail.inbox.mails() == []
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
