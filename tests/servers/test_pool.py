"""Consoles that were started ahead: nobody waits longer than those who came before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.console import Console
from tui_admin.flows.context import Context
from tui_admin.servers import pool as pool_module
from tui_admin.servers.driver import USUAL
from tui_admin.servers.pool import LARGEST, Pool, Warm


@asynccontextmanager
async def _pool(console: Console, size: int) -> AsyncIterator[tuple[Pool, list[Warm]]]:
    pool = Pool(console.ctx, size)
    taken: list[Warm] = []
    try:
        await pool.fill()
        yield pool, taken
    finally:
        await pool.close()
        for warm in taken:
            warm.app.exit()
        if taken:
            await asyncio.wait([warm.task for warm in taken])


async def test_one_that_was_started_ahead_is_there_at_once(console: Console) -> None:
    """And its size is the usual one."""
    async with _pool(console, 1) as (pool, taken):
        taking = asyncio.ensure_future(pool.take(USUAL))
        await asyncio.sleep(0)
        assert taking.done()
        taken.append(taking.result())
        assert taken[0].changes_for(USUAL) == 0


async def test_the_next_is_made_in_the_size_that_was_asked_for(console: Console) -> None:
    """The second window of a size gets a console that fits."""
    async with _pool(console, 1) as (pool, taken):
        size = (120, 40)
        taken.append(await pool.take(size))
        assert taken[0].changes_for(size) == 2
        await pool.fill()
        taken.append(await pool.take(size))
        assert taken[1].changes_for(size) == 0
        assert taken[1].changes_for((121, 41)) == 1


async def test_a_giant_window_makes_no_giant_console_ahead(console: Console) -> None:
    """A client may claim any size; what it costs is for its own terminal alone."""
    async with _pool(console, 1) as (pool, taken):
        giant = (LARGEST[0] + 1, LARGEST[1])
        taken.append(await pool.take(giant))
        await pool.fill()
        taken.append(await pool.take(giant))
        assert taken[1].driver.size == USUAL


async def test_of_many_at_once_the_first_come_first(console: Console) -> None:
    """They are served one after the other, and not all of them at the end."""
    async with _pool(console, 0) as (pool, taken):
        order: list[int] = []

        async def come(number: int) -> None:
            taken.append(await pool.take(USUAL))
            order.append(number)

        await asyncio.gather(*(come(number) for number in range(4)))
        assert order == [0, 1, 2, 3]
        assert len({id(warm.app) for warm in taken}) == 4


async def test_one_who_left_the_line_takes_no_console(console: Console) -> None:
    """What was made for them goes to the next."""
    async with _pool(console, 0) as (pool, taken):
        gone, next_one = (asyncio.ensure_future(pool.take(USUAL)) for _person in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        taken.append(await next_one)
        assert gone.cancelled()


async def test_those_who_wait_at_the_end_are_let_go(console: Console) -> None:
    """Nobody waits for a console of a server that stops."""
    pool = Pool(console.ctx, 0)
    waiting = [asyncio.ensure_future(pool.take(USUAL)) for _person in range(3)]
    for _step in range(5):  # the first one's console is being made
        await asyncio.sleep(0)
    await pool.close()
    await asyncio.wait(waiting)
    assert all(one.cancelled() for one in waiting)


async def test_nobody_s_place_is_filled(console: Console) -> None:
    """Whoever hangs up while a console is made for them costs no other one, and what came at the
    same moment is for the next."""
    async with _pool(console, 0) as (pool, taken):
        gone = [asyncio.ensure_future(pool.take()) for _one in range(20)]
        await asyncio.sleep(0)
        for one in gone:
            one.cancel()
        started = 0
        real = pool_module.start

        async def counting(ctx: Context, size: tuple[int, int]) -> Warm:
            nonlocal started
            started += 1
            return await real(ctx, size)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pool_module, "start", counting)
            taken.append(await pool.take())
        assert started <= 2
    async with _pool(console, 1) as (pool, taken):
        warm = await pool.take()
        waiting = [asyncio.ensure_future(pool.take()) for _one in range(2)]
        await asyncio.sleep(0)
        place, _size = pool._waiting.pop()
        place.set_result(warm)
        waiting[-1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[-1]
        assert await waiting[0] is warm, "it is the next one's who waits"
        taken.append(warm)
