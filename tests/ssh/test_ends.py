"""At every kind of end the terminal is given back as it was, the session's row is ended, and
nothing of the client is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from gettext import NullTranslations
from typing import Any

import pytest

from screens.app import ConsoleApp
from tests.ssh.conftest import OpenSsh
from tests.ssh.serving import (
    LEAVE,
    Client,
    Serve,
    Server,
    connected,
    open_files,
    open_screen,
    opened_screen,
    serving,
    until,
)
from tests.support.console import Console, Person
from tests.support.pty_app import PtyApp
from tui_admin.errors import RestartError
from tui_admin.flows import sign_in
from tui_admin.models import Session
from tui_admin.servers.driver import ChannelDriver
from tui_admin.servers.pool import Pool

CLEAR = b"\x1b[0m\x1b[H\x1b[2J"
ENTER = b"\x1b[?1049h"
MODES = (b"?25", b"?1000", b"?1002", b"?1006", b"?1004", b"?2004", b"?1049")


class Upper(NullTranslations):
    """A language in which everything is said loudly."""

    def gettext(self, message: str) -> str:
        return message.upper()


def is_restored(raw: bytes | bytearray) -> bool:
    """Whether every mode that was switched has been switched back, the alternate screen last."""
    for mode in MODES:
        on, off = raw.rfind(b"\x1b[" + mode + b"h"), raw.rfind(b"\x1b[" + mode + b"l")
        if mode == b"?25":
            on, off = off, on
        if not 0 <= on < off:
            return False
    # Where there is no alternate screen, nothing of the last frame is left either.
    return raw.count(ENTER) == raw.count(LEAVE) == 1 and CLEAR in raw[raw.rfind(b"?2004l") :]


async def ended(server: Server, app: PtyApp, code: int) -> str:
    """Wait until OpenSSH's client has ended; return what stands on the screen after the console."""
    assert await asyncio.to_thread(app.wait_ended) == code, app.text()
    assert is_restored(app.raw)
    after = app.raw.partition(LEAVE)[2]
    assert b"isconnect" not in after and b"\x1b" not in after
    await server.is_empty()
    return after.decode()


async def signed_in(server: Server, console: Console, app: PtyApp) -> Person:
    alice = await console.customer("alice")
    await asyncio.to_thread(app.wait_for, "Log in")
    app.press("alice", "tab", alice.password, "enter")
    await asyncio.to_thread(app.wait_for, "Account Security")
    return alice


async def test_leaving_by_key(server: Server, openssh: OpenSsh) -> None:
    """Exit code 0, and nobody reads of a disconnect."""
    app = openssh(server)
    await asyncio.to_thread(app.wait_for, "Log in")
    app.press("ctrl+q")
    after = await ended(server, app, 0)
    assert after.replace("\r", "").strip() in ("", "Connection to 127.0.0.1 closed.")
    assert "Log in" not in app.text()


async def test_leaving_signed_in(server: Server, console: Console, openssh: OpenSsh) -> None:
    """`Log out and leave` ends the session, then the terminal."""
    app = openssh(server)
    await signed_in(server, console, app)
    app.press("ctrl+q")
    await asyncio.to_thread(app.wait_for, "Log out and leave?")
    app.press("shift+tab", "enter")
    await ended(server, app, 0)
    assert [row.end_reason for row in await console.rows(Session)] == ["signed_out"]


async def test_the_server_stops(server: Server, console: Console, openssh: OpenSsh) -> None:
    """The console is over, the terminal is itself again, and the session is ended."""
    app = openssh(server)
    await signed_in(server, console, app)
    await server.door.close()
    await ended(server, app, 0)
    assert await server.open_sessions() == 0


async def test_the_last_sentence_is_in_the_person_s_language(server: Server) -> None:
    """As all were that came before it; the server's own tasks have another."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        (app,), (terminal,) = server.apps(), server.door.terminals
        app.language.catalogue = Upper()
        terminal.end(RestartError())
        await screen.wait_closed()
        assert b"THE SERVER RESTARTS." in screen.errors
        assert screen.exit_status == 1


async def test_the_end_of_input(server: Server, console: Console) -> None:
    """A client that says that nothing more comes has left."""
    alice = await console.customer("alice")
    async with opened_screen(server) as screen:
        await screen.sign_in(alice)
        screen.chan.write_eof()
        await screen.wait_closed()
        assert screen.exit_status == 0 and is_restored(screen.raw)
    await server.is_empty()
    assert await server.open_sessions() == 0


async def test_the_end_of_input_before_the_console(serve: Serve) -> None:
    """It is not forgotten while the console is made."""
    server = await serve(pool=0)
    async with connected(server) as conn:
        screen = await open_screen(conn)
        screen.chan.write_eof()
        await screen.wait_closed()
    await server.is_empty()


async def test_a_session_that_was_ended_elsewhere(server: Server, console: Console) -> None:
    """The terminal stays, at the sign-in screen, and counts as a start-up again."""
    alice = await console.customer("alice")
    async with opened_screen(server) as screen:
        await screen.sign_in(alice)
        await console.execute("UPDATE session SET ended_at = started_at, end_reason = 'ended'")
        await asyncio.sleep(1.1)  # a session is looked at once a second, by the machine's clock
        screen.press("down")
        await screen.wait_for("You were signed out. Please sign in again.")
        await until(lambda: server.door.startups.unsigned == 1)
        screen.press("ctrl+q")
        await screen.wait_closed()
        assert screen.exit_status == 0 and is_restored(screen.raw)
    await server.is_empty()


async def test_idle(console: Console) -> None:
    """S22: after the idle time it is signed out, and then ended as one that nobody signs in on."""
    alice = await console.customer("alice")
    times = console.settings.sessions.model_copy(update={"idle_s": 2})
    settings = console.settings.model_copy(update={"sessions": times})
    quick = replace(console, ctx=replace(console.ctx, settings=settings))
    async with serving(quick) as server:
        async with opened_screen(server) as screen:
            await screen.sign_in(alice)
            # From here on: signing in may take longer.
            server.change(unsigned_s=5)
            await screen.wait_for("You were signed out because nothing")
            await screen.wait_closed()
            assert screen.exit_status == 1 and is_restored(screen.raw)
            assert b"Nobody signed in here" in screen.errors
        await server.is_empty()
    assert [row.end_reason for row in await console.rows(Session)] == ["idle"]


Vanish = Callable[[Client, Any], None]


def aborts(screen: Client, conn: Any) -> None:
    conn.abort()


def disconnects(screen: Client, conn: Any) -> None:
    conn.close()


def closes_the_channel(screen: Client, conn: Any) -> None:
    screen.chan.close()


def resets(screen: Client, conn: Any) -> None:
    import socket
    import struct

    sock = conn.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.abort()


@pytest.mark.parametrize("vanish", [aborts, disconnects, closes_the_channel, resets])
@pytest.mark.parametrize("pause_s", [0, 0.005, 0.03, 0.1, 0.3])
async def test_a_client_that_vanishes_while_it_signs_in(
    server: Server, console: Console, vanish: Vanish, pause_s: float
) -> None:
    """Between password and answer, before, or after: no session is left that nobody ends."""
    alice = await console.customer("alice")
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        screen.press("alice", "tab", alice.password, "enter")
        await asyncio.sleep(pause_s)
        vanish(screen, conn)
        await until(lambda: not server.door.terminals)
    await server.is_empty()
    assert await server.open_sessions() == 0


@pytest.mark.parametrize("vanish", [aborts, closes_the_channel])
async def test_a_client_that_vanishes_between_commit_and_answer(
    server: Server, console: Console, vanish: Vanish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session stands in the database and nobody knows its token yet: it is ended all the
    same, since the flow comes to its answer first."""
    alice = await console.customer("alice")
    password, is_committed, is_gone = sign_in.password, asyncio.Event(), asyncio.Event()

    async def slow(*args: Any) -> Any:
        answer = await password(*args)
        is_committed.set()
        await is_gone.wait()
        return answer

    monkeypatch.setattr(sign_in, "password", slow)
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        screen.press("alice", "tab", alice.password, "enter")
        await is_committed.wait()
        assert await server.open_sessions() == 1
        (terminal,) = server.door.terminals
        vanish(screen, conn)
        await until(terminal._over.is_set)
        is_gone.set()
        await until(lambda: not server.door.terminals)
    await server.is_empty()
    assert await server.open_sessions() == 0


class Gone:
    """A channel whose client has gone."""

    def write(self, data: bytes) -> None:
        raise BrokenPipeError("Channel not open for sending")

    def is_closing(self) -> bool:
        return True


async def test_what_is_drawn_for_one_who_has_gone(server: Server) -> None:
    """Frames and the last sequence go nowhere, and are no fault of the console."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        (app,) = server.apps()
        assert isinstance(app._driver, ChannelDriver)
        app._driver._channel = Gone()
        screen.press("f1")
        await until(lambda: len(app.screen_stack) == 2)
        app._driver.write("x")
        app.exit()
        await screen.wait_closed()
        assert screen.exit_status == 0 and not screen.errors
    await server.is_empty()


@pytest.mark.parametrize("pool", [0, 1])
async def test_clients_that_vanish_at_any_moment(serve: Serve, console: Console, pool: int) -> None:
    """Within the handshake, before, while and after a console is made, while it is drawn: no task,
    no app and no file descriptor is left of them."""
    server = await serve(pool=pool)
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
    await server.is_empty()
    await settled(server.door.pool)
    tasks, files = len(asyncio.all_tasks()), open_files()

    async def vanishes(number: int) -> None:
        if number % 3 == 0:
            sock = await server.raw()
            await asyncio.get_running_loop().sock_sendall(sock, b"SSH-2.0-x\r\n"[: number % 12])
            await asyncio.sleep(number / 500)
            sock.close()
            return
        async with connected(server) as conn:
            if number % 3 == 1:
                waiting = asyncio.create_task(open_screen(conn))
                await asyncio.sleep(number / 500)
                conn.abort()
                await asyncio.wait([waiting])
                waiting.exception()
                return
            screen = await open_screen(conn)
            screen.press("f1", "f4", "typed")
            await asyncio.sleep(number / 500)
            conn.abort()

    for first in range(0, 24, 4):
        await asyncio.gather(*(vanishes(number) for number in range(first, first + 4)))
    await server.is_empty()
    await settled(server.door.pool)
    await until(lambda: len(asyncio.all_tasks()) <= tasks, what="the tasks to end")
    await until(lambda: open_files() <= files, what="the files to be closed")


async def settled(pool: Pool) -> None:
    """Wait until the pool has what it shall have."""
    await until(lambda: pool._filler is None or pool._filler.done())


async def test_a_warm_console_is_lost_with_its_client(server: Server) -> None:
    """The console that a client vanished from is ended and not given to the next one."""
    seen: list[ConsoleApp] = []
    for _round in range(3):
        async with connected(server) as conn:
            screen = await open_screen(conn)
            await screen.wait_for("Log in")
            (app,) = server.apps()
            assert app not in seen
            seen.append(app)
            screen.press("secret")
            await screen.wait_for("secret")
        await server.is_empty()
        assert not vars(app), "it was taken apart"
    assert len(seen) == 3
