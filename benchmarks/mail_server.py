"""A mail server in a process of its own that takes everything and keeps nothing but the moments.

    python -m benchmarks.mail_server

Prints its port, then for each message the moment it was taken at and the letter's id.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from aiosmtpd.smtp import SMTP


class _Sink:
    # aiosmtpd's own name for the hook.
    async def handle_DATA(self, _server: Any, _s: Any, envelope: Any) -> str:  # noqa: N802
        head = envelope.content.partition(b"Message-ID: <")[2]
        sys.stdout.write(f"{time.time()} {head.partition(b'@')[0].decode()}\n")
        sys.stdout.flush()
        return "250 OK"


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(_Sink(), hostname="mail.test", loop=loop), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
