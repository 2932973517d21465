"""`tui-admin account`, through the real command."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import subprocess
import sys
import time

import pytest
from sqlalchemy import text

from tests.cli.conftest import PASSWORD, Call, Shell
from tests.support.console import Console
from tui_admin.config import Settings
from tui_admin.database import Database
from tui_admin.errors import WrongCredentialsError
from tui_admin.flows import sign_in
from tui_admin.flows.answers import SignedIn, Visitor

KEYS = {
    "id",
    "username",
    "email",
    "email_verified",
    "phone",
    "phone_verified",
    "new_phone",
    "role",
    "created_at",
    "locked_at",
    "otp_active",
    "otp_blocked",
    "devices",
    "recovery_codes_left",
    "open_sessions",
}


def tamper(settings: Settings, statement: str, **values: str) -> None:
    """Change the database behind the program's back."""

    async def run() -> None:
        database = Database(settings.url)
        async with database.write() as db:
            await (await db.connection()).execute(text(statement), values)
        await database.close()

    asyncio.run(run())


def create(call: Call, shell: Shell, name: str) -> None:
    """Make an account in this process."""
    options = ("--username", name, "--email", f"{name}@example.com", "--password-stdin")
    assert call(shell, "account", "create", *options, stdin=PASSWORD).code == 0


def test_an_account_from_making_to_unlocking(shell: Shell) -> None:
    """The whole journey: made, shown, listed, locked, unlocked, found by name and by address."""
    options = ("--phone", "+420 603 123 456", "--verified", "--role", "staff", "--json")
    made = shell.create("alice", *options)
    assert made.code == 0 and made.err == b""
    assert set(made.json) == KEYS
    assert made.json["phone"] == "+420603123456"
    assert made.json["email_verified"] is made.json["phone_verified"] is True
    assert made.json["role"] == "staff" and made.json["locked_at"] is None
    assert made.json["created_at"].endswith("Z") and len(made.json["created_at"]) == 20
    assert shell.create("bob").code == 0

    assert shell.run("account", "lock", "ALICE@example.com").code == 0
    listed = shell.run("account", "list", "--json").json
    assert [account["username"] for account in listed] == ["alice", "bob"]
    assert all(set(account) == KEYS for account in listed)
    assert listed[0]["locked_at"].endswith("Z")
    assert [row.split()[-1] for row in shell.run("account", "list").text.splitlines()] == [
        "State",
        "locked",
        "open",
    ]
    assert shell.run("account", "unlock", "alice").code == 0
    assert shell.run("account", "show", "alice", "--json").json == made.json


def test_contacts_are_verified_one_at_a_time(shell: Shell, call: Call) -> None:
    """`account verify` marks what it is told to, and refuses a phone that is not there."""
    create(call, shell, "bob")
    refused = call(shell, "account", "verify", "bob", "--email", "--phone")
    assert refused.code == 1 and "no phone" in refused.sentence
    assert "not verified" in call(shell, "account", "show", "bob").text
    verified = call(shell, "account", "verify", "bob", "--email")
    assert "bob@example.com (verified)" in verified.text


@pytest.mark.parametrize(
    "arguments",
    [
        ("--username", "a\x1b]0;owned\x07", "--email", "a@example.com"),
        ("--username", "a\u202ecilla", "--email", "a@example.com"),
        ("--username", "[/]", "--email", "a@example.com"),
        ("--username", "аlice", "--email", "a@example.com"),  # noqa: RUF001 (a Cyrillic letter)
        ("--username", "a" * 65, "--email", "a@example.com"),
        ("--username", "", "--email", "a@example.com"),
        ("--username", "alice", "--email", "a@example.com, evil@example.com"),
        ("--username", "alice", "--email", "a@example.com\r\nBcc: evil@example.com"),
        ("--username", "alice", "--email", "a@example.com", "--phone", "\x1b[31m603"),
        ("--username", "alice", "--email", "a@example.com", "--phone", "603123456"),
        ("--username", "alice", "--email", "a@example.com", "--role", "root"),
    ],
)
def test_a_bad_field_is_refused_by_name(
    shell: Shell, call: Call, arguments: tuple[str, ...]
) -> None:
    """A malformed field ends with 1, names the field, repeats no byte of it, and stores nothing."""
    ended = call(shell, "account", "create", *arguments, "--password-stdin", stdin=PASSWORD)
    assert ended.code == 1
    fields = arguments[-2:-1] if len(arguments) > 4 else ("--username", "--email")
    assert ended.sentence.startswith(tuple(f"{name[2:]}: " for name in fields))
    assert b"\x1b" not in ended.err and "\u202e" not in ended.sentence and ended.out == b""
    assert call(shell, "account", "list", "--json").json == []


def test_a_taken_name_or_address_is_refused(shell: Shell, call: Call) -> None:
    """Neither a username nor an address can be had twice, in whatever case or width (S28)."""
    assert shell.create("alice").code == 0
    for username, email in (
        ("ALICE", "other@example.com"),
        ("ａｌｉｃｅ", "other@example.com"),  # noqa: RUF001 (full-width letters)
        ("other", "Alice@EXAMPLE.com"),
        ("alice@example.com", "other@example.com"),
    ):
        who = ("--username", username, "--email", email, "--password-stdin")
        ended = call(shell, "account", "create", *who, stdin=PASSWORD)
        assert ended.code == 1 and "already" in ended.sentence
    assert len(call(shell, "account", "list", "--json").json) == 1


@pytest.mark.parametrize(
    ("stdin", "why"),
    [
        (b"", "type your password"),
        (b"\n", "type your password"),
        (b"short1!\n", "at least 8"),
        (b"x1" * 65 + b"\n", "at most 128"),
        (b"x" * 5000, "not that long"),
        (b"correct horse\nbattery staple\n", "one line"),
        (b"correct\x00horse 7", "control characters"),
        (b"correct\x1b[Dhorse 7\n", "control characters"),
        (b"\xef\xbb\xbfcorrect horse 7\n", "control characters"),
        (b"correct \xff\xfe horse 7\n", "UTF-8 text"),
        (b"password1\n", "lists that guessers try"),
        (b"alice@example.com\n", "your name or address"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else "",
)
def test_a_password_that_cannot_be_taken_is_refused(
    shell: Shell, call: Call, stdin: bytes, why: str
) -> None:
    """A password is one line of UTF-8, 8 to 128 characters, not common; none is cut off (S23)."""
    options = ("--username", "alice", "--email", "alice@example.com", "--password-stdin")
    ended = call(shell, "account", "create", *options, stdin=stdin)
    assert ended.code == 1 and ended.sentence.startswith("password: ")
    assert why in ended.sentence
    assert not stdin.strip() or stdin.strip() not in ended.err.removeprefix(b"password: ")
    assert call(shell, "account", "list", "--json").json == []


async def test_spaces_and_letters_of_a_password_are_all_kept(
    shell: Shell, console: Console
) -> None:
    """A password keeps its spaces and any script's letters; only the last newline goes."""
    for number, ending in enumerate((b"\n", b"\r\n", b"")):
        name = f"user{number}"
        made = await asyncio.to_thread(
            shell.create, name, stdin=b"  h\xc3\xa1\xc4\x8dek \xe2\x98\x83 7  " + ending
        )
        assert made.code == 0, made.sentence
        here = Visitor("192.0.2.7")
        answer = await sign_in.password(console.ctx, here, name, "  háček ☃ 7  ")
        assert isinstance(answer, SignedIn)
        with pytest.raises(WrongCredentialsError):
            await sign_in.password(console.ctx, here, name, "háček ☃ 7")


def test_what_was_written_into_the_database_cannot_act_on_the_terminal(
    shell: Shell, settings: Settings, call: Call
) -> None:
    """Control bytes, bidi overrides and markup in a stored field are shown harmless (T1, T2)."""
    evil = "\x1b]0;\x07\u202e\x9b1m[/][b]\n"  # short enough for every column
    create(call, shell, "alice")
    tamper(settings, "UPDATE account SET username = :evil, phone = :evil, role = '[/]'", evil=evil)
    for arguments in (
        ("list",),
        ("list", "--json"),
        ("show", "alice@example.com"),
        ("lock", "alice@example.com"),
    ):
        ended = call(shell, "account", *arguments)
        assert ended.code == 0
        shown = ended.text
        assert not set(shown) & set("\x1b\x07\u202e\x9b")
        assert "[/][b]" in shown


def test_an_unknown_name_is_refused(shell: Shell, call: Call) -> None:
    """There is one sentence for whatever is not there, with odd characters too."""
    for name in ("nobody", "\u202e", "'; DROP TABLE account; --", "x" * 5000):
        ended = call(shell, "account", "show", name)
        assert ended.code == 1 and ended.sentence == "There is no such entry."


@pytest.mark.pty
def test_a_password_is_asked_for_twice_and_not_shown(shell: Shell) -> None:
    """On a terminal the password is asked for, hidden; two that differ are asked for again, so that
    the next line never lands on the shell, and refused in the end."""
    options = ["--username", "alice", "--email", "alice@example.com", "--json"]
    command = ["account", "create", *options]
    code, shown = _type(shell, command, [b"correct horse 7\n", b"correct horse 8\n"] * 3)
    assert code == 1 and b"not the same" in shown
    code, shown = _type(shell, command, [b"correct horse 7\n", b"correct horse 7\n"])
    assert code == 0 and b'"username": "alice"' in shown
    assert b"correct horse" not in shown


def _type(shell: Shell, arguments: list[str], lines: list[bytes]) -> tuple[int, bytes]:
    """Run a command on a terminal of its own; type each line once a prompt has appeared."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tui_admin", *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=shell.environ,
        cwd=shell.data_dir.parent,
        start_new_session=True,
    )
    os.close(slave)
    shown, prompts, deadline = b"", 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            shown += os.read(master, 4096)
        except OSError:  # the other side has gone
            break
        if shown.endswith(b": ") and shown.count(b": ") > prompts and prompts < len(lines):
            os.write(master, lines[prompts])
            prompts += 1
    os.close(master)
    return process.wait(10), shown
