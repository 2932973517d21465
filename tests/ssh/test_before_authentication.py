"""AsyncSSH CVE-2018-7749: a server that acted on channel and global requests before anybody had
authenticated. Go ssh CVE-2024-45337: a server that took the key a client had only offered for the
one it signed with.

Here SSH authenticates nobody, so nothing may rest on it: requests come after the service was asked
for or not at all, and whatever is offered there, the console asks who one is.
"""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import Mock

import asyncssh
import pytest
from asyncssh.constants import (
    MSG_CHANNEL_DATA,
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_USERAUTH_REQUEST,
    MSG_USERAUTH_SUCCESS,
)
from asyncssh.packet import Boolean, String, UInt32

from tests.ssh.serving import TIMEOUT_S, Server, open_screen
from tests.support.console import Console
from tui_admin.servers.connection import Connection

SESSION = (String("session"), UInt32(0), UInt32(65536), UInt32(32768))
SHELL = (UInt32(0), String("shell"), Boolean(True))
FORWARD = (String("tcpip-forward"), Boolean(True), String("127.0.0.1"), UInt32(0))
PACKETS = [
    (MSG_CHANNEL_OPEN, SESSION),
    (MSG_CHANNEL_REQUEST, SHELL),
    (MSG_CHANNEL_DATA, (UInt32(0), String(b"x"))),
    (MSG_GLOBAL_REQUEST, FORWARD),
    (MSG_USERAUTH_SUCCESS, ()),
    (192, (String("local"),)),
]


async def connected_by(server: Server, when_keyed: Any, username: str = "anna") -> Any:
    """Connect as a client that, instead of asking for authentication, calls `when_keyed`."""

    class Eager(asyncssh.SSHClient):
        def connection_made(self, conn: Any) -> None:
            self.conn = conn
            conn.send_service_request = lambda _service: when_keyed(conn)

    return await asyncssh.connect(
        *("127.0.0.1", server.port),
        known_hosts=None,
        username=username,
        client_keys=None,
        agent_path=None,
        config=None,
        client_factory=Eager,
    )


@pytest.mark.parametrize(("kind", "packet"), PACKETS)
async def test_nothing_is_served_before(
    server: Server, monkeypatch: pytest.MonkeyPatch, kind: int, packet: tuple[bytes, ...]
) -> None:
    """CVE-2018-7749: it ends the connection, and no terminal is made."""
    asked: list[str] = []
    monkeypatch.setattr(Connection, "session_requested", lambda self: asked.append("session"))
    monkeypatch.setattr(Connection, "server_requested", lambda self, *_: asked.append("forward"))

    def send(conn: Any) -> None:
        conn._auth_complete = True  # the client's own belief, or it would wait with sending
        conn.send_packet(kind, *packet)

    with pytest.raises(asyncssh.Error) as error:
        async with asyncio.timeout(TIMEOUT_S):
            await connected_by(server, send)
    assert "before authentication" in str(error.value) or "userauth" in str(error.value).lower()
    assert not asked and not server.door.terminals
    await server.is_empty()


async def test_a_key_that_was_only_offered_says_nothing(server: Server, console: Console) -> None:
    """CVE-2024-45337: key A offered in alice's name, signed with B, or not at all: the console
    opens at the sign-in screen like for everybody."""
    await console.customer("alice")
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(2)]
    events = await console.events()

    def offer(conn: Any) -> None:
        conn._next_service = b"ssh-userauth"
        conn.try_next_auth = lambda *_args, **_kwargs: None
        conn._auth_in_progress = True
        conn.send_packet(5, String("ssh-userauth"))
        for key, signed in zip(keys, (False, True), strict=True):
            parts = [String("alice"), String("ssh-connection"), String("publickey")]
            parts += [Boolean(signed), String(key.algorithm), String(key.public_data)]
            if signed:
                parts.append(String(keys[1].sign(b"something else", key.algorithm)))
            conn.send_packet(MSG_USERAUTH_REQUEST, *parts)
        # Success is for the first of them, whatever the other one was.
        conn._auth = Mock()

    async with asyncio.timeout(TIMEOUT_S):
        conn = await connected_by(server, offer, "alice")
    async with conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        assert [app.signed_in for app in server.apps()] == [None]
    assert await console.events() == events
    await server.is_empty()


async def test_passwords_and_names_say_nothing_either(server: Server, console: Console) -> None:
    """Not even the right password, sent as SSH's own: it would be one factor at another door
    (Gitea CVE-2019-11576, GitLab CVE-2021-39890)."""
    alice = await console.customer("alice", otp=True)
    sessions = await server.open_sessions()
    async with asyncssh.connect(
        *("127.0.0.1", server.port),
        known_hosts=None,
        username=alice.name,
        password=alice.password,
        client_keys=None,
        agent_path=None,
        config=None,
    ) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        assert [app.signed_in for app in server.apps()] == [None]
        assert await server.open_sessions() == sessions
    await server.is_empty()
