"""Two servers on one PostgreSQL database, each with its own folder and a copy of the key file, as
two machines behind a balancer: what is decided at one holds at the other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.journeys.losing import lose_the_device
from tests.journeys.steps import flat, go_to, oath, sign_in, wait_flat
from tests.ssh.processes import ServerProcess
from tests.support.console import Person
from tests.support.installed import Installation
from tests.support.post import Post
from tests.support.pty_app import PtyApp

pytestmark = [pytest.mark.postgres, pytest.mark.pty, pytest.mark.slow]


class Machines:
    """Both servers, and who has an account there."""

    def __init__(self, one: ServerProcess, other: ServerProcess, people: dict[str, Person]) -> None:
        self.one, self.other, self.people = one, other, people


@pytest.fixture
def machines(tmp_path: Path, database_url: str, post: Post) -> Iterator[Machines]:
    """Alice and Bob have OTP."""
    first = Installation(tmp_path / "first", database_url)
    first.add("alice", "bob", otp=True)
    folder = tmp_path / "second"
    folder.mkdir()
    shutil.copy(first.folder / "keys.json", folder)
    second = Installation(folder, database_url, has_keys=True)
    env = {"TUI_ADMIN_PUBLIC_HOST": "panel.example.com", **post.env}
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(ServerProcess(machine, env=env)) for machine in (first, second)
        )
        yield Machines(one, other, first.people)


def has_drawn(words: str, since: int, app: PtyApp) -> bool:
    """Whether words were drawn since so many bytes."""
    return words.encode() in app.raw[since:]


def by_code(app: PtyApp, person: Person) -> None:
    """Sign in with password and code."""
    sign_in(app, person.name, person.password)
    app.wait_for("Enter the OTP password from your device")
    app.send(oath(person.key))
    wait_flat(app, "ACTIVE since")


def by_recovery_code(app: PtyApp, person: Person, code: str) -> None:
    """Sign in with password and recovery code."""
    sign_in(app, person.name, person.password)
    app.wait_for("Enter the OTP password from your device")
    go_to(app, "Use a recovery code")
    app.wait_for("Enter one of your recovery codes")
    app.send(code + "\r")
    wait_flat(app, "ACTIVE since")


def test_misses_count_together(machines: Machines) -> None:
    """S8: three misses at one server and two at the other make five. Then the right password is
    not looked at on either, and the other account is not touched."""
    alice = machines.people["alice"]
    for server, misses in ((machines.one, 3), (machines.other, 2)):
        app = server.terminal()
        app.wait_for("Log in")
        app.send(f"{alice.name}\t")
        for miss in range(1, misses + 1):
            before = len(app.raw)
            app.send("not my password\r")
            if miss == 3:
                assert app.wait_ended() == 1  # T7: one terminal has three
                assert "Too many wrong tries." in app.text()
            else:
                app.wait_until(partial(has_drawn, "is not right", before), what="a refusal")
    for server in (machines.one, machines.other):
        app = server.terminal()
        sign_in(app, alice.name, alice.password)
        wait_flat(app, "Too many tries. The next one is possible in")
    by_code(machines.other.terminal(), machines.people["bob"])


def test_ending_a_session_reaches_the_other_server(machines: Machines) -> None:
    """S22: ended from the list of sessions at one server, a terminal of the other is back at the
    sign-in screen with its next key."""
    alice = machines.people["alice"]
    stays, ends = machines.one.terminal(columns=110, rows=40), machines.other.terminal()
    by_recovery_code(ends, alice, alice.recovery_codes[0])
    by_code(stays, alice)
    go_to(stays, "End")
    stays.wait_for("[ End session ]")
    go_to(stays, "End session")
    stays.wait_until(lambda app: app.text().count("127.0.0.1") == 1, what="its row to go")
    ends.press("f1")
    wait_flat(ends, "You were signed out. Please sign in again.")
    stays.press("f1")
    stays.wait_for("Esc closes")
    assert "signed out" not in flat(stays)


def test_switching_otp_off_reaches_the_other_server(machines: Machines) -> None:
    """S22: with OTP switched off at one server, the live terminal of the other is over with its
    next key, and there too the password alone opens the account."""
    alice = machines.people["alice"]
    stays, ends = machines.one.terminal(), machines.other.terminal()
    by_recovery_code(ends, alice, alice.recovery_codes[0])
    by_code(stays, alice)
    go_to(stays, "Disable")
    stays.wait_for("Every device and recovery code is removed.")
    stays.send(alice.password)
    go_to(stays, "Use a recovery code")
    stays.wait_for("ABCDE-12345")
    stays.send(alice.recovery_codes[1] + "\r")
    wait_flat(stays, "OTP is off.")
    ends.press("f1")
    wait_flat(ends, "You were signed out because the security settings were changed.")
    sign_in(ends, alice.name, alice.password)
    wait_flat(ends, "Your password alone opens this account.")


def test_a_lost_device_over_two_servers(machines: Machines, post: Post) -> None:
    """S13, S14, S15: begun at one server, the link followed at the other, finished at the first."""
    waiting = machines.one.terminal()
    lose_the_device(waiting, machines.other.follow, machines.people["alice"], post)
