"""The SSH server: it listens, keeps the door, and puts a console on every terminal.

Any user name leads to the sign-in screen, where the console asks who one is; `recover-<token>`
leads to what that link of a letter leads to. SSH itself authenticates nobody.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import asyncssh

from tui_admin.config import Settings
from tui_admin.errors import StartError
from tui_admin.flows.context import Context
from tui_admin.i18n import _
from tui_admin.servers.connection import Connection
from tui_admin.servers.host_keys import FILE_NAME, fingerprint, load_host_key
from tui_admin.servers.pool import Pool
from tui_admin.servers.proxy import ProxyError, canonical_address, is_proxy, read_header
from tui_admin.servers.startups import Seat, Startups
from tui_admin.servers.terminal import Terminal
from tui_admin.servers.wire import LARGEST_PACKET, WINDOW, Wire

log = logging.getLogger(__name__)
BACKLOG = 128
SOCKET_BUFFER = 256 * 1024
"""Bytes that the system holds for a client that does not read, or that is not heard."""

KEX = ("mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org")
CIPHERS = (
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")


class Door:
    """The listening server of one process."""

    def __init__(self, ctx: Context, settings: Settings) -> None:
        self._ctx = ctx
        self._installation = settings
        self.settings = settings.ssh
        self._key = load_host_key(settings.ssh.host_key or settings.data_dir / FILE_NAME)
        self.fingerprint = fingerprint(self._key)
        self.pool = Pool(ctx, settings.ssh.pool)
        self.startups = Startups(self.settings)
        self.terminals: set[Terminal] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._socket: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self.port = 0

    async def open(self, *, share_port: bool = False) -> None:
        """Listen. `share_port` lets other processes listen on the same port.

        Raises:
            StartError: the address cannot be listened on.
        """
        await self.pool.fill()
        self._options = await self._make_options()
        host, port = self.settings.host, self.settings.port
        try:
            self._socket = listening_socket(host, port, share_port=share_port)
        except OSError as error:
            raise StartError(
                _("Port {port} of {host} cannot be listened on: {why}").format(
                    host=host or "*", port=port, why=error.strerror
                )
            ) from None
        self.port = self._socket.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept(self._socket))

    async def _make_options(self) -> asyncssh.SSHServerConnectionOptions:
        options: asyncssh.SSHServerConnectionOptions
        options = await asyncssh.SSHServerConnectionOptions.construct(
            None,
            server_host_keys=[self._key],
            server_version="tui-admin",
            login_timeout=self.settings.login_s,
            keepalive_interval=self.settings.keepalive_s,
            keepalive_count_max=3,
            kex_algs=KEX,
            encryption_algs=CIPHERS,
            mac_algs=MACS,
            compression_algs=("none",),
            line_editor=False,
            agent_forwarding=False,
            allow_pty=True,
            x11_forwarding=False,
            encoding=None,
            window=WINDOW,
            max_pktsize=LARGEST_PACKET,
            gss_host=None,
        )
        return options

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, peer = await loop.sock_accept(listener)
            except ConnectionError:
                continue  # it was gone before it was here
            except OSError as error:
                # Out of file descriptors, mostly: those who are here go on, and room comes back.
                log.warning("a connection could not be taken: %s", error.strerror)
                await asyncio.sleep(0.1)
                continue
            address = canonical_address(peer[0])
            is_proxied = is_proxy(address, self.settings.proxy_from)
            seat = self.startups.admit("" if is_proxied else address)
            if seat is None:
                sock.close()
                log.info("a connection was refused: there are too many")
                continue
            task = asyncio.create_task(self._serve(sock, address, seat, is_proxied=is_proxied))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(
        self, sock: socket.socket, address: str, seat: Seat, *, is_proxied: bool
    ) -> None:
        sock.setblocking(False)
        try:
            if is_proxied:
                async with asyncio.timeout(self.settings.login_s):
                    address = await read_header(sock, address)
                if not seat.move(address):
                    log.info("a connection was refused: there are too many")
                    return
            await self._speak_ssh(sock, Connection(self, address, seat))
        except (OSError, asyncssh.Error, ProxyError, TimeoutError) as error:
            log.info("a connection ended early: %s", type(error).__name__)
        except Exception:
            log.exception("a connection failed")
        finally:
            seat.leave()
            sock.close()

    async def _speak_ssh(self, sock: socket.socket, connection: Connection) -> None:
        """Speak SSH until the connection is closed. As `asyncssh.run_server`, with our `Wire`."""
        loop = asyncio.get_running_loop()
        options = await asyncssh.SSHServerConnectionOptions.construct(
            self._options, server_factory=lambda: connection
        )
        options.waiter = loop.create_future()
        _transport, wire = await loop.create_connection(
            lambda: Wire(loop, options, self.settings), sock=sock
        )
        try:
            await options.waiter
            await wire.wait_closed()
        finally:
            wire.abort()
            await wire.wait_closed()

    async def close(self) -> None:
        """Stop listening, end every console, and let everything go."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        if self._socket is not None:
            self._socket.close()
        for terminal in self.terminals:
            terminal.end()
        if endings := [terminal.task for terminal in self.terminals if terminal.task]:
            await asyncio.wait(endings, timeout=5)
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        await self.pool.close()


def listening_socket(host: str, port: int, *, share_port: bool) -> socket.socket:
    """Return a listening socket; an empty host is every address, of IPv6 and IPv4.

    Raises:
        OSError: the address is taken or not ours.
    """
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
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
