"""A child process on a pseudo-terminal of its own, and what it costs: start, keys, idling, memory.

The other benchmarks are built on this one. A `Terminal` is a context manager round one child; the
`measure_*` functions take the usual measurements and answer frozen dataclasses whose fields carry
their units in their names.

    with Terminal([sys.executable, "-m", "benchmarks.empty_app"]) as terminal:
        terminal.wait_for_screenful()
        print(measure_keys(terminal, "hello"))

Every wait is bounded (`TimeoutError` tells what was on the screen), and only the child that was
started here is ever signalled. Linux only: the child's CPU and memory are read from its CPU clock
and from `/proc`.

    python -m benchmarks.terminal --marker Username --type demo -- tui-admin demo
"""

from __future__ import annotations

import argparse
import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

TIMEOUT_S = 20.0
"""How long any single wait may take unless the caller says otherwise."""

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves, modes
    r"|\x1b[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC, DCS, PM, APC, SOS
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
    r"|[\x00-\x08\x0b-\x1f\x7f]"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]P^_X][^\x07\x1b]*\x1b?|[ -/]*)?\Z")

_SYNC_QUERY = b"\x1b[?2026$p"
_SYNC_REPLY = b"\x1b[?2026;2$y"
"""Most terminals of today can hold a frame back until it is whole and say so; so does this one."""


@dataclass(frozen=True)
class Start:
    """One start of a program, from just before its process is made."""

    first_byte_s: float
    """Until the first byte came, which is usually still a mode switch."""
    first_frame_s: float
    """Until the marker, or a screenful of cells, was drawn."""
    cpu_s: float
    """CPU of all threads of the child until that frame."""
    rss_bytes: int
    """Resident memory at that frame."""


@dataclass(frozen=True)
class Starts:
    """Several starts of one program, in the order they were made."""

    runs: tuple[Start, ...]

    @property
    def median(self) -> Start:
        """The median of each figure."""
        return self._each(statistics.median)

    @property
    def best(self) -> Start:
        """The least of each figure: what the program takes when nothing else wants the machine."""
        return self._each(min)

    def ratio_to(self, other: Starts) -> float:
        """How many times as long as the other's the first frame takes.

        Both must come from one `measure_starts`: the answer is the median of the ratios within each
        round, which hardly changes when the machine was busy during some of the rounds.
        """
        return statistics.median(
            mine.first_frame_s / its.first_frame_s
            for mine, its in zip(self.runs, other.runs, strict=True)
        )

    def _each(self, choose: Callable[[Iterable[float]], float]) -> Start:
        return Start(
            first_byte_s=choose([one.first_byte_s for one in self.runs]),
            first_frame_s=choose([one.first_frame_s for one in self.runs]),
            cpu_s=choose([one.cpu_s for one in self.runs]),
            rss_bytes=int(choose([one.rss_bytes for one in self.runs])),
        )


@dataclass(frozen=True)
class Keys:
    """Keys sent one at a time, each after the frame of the one before it."""

    count: int
    median_s: float
    """Key to the first byte drawn for it."""
    p95_s: float
    worst_s: float
    cpu_per_key_s: float
    """CPU of all threads of the child, idling between the keys taken off."""


@dataclass(frozen=True)
class Idle:
    """A stretch of time in which nothing was sent."""

    duration_s: float
    cpu_s: float
    output_bytes: int
    """What was drawn meanwhile; anything but 0 means that something blinks or ticks."""

    @property
    def cpu_share(self) -> float:
        """The part of one core that was used, 0 to 1 and more."""
        return self.cpu_s / self.duration_s


@dataclass(frozen=True)
class Program:
    """What to start for `measure_starts`, and how its first frame is recognised."""

    command: Sequence[str]
    marker: str | None = None
    """Text of the first frame; None takes a screenful of cells, whatever they show."""
    env: Mapping[str, str] | None = None


class Terminal:
    """A child on a pseudo-terminal that it controls; leaving the context ends it.

    Args:
        command: The program and its arguments, found through PATH.
        columns: Width of the terminal.
        rows: Height of the terminal.
        env: Variables put on top of this process's own. TERM and COLORTERM are those of a
            256-colour xterm with true colour unless given.
        cwd: Working directory of the child.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.command = list(command)
        self.columns = columns
        self.rows = rows
        self.output = bytearray()
        """Every byte that the child has written so far."""
        self.first_byte_s: float | None = None
        """When its first byte came, in seconds after the start."""
        self.ended = False
        """Whether the child has closed its side, which it does when it ends."""
        self._text = ""
        self._unfinished = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._env = {
            **os.environ,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            **(env or {}),
        }
        # These would override the size of the pseudo-terminal.
        self._env.pop("COLUMNS", None)
        self._env.pop("LINES", None)
        # An installed program starts from byte code. With this set, as images for containers have
        # it, the console would be compiled at each start, and Textual, which pip compiled, not.
        self._env.pop("PYTHONDONTWRITEBYTECODE", None)
        self._cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None
        self._fd = -1
        self.started_at_s = 0.0
        """`time.perf_counter()` just before the process was made."""

    def __enter__(self) -> Self:
        """Start the child."""
        self._fd, child_fd = pty.openpty()
        os.set_blocking(self._fd, False)
        self.resize(self.columns, self.rows)

        def take_terminal() -> None:
            # Without a controlling terminal the child would never hear of a new size.
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.started_at_s = time.perf_counter()
        try:
            self._process = subprocess.Popen(
                self.command,
                stdin=child_fd,
                stdout=child_fd,
                stderr=child_fd,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
                preexec_fn=take_terminal,  # noqa: PLW1509 (there are no threads here)
            )
        except BaseException:
            os.close(self._fd)
            raise
        finally:
            os.close(child_fd)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._process is not None, "the terminal has not been entered"
        return self._process.pid

    @property
    def text(self) -> str:
        """All that was drawn so far, in the order it was drawn, without the escape sequences."""
        return self._text

    def close(self, grace_s: float = 2.0) -> int | None:
        """Hang up, as a closed window would; kill the child if it stays. Answers its exit code."""
        process = self._process
        if process is None or self._fd < 0:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGHUP)
            deadline = time.perf_counter() + grace_s
            while process.poll() is None and time.perf_counter() < deadline:
                # A child that cannot get rid of its output would not end.
                if not self.read(0.02):
                    time.sleep(0.005)
        if process.poll() is None:
            process.kill()
        code = process.wait()
        os.close(self._fd)
        self._fd = -1
        return code

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal; the child is signalled by the kernel."""
        self.columns, self.rows = columns, rows
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def send(self, keys: str | bytes) -> None:
        """Type something: text, or the bytes that a terminal sends for a key."""
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            _, writable, _ = select.select([], [self._fd], [], TIMEOUT_S)
            if not writable:
                raise TimeoutError("the child does not read its input")
            data = data[os.write(self._fd, data) :]

    def read(self, timeout_s: float) -> bool:
        """Take what the child has written, waiting for it if need be; False if nothing came."""
        if self.ended or not select.select([self._fd], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # EIO is how a pseudo-terminal says that nobody has it open any more
            data = b""
        if not data:
            self.ended = True
            return False
        if self.first_byte_s is None:
            self.first_byte_s = time.perf_counter() - self.started_at_s
        if _SYNC_QUERY in data:
            self.send(_SYNC_REPLY)
        self.output += data
        # A sequence that was cut in two waits for its second half.
        fresh = self._unfinished + self._decode(data)
        cut = _UNFINISHED.search(fresh)
        end = cut.start() if cut else len(fresh)
        self._text += _ESCAPES.sub("", fresh[:end])
        self._unfinished = fresh[end:]
        return True

    def wait_for(
        self, marker: str | re.Pattern[str], *, timeout_s: float = TIMEOUT_S, start: int = 0
    ) -> float:
        """Read until the marker has been drawn; answers the seconds since the start of the child.

        Args:
            marker: Text or pattern, looked for in `text`. A frame may draw only the cells that
                changed, so choose words that appear whole.
            timeout_s: How long to wait from now.
            start: Where in `text` to begin; `len(terminal.text)` leaves out earlier frames.

        Raises:
            TimeoutError: The marker did not come in time, or the child ended first.
        """
        pattern = re.compile(re.escape(marker)) if isinstance(marker, str) else marker
        return self._read_until(
            lambda: pattern.search(self._text, start) is not None, repr(pattern.pattern), timeout_s
        )

    def wait_for_screenful(self, *, timeout_s: float = TIMEOUT_S) -> float:
        """Read until as many cells were drawn as the terminal has; seconds since the start."""
        cells = self.columns * self.rows
        return self._read_until(
            lambda: len(self._text) - self._text.count("\n") >= cells, "a screenful", timeout_s
        )

    def settle(self, quiet_s: float = 0.1, *, timeout_s: float = TIMEOUT_S) -> int:
        """Read until nothing has come for `quiet_s`; answers how many bytes came.

        Raises:
            TimeoutError: It is still drawing after `timeout_s`.
        """
        before = len(self.output)
        deadline = time.perf_counter() + timeout_s
        while self.read(quiet_s):
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{self.command} does not come to rest")
        return len(self.output) - before

    def wait_for_rest(self, cpu_share: float = 0.03, *, timeout_s: float = TIMEOUT_S) -> None:
        """Read until the child neither draws nor works, which may be long after its first frame.

        Raises:
            TimeoutError: It is still busy after `timeout_s`.
        """
        deadline = time.perf_counter() + timeout_s
        while True:
            idle = measure_idle(self, 0.4)
            if idle.cpu_share < cpu_share and not idle.output_bytes:
                return
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{self.command} does not come to rest: {idle}")

    def wait_for_output(self, *, timeout_s: float = TIMEOUT_S) -> float:
        """Read until anything comes; answers the seconds since the call.

        Raises:
            TimeoutError: Nothing came.
        """
        begin = time.perf_counter()
        if not self.read(timeout_s):
            raise TimeoutError(f"{self.command} did not draw anything")
        return time.perf_counter() - begin

    def cpu_s(self) -> float:
        """CPU that the child has used so far, all threads, user and system, to the nanosecond.

        Grandchildren are not counted.
        """
        # The kernel's name for another process's CPU clock, as clock_getcpuclockid(3) builds it.
        # /proc/PID/stat has the same figure, in ticks of 10 ms only.
        return time.clock_gettime((~self.pid << 3) | 2)

    def rss_bytes(self) -> int:
        """Resident memory of the child now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _read_until(self, reached: Callable[[], bool], what: str, timeout_s: float) -> float:
        deadline = time.perf_counter() + timeout_s
        while not reached():
            left = deadline - time.perf_counter()
            if left <= 0 or not self.read(left):
                raise TimeoutError(
                    f"{what} did not come from {self.command} in {timeout_s} s"
                    f" (exit code {self._process and self._process.poll()});"
                    f" the last it drew: {self._text[-2000:]!r}"
                )
        return time.perf_counter() - self.started_at_s


def measure_start(program: Program, *, columns: int = 80, rows: int = 24) -> Start:
    """Start a program once, measure its first frame, and end it."""
    with Terminal(program.command, columns=columns, rows=rows, env=program.env) as terminal:
        if program.marker is None:
            first_frame_s = terminal.wait_for_screenful()
        else:
            first_frame_s = terminal.wait_for(program.marker)
        cpu_s, rss_bytes = terminal.cpu_s(), terminal.rss_bytes()
        terminal.settle()  # so that it is ended at rest, and not amid its own start
        return Start(terminal.first_byte_s or first_frame_s, first_frame_s, cpu_s, rss_bytes)


def measure_starts(
    programs: Mapping[str, Program], *, runs: int = 7, columns: int = 80, rows: int = 24
) -> dict[str, Starts]:
    """Start several programs by turns, each of them `runs` times; see `Starts.ratio_to`.

    Each is started once more at first, unmeasured, to fill the disk cache and write byte code.
    """
    measured: dict[str, list[Start]] = {name: [] for name in programs}
    for run in range(-1, runs):
        for name, program in programs.items():
            start = measure_start(program, columns=columns, rows=rows)
            if run >= 0:
                measured[name].append(start)
    return {name: Starts(tuple(starts)) for name, starts in measured.items()}


def measure_keys(terminal: Terminal, keys: Iterable[str | bytes], *, pause_s: float = 0.05) -> Keys:
    """Send keys one at a time and measure each.

    Args:
        terminal: A child that shows its form; it is left alone until it rests.
        keys: One element a key. Each must make the child draw something.
        pause_s: Quiet time to wait for after each key, so that each gets a frame of its own.
    """
    terminal.wait_for_rest()
    idle = measure_idle(terminal, 0.5)
    begin, cpu_before = time.perf_counter(), terminal.cpu_s()
    waits: list[float] = []
    for key in keys:
        terminal.send(key)
        waits.append(terminal.wait_for_output())
        terminal.settle(pause_s)
    duration_s = time.perf_counter() - begin
    cpu_s = terminal.cpu_s() - cpu_before - idle.cpu_share * duration_s
    waits.sort()
    return Keys(
        count=len(waits),
        median_s=statistics.median(waits),
        p95_s=waits[min(len(waits) - 1, int(len(waits) * 0.95))],
        worst_s=waits[-1],
        cpu_per_key_s=cpu_s / len(waits),
    )


def measure_idle(terminal: Terminal, duration_s: float = 5.0) -> Idle:
    """Leave the child alone for a while and measure what it does all the same.

    Raises:
        ChildProcessError: It ended meanwhile.
    """
    begin, cpu_before, drawn = time.perf_counter(), terminal.cpu_s(), len(terminal.output)
    while (left := begin + duration_s - time.perf_counter()) > 0:
        if not terminal.read(left) and terminal.ended:
            raise ChildProcessError(f"{terminal.command} ended: {terminal.text[-2000:]!r}")
    return Idle(
        duration_s=time.perf_counter() - begin,
        cpu_s=terminal.cpu_s() - cpu_before,
        output_bytes=len(terminal.output) - drawn,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure one command and print the figures as JSON."""
    parser = argparse.ArgumentParser(description="Measure a program on a pseudo-terminal.")
    parser.add_argument("--marker", help="text of the first frame (default: a screenful)")
    parser.add_argument("--columns", type=int, default=80)
    parser.add_argument("--rows", type=int, default=24)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--type", default="", metavar="TEXT", help="keys to measure")
    parser.add_argument("--idle", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    size = {"columns": options.columns, "rows": options.rows}
    program = Program(options.command, options.marker)
    figures: dict[str, object] = {
        "start": asdict(measure_starts({"it": program}, runs=options.runs, **size)["it"].median)
    }
    with Terminal(program.command, **size) as terminal:
        if program.marker is None:
            terminal.wait_for_screenful()
        else:
            terminal.wait_for(program.marker)
        terminal.settle()
        if options.type:
            figures["keys"] = asdict(measure_keys(terminal, options.type))
        if options.idle:
            figures["idle"] = asdict(measure_idle(terminal, options.idle))
    print(json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
