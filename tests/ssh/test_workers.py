"""Several processes behind one port: supervised, restarted, drained. (T12)"""

from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, suppress
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest
from prometheus_client import CollectorRegistry

from tests.journeys.steps import flat, is_restored, sign_in, wait_flat
from tests.ssh.processes import ENDS_S, STARTS_S, ServerProcess, lives, wait
from tests.support.installed import Installation
from tests.support.ports import reserved_port
from tests.support.pty_app import PtyApp
from tui_admin.servers import metrics, workers

pytestmark = [pytest.mark.pty, pytest.mark.slow]

NOTICE = re.compile(r"The server restarts in \d+ s\. Please finish, and connect again after that\.")
GOODBYE = "The server restarts. Please connect again in a moment."


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Installation:
    """An installation with the account of Alice."""
    made = Installation(tmp_path / "data", database_url)
    made.add("alice", otp=False)
    return made


@pytest.fixture
def server(installation: Installation) -> Iterator[ServerProcess]:
    """A server of two processes."""
    with ServerProcess(installation, workers=2) as running:
        yield running


class HastyServer(ServerProcess):
    """A server of two processes, whose supervisor takes ten seconds of silence for hanging."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(installation, workers=2)
        self._command[1:3] = [
            "-c",
            "from tui_admin import cli; from tui_admin.servers import workers;"
            "workers.SILENCES = 2; cli.main()",
        ]


@pytest.fixture
def hasty(installation: Installation) -> Iterator[ServerProcess]:
    """A server whose supervisor loses patience soon."""
    with HastyServer(installation) as running:
        yield running


@contextmanager
def halted(process: int) -> Iterator[None]:
    """A process that does nothing any more, though it lives."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def opened(server: ServerProcess) -> PtyApp:
    app = server.terminal()
    app.wait_for("Log in")
    return app


def wait_noticed(app: PtyApp) -> None:
    """Wait until somebody can read that the server restarts."""
    app.wait_until(lambda app: NOTICE.search(flat(app)) is not None, what="the notice")


def is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_one_port_and_one_line(server: ServerProcess) -> None:
    """Port 0 is one port for all processes, said once, when all are ready; both serve, and
    nothing else stands on standard output."""
    assert server.said() == f"listening on 127.0.0.1:{server.port}\n"
    assert len(server.children()) == 2
    assert len(server.events("a worker is ready")) == 2
    for _client in range(40):
        subprocess.run(server.ssh("version"), check=True, capture_output=True, timeout=STARTS_S)
        if len({line["pid"] for line in server.events("connection opened")}) == 2:
            break
    else:
        raise AssertionError("one process has served all clients")


def test_a_killed_worker_is_replaced(server: ServerProcess) -> None:
    """T12: its terminals end, those of the other process do not, and another takes its place."""
    apps: dict[int, PtyApp] = {}
    while len(apps) < 2:
        app = opened(server)
        apps.setdefault(server.events("connection opened")[-1]["pid"], app)
    (victim, ended), (_other, stays) = apps.items()
    before = server.children()
    os.kill(victim, signal.SIGKILL)
    ended.wait_ended()
    stays.send("alice")
    stays.wait_for("alice")
    wait(lambda: len(server.events("a worker is ready")) == 3, STARTS_S, "another worker")
    assert len(server.children()) == 2 and server.children() != before
    assert len(server.events("a worker died")) == 1
    opened(server)
    assert server.said().count("listening") == 1


def test_a_worker_that_hangs_is_replaced(hasty: ServerProcess) -> None:
    """It holds the port and answers nobody: it is killed, another takes its place, and every client
    is served again. The terminals of the other one do not notice."""
    app = opened(hasty)
    stays = hasty.events("connection opened")[-1]["pid"]
    (victim,) = set(hasty.children()) - {stays}
    with halted(victim):
        wait(lambda: len(hasty.events("a worker is ready")) == 3, STARTS_S, "another worker")
    assert [line["pid"] for line in hasty.events("a worker hangs and is killed")] == [victim]
    assert [line["code"] for line in hasty.events("a worker died")] == [-signal.SIGKILL]
    assert stays in hasty.children() and len(hasty.children()) == 2
    for _client in range(12):
        subprocess.run(hasty.ssh("version"), check=True, capture_output=True, timeout=STARTS_S)
    app.send("alice")
    app.wait_for("alice")


def test_a_worker_that_hangs_holds_up_no_restart(hasty: ServerProcess) -> None:
    """While it drains as well: nobody can finish there, so nobody is waited for, however long
    people have."""
    opened(hasty)
    hasty.process.terminate()
    wait(lambda: len(hasty.events("draining")) == 2, ENDS_S, "both")
    with halted(hasty.events("connection opened")[-1]["pid"]):
        assert hasty.wait_ended() == 0
    assert len(hasty.events("a worker hangs and is killed")) == 1


@pytest.mark.parametrize("beats", [1, 0])
async def test_a_supervisor_that_was_halted_kills_nobody(
    monkeypatch: pytest.MonkeyPatch, beats: int
) -> None:
    """Nor does a machine that was paused: time that it did not listen in is no silence. A worker
    that said nothing meanwhile has its patience left from then on, and is killed after that."""
    monkeypatch.setattr(workers, "LISTEN_S", 0.3)
    monkeypatch.setattr(workers, "SILENCES", 2)
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    process = Mock(pid=0, wait=AsyncMock(return_value=7))
    ended = asyncio.create_task(workers._Worker(process, reader, writer).ended())
    await asyncio.sleep(0)
    time.sleep(1)  # noqa: ASYNC251 (nothing in this loop goes on, as in a process that is halted)
    with theirs:
        theirs.sendall(b"{}\n" * beats)
        if not beats:
            assert await ended == 7
        # else it lets go of the leash by itself
    assert await ended == 7
    assert process.kill.called is not bool(beats)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def test_sigterm_drains(server: ServerProcess) -> None:
    """Every terminal is told, the port is free at once for the next server, people finish, and the
    server ends when the last one has left."""
    apps = [opened(server) for _client in range(3)]
    sign_in(apps[0], "alice", "correct horse 7 staple")
    wait_flat(apps[0], "Your password alone opens this account.")
    server.process.terminate()
    for app in apps:
        wait_noticed(app)
    wait(lambda: is_free(server.port), ENDS_S, "the port")
    apps[0].press("f1")
    apps[0].wait_for("Esc closes")
    assert server.process.poll() is None
    for app in apps[1:]:
        app.press("ctrl+q")
        assert app.wait_ended() == 0
    assert server.process.poll() is None
    apps[0].press("escape")
    apps[0].press("ctrl+q")
    apps[0].wait_for("Log out and leave?")
    apps[0].press("tab", "enter")
    assert apps[0].wait_ended() == 0
    assert server.wait_ended() == 0
    assert server.logs().count("Traceback") == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_the_rest_is_ended_with_a_sentence(installation: Installation, workers: int) -> None:
    """After `ssh.drain_s`, and at once with a second SIGTERM: the terminal is restored, the session
    over, and the person reads why. An empty server ends at once."""
    env = {"TUI_ADMIN_SSH__DRAIN_S": "1"}
    with ServerProcess(installation, workers=workers, env=env) as server:
        app = opened(server)
        server.process.terminate()
        assert app.wait_ended() == 1
        assert GOODBYE in app.text()
        is_restored(app)
        assert server.wait_ended() == 0
    with ServerProcess(installation, workers=workers) as server:
        app = opened(server)
        server.process.terminate()
        wait_noticed(app)
        server.process.terminate()
        assert app.wait_ended() == 1
        assert GOODBYE in app.text()
        assert server.wait_ended() == 0
    with ServerProcess(installation, workers=workers) as server:
        server.process.terminate()
        assert server.wait_ended() == 0


def test_workers_end_when_the_supervisor_is_gone(server: ServerProcess) -> None:
    """Killed, it cannot tell them; they see it, and let people finish."""
    app = opened(server)
    pids = server.children()
    server.process.kill()
    wait_noticed(app)
    app.press("ctrl+q")
    app.wait_ended()
    wait(lambda: not any(lives(pid) for pid in pids), ENDS_S, "their end")


@pytest.mark.parametrize(("workers", "is_abstract"), [(1, True), (2, False)])
def test_systemd_is_told(installation: Installation, workers: int, is_abstract: bool) -> None:
    """Once, by the process that it started: that people can connect, when they can, and at the end
    that it ends, and how long this may take."""
    name = f"{installation.folder}.notify"
    env = {"NOTIFY_SOCKET": f"@{name}" if is_abstract else name}
    server = ServerProcess(installation, workers=workers, env=env)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        systemd.bind(f"\0{name}" if is_abstract else name)
        systemd.settimeout(STARTS_S)

        def told() -> list[str]:
            said, credentials, _flags, _from = systemd.recvmsg(4096, 64)
            assert struct.unpack("iII", credentials[0][2])[0] == server.process.pid
            return said.decode().splitlines()

        with server:
            assert told() == ["READY=1", f"STATUS=Listening on 127.0.0.1:{server.port}"]
            assert len(server.events("listening")) == workers
            for pid in server.children():
                assert b"NOTIFY_SOCKET" not in Path(f"/proc/{pid}/environ").read_bytes()
            server.process.terminate()
            stopping, _status, extended = told()
            assert stopping == "STOPPING=1"
            assert int(extended.removeprefix("EXTEND_TIMEOUT_USEC=")) >= 25e6
            assert server.wait_ended() == 0
        systemd.setblocking(False)
        with pytest.raises(BlockingIOError):
            systemd.recv(4096)


def test_a_server_that_cannot_tell_serves(installation: Installation) -> None:
    """Whoever reads the log sees that systemd was not there to be told."""
    env = {"NOTIFY_SOCKET": f"{installation.folder}.nobody"}
    with ServerProcess(installation, workers=1, env=env) as server:
        opened(server)
        assert server.events("systemd could not be told")[0]["fact"] == "READY=1"


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_that_cannot_start_says_why(tmp_path: Path, workers: int) -> None:
    """Exit code 1 and the sentence, once, with no traceback, and nobody is left."""
    installation = Installation(tmp_path / "data")
    (installation.folder / "keys.json").unlink()
    server = ServerProcess(installation, workers=workers)
    server.start()
    assert server.wait_ended() == 1
    assert server.said() == ""
    said = [line for line in server.logs().splitlines() if not line.startswith("{")]
    assert len(said) == 1 and "tui-admin keys generate" in said[0]


def test_a_port_that_is_taken(installation: Installation) -> None:
    """Exit code 1 and the sentence."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = ServerProcess(installation, workers=2, port=port)
        server.start()
        assert server.wait_ended() == 1
        assert f"Port {port} of 127.0.0.1 cannot be listened on" in server.logs()


def test_counters_of_all_processes(installation: Installation) -> None:
    """On 127.0.0.1: what is open now over both processes, what was sent, and how sign-ins went.
    The place of a worker that was killed counts no terminals."""

    def counted() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=ENDS_S) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line[0] != "#"]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    with (
        reserved_port() as port,
        ServerProcess(
            installation, workers=2, env={"TUI_ADMIN_SSH__METRICS_PORT": str(port)}
        ) as server,
    ):
        apps = [opened(server) for _client in range(4)]
        wait(lambda: counted()["tui_admin_terminals"] == 4, ENDS_S, "four terminals")
        assert counted()["tui_admin_frames_total"] >= 4
        sign_in(apps[0], "alice", "not my password")
        apps[0].wait_for("not right")
        apps[0].send("correct horse 7 staple\r")
        wait_flat(apps[0], "Your password alone opens this account.")
        numbers = counted()
        assert numbers['tui_admin_sign_ins_total{outcome="refused"}'] == 1
        assert numbers['tui_admin_sign_ins_total{outcome="accepted"}'] == 1
        assert numbers["tui_admin_hashes_waiting"] == 0
        assert numbers['tui_admin_outbox_waiting{channel="email"}'] == 0
        for pid in server.children():
            os.kill(pid, signal.SIGKILL)
        for app in apps:
            app.wait_ended()
        wait(lambda: counted().get("tui_admin_terminals") == 0, STARTS_S, "no terminals")
        assert counted()['tui_admin_sign_ins_total{outcome="accepted"}'] == 1


def test_half_a_question_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for the counters and does not finish is hung up on, with no traceback, and holds
    no thread from then on; the next one is answered."""
    monkeypatch.setattr(metrics, "PATIENCE_S", 0.2)
    before = set(threading.enumerate())
    errors = io.StringIO()
    with closing(metrics.Endpoint(0, registry=CollectorRegistry())) as endpoint:
        address = ("127.0.0.1", endpoint._server.server_port)
        with socket.create_connection(address, timeout=ENDS_S) as asking, redirect_stderr(errors):
            asking.sendall(b"GET /metr")
            assert asking.recv(1) == b""
        with urllib.request.urlopen(f"http://127.0.0.1:{address[1]}/metrics", timeout=60) as answer:
            assert answer.status == 200
        wait(lambda: len({*threading.enumerate()} - before) == 1, ENDS_S, "the threads")
    assert errors.getvalue() == ""


@pytest.mark.parametrize("leash", ["-1", "0", "2", "99"])
def test_a_leash_that_nobody_holds(installation: Installation, leash: str) -> None:
    """Exit code 1 and a sentence."""
    server = ServerProcess(installation, "--leash", leash)
    server.start()
    assert server.wait_ended() == 1
    assert server.logs() == "No supervisor holds this leash.\n"


def test_the_supervisor_knows_no_database_and_no_screens() -> None:
    """What it imports is small, and what it does not know cannot fail it."""
    code = (
        "import sys; from tui_admin import wiring; from tui_admin.servers import logs, workers;"
        "print([name for name in ('textual', 'sqlalchemy', 'asyncssh', 'screens')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
