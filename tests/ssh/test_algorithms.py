"""T10: what the server offers, read from its own KEXINIT, and that weaker things are refused."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import asyncssh
import pytest

from tests.ssh.serving import TIMEOUT_S, Server, connected

STRICT = "kex-strict-s-v00@openssh.com"
OFFERED = [
    {
        "mlkem768x25519-sha256",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ext-info-s",
        STRICT,
    },
    {"ssh-ed25519"},
    *[
        {
            "chacha20-poly1305@openssh.com",
            "aes256-gcm@openssh.com",
            "aes128-gcm@openssh.com",
            "aes256-ctr",
            "aes128-ctr",
        }
    ]
    * 2,
    *[{"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"}] * 2,
    *[{"none"}] * 2,
    {""},
    {""},
]
WEAK = ("sha1", "md5", "cbc", "arcfour", "3des", "group1", "nistp", "rsa", "dss", "zlib")


async def kexinit(server: Server) -> list[list[str]]:
    """Return the ten lists that the server's first packet offers."""
    sock = await server.raw()
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_sendall(sock, b"SSH-2.0-test\r\n")
        data = b""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                data += await loop.sock_recv(sock, 65536)
                line, _end, packet = data.partition(b"\r\n")
                if len(packet) > 4 and len(packet) >= 4 + struct.unpack("!I", packet[:4])[0]:
                    break
        assert line == b"SSH-2.0-tui-admin"
    finally:
        sock.close()
    assert packet[5] == 20
    position, lists = 6 + 16, []
    for _ in range(10):
        (length,) = struct.unpack("!I", packet[position : position + 4])
        lists.append(packet[position + 4 : position + 4 + length].decode().split(","))
        position += 4 + length
    return lists


async def test_what_is_offered(server: Server) -> None:
    """T10: exactly this, so that a newer asyncssh adds nothing by itself; strict-kex among it."""
    offered = await kexinit(server)
    assert [set(names) for names in offered] == OFFERED
    assert not [n for names in offered for n in names for weak in WEAK if weak in n]
    await server.is_empty()


@pytest.mark.parametrize(
    "weak",
    [
        {"kex_algs": ["diffie-hellman-group14-sha1"]},
        {"kex_algs": ["diffie-hellman-group14-sha256"]},
        {"kex_algs": ["ecdh-sha2-nistp256"]},
        {"encryption_algs": ["aes256-cbc"]},
        {"encryption_algs": ["3des-cbc"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha1"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha2-256"]},
        {"server_host_key_algs": ["ssh-rsa"]},
        {"compression_algs": ["zlib@openssh.com"]},
        {"compression_algs": ["zlib"]},
    ],
)
async def test_a_client_that_knows_only_weak_ones(server: Server, weak: dict[str, Any]) -> None:
    """T10: there is nothing in common, and the connection ends there."""
    with pytest.raises((asyncssh.KeyExchangeFailed, asyncssh.ConnectionLost)):
        async with connected(server, **weak):
            pass
    await server.is_empty()


async def test_strict_key_exchange(server: Server) -> None:
    """T10: both sides want it, so a packet put in before the keys ends the connection
    (Terrapin, CVE-2023-48795)."""
    async with connected(server) as conn:
        assert conn._strict_kex
    sock = await server.raw()
    loop = asyncio.get_running_loop()
    try:
        ignore = struct.pack("!IBBI", 12, 6, 2, 0) + b"\x00" * 6
        await loop.sock_sendall(sock, b"SSH-2.0-test\r\n" + ignore)
        kex = b"\x14" + b"\x00" * 16
        names = ["curve25519-sha256,kex-strict-c-v00@openssh.com", "ssh-ed25519"]
        for name in [*names, *["aes256-ctr"] * 2, *["hmac-sha2-256-etm@openssh.com"] * 2,
                     *["none"] * 2, "", ""]:  # fmt: skip
            kex += struct.pack("!I", len(name)) + name.encode()
        kex += b"\x00" * 5
        padding = 8 - (len(kex) + 5) % 8 + 8
        packet = struct.pack("!IB", len(kex) + 1 + padding, padding) + kex + b"\x00" * padding
        await loop.sock_sendall(sock, packet)
        data = b""
        async with asyncio.timeout(TIMEOUT_S):
            while more := await loop.sock_recv(sock, 65536):
                data += more
        assert b"KEXINIT was not the first packet" in data
    finally:
        sock.close()
    await server.is_empty()
