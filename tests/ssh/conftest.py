"""A server on a free port of loopback, in the loop of the test, and clients that talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.ssh.serving import Serve, Server, serving
from tests.support.console import Console
from tests.support.pty_app import PtyApp


@pytest.fixture(autouse=True)
def _themes_change_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test has to wait between two of them."""
    monkeypatch.setattr("screens.app.THEME_PAUSE_S", 0)


@pytest.fixture
async def serve(console: Console) -> AsyncIterator[Serve]:
    """Open servers on the installation, with other settings of `ssh.*` if wanted."""
    async with AsyncExitStack() as stack:

        async def run(**ssh: Any) -> Server:
            return await stack.enter_async_context(serving(console, **ssh))

        yield run


@pytest.fixture
async def server(serve: Serve) -> Server:
    """A server with the default settings."""
    return await serve()


OpenSsh = Callable[..., PtyApp]


@pytest.fixture
def openssh(tmp_path: Path) -> Iterator[OpenSsh]:
    """Start the OpenSSH client on a pseudo-terminal, with no configuration and no keys."""
    home = tmp_path / "home"
    home.mkdir()
    with ExitStack() as stack:

        def run(server: Server, *arguments: str, user: str = "anna", **options: Any) -> PtyApp:
            before = options.pop("options", ())
            environ = {"HOME": str(home), **(options.pop("env", None) or {})}
            command = [
                *("ssh", "-F", "none", "-p", str(server.port)),
                *("-o", f"UserKnownHostsFile={home}/known_hosts"),
                *("-o", "StrictHostKeyChecking=accept-new", "-o", "IdentityAgent=none"),
                *("-o", "GlobalKnownHostsFile=/dev/null", "-o", "LogLevel=INFO"),
                *before,
                f"{user}@127.0.0.1",
                *arguments,
            ]
            return stack.enter_context(PtyApp(command, env=environ, **options))

        yield run
