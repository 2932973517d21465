"""The command without the demo: set up, used, and failing with a sentence."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from screens.app import THEME_PAUSE_S
from tests.journeys.conftest import CHEAP, Start
from tests.journeys.steps import (
    go_to,
    is_restored,
    oath,
    recovery_codes,
    shown_key,
    sign_in,
    uri,
    wait_flat,
    wait_scanned,
)
from tests.screens.test_hostile_text import HOSTILE
from tests.support.pty_app import ROOT, PtyApp
from tests.support.qr_reader import DARK, LIGHT

pytestmark = [pytest.mark.pty, pytest.mark.slow]

PASSWORD = "correct horse 7 staple"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An installation made by the commands: key file and one account."""
    folder = tmp_path / "data"
    command(folder, "keys", "generate")
    account = ("--username", "alice", "--email", "alice@example.com", "--phone", "+420603123456")
    command(folder, "account", "create", *account, "--verified", "--password-stdin", typed=PASSWORD)
    return folder


def command(folder: Path, *arguments: str, typed: str = "") -> None:
    """Run a command on the installation in `folder`."""
    environ = {**os.environ, **CHEAP, "TUI_ADMIN_DATA_DIR": str(folder), "HOME": str(folder.parent)}
    subprocess.run(
        [sys.executable, "-m", "tui_admin", *arguments],
        input=typed,
        text=True,
        env=environ,
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=60,
    )


def test_a_real_installation_from_nothing(start: Start, data_dir: Path) -> None:
    """Keys, account, console: OTP is set and the next start asks for the code. The theme stays."""
    env = {"TUI_ADMIN_DATA_DIR": str(data_dir)}
    app = start(env=env)
    sign_in(app, "alice", PASSWORD)
    wait_flat(app, "Your password alone opens this account.")
    app.press("f4")
    go_to(app, "Set OTP")
    key = shown_key(app)
    wait_scanned(app, uri(key, "alice"))
    app.send(PASSWORD + "\r" + oath(key))
    app.send(recovery_codes(app)[9] + "\r")
    wait_flat(app, "ACTIVE since")
    app.press("ctrl+q")
    app.wait_for("Log out and leave?")
    go_to(app, "Log out and leave")
    assert app.wait_ended() == 0
    is_restored(app)

    again = start(env={**env, "TUI_ADMIN_OTP__AHEAD_STEPS": "1"})
    sign_in(again, "alice", PASSWORD)
    again.wait_for("Enter the OTP password from your device")
    # S1: the step of the activation is spent, so the clock of this device runs one step ahead.
    again.send(oath(key, 30))
    wait_flat(again, "ACTIVE since")
    with sqlite3.connect(data_dir / "tui-admin.db") as db:
        assert db.execute("SELECT theme FROM account").fetchone() == ("calm-light",)
    db.close()


@pytest.mark.parametrize(
    ("presses", "env", "defaults"),
    [
        pytest.param(0, {}, DARK, id="dark"),
        pytest.param(1, {}, LIGHT, id="light"),
        pytest.param(2, {}, DARK, id="high-contrast"),
        pytest.param(0, {"NO_COLOR": "1"}, DARK, id="NO_COLOR"),
        pytest.param(0, {"TERM": "xterm-16color"}, DARK, id="16 colours"),
    ],
)
def test_the_qr_code_can_be_scanned(
    start: Start,
    data_dir: Path,
    presses: int,
    env: dict[str, str],
    defaults: tuple[tuple[int, int, int], tuple[int, int, int]],
) -> None:
    """At 80x24, from what the terminal was told, in each theme and without colours."""
    app = start(env={"TUI_ADMIN_DATA_DIR": str(data_dir), **env}, columns=80, rows=24)
    app.wait_for("Log in")
    for _press in range(presses):
        app.settle()
        drawn = len(app.raw)
        app.press("f4")
        app.wait_until(lambda app, drawn=drawn: len(app.raw) > drawn, what="the theme")  # type: ignore[misc]
        time.sleep(THEME_PAUSE_S)  # or it is a key that is held
    sign_in(app, "alice", PASSWORD)
    wait_flat(app, "Your password alone opens this account.")
    go_to(app, "Set OTP")
    key = shown_key(app)
    wait_scanned(app, uri(key, "alice"), defaults=defaults)


def test_hostile_rows_send_no_control_byte_to_the_terminal(start: Start, data_dir: Path) -> None:
    """T1, T2: what stands in the database reaches the terminal as signs, in the raw bytes too."""
    with sqlite3.connect(data_dir / "tui-admin.db") as db:
        db.execute("UPDATE account SET name = ?, company = ?, new_phone = ?", [HOSTILE] * 3)
        account = db.execute("SELECT id FROM account").fetchone()[0]
        db.execute(
            "INSERT INTO session (id, account_id, token_hash, address, terminal, started_at,"
            " seen_at, end_reason) VALUES (?, ?, 'x', ?, ?, datetime('now'), datetime('now'), '')",
            ["0" * 32, account, HOSTILE[:64], HOSTILE[:64]],
        )
    db.close()
    app = start(env={"TUI_ADMIN_DATA_DIR": str(data_dir)}, columns=120, rows=30)
    sign_in(app, "alice", PASSWORD)
    app.wait_for("52;c;aGVsbG8=")
    app.wait_for("[▸Set OTP◂]")  # the menu had the focus until the pane was there
    app.press("escape")
    app.wait_for(re.compile(r"▸ Account Security +◂"))
    app.press("up", "enter")
    app.wait_for("Time zone")
    app.settle()
    raw = app.raw.decode()
    assert "[/][bold]" in app.text()
    for sign in ("\x1b]52", "\x1b[2J\x1b]", "\u202e", "\u2028", "\u200b", "\x9b", "\x00"):
        assert sign not in raw.split("Active Sessions")[-1], repr(sign)
    assert "\x1b]52" not in raw and "\x9b31m" not in raw


def test_without_a_key_file_a_sentence_says_what_to_do(start: Start, tmp_path: Path) -> None:
    """Exit code 1, the sentence on the terminal that is restored, and no traceback."""
    app = start(env={"TUI_ADMIN_DATA_DIR": str(tmp_path / "nothing")})
    assert app.wait_ended() == 1
    assert "tui-admin keys generate" in app.text()
    assert "Traceback" not in app.text()
    is_restored(app)


def test_a_corrupt_database_is_told_of(start: Start, data_dir: Path) -> None:
    """Exit code 1 and a sentence."""
    (data_dir / "tui-admin.db").write_bytes(b"this is no database" * 1000)
    app = start(env={"TUI_ADMIN_DATA_DIR": str(data_dir)})
    assert app.wait_ended() == 1
    assert "Traceback" not in app.text() and len(app.text().strip()) > 20
    is_restored(app)


FAULTY = """
import sys
from screens.widgets.action_button import ActionButton

def broken(self):
    typed = "a secret in a local variable"
    raise RuntimeError(typed)

ActionButton.action_press = broken
from tui_admin.cli import main
sys.argv = ["tui-admin", "demo"]
main()
"""


def test_a_fault_in_a_widget_ends_with_a_sentence(start: Start, tmp_path: Path) -> None:
    """T12: no traceback, no value of a variable, exit code 1, and the terminal restored."""
    app: PtyApp = start(command=[sys.executable, "-c", FAULTY])
    app.wait_for("Log in")
    app.send("customer@example.com\tsunny-harbour-42")
    go_to(app, "Log in")
    assert app.wait_ended() == 1
    is_restored(app)
    raw = app.raw.decode(errors="replace")
    assert "Traceback" not in raw and "a secret in a local variable" not in raw
    assert "RuntimeError" not in raw
    wait_text = " ".join(app.text().split())
    assert "The console ended because of a fault." in wait_text
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGHUP"])
def test_a_signal_leaves_no_temporary_folder(
    start: Start, tmp_path: Path, signal_name: str
) -> None:
    """Whoever closes the window or stops the process leaves no key of the demo on the disk."""
    import signal

    app = start("demo")
    app.wait_for("Demo accounts")
    app.settle()
    assert app._child.pid is not None
    os.kill(app._child.pid, getattr(signal, signal_name))
    app.wait_ended()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_closed_window_ends_the_program(start: Start, tmp_path: Path) -> None:
    """It cannot write any more, and leaves nothing running and no key on the disk."""
    app = start("demo")
    app.wait_for("Demo accounts")
    app.settle()
    app.hang_up()
    app.wait_ended()
    assert list((tmp_path / "tmp").iterdir()) == []
