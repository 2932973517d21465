"""Whole journeys over OpenSSH's client, from the first connection to the last frame."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.journeys.losing import lose_the_device
from tests.journeys.steps import (
    flat,
    go_to,
    is_restored,
    lasting_code,
    log_out,
    next_step,
    oath,
    recovery_codes,
    shown_key,
    sign_in,
    uri,
    wait_flat,
    wait_scanned,
)
from tests.ssh.processes import ServerProcess
from tests.support.installed import Installation
from tests.support.post import Post
from tests.support.pty_app import PtyApp

pytestmark = [pytest.mark.pty, pytest.mark.slow]


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    return Installation(tmp_path / "data", database_url)


def serve(installation: Installation, post: Post, **more: str) -> ServerProcess:
    env = {"TUI_ADMIN_PUBLIC_HOST": "panel.example.com", **post.env, **more}
    return ServerProcess(installation, workers=2, env=env)


def leave(app: PtyApp) -> None:
    app.press("ctrl+q")
    app.wait_for("Log out and leave?")
    go_to(app, "Log out and leave")
    assert app.wait_ended() == 0
    is_restored(app)


def test_set_up_use_show_and_disable_otp(installation: Installation, post: Post) -> None:
    """S1, S4, S6, S7: the QR code is read off the client's terminal at 80x24 by an independent
    reader, the codes come from an independent generator, and what was set up on one connection is
    asked for on the next. Another person works on a terminal of their own all the while."""
    installation.add("alice", "bob", otp=False)
    alice, bob = installation.people["alice"], installation.people["bob"]
    # S1: each code is of a later step than the last one. A device whose clock is ahead by a step
    # has the next one without waiting for it.
    with serve(installation, post, TUI_ADMIN_OTP__AHEAD_STEPS="1") as server:
        beside = server.terminal(columns=110, rows=30)
        sign_in(beside, bob.name, bob.password)
        wait_flat(beside, "Your password alone opens this account.")
        go_to(beside, "Set OTP")
        other_key = shown_key(beside)

        app = server.terminal(columns=80, rows=24)
        sign_in(app, alice.name, alice.password)
        wait_flat(app, "Your password alone opens this account.")
        go_to(app, "Set OTP")
        first = shown_key(app)
        wait_scanned(app, uri(first, "alice"))
        app.send("not my password\r" + oath(first))
        wait_flat(app, "The account password is not right.")
        key = shown_key(app, after=first)
        assert key != other_key
        wait_scanned(app, uri(key, "alice"))
        app.send(alice.password + "\r" + (code := lasting_code(key)))
        codes = recovery_codes(app)
        app.send(codes[2] + "\r")
        wait_flat(app, "ACTIVE since")
        post.mail(alice.email, "OTP is on")
        leave(app)

        again = server.terminal(columns=100, rows=30)
        sign_in(again, alice.name, alice.password)
        again.wait_for("Enter the OTP password from your device")
        again.send(code)
        again.wait_for("already used")
        again.send(code := oath(key, 30))
        wait_flat(again, "ACTIVE since")
        go_to(again, "Show shared key")
        again.wait_for("Account password")
        again.send(alice.password + "\r" + next_step(key, code, ahead_s=30))
        again.wait_for("hides in")
        assert shown_key(again) == key
        wait_scanned(again, uri(key, "alice"))
        again.press("enter")
        again.wait_gone("hides in")
        go_to(again, "Disable")
        again.wait_for("Every device and recovery code is removed.")
        again.send(alice.password)
        go_to(again, "Use a recovery code")
        again.wait_for("ABCDE-12345")
        again.send(codes[1] + "\r")
        wait_flat(again, "OTP is off.")
        log_out(again)
        again.press("ctrl+q")
        assert again.wait_ended() == 0

        # Nothing of this has reached the one beside.
        assert shown_key(beside) == other_key
        wait_scanned(beside, uri(other_key, "bob"))
        beside.send(bob.password + "\r" + oath(other_key))
        assert len(recovery_codes(beside)) == 10
        assert "alice" not in flat(beside)
        secrets = (key, first, other_key, *codes, code, alice.password, "not my password")
        assert_quiet(server, secrets, ("alice", "bob"))


@pytest.mark.parametrize("names", [("alice",), ("alice", "bob")], ids=["one", "two_at_once"])
def test_a_lost_device(installation: Installation, post: Post, names: tuple[str, ...]) -> None:
    """S13, S14, S15: the person waits at one terminal and runs the letter's command,
    `ssh recover-TOKEN@HOST`, at another; for two people at the same time too."""
    installation.add(*names, otp=True)
    with serve(installation, post) as server:

        def lose(name: str) -> None:
            lose_the_device(server.terminal(), server.follow, installation.people[name], post)

        with ThreadPoolExecutor(len(names)) as threads:
            list(threads.map(lose, names))
        people = installation.people.values()
        mails = [post.mail(person.email, "Deactivate OTP") for person in people]
        tokens = [word for mail in mails for word in mail.split() if len(word) == 26]
        assert len(tokens) >= len(names)
        assert_quiet(server, (*tokens, *(person.password for person in people)), names)


def assert_quiet(server: ServerProcess, secrets: tuple[str, ...], names: tuple[str, ...]) -> None:
    """Check the logs of a journey: no secret, no name that was typed, and no fault."""
    logs = server.logs()
    assert len(server.events("connection opened")) >= 2
    for secret in (*secrets, *names, "recover-", "@example.com", "+420"):
        assert secret not in logs, secret
    assert "Traceback" not in logs and '"level": "error"' not in logs
    assert all(line.startswith("{") for line in logs.splitlines())
