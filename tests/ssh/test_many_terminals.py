"""A hundred terminals come and go, and nothing of them stays. (T12)"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh
import pytest

from screens.app import ConsoleApp
from tests.ssh.serving import open_files, until
from tests.support.console import Console, Person
from tui_admin.servers import memory
from tui_admin.servers.ssh import Door

pytestmark = pytest.mark.slow

WAVE = 20
MOST_OBJECTS = 50
"""What a terminal may leave behind, of the some tens of thousands that it is made of."""
ROUNDS = 8
LEFT_OBJECTS = 3600
"""What a terminal may leave until then; one at work is ten thousand, and more with its caches."""


@asynccontextmanager
async def opened(console: Console) -> AsyncIterator[Door]:
    ssh = console.settings.ssh.model_copy(update={"host": "127.0.0.1", "port": 0, "pool": 2})
    door = Door(console.ctx, console.settings.model_copy(update={"ssh": ssh}))
    await door.open()
    try:
        yield door
    finally:
        await door.close()


async def come_and_go(port: int, number: int, person: Person) -> None:
    """Open a terminal, do something, and leave in one of the ways in which people leave."""
    options = {"known_hosts": None, "username": "anna", "config": None, "client_keys": None}
    async with asyncssh.connect("127.0.0.1", port, **options) as conn:
        process = await conn.create_process(
            term_type="xterm-256color", term_size=(80, 24), encoding=None
        )

        async def is_shown(words: bytes) -> None:
            seen = b""
            while words not in seen:
                more = await process.stdout.read(65536)
                assert more, f"it ended before {words!r}"
                seen += more

        await is_shown(b"Log in")
        match number % 4:
            case 0:  # signs in and leaves by the key
                process.stdin.write(f"{person.name}\t{person.password}\r".encode())
                await is_shown(b"Set OTP")
                process.stdin.write(b"\x11")
                await is_shown(b"Log out and leave")
                process.stdin.write(b"\t\r")
                await process.wait_closed()
            case 1:  # leaves by the key
                process.stdin.write(b"half a na\x11")
                await process.wait_closed()
            case 2:  # closes the window
                process.close()
            case 3:  # is gone without a word
                conn.abort()


def consoles() -> int:
    return sum(isinstance(found, ConsoleApp) for found in gc.get_objects())


async def at_rest(door: Door) -> None:
    """Wait until nothing is left of those who were here."""
    await are_gone(door)
    gc.collect()


async def are_gone(door: Door) -> None:
    """Wait until the last connection is closed and the pool is full again."""
    pool = door.pool
    await until(lambda: not door.terminals and not door._connections)
    await until(lambda: len(pool._ready) == 2 and (pool._filler is None or pool._filler.done()))
    await asyncio.sleep(0.2)


async def test_nothing_grows(console: Console) -> None:
    """A hundred terminals in waves of twenty, each left in its own way: no task, no file
    descriptor and no console is left over, and next to no object."""
    alice = await console.customer("alice")
    async with opened(console) as door:

        async def wave() -> None:
            people = (come_and_go(door.port, number, alice) for number in range(WAVE))
            await asyncio.gather(*people)
            await at_rest(door)

        for _wave in range(2):
            await wave()
        before = (len(asyncio.all_tasks()), open_files(), consoles())
        objects = len(gc.get_objects())
        for _wave in range(100 // WAVE):
            await wave()
        await until(lambda: (len(asyncio.all_tasks()), open_files(), consoles()) == before)
        assert before[2] == 2, "the pool's, and no others"
        assert (len(gc.get_objects()) - objects) / 100 < MOST_OBJECTS


async def test_what_has_ended_takes_itself_apart(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The garbage collector need not look at everybody's objects for it. After many have ended it
    does, once, for the rest."""
    alice = await console.customer("alice")
    passes: list[int] = []

    def note(_phase: str, facts: dict[str, int]) -> None:
        passes.append(facts["generation"])

    async with opened(console) as door:
        for number in range(ROUNDS):  # what stays once fills up: caches, the database's pool
            await come_and_go(door.port, number, alice)
        await at_rest(door)
        objects = len(gc.get_objects())
        gc.disable()
        try:
            for number in range(ROUNDS):
                await come_and_go(door.port, number, alice)
            await are_gone(door)
            assert (len(gc.get_objects()) - objects) / ROUNDS < LEFT_OBJECTS
        finally:
            gc.enable()
        monkeypatch.setattr(memory, "SWEEP_AFTER", 2 * ROUNDS + 1)
        gc.callbacks.append(note)
        try:
            await come_and_go(door.port, 1, alice)
            await until(lambda: 2 in passes)
        finally:
            gc.callbacks.remove(note)
