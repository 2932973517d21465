"""T1, T2: whatever stands in the database or comes from the keyboard, the terminal is not told to
do anything by it, and no screen falls over it."""

from __future__ import annotations

import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from textual import events

from screens.cells import screen_cells
from screens.widgets.form import CodeField, Field
from screens.widgets.text_box import TextBox
from screens.widgets.text_field import TextField
from tests.screens.driving import Terminal, open_terminal
from tests.support.console import Console
from tui_admin.flows.answers import Visitor
from tui_admin.models import Account

UNSAFE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
HOSTILE = (
    "\x1b[2J\x1b]52;c;aGVsbG8=\x07[/][bold][@click=app.quit]x[/]\u202egnp.\u202c\r\nsecond\u2028"
    "\x9b31m\x00\x08\u200b\ufeff[red"
)
RUBBISH = {
    "markup": "[/] [bold]x[/bold] [@click=app.bell]y[/]",
    "escape": "\x1b[31mred\x1b]0;title\x07\x1b[6n",
    "c1": "\x9b2J\x90q\x9c\x85",
    "bidi": "abc\u202edef\u2066ghi\u2069",
    "nul": "a\x00b\x7fc",
    "surrogate": "x\ud800y\udfffz",
    "full-width": "\uff21\uff22\uff23 \uff11\uff12\uff13\uff14 界",
    "marks": "a" + "\u0301" * 200,
    "braces": "{time} {0} %s %(x)s {",
}


def unsafe(terminal: Terminal) -> set[str]:
    """Characters on the screen that a terminal would obey or not show."""
    cells = {char for row in screen_cells(terminal.app) for char, _fg, _bg in row}
    return {
        f"U+{ord(one):04X}" for char in cells for one in char if unicodedata.category(one) in UNSAFE
    }


async def poison(console: Console) -> None:
    """Put hostile text into every column of the database that a screen shows."""
    await console.execute(
        "UPDATE account SET name = :text, company = :text, timezone = :text, language = :text,"
        " theme = :text, phone = :text, new_phone = :text, username = :name, email = :text",
        text=HOSTILE,
        name="alice",
    )
    await console.execute("UPDATE device SET name = :text", text=HOSTILE[:40])
    await console.execute("UPDATE session SET terminal = :text, address = :text", text=HOSTILE[:64])


async def test_hostile_data_is_shown_and_not_obeyed(console: Console) -> None:
    """T1, T2: names, devices, contacts, sessions: every screen that shows them, at two sizes."""
    alice = await console.customer("alice", otp=True)
    await console.sign_in(alice, Visitor(HOSTILE, HOSTILE))
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await poison(console)

        async def look() -> None:
            assert unsafe(terminal) == set()

        await terminal.press("f5")
        terminal.shows("\ufffd[2J\ufffd]52;c;aGVsbG8=", "[/][bold]")
        await look()
        await terminal.button("Rename")
        await look()
        await terminal.press("escape")
        await terminal.button("End")
        await look()
        await terminal.press("escape")
        await terminal.turn(60)
        await terminal.button("Show shared key")
        await look()
        await terminal.type(alice.password, "enter", *alice.code())
        terminal.at("ShowKeyScreen")
        await look()
        await terminal.press("escape", "f1")
        await look()
        await terminal.press("escape")
        await terminal.click("Basic Settings")
        terminal.shows("[/][bold]")
        await look()
        await terminal.resize(160, 50)
        await look()
        await terminal.button("Save Changes")
        await look()
        await terminal.press("escape", "escape")
        await look()


async def test_hostile_names_at_the_beginning(console: Console) -> None:
    """T1, T2: the name in the navigation bar and what the QR code is labelled with."""
    alice = await console.customer("alice")
    await console.execute("UPDATE account SET username = :name", name=HOSTILE[:64])
    alice.name = alice.email
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.resize(120, 40)
        assert "\ufffd[2J" in terminal.text()
        assert unsafe(terminal) == set()
        await terminal.button("Set OTP")
        terminal.at("ActivationScreen")
        assert unsafe(terminal) == set()


async def test_a_hostile_brand(console: Console) -> None:
    """T1, T2: the operator's own text is data too."""
    settings = console.settings.model_copy(update={"brand": "[/]\x1b[2J\u202eX"})
    context = replace(console.ctx, settings=settings)
    alice = await console.customer("alice")
    async with open_terminal(console, context=context) as terminal:
        assert unsafe(terminal) == set()
        await terminal.sign_in(alice)
        await terminal.resize(120, 40)
        assert unsafe(terminal) == set()


Way = Callable[[Terminal, Console], Awaitable[None]]


async def way_to_sign_in(terminal: Terminal, console: Console) -> None:
    """The sign-in screen."""


async def way_to_otp(terminal: Terminal, console: Console) -> None:
    """The OTP step, both ways."""
    alice = await console.customer("alice", otp=True)
    await terminal.type("alice", "tab", *alice.password, "enter")
    terminal.at("OtpScreen")


async def way_to_activation(terminal: Terminal, console: Console) -> None:
    """Set OTP."""
    alice = await console.customer("alice")
    await terminal.sign_in(alice)
    await terminal.button("Set OTP")


async def way_to_settings(terminal: Terminal, console: Console) -> None:
    """Basic Settings."""
    alice = await console.customer("alice")
    await terminal.sign_in(alice)
    await terminal.click("Basic Settings")


async def way_to_the_dialog(terminal: Terminal, console: Console) -> None:
    """The dialog with all fields that a dialog has."""
    alice = await console.customer("alice", otp=True)
    await terminal.sign_in(alice)
    await terminal.button("Add device")


async def way_to_rename(terminal: Terminal, console: Console) -> None:
    """Another name for a device."""
    alice = await console.customer("alice", otp=True)
    await terminal.sign_in(alice)
    await terminal.button("Rename")


async def way_to_contact_form(terminal: Terminal, console: Console) -> None:
    """The contact form, with its box of several lines."""
    await terminal.button("I cannot reach my e-mail or phone")


async def way_to_case(terminal: Terminal, console: Console) -> None:
    """Number and PIN of a case."""
    await way_to_contact_form(terminal, console)
    await terminal.button("I have a case number")


ways = pytest.mark.parametrize(
    "way",
    [
        way_to_sign_in,
        way_to_otp,
        way_to_activation,
        way_to_settings,
        way_to_the_dialog,
        way_to_rename,
        way_to_contact_form,
        way_to_case,
    ],
)


@ways
async def test_rubbish_in_every_field(console: Console, way: Way) -> None:
    """T1, T2: pasted and typed, then sent: a sentence, no crash, nothing obeyed, nothing stored."""
    async with open_terminal(console) as terminal:
        await way(terminal, console)
        screen = type(terminal.app.screen).__name__
        before = await console.rows(Account)
        for text in RUBBISH.values():
            for field in terminal.app.screen.focus_chain:
                if not isinstance(field, TextField | TextBox | CodeField):
                    continue
                field.focus()
                await terminal.pilot.pause()
                terminal.app.post_message(events.Paste(text))
                for char in text[:20]:
                    terminal.app.post_message(events.Key("x", char))
            await terminal.settle()
            assert unsafe(terminal) == set(), text
        for text_field in terminal.app.screen.query(TextField):
            text_field.focus()
            await terminal.press("enter")
            assert unsafe(terminal) == set()
        if way is not way_to_rename:  # brackets are a name like any other
            terminal.at(screen)
        assert [row.name for row in await console.rows(Account)] == [row.name for row in before]


@ways
async def test_a_megabyte_into_every_field(console: Console, way: Way) -> None:
    """A paste of 1 MB is cut to what the field holds, and a sentence says so."""
    async with open_terminal(console) as terminal:
        await way(terminal, console)
        reachable = terminal.app.screen.focus_chain
        fields = [field for field in terminal.app.screen.query(Field) if field.input in reachable]
        for field in fields:
            field.input.value = ""
            field.input.focus()
            await terminal.settle()
            await terminal.paste("7" * 1_000_000)
            assert len(field.value) == field.input.limit
            terminal.shows("That was too long;")
            field.clear()
        for code in terminal.app.screen.query(CodeField):
            code.focus()
            await terminal.settle()
            await terminal.paste("7" * 1_000_000)
            assert code.value == ""
            terminal.shows("The OTP password is six digits.")
