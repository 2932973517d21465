"""From the first frame to the last: what a person who has never seen it does with the demo."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.journeys.conftest import Start
from tests.journeys.steps import (
    CUSTOMER,
    SECURED,
    flat,
    focus,
    go_to,
    is_restored,
    lasting_code,
    log_out,
    next_step,
    oath,
    recovery_codes,
    shown_key,
    sign_in,
    tab,
    uri,
    wait_flat,
    wait_scanned,
)
from tui_admin.demo import ACCOUNTS

pytestmark = [pytest.mark.pty, pytest.mark.slow]


def test_set_up_use_show_and_disable_otp(start: Start, tmp_path: Path) -> None:
    """The whole of it at 80x24: each QR code is read off the terminal by an independent reader and
    each code comes from an independent generator. (S1, S4, S6, S7)"""
    app = start("demo", columns=80, rows=24)
    password = ACCOUNTS[CUSTOMER]
    app.wait_for(password)
    folders = list((tmp_path / "tmp").glob("tui-admin-demo-*"))
    assert len(folders) == 1

    # Set OTP: the drawn code says exactly the key that stands beside it.
    sign_in(app, CUSTOMER, password)
    wait_flat(app, "Your password alone opens this account.")
    go_to(app, "Set OTP")
    first = shown_key(app)
    assert len(first) == 32
    wait_scanned(app, uri(first, "customer"))

    # A wrong password: another key and QR code at once.
    app.send("not my password\r" + oath(first))
    wait_flat(app, "The account password is not right.")
    wait_flat(app, "delete the old entry from your authenticator")
    key = shown_key(app, after=first)
    wait_scanned(app, uri(key, "customer"))

    # The right one.
    code = lasting_code(key)
    app.send(password + "\r" + code)
    codes = recovery_codes(app)
    app.send("ABCDE-12345\r")
    wait_flat(app, "This recovery code is not right")
    app.send("\x15" + codes[2] + "\r")
    wait_flat(app, "ACTIVE since")
    log_out(app)

    # The code that activated is spent; a recovery code opens.
    sign_in(app, CUSTOMER, password)
    app.wait_for("Enter the OTP password from your device")
    app.send(code)
    app.wait_for("already used")
    go_to(app, "Use a recovery code")
    app.wait_for("Enter one of your recovery codes")
    app.send(codes[0] + "\r")
    wait_flat(app, "9 recovery codes left")

    # The key shown again is the same one.
    go_to(app, "Show shared key")
    app.wait_for("Account password")
    code = next_step(key, code)
    app.send(password + "\r" + code)
    app.wait_for("hides in")
    assert shown_key(app) == key
    wait_scanned(app, uri(key, "customer"))
    app.press("enter")
    app.wait_gone("hides in")

    # Off again, by a recovery code, and the password alone opens the account.
    go_to(app, "Disable")
    app.wait_for("Every device and recovery code is removed.")
    app.send(password)
    go_to(app, "Use a recovery code")
    app.wait_for("ABCDE-12345")
    app.send(codes[1] + "\r")
    wait_flat(app, "OTP is off.")
    log_out(app)
    sign_in(app, CUSTOMER, password)
    wait_flat(app, "Your password alone opens this account.")

    app.press("ctrl+q")
    app.wait_for("Log out and leave?")
    go_to(app, "Log out and leave")
    assert app.wait_ended() == 0
    is_restored(app)
    assert list((tmp_path / "tmp").iterdir()) == []
    # Neither password nor keys stand in what was drawn but where they were shown on purpose.
    assert password not in app.text()


def test_with_the_demo_phone_alone(start: Start) -> None:
    """F2: the phone scans what the terminal shows and types its codes; a whole activation by it."""
    app = start("demo", columns=110, rows=30)
    password = ACCOUNTS[CUSTOMER]
    sign_in(app, CUSTOMER, password)
    wait_flat(app, "Your password alone opens this account.")
    go_to(app, "Set OTP")
    key = shown_key(app)
    app.press("f2")
    app.wait_for("Demo phone")
    go_to(app, "Scan the QR on screen")
    app.wait_for("Scanned: customer")
    # The password is typed by the person, the code by the phone.
    focus(app, "Start over")
    app.press("shift+tab", "shift+tab", "shift+tab")
    app.send(password)
    app.wait_for("•" * len(password))
    focus(app, lambda: f"{oath(key)[:3]} {oath(key)[3:]}")
    app.press("enter")
    assert len(recovery_codes(app)) == 10


def test_the_sample_account_with_otp_signs_in_by_the_phone(start: Start) -> None:
    """The second account of the demo holds a key that the phone has from the beginning."""
    app = start("demo", columns=80, rows=24)
    sign_in(app, SECURED, ACCOUNTS[SECURED])
    app.wait_for("Enter the OTP password from your device")
    app.press("f2")
    app.wait_for("Demo phone")
    app.wait_until(lambda app: "secured" in flat(app), what="the entry")
    while not re.search(r"\[▸\d{3} \d{3}◂\]", app.text()):
        tab(app)
    app.press("enter")
    wait_flat(app, "ACTIVE since")


def test_a_lost_device_with_the_demo_phone_alone(start: Start) -> None:
    """Letter and SMS are really delivered to the drawer, which types their codes; all by keys, up
    to the CAPTCHA that only a person reads."""
    # Apprise imports what is on its way out, where Python still has it.
    env = {"PYTHONWARNINGS": "error,ignore:'imghdr' is deprecated:DeprecationWarning"}
    app = start("demo", columns=110, rows=30, env=env)
    sign_in(app, SECURED, ACCOUNTS[SECURED])
    app.wait_for("Enter the OTP password from your device")
    go_to(app, "I lost my OTP keycard")
    app.wait_for("Code or link from the e-mail")
    app.press("f2")
    app.wait_for("Mail 1")
    # From the field back: the drawer's last button, its code, its tabs.
    app.press("shift+tab", "shift+tab", "shift+tab", "right")
    app.wait_for("• WEDOS Internet")
    app.press("down", "enter")
    app.wait_for("[▸Follow the link◂]")
    go_to(app, "Type the code")
    app.wait_until(
        lambda app: re.search(r"▌ (?!ABCDE)\w{5}-\w{5}", app.text()) is not None, what="the code"
    )
    app.press("enter")
    go_to(app, "Send SMS")
    app.wait_for("SMS 1")
    app.press("shift+tab")
    while "▸━" not in app.text():
        tab(app, "shift+tab")
    app.press("right")
    app.wait_for("is your code to")
    code = re.findall(r"\[ (\d{6}) \]", app.text())[0]
    go_to(app, code)
    app.wait_for(f"{' '.join(code[:3])}  {' '.join(code[3:])}")


def test_a_kiosk_stays(start: Start) -> None:
    """T13: no key ends `demo --kiosk`, and none stops it."""
    app = start("demo", "--kiosk", columns=80, rows=24)
    app.wait_for("Demo accounts")
    app.settle()
    for key in ("ctrl+q", "ctrl+c", "ctrl+z", "ctrl+d", "ctrl+\\"):
        app.send({"ctrl+\\": "\x1c"}.get(key) or chr(ord(key[-1]) - 96))
    app.settle()
    sign_in(app, CUSTOMER, ACCOUNTS[CUSTOMER])
    wait_flat(app, "Your password alone opens this account.")
    app.send("\x11\x03")
    app.settle()
    assert "Leave" not in app.text()
    wait_flat(app, "Your password alone opens this account.")


@pytest.mark.parametrize("between", ["\t", "\r"])
def test_typing_ahead_of_the_first_frame(start: Start, between: str) -> None:
    """What is typed in one burst before storage is there signs in, and no password is shown."""
    app = start("demo", columns=80, rows=24)
    app.wait_for("Password")
    password = ACCOUNTS[CUSTOMER]
    app.send(f"{CUSTOMER}{between}{password}\r")
    wait_flat(app, "Your password alone opens this account.")
    # On the sign-in screen of the demo it stands once, in the hint.
    drawn = app.raw.decode(errors="replace")
    assert f"{CUSTOMER}{password}" not in drawn
    assert f"▌ {password}" not in drawn
