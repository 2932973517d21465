"""The SSH server: it listens, keeps the door, and puts a console on every terminal.

Any user name leads to the sign-in screen, where the console asks who one is; `recover-<token>`
leads to what that link of a letter leads to. SSH itself authenticates nobody.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from secrets import token_hex

import asyncssh
from asyncssh.packet import PacketDecodeError

from tui_admin.config import Settings
from tui_admin.flows.context import Context
from tui_admin.flows.visitor import canonical_address
from tui_admin.servers.connection import Connection
from tui_admin.servers.host_keys import FILE_NAME, fingerprint, load_host_key
from tui_admin.servers.memory import Sweeper
from tui_admin.servers.metrics import Metrics
from tui_admin.servers.pool import Pool
from tui_admin.servers.proxy import ProxyError, is_proxy, read_header
from tui_admin.servers.sockets import bound_socket
from tui_admin.servers.startups import Seat, Startups
from tui_admin.servers.terminal import Terminal
from tui_admin.servers.wire import LARGEST_PACKET, WINDOW, Wire

log = logging.getLogger(__name__)
BACKLOG = 128

KEX = ("mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org")
CIPHERS = (
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes128-ctr",
)
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com")
NO_SSH = (PacketDecodeError, UnicodeDecodeError)
"""What asyncssh makes of bytes that are none: no fault of ours, and no traceback in the log for
every stranger who sends some."""


class Door:
    """The listening server of one process."""

    def __init__(self, ctx: Context, settings: Settings) -> None:
        self.settings = settings.ssh
        self._key = load_host_key(settings.ssh.host_key or settings.data_dir / FILE_NAME)
        self.fingerprint = fingerprint(self._key)
        self.metrics = Metrics()
        self.is_draining = False
        """Whether terminals that come now are turned away."""
        self.pool = Pool(ctx, settings.ssh.pool)
        self.startups = Startups(self.settings)
        self.sweeper = Sweeper()
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
        self._socket = bound_socket(host, port, share_port=share_port)
        self._socket.listen(BACKLOG)
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
                self._refused()
                continue
            task = asyncio.create_task(self._serve(sock, address, seat, is_proxied=is_proxied))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    def _refused(self) -> None:
        self.metrics.evicted("full")
        log.info("a connection was refused: there are too many")

    async def _serve(
        self, sock: socket.socket, address: str, seat: Seat, *, is_proxied: bool
    ) -> None:
        sock.setblocking(False)
        began_s, why = time.monotonic(), "closed"
        facts: dict[str, object] = {"connection": token_hex(4)}
        try:
            if is_proxied:
                async with asyncio.timeout(self.settings.login_s):
                    address = await read_header(sock, address)
                if not seat.move(address):
                    self._refused()
                    return
            facts["address"] = address
            log.info("connection opened", extra=facts)
            connection = Connection(self, address, seat)
            await self._speak_ssh(sock, connection)
            why = connection.why
        except (OSError, asyncssh.Error, ProxyError, TimeoutError, *NO_SSH) as error:
            why = type(error).__name__
        except Exception:
            why = "fault"
            log.exception("a connection failed", extra=facts)
        finally:
            seat.leave()
            sock.close()
            facts |= {"seconds": round(time.monotonic() - began_s, 1), "why": why}
            log.info("connection closed", extra=facts)

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

    async def stop_listening(self) -> None:
        """Take no more connections; others may listen on the port then."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
        if self._socket is not None:
            self._socket.close()

    async def close(self) -> None:
        """Stop listening, end every console, and let everything go."""
        await self.stop_listening()
        for terminal in self.terminals:
            terminal.end()
        if endings := [terminal.task for terminal in self.terminals if terminal.task]:
            await asyncio.wait(endings, timeout=5)
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        await self.pool.close()
