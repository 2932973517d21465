"""The real command, each call a process of its own, on an installation of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.console import CHEAP_HASH
from tui_admin.cli import run
from tui_admin.config import Settings

ROOT = Path(__file__).parents[2]
PASSWORD = b"correct horse 7 staple\n"


@dataclass(frozen=True)
class Ended:
    """How a command ended, and every byte it wrote."""

    code: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        return self.out.decode()

    @property
    def sentence(self) -> str:
        return self.err.decode().strip()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """A shell in which the installation under `data_dir` is the one that is set."""

    data_dir: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.environ = {
            **os.environ,
            "HOME": str(self.data_dir.parent),
            "XDG_CONFIG_HOME": str(self.data_dir.parent / "config"),
            "PYTHONPATH": path,
            "PYTHONWARNINGS": "error",
            "TUI_ADMIN_DATA_DIR": str(self.data_dir),
            "TUI_ADMIN_HASHING__ROUNDS": str(CHEAP_HASH.rounds),
            "TUI_ADMIN_HASHING__MEMORY_KIB": str(CHEAP_HASH.memory_kib),
            "TUI_ADMIN_HASHING__LANES": str(CHEAP_HASH.lanes),
            **self.environ,
        }

    @property
    def database(self) -> Path:
        return self.data_dir / "tui-admin.db"

    @property
    def key_file(self) -> Path:
        return self.data_dir / "keys.json"

    def run(
        self, *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
    ) -> Ended:
        """Run `tui-admin` with these arguments and variables."""
        return self.python("-m", "tui_admin", *arguments, stdin=stdin, environ=environ)

    def python(
        self, *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
    ) -> Ended:
        """Run the interpreter in this shell."""
        done = subprocess.run(
            [sys.executable, *arguments],
            input=stdin,
            env={**self.environ, **(environ or {})},
            cwd=self.data_dir.parent,
            capture_output=True,
            check=False,
            timeout=120,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def create(self, username: str, *more: str, stdin: bytes = PASSWORD) -> Ended:
        """Make an account called `username`, its address made from that."""
        email = f"{username}@example.com"
        own = ("--username", username, "--email", email, "--password-stdin")
        return self.run("account", "create", *own, *more, stdin=stdin)


Call = Callable[..., Ended]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Call:
    """Run a command in this process, where many short ones would take long to start."""

    def inside(shell: Shell, *arguments: str, stdin: bytes = b"") -> Ended:
        for name, value in shell.environ.items():
            if name.startswith("TUI_ADMIN_"):
                monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = run(list(arguments))
        sys.stdout.flush()
        sys.stderr.flush()
        return Ended(code, *capfdbinary.readouterr())

    return inside


@pytest.fixture
def bare(tmp_path: Path) -> Shell:
    """A shell on a machine where nothing has been set up."""
    return Shell(tmp_path / "data")


@pytest.fixture
def shell(settings: Settings) -> Shell:
    """A shell on a fresh installation."""
    return Shell(settings.data_dir, {"TUI_ADMIN_DATABASE_URL": settings.database_url})
