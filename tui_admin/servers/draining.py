"""Stopping: nobody new comes in, those who are there are told and may finish."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tui_admin.errors import RestartError

if TYPE_CHECKING:
    from tui_admin.servers.ssh import Door

log = logging.getLogger(__name__)


class Stop:
    """Whether the server was asked to stop, and whether it was asked twice."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    def ask(self) -> None:
        """Stop once everybody has finished; asked again, stop at once."""
        if self.asked.is_set():
            self.hurried.set()
        self.asked.set()


async def wait_unhurried(
    tasks: Iterable[asyncio.Task[None]], seconds: float, hurried: asyncio.Event | None = None
) -> list[asyncio.Task[None]]:
    """Wait for tasks; return those that are left after `seconds`, or once it is hurried."""
    waited_for = list(tasks)
    if not waited_for:
        return []
    hurry = asyncio.create_task((hurried or asyncio.Event()).wait())
    done = asyncio.create_task(asyncio.wait(waited_for))
    waiting: list[asyncio.Future[Any]] = [done, hurry]
    await asyncio.wait(waiting, timeout=seconds, return_when="FIRST_COMPLETED")
    for future in waiting:
        future.cancel()
    return [task for task in waited_for if not task.done()]


async def drain(door: Door, seconds: int, hurried: asyncio.Event) -> None:
    """Stop listening, give people time to finish, and then end their consoles with a sentence."""
    door.is_draining = True
    await door.stop_listening()
    log.info("draining", extra={"terminals": len(door.terminals), "seconds": seconds})
    at_s = asyncio.get_running_loop().time() + seconds
    for terminal in door.terminals:
        terminal.announce_restart(at_s)
    tasks = [terminal.task for terminal in door.terminals if terminal.task is not None]
    await wait_unhurried(tasks, seconds, hurried)
    for terminal in list(door.terminals):
        terminal.end(RestartError())
