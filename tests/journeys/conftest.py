"""The real command on a real pseudo-terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.pty_app import PtyApp

Start = Callable[..., PtyApp]

CHEAP = {
    "TUI_ADMIN_HASHING__ROUNDS": "1",
    "TUI_ADMIN_HASHING__MEMORY_KIB": "8192",
    "TUI_ADMIN_HASHING__LANES": "1",
}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start `tui-admin` with these arguments; whatever is left of it ends with the test."""
    with ExitStack() as stack:
        temporary = tmp_path / "tmp"
        temporary.mkdir()

        def run(*arguments: str, **options: object) -> PtyApp:
            environ = {
                "HOME": str(tmp_path),
                "XDG_CONFIG_HOME": str(tmp_path / "config"),
                "TMPDIR": str(temporary),
                "PYTHONWARNINGS": "error",
                "PYTHONDONTWRITEBYTECODE": "1",
                **CHEAP,
                **(options.pop("env", None) or {}),  # type: ignore[dict-item]
            }
            command = options.pop("command", [sys.executable, "-m", "tui_admin"])
            return stack.enter_context(
                PtyApp([*command, *arguments], env=environ, **options)  # type: ignore[misc, arg-type]
            )

        yield run
