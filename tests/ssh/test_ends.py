"""At every kind of end the terminal is given back as it was, the session's row is ended, and
nothing of the client is left."""

from __future__ import annotations

import asyncio

from tests.ssh.conftest import OpenSsh
from tests.ssh.serving import LEAVE, Server, connected, open_screen
from tests.support.console import Console


async def test_leaving_by_key_with_openssh(server: Server, openssh: OpenSsh) -> None:
    """Exit code 0, the main screen is back, and nobody reads of a disconnect."""
    app = openssh(server)
    await asyncio.to_thread(app.wait_for, "Log in")
    app.press("ctrl+q")
    assert await asyncio.to_thread(app.wait_ended) == 0
    assert app.raw.count(b"\x1b[?1049h") == app.raw.count(LEAVE) == 1
    after = app.raw.partition(LEAVE)[2]
    assert b"isconnect" not in after, after
    assert "Log in" not in app.text()
    await server.is_empty()


async def test_sign_in_and_leave(server: Server, console: Console) -> None:
    alice = await console.customer("alice", otp=True)
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.sign_in(alice)
        assert await server.open_sessions() == 2
        conn.abort()
    await server.is_empty()
    assert await server.open_sessions() == 1
