"""What the command does before it is any one command: the fast path, exit codes, usage."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Call, Shell

HEAVY = ("typer", "pydantic", "pydantic_settings", "sqlalchemy", "sqlmodel", "alembic")

# Stands in for the console, which is not what is measured here.
STUB = """
import sys, types
console = types.ModuleType("tui_admin.cli.console")
def run_console(): print("console"); return 0
def run_demo(*, kiosk): print("demo", kiosk); return 0
console.run_console, console.run_demo = run_console, run_demo
sys.modules["tui_admin.cli.console"] = console
from tui_admin.cli import run
"""


def test_console_and_demo_start_without_the_parser_and_without_storage(bare: Shell) -> None:
    """With no argument, and with `demo`, nothing heavy is imported before the console is."""
    script = (
        STUB
        + f"""
assert run([]) == run(["demo"]) == run(["demo", "--kiosk"]) == 0
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    )
    ended = bare.python("-c", script)
    assert ended.text.splitlines() == ["console", "demo False", "demo True", "[]"]


def test_demo_takes_no_other_option(bare: Shell) -> None:
    """`demo --help` explains itself, and `demo --quiet` is wrong usage; neither opens a console."""
    ended = bare.python("-c", STUB + "print(run(['demo', '--help']), run(['demo', '--quiet']))")
    assert "--kiosk" in ended.text
    assert "0 2" in ended.text
    assert "--quiet" in ended.sentence
    assert "demo False" not in ended.text


ENDINGS = """
from tui_admin.errors import StartError
def run_console(): raise {error}
console.run_console = run_console
sys.exit(run([]))
"""


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        ("StartError('No \\x1b]0;way\\x07.')", 1, "No \ufffd]0;way\ufffd."),
        ("KeyboardInterrupt", 130, ""),
        ("ZeroDivisionError('secret')", 1, "Something unexpected went wrong (ZeroDivisionError)."),
    ],
)
def test_every_ending_has_its_code_and_no_traceback(
    bare: Shell, error: str, code: int, sentence: str
) -> None:
    """A refusal is a safe sentence and 1, Ctrl+C silent and 130, a defect a sentence and 1."""
    ended = bare.python("-c", STUB + ENDINGS.format(error=error))
    assert ended.code == code
    assert ended.sentence.startswith(sentence)
    assert (ended.sentence == "") == (sentence == "")
    assert b"Traceback" not in ended.err and b"secret" not in ended.err


def test_a_traceback_is_shown_when_asked_for(bare: Shell) -> None:
    """TUI_ADMIN_DEBUG=1 shows where a defect is."""
    script = STUB + ENDINGS.format(error="ZeroDivisionError")
    assert b"Traceback" in bare.python("-c", script, environ={"TUI_ADMIN_DEBUG": "1"}).err


def test_help_and_version_need_no_installation(bare: Shell) -> None:
    """`--help` lists every group and `--version` is one line, with nothing set up."""
    ended = bare.run("--help")
    assert ended.code == 0
    for command in ("account", "keys", "db", "audit", "doctor", "demo"):
        assert f"\n  {command} " in ended.text
    assert bare.run("--version").text.startswith("tui-admin ")
    assert not bare.data_dir.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate\x1b]0;x\x07",),
        ("account",),
        ("account", "create", "--password", "hunter2"),
        ("account", "create", "--username", "a1", "--email", "a@example.com"),
        ("account", "verify", "alice"),
        ("account", "show", "x\udcff"),
    ],
)
def test_wrong_usage_is_2(bare: Shell, call: Call, arguments: tuple[str, ...]) -> None:
    """Wrong usage ends with 2 and a sentence, whatever bytes it is made of (T1)."""
    ended = call(bare, *arguments)
    assert ended.code == 2
    assert ended.err.strip() and b"\x1b" not in ended.err and b"Traceback" not in ended.err
    assert ended.out == b""


def test_a_reader_that_has_gone_is_no_noise(shell: Shell) -> None:
    """`tui-admin account list | true` says nothing about pipes."""
    script = """
import os, subprocess, sys
read, write = os.pipe()
os.close(read)
command = [sys.executable, "-m", "tui_admin", "account", "list"]
done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE)
print(done.returncode, done.stderr)
"""
    assert shell.python("-c", script).text == "1 b''\n"
