"""Runs a program on a real pseudo-terminal and keeps the screen that a person would see.

    with PtyApp([sys.executable, "-m", "tui_admin"], env={"TERM": "xterm-256color"}) as app:
        app.wait_for("Log in")
        app.send("customer@example.com\\t")
        app.resize(100, 30)
        assert read_screen(app.screen) == uri

The terminal answers no query (as many real ones do not), obeys what Textual, OpenSSH and shells
send, has an alternate screen, and drops what pyte would print or trip over.
"""

from __future__ import annotations

import codecs
import copy
import os
import re
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import pexpect
import pyte

ROOT = Path(__file__).resolve().parents[2]
"""The top of the source tree, where programs start unless told otherwise."""

DEFAULT_TIMEOUT_S = 60.0
"""How long to wait for something to appear; generous, since test machines are busy."""

Found = TypeVar("Found")

INHERITED = ("PATH", "HOME", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "COVERAGE_PROCESS_START")
"""All that a program gets from the environment of the tests."""

BASE_ENV = {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}

KEYS = {
    "enter": "\r",
    "tab": "\t",
    "shift+tab": "\x1b[Z",
    "escape": "\x1b",
    "backspace": "\x7f",
    "delete": "\x1b[3~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    "f5": "\x1b[15~",
    "f6": "\x1b[17~",
    "f7": "\x1b[18~",
    "f8": "\x1b[19~",
    "f9": "\x1b[20~",
    "f10": "\x1b[21~",
    **{f"ctrl+{chr(code + 96)}": chr(code) for code in range(1, 27)},
}
"""What an xterm sends for a key; for `press`."""

_TOKEN = re.compile(
    "(?P<csi>\x1b\\[(?P<args>[\x30-\x3f]*)(?P<between>[\x20-\x2f]*)(?P<final>[\x40-\x7e]))"
    "|(?P<string>\x1b[\\]PX^_].*?(?:\x07|\x1b\\\\))"
    "|(?P<escape>\x1b[\x20-\x2f]*[\x30-\x4f\x51-\x57\x59\x5a\\\\`-~])"
    "|(?P<text>[^\x1b]+)",
    re.DOTALL,
)
"""One control sequence (CSI, string or plain escape; ECMA-48, section 5) or a run of text."""

_BEGUN = re.compile("\x1b(\\[[\x30-\x3f]*[\x20-\x2f]*|[\\]PX^_].*|[\x20-\x2f]*)", re.DOTALL)
"""A sequence whose end has not come yet."""

_ARGS_OK = re.compile(r"\??[\d;]*")
_PRIVATE_FINALS = frozenset("hlJK")
"""Finals with `?` that pyte's handlers accept; the others raise TypeError there."""

_ALTERNATE = frozenset({"?47", "?1047", "?1049"})
_LONGEST_UNFINISHED = 65_536
"""Characters of a sequence to wait for its end; a longer one is thrown away."""


class Terminal:
    """A main and an alternate screen, fed with the bytes that a program writes."""

    def __init__(self, columns: int, rows: int) -> None:
        self._screens = [pyte.Screen(columns, rows), pyte.Screen(columns, rows)]
        self._streams = [pyte.Stream(screen) for screen in self._screens]
        self._active = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._unfinished = ""

    @property
    def screen(self) -> pyte.Screen:
        """The screen that is shown."""
        return self._screens[self._active]

    def feed(self, data: bytes) -> None:
        """Obey `data`, which may begin and end in the middle of a sequence or character."""
        text = self._unfinished + self._decoder.decode(data)
        position = 0
        while position < len(text):
            if match := _TOKEN.match(text, position):
                position = match.end()
                self._obey(match)
            elif _BEGUN.fullmatch(text, position):
                break
            else:
                # Nothing that ECMA-48 knows: without its ESC it is text, as in a real terminal.
                position += 1
        self._unfinished = text[position:]
        if len(self._unfinished) > _LONGEST_UNFINISHED:
            self._unfinished = ""

    def _obey(self, match: re.Match[str]) -> None:
        if match["csi"] is None:
            # Strings (titles, clipboard, palette) show nothing. Escapes that pyte does not know
            # reach its `debug`, which does nothing; with intermediates it would print their ends.
            if match["text"] is not None or (match["escape"] and len(match["escape"]) == 2):
                self._streams[self._active].feed(match[0])
            return
        args, final = match["args"], match["final"]
        if final in "hl" and args in _ALTERNATE:
            self._switch(final == "h")
        elif (
            not match["between"]
            and _ARGS_OK.fullmatch(args)
            and (not args.startswith("?") or final in _PRIVATE_FINALS)
        ):
            self._streams[self._active].feed(match["csi"])

    def _switch(self, to_alternate: bool) -> None:
        if to_alternate and not self._active:
            self._screens[1].reset()
        self._active = int(to_alternate)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of both screens."""
        for screen in self._screens:
            screen.resize(lines=rows, columns=columns)


class PtyApp:
    """A program on a pseudo-terminal of its own; a thread reads what it writes.

    `env` is laid over a small, fixed environment, so that the terminal that runs the tests does not
    matter; None as a value takes a variable away. Ends its own child only.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str | None] | None = None,
        cwd: Path | str = ROOT,
    ) -> None:
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= BASE_ENV
        for name, value in (env or {}).items():
            if value is None:
                environment.pop(name, None)
            else:
                environment[name] = value
        self._terminal = Terminal(columns, rows)
        self._raw = bytearray()
        self._changed = threading.Condition()
        self._ended = False
        self._error: Exception | None = None
        with warnings.catch_warnings():
            # The child calls exec at once, so that forking beside the reader threads is safe.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._child: pexpect.spawn[Any] = pexpect.spawn(
                command[0],
                list(command[1:]),
                env=environment,
                cwd=str(cwd),
                dimensions=(rows, columns),
                timeout=None,
            )
        # pexpect waits before writing and while closing, for programs that read passwords.
        self._child.delaybeforesend = None
        self._wake_reader, self._wake_writer = os.pipe()
        self._reader = threading.Thread(target=self._read, name="pty-reader", daemon=True)
        self._reader.start()

    def __enter__(self) -> PtyApp:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # What is shown

    @property
    def screen(self) -> pyte.Screen:
        """A copy of the screen as it is now, which stays as it is."""
        with self._changed:
            return copy.deepcopy(self._terminal.screen)

    @property
    def raw(self) -> bytes:
        """All bytes the program has written so far."""
        with self._changed:
            return bytes(self._raw)

    def lines(self) -> list[str]:
        """The rows of the screen, without the spaces at their ends."""
        with self._changed:
            return [line.rstrip() for line in self._terminal.screen.display]

    def text(self) -> str:
        """The rows of the screen, joined by line breaks."""
        return "\n".join(self.lines())

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row of the cursor, from 0."""
        with self._changed:
            return self._terminal.screen.cursor.x, self._terminal.screen.cursor.y

    # Waiting

    def wait_for(self, text: str | re.Pattern[str], timeout_s: float = DEFAULT_TIMEOUT_S) -> str:
        """Wait until `text` (or a match of a pattern) is on the screen; return the screen.

        Raises:
            AssertionError: it did not come, or the program ended first; tells what is shown.
        """
        if isinstance(text, str):
            self.wait_until(lambda app: text in app.text(), timeout_s, f"{text!r} to appear")
        else:
            self.wait_until(
                lambda app: text.search(app.text()) is not None,
                timeout_s,
                f"a match of {text.pattern!r}",
            )
        return self.text()

    def wait_gone(self, text: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> str:
        """Wait until `text` is no longer on the screen; return the screen."""
        self.wait_until(lambda app: text not in app.text(), timeout_s, f"{text!r} to go")
        return self.text()

    def wait_until(
        self,
        happened: Callable[[PtyApp], Found],
        timeout_s: float = DEFAULT_TIMEOUT_S,
        what: str = "the condition",
    ) -> Found:
        """Wait until `happened(app)` is true or not empty, and return it; asked again after each
        output.

        Raises:
            AssertionError: it did not become true, or the program ended first.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            with self._changed:
                seen, ended = len(self._raw), self._ended
            if found := happened(self):
                return found
            if self._error is not None:
                raise AssertionError(f"the reader failed: {self._error!r}") from self._error
            if ended:
                raise AssertionError(f"ended while waiting for {what}; it shows:\n{self.text()}")
            with self._changed:
                left = deadline - time.monotonic()
                if left > 0 and len(self._raw) == seen and not self._ended:
                    self._changed.wait(left)
            if deadline <= time.monotonic():
                if found := happened(self):
                    return found
                raise AssertionError(f"waited {timeout_s:g} s for {what}; it shows:\n{self.text()}")

    def settle(self, quiet_s: float = 0.3, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        """Wait until nothing has been written for `quiet_s`; for pictures of a finished frame."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not self._ended and time.monotonic() < deadline:
                before = len(self._raw)
                self._changed.wait(quiet_s)
                if len(self._raw) == before:
                    return

    def wait_ended(self, timeout_s: float = DEFAULT_TIMEOUT_S) -> int:
        """Wait until the program has ended by itself; return its exit code (-N for signal N)."""
        deadline = time.monotonic() + timeout_s
        while self._child.isalive():
            if time.monotonic() >= deadline:
                raise AssertionError(f"still running after {timeout_s:g} s:\n{self.text()}")
            time.sleep(0.02)
        self._reader.join(10)
        if self._child.exitstatus is not None:
            return int(self._child.exitstatus)
        return -int(self._child.signalstatus or 0)

    # Doing

    def send(self, keys: str | bytes) -> None:
        """Type `keys` as they are; `press` knows the names of keys."""
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            data = data[os.write(self._child.child_fd, data) :]

    def press(self, *names: str) -> None:
        """Press keys by name (`KEYS`), or type what is no name."""
        self.send("".join(KEYS.get(name, name) for name in names))

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the program is told by SIGWINCH."""
        with self._changed:
            self._terminal.resize(columns, rows)
        self._child.setwinsize(rows, columns)

    def hang_up(self) -> None:
        """Close the window on the program, as a terminal does that ends itself."""
        os.write(self._wake_writer, b"x")
        self._reader.join(10)
        self._child.ptyproc.fileobj.close()

    def close(self) -> None:
        """End the program if it still runs, and take back what the terminal held."""
        if self._child.closed:
            return
        try:
            for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
                if not self._child.isalive():
                    break
                self._child.kill(number)
                deadline = time.monotonic() + (1.0 if number != signal.SIGKILL else 5.0)
                while self._child.isalive() and time.monotonic() < deadline:
                    time.sleep(0.01)
        finally:
            os.write(self._wake_writer, b"x")
            self._reader.join(5)
            os.close(self._wake_reader)
            os.close(self._wake_writer)
            self._child.delayafterclose = 0
            self._child.close(force=False)

    def _read(self) -> None:
        terminal = self._child.child_fd
        try:
            while True:
                ready, _, _ = select.select([terminal, self._wake_reader], [], [])
                if self._wake_reader in ready:
                    break
                try:
                    data = os.read(terminal, 65_536)
                except OSError:
                    # Linux reports the end of the last program on the terminal as an error.
                    break
                if not data:
                    break
                with self._changed:
                    self._raw += data
                    self._terminal.feed(data)
                    self._changed.notify_all()
        except Exception as error:  # noqa: BLE001 - whatever it is, the waiting test raises it
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def python_app(*arguments: str, **options: Any) -> PtyApp:
    """A `PtyApp` that runs this Python with `arguments`."""
    return PtyApp([sys.executable, *arguments], **options)
