"""The e-mail sender against real servers: those that work, and those that do not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.support.console import START
from tests.support.mailbox import FaultyServer, Mailbox, server_tls, trusting
from tests.support.outbox import until
from tests.support.ports import reserved_port
from tui_admin.delivery import email as email_module
from tui_admin.delivery.email import EmailSender, build
from tui_admin.delivery.mail_server import MailServer
from tui_admin.delivery.senders import (
    Made,
    PermanentFailure,
    SetUpWrongly,
    TemporaryFailure,
)

FROM = "wedos@wedos.com"
LETTER = Made(
    id="0123456789abcdef0123456789abcdef",
    recipient="alice@example.com",
    written_at=START,
    subject="WEDOS Internet – OTP is on",
    text="Good day.\n.\nfrom here on\n",
    html="<p>Good day.</p>\n",
)


@contextmanager
def impatience() -> Iterator[None]:
    """A server that hangs is given up on after half a second, not fifteen. Only where one hangs: a
    busy machine keeps one that works from answering so soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(email_module, "CONNECT_S", 0.5)
        patch.setattr(email_module, "COMMAND_S", 0.5)
        yield


@asynccontextmanager
async def sending(url: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[EmailSender]:
    sender = EmailSender(url, sender=FROM, brand="WEDOS Internet", tls=tls)
    try:
        yield sender
    finally:
        await sender.close()


async def test_a_letter_arrives_as_it_was_made() -> None:
    """O3: one letter, to one recipient, with its own Message-ID, date, sender and both parts."""
    async with Mailbox() as mailbox, sending(f"smtp://127.0.0.1:{mailbox.port}") as sender:
        await sender.send(LETTER)
    [envelope], [message] = mailbox.envelopes, mailbox.messages
    assert (envelope.mail_from, envelope.rcpt_tos) == (FROM, ["alice@example.com"])
    assert message["Message-ID"] == f"<{LETTER.id}@wedos.com>"
    assert message["From"] == f"WEDOS Internet <{FROM}>"
    assert message["To"] == "alice@example.com"
    assert message["Subject"] == LETTER.subject
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == START
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    plain = message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().replace("\r\n", "\n") == LETTER.text
    assert isinstance(envelope.content, bytes)
    assert envelope.content.isascii()
    assert max(map(len, envelope.content.splitlines())) <= 78


async def test_one_connection_carries_many_letters() -> None:
    """The connection is kept between letters."""
    async with Mailbox() as mailbox, sending(f"smtp://127.0.0.1:{mailbox.port}") as sender:
        for number in range(5):
            await sender.send(replace(LETTER, id=f"{number:032}"))
        assert mailbox.connections == 1
    assert len(mailbox.messages) == 5


async def test_an_idle_connection_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some idle seconds the server is told goodbye, and the next letter connects again."""
    monkeypatch.setattr(email_module, "IDLE_S", 0.02)
    async with FaultyServer() as server, sending(f"smtp://127.0.0.1:{server.port}") as sender:
        await sender.send(LETTER)
        await until(lambda: server.commands[-1] == "QUIT")
        await sender.send(LETTER)
        assert server.connections == 2


async def test_a_stale_connection_costs_no_try() -> None:
    """A connection that the server has ended meanwhile is made again within the same try."""
    async with Mailbox() as mailbox, sending(f"smtp://127.0.0.1:{mailbox.port}") as sender:
        await sender.send(LETTER)
        await mailbox.hang_up()
        await sender.send(LETTER)
    assert len(mailbox.messages) == 2


@pytest.mark.parametrize("step", ["hang", "drop", "reset", "421 idle for too long"])
async def test_a_connection_found_dead_costs_no_try(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is silent, cut or told goodbye at the first command is made again as well."""
    monkeypatch.setattr(email_module, "PROBE_S", 0.3)
    async with FaultyServer() as server, sending(f"smtp://127.0.0.1:{server.port}") as sender:
        await sender.send(LETTER)

        async def heal() -> None:
            server.steps.pop("MAIL", None)

        server.steps["MAIL"] = step
        server.steps["greeting"] = heal
        await sender.send(LETTER)
        assert len(server.bodies) == 2


@pytest.mark.parametrize(
    ("moment", "step", "kind"),
    [
        ("greeting", "554 not you", TemporaryFailure),
        ("greeting", "421 busy", TemporaryFailure),
        ("greeting", "hang", TemporaryFailure),
        ("greeting", "drop", TemporaryFailure),
        ("greeting", "what?", TemporaryFailure),
        ("MAIL", "451 try later", TemporaryFailure),
        ("MAIL", "550 not this sender", TemporaryFailure),
        ("RCPT", "450 greylisted", TemporaryFailure),
        ("RCPT", "550 no such mailbox", PermanentFailure),
        ("RCPT", "hang", TemporaryFailure),
        ("RCPT", "reset", TemporaryFailure),
        ("DATA", "451 later", TemporaryFailure),
        ("DATA", "554 no", PermanentFailure),
        ("DATA", "drop", TemporaryFailure),
        ("in_body", "reset", TemporaryFailure),
        ("in_body", "drop", TemporaryFailure),
        ("body", "452 no room", TemporaryFailure),
        ("body", "554 looks like spam", PermanentFailure),
        ("body", "hang", TemporaryFailure),
        ("body", "drop", TemporaryFailure),
    ],
)
async def test_what_a_failure_means(moment: str, step: str, kind: type[Exception]) -> None:
    """O4: 4xx, a time-out and a lost line are tried again, also after DATA; 5xx to the letter
    itself is for good, while 5xx before it speaks of the installation. The next letter gets
    through all the same."""
    faulty = FaultyServer(**{moment: step})
    async with faulty as server, sending(f"smtp://127.0.0.1:{server.port}") as sender:
        with (
            impatience() if step == "hang" else nullcontext(),
            pytest.raises((TemporaryFailure, PermanentFailure)) as caught,
        ):
            await sender.send(LETTER)
        assert type(caught.value) is kind
        assert caught.value.reason and "\n" not in caught.value.reason
        server.steps.clear()
        before = len(server.bodies)
        await sender.send(LETTER)
        assert len(server.bodies) == before + 1
        assert server.connections == 2, "nothing is left of the try before"


async def test_nobody_listens() -> None:
    """A server that is not there is tried again."""
    with reserved_port() as port:
        async with sending(f"smtp://127.0.0.1:{port}") as sender:
            with pytest.raises(TemporaryFailure) as caught:
                await sender.send(LETTER)
            assert caught.value.is_service


async def test_dropped_after_250() -> None:
    """O4: once the server has said 250, the letter is sent, whatever the line does then."""
    async with FaultyServer(after="drop") as server:
        async with sending(f"smtp://127.0.0.1:{server.port}") as sender:
            await sender.send(LETTER)
            await sender.send(LETTER)
        assert len(server.bodies) == 2


@pytest.mark.parametrize(
    "recipient",
    [
        "alice@example.com\r\nBcc: evil@example.net",
        "alice@example.com\nX: y",
        "a@example.com, evil@example.net",
        "a@example.com;evil@example.net",
        "Alice <alice@example.com>",
        '"a b"@example.com',
        "alice@example.com>",
        "alice",
        "",
        "alice@exam ple.com",
        "ålice@example.com",
        "alice@[127.0.0.1]",
        "@example.com",
    ],
)
async def test_exactly_one_recipient(recipient: str) -> None:
    """S27: what is not one plain address is refused for good, before any connection."""
    async with Mailbox() as mailbox, sending(f"smtp://127.0.0.1:{mailbox.port}") as sender:
        with pytest.raises(PermanentFailure):
            await sender.send(replace(LETTER, recipient=recipient))
        assert mailbox.connections == 0


def test_headers_take_no_line_breaks() -> None:
    """S27: a subject or a brand with line breaks in it adds no header."""
    hostile = "Hello\r\nBcc: evil@example.net\r\n\r\nbody"
    message = build(replace(LETTER, subject=hostile), FROM, hostile[:40])
    names = {name.lower() for name in EmailMessage.keys(message)}
    assert "bcc" not in names
    assert b"\nBcc:" not in message.as_bytes()


async def test_starttls_is_verified(tmp_path: Path) -> None:
    """With `starttls=required` the certificate counts: trusted, the letter arrives encrypted; not
    trusted, or of another host, nothing is sent and no letter is to blame."""
    tls = server_tls(tmp_path)
    async with Mailbox(tls=tls) as mailbox:
        url = f"smtp://127.0.0.1:{mailbox.port}?starttls=required"
        async with sending(url, trusting(tmp_path)) as sender:
            await sender.send(LETTER)
        async with sending(url) as sender:
            with pytest.raises(SetUpWrongly, match="certificate"):
                await sender.send(LETTER)
        assert len(mailbox.messages) == 1
    other = tmp_path / "other"
    other.mkdir()
    async with Mailbox(tls=server_tls(other, names=("elsewhere.test",))) as mailbox:
        url = f"smtp://127.0.0.1:{mailbox.port}?starttls=required"
        async with sending(url, trusting(other)) as sender:
            with pytest.raises(SetUpWrongly, match="certificate"):
                await sender.send(LETTER)
        assert mailbox.messages == []


async def test_smtps(tmp_path: Path) -> None:
    """`smtps://` is encrypted from the first byte, and verified as well."""
    async with Mailbox(tls=server_tls(tmp_path), is_tls=True) as mailbox:
        async with sending(f"smtps://127.0.0.1:{mailbox.port}", trusting(tmp_path)) as sender:
            await sender.send(LETTER)
        async with sending(f"smtps://127.0.0.1:{mailbox.port}") as sender:
            with pytest.raises(SetUpWrongly, match="certificate"):
                await sender.send(LETTER)
        assert len(mailbox.messages) == 1


async def test_starttls_that_is_required_and_not_there() -> None:
    """Without STARTTLS on the other side nothing is sent when it is required."""
    async with Mailbox() as mailbox:
        url = f"smtp://127.0.0.1:{mailbox.port}?starttls=required"
        async with sending(url) as sender:
            with pytest.raises(SetUpWrongly):
                await sender.send(LETTER)
        assert mailbox.messages == []


async def test_the_password_goes_encrypted(tmp_path: Path) -> None:
    """User and password, percent-encoded in the URL, are sent after STARTTLS alone."""
    tls = server_tls(tmp_path)
    async with Mailbox(tls=tls, users={"us:er@x": "p@ss/wörd"}) as mailbox:
        url = f"smtp://us%3Aer%40x:p%40ss%2Fw%C3%B6rd@127.0.0.1:{mailbox.port}"
        async with sending(url, trusting(tmp_path)) as sender:
            await sender.send(LETTER)
        assert mailbox.logins == [("us:er@x", "p@ss/wörd")]
        assert len(mailbox.messages) == 1


async def test_a_wrong_password_blames_no_letter(tmp_path: Path) -> None:
    """A refused sign-in is the installation's matter, and its reason has no password in it."""
    async with Mailbox(tls=server_tls(tmp_path), users={"u": "right"}) as mailbox:
        url = f"smtp://u:wrong-secret@127.0.0.1:{mailbox.port}"
        async with sending(url, trusting(tmp_path)) as sender:
            with pytest.raises(SetUpWrongly) as caught:
                await sender.send(LETTER)
        assert "wrong-secret" not in caught.value.reason
        assert "535" in caught.value.reason


async def test_on_loopback_a_password_may_go_plain() -> None:
    """A relay on this machine needs no encryption when the URL says so."""
    async with Mailbox(users={"u": "p"}, auth_needs_tls=False) as mailbox:
        url = f"smtp://u:p@127.0.0.1:{mailbox.port}?starttls=never"
        async with sending(url) as sender:
            await sender.send(LETTER)
        assert len(mailbox.messages) == 1


async def test_no_password_without_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    """Off this machine, `starttls=optional` at a server without it sends no password."""
    monkeypatch.setattr(MailServer, "is_loopback", False)
    async with Mailbox(users={"u": "p"}, auth_needs_tls=False) as mailbox:
        url = f"smtp://u:p@127.0.0.1:{mailbox.port}?starttls=optional"
        async with sending(url) as sender:
            with pytest.raises(SetUpWrongly, match="encryption"):
                await sender.send(LETTER)
        assert mailbox.logins == [] and mailbox.messages == []


@pytest.mark.parametrize(
    ("url", "host", "port", "upgrade"),
    [
        ("smtp://mail.example.com", "mail.example.com", 25, None),
        ("smtp://localhost", "localhost", 25, False),
        ("smtp://u:p@mail.example.com", "mail.example.com", 587, True),
        ("smtp://u:p@mail.example.com:2525?starttls=optional", "mail.example.com", 2525, None),
        ("smtps://u:p@mail.example.com", "mail.example.com", 465, False),
        ("smtp://mail.example.com?starttls=never", "mail.example.com", 25, False),
        ("smtp://[2001:db8::1]:25", "2001:db8::1", 25, None),
    ],
)
def test_what_the_url_says(url: str, host: str, port: int, upgrade: bool | None) -> None:
    """Ports and encryption have sound defaults."""
    server = MailServer.parse(url)
    assert (server.host, server.port, server.upgrade) == (host, port, upgrade)
    assert "p@" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://",
        "smtp://u:secret@mail.example.com?starttls=never",
        "smtp://:secret@mail.example.com",
        "smtp://mail.example.com?starttls=maybe",
        "smtp://mail.example.com?verify=no",
        "smtp://mail.example.com:port",
        "http://mail.example.com",
        "smtp://[::1",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    """What is unknown or unsafe is refused with a reason that has no password in it."""
    with pytest.raises(SetUpWrongly) as caught:
        MailServer.parse(url)
    assert "secret" not in caught.value.reason


async def test_a_try_cut_short_leaves_nothing_behind() -> None:
    """A cancelled try does not leave its reply to the next letter."""
    async with FaultyServer(RCPT="hang") as server:
        async with sending(f"smtp://127.0.0.1:{server.port}") as sender:
            task = asyncio.create_task(sender.send(LETTER))
            await until(lambda: any(line.startswith("RCPT") for line in server.commands))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            server.steps.clear()
            await sender.send(LETTER)
        assert len(server.bodies) == 1
