"""Several processes on one port, and the one that watches over them.

The supervisor serves nobody: it knows no database and no screens. It holds the port, starts the
workers, starts another in the place of one that died, and passes on the word to stop. Between it
and each worker there is a pair of sockets, the leash: the worker tells that it is ready, or why it
cannot be; the supervisor tells it to drain or to end; and when either has gone the other one sees
it. Settings and secrets reach a worker as they reached the supervisor, by file and variables.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_admin.config import SshSettings
from tui_admin.errors import StartError
from tui_admin.i18n import _
from tui_admin.servers import systemd
from tui_admin.servers.draining import Stop, wait_unhurried
from tui_admin.servers.leash import BEAT_S, DRAIN, END
from tui_admin.servers.sockets import bound_socket

log = logging.getLogger(__name__)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
"""How long a dead worker's place stays empty: twice as long each time, if they die young."""
GROWN_S = 60.0
"""A worker that lived so long died of something else than its start."""
GRACE_S = 10.0
"""What ending takes at most, once everybody has been told; then a worker is killed."""
LISTEN_S, SILENCES = BEAT_S, 12
"""A worker that was ready and then is silent so many times in a row, so long each, is killed: no
worker is busy for a minute. When the whole machine was paused that is one silence, and harmless."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(slots=True)
class _Worker:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def become_ready(self) -> None:
        """Wait for the worker's word.

        Raises:
            StartError: it cannot start, or has died.
        """
        line = await self._hear()
        said: dict[str, str] = json.loads(line) if line.endswith(b"\n") else {}
        if not said:
            raise StartError(_("A worker ended before it was ready."))
        if failure := said.get("failed"):
            raise StartError(failure)

    async def ended(self) -> int:
        """Wait until it has ended; return its exit code. Once it hangs it is killed."""
        silences = 0
        while silences < SILENCES:
            try:
                async with asyncio.timeout(LISTEN_S):
                    if not await self._hear():
                        return await self.process.wait()
                silences = 0
            except TimeoutError:
                silences += 1
        self.kill()
        return await self.process.wait()

    async def _hear(self) -> bytes:
        """Return a line, or nothing once it has let go of the leash."""
        with suppress(OSError):
            return await self.reader.readline()
        return b""

    def kill(self) -> None:
        log.error("a worker hangs and is killed", extra={"pid": self.process.pid})
        with suppress(ProcessLookupError):
            self.process.kill()

    def tell(self, word: bytes) -> None:
        if not self.writer.is_closing():
            self.writer.write(word)


class Supervisor:
    """Keeps `count` workers alive until it is told to stop."""

    def __init__(self, settings: SshSettings, count: int) -> None:
        self._settings = settings
        self._count = count
        self._port = 0
        self._workers: dict[int, _Worker] = {}
        self._stop = Stop()
        self._forget: Callable[[int], None]

    async def run(self, on_ready: Callable[[str, int], None]) -> None:
        """Start everything, say that it is ready, and return once the last worker has ended.

        Raises:
            StartError: the port is taken, or a worker cannot start; none is left then.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.ask)
        with ExitStack() as stack:
            # Bound and not listening: no connection comes here, and nobody else takes the port.
            sock = bound_socket(self._settings.host, self._settings.port, share_port=True)
            stack.callback(sock.close)
            self._port = sock.getsockname()[1]
            self._forget = stack.enter_context(_counting(self._settings.metrics_port))
            keepers: list[asyncio.Task[None]] = []
            try:
                # One ahead: it makes what is not there yet, or says why it cannot.
                for places in (range(1), range(1, self._count)):
                    await self._start(places, keepers)
                if not self._stop.asked.is_set():
                    on_ready(self._settings.host or "*", self._port)
                await self._until([], keepers)
                systemd.tell_stopping(self._settings.drain_s + 2 * GRACE_S)
            finally:
                sock.close()
                await self._end(keepers)

    async def _start(self, places: range, keepers: list[asyncio.Task[None]]) -> None:
        """Fill places and wait until each has a worker that is ready, or we are to stop."""
        loop = asyncio.get_running_loop()
        ready = [loop.create_future() for _place in places]
        for place, future in zip(places, ready, strict=True):
            keepers.append(asyncio.create_task(self._keep(place, future)))
        await self._until([asyncio.create_task(asyncio.wait(ready))], keepers)
        for future in ready:
            if future.done():
                future.result()
            else:
                future.cancel()

    async def _until(
        self, tasks: list[asyncio.Task[Any]], keepers: list[asyncio.Task[None]]
    ) -> None:
        """Wait until a task is done, or we are to stop. Keepers end by a fault alone, theirs."""
        waiting = [*tasks, asyncio.create_task(self._stop.asked.wait())]
        await asyncio.wait([*waiting, *keepers], return_when="FIRST_COMPLETED")
        for task in waiting:
            task.cancel()

    async def _keep(self, place: int, ready: asyncio.Future[None]) -> None:
        """Keep one place filled."""
        pause_s, failure = FIRST_PAUSE_S, None
        while not self._stop.asked.is_set():
            began_s = time.monotonic()
            worker = self._workers[place] = await self._spawn()
            if self._stop.asked.is_set():
                worker.tell(DRAIN)  # everybody else has heard it already
            facts = {"place": place, "pid": worker.process.pid}
            try:
                await worker.become_ready()
                log.info("a worker is ready", extra=facts)
                if not ready.done():
                    ready.set_result(None)
            except StartError as error:
                if not ready.done():
                    failure = error
                elif not self._stop.asked.is_set():
                    log.error("a worker cannot start: %s", error.sentence, extra=facts)
            code = await worker.ended()
            worker.writer.close()
            self._forget(worker.process.pid)
            if failure is not None and not ready.done():
                ready.set_exception(failure)
            if failure is not None or self._stop.asked.is_set():
                return
            lived_s = time.monotonic() - began_s
            pause_s = FIRST_PAUSE_S if lived_s > GROWN_S else pause_s
            log.error("a worker died", extra={**facts, "code": code, "next_in_s": pause_s})
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.asked.wait(), pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _spawn(self) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "tui_admin", "serve", "ssh"),
                *("--host", self._settings.host, "--port", str(self._port)),
                *("--leash", str(theirs.fileno())),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env=_environ(),
                # Ctrl+C is for the supervisor, which passes it on.
                start_new_session=True,
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        return _Worker(process, reader, writer)

    async def _end(self, keepers: list[asyncio.Task[None]]) -> None:
        """Have every worker drain, end those that take too long, and wait for the last."""
        self._stop.asked.set()
        self._tell(DRAIN)
        left = await wait_unhurried(keepers, self._settings.drain_s + GRACE_S, self._stop.hurried)
        if left:
            self._tell(END)
            left = await wait_unhurried(left, GRACE_S)
        for worker in self._workers.values():
            if left and worker.process.returncode is None:
                worker.kill()
        await asyncio.gather(*keepers)

    def _tell(self, word: bytes) -> None:
        for worker in self._workers.values():
            worker.tell(word)


@contextmanager
def _counting(port: int) -> Iterator[Callable[[int], None]]:
    """Add up what the workers count, in a folder that goes at the end. Gives what takes the gauges
    of a dead one, by its process, out of the sums."""
    if not port:
        yield lambda _process: None
        return
    from prometheus_client.multiprocess import mark_process_dead

    from tui_admin.servers.metrics import FOLDER_VARIABLE, Endpoint

    with tempfile.TemporaryDirectory(prefix="tui-admin-metrics-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        endpoint = Endpoint(port, folder=folder)
        try:
            yield mark_process_dead
        finally:
            endpoint.close()


def _environ() -> dict[str, str]:
    """Return what a worker gets: our variables, but for the way to systemd, which hears the
    supervisor alone; and the same packages are found, wherever it is started."""
    ours = {name: value for name, value in os.environ.items() if name != systemd.VARIABLE}
    packages = str(Path(__file__).parents[2])
    path = os.pathsep.join([packages, *filter(None, [ours.get("PYTHONPATH")])])
    return ours | {"PYTHONPATH": path}
