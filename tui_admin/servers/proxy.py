"""Where a client comes from: its own address, or what a proxy in front of us says of it.

The PROXY protocol is read from the socket before SSH begins, and only from the networks that
`ssh.proxy_from` names: whoever else sends its header breaks SSH's first line with it and is refused
by that. A proxy's header that is missing, garbled or too long ends the connection; no address is
guessed (S29).

Source: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, versions 1 and 2.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import struct
from collections.abc import Iterable

from tui_admin.flows.visitor import UNKNOWN, canonical_address

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_LONGEST_LINE = 107
"""Version 1, its line break included."""
_LONGEST_BLOCK = 1024
"""Version 2: addresses take 36 bytes, and what a proxy adds to them seldom more than a hundred."""
_PORT = r"(?:0|[1-9]\d{0,4})"
_LINE = re.compile(rf"PROXY TCP([46]) (\S{{1,39}}) (\S{{1,39}}) ({_PORT}) ({_PORT})\r\n", re.ASCII)
_UNKNOWN = re.compile(rb"PROXY UNKNOWN[ -~]*\r\n")


class ProxyError(Exception):
    """What came from a proxy is no header of the PROXY protocol."""


def is_proxy(
    address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> bool:
    """Return whether a canonical address may say where others come from."""
    if address == UNKNOWN:
        return False
    ip = ipaddress.ip_address(address)
    return any(ip in network for network in networks if network.version == ip.version)


async def read_header(sock: socket.socket, own: str) -> str:
    """Read the header and not a byte more; return the client's address.

    `own` is the proxy's address, for connections that it makes itself.

    Raises:
        ProxyError: it is none.
        OSError: the connection broke.
    """
    start = await _read(sock, len(_SIGNATURE))
    if start == _SIGNATURE:
        return await _read_block(sock, own)
    if not start.startswith(b"PROXY "):
        raise ProxyError("no header")
    line = start
    while not line.endswith(b"\n"):
        if len(line) >= _LONGEST_LINE:
            raise ProxyError("too long")
        line += await _read(sock, 1)
    return parse_line(line, own)


def parse_line(line: bytes, own: str) -> str:
    """Return the client's address of version 1's line.

    Raises:
        ProxyError: it is not well formed.
    """
    if _UNKNOWN.fullmatch(line):
        return own
    match = _LINE.fullmatch(line.decode("ascii", "replace"))
    if match is None or any(int(port) > 65535 for port in match.group(4, 5)):
        raise ProxyError("garbled")
    source, _target = (_parse(text, int(match[1])) for text in match.group(2, 3))
    return source


def _parse(text: str, version: int) -> str:
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        raise ProxyError("no address") from None
    if ip.version != version or "%" in text:
        raise ProxyError("another family")
    return canonical_address(text)


async def _read_block(sock: socket.socket, own: str) -> str:
    head = await _read(sock, 4)
    length = int.from_bytes(head[2:], "big")
    if length > _LONGEST_BLOCK:
        raise ProxyError("too long")
    return parse_block(head, await _read(sock, length) if length else b"", own)


def parse_block(head: bytes, body: bytes, own: str) -> str:
    """Return the client's address of version 2's block, of what follows its signature.

    Raises:
        ProxyError: it is not well formed, or of a family that SSH does not come over.
    """
    command, family, _length = struct.unpack("!BBH", head)
    if command == 0x20:  # LOCAL: the proxy looks whether we are there
        return own
    if command != 0x21:
        raise ProxyError("garbled")
    if family == 0x00:  # UNSPEC: it does not know either
        return own
    size = {0x11: 4, 0x21: 16}.get(family)
    if size is None or len(body) < 2 * size + 4:
        raise ProxyError("garbled")
    return canonical_address(ipaddress.ip_address(body[:size]))


async def _read(sock: socket.socket, count: int) -> bytes:
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < count:
        more = await loop.sock_recv(sock, count - len(data))
        if not more:
            raise ProxyError("it ended")
        data += more
    return data
