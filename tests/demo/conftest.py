"""The two servers of the demo, each with an inbox, and ways to send to them as delivery does."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest

from tui_admin.demo.inbox import Inbox
from tui_admin.demo.mail_server import MailServer
from tui_admin.demo.sms_gateway import SmsGateway

LINK, STOP = "0123456789abcdefghjkmnpqrs", "zyxwvtsrqpnmkjhgfedcba9876"


@dataclass
class Served:
    """A server that listens, and where what it takes lands."""

    inbox: Inbox
    server: MailServer | SmsGateway
    port: int

    async def send(self, message: EmailMessage, recipient: str = "anna@example.com") -> None:
        """Send a mail by SMTP."""
        await aiosmtplib.send(
            message,
            recipients=[recipient],
            hostname="127.0.0.1",
            port=self.port,
            start_tls=False,
            local_hostname="localhost",
        )

    async def say(self, spoken: bytes) -> bytes:
        """Send bytes and return everything that is answered until the connection is closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            with suppress(ConnectionError):
                writer.write(spoken)
                await writer.drain()
                return await asyncio.wait_for(reader.read(), 60)
            return b""
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def mail() -> AsyncIterator[Served]:
    """The mail server."""
    inbox = Inbox()
    server = MailServer(inbox)
    yield Served(inbox, server, await server.start())
    await server.close()


@pytest.fixture
async def gateway() -> AsyncIterator[Served]:
    """The SMS gateway."""
    inbox = Inbox()
    server = SmsGateway(inbox)
    yield Served(inbox, server, await server.start())
    await server.close()


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what a demo changes for its own process."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def letter(
    text: str = "Hello.", subject: str = "Hello", *, cte: str | None = None, kind: str = "plain"
) -> EmailMessage:
    """Return a mail with a text part."""
    message = EmailMessage()
    message["From"] = "WEDOS Internet <wedos@wedos.com>"
    message["To"] = "anna@example.com"
    message["Subject"] = subject
    message.set_content(text, subtype=kind, cte=cte)
    return message


async def until(true: Callable[[], object]) -> None:
    """Wait until something is true; a minute at most."""
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 (what is waited for rings no bell)
            await asyncio.sleep(0.005)


def is_refused(port: int) -> bool:
    """Whether this process listens there no more. Another one may have been given the port."""
    return port not in {number for _address, number in listening()}


def listening() -> set[tuple[str, int]]:
    """Return address (as the kernel writes it) and port of every listening TCP socket that this
    process holds."""
    mine = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            mine.update(re.findall(r"socket:\[(\d+)\]", os.readlink(entry)))
    return {found for table in ("tcp", "tcp6") for found in _listed(table, mine)}


def _listed(table: str, inodes: set[str]) -> Iterator[tuple[str, int]]:
    rows = Path("/proc/self/net", table).read_text().splitlines()[1:]
    for row in map(str.split, rows):
        address, port = row[1].split(":")
        if row[3] == "0A" and row[9] in inodes:
            yield address, int(port, 16)
