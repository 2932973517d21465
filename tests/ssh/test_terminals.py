"""Every kind of terminal gets what it can show, whoever else is connected."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.ssh.conftest import OpenSsh
from tests.ssh.serving import LEAVE, Server, connected, open_screen, until
from tests.support.pty_app import PtyApp
from tui_admin.servers.colours import clean_term, colour_system

TRUE, INDEXED = re.compile(rb"[;\[][34]8;2;"), re.compile(rb"[;\[][34]8;5;")


def colours(raw: bytes | bytearray) -> str:
    if TRUE.search(raw):
        return "truecolor"
    return "256" if INDEXED.search(raw) else "standard"


TERMS = [
    ("xterm-256color", {"COLORTERM": "truecolor"}, "truecolor"),
    ("xterm-256color", {}, "256"),
    ("xterm", {}, "standard"),
    ("linux", {}, "standard"),
    ("putty", {}, "standard"),
    ("putty-256color", {}, "256"),
    ("tmux-256color", {}, "256"),
    ("screen", {}, "standard"),
    ("screen.xterm-256color", {}, "256"),
    ("vt100", {}, "standard"),
    ("xterm-kitty", {}, "truecolor"),
]


@pytest.mark.parametrize("rows", [TERMS, TERMS[::-1]], ids=["forwards", "backwards"])
async def test_colours_of_overlapping_terminals(
    server: Server, rows: list[tuple[str, dict[str, str], str]]
) -> None:
    """Each gets its own colours, in frames that come first and in those that come later; Rich
    notes on a style, which all share, how it was written last."""
    for term, environ, wanted in rows:
        async with connected(server) as conn, connected(server) as other:
            screen = await open_screen(conn, term=term, env=environ)
            await screen.wait_for("Log in")
            beside = await open_screen(other, term="linux")
            await beside.wait_for("Log in")
            for one in (screen, beside):
                one.press("f1")
                await one.wait_for("Esc closes")
                one.press("escape", "f4")
            await until(lambda s=screen: len(s.raw) > 9000)  # type: ignore[misc]
            await until(lambda s=beside: len(s.raw) > 9000)  # type: ignore[misc]
            assert (term, colours(screen.raw)) == (term, wanted)
            assert colours(beside.raw) == "standard"
    await server.is_empty()


@pytest.mark.parametrize(
    "term", [pytest.param("x" * 5000, id="long"), "\x1b[2J", " ", "../x", "xterm\n", "--help"]
)
async def test_terminal_names_of_any_kind(server: Server, term: str) -> None:
    """T9: a name is a name, or `unknown`; up to 5,000 characters reached the database once."""
    async with connected(server) as conn:
        screen = await open_screen(conn, term=term)
        await screen.wait_for("Log in")
        (app,) = server.apps()
        assert re.fullmatch(r"[A-Za-z0-9.+_-]{1,64}", app.visitor.terminal)
        assert app.visitor.terminal == clean_term(term) == "unknown"


def test_colours_by_name() -> None:
    assert colour_system("xterm-256color", "\x1b") == "256"
    assert colour_system("xterm-direct", "") == "truecolor"
    assert colour_system("unknown", "") == "standard"


async def test_nothing_is_asked_of_a_terminal(server: Server) -> None:
    """An answer that comes late would be typed into a field."""
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        screen.press("f1", "escape", "f4", "ctrl+q")
        await screen.wait_closed()
        # Device attributes, cursor position, modes, the window, and strings of any kind.
        asked = re.compile(rb"\x1b\[[?>=0-9;]*[cnt]|\x1b\[\?[0-9;]*\$p|\x1b[\]PX^_]")
        assert asked.search(screen.raw) is None


async def test_from_within_tmux(server: Server, openssh: OpenSsh, tmp_path: Path) -> None:
    """tmux draws it as it is, and has its screen back afterwards."""
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("there is no tmux")
    environ = {"HOME": str(tmp_path), "SHELL": "/bin/sh"}
    ssh = (
        f"ssh -F none -p {server.port} -o UserKnownHostsFile={tmp_path}/known -o LogLevel=ERROR "
        "-o StrictHostKeyChecking=accept-new -o IdentityAgent=none anna@127.0.0.1"
    )
    script = tmp_path / "run"
    script.write_text(f"{ssh}\necho left with $?\nread line\n")
    here = [tmux, "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]
    with ExitStack() as stack:
        kill = partial(subprocess.run, [*here, "kill-server"], check=False, capture_output=True)
        stack.callback(kill)  # it outlives its terminal
        app = stack.enter_context(PtyApp([*here, "new-session", f"sh {script}"], env=environ))
        await asyncio.to_thread(app.wait_for, "Log in")
        app.press("f1")
        await asyncio.to_thread(app.wait_for, "Esc closes")
        app.press("escape", "ctrl+q")
        await asyncio.to_thread(app.wait_for, "left with 0")
        assert "Log in" not in app.text()
        app.press("enter")
        await asyncio.to_thread(app.wait_ended)
    await server.is_empty()


@pytest.mark.parametrize("term", ["xterm-256color", "linux", "putty-256color", "screen", "tmux"])
async def test_openssh_with_other_terminals(server: Server, openssh: OpenSsh, term: str) -> None:
    """What the client's TERM says is what the visitor is shown as."""
    app = openssh(server, env={"TERM": term})
    await asyncio.to_thread(app.wait_for, "Log in")
    (console,) = server.apps()
    assert console.visitor.terminal == term
    assert console.visitor.address == "127.0.0.1"
    app.press("ctrl+q")
    assert await asyncio.to_thread(app.wait_ended) == 0
    assert app.raw.count(LEAVE) == 1


async def test_the_address_of_an_ipv4_client_of_a_server_for_both(
    serve: Any, openssh: OpenSsh
) -> None:
    """It is told as IPv4, and counted under it."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("there is no IPv6")
    server = await serve(host="")
    app = openssh(server)
    await asyncio.to_thread(app.wait_for, "Log in")
    (console,) = server.apps()
    assert console.visitor.address == "127.0.0.1"
    assert dict(server.door.startups._unsigned) == {"127.0.0.1": 1}
