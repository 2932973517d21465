"""The lost device through the real command: the letter and the SMS are really delivered."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.journeys.conftest import Start
from tests.journeys.losing import lose_the_device
from tests.support.installed import Installation
from tests.support.post import Post
from tests.support.pty_app import PtyApp

pytestmark = [pytest.mark.pty, pytest.mark.slow]

# Apprise imports what is on its way out, where Python still has it.
QUIET = {"PYTHONWARNINGS": "error,ignore:'imghdr' is deprecated:DeprecationWarning"}


@pytest.mark.parametrize("names", [("alice",), ("alice", "bob")], ids=["one", "two_at_once"])
def test_the_link_in_another_terminal(
    start: Start, tmp_path: Path, post: Post, names: tuple[str, ...]
) -> None:
    """S14, S15: `tui-admin` waits while `tui-admin recover LINK` runs beside it, for one person and
    for two at the same time, each on two terminals: each reaches the end on their own."""
    installation = Installation(tmp_path / "data")
    installation.add(*names, otp=True)
    env = {**installation.env, **post.env, **QUIET}

    def follow(mail: str) -> PtyApp:
        command = re.findall(r"tui-admin (recover \w+)", mail)[0]
        return start(*command.split(), env=env)

    def lose(name: str) -> None:
        lose_the_device(start(env=env), follow, installation.people[name], post)

    with ThreadPoolExecutor(len(names)) as threads:
        list(threads.map(lose, names))
