"""The socket that the server listens on."""

from __future__ import annotations

import socket
from typing import Any

from tui_admin.errors import StartError
from tui_admin.i18n import _

SOCKET_BUFFER = 256 * 1024
"""Bytes that the system holds for a client that does not read, or that is not heard."""


def bound_socket(host: str, port: int, *, share_port: bool) -> socket.socket:
    """Return a socket that has the address and does not listen yet; an empty host is every address,
    of IPv6 and IPv4. `share_port` lets other processes of the same person have it too.

    Raises:
        StartError: the address is taken or not ours.
    """
    try:
        return _bound(host, port, share_port=share_port)
    except OSError as error:
        raise StartError(
            _("Port {port} of {host} cannot be listened on: {why}").format(
                host=host or "*", port=port, why=error.strerror
            )
        ) from None


def _bound(host: str, port: int, *, share_port: bool) -> socket.socket:
    if not host and socket.has_dualstack_ipv6():
        sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        address: tuple[Any, ...] = ("::", port)
    else:
        family, _kind, _proto, _name, address = socket.getaddrinfo(
            host or "0.0.0.0",  # noqa: S104 (the front door is open on every address)
            port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # What is accepted inherits them.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        if share_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(address)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
