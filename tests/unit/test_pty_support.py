"""The terminal that the other tests look at is one that a person could look at."""

from __future__ import annotations

import re
import sys

import pytest

from tests.support.pty_app import PtyApp, Terminal, python_app

ECHO = """
import os, sys, signal, tty, fcntl, struct, termios
tty.setraw(0)
def size(*_):
    rows, columns = struct.unpack('HH', fcntl.ioctl(0, termios.TIOCGWINSZ, b'    '))
    os.write(1, f'\\r\\nsize {columns}x{rows}'.encode())
signal.signal(signal.SIGWINCH, size)
size()
os.write(1, b'\\r\\n' + repr(sorted(os.environ)).encode() + b'\\r\\nready')
while (data := os.read(0, 100)) != b'q':
    os.write(1, b'\\r\\ngot ' + data.hex().encode())
sys.exit(3)
"""


def screen_of(*parts: bytes) -> list[str]:
    """The lines that a terminal shows after these writes."""
    terminal = Terminal(30, 4)
    for part in parts:
        terminal.feed(part)
    return [line.rstrip() for line in terminal.screen.display]


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[>1u", b"\x1b[<u", b"\x1b[=1;2u", b"\x1b[?u", b"\x1b[?2026$p", b"\x1b[?2048$p",
        b"\x1b[?2026h", b"\x1b[?25l", b"\x1b[?1006h", b"\x1b[>4;2m", b"\x1b[?4m", b"\x1b[2 q",
        b"\x1b[c", b"\x1b[>c", b"\x1b[6n", b"\x1b[?6n", b"\x1b[14t", b"\x1b[!p", b"\x1b[4:3m",
        b"\x1b]0;title\x07", b"\x1b]52;c;SGVsbG8=\x07", b"\x1b]11;?\x1b\\", b"\x1b]8;;x\x1b\\",
        b"\x1bP+q544e\x1b\\", b"\x1b_Ga=q;AAAA\x1b\\", b"\x1b^private\x1b\\", b"\x1b=", b"\x1b>",
        b"\x1b(B", b"\x1b%G", b"\x1b7\x1b8", b"\x1b[?1;2c",
    ],
)  # fmt: skip
def test_sequences_show_nothing(sequence: bytes) -> None:
    """What asks or sets something leaves no trace, whole or in pieces of one byte."""
    whole = b"ab" + sequence + b"cd"
    assert screen_of(whole)[0] == "abcd"
    assert screen_of(*(bytes([byte]) for byte in whole))[0] == "abcd"


def test_characters_may_be_cut_in_two() -> None:
    """A read may end inside a character."""
    assert screen_of(b"\xe2\x96", b"\x80x")[0] == "▀x"


def test_broken_sequences_stop_nothing() -> None:
    """An ESC that begins nothing is dropped, and what follows is shown."""
    assert screen_of(b"ab\x1b\x1b[1mcd")[0] == "abcd"
    assert screen_of(b"ab\x1b\r\ncd")[:2] == ["ab", "cd"]
    assert screen_of(b"ab\x1b[1\r\ncd")[1] == "cd"


def test_the_alternate_screen_goes_and_leaves_what_was_there() -> None:
    """As in a real terminal, the shell's lines come back."""
    terminal = Terminal(20, 3)
    terminal.feed(b"before\x1b[?1049h\x1b[Hinside")
    assert terminal.screen.display[0].strip() == "inside"
    terminal.feed(b"\x1b[?1049l after")
    assert terminal.screen.display[0].strip() == "before after"


def test_a_sequence_that_never_ends_is_given_up() -> None:
    """A broken program does not hang its terminal."""
    terminal = Terminal(20, 3)
    terminal.feed(b"\x1b]52;" + b"A" * 70_000)
    terminal.feed(b"seen")
    assert terminal.screen.display[0].startswith("seen")


def test_a_program_is_typed_to_resized_and_ends() -> None:
    """Keys arrive as an xterm sends them, sizes by signal, the exit code comes back."""
    with PtyApp([sys.executable, "-c", ECHO], columns=70, rows=20, env={"EXTRA": "1"}) as app:
        text = app.wait_for("ready")
        assert "size 70x20" in text
        assert "'EXTRA'" in text
        assert "COLORTERM" not in text and "NO_COLOR" not in text
        app.press("f2")
        app.wait_for("got 1b4f51")
        app.press("a", "ctrl+c")
        app.wait_for("got 6103")
        app.resize(100, 30)
        app.wait_for(re.compile(r"size 100x30"))
        assert app.screen.columns == 100
        assert b"size 100x30" in app.raw
        app.send("q")
        assert app.wait_ended() == 3


def test_waiting_tells_what_was_shown() -> None:
    """A failing test shows the screen, and a program that ended is not waited for."""
    ended = pytest.raises(AssertionError, match=r"(?s)ended while.*hello")
    with python_app("-c", "print('hello')") as app, ended:
        app.wait_for("goodbye")
    waited = pytest.raises(AssertionError, match=r"(?s)waited 0.5 s.*hello")
    with python_app("-c", "import time; print('hello', flush=True); time.sleep(600)") as app:
        app.wait_for("hello")
        with waited:
            app.wait_for("goodbye", timeout_s=0.5)


def test_a_program_that_ignores_signals_is_ended() -> None:
    """Closing leaves no child behind, and closing twice is fine."""
    script = (
        "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)];"
        "print('ready', flush=True); time.sleep(600)"
    )
    app = python_app("-c", script)
    app.wait_for("ready")
    app.close()
    assert not app._child.isalive()
    app.close()
