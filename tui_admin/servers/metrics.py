"""Counters for Prometheus, on an address that only this machine reaches.

With several processes each writes its own into a folder that `PROMETHEUS_MULTIPROC_DIR` names, and
whoever supervises them adds them up. The variable has to be there before this is imported.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, make_wsgi_app
from prometheus_client.multiprocess import MultiProcessCollector

from tui_admin.errors import ConsoleError, StartError
from tui_admin.i18n import _

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

log = logging.getLogger(__name__)
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
LOOK_S = 5.0
"""How often what waits is counted."""
OUTCOMES = ("accepted", "refused", "limited", "unavailable")
PATIENCE_S = 5.0
"""How long one who asks may be silent. Whoever says half a sentence holds a thread meanwhile."""
_HOST = "127.0.0.1"


class Metrics:
    """What one process counts."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.terminals = Gauge(
            "tui_admin_terminals",
            "Consoles that are open.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._frames = Counter(
            "tui_admin_frames", "Pieces of screens that were sent.", registry=registry
        )
        self._sign_ins = Counter(
            "tui_admin_sign_ins", "Sign-ins by how they went.", ["outcome"], registry=registry
        )
        self._evicted = Counter(
            "tui_admin_evicted", "Connections that were ended by us.", ["why"], registry=registry
        )
        self._hashes = Gauge(
            "tui_admin_hashes_waiting",
            "Password hashes that wait for a thread.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        # Every process sees the same table.
        self._outbox = Gauge(
            "tui_admin_outbox_waiting",
            "Letters that wait to be sent.",
            ["channel"],
            registry=registry,
            multiprocess_mode="livemostrecent",
        )
        for outcome in OUTCOMES:
            self._sign_ins.labels(outcome)
        self._channels = {"email", "sms"}

    def frame(self) -> None:
        """A piece of a screen was sent."""
        self._frames.inc()

    def sign_in(self, outcome: str) -> None:
        """Somebody signed in, or did not."""
        self._sign_ins.labels(outcome).inc()

    def evicted(self, why: str) -> None:
        """A connection was ended by us; `why` is one of a few words."""
        self._evicted.labels(why).inc()

    async def watch(self, ctx: Context) -> None:
        """Count what waits, until cancelled."""
        from tui_admin import flows

        while True:
            self._hashes.set(ctx.passwords.waiting)
            try:
                waiting = (await flows.outbox.survey(ctx)).waiting
            except ConsoleError as error:
                log.warning("the outbox could not be counted: %s", error.code)
            else:
                self._channels |= waiting.keys()
                for channel in self._channels:
                    self._outbox.labels(channel).set(waiting.get(channel, 0))
            await asyncio.sleep(LOOK_S)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(PATIENCE_S)

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class Endpoint:
    """The address where Prometheus asks.

    Args:
        port: On 127.0.0.1.
        registry: What one process counts.
        folder: In its place, where several processes write what they count.

    Raises:
        StartError: the port is taken.
    """

    def __init__(
        self, port: int, *, registry: CollectorRegistry | None = None, folder: str = ""
    ) -> None:
        if registry is None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        try:
            self._server = make_server(
                _HOST, port, make_wsgi_app(registry), _Server, handler_class=_Handler
            )
        except OSError as error:
            raise StartError(
                _("Port {port} of {host} cannot be listened on: {why}").format(
                    port=port, host=_HOST, why=error.strerror
                )
            ) from None
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
