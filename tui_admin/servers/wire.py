"""asyncssh's connection and channel, with bounds on what a client can make them hold.

asyncssh answers what it is asked and waits for nobody to read: whoever asks a lot and reads
nothing, stops in the middle of a key exchange, or sets a new variable with each request fills this
process's memory, long before anybody has signed in (T3, T9).
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

import asyncssh
from asyncssh.constants import OPEN_RESOURCE_SHORTAGE
from asyncssh.packet import SSHPacket

from tui_admin.config import SshSettings
from tui_admin.i18n import _

if TYPE_CHECKING:
    from tui_admin.servers.connection import Connection

WINDOW = 64 * 1024
"""Bytes that a client may send on a channel before we have read them."""
LARGEST_PACKET = 32 * 1024
LONGEST_PACKET = LARGEST_PACKET + 4096
"""With all that stands around the data. RFC 4253 6.1 wants 35,000."""
SMALLEST_PACKET = 1024
"""What a client has to take at a time. RFC 4253 6.1 wants 32,768 bytes of everyone."""
MOST_DEFERRED = 256
"""Packets that wait for the end of a key exchange."""
WIRE_SHARE = 32
"""How much more than keys a connection may send: SSH makes some 70 bytes of one, and OpenSSH hides
the pauses between keys by sending as much again."""
WIRE_BURST = 256 * 1024
COLOURS = (b"truecolor", b"24bit")


class Wire(asyncssh.SSHServerConnection):
    """One connection. It reads no faster than a person's client sends, and not at all while what
    it has written is not taken."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHServerConnectionOptions,
        settings: SshSettings,
    ) -> None:
        super().__init__(loop, options, wait="auth")
        self._max_recv_pktlen = LONGEST_PACKET
        self._line: asyncio.Transport | None = None
        self._holds: set[str] = set()
        self._rate = settings.input_rate * WIRE_SHARE
        self._allowance = float(WIRE_BURST)
        self._at_s = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._line = cast(asyncio.Transport, transport)
        super().connection_made(transport)

    def data_received(self, data: bytes, datatype: asyncssh.DataType = None) -> None:
        super().data_received(data, datatype)
        now_s = time.monotonic()
        self._allowance += (now_s - self._at_s) * self._rate - len(data)
        self._allowance = min(self._allowance, WIRE_BURST)
        self._at_s = now_s
        if self._allowance < 0 and "rate" not in self._holds:
            self._hold("rate")
            wait_s = 0.05 - self._allowance / self._rate
            asyncio.get_running_loop().call_later(wait_s, self._release, "rate")

    def send_packet(self, pkttype: int, *args: bytes, handler: Any = None) -> None:
        super().send_packet(pkttype, *args, handler=handler)
        if len(self._deferred_packets) > MOST_DEFERRED:
            self.abort()

    def pause_writing(self) -> None:
        """The client does not read: it is not heard either, and gets no frames."""
        self._hold("full")
        if self._owner is not None:
            cast("Connection", self._owner).hold_writing()

    def resume_writing(self) -> None:
        self._release("full")
        if self._owner is not None:
            cast("Connection", self._owner).release_writing()

    def _hold(self, reason: str) -> None:
        self._holds.add(reason)
        if self._line is not None and not self._line.is_closing():
            self._line.pause_reading()

    def _release(self, reason: str) -> None:
        self._holds.discard(reason)
        if not self._holds and self._line is not None and not self._line.is_closing():
            self._line.resume_reading()


class ConsoleChannel(asyncssh.SSHServerChannel[bytes]):
    """A session channel that knows one variable, with two values."""

    def __init__(self, wire: asyncssh.SSHServerConnection) -> None:
        super().__init__(
            wire,
            asyncio.get_running_loop(),
            allow_pty=True,
            line_editor=False,
            line_echo=False,
            line_history=0,
            max_line_length=0,
            encoding=None,
            errors="strict",
            window=WINDOW,
            max_pktsize=LARGEST_PACKET,
        )

    def process_open(
        self, send_chan: int, send_window: int, send_pktsize: int, session: Any
    ) -> None:
        """Open, unless the client wants its frames in crumbs: each would be a packet of its own,
        and a frame ten seconds of work for everybody's process."""
        if send_pktsize < SMALLEST_PACKET:
            self._session = session
            self._cleanup()
            raise asyncssh.ChannelOpenError(
                OPEN_RESOURCE_SHORTAGE, _("This client's packets are too small.")
            )
        super().process_open(send_chan, send_window, send_pktsize, session)

    @property
    def colorterm(self) -> str:
        """What the client says of its colours."""
        return self._env.get(b"COLORTERM", b"").decode()

    def _process_env_request(self, packet: SSHPacket) -> bool:
        name, value = packet.get_string(), packet.get_string()
        packet.check_end()
        if name != b"COLORTERM" or value not in COLOURS:
            return False
        self._env[name] = value
        return True
