"""E-mail by SMTP: one connection a worker, kept for a while between letters.

A reply belongs to the last command of a connection, so one on which anything went wrong is thrown
away: the next letter gets a fresh one.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime

import aiosmtplib

from tui_admin.delivery.mail_server import MailServer
from tui_admin.delivery.senders import (
    Made,
    PermanentFailure,
    SetUpWrongly,
    TemporaryFailure,
)
from tui_admin.security.text import safe

CONNECT_S = 10.0
COMMAND_S = 15.0
PROBE_S = 4.0
"""Time for the first answer on a connection that was kept: when none comes, it is a dead one."""
IDLE_S = 20.0
"""How long a connection is kept without a letter; servers wait for minutes."""
QUIT_S = 1.0

# One mailbox and nothing else: no comma, blank, quote, bracket, CR or LF can be in it (S27).
_MAILBOX = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*", re.ASCII
)
_REFUSED = 500
_GOING_AWAY = 421
# Seven bits and short lines: no server on the way has a reason to change anything.
_POLICY = SMTP_POLICY.clone(cte_type="7bit")


def message_id(letter_id: str, sender: str) -> str:
    """Return the Message-ID: the same for every try, so that a duplicate is seen as one (O3)."""
    return f"<{letter_id}@{sender.rpartition('@')[2]}>"


def build(letter: Made, sender: str, brand: str) -> EmailMessage:
    """Return the message, for one recipient.

    Raises:
        PermanentFailure: the recipient is not one plain address.
    """
    if not _MAILBOX.fullmatch(letter.recipient):
        raise PermanentFailure("the recipient is not one plain e-mail address")
    message = EmailMessage(policy=_POLICY)
    message["Message-ID"] = message_id(letter.id, sender)
    message["Date"] = format_datetime(letter.written_at)
    message["From"] = Address(display_name=safe(brand), addr_spec=sender)
    message["To"] = Address(addr_spec=letter.recipient)
    if letter.subject:
        message["Subject"] = safe(letter.subject)
    # Nobody's holiday notice answers it (RFC 3834, section 5).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    return message


class EmailSender:
    """Sends through one server. Not for several tasks at a time; each worker has its own."""

    def __init__(
        self, url: str, *, sender: str, brand: str, tls: ssl.SSLContext | None = None
    ) -> None:
        self._url = url
        self._sender = sender
        self._brand = brand
        self._tls = tls
        self._host_name: str | None = None
        self._client: aiosmtplib.SMTP | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def send(self, letter: Made) -> None:
        """Send one letter; return when the server has taken it over. Raises: as `Sender.send`."""
        message = build(letter, self._sender, self._brand).as_bytes()
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        try:
            client = await self._begun()
            await client.rcpt(letter.recipient)
            await client.data(message)
        except BaseException as error:  # noqa: BLE001 (a try cut short leaves a reply behind)
            self._drop()
            raise _failure(error) from None
        self._leaving = asyncio.create_task(self._leave_later())

    async def close(self) -> None:
        """Say goodbye to the server."""
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        await self._leave()

    async def reach(self) -> None:
        """Connect, sign in and leave again. Raises: as `Sender.send`."""
        try:
            self._client = await self._connect()
        except Exception as error:  # noqa: BLE001 (sorted by _failure)
            raise _failure(error) from None
        await self._leave()

    async def _begun(self) -> aiosmtplib.SMTP:
        """Return a connection on which a letter is begun."""
        if self._client is not None and self._client.is_connected:
            try:
                await self._client.mail(self._sender, timeout=PROBE_S)
            except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError):
                pass  # it died while nobody looked; that is no try of this letter
            except aiosmtplib.SMTPSenderRefused as error:
                if error.code != _GOING_AWAY:
                    raise
            else:
                return self._client
        self._drop()
        self._client = await self._connect()
        await self._client.mail(self._sender)
        return self._client

    async def _connect(self) -> aiosmtplib.SMTP:
        server = MailServer.parse(self._url)
        if self._tls is None:
            # Reading all the authorities of the system takes some 30 ms.
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._host_name,
            timeout=COMMAND_S,
            use_tls=server.is_tls,
            start_tls=server.upgrade,
            tls_context=self._tls,
        )
        try:
            await client.connect(timeout=CONNECT_S)
            self._host_name = client.local_hostname
            if server.password:
                is_encrypted = client.get_transport_info("sslcontext") is not None
                if not (is_encrypted or server.is_loopback):
                    raise SetUpWrongly("the mail server offers no encryption for the password")
                await client.login(server.user, server.password)
        except BaseException:
            client.close()
            raise
        return client

    async def _leave_later(self) -> None:
        await asyncio.sleep(IDLE_S)
        await self._leave()

    async def _leave(self) -> None:
        if self._client is not None and self._client.is_connected:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=QUIT_S)
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _failure(error: BaseException) -> BaseException:
    """Return what an error on the way means for the letter; an unknown one is no answer."""
    match error:
        case aiosmtplib.SMTPRecipientRefused() | aiosmtplib.SMTPDataError():
            reason = f"the mail server said {error.code} {error.message}"
            if error.code >= _REFUSED:
                return PermanentFailure(reason)
            return TemporaryFailure(reason, is_service=error.code == _GOING_AWAY)
        case aiosmtplib.SMTPAuthenticationError():
            # What the server says to it may repeat what was sent.
            reason = f"the mail server refused user and password ({error.code})"
            if error.code >= _REFUSED:
                return SetUpWrongly(reason)
            return TemporaryFailure(reason, is_service=True)
        case aiosmtplib.SMTPResponseException():
            # Before a recipient was named, no letter is to blame.
            reason = f"the mail server said {error.code} {error.message}"
            return TemporaryFailure(reason, is_service=True)
        case aiosmtplib.SMTPTimeoutError():
            return TemporaryFailure("the mail server did not answer in time", is_service=True)
        case ssl.SSLCertVerificationError():
            return SetUpWrongly(
                f"the mail server's certificate is not valid: {error.verify_message}"
            )
        case OSError() if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            return _failure(error.__cause__)
        case OSError():
            return TemporaryFailure("the connection to the mail server failed", is_service=True)
        case aiosmtplib.SMTPException():
            return SetUpWrongly(f"the mail server lacks what smtp_url asks for: {error}")
        case _:
            return error
