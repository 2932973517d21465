"""Everything can be reached by keys alone and, but for typing, by the mouse alone."""

from __future__ import annotations

import asyncio
import re

from screens.panel import PanelScreen
from screens.question import QuestionDialog
from screens.widgets.action_button import ActionButton
from tests.screens.driving import FRAME_S, Terminal, open_terminal, shown_key, shown_uri
from tests.support.console import STRANGER, Console, oath

CODE = re.compile(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}\b")


async def tab_to(terminal: Terminal, label: str) -> None:
    """Press Tab until the button of this label has the focus."""
    for _press in range(40):
        focused = terminal.app.focused
        if isinstance(focused, ActionButton) and focused.label == label:
            # The focus can be seen without colours, too.
            assert f"[▸{label}◂]" in terminal.text()
            return
        await terminal.press("tab")
    raise AssertionError(f"Tab does not lead to {label!r}:\n{terminal.text()}")


async def test_by_keys_alone(console: Console) -> None:
    """Sign in, set OTP, codes, show the key, settings, disable, log out: no mouse, no waiting."""
    alice = await console.customer("alice")
    await console.sign_in(alice, STRANGER)
    async with open_terminal(console) as terminal:
        await terminal.type("alice", "enter", *alice.password, "enter")
        await tab_to(terminal, "Set OTP")
        await terminal.press("enter")
        alice.key = shown_key(terminal)
        await terminal.type(alice.password, "enter", *alice.code())
        code = CODE.findall(terminal.text())[0]
        await terminal.type(code, "enter")
        terminal.at("PanelScreen")
        await terminal.turn(60)
        await tab_to(terminal, "Show shared key")
        await terminal.press("space")
        await terminal.type(alice.password, "enter", *alice.code())
        terminal.at("ShowKeyScreen")
        await terminal.press("enter")
        terminal.at("PanelScreen")
        await terminal.press("escape")
        assert terminal.focused == "menu"
        await terminal.press("up", "enter")
        terminal.shows("Customer \u203a Basic Settings")
        await terminal.press("f6", "enter")
        assert terminal.focused == "menu"
        await terminal.press("down", "enter")
        terminal.shows("Customer \u203a Account Security")
        await terminal.turn(60)
        await tab_to(terminal, "Disable")
        await terminal.press("enter")
        await terminal.type(alice.password, "enter", *alice.code())
        terminal.shows("OTP is off.")
        await terminal.press("f10")
        await tab_to(terminal, "Log out")
        await terminal.press("enter")
        terminal.at("SignInScreen")


async def test_tab_goes_in_reading_order(console: Console) -> None:
    """Each Tab goes down or to the right, on the forms and dialogs, and wraps at the end."""
    alice = await console.customer("alice", otp=True)

    async def check(terminal: Terminal) -> None:
        chain = terminal.app.screen.focus_chain
        places = [(widget.region.y, widget.region.x) for widget in chain]
        assert places == sorted(places), [(widget, widget.region) for widget in chain]

    async with open_terminal(console) as terminal:
        await check(terminal)
        await terminal.type("alice", "tab", *alice.password, "enter")
        await check(terminal)
        await terminal.type(alice.code())
        await terminal.turn(30)
        for label in ("Add device", "Disable", "Rename"):
            await terminal.button(label)
            await check(terminal)
            await terminal.press("escape")
        await terminal.button("Add device")
        await terminal.type("Card", "enter", *alice.password, "enter", *alice.code())
        terminal.at("ActivationScreen")
        await check(terminal)


async def test_by_mouse_alone(console: Console) -> None:
    """Buttons, menu, fields, the navigation bar and the bar of keys can be clicked."""
    alice = await console.customer("alice")
    async with open_terminal(console, size=(120, 30)) as terminal:
        await terminal.click("F1 Help")
        terminal.at("HelpScreen")
        await terminal.press("escape")
        await terminal.click("F4 Theme")
        assert terminal.app.theme == "calm-light"
        await terminal.pilot.click("#password")
        await terminal.type(alice.password)
        await terminal.click("F3 Show")
        terminal.shows(alice.password)
        await terminal.pilot.click("#username")
        await terminal.type("alice")
        await terminal.button("Log in")
        terminal.at("PanelScreen")
        await terminal.click("Basic Settings")
        terminal.shows("Customer \u203a Basic Settings")
        await terminal.click("My Account")
        await terminal.pilot.click("#drop-down OptionList")
        await terminal.settle()
        terminal.at("PanelScreen")
        await terminal.click("Account Security")
        await terminal.click("F5 Refresh")
        await terminal.button("Set OTP")
        alice.key = shown_key(terminal)
        await terminal.click("F7 ")
        assert shown_uri(terminal) is None
        await terminal.click("F7 ")
        assert alice.key in str(shown_uri(terminal))
        await terminal.button("Copy key")
        terminal.shows("sent to your terminal")
        await terminal.pilot.click("#code")
        await terminal.type(alice.code())
        await terminal.pilot.click("#password")
        await terminal.type(alice.password)
        await terminal.button("Activate")
        code = CODE.findall(terminal.text())[9]
        await terminal.pilot.click("#typed")
        await terminal.type(code)
        await terminal.button("I have kept them")
        terminal.shows("ACTIVE")
        await terminal.turn(60)
        await terminal.button("Disable")
        await terminal.button("Cancel")
        await terminal.button("Disable")
        await terminal.pilot.click("#password")
        await terminal.type(alice.password)
        await terminal.pilot.click("#code")
        await terminal.type(oath(alice.key, terminal.clock.unix_s))
        terminal.shows("OTP is off.")
        await terminal.click("F10 Log out")
        await terminal.button("Stay")
        await terminal.click("^Q Leave")
        await terminal.button("Stay")
        await terminal.button("Log out")
        await terminal.button("Log out")
        terminal.at("SignInScreen")


async def test_a_click_beside_my_account_closes_it(console: Console) -> None:
    """Whatever lies there is not pressed by that click; on its frame a click does nothing."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        for columns, rows in ((80, 24), (60, 20), (120, 40)):
            await terminal.resize(columns, rows)
            for label in ("Set OTP", "Log out", "Active Sessions"):
                await terminal.click("My Account")
                terminal.at("MyAccountMenu")
                await terminal.pilot.click("#drop-down", offset=(0, 0))
                await terminal.settle()
                terminal.at("MyAccountMenu")
                await terminal.click(label)
                terminal.at("PanelScreen")
                terminal.shows("Customer \u203a Account")
                assert terminal.focused == "my-account"


async def test_the_focus_is_marked_where_the_keyboard_is(console: Console) -> None:
    """One pair of arrows and one cursor: not on what lies under a dialog, and there again after
    it, also when the pane below was read again meanwhile."""
    alice = await console.customer("alice", otp=True)
    async with open_terminal(console, size=(120, 40)) as terminal:
        await terminal.sign_in(alice)
        await terminal.turn(30)
        await tab_to(terminal, "Add device")
        panel = terminal.app.screen
        assert isinstance(panel, PanelScreen) and panel.pane is not None
        await terminal.press("enter")
        terminal.at("ConfirmIdentityDialog")
        assert marked(terminal) == [] and terminal.focused == "name"
        panel.pane.load()
        await terminal.settle()
        for _frame in range(200):
            # What lies under a dialog is drawn in frames of its own, which `settle` leaves out.
            if not marked(terminal):
                break
            await asyncio.sleep(FRAME_S)
        assert marked(terminal) == []
        await tab_to(terminal, "Continue")
        assert marked(terminal) == ["Continue"]
        await terminal.press("f1")
        terminal.at("HelpScreen")
        assert marked(terminal) == []
        await terminal.press("escape")
        assert marked(terminal) == ["Continue"]
        await terminal.press("escape")
        assert marked(terminal) == ["Add device"] and terminal.focused == "add-device"
        await terminal.press("f10")
        assert marked(terminal) == ["Stay"]
        await terminal.press("f1")
        assert marked(terminal) == []


def marked(terminal: Terminal) -> list[str]:
    """Return the labels that stand between the arrows of the focus."""
    return re.findall(r"▸([^▸◂\n]+)◂", terminal.text())


async def test_every_key_of_a_screen_is_in_its_help(console: Console) -> None:
    """What the bar has no room for can be looked up with F1."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.button("Set OTP")
        await terminal.press("f1")
        for key in ("Tab", "Enter", "F1", "Esc", "F3", "F4", "F7", "F8", "^Q"):
            assert re.search(rf"│  {re.escape(key)} +[A-Z]", terminal.text()), key


async def test_keys_in_one_burst_keep_their_order(console: Console) -> None:
    """`Esc` closes what was open when it was pressed, not the question that `^Q` opens after it."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.press("f1")
        await terminal.burst("escape", "ctrl+q")
        assert isinstance(terminal.app.screen, QuestionDialog)
        assert len(terminal.app.screen_stack) == 3
