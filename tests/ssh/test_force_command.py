"""The recipe for those who keep OpenSSH in front, with a real sshd on loopback."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.losing import lose_the_device
from tests.journeys.steps import is_restored, sign_in, wait_flat
from tests.ssh.processes import QUIET, STARTS_S, wait
from tests.support.installed import Installation
from tests.support.post import Post
from tests.support.pty_app import ROOT, PtyApp

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
pytestmark = [
    pytest.mark.pty,
    pytest.mark.slow,
    pytest.mark.skipif(SSHD is None, reason="there is no sshd here"),
]
ME = getpass.getuser()


@pytest.fixture
def post() -> Iterator[Post]:
    """The mail server and the SMS gateway."""
    with Post() as servers:
        yield servers


class Front:
    """sshd with the recipe, for whoever runs the tests in place of `panel`, let in by a key."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        for name in ("host", "me"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
            )
        lines = [f"export {name}={shlex.quote(value)}" for name, value in env.items()]
        command = folder / "tui-admin"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m tui_admin "$@"\n')
        panel = folder / "panel"
        panel.write_text("\n".join(["#!/bin/sh", *lines, f'exec {ROOT}/deploy/panel "$@"', ""]))
        for path in (command, panel):
            path.chmod(0o755)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        recipe = (ROOT / "deploy/sshd_force_command.conf").read_text()
        for ours, here in (
            ("Match User panel", f"Match User {ME}"),
            ("/usr/local/lib/tui-admin/panel", str(panel)),
            ("AuthenticationMethods none", "AuthenticationMethods publickey"),
        ):
            assert ours in recipe
            recipe = recipe.replace(ours, here)
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
            f"AuthorizedKeysFile {folder}/me.pub\nStrictModes no\nUsePAM no\n"
            f"PermitRootLogin yes\n{recipe}"
        )

    def start(self) -> subprocess.Popen[bytes]:
        assert SSHD is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with (self.folder / "sshd.log").open("wb") as log:
            return subprocess.Popen(
                [SSHD, "-D", "-e", "-f", self.folder / "sshd_config"], stderr=log
            )

    def is_up(self) -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, *arguments: str) -> list[str]:
        return [
            *("ssh", "-F", "none", "-p", str(self.port), "-i", str(self.folder / "me")),
            *("-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "LogLevel=ERROR"),
            *("-o", "StrictHostKeyChecking=accept-new", "-o", "IdentityAgent=none"),
            *arguments[:-1],
            f"{ME}@127.0.0.1",
            *arguments[-1:],
        ]


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    made = Installation(tmp_path / "data", database_url)
    made.add("alice", otp=True)
    return made


@pytest.fixture
def front(tmp_path: Path, installation: Installation, post: Post) -> Iterator[Front]:
    folder = tmp_path / "front"
    folder.mkdir()
    env = {
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": QUIET,
        "TUI_ADMIN": str(folder / "tui-admin"),
        **installation.env,
        **post.env,
    }
    sshd = Front(folder, env)
    process = sshd.start()
    try:
        wait(lambda: sshd.is_up() or process.poll() is not None, STARTS_S, "sshd")
        assert process.poll() is None, (folder / "sshd.log").read_text()
        yield sshd
    finally:
        process.terminate()
        process.wait(10)


def test_the_console_behind_sshd(front: Front, installation: Installation, post: Post) -> None:
    """The lost device on two connections: the console opens, the link's step too, where somebody
    sits is what sshd says of them, and the terminal is restored at the end."""
    with ExitStack() as stack:

        def terminal(*command: str) -> PtyApp:
            return stack.enter_context(PtyApp(front.client("-t", *command or ("",))))

        def follow(mail: str) -> PtyApp:
            assert "127.0.0.1" in mail, "who asked, and from where"
            return terminal(re.findall(r"tui-admin (recover \w+)", mail)[0])

        waiting = terminal()
        lose_the_device(waiting, follow, installation.people["alice"], post)
        waiting.press("ctrl+q")
        waiting.wait_for("Log out and leave?")
        waiting.press("tab", "enter")
        assert waiting.wait_ended() == 0
        is_restored(waiting)


@pytest.mark.parametrize("command", ["sh", "recover", "; sh", "recover x; id", "recover $(id)"])
def test_nothing_else_is_there(front: Front, command: str) -> None:
    """T13: other commands are refused, and what stands behind `recover` is no shell's."""
    done = subprocess.run(
        front.client("-T", command), check=False, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "Only the console is here" in done.stderr or "needs a terminal" in done.stderr
    assert "uid=" not in done.stdout + done.stderr


def test_no_forwarding(front: Front) -> None:
    """T9: no port is forwarded, in either direction, though the console opens."""
    arguments = ("-t", "-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", "")
    with PtyApp(front.client(*arguments)) as app:
        assert app.wait_ended() != 0
        assert "remote port forwarding failed" in app.text()


def test_one_persons_misses(front: Front, installation: Installation) -> None:
    """A wrong password behind sshd is refused in the terminal, as everywhere."""
    with PtyApp(front.client("-t", "")) as app:
        sign_in(app, "alice", "not my password")
        wait_flat(app, "The username or the password is not right.")
