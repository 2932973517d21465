"""What is chosen in a list can be seen without a colour."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.content import Content
from textual.theme import Theme
from textual.widgets.option_list import Option

import styles
from screens.cells import screen_cells
from screens.widgets.action_button import ActionButton
from screens.widgets.choice_list import ChoiceList
from tests.screens.driving import open_terminal
from tests.support.console import Console


class Host(App[None]):
    """A screen with a list that is wider than its words, and a button."""

    CSS_PATH: ClassVar = [styles.sheet("theme"), styles.sheet("inside")]
    CSS = "ChoiceList { width: 14; }"

    def __init__(self) -> None:
        super().__init__()
        for name, colours in styles.themes().items():
            self.register_theme(Theme(name=name, **colours))
        self.theme = "calm-dark"

    def compose(self) -> ComposeResult:
        rows = ("Phone", "The old tablet in the drawer", "Card")
        yield ChoiceList(*(Option(Content(row)) for row in rows), markup=False)
        yield ActionButton("Next")


def rows(app: Host) -> list[str]:
    return ["".join(char for char, _fg, _bg in row).rstrip() for row in screen_cells(app)[:5]]


async def test_the_choice_stands_between_the_signs_of_the_focus() -> None:
    """They go along with it, stand at the first of several lines, and leave with the focus."""
    app = Host()
    async with app.run_test(size=(30, 8)) as pilot:
        await pilot.press("home")
        rest = ["  The old", "  tablet in", "  the drawer", "  Card"]
        assert rows(app) == ["▸ Phone      ◂", *rest]
        await pilot.press("down")
        assert rows(app) == ["  Phone", "▸ The old    ◂", *rest[1:]]
        await pilot.press("down")
        assert rows(app) == ["  Phone", *rest[:3], "▸ Card       ◂"]
        await pilot.press("tab")
        assert rows(app) == ["  Phone", *rest]


async def test_every_list_of_the_console_has_them(console: Console) -> None:
    """The menu, `My Account` and the languages; the mark of the open pane is another one."""
    alice = await console.customer("alice")
    async with open_terminal(console) as terminal:
        await terminal.sign_in(alice)
        await terminal.press("escape")
        terminal.shows("▸ Account Security ◂")
        await terminal.press("up")
        terminal.shows("▸ Basic Settings ◂", "▸ Account Security")
        terminal.hides("Account Security ◂")
        await terminal.press("f6")
        terminal.shows("▸ Customer ◂")
        terminal.hides("▸ Basic Settings ◂")
        await terminal.press("escape", "enter")
        await terminal.button("English")
        terminal.shows("▸ English ◂")
