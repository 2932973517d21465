"""T3: what a client sends costs neither memory nor the time of others; no sequence of bytes does
more than keys can."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from typing import Any

import pytest
from asyncssh.constants import MSG_GLOBAL_REQUEST, MSG_IGNORE, MSG_KEXINIT
from asyncssh.packet import Boolean, String

from tests.ssh.serving import (
    LEAVE,
    TIMEOUT_S,
    Client,
    Serve,
    Server,
    connected,
    open_screen,
    opened_screen,
    until,
)
from tui_admin.servers import intake, pastes, wire
from tui_admin.servers.driver import ChannelDriver

TOO_MUCH = b"Too much came from your terminal at once. Please connect again."


def drivers(server: Server) -> list[ChannelDriver]:
    return [app._driver for app in server.apps() if isinstance(app._driver, ChannelDriver)]


def waiting(server: Server) -> int:
    """How many messages wait anywhere in the consoles that are up."""
    return sum(
        node._message_queue.qsize()
        for app in server.apps()
        for node in (app, *(n for screen in app.screen_stack for n in screen.walk_children()))
        if node.is_attached or node is app
    )


async def most_waiting(server: Server, screen: Client) -> tuple[int, int]:
    """Look until a terminal is closed; return how many messages and bytes waited at most."""
    most = most_bytes = 0
    while not screen.is_closed:
        most = max(most, waiting(server))
        intakes = [one._intake for one in server.door.terminals if one._intake is not None]
        most_bytes = max([most_bytes, *(len(one._held) for one in intakes)])
        await asyncio.sleep(0)
    return most, most_bytes


async def test_a_megabyte_of_keys(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """T3: few of them wait at any time, the neighbour types on meanwhile, and after a while of
    nothing but that it is over, with a sentence."""
    monkeypatch.setattr(intake, "FLOOD_S", 3.0)
    async with connected(server) as conn, connected(server) as other:
        flood, neighbour = await open_screen(conn), await open_screen(other)
        await flood.wait_for("Log in")
        await neighbour.wait_for("Log in")
        looking = asyncio.create_task(most_waiting(server, flood))
        flood.send(b"x" * 1_000_000)
        neighbour.press("here")
        await neighbour.wait_for("here")
        most, most_bytes = await looking
        assert flood.exit_status == 1 and TOO_MUCH in flood.errors
        assert flood.raw.endswith(LEAVE)
        assert most < 500
        # The rest waits where the client is: it may send no more than the window.
        assert 0 < most_bytes <= wire.WINDOW
        neighbour.press("f1")
        await neighbour.wait_for("Esc closes")


async def test_keys_before_the_console_is_there(serve: Serve) -> None:
    """What is typed while it opens is not lost, and waits."""
    server = await serve(pool=0)
    async with opened_screen(server) as screen:
        screen.press("early", "tab", "bird")
        await screen.wait_for("early")
        await screen.wait_for("\u2022\u2022\u2022\u2022")


async def test_a_character_in_two_packets(server: Server) -> None:
    """Half a character is no end of input."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        for byte in "žluť":
            for part in byte.encode():
                screen.send(bytes([part]))
                await asyncio.sleep(0.02)
        await screen.wait_for("žluť")


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[9999999999u",
        b"\x1b[1114112;1;1114112u",
        b"\x1b[48;0;0;0;0t\x1b[<0;5;5M",
        b"\x1b[<0;99999999999;99999999999M",
        b"\x1b[<64;-5;-5M",
        b"\x1b[M\xff\xff\xff",
        b"\x1b[?2026;2$y\x1b[?2048;1$y\x1b[?1;2c",
        b"\x1b[12;40R\x1b[0n",
        b"\x1b]52;c;aGVsbG8=\x07\x1b]0;title\x07\x1b]11;rgb:00/00/00\x1b\\",
        b"\x1bP>|XTerm(370)\x1b\\\x1b_Gi=1;OK\x1b\\\x1b^x\x1b\\\x1bXy\x1b\\",
        b"\x1b]" + b"x" * 2000,
        b"\x1b" * 200,
        b"\x1b[200~paste\x00\x1b[2J\x9b1m\x1b[201~",
        b"\x1b[201~\x1b[201~",
        b"\x1b[48;300;500;9000;9000t",
        b"\x1b[I\x1b[O" * 50,
        b"\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80",
        b"\x1c\x1d\x1e\x1f\x05\x06\x0b\x0e\x0f",
    ],
    ids=lambda one: repr(one[:12]),
)
async def test_sequences_from_the_client(server: Server, sequence: bytes) -> None:
    """Answers nobody asked for, strings, broken keys: afterwards it can be typed as before."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        screen.send(sequence)
        await asyncio.sleep(0.3)
        screen.send(b"\x1b[201~")
        screen.press("f1")
        await screen.wait_for("Esc closes")
        (console,) = server.apps()
        assert console.size == (80, 24)
        screen.press("escape")
        await until(lambda: len(console.screen_stack) == 1)
        assert not screen.is_closed


async def test_random_bytes(server: Server) -> None:
    """Whatever comes, nothing but the console's own answer to keys: no fault, and it leaves."""
    dice = random.Random(7)
    pieces = [b"\x1b", b"[", b"<", b";", b"200~", b"201~", b"0", b"9", b"M", b"u", b"t", b"\x9b"]
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        (console,) = server.apps()
        for _round in range(60):
            piece = b"".join(dice.choice(pieces) for _ in range(dice.randrange(1, 30)))
            screen.send(piece + bytes(dice.randrange(128, 256) for _ in range(5)))
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.3)
        assert not screen.is_closed and console.exit_error is None


async def test_a_paste_that_does_not_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """T3: slow or fast, more than 64 Ki characters of one paste are not kept; other sequences in
    it hide nothing. When its end comes after all, the person reads that it was too long, and goes
    on."""
    monkeypatch.setattr(pastes, "MOST", 2000)
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        (one,) = drivers(server)
        screen.send(b"\x1b[200~")
        for _part in range(60):
            screen.send(b"p" * 99 + b"\x1b[I")
            await asyncio.sleep(0.005)
            assert one._pastes.count < 2010
        await until(lambda: one._pastes.count >= 2000)
        assert one._pastes.count < 2010
        screen.send(b"\x1b[201~")
        await screen.wait_for("That was too long")
        screen.press("ctrl+u", "anna")
        await screen.wait_for("anna")


async def test_the_wrong_thing_pasted(server: Server) -> None:
    """Hundred thousand characters in brackets are left out at once, without a pause of minutes."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        screen.send(b"\x1b[200~" + b"all of it " * 10_000 + b"\x1b[201~")
        await screen.wait_for("characters were left out")
        screen.press("ctrl+u", "anna")
        await screen.wait_for("anna")


async def test_a_megabyte_in_one_paste(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """T3: pasted or not, the byte rate holds."""
    monkeypatch.setattr(intake, "FLOOD_S", 2.0)
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        screen.send(b"\x1b[200~" + b"p" * 1_000_000)
        await until(lambda: bool(server.apps()))
        (one,) = drivers(server)
        most = 0
        while not screen.is_closed:
            most = max(most, one._pastes.count)
            await asyncio.sleep(0.02)
        assert TOO_MUCH in screen.errors
        assert 10_000 < most < 70_000
    await server.is_empty()


async def test_the_parser_is_let_go(server: Server) -> None:
    """Textual's cache of keys keeps a thousand parsers alive; they hold nothing by then."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        (one,) = drivers(server)
        parser: Any = one._parser
        screen.send(b"\x1b[200~" + b"p" * 5000)
        await until(lambda: one._pastes.count == 5000)
    await server.is_empty()
    assert parser._gen.gi_frame is None


async def test_more_than_the_window(server: Server) -> None:
    """A client that sends what it was not allowed to is disconnected."""
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        chan: Any = screen.chan
        chan._send_window = 10_000_000
        screen.send(b"p" * 400_000)
        await screen.wait_closed()
    await server.is_empty()


@pytest.mark.parametrize("length", [37_000, 200_000, 2**31])
async def test_too_large_a_packet(server: Server, length: int) -> None:
    """A packet is refused by its length, before it is read."""
    sock = await server.raw()
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(sock, b"SSH-2.0-x\r\n" + struct.pack("!I", length) + b"\x00" * 4)
        data = b""
        async with asyncio.timeout(TIMEOUT_S):
            while more := await loop.sock_recv(sock, 65536):
                data += more
        assert b"Max packet size exceeded" in data
    finally:
        sock.close()


async def test_a_flood_of_packets_leaves_time_for_others(server: Server) -> None:
    """T3: packets that never reach a terminal are read no faster than a person's client sends."""
    async with connected(server) as conn, connected(server) as other:
        neighbour = await open_screen(other)
        await neighbour.wait_for("Log in")
        raw: Any = conn
        flood = [(MSG_IGNORE, String(b"x" * 1000))] * 2000
        for kind, packet in flood:
            raw.send_packet(kind, packet)
        (wire_of_flood,) = await _wires_held(server, "rate")
        assert wire_of_flood._line is not None
        neighbour.press("f1")
        await neighbour.wait_for("Esc closes")
        assert wire_of_flood._holds, "and the flood is not over by then"


async def _wires_held(server: Server, reason: str) -> list[wire.Wire]:
    found: list[wire.Wire] = []

    def look() -> bool:
        found[:] = [one for one in wires() if reason in one._holds]
        return bool(found)

    await until(look)
    return found


def wires() -> list[wire.Wire]:
    import gc

    return [one for one in gc.get_objects() if isinstance(one, wire.Wire) and not one.is_closed()]


def shrink(conn: Any, buffer: int) -> None:
    """Let the system hold little of what one side sends and the other one does not read."""
    conn.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, buffer, 4096)


async def test_who_asks_and_does_not_read(server: Server) -> None:
    """T3: answers wait in our memory for a client that reads none; it is not heard either then."""
    async with connected(server) as conn:
        raw: Any = conn
        raw._transport.pause_reading()

        async def ask() -> None:
            for _round in range(200):
                for _number in range(500):
                    request = String(b"keepalive@openssh.com")
                    raw.send_packet(MSG_GLOBAL_REQUEST, request, Boolean(True))
                await asyncio.sleep(0.01)

        # The rate would hold it first; without it, room is what counts.
        (one,) = wires()
        shrink(raw, socket.SO_RCVBUF)
        shrink(one, socket.SO_SNDBUF)
        one._rate = 10**9
        one._line.set_write_buffer_limits(high=65536)  # type: ignore[union-attr]
        asking = asyncio.create_task(ask())
        await _wires_held(server, "full")
        most = 0
        for _look in range(50):
            most = max(most, one._line.get_write_buffer_size())  # type: ignore[union-attr]
            await asyncio.sleep(0.02)
        asking.cancel()
        await asyncio.wait([asking])
        assert most < 1_000_000
    await server.is_empty()


async def test_a_key_exchange_that_stops_in_the_middle(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T3: what is drawn meanwhile waits, and not without end."""
    monkeypatch.setattr(wire, "MOST_DEFERRED", 20)
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        raw: Any = conn
        # The client asks for new keys and then never answers what the server offers.
        raw._process_kexinit = lambda *_: None
        handlers = dict(raw._packet_handlers)
        handlers[MSG_KEXINIT] = lambda *_: True
        raw._packet_handlers = handlers
        raw._send_kexinit()
        raw._kex_complete = True  # it believes so, or it would not send
        (one,) = wires()
        most = 0
        async with asyncio.timeout(TIMEOUT_S):
            while not screen.is_closed:
                screen.press("f4")
                await asyncio.sleep(0.02)
                most = max(most, len(one._deferred_packets))
        # What is drawn in the moment of the end may still be added.
        assert 0 < most < 2 * wire.MOST_DEFERRED
    await server.is_empty()
