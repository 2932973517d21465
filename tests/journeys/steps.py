"""What a person does and sees at the terminal, for the journeys."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tests.support.pty_app import PtyApp
from tests.support.qr_reader import read_screen
from tui_admin.demo import ACCOUNTS

CUSTOMER, SECURED = ACCOUNTS

_KEY_ROW = re.compile(r"\b[A-Z2-7]{4}(?: [A-Z2-7]{4}){3}\b")
_RECOVERY = re.compile(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b")
_MOUSE_ON = re.compile(rb"\x1b\[\?100[0-3]([hl])")


def oath(key: str, ahead_s: int = 0) -> str:
    """The code that `oathtool` gives for a key now, or `ahead_s` from now."""
    moment = f"@{int(time.time()) + ahead_s}"
    done = subprocess.run(
        ["oathtool", "--totp", "-b", key, "--now", moment],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def flat(app: PtyApp) -> str:
    """The screen as one line, without frames and QR code."""
    return " ".join(re.sub("[\u2500-\u2590\u2594-\u259f]", " ", app.text()).split())


def wait_flat(app: PtyApp, sentence: str) -> None:
    """Wait until a sentence can be read, wrapped or not."""
    app.wait_until(lambda app: sentence in flat(app), what=repr(sentence))


def sign_in(app: PtyApp, email: str, password: str) -> None:
    """Type name and password without waiting in between."""
    app.wait_for("Log in")
    app.send(f"{email}\t{password}\r")


def _focused(app: PtyApp) -> frozenset[tuple[int, int, bool]]:
    """Where the focus is: the signs that point at a button, and all that is bold, as is the name of
    a field that has it."""
    screen = app.screen
    return frozenset(
        (x, y, cell.data == "▸")
        for y, row in screen.buffer.items()
        for x, cell in row.items()
        if cell.data == "▸" or (cell.bold and not cell.data.isspace())
    )


def tab(app: PtyApp, key: str = "tab") -> None:
    """Press Tab and wait until the terminal shows the focus elsewhere. Whatever else is drawn
    meanwhile does not count: a second Tab on its way would lead beyond what is looked for."""
    before = _focused(app)
    app.press(key)
    app.wait_until(lambda app: _focused(app) != before, what="the focus to move")
    app.settle(0.1)  # the frame may come in pieces


def focus(app: PtyApp, label: str | Callable[[], str]) -> None:
    """Press Tab until the button of this label has the focus."""
    app.settle(0.1)
    for _press in range(30):
        wanted = label if isinstance(label, str) else label()
        if f"[▸{wanted}◂]" in app.text():
            return
        tab(app)
    raise AssertionError(f"Tab does not lead to {label!r}:\n{app.text()}")


def go_to(app: PtyApp, label: str) -> None:
    """Press Tab until the button of this label has the focus, and then Enter."""
    focus(app, label)
    app.press("enter")


def shown_key(app: PtyApp, after: str = "") -> str:
    """The key that stands on the screen as text, without its spaces; with `after`, the one that
    comes after that one."""

    def key(app: PtyApp) -> str:
        rows = _KEY_ROW.findall(app.text())
        found = "".join(rows).replace(" ", "")
        return found if len(rows) == 2 and found != after else ""

    return app.wait_until(key, what="the key as text")


def recovery_codes(app: PtyApp) -> list[str]:
    """The recovery codes on the screen."""

    def codes(app: PtyApp) -> list[str]:
        found: list[str] = _RECOVERY.findall(app.text())
        return found if len(found) == 10 else []

    return app.wait_until(codes, what="ten codes")


def uri(key: str, account: str, issuer: str = "WEDOS Internet") -> str:
    """The address that the QR code of a key must say."""
    return f"otpauth://totp/{account}?secret={key}&issuer={quote(issuer)}"


def wait_scanned(app: PtyApp, wanted: str, **options: Any) -> None:
    """Wait until the independent reader reads this off the terminal."""
    app.wait_until(
        lambda app: read_screen(app.screen, **options) == wanted, what=f"the QR code of {wanted}"
    )


def lasting_code(key: str) -> str:
    """The code of now, which counts for three quarters of a minute at least: its own step and the
    next one. Waits a few seconds for the next step if this one is half over."""
    while time.time() % 30 > 15:
        time.sleep(0.25)
    return oath(key)


def next_step(key: str, than: str, ahead_s: int = 0) -> str:
    """Wait until the code is another one than that, and return it; half a minute at most. `ahead_s`
    is how far the device's clock is ahead."""
    deadline = time.monotonic() + 60
    while (code := oath(key, ahead_s)) == than:
        assert time.monotonic() < deadline
        time.sleep(0.25)
    return code


def log_out(app: PtyApp) -> None:
    """Log out and stay at the sign-in screen."""
    app.press("f10")
    app.wait_for("End this session?")
    go_to(app, "Log out")
    app.wait_for("Signed out.")


def is_restored(app: PtyApp) -> None:
    """Check that the terminal is as it was before the program."""
    raw = app.raw
    assert raw.rfind(b"\x1b[?1049l") > raw.rfind(b"\x1b[?1049h") >= 0, "alternate screen"
    assert raw.rfind(b"\x1b[?25h") > raw.rfind(b"\x1b[?25l"), "cursor"
    mouse = _MOUSE_ON.findall(raw)
    assert mouse and mouse[-1] == b"l", "mouse"
    assert raw.rfind(b"\x1b[?2004l") > raw.rfind(b"\x1b[?2004h"), "bracketed paste"
    cleared, left = raw.rfind(b"\x1b[0m\x1b[H\x1b[2J"), raw.rfind(b"\x1b[?1049l")
    assert 0 <= cleared < left, "an empty screen, where there is no other one to go back to"
