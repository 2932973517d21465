"""Mail servers on a free port of this machine: one that works, and one that does not.

async with Mailbox() as mailbox:
    ...
    assert mailbox.subjects == ["WEDOS Internet – OTP is on"]
"""

from __future__ import annotations

import asyncio
import email
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Mailbox:
    """aiosmtpd in the test's own loop. Keeps every message that it said 250 to."""

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        is_tls: bool = False,
        users: Mapping[str, str] | None = None,
        auth_needs_tls: bool = True,
    ) -> None:
        self._tls = tls
        self._is_tls = is_tls
        self._users = users
        self._auth_needs_tls = auth_needs_tls
        self._protocols: list[SMTP] = []
        self.envelopes: list[Envelope] = []
        self.logins: list[tuple[str, str]] = []
        self.connections = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._serve, "127.0.0.1", self.port, ssl=self._tls if self._is_tls else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.hang_up()

    @property
    def messages(self) -> list[EmailMessage]:
        """What came, parsed by the standard library."""
        found = []
        for envelope in self.envelopes:
            assert isinstance(envelope.content, bytes)
            message = email.message_from_bytes(envelope.content, policy=default)
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]) for message in self.messages]

    @property
    def letter_ids(self) -> list[str]:
        """The letters' ids, out of the Message-IDs."""
        return [str(message["Message-ID"])[1:].partition("@")[0] for message in self.messages]

    async def hang_up(self) -> None:
        """End every connection, as a server does that restarts or has waited long enough."""
        for protocol in self._protocols:
            if protocol.transport is not None:
                protocol.transport.close()
        self._protocols.clear()
        for _turn in range(5):
            await asyncio.sleep(0)

    def _serve(self) -> SMTP:
        self.connections += 1
        protocol = SMTP(
            self,
            hostname="mail.test",
            tls_context=None if self._is_tls else self._tls,
            auth_require_tls=self._auth_needs_tls,
            authenticator=self._authenticate if self._users is not None else None,
            loop=asyncio.get_running_loop(),
        )
        self._protocols.append(protocol)
        return protocol

    def _authenticate(self, _server: Any, _s: Any, _e: Any, _mechanism: str, data: Any) -> Any:
        user, password = data.login.decode(), data.password.decode()
        self.logins.append((user, password))
        is_right = (self._users or {}).get(user) == password
        return AuthResult(success=is_right, handled=is_right)

    # aiosmtpd's own name for the hook.
    async def handle_DATA(self, _server: SMTP, _s: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"


Step = str | Callable[[], Awaitable[None]]


class FaultyServer:
    """A mail server that goes wrong where it is told to.

    `steps` maps a moment (`greeting`, a command's name, `body` for the reply to a whole message, or
    `in_body` while it comes in) to what happens: a reply such as `550 no`, or one of `hang`,
    `reset` and `drop`, or a function that is called.
    """

    def __init__(self, **steps: Step) -> None:
        self.steps = steps
        self.bodies: list[bytes] = []
        self.commands: list[str] = []
        self.connections = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer(writer, "greeting", "220 mail.test ESMTP")
        while line := (await reader.readline()).decode().strip():
            command = line.split(" ")[0].upper().partition(":")[0]
            self.commands.append(line)
            replies = {"DATA": "354 go on", "QUIT": "221 bye"}
            await self._answer(writer, command, replies.get(command, "250 OK"))
            refusal = self.steps.get("DATA")
            if command == "DATA" and not isinstance(refusal, str):
                await self._body(reader, writer)

    async def _body(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if "in_body" in self.steps:
            await reader.readline()
            await self._answer(writer, "in_body", "")
        body = await reader.readuntil(b"\r\n.\r\n")
        self.bodies.append(body)
        await self._answer(writer, "body", "250 taken")
        await self._answer(writer, "after", "")

    async def _answer(self, writer: asyncio.StreamWriter, moment: str, reply: str) -> None:
        step = self.steps.get(moment, reply)
        if callable(step):
            await step()
            step = reply
        if step == "hang":
            await asyncio.Event().wait()
        if step == "reset":
            # With nothing to linger for, the kernel sends RST in place of FIN.
            writer.transport.abort()
            raise ConnectionAbortedError
        if step == "drop":
            raise ConnectionAbortedError
        if step:
            writer.write(f"{step}\r\n".encode())
            await writer.drain()


def server_tls(folder: Path, *, names: tuple[str, ...] = ("127.0.0.1",)) -> ssl.SSLContext:
    """Return a server's TLS with a certificate that nobody signed; `folder/ca.pem` is it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    known = [
        x509.IPAddress(ipaddress.ip_address(one)) if one[0].isdigit() else x509.DNSName(one)
        for one in names
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(known), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def trusting(folder: Path) -> ssl.SSLContext:
    """Return a client's TLS that trusts the certificate of `server_tls` and nothing else."""
    return ssl.create_default_context(cafile=folder / "ca.pem")
