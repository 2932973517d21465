"""T7: three misses, on whichever terminals of a connection, and it is over; what bounds the rest is
in the database and in front of Argon2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from screens.sign_in import SignInScreen
from tests.ssh.conftest import OpenSsh
from tests.ssh.serving import (
    LEAVE,
    TIMEOUT_S,
    Client,
    Serve,
    Server,
    connected,
    open_screen,
    opened_screen,
    until,
)
from tests.support.console import Console
from tui_admin.models import AuditRow
from tui_admin.security.passwords import Passwords

OVER = b"Too many wrong tries. Please connect again later."


@pytest.fixture
def hashed(console: Console, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many passwords have been hashed since."""
    passwords = type(console.ctx.passwords)
    check, asked = passwords.check, []

    async def counting(self: Passwords, password: str, stored: str | None) -> str | None:
        asked.append(stored)
        return await check(self, password, stored)

    monkeypatch.setattr(passwords, "check", counting)
    return lambda: len(asked)


@asynccontextmanager
async def ended_by_misses(server: Server) -> AsyncIterator[Client]:
    """A terminal at the sign-in screen, which is over for its misses at the end."""
    async with opened_screen(server) as screen:
        await screen.wait_for("Log in")
        yield screen
        await screen.wait_closed()
        assert OVER in screen.errors
    await server.is_empty()


async def misses(screen: Client, name: str = "alice") -> None:
    """Try a wrong password and wait for the answer, if there is one."""
    count = screen.raw.count(b"not right")
    screen.press(name, "tab", "wrong horse", "enter")
    await until(lambda: screen.raw.count(b"not right") > count or screen.is_closed)


async def test_three_wrong_passwords_with_openssh(
    server: Server, console: Console, openssh: OpenSsh
) -> None:
    """The terminal is given back, the sentence stands there, exit code 1; the same again at once
    for the next connection."""
    await console.customer("alice")
    for _round in range(2):
        app = openssh(server, user="alice")
        await asyncio.to_thread(app.wait_for, "Log in")
        app.press("alice", "tab", "wrong horse", "enter")
        for miss in (1, 2):
            # The second answer may be drawn over the first without a frame in between.
            await until(lambda miss=miss: counted(server) == miss)  # type: ignore[misc]
            await asyncio.to_thread(app.wait_for, "not right")
            app.press("wrong horse", "enter")
        assert await asyncio.to_thread(app.wait_ended) == 1
        after = app.raw.partition(LEAVE)[2]
        assert OVER in after and b"isconnect" not in after
        await server.is_empty()


async def test_misses_count_over_the_terminals_of_a_connection(
    server: Server, console: Console
) -> None:
    """Two on one, one on the other: both are over, and so is the connection."""
    await console.customer("alice")
    async with connected(server) as conn:
        one, other = await open_screen(conn), await open_screen(conn)
        await one.wait_for("Log in")
        await other.wait_for("Log in")
        await misses(one)
        one.press("wrong horse", "enter")
        await until(lambda: counted(server) == 2)
        assert not one.is_closed and not other.is_closed
        await misses(other)
        for screen in (one, other):
            await screen.wait_closed()
            assert screen.exit_status == 1 and OVER in screen.errors
            assert screen.raw.endswith(LEAVE)
        await asyncio.wait_for(conn.wait_closed(), TIMEOUT_S)
    await server.is_empty()


def counted(server: Server) -> int:
    """How many misses the connection of the terminals that are there has."""
    return max((one._connection._misses for one in server.door.terminals), default=0)


async def test_a_channel_that_is_opened_again_counts_on(serve: Serve, console: Console) -> None:
    """Closing the channel and opening another one makes no fresh three."""
    await console.customer("alice")
    server = await serve(misses=2)
    async with connected(server) as conn:
        first = await open_screen(conn)
        await first.wait_for("Log in")
        await misses(first)
        first.chan.close()
        await first.wait_closed()
        second = await open_screen(conn)
        await second.wait_for("Log in")
        await misses(second)
        await second.wait_closed()
        assert OVER in second.errors
    await server.is_empty()


async def test_signing_in_makes_no_fresh_three(serve: Serve, console: Console) -> None:
    """Whoever has an account of their own could else guess at another one for ever."""
    mallory = await console.customer("mallory")
    await console.customer("alice")
    server = await serve(misses=2)
    async with connected(server) as conn:
        screen = await open_screen(conn)
        await screen.wait_for("Log in")
        await misses(screen)
        other = await open_screen(conn)
        await other.sign_in(mallory)
        await other.sign_out()
        await other.wait_for("Signed out.")
        await misses(other)
        await other.wait_closed()
        assert OVER in other.errors
        await screen.wait_closed()
    await server.is_empty()
    assert await server.open_sessions() == 0


async def test_wrong_codes_count_too(server: Server, console: Console) -> None:
    """Three wrong codes after a right password."""
    alice = await console.customer("alice", otp=True)
    sessions = await server.open_sessions()
    async with ended_by_misses(server) as screen:
        screen.press("alice", "tab", alice.password, "enter")
        await screen.wait_for("OTP password")
        for number in range(1, 4):
            screen.press(alice.wrong_code())
            await until(lambda n=number: screen.is_closed or counted(server) == n)  # type: ignore[misc]
    assert screen.exit_status == 1
    assert await server.open_sessions() == sessions


async def test_300_guesses_in_one_burst(
    server: Server, console: Console, hashed: Callable[[], int]
) -> None:
    """T7: all sent before the first is answered; three at most are hashed."""
    await console.customer("alice")
    async with ended_by_misses(server) as screen:
        screen.press("alice", "tab", *["wrong horse\r"] * 300)
    assert 1 <= hashed() <= 3


async def test_what_was_typed_behind_the_last_miss_is_no_guess(
    server: Server, console: Console, hashed: Callable[[], int]
) -> None:
    """T7: a guess that has come by then, and waits in the console for its turn, is not one."""
    await console.customer("alice")
    async with ended_by_misses(server) as screen:
        screen.press("alice", "tab", "wrong")
        await screen.wait_for("\u2022" * 5)
        (terminal,), (app,) = server.door.terminals, server.apps()
        assert isinstance(app.screen, SignInScreen)
        for _miss in range(3):
            terminal._connection.missed()
        app.screen.log_in()
    assert hashed() == 0


async def test_many_connections_meet_the_limits_before_argon2(
    serve: Serve, console: Console, hashed: Callable[[], int]
) -> None:
    """A new connection for each guess is no way round: after ten misses of an address nothing
    more is hashed, whichever account."""
    for name in ("alice", "bob", "carol"):
        await console.customer(name)
    server = await serve(misses=100)

    async def guess(name: str) -> None:
        async with connected(server) as conn:
            screen = await open_screen(conn)
            await screen.wait_for("Log in")
            screen.press(name, "tab", "wrong horse", "enter")
            await until(lambda: b"not right" in screen.raw or b"Too many" in screen.raw)

    for _round in range(5):
        await asyncio.gather(*(guess(name) for name in ("alice", "bob", "carol")))
    await server.is_empty()
    assert hashed() == 10
    refused = [row for row in await console.rows(AuditRow) if row.event == "limit.refused"]
    assert len(refused) == 5
    assert {row.address for row in refused} == {"127.0.0.1"}
