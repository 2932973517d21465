"""`deploy/operator`: the commands beside the service that `deploy/tui-admin.service` describes."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from tests.support.pty_app import ROOT

SHARED = (
    *("DynamicUser", "User", "StateDirectory", "StateDirectoryMode", "UMask"),
    *("WorkingDirectory", "EnvironmentFile"),
)
"""What decides who a command is, where it works and which secrets it has."""


def unit() -> dict[str, list[str]]:
    """The service's settings, each with all its values."""
    found = defaultdict(list)
    for line in (ROOT / "deploy/tui-admin.service").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


def asked(tmp_path: Path, *arguments: str) -> list[str]:
    """What the script asks of `systemd-run`."""
    fake = tmp_path / "systemd-run"
    fake.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    fake.chmod(0o755)
    done = subprocess.run(
        [ROOT / "deploy/operator", *arguments],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def test_a_command_runs_as_the_service_does(tmp_path: Path) -> None:
    """The same user, or systemd would give the folder away under the service's feet; the same
    folder, settings, secrets and program."""
    words = asked(tmp_path, "account", "show", "two words")
    program = unit()["ExecStart"][0].split()[0]
    assert words[-4:] == [program, "account", "show", "two words"]
    options = words[:-4]
    properties = [value for option, value in pairwise(options) if option == "-p"]
    assert properties == [f"{name}={unit()[name][0]}" for name in SHARED]
    variables = [value for option, value in pairwise(options) if option == "-E"]
    theirs = [value for value in unit()["Environment"] if "LOG_FORMAT" not in value]
    assert variables == theirs
