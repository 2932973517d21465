"""`tui-admin db` and `tui-admin audit`, on databases in every state."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest

from tests.cli.conftest import Call, Shell
from tests.cli.test_account import create, tamper
from tui_admin.config import Settings


def test_a_database_from_nothing_to_checked(bare: Shell) -> None:
    """`check` makes nothing, `upgrade` makes the database, a second `upgrade` changes nothing."""
    missing = bare.run("db", "check")
    assert missing.code == 1 and "db upgrade" in missing.sentence
    assert not bare.data_dir.exists()
    assert "now at version" in bare.run("db", "upgrade").text
    assert "already" in bare.run("db", "upgrade").text
    checked = bare.run("db", "check")
    assert checked.code == 0 and "Integrity" in checked.text and checked.err == b""


@pytest.mark.parametrize("command", [("db", "check"), ("db", "upgrade"), ("account", "list")])
def test_a_newer_database_is_refused(
    shell: Shell, settings: Settings, call: Call, command: tuple[str, ...]
) -> None:
    """A database from a later version is not touched; the sentence says to update the program."""
    tamper(settings, "UPDATE alembic_version SET version_num = '9999'")
    ended = call(shell, *command)
    assert ended.code == 1 and "newer version" in ended.sentence and ended.out == b""


def test_an_older_database_is_not_upgraded_by_surprise(shell: Shell, settings: Settings) -> None:
    """A database without tables or from an earlier version says which command brings it up."""
    tamper(settings, "DELETE FROM alembic_version")
    ended = shell.run("account", "list")
    assert ended.code == 1 and "tui-admin db upgrade" in ended.sentence


def test_a_damaged_database_is_named_and_left_alone(bare: Shell, call: Call) -> None:
    """A file that is no database, or one with overwritten pages, is named and not touched."""
    bare.run("keys", "generate")
    bare.run("db", "upgrade")
    good = bare.database.read_bytes()
    # From the third page on: the schema is read, and the tables are rubbish.
    for bad in (b"not a database at all" * 500, good[:8192] + os.urandom(len(good) - 8192)):
        bare.database.write_bytes(bad)
        ended = bare.run("db", "check")
        assert ended.code == 1 and "damaged" in ended.sentence
        assert bare.database.read_bytes() == bad
    bare.database.write_bytes(b"not a database at all" * 500)
    for command in (("db", "upgrade"), ("account", "list"), ("audit", "verify")):
        ended = call(bare, *command)
        assert ended.code == 1 and "damaged" in ended.sentence and b"Traceback" not in ended.err


@pytest.mark.slow
def test_a_locked_database_is_waited_for_and_then_named(bare: Shell) -> None:
    """Another program that holds the database: a sentence after a few seconds, and nothing lost."""
    bare.run("keys", "generate")
    bare.create("alice")
    with sqlite3.connect(bare.database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        before = bare.key_file.read_bytes()
        commands = [
            subprocess.Popen(
                [sys.executable, "-m", "tui_admin", *arguments],
                env=bare.environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for arguments in (("account", "lock", "alice"), ("keys", "rotate"), ("db", "upgrade"))
        ]
        for command in commands:
            out, err = command.communicate(timeout=60)
            assert command.returncode == 1 and out == b""
            assert b"locked" in err and b"Traceback" not in err
        assert bare.key_file.read_bytes() == before
        other.execute("ROLLBACK")
    other.close()
    assert bare.run("account", "show", "alice", "--json").json["locked_at"] is None


def test_a_database_that_is_not_there_is_named_without_its_password(shell: Shell) -> None:
    """A server that does not answer is a sentence, and the address in it hides the password."""
    url = "postgresql+psycopg://panel:hunter2@127.0.0.1:1/panel"
    for command in (("account", "list"), ("db", "check")):
        ended = shell.run(*command, environ={"TUI_ADMIN_DATABASE_URL": url})
        assert ended.code == 1 and "127.0.0.1:1" in ended.sentence
        assert b"hunter2" not in ended.err + ended.out
    ended = shell.run("account", "list", environ={"TUI_ADMIN_DATABASE_URL": "nonsense"})
    assert ended.code == 1 and "database_url" in ended.sentence


def test_a_changed_audit_row_is_found(shell: Shell, settings: Settings, call: Call) -> None:
    """`audit verify` names the first row that was changed, and ends with 1 (S25)."""
    for name in ("alice", "bob", "carol"):
        create(call, shell, name)
    good = shell.run("audit", "verify")
    assert good.code == 0 and "3 rows" in good.text
    tamper(settings, "UPDATE audit SET event = 'account.unlocked' WHERE seq = 2")
    ended = shell.run("audit", "verify", "--json")
    assert ended.code == 1 and "row 2" in ended.sentence
    assert ended.json == {"rows": 1, "broken_at": 2}
    assert shell.run("audit", "verify").out == b""


def test_a_removed_audit_row_is_found(shell: Shell, settings: Settings, call: Call) -> None:
    """A row that is missing is named too (S25)."""
    for name in ("alice", "bob", "carol"):
        create(call, shell, name)
    tamper(settings, "DELETE FROM audit WHERE seq = 1")
    assert call(shell, "audit", "verify", "--json").json == {"rows": 0, "broken_at": 1}
