"""T5, T6: whoever only connects takes no room from those who sign in, and does not stay."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import suppress

import asyncssh
import pytest

from tests.ssh.serving import (
    TIMEOUT_S,
    Serve,
    connected,
    open_screen,
    opened_screen,
    read_to_end,
    until,
)
from tests.support.console import Console
from tui_admin.config import SshSettings
from tui_admin.servers import unsigned
from tui_admin.servers.startups import Seat, Startups


@pytest.mark.parametrize(
    ("count", "refused_of_100"), [(99, 0), (100, 30), (250, 65), (399, 99), (400, 100), (401, 100)]
)
def test_more_and_more_are_refused(count: int, refused_of_100: int) -> None:
    """T5: the default 100:30:400, as OpenSSH's MaxStartups."""
    admitted = 0
    for dice in range(100):
        startups = Startups(SshSettings(), randbelow=lambda _sides, dice=dice: dice)  # type: ignore[misc]
        startups.unsigned = count
        admitted += startups.admit("192.0.2.1") is not None
    assert 100 - admitted == refused_of_100


def test_the_house_has_a_cap_signed_in_or_not() -> None:
    """T5: memory has an end, whoever is there."""
    startups = Startups(SshSettings(max_connections=2))
    seats = [startups.admit(f"192.0.2.{number}") for number in range(2)]
    for seat in seats:
        assert seat is not None
        seat.sign_in(True)
    assert startups.unsigned == 0
    assert startups.admit("192.0.2.9") is None
    assert seats[0] is not None
    seats[0].leave()
    assert startups.admit("192.0.2.9")


def test_an_address_has_its_own_cap() -> None:
    """T5: 20 of one address, of one /64, and of IPv4 however it is written."""
    startups = Startups(SshSettings(startups_per_address=2))
    for mine, also_mine in (
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("198.51.100.1", "::ffff:198.51.100.1"),
        ("unknown", "no address"),
    ):
        assert startups.admit(mine)
        assert startups.admit(also_mine)
        assert startups.admit(mine) is None
    assert startups.admit("2001:db8:0:1::1")


def test_an_address_has_so_many_seats_signed_in_or_not() -> None:
    """T5: one account, signed in again and again, does not take the whole house."""
    startups = Startups(SshSettings(connections_per_address=3))
    seats: list[Seat] = []
    for _one in range(3):
        seat = startups.admit("192.0.2.1")
        assert seat is not None
        seat.sign_in(True)
        seats.append(seat)
    assert startups.admit("192.0.2.1") is None
    assert startups.admit("192.0.2.2") is not None
    proxied = startups.admit("")
    assert proxied is not None and not proxied.move("192.0.2.1")
    seats[0].leave()
    seats[0].leave()
    assert proxied.move("192.0.2.1")
    assert startups.admit("192.0.2.1") is None


def test_a_seat_is_given_back_once() -> None:
    """Leaving twice, or signed in, counts nobody else out of the house."""
    startups = Startups(SshSettings())
    seats = [startups.admit("192.0.2.1") for _ in range(3)]
    first, second, third = (seat for seat in seats if seat is not None)
    assert (startups.connections, startups.unsigned) == (3, 3)
    first.sign_in(True)
    first.sign_in(True)
    assert (startups.connections, startups.unsigned) == (3, 2)
    first.sign_in(False)
    assert startups.unsigned == 3
    first.sign_in(True)
    for seat in (first, first, second, third):
        seat.leave()
        seat.sign_in(False)
    assert (startups.connections, startups.unsigned) == (0, 0)
    assert not startups._unsigned and not startups._all


def test_behind_a_proxy_the_clients_address_counts() -> None:
    """T5: the proxy itself has no cap of its own, and each of its clients has."""
    startups = Startups(SshSettings(startups_per_address=1))
    seats: list[Seat] = []
    for number in range(5):
        seat = startups.admit("")
        assert seat is not None and seat.move(f"192.0.2.{number}")
        seats.append(seat)
    late = startups.admit("")
    assert late is not None and not late.move("192.0.2.0")
    for seat in (*seats, late):
        seat.leave()
    assert (startups.connections, startups.unsigned) == (0, 0)
    assert not startups._unsigned and not startups._all


def test_wrong_curves_are_told_of() -> None:
    for wrong in ("", "1", "0:30:10", "10:0:20", "10:101:20", "20:30:10", "a:b:c"):
        with pytest.raises(ValueError, match="startups"):
            SshSettings(startups=wrong)


async def test_one_too_many_is_closed_before_ssh_begins(serve: Serve) -> None:
    """T5: not a byte of SSH is spoken with it; room comes back with each that leaves."""
    server = await serve(startups_per_address=3)
    inside = [await server.raw() for _ in range(3)]
    try:
        await until(lambda: server.door.startups.connections == 3)
        late = await server.raw()
        assert await read_to_end(late) == b""
        late.close()
        inside.pop().close()
        await until(lambda: server.door.startups.connections == 2)
        async with opened_screen(server) as screen:
            await screen.wait_for("Log in")
    finally:
        for sock in inside:
            sock.close()
    await server.is_empty()


async def test_the_cap_for_all(serve: Serve) -> None:
    """T5: `full` is full, whoever comes."""
    server = await serve(startups="2:100:2")
    inside = [await server.raw() for _ in range(2)]
    try:
        await until(lambda: server.door.startups.unsigned == 2)
        late = await server.raw()
        assert await read_to_end(late) == b""
        late.close()
    finally:
        for sock in inside:
            sock.close()
    await server.is_empty()


async def test_who_signs_in_makes_room(serve: Serve, console: Console) -> None:
    """T5: a customer at work is no start-up; after signing out they are again."""
    alice = await console.customer("alice")
    server = await serve(startups="1:100:1")
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        assert server.door.startups.unsigned == 1
        refused = await server.raw()
        assert await read_to_end(refused) == b""
        refused.close()
        await screen.sign_in(alice)
        assert server.door.startups.unsigned == 0
        async with opened_screen(server) as second:
            await second.wait_for("Log in")
            assert (server.door.startups.connections, server.door.startups.unsigned) == (2, 1)
        await until(lambda: server.door.startups.unsigned == 0)
        await screen.sign_out()
        await until(lambda: server.door.startups.unsigned == 1)
    await server.is_empty()


@pytest.mark.parametrize("sent", [b"", b"SSH-2.0-x", b"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n\x00\x00"])
async def test_a_handshake_that_takes_too_long(serve: Serve, sent: bytes) -> None:
    """T6: whether it says nothing or stops in the middle, it is hung up on after `login_s`."""
    server = await serve(login_s=1)
    sock = await server.raw()
    try:
        await asyncio.get_running_loop().sock_sendall(sock, sent)
        assert (await read_to_end(sock)).startswith(b"SSH-2.0-tui-admin\r\n")
    finally:
        sock.close()
    await server.is_empty()


RUBBISH = {
    "HTTP": b"GET / HTTP/1.1\r\n",
    "SSH 1": b"SSH-1.5-old\r\n",
    "no line": b"\xff" * 20_000,
    "long line": b"SSH-2.0-" + b"x" * 5000 + b"\r\n",
    "no ASCII": b"SSH-2.0-\xff\r\n",
    "long packet": b"SSH-2.0-x\r\n\xff\xff\xff\xff" + b"x" * 100,
    "empty packet": b"SSH-2.0-x\r\n\x00\x00\x00\x00" + b"\x00" * 100,
    "zeros": b"SSH-2.0-x\r\n" + b"\x00" * 4000,
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_what_is_no_ssh_is_hung_up_on_at_once(
    serve: Serve, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Rubbish in the first line, in the length of a packet, or in the packet: not only once the
    time for the handshake is over. It is no fault of ours, and fills no log."""
    server = await serve(login_s=3600)
    sock = await server.raw()
    try:
        with suppress(ConnectionError):
            await asyncio.get_running_loop().sock_sendall(sock, RUBBISH[name])
        await read_to_end(sock)
    finally:
        sock.close()
    await server.is_empty()
    assert not [one.getMessage() for one in caplog.records if one.levelno > logging.INFO]


async def test_a_connection_that_opens_no_terminal(serve: Serve) -> None:
    """T6: authenticated or not, who asks for nothing is hung up on after `login_s`."""
    server = await serve()
    server.change(login_s=1)
    async with connected(server) as conn:
        await asyncio.wait_for(conn.wait_closed(), TIMEOUT_S)
    await server.is_empty()


async def test_a_channel_that_asks_for_nothing(serve: Serve) -> None:
    """T6: a channel alone is no terminal; nor is one whose request was refused."""
    server = await serve()
    for subsystem in (None, "sftp"):
        server.change(login_s=30)
        async with connected(server) as conn:
            with pytest.raises(asyncssh.ChannelOpenError):
                await conn.create_session(
                    asyncssh.SSHClientSession, subsystem=subsystem or "nothing", encoding=None
                )
            server.change(login_s=1)
            with suppress(asyncssh.ChannelOpenError):  # its end starts the time anew
                await conn.create_session(
                    asyncssh.SSHClientSession, subsystem="nothing", encoding=None
                )
            await asyncio.wait_for(conn.wait_closed(), TIMEOUT_S)
    await server.is_empty()


async def test_nobody_signs_in(serve: Serve, console: Console) -> None:
    """T5: after `unsigned_s` the terminal is ended with a sentence; who is signed in stays, and
    it counts anew from signing out."""
    alice = await console.customer("alice")
    server = await serve()
    async with connected(server) as conn:
        working = await open_screen(conn)
        await working.sign_in(alice)
        server.change(unsigned_s=5)  # signing in may take longer
        waiting = await open_screen(conn)
        await waiting.wait_closed()
        assert waiting.exit_status == 1
        assert b"Nobody signed in here for a while. Please connect again." in waiting.errors
        assert not working.is_closed
        await working.sign_out()
        await working.wait_for("Signed out.")
        await working.wait_closed()
        assert b"Nobody signed in here" in working.errors
    await server.is_empty()


async def test_whoever_types_is_there(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """T5: the time counts from the last key, and who has stopped is told before; but keys hold
    nothing open for ever."""
    monkeypatch.setattr(unsigned, "WARN_S", 5.0)
    monkeypatch.setattr(unsigned, "LONGEST", 1.5)
    server = await serve(unsigned_s=6)
    sentence = "Nobody is signed in here."
    began_s = time.monotonic()
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.wait_for(sentence)
        screen.press("a")
        await screen.wait_gone(sentence)
        await asyncio.sleep(1.5)
        screen.press("a")  # the later, the longer the sentence stands when it comes again
        await screen.wait_for(sentence)
        while not screen.is_closed:
            if not screen.chan.is_closing():
                screen.press("a")
            await asyncio.sleep(0.3)
        assert time.monotonic() - began_s >= 9
        assert b"Nobody signed in here for a while." in screen.errors
    await server.is_empty()


async def test_a_client_that_is_not_there_any_more(serve: Serve, console: Console) -> None:
    """T6: no answer to three questions, and the connection, the session and the app are gone."""
    alice = await console.customer("alice")
    server = await serve(keepalive_s=1)
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.sign_in(alice)
        assert conn._transport is not None
        conn._transport.pause_reading()
        await server.is_empty()
    assert await server.open_sessions() == 0


async def test_half_open(serve: Serve) -> None:
    """A client that closes its sending side is gone."""
    server = await serve(login_s=3600)
    sock = await server.raw()
    try:
        await until(lambda: server.door.startups.connections == 1)
        sock.shutdown(socket.SHUT_WR)
        await read_to_end(sock)
    finally:
        sock.close()
    await server.is_empty()
