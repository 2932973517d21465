"""The demo's mail server: what is sent to it by SMTP lands in the demo phone's inbox."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tui_admin.demo.inbox import Inbox

LOOPBACK = "127.0.0.1"
MAIL_BYTES = 64 * 1024
"""A letter takes a tenth of it."""
IDLE_S = 300
CONNECTIONS = 20


class MailServer:
    """Listens on loopback, on a port of its own, served by the running event loop.

    aiosmtpd's controllers would start a thread with a loop of its own for it.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._handler = _Handler(inbox)
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Begin to listen and return the port."""
        # At INFO and below aiosmtpd logs whole mails, and codes stand in them.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self._handler, self._open), LOOPBACK, 0
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening and cut off whoever is connected."""
        if self._server is None:
            return
        self._server.close()
        cut_off = list(self._open)
        for connection in cut_off:
            connection.cut()
        await asyncio.gather(*(connection.ended() for connection in cut_off))
        await self._server.wait_closed()


class _Handler:
    """What aiosmtpd calls; the names are its own."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101 (aiosmtpd decodes only when asked to)
        try:
            self._inbox.take_mail(content, envelope.rcpt_tos)
        except ValueError:
            return "554 This mail cannot be read"
        return "250 OK"


class _Connection(SMTP):
    """One connection, which its server knows of for as long as it lives."""

    def __init__(self, handler: _Handler, among: set[_Connection]) -> None:
        super().__init__(
            handler,
            data_size_limit=MAIL_BYTES,
            enable_SMTPUTF8=True,
            # Without a name it would ask the resolver for one, and everything would wait.
            hostname="localhost",
            ident="tui-admin demo",
            timeout=IDLE_S,
            command_call_limit=200,
            loop=asyncio.get_running_loop(),
        )
        self._among = among

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._among.add(self)
        if len(self._among) > CONNECTIONS:
            self.cut()

    def connection_lost(self, error: Exception | None) -> None:
        self._among.discard(self)
        super().connection_lost(error)

    def cut(self) -> None:
        """Close at once, whatever is under way."""
        transport: Any = self.transport
        if transport is not None:
            transport.abort()

    async def ended(self) -> None:
        """Return once nothing of it runs any more."""
        if self._handler_coroutine is not None:
            await asyncio.wait([self._handler_coroutine])
