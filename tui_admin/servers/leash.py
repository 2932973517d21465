"""The worker's end of the leash, a pair of sockets that the supervisor holds the other end of."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from tui_admin.errors import ConsoleError, StartError
from tui_admin.i18n import _
from tui_admin.servers.draining import Stop

DRAIN, END = b"d", b"e"
"""What the supervisor says."""
BEAT_S = 5.0
"""How often a worker that is ready says that it is alive."""


async def follow(
    descriptor: int, serve: Callable[[Callable[[str, int], None], Stop], Awaitable[None]]
) -> int:
    """Serve as a worker, on the leash of this descriptor; return the exit code.

    Raises:
        StartError: there is no leash.
    """
    try:
        reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    except (OSError, ValueError, OverflowError):
        raise StartError(_("No supervisor holds this leash.")) from None
    stop = Stop()
    tasks = [asyncio.create_task(_obey(reader, stop))]

    def say(**said: Any) -> None:
        writer.write(json.dumps(said).encode() + b"\n")

    async def beat() -> None:
        while not writer.is_closing():
            say(alive=True)
            await asyncio.sleep(BEAT_S)

    def ready(_host: str, port: int) -> None:
        say(ready=port)
        tasks.append(asyncio.create_task(beat()))

    try:
        await serve(ready, stop)
    except ConsoleError as error:
        say(failed=error.sentence)
        return 1
    finally:
        for task in tasks:
            task.cancel()
        with suppress(OSError):
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    return 0


async def _obey(reader: asyncio.StreamReader, stop: Stop) -> None:
    """Do what the supervisor says. When it has gone without a word, finish as well."""
    with suppress(OSError):
        while word := await reader.read(1):
            stop.asked.set()
            if word == END:
                stop.hurried.set()
    stop.asked.set()
