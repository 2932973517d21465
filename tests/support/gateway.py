"""An SMS gateway: a real HTTP server on a free port of this machine."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Gateway:
    """Takes what Apprise's `json://` posts and answers `status`; with `hangs`, never."""

    status: int = 200
    hangs: bool = False
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Path and body of each."""

    def __enter__(self) -> Self:
        gateway = self
        self._released = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.requests.append((self.path, json.loads(body)))
                if gateway.hangs:
                    gateway._released.wait(30)
                self.send_response(gateway.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The setting `sms_url` that leads here."""
        return f"json://127.0.0.1:{self._server.server_port}/send/{{phone}}/{{id}}"

    @property
    def texts(self) -> list[str]:
        return [body["message"] for _path, body in self.requests]
