"""The demo's SMS gateway: takes what Apprise's `json://` posts, into the demo phone's inbox."""

from __future__ import annotations

import asyncio
import io
import json
from http import HTTPStatus
from http.client import HTTPException, parse_headers
from urllib.parse import unquote, urlsplit

from tui_admin.demo.inbox import Inbox

LOOPBACK = "127.0.0.1"
HEAD_BYTES = 8 * 1024
BODY_BYTES = 16 * 1024
REQUEST_S = 5.0
"""How long one request may take from its first byte to the answer."""
CONNECTIONS = 20


class SmsGateway:
    """Listens on loopback, on a port of its own, served by the running event loop.

    A request is `POST /<number>` with `{"message": text, "id": id}`; the number stands in the path,
    where its `+` needs no quoting. Each connection carries one request.
    """

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Begin to listen and return the port."""
        self._server = await asyncio.start_server(self._connected, LOOPBACK, 0, limit=HEAD_BYTES)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening and cut off whoever is connected."""
        if self._server is None:
            return
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._answer(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                status = await self._take(reader)
                head = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                head += "Content-Length: 0\r\nConnection: close\r\n\r\n"
                writer.write(head.encode("ascii"))
                await writer.drain()
        except (OSError, EOFError):
            # Too slow (TimeoutError is an OSError) or gone: there is nobody to answer.
            writer.transport.abort()
        finally:
            writer.close()

    async def _take(self, reader: asyncio.StreamReader) -> HTTPStatus:
        """Read one request, keep its SMS, and return what is to be answered."""
        try:
            line, _end, rest = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")
            method, target, _version = line.decode("ascii").split(" ")
            headers = parse_headers(io.BytesIO(rest))
            length = int(headers.get("Content-Length", "0"))
            # A page in somebody's browser can post plain text anywhere, but not this.
            if method != "POST" or headers.get_content_type() != "application/json":
                return HTTPStatus.BAD_REQUEST
            if not 0 < length <= BODY_BYTES:
                return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            posted = json.loads(await reader.readexactly(length))
        except (ValueError, RecursionError, HTTPException, asyncio.LimitOverrunError):
            return HTTPStatus.BAD_REQUEST
        number = unquote(urlsplit(target).path).strip("/")
        message = posted.get("message") if isinstance(posted, dict) else None
        if not number or not isinstance(message, str):
            return HTTPStatus.BAD_REQUEST
        self._inbox.take_sms(number, message, str(posted.get("id", ""))[:64])
        return HTTPStatus.OK
