"""Basic Settings: saved after a check, asked about before it is lost, the phone only with proof."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.screens.driving import Terminal, open_terminal
from tests.support.console import Console, Person
from tui_admin.models import Letter


@asynccontextmanager
async def at_the_settings(console: Console, person: Person) -> AsyncIterator[Terminal]:
    """A terminal on which Basic Settings were chosen in the menu."""
    async with open_terminal(console) as terminal:
        await terminal.sign_in(person)
        await terminal.click("Basic Settings")
        terminal.shows("Customer \u203a Basic Settings")
        yield terminal


async def fill(terminal: Terminal, name: str, text: str) -> None:
    """Put a text in place of what stands in a field, by mouse and keys."""
    terminal.app.screen.query_one(f"#{name}").focus()
    await terminal.settle()
    await terminal.press("ctrl+u")
    await terminal.type(text)


async def test_what_is_saved_is_there_the_next_time(console: Console) -> None:
    """Name, company and time zone are stored; times are shown in the new zone from then on."""
    alice = await console.customer("alice")
    async with at_the_settings(console, alice) as terminal:
        terminal.shows("alice@example.com", "+420603123456", "verified", "UTC")
        await fill(terminal, "name", "Alice Nováková")
        await fill(terminal, "company", "Wonder & Co.")
        await fill(terminal, "timezone", "Asia/Tokyo")
        await terminal.button("Save Changes")
        terminal.shows("✓ Saved.")
        await terminal.click("Account Security")
        terminal.shows("since 15 Jan 2030, 21:00")
    account = await console.account(alice)
    assert (account.name, account.company) == ("Alice Nováková", "Wonder & Co.")
    assert account.timezone == "Asia/Tokyo"
    async with at_the_settings(console, alice) as terminal:
        assert terminal.field("name") == "Alice Nováková"
        assert terminal.field("timezone") == "Asia/Tokyo"


async def test_a_field_says_beside_itself_what_is_wrong(console: Console) -> None:
    """While one types, after the field was left once; and nothing wrong is stored."""
    alice = await console.customer("alice")
    async with at_the_settings(console, alice) as terminal:
        await fill(terminal, "timezone", "Mars/Olympus")
        await terminal.press("tab")
        terminal.shows("Unknown; write it like Europe/Prague.")
        await terminal.button("Save Changes")
        terminal.shows("Unknown; write it like Europe/Prague.")
        assert terminal.focused == "timezone"
        await fill(terminal, "timezone", "Europe/Prague")
        terminal.hides("Unknown;")
        await fill(terminal, "name", "bad\u202ename")
        assert terminal.field("name") == "badname"
    assert (await console.account(alice)).timezone == ""


async def test_leaving_with_something_typed_asks(console: Console) -> None:
    """By the menu, by F5 and by logging out: nothing typed is lost without a word."""
    alice = await console.customer("alice")
    async with at_the_settings(console, alice) as terminal:
        await fill(terminal, "name", "Half typ")
        await terminal.click("Account Security")
        terminal.shows("What you changed here is not saved.")
        assert terminal.focused == "no"
        await terminal.press("enter")
        assert terminal.field("name") == "Half typ"
        await terminal.press("f5")
        terminal.shows("What you changed here is not saved.")
        await terminal.press("escape")
        assert terminal.field("name") == "Half typ"
        await terminal.press("f5")
        await terminal.button("Throw it away")
        assert terminal.field("name") == ""
        await terminal.click("Account Security")
        terminal.shows("Customer \u203a Account Security")


async def test_a_new_phone_asks_for_the_password_and_waits_for_verification(
    console: Console,
) -> None:
    """S7, S16, S19: the verified number stays in force, and a letter tells of the change."""
    alice = await console.customer("alice")
    async with at_the_settings(console, alice) as terminal:
        await terminal.button("Change phone")
        terminal.at("ConfirmIdentityDialog")
        await terminal.type("12345", "enter", *alice.password, "enter")
        terminal.shows("Not a phone number; they start like +420 603.")
        assert terminal.focused == "phone"
        await terminal.press("ctrl+u")
        await terminal.type("+420 777 123 456", "enter", *"wrong", "enter")
        await terminal.settle()
        terminal.shows("The account password is not right.")
        assert terminal.field("phone") == "+420 777 123 456"
        await terminal.type(alice.password, "enter")
        terminal.at("PanelScreen")
        terminal.shows("+420777123456 waits for verification", "+420603123456")
    account = await console.account(alice)
    assert (account.phone, account.new_phone) == ("+420603123456", "+420777123456")
    assert {row.template for row in await console.rows(Letter)} == {"phone.changed"}


async def test_a_new_phone_leaves_what_was_typed_beside_it(console: Console) -> None:
    """Whoever changes the phone in the middle of typing saves the rest afterwards."""
    alice = await console.customer("alice")
    async with at_the_settings(console, alice) as terminal:
        await fill(terminal, "name", "Alice Nováková")
        await fill(terminal, "company", "Wonder & Co.")
        await terminal.button("Change phone")
        await terminal.type("+420 777 123 456", "enter", *alice.password, "enter")
        terminal.at("PanelScreen")
        terminal.shows("The new number waits", "+420777123456 waits for verification")
        assert terminal.focused == "change-phone"
        assert terminal.field("name") == "Alice Nováková"
        assert terminal.field("company") == "Wonder & Co."
        await terminal.button("Save Changes")
        terminal.shows("✓ Saved.")
    account = await console.account(alice)
    assert (account.name, account.company) == ("Alice Nováková", "Wonder & Co.")
    assert account.new_phone == "+420777123456"


async def test_with_otp_on_a_new_phone_asks_for_a_code_too(console: Console) -> None:
    """S7: password alone does not change where the SMS codes go."""
    alice = await console.customer("alice", otp=True)
    async with at_the_settings(console, alice) as terminal:
        await terminal.turn(30)
        await terminal.button("Change phone")
        await terminal.type("+420 777 123 456", "enter", *alice.password, "enter")
        await terminal.press("enter")
        terminal.at("ConfirmIdentityDialog")
        assert (await console.account(alice)).new_phone == ""
        terminal.app.screen.query_one("#code").focus()
        await terminal.settle()
        await terminal.type(alice.code())
        terminal.at("PanelScreen")
    assert (await console.account(alice)).new_phone == "+420777123456"
