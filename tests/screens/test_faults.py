"""S29: what fails is told in a sentence, nothing is lost, and the screen goes on afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.screens.driving import open_terminal, shown_key
from tests.support.console import Console, oath
from tui_admin.database import Database, StorageError
from tui_admin.errors import StartError
from tui_admin.flows.context import Context
from tui_admin.models import Account, Device, PendingKey
from tui_admin.wiring import open_context

GONE = "The database is not available just now. Nothing was changed; please try again."
UNEXPECTED = "The service is not available just now. Nothing was changed; please try again."


class Cut:
    """A database whose line can be cut; what fails is `error`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.error: Exception | None = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        if self.error is not None:
            raise self.error
        async with self._database.read() as db:
            yield db

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        if self.error is not None:
            raise self.error
        async with self._database.write() as db:
            yield db

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


def cut(console: Console) -> tuple[Context, Cut]:
    """The installation's context with a line that can be cut."""
    line = Cut(console.ctx.database)
    return replace(console.ctx, database=line), line  # type: ignore[arg-type]


FAULTS = pytest.mark.parametrize(
    ("fault", "sentence"),
    [(StorageError(), GONE), (RuntimeError("a secret: hunter2"), UNEXPECTED)],
    ids=["storage", "unexpected"],
)


@FAULTS
async def test_at_sign_in(console: Console, fault: Exception, sentence: str) -> None:
    """Neither anonymous nor signed in: a sentence, the form as it was, and then it works."""
    alice = await console.customer("alice")
    context, line = cut(console)
    async with open_terminal(console, context=context) as terminal:
        line.error = fault
        await terminal.type("alice", "tab", *alice.password, "enter")
        terminal.at("SignInScreen")
        terminal.shows(sentence)
        terminal.hides("hunter2")
        assert terminal.app.signed_in is None
        assert terminal.field("username") == "alice"
        line.error = None
        await terminal.press("enter")
        terminal.at("PanelScreen")


@FAULTS
async def test_at_the_otp_step(console: Console, fault: Exception, sentence: str) -> None:
    """The code is not spent by it; typed again, it opens the door."""
    alice = await console.customer("alice", otp=True)
    context, line = cut(console)
    async with open_terminal(console, context=context) as terminal:
        await terminal.type("alice", "tab", *alice.password, "enter")
        line.error = fault
        await terminal.type(alice.code())
        terminal.at("OtpScreen")
        terminal.shows(sentence)
        line.error = None
        await terminal.type(alice.code())
        terminal.at("PanelScreen")


async def test_at_activation(console: Console) -> None:
    """The key on the screen stays the one that waits, and can be confirmed afterwards."""
    fault, sentence = StorageError(), GONE
    alice = await console.customer("alice")
    context, line = cut(console)
    async with open_terminal(console, context=context) as terminal:
        await terminal.sign_in(alice)
        line.error = fault
        await terminal.button("Set OTP")
        terminal.at("PanelScreen")
        terminal.shows(sentence)
        line.error = None
        await terminal.button("Set OTP")
        key = shown_key(terminal)
        line.error = fault
        await terminal.type(alice.password, "enter", *oath(key, terminal.clock.unix_s))
        terminal.at("ActivationScreen")
        terminal.shows(sentence)
        assert shown_key(terminal) == key
        assert len(await console.rows(PendingKey)) == 1
        await terminal.button("Start over")
        terminal.shows(sentence)
        assert shown_key(terminal) == key
        line.error = None
        await terminal.button("Activate")
        terminal.at("RecoveryCodesScreen")
    assert len(await console.rows(Device)) == 1


@FAULTS
async def test_in_the_panel(console: Console, fault: Exception, sentence: str) -> None:
    """Refreshing, saving, and a dialog: what was typed is still there, and works once it can."""
    alice = await console.customer("alice", otp=True)
    context, line = cut(console)
    async with open_terminal(console, context=context) as terminal:
        await terminal.sign_in(alice)
        line.error = fault
        await terminal.press("f5")
        terminal.shows(sentence, "ACTIVE")
        await terminal.turn(5)
        await terminal.press("f4")
        terminal.at("PanelScreen")
        await terminal.click("Basic Settings")
        terminal.shows(sentence)
        line.error = None
        await terminal.press("f5")
        terminal.app.screen.query_one("#name").focus()
        await terminal.type("Alice")
        line.error = fault
        await terminal.press("enter")
        terminal.shows(sentence)
        assert terminal.field("name") == "Alice"
        line.error = None
        await terminal.press("enter")
        terminal.shows("Saved.")
        await terminal.turn(30)
        await terminal.click("Account Security")
        await terminal.button("Disable")
        line.error = fault
        await terminal.type(alice.password, "enter", *alice.code())
        terminal.at("ConfirmIdentityDialog")
        terminal.shows(sentence)
        assert terminal.field("password") == alice.password
        line.error = None
        await terminal.type(alice.code())
        terminal.at("PanelScreen")
        terminal.shows("OTP is off.")
    (account,) = await console.rows(Account)
    assert account.name == "Alice"


async def test_at_the_recovery_codes(console: Console) -> None:
    """The only sight of the codes is not lost to a fault."""
    fault, sentence = StorageError(), GONE
    alice = await console.customer("alice")
    context, line = cut(console)
    async with open_terminal(console, context=context) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        code = oath(shown_key(terminal), terminal.clock.unix_s)
        await terminal.type(alice.password, "enter", *code)
        shown = [
            word for word in terminal.flat().split() if word.count("-") == 1 and len(word) == 11
        ]
        line.error = fault
        await terminal.type(shown[0], "enter")
        terminal.at("RecoveryCodesScreen")
        terminal.shows(sentence, *shown)
        line.error = None
        await terminal.press("enter")
        terminal.at("PanelScreen")


@FAULTS
async def test_while_signing_out(console: Console, fault: Exception, sentence: str) -> None:
    """The terminal forgets the session all the same, and says that the database did not."""
    alice = await console.customer("alice")
    context, line = cut(console)
    async with open_terminal(console, context=context) as terminal:
        await terminal.sign_in(alice)
        line.error = fault
        await terminal.press("f10")
        await terminal.button("Log out")
        terminal.at("SignInScreen")
        assert terminal.app.signed_in is None
        terminal.shows(sentence)


async def test_another_program_holds_the_database(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that does not go away is told of after the busy time, and nothing is changed."""
    if not console.ctx.database.is_sqlite:
        pytest.skip("SQLite's own lock")
    alice = await console.customer("alice")
    monkeypatch.setattr("tui_admin.database.BUSY_TIMEOUT_S", 0.2)
    impatient = await open_context(console.settings, console.clock)
    other = create_async_engine(console.ctx.database.url)
    try:
        async with other.connect() as holder, open_terminal(console, context=impatient) as terminal:
            await holder.execute(text("BEGIN IMMEDIATE"))
            await terminal.type("alice", "tab", *alice.password, "enter")
            terminal.at("SignInScreen")
            terminal.shows("The database is")
            await holder.rollback()
            await terminal.press("enter")
            terminal.at("PanelScreen")
    finally:
        await other.dispose()
        await impatient.close()


async def test_a_damaged_database_is_told_of(console: Console) -> None:
    """A table that is gone is no crash and opens nothing."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await console.execute("ALTER TABLE device RENAME TO lost")
        await terminal.press("f5")
        terminal.at("PanelScreen")
        terminal.shows("The database is")
        await console.execute("ALTER TABLE lost RENAME TO device")
        await terminal.press("f5")
        terminal.hides("The database is")
        assert terminal.has_button("Set OTP")


@pytest.mark.parametrize("error", [StartError("The key file is missing."), RuntimeError("hunter2")])
async def test_a_console_that_cannot_start_ends_with_a_sentence(
    console: Console, error: Exception
) -> None:
    """Exit code 1, and the sentence is left for the shell; an unexpected one tells no detail."""

    async def fails() -> Context:
        raise error

    async with open_terminal(console, open_context=fails, wait=False) as terminal:
        for _round in range(10):
            await terminal.pilot.pause()
            if terminal.app.exit_error is not None:
                break
        assert terminal.app.return_code == 1
        assert terminal.app.exit_error is not None
        said = terminal.app.exit_error.sentence
    assert said == (str(error) if isinstance(error, StartError) else UNEXPECTED)


async def test_a_failed_check_of_the_session_signs_nobody_out(console: Console) -> None:
    """Unavailable is neither yes nor no: the person stays, and is told by the next thing done."""
    alice = await console.customer("alice")
    context, line = cut(console)
    async with open_terminal(console, context=context) as terminal:
        await terminal.sign_in(alice)
        before = terminal.text()
        for fault in (StorageError(), RuntimeError("hunter2")):
            line.error = fault
            await terminal.turn(5)
            await terminal.press("f12")
            terminal.at("PanelScreen")
        line.error = None
        assert terminal.text() == before
