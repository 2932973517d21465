"""The cells of a screen are those that a terminal shows."""

from __future__ import annotations

from rich.text import Text
from textual.app import App, ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Static

from screens.cells import Cell, screen_cells


class Words(App[None]):
    """A few characters of every kind."""

    CSS = """
    Screen { background: #102030; color: #ffffff; }
    Static { height: 1; background: #102030; }
    """

    def compose(self) -> ComposeResult:
        """Three lines."""
        yield Static(Text("a界e\u0301", style="#ff0000"))
        yield Static(Text("r", style="#00ff00 reverse"))
        yield Static(Text("p", style="ansi_red"))


class Cover(ModalScreen[None]):
    """A box over the first letters."""

    CSS = "Cover { background: #000000 0%; } #box { width: 2; height: 1; background: #0000ff; }"

    def compose(self) -> ComposeResult:
        """The box."""
        yield Static("XY", id="box")


def texts(rows: list[list[Cell]]) -> list[str]:
    """Rows as text."""
    return ["".join(char for char, _, _ in row).rstrip() for row in rows]


async def test_cells_have_characters_and_colours() -> None:
    """Wide characters take two cells, marks none; colours are those after reverse."""
    app = Words()
    async with app.run_test(size=(20, 4)) as pilot:
        await pilot.pause()
        rows = screen_cells(app)
        assert [len(row) for row in rows] == [20] * 4
        assert texts(rows) == ["a界e\u0301", "r", "p", ""]
        assert [char for char, _, _ in rows[0][:5]] == ["a", "界", "", "e\u0301", " "]
        assert rows[0][0][1:] == ((255, 0, 0), (16, 32, 48))
        assert rows[1][0][1:] == ((16, 32, 48), (0, 255, 0))
        red, green, blue = rows[2][0][1]
        assert red > 100 and green < 100 and blue < 100
        assert screen_cells(app.screen) == rows


async def test_an_overlay_covers_what_is_below() -> None:
    """The cells of a modal screen hold the screen below it where it does not cover it."""
    app = Words()
    async with app.run_test(size=(20, 4)) as pilot:
        await app.push_screen(Cover())
        await pilot.pause()
        # Forget what was painted, so that it must be composed again.
        app.screen.refresh()
        rows = screen_cells(app)
        assert texts(rows)[1] == "r"
        assert texts(rows)[0].startswith("XY")
        assert rows[0][0][2] == (0, 0, 255)


async def test_looking_leaves_pending_updates_alone() -> None:
    """What was to be painted next is still painted."""
    app = Words()
    async with app.run_test(size=(20, 4)) as pilot:
        await pilot.pause()
        app.screen._compositor._dirty_regions.add(app.screen.region)
        screen_cells(app)
        assert app.screen._compositor._dirty_regions
