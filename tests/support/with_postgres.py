#!/usr/bin/env python3
"""Run a command beside a throwaway PostgreSQL server.

    tests/support/with_postgres.py COMMAND [ARGUMENT...]

The server is the newest one installed (Debian's `postgresql`, or what `pg_config --bindir` names).
It listens on a free port of 127.0.0.1 and on a socket in its own folder, and keeps PostgreSQL's own
settings for durability: the console refuses a server whose `synchronous_commit` is off. The command
finds it in TUI_ADMIN_TEST_DATABASE_URL, whose role may create databases. When the command ends, or
this one is told to stop, the server stops and its folder goes.

Exit code: the command's own; 2 for wrong usage; 3 if no server could be started.
Needs only the standard library, so any Python can run it.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
PORT_TRIES = 10
ROLE = "tui_admin"
DATABASE = "tui_admin_test"


class ServerError(Exception):
    """No server could be started; the sentence says why and what to do."""


class Stopped(BaseException):
    """Someone asked this process to stop; like KeyboardInterrupt, it is no error."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def server_programs() -> Path:
    """The folder with the newest `initdb` and `postgres`.

    Raises:
        ServerError: none is installed.
    """
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(versions, key=lambda path: _version(path.parts[-3]), default=None)
    if newest is not None:
        return newest.parent
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run(
            [pg_config, "--bindir"], capture_output=True, text=True, check=False
        )
        folder = Path(answer.stdout.strip())
        if (folder / "initdb").is_file():
            return folder
    raise ServerError("No PostgreSQL server is installed (on Debian: apt-get install postgresql).")


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", name))


def server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as: PostgreSQL refuses root; None is whoever runs this."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError("PostgreSQL does not run as root, and there is no user postgres or nobody.")


class Server:
    """One PostgreSQL cluster in a folder of its own."""

    def __init__(self, programs: Path, folder: Path, user: pwd.struct_passwd | None) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._password = secrets.token_urlsafe(16)
        self._port = 0

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://{ROLE}:{self._password}@127.0.0.1:{self._port}/{DATABASE}"

    def start(self) -> None:
        """Make the cluster, start it, wait until it answers, and make the test database.

        Raises:
            ServerError: a step failed; what PostgreSQL said is part of the sentence.
        """
        password_file = self._folder / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        if self._user is not None:
            for path in (self._folder, password_file):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        # --no-sync is about these first files alone, not about how the server runs later.
        self._run(
            "initdb",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=scram-sha-256",
            f"--username={ROLE}",
            f"--pwfile={password_file}",
            f"--pgdata={self._folder / 'data'}",
        )
        for _ in range(PORT_TRIES):
            self._port = _free_port()
            if self._listen():
                break
        else:
            raise ServerError(f"No free port found in {PORT_TRIES} tries.")
        self._run("createdb", *self._address(), f"--username={ROLE}", DATABASE)

    def stop(self) -> None:
        """Stop the server: politely, then firmly, then for good."""
        if self._process is None:
            return
        # PostgreSQL's fast shutdown, its immediate one, and the kernel's.
        for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self._process.poll() is not None:
                return
            self._process.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)

    def _listen(self) -> bool:
        """Start the server on `_port`; False means that somebody else was quicker to take it."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": self._folder,
            # Every worker of the test run has pools of its own.
            "max_connections": 200,
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self._log.open("wb") as log:
            self._process = self._spawn("postgres", "-D", f"{self._folder}/data", *options, to=log)
        ready = [str(self._programs / "pg_isready"), "--quiet", *self._address()]
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                said = self._log.read_text(errors="replace")
                if "could not bind" in said:
                    return False
                raise ServerError(f"PostgreSQL ended at once and said:\n{said}")
            if subprocess.run(ready, check=False).returncode == 0:
                return True
            time.sleep(0.05)
        raise ServerError(f"PostgreSQL did not answer within {START_TIMEOUT_S:.0f} seconds.")

    def _address(self) -> tuple[str, str]:
        return "--host=127.0.0.1", f"--port={self._port}"

    def _run(self, program: str, *arguments: str) -> None:
        process = self._spawn(program, *arguments, to=subprocess.PIPE)
        try:
            said, _ = process.communicate()
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode != 0:
            raise ServerError(f"{program} failed and said:\n{said.decode(errors='replace')}")

    def _spawn(self, program: str, *arguments: str, to: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Start a PostgreSQL program as the server's user, its output going to `to`."""
        # PG* variables of the caller would quietly change what the programs do.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return subprocess.Popen(
            [self._programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=to,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env={**environment, "LC_ALL": "C.UTF-8", "PGPASSWORD": self._password},
            user=self._user and self._user.pw_uid,
            group=self._user and self._user.pw_gid,
            extra_groups=self._user and [],
            # A session of its own: Ctrl+C is for the command, the server stops after it.
            start_new_session=True,
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """A running server; yields its URL, and leaves nothing behind."""
    # /tmp and not TMPDIR: a socket's path is short, and the server's user must get there.
    folder = Path(tempfile.mkdtemp(prefix="tui-admin-pg-", dir="/tmp"))
    server = None
    try:
        server = Server(server_programs(), folder, server_user())
        server.start()
        yield server.url
    finally:
        # A second signal must not cut the clearing up short.
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(command: list[str], url: str) -> int:
    """Run the command with the URL in its environment; its exit code, as shells tell it."""
    child = subprocess.Popen(command, env={**os.environ, "TUI_ADMIN_TEST_DATABASE_URL": url})
    try:
        code = child.wait()
    except Stopped as stopped:
        # The terminal sent Ctrl+C to the command too; any other signal came to this process alone.
        if stopped.signum != signal.SIGINT:
            child.terminate()
        _wait_or_kill(child)
        return 128 + stopped.signum
    return code if code >= 0 else 128 - code


def _wait_or_kill(child: subprocess.Popen[bytes]) -> None:
    for insist in (child.terminate, child.kill):
        try:
            child.wait(STOP_TIMEOUT_S)
        except (subprocess.TimeoutExpired, Stopped):
            insist()
        else:
            return
    child.wait()


def _stop(signum: int, _frame: object) -> NoReturn:
    raise Stopped(signum)


def main(command: list[str]) -> int:
    if not command:
        print("usage: with_postgres.py COMMAND [ARGUMENT...]", file=sys.stderr)
        return 2
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _stop)
    try:
        with postgres() as url:
            return run(command, url)
    except ServerError as error:
        print(f"with_postgres: {error}", file=sys.stderr)
        return 3
    except FileNotFoundError as error:
        print(f"with_postgres: {error.filename} is not a program here.", file=sys.stderr)
        return 127
    except Stopped as stopped:
        return 128 + stopped.signum


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
