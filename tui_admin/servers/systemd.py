"""What systemd is told, where it has started this process and waits for word (`Type=notify`).

Source: sd_notify(3).
"""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)
VARIABLE = "NOTIFY_SOCKET"


def tell_ready(host: str, port: int) -> None:
    """Tell that people can connect now, and where."""
    _tell("READY=1", f"STATUS=Listening on {host}:{port}")


def tell_stopping(seconds: float) -> None:
    """Tell that it ends, and that this may take so long whatever the unit says."""
    _tell("STOPPING=1", "STATUS=Draining", f"EXTEND_TIMEOUT_USEC={seconds * 1e6:.0f}")


def _tell(*facts: str) -> None:
    """Send facts where the variable says; without it, nobody wants to know."""
    address = os.environ.get(VARIABLE, "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            # An abstract name begins with a zero byte, which no variable can hold.
            sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            sock.sendall("\n".join(facts).encode())
    except OSError as error:
        log.warning("systemd could not be told", extra={"fact": facts[0], "error": error.strerror})
