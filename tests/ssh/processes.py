"""`tui-admin serve ssh` in a process of its own, and OpenSSH's client on pseudo-terminals.

with ServerProcess(installation) as server:
    app = server.terminal()
    sign_in(app, "alice", PASSWORD)
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from tests.support.installed import Installation
from tests.support.pty_app import INHERITED, ROOT, PtyApp

STARTS_S = 90.0
ENDS_S = 60.0
"""Generous, since test machines are busy."""
QUIET = "error,ignore:'imghdr' is deprecated:DeprecationWarning"
"""Apprise imports what is on its way out, where Python still has it."""
_READY = re.compile(r"listening on \S+:(\d+)\n")


class ServerProcess:
    """Starts with the block and ends with it; by force, should it hang."""

    def __init__(
        self,
        installation: Installation,
        *arguments: str,
        workers: int = 1,
        port: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = installation.folder.parent
        self._out, self._err = (
            self._folder / f"{installation.folder.name}.{name}" for name in ("out", "err")
        )
        self._env = {name: os.environ[name] for name in INHERITED if name in os.environ}
        self._env |= {
            "HOME": str(self._folder),
            "PYTHONWARNINGS": QUIET,
            "TUI_ADMIN_SSH__LOG_FORMAT": "json",
            "TUI_ADMIN_SSH__DRAIN_S": "600",  # nobody is ended by it while a test waits
            **installation.env,
            **(env or {}),
        }
        self._command = [
            *(sys.executable, "-m", "tui_admin", "serve", "ssh", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", str(workers), *arguments),
        ]
        self._stack = ExitStack()
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        try:
            wait(lambda: self._listens() or self.process.poll() is not None, STARTS_S, "its port")
            assert self._listens(), self.logs()
        except BaseException:
            self.close()
            raise
        return self

    def start(self) -> None:
        """Start it, and do not wait."""
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._env, stdout=out, stderr=err
            )

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.close()

    def close(self) -> None:
        """End it at once."""
        for number, wait_s in ((signal.SIGTERM, 0.3), (signal.SIGTERM, 20), (signal.SIGKILL, 10)):
            if self.process.poll() is not None:
                return
            self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(wait_s)

    def _listens(self) -> bool:
        if found := _READY.search(self._out.read_text()):
            self.port = int(found[1])
        return self.port > 0

    # What it says

    def said(self) -> str:
        """What stands on its standard output."""
        return self._out.read_text()

    def logs(self) -> str:
        """What stands on its standard error."""
        return self._err.read_text()

    def events(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind. Of the last line half may be there, which is left out."""
        whole = self.logs().rpartition("\n")[0]
        lines = (json.loads(line) for line in whole.split("\n") if line.startswith("{"))
        return [line for line in lines if line["event"] == event]

    def children(self) -> list[int]:
        """The processes that it has started and that live."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def wait_ended(self, timeout_s: float = ENDS_S) -> int:
        """Wait until it has ended; return its exit code."""
        return self.process.wait(timeout_s)

    # Clients

    def ssh(self, *arguments: str, user: str = "anna", port: int = 0) -> list[str]:
        """The command of OpenSSH's client, with no configuration, keys or agent."""
        return [
            *("ssh", "-F", "none", "-p", str(port or self.port), "-o", "IdentityAgent=none"),
            *("-o", f"UserKnownHostsFile={self._folder}/known_hosts", "-o", "LogLevel=ERROR"),
            *("-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=accept-new"),
            *(f"{user}@127.0.0.1", *arguments),
        ]

    def terminal(self, user: str = "anna", **options: Any) -> PtyApp:
        """Connect on a pseudo-terminal."""
        env = {"HOME": str(self._folder)}
        return self._stack.enter_context(PtyApp(self.ssh(user=user), env=env, **options))

    def follow(self, mail: str) -> PtyApp:
        """Run the command that a letter names, at this server whatever its port there."""
        user = re.findall(r"^\s*ssh (?:-p \d+ )?(recover-\w+)@", mail, re.MULTILINE)[0]
        return self.terminal(user)


def lives(pid: int) -> bool:
    """Whether a process is there and has not ended; who has ended may wait to be buried."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait(happened: Callable[[], object], timeout_s: float, what: str) -> None:
    """Wait until something is true.

    Raises:
        AssertionError: it did not become true.
    """
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(0.02)
