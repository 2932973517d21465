"""Peer addresses: the client's own behind a proxy that the settings name, and nobody else's word
for it (Keycloak CVE-2026-96445: an untrusted header; authentik CVE-2024-47070: an address that
cannot be parsed)."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from contextlib import suppress

import pytest

from tests.ssh.serving import TIMEOUT_S, Serve, Server, read_to_end, until
from tests.support.console import Console
from tui_admin.flows.visitor import canonical_address
from tui_admin.models import AuditRow, Session
from tui_admin.servers.proxy import (
    ProxyError,
    is_proxy,
    parse_block,
    parse_line,
)

PROXY = "203.0.113.5"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LOOPBACK = ["127.0.0.0/8"]


def block(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def ipv4(source: str) -> bytes:
    return (
        ipaddress.ip_address(source).packed
        + ipaddress.ip_address("192.0.2.200").packed
        + struct.pack("!HH", 40000, 22)
    )


def ipv6(source: str) -> bytes:
    return (
        ipaddress.ip_address(source).packed
        + ipaddress.ip_address("2001:db8::22").packed
        + struct.pack("!HH", 40000, 22)
    )


@pytest.mark.parametrize(
    ("line", "address"),
    [
        (b"PROXY TCP4 192.0.2.7 192.0.2.200 40000 22\r\n", "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::22 40000 22\r\n", "2001:db8::7"),
        (b"PROXY TCP6 2001:0DB8:0:0::7 2001:db8::22 1 65535\r\n", "2001:db8::7"),
        (b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::22 1 22\r\n", "192.0.2.7"),
        (b"PROXY UNKNOWN\r\n", PROXY),
        (b"PROXY UNKNOWN ffff:f...f ffff:f...f 65535 65535\r\n", PROXY),
    ],
)
def test_version_1(line: bytes, address: str) -> None:
    assert parse_line(line, PROXY) == address


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TCP4 192.0.2.7 192.0.2.200 40000 22\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.200 40000\r\n",
        b"PROXY TCP4 192.0.2.7  192.0.2.200 40000 22\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.200 40000 70000\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.200 40000 022\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.200 40000 22\r\n",
        b"PROXY TCP4 192.0.2.07 192.0.2.200 40000 22\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::22 40000 22\r\n",
        b"PROXY TCP6 192.0.2.7 192.0.2.200 40000 22\r\n",
        b"PROXY TCP6 fe80::1%eth0 2001:db8::22 40000 22\r\n",
        b"PROXY TCP4 local 192.0.2.200 40000 22\r\n",
        b"PROXY TCP4 192.0.2.7 nonsense 40000 22\r\n",
        "PROXY TCP4 192.0.2.\uff17 192.0.2.200 40000 22\r\n".encode(),
        b"PROXY UNIX /a /b 1 2\r\n",
        b"proxy tcp4 192.0.2.7 192.0.2.200 40000 22\r\n",
        b"PROXY UNKNOWN \x1b[2J\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
    ],
)
def test_version_1_that_is_not(line: bytes) -> None:
    with pytest.raises(ProxyError):
        parse_line(line, PROXY)


@pytest.mark.parametrize(
    ("command", "family", "body", "address"),
    [
        (0x21, 0x11, ipv4("192.0.2.7"), "192.0.2.7"),
        (0x21, 0x11, ipv4("192.0.2.7") + b"\x04\x00\x01x", "192.0.2.7"),
        (0x21, 0x21, ipv6("2001:db8::7"), "2001:db8::7"),
        (0x21, 0x21, ipv6("::ffff:192.0.2.7"), "192.0.2.7"),
        (0x20, 0x00, b"", PROXY),
        (0x20, 0x11, ipv4("192.0.2.7"), PROXY),
        (0x21, 0x00, b"anything", PROXY),
    ],
)
def test_version_2(command: int, family: int, body: bytes, address: str) -> None:
    assert parse_block(struct.pack("!BBH", command, family, len(body)), body, PROXY) == address


@pytest.mark.parametrize(
    ("command", "family", "body"),
    [
        (0x11, 0x11, ipv4("192.0.2.7")),
        (0x22, 0x11, ipv4("192.0.2.7")),
        (0x21, 0x12, ipv4("192.0.2.7")),
        (0x21, 0x31, b"x" * 216),
        (0x21, 0x11, ipv4("192.0.2.7")[:-1]),
        (0x21, 0x21, ipv4("192.0.2.7")),
    ],
)
def test_version_2_that_is_not(command: int, family: int, body: bytes) -> None:
    """Another version or command, datagrams, Unix sockets, and addresses that are cut off."""
    with pytest.raises(ProxyError):
        parse_block(struct.pack("!BBH", command, family, len(body)), body, PROXY)


def test_addresses_have_one_form() -> None:
    assert canonical_address("::ffff:192.0.2.7") == "192.0.2.7"
    assert canonical_address("fe80::1%eth0") == "fe80::1"
    assert canonical_address("2001:DB8:0::1") == "2001:db8::1"
    for rubbish in ("", "local", "192.0.2.7 ", "\x1b[2J", "1", None):
        assert canonical_address(rubbish) == "unknown"


def test_what_cannot_be_parsed_is_no_proxy() -> None:
    """S29: not even where every address is one."""
    everybody = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
    assert is_proxy("192.0.2.7", everybody) and is_proxy("2001:db8::7", everybody)
    assert not is_proxy("unknown", everybody)
    assert not is_proxy("192.0.2.7", [ipaddress.ip_network("::/0")])
    assert not is_proxy("192.0.2.7", [])


async def begins(server: Server, header: bytes) -> bytes:
    """Send a header and then SSH's first line; return the answer, up to the key exchange."""
    sock = await server.raw()
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(sock, header + b"SSH-2.0-test\r\n")
        data = b""
        async with asyncio.timeout(TIMEOUT_S):
            # The key exchange follows only when the first line was taken for one.
            with suppress(ConnectionError):
                while b"curve25519" not in data:
                    if not (more := await loop.sock_recv(sock, 65536)):
                        break
                    data += more
        return data
    finally:
        sock.close()


async def signs_in(server: Server, header: bytes, name: str, password: str) -> None:
    """Sign in through a proxy, which sends `header` first."""
    import asyncssh

    from tests.ssh.serving import open_screen

    sock = await server.raw()
    await asyncio.get_running_loop().sock_sendall(sock, header)
    conn = await asyncssh.connect(
        sock=sock, known_hosts=None, username="anna", client_keys=None, agent_path=None, config=None
    )
    async with conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        screen.press(name, "tab", password, "enter")
        await screen.wait_for("Account Security")


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (b"PROXY TCP4 192.0.2.77 192.0.2.200 40000 22\r\n", "192.0.2.77"),
        (block(0x21, 0x11, ipv4("192.0.2.78")), "192.0.2.78"),
        (block(0x21, 0x21, ipv6("2001:db8::79") + b"\x04\x00\x01x"), "2001:db8::79"),
        (block(0x20, 0x00, b""), "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ],
)
async def test_the_clients_address_is_in_sessions_and_audit(
    serve: Serve, console: Console, header: bytes, address: str
) -> None:
    """From a proxy that the settings name, its word counts everywhere."""
    alice = await console.customer("alice")
    server = await serve(proxy_from=LOOPBACK)
    await signs_in(server, header, alice.name, alice.password)
    await server.is_empty()
    assert [row.address for row in await console.rows(Session)] == [address]
    rows = [row for row in await console.rows(AuditRow) if row.event.startswith("sign_in")]
    assert rows and {row.address for row in rows} == {address}


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"PROXY TCP4 192.0.2.7 192.0.2.200 40000 99999\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        b"PROXY UNKNOWN" + b" " * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        block(0x21, 0x11, b"short"),
        SIGNATURE + b"\x21\x11\xff\xff",
        b"\x00" * 12,
    ],
)
async def test_a_proxy_without_a_right_header_is_hung_up_on(serve: Serve, header: bytes) -> None:
    """Fail closed: no SSH is spoken, and no address is taken for the client's."""
    server = await serve(proxy_from=LOOPBACK)
    assert await begins(server, header) == b""
    await server.is_empty()


async def test_a_proxy_that_says_nothing(serve: Serve) -> None:
    """The header has as long as the handshake."""
    server = await serve(proxy_from=LOOPBACK, login_s=1)
    for start in (b"", b"PROXY TCP4 1", SIGNATURE + b"\x21\x11\x00\x0c1"):
        sock = await server.raw()
        await asyncio.get_running_loop().sock_sendall(sock, start)
        assert await read_to_end(sock) == b""
        sock.close()
    await server.is_empty()


@pytest.mark.parametrize(
    "header",
    [b"PROXY TCP4 10.0.0.1 192.0.2.200 40000 22\r\n", block(0x21, 0x11, ipv4("10.0.0.1"))],
)
@pytest.mark.parametrize("proxies", [[], ["192.0.2.0/24", "::1/128"]])
async def test_from_anybody_else_a_header_is_rubbish(
    serve: Serve, header: bytes, proxies: list[str]
) -> None:
    """It breaks SSH's first line: the key exchange never begins."""
    server = await serve(proxy_from=proxies)
    answer = await begins(server, header)
    assert answer in (b"", b"SSH-2.0-tui-admin\r\n")
    assert b"curve25519" in await begins(server, b"")
    await server.is_empty()


async def test_a_proxys_client_has_its_own_cap(serve: Serve) -> None:
    """T5: `startups_per_address` counts the addresses that the proxy names."""
    server = await serve(proxy_from=LOOPBACK, startups_per_address=1)
    header = b"PROXY TCP4 192.0.2.77 192.0.2.200 40000 22\r\n"
    first = await server.raw()
    await asyncio.get_running_loop().sock_sendall(first, header)
    await until(lambda: server.door.startups._unsigned["192.0.2.77"] == 1)
    assert await begins(server, header) == b""
    other = b"PROXY TCP4 192.0.2.78 192.0.2.200 40000 22\r\n"
    assert b"curve25519" in await begins(server, other)
    first.close()
    await server.is_empty()
