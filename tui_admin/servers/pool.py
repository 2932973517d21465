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
from tui_admin.servers.driver import USUAL, ChannelDriver

REFILL_PAUSE_S = 0.05
"""A pause before the next app is started, in which those who are there are served."""
LARGEST = (250, 80)
"""The largest window that a console is made ahead for; any client may claim a larger one."""


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

    def changes_for(self, size: tuple[int, int]) -> int:
        """Return how much must change for this size: 0 nothing, 1 the layout, 2 the styles too."""
        own = self.driver.size
        if own == size:
            return 0
        return 1 if ConsoleApp.size_classes(own) == ConsoleApp.size_classes(size) else 2


class Pool:
    """Keeps `size` consoles ready, and makes another when one is taken.

    The next one is made in the size that was asked for: windows come in the sizes that windows
    came in before, and one that fits is shown as it stands. Consoles are made one after the other,
    so that of many who arrive at once the first are served while the last still wait.
    """

    def __init__(self, ctx: Context, size: int) -> None:
        colours.keep_apart()
        self._ctx = ctx
        self._size = size
        self._ready: list[Warm] = []
        self._wanted: deque[tuple[int, int]] = deque()
        self._waiting: deque[tuple[asyncio.Future[Warm], tuple[int, int]]] = deque()
        self._filler: asyncio.Task[None] | None = None
        self._is_closed = False

    async def take(self, size: tuple[int, int] = USUAL) -> Warm:
        """Return a console that nobody has, the one nearest to this size; it waits for a
        channel."""
        made = size if size[0] <= LARGEST[0] and size[1] <= LARGEST[1] else USUAL
        self._ready = [warm for warm in self._ready if not warm.task.done()]
        if self._ready:
            warm = min(self._ready, key=lambda one: one.changes_for(size))
            self._ready.remove(warm)
            self._wanted.append(made)
            self._refill()
            return warm
        place: asyncio.Future[Warm] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, made))
        self._refill()
        try:
            return await place
        except asyncio.CancelledError:
            # Whoever waited has gone; a console that came at the same moment is nobody's.
            if place.done() and not place.cancelled() and place.exception() is None:
                self._keep(place.result())
            raise

    def _keep(self, warm: Warm) -> None:
        """Give a console to whoever waits, or put it by, if there are not enough."""
        while self._waiting and not self._is_closed:
            place, _size = self._waiting.popleft()
            if not place.done():
                place.set_result(warm)
                return
        if len(self._ready) < self._size or self._is_closed:
            self._ready.append(warm)  # `close` ends it
        else:
            warm.app.exit()

    async def fill(self) -> None:
        """Start consoles until there are enough."""
        while self._is_short:
            await self._add()

    def _refill(self) -> None:
        if self._filler is None or self._filler.done():
            self._filler = asyncio.create_task(self._fill_later())

    async def _fill_later(self) -> None:
        while self._is_short:
            if not self._waiting:
                await asyncio.sleep(REFILL_PAUSE_S)
            await self._add()

    @property
    def _is_short(self) -> bool:
        return not self._is_closed and (bool(self._waiting) or len(self._ready) < self._size)

    async def _add(self) -> None:
        """Start a console, for whoever has waited longest or for later."""
        place = None
        size = USUAL
        if self._waiting:
            place, size = self._waiting.popleft()
            if place.done():
                return
        elif self._wanted:
            size = self._wanted.popleft()
        try:
            warm = await start(self._ctx, size)
        except Exception as error:
            if place is not None and not place.done():
                place.set_exception(error)  # whoever waits is told, and no one else
                return
            raise
        if place is not None and not place.done():
            self._waiting.appendleft((place, size))
        self._keep(warm)

    async def close(self) -> None:
        """End the consoles that nobody came for."""
        self._is_closed = True
        if self._filler is not None:
            # The one that is being made is waited for: Textual leaves ends of an app that was cut
            # off while it started.
            await asyncio.wait([self._filler])
        for place, _size in self._waiting:
            place.cancel()
        for warm in self._ready:
            warm.app.exit()
        if self._ready:
            await asyncio.wait([warm.task for warm in self._ready])


async def start(ctx: Context, size: tuple[int, int] = USUAL) -> Warm:
    """Start a console on a driver without a channel, and wait until it has drawn itself."""
    app = ConsoleApp(
        _giving(ctx),
        visitor=Visitor("", ""),
        abilities=TerminalAbilities(blocks=True, quadrants=True),
        ahead=True,
    )
    app.driver_class = ChannelDriver
    # Textual points sys.stdout at each app while it runs, and with several at once leaves it
    # pointing at a dead one; nothing here prints, so it stays where it is.
    app._capture_stdout, app._capture_stderr = sys.stdout, sys.stderr  # type: ignore[assignment]
    is_ready = asyncio.Event()
    task = asyncio.get_running_loop().create_task(
        _run(app, size, is_ready), context=contextvars.Context()
    )
    waiting = asyncio.create_task(is_ready.wait())
    try:
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        waiting.cancel()
    return Warm(app, task)


async def _run(app: ConsoleApp, size: tuple[int, int], is_ready: asyncio.Event) -> None:
    app.when_open = is_ready.set
    await app.run_async(size=size)


def _giving(ctx: Context) -> Callable[[], Awaitable[Context]]:
    async def give() -> Context:
        return ctx

    return give
