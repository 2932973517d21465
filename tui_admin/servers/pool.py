"""Consoles that were started ahead, so that nobody's first frame waits for style sheets."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from screens.app import ConsoleApp
from screens.terminal import TerminalAbilities
from tui_admin.flows.context import Context
from tui_admin.flows.visitor import Visitor
from tui_admin.servers import colours
from tui_admin.servers.driver import ChannelDriver

REFILL_PAUSE_S = 0.05
"""A pause before the next app is started, in which those who are there are served."""


@dataclass(slots=True)
class Warm:
    """A console that stands before its first frame, and the task that it runs in."""

    app: ConsoleApp
    task: asyncio.Task[None]

    @property
    def driver(self) -> ChannelDriver:
        driver = self.app._driver
        assert isinstance(driver, ChannelDriver)  # noqa: S101 (it was started on one)
        return driver


class Pool:
    """Keeps `size` consoles ready, and makes another when one is taken."""

    def __init__(self, ctx: Context, size: int) -> None:
        colours.keep_apart()
        self._ctx = ctx
        self._size = size
        self._ready: deque[Warm] = deque()
        self._filler: asyncio.Task[None] | None = None
        self._is_closed = False

    async def take(self) -> Warm:
        """Return a console that nobody has; it waits for a channel."""
        while self._ready:
            warm = self._ready.popleft()
            if not warm.task.done():
                self._refill()
                return warm
        self._refill()
        return await start(self._ctx)

    async def fill(self) -> None:
        """Start consoles until there are enough."""
        while len(self._ready) < self._size and not self._is_closed:
            self._ready.append(await start(self._ctx))
            await asyncio.sleep(REFILL_PAUSE_S)

    def _refill(self) -> None:
        if self._filler is None or self._filler.done():
            self._filler = asyncio.create_task(self.fill())

    async def close(self) -> None:
        """End the consoles that nobody came for."""
        self._is_closed = True
        if self._filler is not None:
            self._filler.cancel()
            await asyncio.wait([self._filler])
        for warm in self._ready:
            warm.app.exit()
        if self._ready:
            await asyncio.wait([warm.task for warm in self._ready])


async def start(ctx: Context) -> Warm:
    """Start a console on a driver without a channel, and wait until it has drawn itself."""
    app = ConsoleApp(
        _giving(ctx),
        visitor=Visitor("", ""),
        abilities=TerminalAbilities(blocks=True, quadrants=True),
    )
    app.driver_class = ChannelDriver
    # Textual points sys.stdout at each app while it runs, and with several at once leaves it
    # pointing at a dead one; nothing here prints, so it stays where it is.
    app._capture_stdout, app._capture_stderr = sys.stdout, sys.stderr  # type: ignore[assignment]
    is_ready = asyncio.Event()
    task = asyncio.get_running_loop().create_task(
        _run(app, is_ready), context=contextvars.Context()
    )
    waiting = asyncio.create_task(is_ready.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    return Warm(app, task)


async def _run(app: ConsoleApp, is_ready: asyncio.Event) -> None:
    app.when_open = is_ready.set
    await app.run_async(size=(80, 24))


def _giving(ctx: Context) -> Callable[[], Awaitable[Context]]:
    async def give() -> Context:
        return ctx

    return give
