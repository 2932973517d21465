"""Every text a person reads goes through gettext: in a made-up language each is between « and »."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from textual.widget import Widget
from textual.widgets import OptionList, Static

import screens
import tui_admin
from screens.widgets.action_button import ActionButton
from screens.widgets.countdown import Countdown
from screens.widgets.key_bar import shown_keys
from screens.widgets.text_field import TextField
from tests.screens.driving import Terminal, open_terminal, shown_key
from tests.support.console import STRANGER, Console, oath
from tui_admin.i18n import use_language
from tui_admin.models import SupportRequest

PACKAGES = [Path(str(package.__file__)).parent for package in (screens, tui_admin)]
"""Where the code lies that is run: in the wheel's tests not beside these."""
CODE = "de"
"""A language that Babel knows, for dates; its words are made up here."""

KNOWN = re.compile(
    r"alice(@example\.com)?|WEDOS Internet|SHA-1|English|Deutsch|UTC|Europe/Prague|ABCDE-12345"
    r"|xterm(-256color)?|Phone|\d+\.? \w+\.? \d{4}(, \d\d:\d\d)?"
    r"|\b[A-Z2-7]{4}( [A-Z2-7]{4})+|\b[0-9A-Z]{5}-[0-9A-Z]{5}\b"
    r"|\b(Tab|Enter|Esc|F\d+)\b|\^[A-Z]"
)
"""Data, names of keys and languages, and dates: what is no text of ours."""


def wrapped(message: str) -> str:
    return f"«{message}»"


@pytest.fixture
def console_in_it(console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Console:
    """An installation whose people speak the made-up language."""
    catalogue = Catalog(locale=CODE)
    for package in PACKAGES:
        keywords = {"_": None, "N_": None, "ngettext": (1, 2)}
        for _file, _line, message, _comments, _context in extract_from_dir(
            package, [("**.py", "python")], keywords=keywords
        ):
            if isinstance(message, tuple):
                catalogue.add(message, tuple(wrapped(form) for form in message))
            else:
                catalogue.add(message, wrapped(message))
    folder = tmp_path / "locale" / CODE / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "tui_admin.mo").open("wb") as file:
        write_mo(file, catalogue)
    monkeypatch.setattr("tui_admin.i18n.LOCALE_DIR", tmp_path / "locale")
    settings = console.settings.model_copy(update={"locale": CODE})
    console.ctx = replace(console.ctx, settings=settings)
    return console


def texts(widget: Widget) -> Iterator[str]:
    """Everything that a widget says."""
    if isinstance(widget, Static | ActionButton | Countdown):
        yield str(widget.render())
    if isinstance(widget, TextField):
        yield widget.placeholder
    if isinstance(widget, OptionList):
        for option in widget.options:
            yield str(option.prompt)
    yield str(widget.border_title or "")
    yield str(widget.border_subtitle or "")


def foreign(terminal: Terminal) -> list[str]:
    """Texts of the screen that did not come out of the catalogue."""
    # Rendered in this task, which is none of the terminal's.
    use_language(terminal.app.language)
    screen = terminal.app.screen
    said = [text for widget in screen.walk_children(Widget) for text in texts(widget)]
    said += [label for _key, label, _action in shown_keys(screen)]
    found = []
    for text in said:
        left, before = text, ""
        while left != before:
            left, before = re.sub("«[^«»]*»", " ", left), left
        if re.search(r"[^\W\d_]", KNOWN.sub(" ", left)):
            found.append(text)
    return found


async def test_every_label_of_every_screen_is_translated(console_in_it: Console) -> None:
    """Another language needs a catalogue and nothing else."""
    console = console_in_it
    alice = await console.customer("alice")
    await console.sign_in(alice, STRANGER)
    async with open_terminal(console, size=(120, 40)) as terminal:
        missing: dict[str, list[str]] = {}

        def look(place: str) -> None:
            assert "«" in terminal.text(), place
            if found := foreign(terminal):
                missing[place] = found

        async def at(place: str, *keys: str) -> None:
            await terminal.press(*keys)
            look(place)

        look("sign in")
        await at("nothing typed", "enter", "enter")
        await at("help of sign in", "f1")
        await terminal.press("escape")
        await terminal.button("«I cannot reach my e-mail or phone»")
        look("contact form")
        await at("help of the contact form", "f1")
        await terminal.press("escape")
        await terminal.type("alice", "tab", *"\u202e", "tab", "tab", "enter")
        look("wrong in the contact form")
        await at("not sent?", "escape")
        await terminal.press("escape", "ctrl+u")
        await terminal.type("alice@example.com", "tab", *"1", "tab", *"2")
        await terminal.paste("3" * 3000)
        look("too much in the contact form")
        await terminal.button("«Send»")
        look("case opened")
        await at("PIN lost?", "escape")
        await terminal.press("escape")
        await terminal.button("«Done»")
        await terminal.button("«I cannot reach my e-mail or phone»")
        await terminal.button("«I have a case number»")
        look("case")
        await at("no number", "enter", "enter")
        await at("help of the case", "f1")
        await terminal.press("escape")
        await terminal.type("12345678", "enter", *"1", "enter")
        look("no PIN")
        await terminal.type("23456", "enter")
        look("wrong PIN")
        [case] = await console.rows(SupportRequest)
        case.pin_mac = console.ctx.keyring.mac("case-pin", f"{case.number}:123456")
        await console.execute("UPDATE support_request SET pin_mac = :mac", mac=case.pin_mac)
        await terminal.press("shift+tab", "ctrl+u")
        await terminal.type(case.number, "enter")
        for state in ("open", "answered", "closed"):
            await console.execute("UPDATE support_request SET state = :state", state=state)
            await terminal.press("ctrl+u")
            await terminal.type("123456", "enter")
            look(f"case {state}")
        await terminal.press("escape", "escape")
        await terminal.type("alice", "tab", *"wrong", "enter")
        look("refused")
        await terminal.press("escape")
        await terminal.sign_in(alice)
        look("panel, off")
        await at("help of the panel", "f1")
        await at("my account", "escape", "f6")
        await at("log out?", "escape", "f10")
        await at("leave?", "escape", "ctrl+q")
        await terminal.press("escape")
        await terminal.button("«End»")
        look("end session?")
        await terminal.press("escape")
        await terminal.click("«Basic Settings»")
        look("basic settings")
        terminal.app.screen.query_one("#timezone").focus()
        await terminal.type("x", "tab")
        look("wrong time zone")
        await at("not saved?", "f5")
        await terminal.press("escape")
        await terminal.button("English" if terminal.has_button("English") else "Deutsch")
        look("which language?")
        await terminal.press("escape")
        await terminal.button("«Change phone»")
        look("change phone")
        await at("nothing typed there", "enter", "enter", "enter")
        await terminal.press("escape", "f5")
        await terminal.button("«Throw it away»")
        await terminal.click("«Account Security»")
        await terminal.button("«Set OTP»")
        look("activation")
        await at("too few", "enter", "1", "enter")
        await at("help of activation", "f1")
        await terminal.press("escape", "f8")
        look("copied")
        await terminal.button("«Start over»")
        look("started over")
        await terminal.type("wrong", "enter", *"123456")
        look("missed")
        await terminal.type(alice.password, "enter")
        alice.key = shown_key(terminal)
        await terminal.type(oath(alice.key, terminal.clock.unix_s + 300))
        look("drift")
        alice.key = shown_key(terminal)
        await terminal.type(alice.password, "enter", *oath(alice.key, terminal.clock.unix_s))
        terminal.at("RecoveryCodesScreen")
        look("recovery codes")
        await at("not one of them", "x", "enter")
        await at("leave the codes?", "escape")
        await terminal.button("«Leave all the same»")
        look("panel, on")
        for label in ("Add device", "Show shared key", "New recovery codes", "Disable", "Rename"):
            await terminal.button(wrapped(label))
            look(label)
            await terminal.press("escape")
        await terminal.turn(60)
        await terminal.button("«Show shared key»")
        await terminal.type(alice.password, "enter", *alice.code())
        terminal.at("ShowKeyScreen")
        look("shared key")
        await at("help of the key", "f1")
        await terminal.press("escape", "escape", "f10")
        await terminal.button("«Log out»")
        look("signed out")
        await terminal.type("alice", "tab", *alice.password, "enter")
        terminal.at("OtpScreen")
        look("OTP step")
        await at("help of the step", "f1")
        await terminal.press("escape")
        await terminal.type(alice.code())
        look("reused")
        await terminal.button("«Use a recovery code»")
        await terminal.press("enter")
        look("recovery at the step")
        await terminal.resize(40, 10)
        look("too small")
        assert missing == {}


async def test_a_language_is_one_terminals_own(console_in_it: Console) -> None:
    """Two terminals of one process speak two languages; after sign-out the first is back."""
    console = console_in_it
    alice = await console.customer("alice")
    bob = await console.customer("bob")
    await console.execute("UPDATE account SET language = 'en' WHERE username = 'bob'")
    async with open_terminal(console) as german, open_terminal(console) as english:
        await german.sign_in(alice)
        await english.sign_in(bob)
        await german.press("f5")
        german.shows("«Account Security»")
        english.shows("Account Security")
        english.hides("«")
        await english.press("f10")
        await english.button("Log out")
        english.shows("«Sign in»", "«Password»")


async def test_choosing_a_language_changes_the_screen_at_once(console_in_it: Console) -> None:
    """Saved in Basic Settings, it is spoken by everything that is drawn from then on."""
    console = console_in_it
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.click("«Basic Settings»")
        await terminal.button("Deutsch")
        await terminal.click("English")
        await terminal.button("«Save Changes»")
        terminal.shows("Saved.", "Basic Settings", "Account Security", "Log out")
        terminal.hides("«")
    assert (await console.account(alice)).language == "en"
