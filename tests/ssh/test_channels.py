"""T8, T9: the console and three commands that read, on two terminals a connection; whatever else
SSH has is refused."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.constants import MSG_GLOBAL_REQUEST
from asyncssh.packet import Boolean, String, UInt32

from tests.ssh.serving import Serve, Server, command, connected, open_screen, opened_screen, until
from tests.ssh.test_input import wires
from tui_admin import __version__
from tui_admin.servers.connection import CHANNELS_IN_ALL
from tui_admin.servers.wire import ConsoleChannel

ONLY = "Only these commands are known here: help, version, fingerprint.\n"


async def test_the_commands(server: Server) -> None:
    """They print one line on standard output and end with 0."""
    async with connected(server) as conn:
        assert await command(conn, "version") == (0, f"tui-admin {__version__}\n", "")
        assert await command(conn, " fingerprint\n") == (0, server.door.fingerprint + "\n", "")
        code, text, errors = await command(conn, "help")
        assert (code, errors) == (0, "") and "version" in text
    assert server.door.fingerprint.startswith("SHA256:")
    await server.is_empty()


@pytest.mark.parametrize(
    "line",
    [
        "id",
        " ",
        "sh",
        "bash -i",
        "help; id",
        "help version",
        "HELP",
        "version\x00",
        "$(id)",
        "`id`",
        "../help",
        "scp -f /etc/passwd",
        "sftp-server",
        "rsync --server .",
        "git-upload-pack x",
        "\x1b]52;c;aGVsbG8=\x07",
        "\u202ehelp",
        pytest.param("x" * 30_000, id="long"),
    ],
)
async def test_any_other_command_is_refused(server: Server, line: str) -> None:
    """T9: with a sentence, exit code 1, and nothing of it repeated."""
    async with connected(server) as conn:
        assert await command(conn, line) == (1, "", ONLY)
    await server.is_empty()


async def test_a_command_that_is_no_text(server: Server) -> None:
    async with connected(server) as conn:
        with pytest.raises(asyncssh.ChannelOpenError):
            await command(conn, b"\xff\xfe")  # type: ignore[arg-type]


async def test_a_command_on_a_terminal(server: Server) -> None:
    """`ssh -t host id` is refused like without; no console opens for it."""
    async with connected(server) as conn:
        code, _text, errors = await command(conn, "id", term_type="xterm", term_size=(80, 24))
        assert (code, errors) == (1, ONLY.replace("\n", "\r\n"))
    assert not server.door.terminals


async def test_a_console_without_a_terminal(server: Server) -> None:
    """`ssh -T host` hears what to do."""
    async with connected(server) as conn:
        code, text, errors = await command(conn, None)  # type: ignore[arg-type]
        assert (code, text) == (1, "")
        assert errors == "The console needs a terminal. Try: ssh -t\n"


async def test_a_terminal_that_cannot_be_drawn_on(server: Server) -> None:
    """TERM=dumb, as in an editor's shell, is told so, and gets no sequences."""
    async with connected(server) as conn:
        code, text, errors = await command(
            conn,
            None,  # type: ignore[arg-type]
            term_type="dumb",
            term_size=(80, 24),
        )
        assert (code, text) == (1, "")
        assert errors == (
            "This terminal says that it is dumb (TERM); the console cannot be drawn on it.\r\n"
        )


@pytest.mark.parametrize("name", ["sftp", "netconf", "shell", "\x1b[2J"])
async def test_subsystems_are_refused(server: Server, name: str) -> None:
    async with connected(server) as conn:
        with pytest.raises(asyncssh.ChannelOpenError):
            await conn.create_session(asyncssh.SSHClientSession, subsystem=name, encoding=None)
        with pytest.raises(asyncssh.Error):
            await conn.start_sftp_client()


async def test_two_terminals_a_connection(server: Server) -> None:
    """T8: a third is refused with a reason; one that closed makes room, the other goes on."""
    async with connected(server) as conn:
        first, second = await open_screen(conn), await open_screen(conn)
        with pytest.raises(asyncssh.ChannelOpenError, match="too many terminals"):
            await open_screen(conn)
        await first.wait_for("Log in")
        await second.wait_for("Log in")
        first.press("ctrl+q")
        await first.wait_closed()
        assert first.exit_status == 0 and not second.is_closed
        await until(lambda: len(server.door.terminals) == 1)
        third = await open_screen(conn)
        await third.wait_for("Log in")
        second.press("f1")
        await second.wait_for("Esc closes")
    await server.is_empty()


async def test_channels_one_after_the_other(server: Server) -> None:
    """T8: a connection does not open them for ever."""
    async with connected(server) as conn:
        for _number in range(CHANNELS_IN_ALL):
            assert (await command(conn, "version"))[0] == 0
        with pytest.raises(asyncssh.ChannelOpenError, match="too many terminals"):
            await command(conn, "version")
    await server.is_empty()


async def test_500_sessions_at_once(server: Server) -> None:
    """T8: all at the same moment, two are served."""
    async with connected(server) as conn:
        tries = [open_screen(conn) for _ in range(500)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        opened = [one for one in results if not isinstance(one, BaseException)]
        assert len(opened) == 2
        assert {type(one) for one in results if one not in opened} == {asyncssh.ChannelOpenError}
        assert len(server.door.terminals) == 2
    await server.is_empty()


async def test_forwarding_is_refused(server: Server, tmp_path: Path) -> None:
    """T9: TCP and Unix sockets in both directions, tunnels, and X11."""
    refused = pytest.raises((asyncssh.ChannelOpenError, asyncssh.ChannelListenError, OSError))
    async with connected(server) as conn:
        with refused:
            await conn.open_connection("127.0.0.1", server.port)
        with refused:
            await conn.open_unix_connection("/run/docker.sock")
        with refused:
            await conn.start_server(lambda *_: None, "127.0.0.1", 0)
        with refused:
            await conn.start_unix_server(lambda *_: None, str(tmp_path / "sock"))
        with refused:
            await conn.create_tun(asyncssh.SSHTunTapSession)
        with refused:
            await conn.create_tap(asyncssh.SSHTunTapSession)
        async with connected(server) as other:
            screen = await open_screen(other)
            await screen.wait_for("Log in")
    assert not (tmp_path / "sock").exists()
    await server.is_empty()


async def test_agent_and_x11_are_refused(server: Server) -> None:
    """T9: no socket is made for them on the server."""
    async with connected(server) as conn:
        screen = await open_screen(conn)
        chan: Any = screen.chan
        assert not await chan._make_request(b"auth-agent-req@openssh.com")
        x11 = (Boolean(False), String("MIT-MAGIC-COOKIE-1"), String("ab" * 16), UInt32(0))
        assert not await chan._make_request(b"x11-req", *x11)
        (wire,) = [t._chan.get_connection() for t in server.door.terminals if t._chan]
        assert wire._agent_listener is None and wire._x11_listener is None  # type: ignore[attr-defined]
        await screen.wait_for("Log in")


async def test_the_environment_is_not_taken(server: Server) -> None:
    """T9: COLORTERM with one of two values, and nothing else, however much of it comes."""
    environ = {
        "LD_PRELOAD": "/tmp/x.so",
        "PATH": "/tmp",
        "TEXTUAL": "devtools",
        "TUI_ADMIN_DEBUG": "1",
        "NO_COLOR": "1",
        "LANG": "cs_CZ.UTF-8",
        "COLORTERM": "truecolor",
    }
    async with opened_screen(server, env=environ) as screen:
        await screen.wait_for("Log in")
        (terminal,) = server.door.terminals
        assert isinstance(terminal._chan, ConsoleChannel)
        assert dict(terminal._chan.get_environment()) == {"COLORTERM": "truecolor"}
        assert b"\x1b[38;2;" in screen.raw
        chan: Any = screen.chan
        for number in range(10):
            value = String(b"x" * 20_000)
            assert not await chan._make_request(b"env", String(f"V{number}"), value)
        assert not await chan._make_request(b"env", String("COLORTERM"), String("\x1b[2J"))
        assert dict(terminal._chan.get_environment()) == {"COLORTERM": "truecolor"}
    assert "LD_PRELOAD" not in os.environ


async def test_requests_that_make_no_sense(server: Server) -> None:
    """A second terminal, a second shell, breaks, signals, and what nobody has heard of."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        chan: Any = screen.chan
        pty = (String("xterm"), *[UInt32(1)] * 4, String(b""))
        assert not await chan._make_request(b"pty-req", *pty)
        assert not await chan._make_request(b"shell")
        assert not await chan._make_request(b"exec", String("id"))
        assert not await chan._make_request(b"subsystem", String("sftp"))
        assert not await chan._make_request(b"break", UInt32(500))
        assert not await chan._make_request(b"eow@openssh.com")
        assert not await chan._make_request(b"__class__")
        for name in ("INT", "KILL", "\x1b[2J", "HUP"):
            await chan._make_request(b"signal", String(name))
        conn: Any = chan.get_connection()
        for request in (b"no-more-sessions@openssh.com", b"tcpip-forward\n", b"__init__"):
            kind, _packet = await conn._make_global_request(request)
            assert kind != MSG_GLOBAL_REQUEST
        screen.press("f1")
        await screen.wait_for("Esc closes")


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ("sftp", lambda o, h, tmp: ["sftp", "-b", "-", *o, h]),
        ("scp", lambda o, h, tmp: ["scp", *o, f"{h}:/etc/passwd", str(tmp / "copy")]),
        ("scp", lambda o, h, tmp: ["scp", "-O", *o, f"{h}:/etc/passwd", str(tmp / "copy")]),
        ("scp", lambda o, h, tmp: ["scp", "-O", *o, __file__, f"{h}:/tmp/copy"]),
        ("ssh", lambda o, h, tmp: ["ssh", *o, h, "id"]),
        ("ssh", lambda o, h, tmp: ["ssh", *o, "-s", h, "sftp"]),
        ("ssh", lambda o, h, tmp: ["ssh", *o, "-W", "127.0.0.1:22", h]),
        ("ssh", lambda o, h, tmp: ["ssh", *o, "-N", "-o", "ExitOnForwardFailure=yes",
                                   "-R", "0:127.0.0.1:22", h]),
        ("ssh", lambda o, h, tmp: ["ssh", *o, "-A", "-X", h, "id"]),
    ],
)  # fmt: skip
async def test_openssh_gets_nothing_else_either(
    server: Server,
    tmp_path: Path,
    program: str,
    arguments: Callable[[list[str], str, Path], list[str]],
) -> None:
    """T9: files, forwarding and commands with OpenSSH's own tools."""
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")
    options = [
        *("-F", "none", "-o", f"Port={server.port}", "-o", "BatchMode=yes"),
        *("-o", f"UserKnownHostsFile={tmp_path}/known", "-o", "StrictHostKeyChecking=accept-new"),
        *("-o", "IdentityAgent=none", "-o", "LogLevel=ERROR"),
    ]
    done = await asyncio.to_thread(
        subprocess.run,
        arguments(options, "anna@127.0.0.1", tmp_path),
        input=b"get /etc/passwd\n",
        capture_output=True,
        timeout=30,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode != 0
    assert b"root:" not in done.stdout
    assert not (tmp_path / "copy").exists()
    await server.is_empty()


async def test_multiplexed_windows_of_openssh(serve: Serve, tmp_path: Path) -> None:
    """Two windows share a connection (ControlMaster); leaving one does not close the other."""
    server = await serve()
    async with connected(server) as conn:
        here, there = await open_screen(conn), await open_screen(conn)
        await here.wait_for("Log in")
        await there.wait_for("Log in")
        here.press("ctrl+q")
        await here.wait_closed()
        there.press("f1")
        await there.wait_for("Esc closes")


async def test_packets_of_crumbs(server: Server) -> None:
    """T3: a client that takes a byte at a time would have each byte of a frame in a packet of its
    own. It gets no terminal, and nothing of it stays."""
    for size in (1, 1023):
        async with connected(server) as conn:
            with pytest.raises(asyncssh.ChannelOpenError, match="too small"):
                await open_screen(conn, max_pktsize=size)
            assert not server.door.terminals
            assert [len(one._channels) for one in wires()] == [0]
            screen = await open_screen(conn)
            await screen.wait_for("Log in")
        await server.is_empty()
