"""The load client: many SSH connections from one process, measured from this side.

    python -m benchmarks.ssh_client PORT PID [--terminals 200] [--held 1000]

Prints one JSON object. PID is the server's, whose CPU and memory are read between the phases.

It is asyncssh on uvloop with its garbage collector off and its options made once, so that it takes
less of the machine than what it measures; what it takes is told beside each figure that it is part
of. Clocks start when TCP stands. They stop at the first byte for a key, and at the key bar, which
is the last line of a frame.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import time

import asyncssh
import uvloop

from benchmarks.ssh_figures import Figures, Server, summary

LAST_WORDS = b"Leave"
"""The end of the last line of the sign-in screen."""
KEYS = b"abcdefghijklmnopqrstuvwxyz"
WAIT_S = 60.0
PACE_S = 0.4
AT_ONCE = 16


class Seat(asyncssh.SSHClientSession[bytes]):
    """One terminal as its client sees it."""

    def __init__(self) -> None:
        self.chan: asyncssh.SSHClientChannel[bytes] | None = None
        self.is_open = True
        self._tail = b""
        self._wanted: asyncio.Future[float] | None = None
        self._marker = b""

    def expect(self, marker: bytes = b"") -> asyncio.Future[float]:
        """Return a future of the moment at which the marker, or anything, comes."""
        self._tail, self._marker = b"", marker
        self._wanted = asyncio.get_running_loop().create_future()
        return self._wanted

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self.chan = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        wanted = self._wanted
        if wanted is None or wanted.done():
            return
        self._tail = self._tail[-len(self._marker) :] + data
        if self._marker in self._tail:
            wanted.set_result(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_exception(exc or ConnectionError("the terminal was ended"))

    async def press(self, key: bytes) -> float:
        """Send a key; return how long its frame took."""
        assert self.chan is not None
        answer = self.expect()
        begin = time.perf_counter()
        self.chan.write(key)
        return await asyncio.wait_for(answer, WAIT_S) - begin


class _Clock(asyncssh.SSHClient):
    """Notes when TCP stood: before it, asyncssh makes its options, which is not the server's."""

    begin_s = 0.0

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self.begin_s = time.perf_counter()


class Client:
    """Opens connections and keeps them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._options = asyncssh.SSHClientConnectionOptions(
            config=[], known_hosts=None, username="bench", client_keys=None, agent_path=None,
            preferred_auth="none", gss_host=None, login_timeout=WAIT_S,
        )  # fmt: skip
        self.conns: list[asyncssh.SSHClientConnection] = []

    async def _connect(self) -> tuple[asyncssh.SSHClientConnection, float]:
        clock = _Clock()
        conn = await asyncssh.connect(
            "127.0.0.1", self._port, options=self._options, client_factory=lambda: clock
        )
        return conn, clock.begin_s

    async def handshake(self) -> float:
        """A connection that only asks for the version."""
        conn, begin_s = await self._connect()
        await conn.run("version", check=True)
        took_s = time.perf_counter() - begin_s
        conn.close()
        await conn.wait_closed()
        return took_s

    async def open(self, size: tuple[int, int] = (80, 24)) -> tuple[Seat, float]:
        """Open a terminal; return it and the time from TCP to its first frame."""
        conn, begin_s = await self._connect()
        self.conns.append(conn)
        seat = Seat()
        answer = seat.expect(LAST_WORDS)
        await conn.create_session(
            lambda: seat,
            term_type="xterm-256color", term_size=size, env={"COLORTERM": "truecolor"},
            encoding=None,
        )  # fmt: skip
        return seat, await asyncio.wait_for(answer, WAIT_S) - begin_s

    async def open_many(self, count: int) -> list[Seat]:
        """Open terminals, `AT_ONCE` at a time."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> Seat:
            async with gate:
                return (await self.open())[0]

        return await asyncio.gather(*(one() for _number in range(count)))

    async def close(self) -> None:
        for conn in self.conns:
            conn.abort()
        await asyncio.gather(*(conn.wait_closed() for conn in self.conns))
        self.conns.clear()


async def measure(port: int, server: Server, *, terminals: int, held: int) -> Figures:
    """Run all phases, one after the other."""
    got = Figures()
    client = Client(port)
    await client.open()  # byte code and caches, on both sides
    await _arrivals(client, server, got, 10 if terminals < 100 else 25)
    await client.close()
    seat, _took_s = await client.open()
    await asyncio.sleep(1)  # the pool fills up
    await _alone(seat, server, got, 20)
    seats = [seat, *await _crowd(client, server, got, terminals)]
    if held:
        await _hold(client, server, got, held, seats)
    await client.close()
    return got


async def _arrivals(client: Client, server: Server, got: Figures, count: int) -> None:
    for _number in range(count):
        got.handshake_s.append(await client.handshake())
        await asyncio.sleep(0.05)
    before_s = server.cpu_s()
    for number in range(2 * count):
        # By turns, so that a busy machine slows both alike.
        if number % 2:
            got.other_size_s.append((await client.open((100 + number, 30)))[1])
        else:
            got.paced_s.append((await client.open())[1])
        await asyncio.sleep(PACE_S)
    got.arrival_cpu_s = (server.cpu_s() - before_s) / (2 * count)
    await asyncio.sleep(1)
    opened = await asyncio.gather(*(client.open() for _number in range(20)))
    got.burst_s.extend(took_s for _seat, took_s in opened)
    await asyncio.sleep(1)


async def _alone(seat: Seat, server: Server, got: Figures, count: int) -> None:
    await seat.press(b"a")
    before_s = server.cpu_s()
    for number in range(count):
        await asyncio.sleep(0.5)
        got.alone_s.append(await seat.press(KEYS[number % 26 : number % 26 + 1]))
    await asyncio.sleep(0.2)
    got.alone_cpu_s = (server.cpu_s() - before_s) / count


async def _crowd(client: Client, server: Server, got: Figures, count: int) -> list[Seat]:
    got.terminals = count
    seats = await client.open_many(count // 4)
    await asyncio.sleep(2)
    rss, begin_s = server.rss_bytes(), time.perf_counter()
    seats += await client.open_many(count - len(seats))
    got.opened_per_s = (count - count // 4) / (time.perf_counter() - begin_s)
    await asyncio.sleep(3)
    got.bytes_each = (server.rss_bytes() - rss) / (count - count // 4)

    before_s, own_s = server.cpu_s(), time.process_time()
    times = await asyncio.gather(*(_type(seat, 6) for seat in seats))
    await asyncio.sleep(0.3)
    keys = sum(map(len, times))
    got.crowd_cpu_s = (server.cpu_s() - before_s) / keys
    got.client_cpu_s = (time.process_time() - own_s) / keys
    got.crowd_s.extend(took_s for each in times for took_s in each)

    await asyncio.sleep(2)
    before_s, begin_s = server.cpu_s(), time.perf_counter()
    await asyncio.sleep(10)
    got.idle_share = (server.cpu_s() - before_s) / (time.perf_counter() - begin_s)
    return seats


async def _type(seat: Seat, count: int) -> list[float]:
    """Type one key every two seconds, beginning at any moment of the first two."""
    at_s = time.perf_counter() + random.uniform(0, 2)
    times = []
    for number in range(count):
        await asyncio.sleep(max(0.0, at_s - time.perf_counter()))
        times.append(await seat.press(KEYS[number : number + 1]))
        at_s += 2
    return times


async def _hold(
    client: Client, server: Server, got: Figures, count: int, others: list[Seat]
) -> None:
    """Open as many as are wanted, and see that each still answers."""
    begin_s, missing = time.perf_counter(), count - len(others)
    seats = await client.open_many(missing)
    got.held_per_s = missing / (time.perf_counter() - begin_s)
    got.held_wanted, got.held_bytes = count, server.rss_bytes()
    answers = 0
    for start in range(0, len(seats), 50):
        some = seats[start : start + 50]
        done = await asyncio.gather(*(seat.press(b"x") for seat in some), return_exceptions=True)
        answers += sum(isinstance(one, float) for one in done)
    got.held = answers + sum(seat.is_open for seat in others)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("pid", type=int)
    parser.add_argument("--terminals", type=int, default=200)
    parser.add_argument("--held", type=int, default=1000)
    asked = parser.parse_args()
    gc.disable()
    got = uvloop.run(
        measure(asked.port, Server(asked.pid), terminals=asked.terminals, held=asked.held)
    )
    print(json.dumps(summary(got)))


if __name__ == "__main__":
    main()
