"""The contact form: opened from three places, it leads to number, PIN and state."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from screens.widgets.text_box import TextBox
from tests.screens.driving import SIZE, Terminal, open_terminal
from tests.support.console import Console
from tui_admin.errors import UnavailableError
from tui_admin.models import SupportRequest

CONTACT = "I cannot reach my e-mail or phone"
SENT = re.compile(r"Case number\s+(\d{4} \d{4})\s+PIN\s+(\d{3} \d{3})")
TYPED = ("alice@example.com", "tab", *"+420 777 888 999", "tab", *"All is gone.")


@asynccontextmanager
async def at_the_form(console: Console, size: tuple[int, int] = SIZE) -> AsyncIterator[Terminal]:
    """Open a terminal and press the button of the sign-in screen."""
    async with open_terminal(console, size=size) as terminal:
        await terminal.button(CONTACT)
        terminal.at("ContactFormScreen")
        yield terminal


async def fill(terminal: Terminal) -> None:
    await terminal.type(TYPED[0], *TYPED[1:])


def shown_case(terminal: Terminal) -> tuple[str, str]:
    found = SENT.search(terminal.flat())
    assert found, terminal.text()
    return found[1], found[2]


def story(terminal: Terminal) -> str:
    return terminal.app.screen.query_one(TextBox).text


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20)])
async def test_by_keys_alone(console: Console, size: tuple[int, int]) -> None:
    """From the first screen to the state of the case and back, without the mouse."""
    async with open_terminal(console, size=size) as terminal:
        await terminal.press("tab", "tab", "tab", "enter")
        terminal.at("ContactFormScreen")
        await terminal.type(TYPED[0], "enter", *"+420 777 888 999", "enter", *"All is", "enter")
        await terminal.type("gone.", "tab", "enter")
        terminal.shows(
            "Write these two down", "An answer comes by 16 Jan 2030, 12:00 (UTC) at the latest."
        )
        number, pin = shown_case(terminal)
        await terminal.press("enter")
        terminal.at("SignInScreen")
        assert terminal.focused == "contact"
        await terminal.press("enter", "tab", "tab", "tab", "tab", "enter")
        terminal.at("CaseScreen")
        await terminal.type(number, "enter", *pin, "enter")
        terminal.shows(
            "Received 15 Jan 2030, 12:00 (UTC).",
            "Open. An answer comes by 16 Jan 2030, 12:00 (UTC) at the latest.",
        )
        await terminal.press("escape", "escape")
        terminal.at("SignInScreen")
    [case] = await console.rows(SupportRequest)
    assert (case.email, case.story) == ("alice@example.com", "All is\ngone.")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20)])
async def test_by_the_mouse_and_letters(console: Console, size: tuple[int, int]) -> None:
    """Everything that is pressed can be clicked, and all of it is on the screen at each size."""
    async with at_the_form(console, size) as terminal:
        screen = terminal.app.screen
        for name, text in (("email", TYPED[0]), ("reach", "me@example.com"), ("story", "Help")):
            region = screen.query_one(f"#{name}").region
            await terminal.pilot.click(offset=(region.x + 3, region.y))
            await terminal.type(text)
        await terminal.button("Send")
        number, pin = shown_case(terminal)
        await terminal.button("Done")
        await terminal.button(CONTACT)
        await terminal.button("I have a case number")
        await terminal.type(number)
        region = terminal.app.screen.query_one("#pin").region
        await terminal.pilot.click(offset=(region.x + 3, region.y))
        await terminal.type(pin)
        await terminal.button("Show")
        terminal.shows("Open. An answer comes by")
        await terminal.click("Back")
        await terminal.click("Back")
        terminal.at("SignInScreen")


async def test_from_the_otp_step(console: Console) -> None:
    """The half-done sign-in is there afterwards."""
    alice = await console.customer("alice", otp=True)
    async with open_terminal(console) as terminal:
        await terminal.type("alice", "tab", *alice.password, "enter")
        terminal.at("OtpScreen")
        await terminal.button(CONTACT)
        terminal.at("ContactFormScreen")
        await fill(terminal)
        await terminal.button("Send")
        await terminal.button("Done")
        terminal.at("OtpScreen")
        await terminal.type(alice.code())
        terminal.at("PanelScreen")


async def test_from_the_panel(console: Console) -> None:
    """`Contact Form` of the left menu: the account's address is there and cannot be changed; the
    pane beneath keeps what was typed."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.click("Basic Settings")
        await terminal.type("x")
        await terminal.click("Contact Form")
        terminal.at("ContactFormScreen")
        terminal.shows("alice@example.com")
        assert terminal.focused == "reach"
        await terminal.type("my neighbour", "tab", *"Help", "tab", "enter")
        shown_case(terminal)
        await terminal.press("enter")
        terminal.at("PanelScreen")
        assert "x" in terminal.field("name")
        await terminal.press("escape", "enter")
        terminal.shows("Customer \u203a Basic Settings")
    [case] = await console.rows(SupportRequest)
    assert (case.email, case.account_id) == ("alice@example.com", alice.account_id)


async def test_a_session_that_ended_opens_nothing(console: Console) -> None:
    """S22: the form behind the panel goes with its session."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.click("Contact Form")
        await console.execute("UPDATE session SET ended_at = started_at, end_reason = 'locked'")
        await terminal.type("me", "tab", *"Help", "tab", "enter")
        terminal.at("SignInScreen")
        terminal.shows("You were signed out")
    assert await console.rows(SupportRequest) == []


async def test_what_is_wrong_stands_beside_its_field(console: Console) -> None:
    """While one types, and again when it is sent; nothing is lost by it."""
    async with at_the_form(console) as terminal:
        await terminal.button("Send")
        terminal.shows("This is not an e-mail address.")
        assert terminal.focused == "email"
        await terminal.type("alice", "tab")
        terminal.shows("This is not an e-mail address.")
        await terminal.press("shift+tab", "end")
        await terminal.type("@example.com")
        terminal.hides("This is not an e-mail address.")
        await terminal.button("Send")
        assert terminal.focused == "reach"
        terminal.shows("Please fill this in.")
        await terminal.type("me")
        terminal.hides("Please fill this in.")
        await terminal.button("Send")
        assert terminal.focused == "story"
        terminal.shows("Please fill this in.")
        await terminal.type("Help")
        terminal.hides("Please fill this in.")
        await terminal.button("Send")
        shown_case(terminal)


async def test_nothing_typed_is_lost_without_asking(console: Console) -> None:
    """Esc and ^Q ask; an empty form goes at once."""
    async with at_the_form(console) as terminal:
        await terminal.press("escape")
        terminal.at("SignInScreen")
        await terminal.button(CONTACT)
        await terminal.press("tab", "tab")
        await terminal.type("Help")
        for key in ("escape", "ctrl+q"):
            await terminal.press(key)
            terminal.at("QuestionDialog")
            terminal.shows("What you typed here is not sent.")
            await terminal.button("Stay")
            assert story(terminal) == "Help"
        await terminal.press("escape")
        await terminal.button("Leave all the same")
        terminal.at("SignInScreen")


async def test_the_pin_is_not_lost_without_asking(console: Console) -> None:
    """Done leaves; Esc asks first, since nobody shows the PIN again."""
    async with at_the_form(console) as terminal:
        await fill(terminal)
        await terminal.button("Send")
        number, pin = shown_case(terminal)
        await terminal.press("escape")
        terminal.shows("The PIN will not be shown again.")
        await terminal.press("escape")
        assert shown_case(terminal) == (number, pin)
        await terminal.press("ctrl+q")
        terminal.shows("The PIN will not be shown again.")
        await terminal.button("Stay")
        await terminal.button("Done")
        terminal.at("SignInScreen")
        await terminal.button(CONTACT)
        terminal.hides(pin, number)
        assert (terminal.field("email"), terminal.field("reach"), story(terminal)) == ("", "", "")


async def test_a_kiosk_keeps_nothing(console: Console) -> None:
    """Whoever walks away leaves no story, and no PIN."""
    async with open_terminal(console, kiosk=True) as terminal:
        await terminal.button(CONTACT)
        await fill(terminal)
        await terminal.turn(901)
        await terminal.ring()
        terminal.at("SignInScreen")
        await terminal.button(CONTACT)
        terminal.hides("All is gone.")
        await fill(terminal)
        await terminal.button("Send")
        shown_case(terminal)
        await terminal.turn(901)
        await terminal.ring()
        terminal.at("SignInScreen")
        terminal.hides("PIN")


async def test_faults_and_limits_are_sentences(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was typed stays, and can be sent again."""

    async def broken(*_args: object) -> None:
        raise UnavailableError

    async with at_the_form(console) as terminal:
        await fill(terminal)
        with monkeypatch.context() as patch:
            patch.setattr("tui_admin.flows.support.tell_staff", broken)
            await terminal.button("Send")
        terminal.shows("The service is not available just now.")
        await terminal.button("Send")
        shown_case(terminal)
        await terminal.button("Done")
        for _ in range(3):
            await terminal.button(CONTACT)
            await fill(terminal)
            await terminal.button("Send")
            if terminal.has_button("Done"):
                await terminal.button("Done")
        terminal.shows("Too many tries. The next one is possible in")
        assert story(terminal) == "All is gone."


async def test_a_case_in_words(console: Console) -> None:
    """Wrong, malformed, late, answered, closed."""
    async with at_the_form(console) as terminal:
        await fill(terminal)
        await terminal.button("Send")
        number, pin = shown_case(terminal)
        await terminal.button("Done")
        await terminal.button(CONTACT)
        await terminal.button("I have a case number")
        await terminal.type("123", "enter", "1", "enter")
        terminal.shows("The case number is eight digits.")
        assert terminal.focused == "number"
        await terminal.press("ctrl+u")
        await terminal.type(number, "tab", "enter")
        terminal.shows("The PIN is six digits.")
        await terminal.press("ctrl+u")
        await terminal.type("000000" if pin != "000 000" else "111111", "enter")
        terminal.shows("The case number or the PIN is not right.")
        assert (terminal.focused, terminal.field("pin")) == ("pin", "")
        await terminal.turn(86_401)
        await terminal.type(pin, "enter")
        terminal.shows(
            "Open. The answer was due by 16 Jan 2030, 12:00 (UTC) and is late; we are sorry."
        )
        for state, words in (("answered", "Answered:"), ("closed", "Closed.")):
            await console.execute("UPDATE support_request SET state = :state", state=state)
            await terminal.button("Show")
            terminal.shows(words)


async def test_help_says_what_not_to_write(console: Console) -> None:
    """F1, on both screens."""
    async with at_the_form(console) as terminal:
        await terminal.press("f1")
        terminal.shows("Never write a password or a code into it")
        await terminal.press("escape")
        await terminal.button("I have a case number")
        await terminal.press("f1")
        terminal.shows("A lost PIN cannot be looked up")


async def test_a_window_that_grows_small_keeps_the_story(console: Console) -> None:
    """Resizing, below 60x20 too, loses nothing."""
    async with at_the_form(console) as terminal:
        await fill(terminal)
        for size in ((40, 10), (60, 20), (120, 40)):
            await terminal.resize(*size)
            assert story(terminal) == "All is gone."
        await terminal.button("Send")
        shown_case(terminal)


# The box of several lines.


async def test_the_box_wraps_anew_in_another_window(console: Console) -> None:
    """Textual draws the old lines, cut off, when their number stays the same."""
    async with at_the_form(console) as terminal:
        await terminal.press("tab", "tab")
        await terminal.type(
            "My phone was stolen on the train, and my mailbox wants a code from it."
        )
        for size in ((120, 40), (60, 20), (80, 24)):
            await terminal.resize(*size)
            terminal.shows("on the train, and my mailbox wants a code from it.")


async def test_the_box_takes_keys_in_their_order(console: Console) -> None:
    """What came in one burst: letters, a line, rubbing out, and Tab to the next field."""
    async with at_the_form(console) as terminal:
        await terminal.press("tab", "tab")
        await terminal.burst(*"ab", "backspace", "enter", *"cd", "left", "x", "tab", "enter")
        assert story(terminal) == "a\ncxd"
        assert terminal.focused == "email"  # sent, and refused for want of an address


async def test_the_box_is_safe_to_paste_into(console: Console) -> None:
    """T1, T2, T3: control bytes, direction marks, markup and a megabyte."""
    async with at_the_form(console) as terminal:
        written = terminal.record()
        await terminal.press("tab", "tab")
        await terminal.paste("one\r\ntwo\x1b]52;c;aGk=\x07\u202e\u2028[/]three\tfour")
        assert story(terminal) == "one\ntwo]52;c;aGk=\n[/]three four"
        await terminal.paste("x" * 1_000_000)
        assert len(story(terminal)) == 2000
        terminal.shows("That was too long;")
        await terminal.type("more", "enter")
        assert len(story(terminal)) == 2000
        assert terminal.focused == "story"
        assert "\x1b]52" not in "".join(written)
        await terminal.press("ctrl+home", "ctrl+shift+k", "f6", "f7")
        terminal.at("ContactFormScreen")


async def test_the_box_copies_nothing_at_a_kiosk(console: Console) -> None:
    """T13: cutting and copying stay inside, and a kiosk's clipboard stays empty."""
    async with open_terminal(console, kiosk=True) as terminal:
        await terminal.button(CONTACT)
        await terminal.press("tab", "tab")
        written = terminal.record()
        await terminal.type("secret", "shift+home", "ctrl+c", "ctrl+x", "ctrl+v")
        assert story(terminal) == ""
        assert "\x1b]52" not in "".join(written)


async def test_the_cursor_of_the_box_does_not_blink(console: Console) -> None:
    """An idle terminal costs nothing."""
    async with at_the_form(console) as terminal:
        await terminal.press("tab", "tab")
        box = terminal.app.screen.query_one(TextBox)
        assert box.has_focus
        assert not box.cursor_blink
        assert not box.blink_timer._active.is_set()
