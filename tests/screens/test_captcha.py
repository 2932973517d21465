"""The CAPTCHA as it is drawn, and what its buttons ask for."""

from __future__ import annotations

from typing import ClassVar

import pytest
from textual import on
from textual.app import App, ComposeResult
from textual.filter import NoColor
from textual.theme import Theme

import styles
from screens.cells import screen_cells
from screens.terminal import TerminalAbilities
from screens.widgets.captcha import CaptchaBox, CaptchaPicture
from tui_admin.flows.answers import CaptchaView

PICTURE = ("#  #", " ## ", "#   ")
ASKED = CaptchaView("2", (), "Which is the third of these words?")
DRAWN = CaptchaView("1", PICTURE, "")
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


class Host(App[None]):
    """A screen with a CAPTCHA on it."""

    CSS_PATH: ClassVar = [styles.sheet("theme"), styles.sheet("inside")]

    def __init__(self, abilities: TerminalAbilities, theme: str = "calm-dark") -> None:
        super().__init__()
        for name, colours in styles.themes().items():
            self.register_theme(Theme(name=name, **colours))
        self.theme = theme
        self.box = CaptchaBox(abilities)
        self.wanted: list[bool] = []

    def compose(self) -> ComposeResult:
        yield self.box

    @on(CaptchaBox.Wanted)
    def another(self, event: CaptchaBox.Wanted) -> None:
        self.wanted.append(event.as_question)


def host(*, blocks: bool = True, colours: int = 256, theme: str = "calm-dark") -> Host:
    return Host(TerminalAbilities(blocks, blocks, colours), theme)


def shown(app: Host) -> str:
    """What is on the screen, row by row."""
    return "\n".join("".join(cell[0] for cell in row) for row in screen_cells(app))


def drawn(app: Host) -> tuple[str, ...]:
    """Read the picture off the screen: a pixel for each half of a cell."""
    rows: list[str] = []
    cells = screen_cells(app)
    region = app.box.query_one(CaptchaPicture).region
    for y in range(region.y, region.bottom):
        upper = lower = ""
        for char, ink, paper in cells[y][region.x : region.right]:
            top, bottom = {"\u2580": (ink, paper), "\u2584": (paper, ink)}.get(char, (paper, paper))
            assert {top, bottom} <= {BLACK, WHITE}
            upper += "#" if top == BLACK else " "
            lower += "#" if bottom == BLACK else " "
        rows += [upper, lower]
    return tuple(rows)


@pytest.mark.parametrize("theme", list(styles.themes()))
@pytest.mark.parametrize("colours", [0, 16, 256])
async def test_the_picture_is_black_on_white_in_any_theme(theme: str, colours: int) -> None:
    """Each pixel is half a cell, in explicit colours; where there are none, in reverse video."""
    app = host(theme=theme, colours=colours)
    async with app.run_test(size=(60, 20)) as pilot:
        app.box.show(DRAWN)
        await pilot.pause()
        assert drawn(app) == (*PICTURE, "    ")


async def test_without_colours_black_and_white_are_told_apart() -> None:
    """NO_COLOR: Textual's filter does not take the colours away, and where a terminal ignores them
    each cell is in reverse video."""
    app = host(colours=0)
    app._filters.append(NoColor())  # as NO_COLOR does, with a theme of the terminal's own colours
    async with app.run_test(size=(60, 20)) as pilot:
        app.box.show(DRAWN)
        await pilot.pause()
        assert drawn(app) == (*PICTURE, "    ")
        line = app.box.query_one(CaptchaPicture).render_line(0)
        assert [segment.style.reverse for segment in line if segment.style] == [True]
        assert line.text == "\u2580\u2584\u2584\u2580"


async def test_what_it_says_and_asks_for() -> None:
    """A picture and a question, another of the same kind, and the other kind."""
    app = host()
    async with app.run_test(size=(60, 20)) as pilot:
        app.box.show(DRAWN)
        await pilot.pause()
        assert shown(app).count("What do you see? \u258c 4 letters and digits") == 1
        height = app.box.size.height
        assert height == 12
        await pilot.click("#captcha-new")
        await pilot.click("#captcha-other-way")
        assert app.wanted == [False, True]
        app.box.show(ASKED)
        await pilot.pause()
        assert "Answer \u258c" in shown(app)
        assert "letters and digits" not in shown(app)
        assert app.box.size.height == height
        assert app.focused is not None
        assert app.focused.id == "captcha"
        await pilot.press(*"river")
        assert (app.box.challenge_id, app.box.answer) == ("2", "river")
        await pilot.click("#captcha-new")
        await pilot.click("#captcha-other-way")
        assert app.wanted == [False, True, True, False]
        app.box.show(CaptchaView("3", (), "Another?"))
        assert app.box.answer == ""


async def test_a_terminal_without_blocks_is_led_to_the_question() -> None:
    """No half-drawn picture: the question is the way there, and no button leads back."""
    app = host(blocks=False)
    async with app.run_test(size=(60, 20)) as pilot:
        assert app.box.is_question
        app.box.show(DRAWN)
        await pilot.pause()
        text = shown(app)
        assert "cannot draw the picture" in text
        assert "\u2580" not in text
        await pilot.click("#captcha-other-way")
        assert app.wanted == [True]
        app.box.show(ASKED)
        await pilot.pause()
        assert not app.box.query_one("#captcha-other-way").display
