"""The console over SSH: a server and a load client as processes, on loopback.

    python -m benchmarks.ssh [TERMINALS [HELD]]

The same console as a process for each terminal stands beside it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.terminal import Keys, Program, Start, Terminal, measure_keys, measure_starts
from tui_admin.config import Settings, SshSettings
from tui_admin.security.sealed import Keyring, save_keyring

CONSOLE = [sys.executable, "-m", "tui_admin"]
WIDE = {
    "startups": "5000:100:5000",
    "startups_per_address": "5000",
    "connections_per_address": "5000",
    "max_connections": "5000",
    "unsigned_s": "3600",
}
"""Caps that a client with a thousand terminals would run into; those that there are, are set."""
TIMEOUT_S = 240.0


@dataclass(frozen=True)
class Processes:
    """The same console with a process for each terminal."""

    start: Start
    keys: Keys


def environment(folder: Path) -> dict[str, str]:
    """Variables of an installation in a folder of its own."""
    caps = {
        f"TUI_ADMIN_SSH__{name.upper()}": value
        for name, value in WIDE.items()
        if name in SshSettings.model_fields
    }
    return {"TUI_ADMIN_DATA_DIR": str(folder), "TUI_ADMIN_CONFIG": os.devnull, **caps}


@contextmanager
def installation() -> Iterator[Path]:
    """A fresh data folder with a key file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(data_dir=folder, database_url="", key_file=None)
        save_keyring(settings.key_path, Keyring.random(), replace=False)
        yield folder


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, int]]:
    """The real server; its port and its process."""
    # Two thousand sockets, should it come to that; children inherit it.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 8192)), hard))
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*CONSOLE, "serve", "ssh", "--port", "0", "--host", "127.0.0.1"],
            env={**os.environ, **environment(folder)},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield int(line.rpartition(":")[2]), process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def measure(terminals: int = 200, held: int = 1000) -> dict[str, Any]:
    """Run the load client against the server; its figures by their names in `Figures`."""
    with installation() as folder, server(folder) as (port, pid):
        command = [
            *(sys.executable, "-m", "benchmarks.ssh_client", str(port), str(pid)),
            *("--terminals", str(terminals), "--held", str(held)),
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def measure_processes(runs: int = 3) -> Processes:
    """Start the console a few times on a pseudo-terminal, and type into one."""
    with installation() as folder:
        env = environment(folder)
        program = Program(CONSOLE, marker="Log in", env=env)
        start = measure_starts({"it": program}, runs=runs)["it"].median
        with Terminal(CONSOLE, env=env) as terminal:
            terminal.wait_for("Log in")
            terminal.wait_for_rest()
            start = Start(
                start.first_byte_s, start.first_frame_s, start.cpu_s, terminal.rss_bytes()
            )
            return Processes(start, measure_keys(terminal, "somebody@example.com"))


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:])), indent=1))
