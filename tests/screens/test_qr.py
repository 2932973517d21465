"""The QR code on the screen says exactly what it shall say, or is not there at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from rich.color import Color
from textual.app import App, ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

from screens.cells import screen_cells
from screens.terminal import TerminalAbilities
from screens.widgets.qr import QUIET_ZONE, Glyphs, QRCode, choose, draw, encode, size_needed
from tests.support.pty_app import PtyApp, python_app
from tests.support.qr_app import QRApp
from tests.support.qr_reader import DARK, LIGHT, read_screen
from tui_admin.demo.scanner import read_qr

URI = (
    "otpauth://totp/customer%40example.com"
    "?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=WEDOS%20Internet"
)
"""As long as the main target allows: version 5, 45 columns and 23 rows."""

OTHER_URI = URI.replace("JBSW", "JBSX")
LONG_URI = URI.replace("otpauth://totp/", "otpauth://totp/WEDOS%20Internet:")

ANYTHING = TerminalAbilities(blocks=True, quadrants=True)
NO_QUADRANTS = TerminalAbilities(blocks=True, quadrants=False)
NO_BLOCKS = TerminalAbilities(blocks=False, quadrants=False)


# Choosing


@pytest.mark.parametrize(
    ("columns", "rows", "blocks", "quadrants", "expected"),
    [
        (45, 23, True, True, Glyphs.HALF),
        (45, 23, True, False, Glyphs.HALF),
        (200, 100, True, True, Glyphs.HALF),
        (44, 23, True, True, Glyphs.QUADRANT),
        (23, 23, True, True, Glyphs.QUADRANT),
        (22, 23, True, True, None),
        (44, 23, True, False, None),
        (45, 22, True, True, None),
        (90, 45, False, False, Glyphs.FULL),
        (90, 45, False, True, Glyphs.FULL),
        (89, 45, False, False, None),
        (90, 44, False, False, None),
        (0, 0, True, True, None),
    ],
)
def test_choose_takes_the_most_readable_glyphs_that_fit(
    columns: int, rows: int, blocks: bool, quadrants: bool, expected: Glyphs | None
) -> None:
    """Square modules first, then quadrants, full cells only where no block can be shown."""
    assert choose(37, columns, rows, blocks=blocks, quadrants=quadrants) is expected


@pytest.mark.parametrize(
    ("glyphs", "size"),
    [(Glyphs.HALF, (45, 23)), (Glyphs.QUADRANT, (23, 23)), (Glyphs.FULL, (90, 45))],
)
def test_size_needed_counts_the_quiet_zone(glyphs: Glyphs, size: tuple[int, int]) -> None:
    """A version 5 code is 37 modules and needs 4 white ones on each side."""
    assert size_needed(37, glyphs) == size


# Encoding


def test_the_main_target_holds_a_code_of_version_5() -> None:
    """A usual URI makes 37 modules, which fits 80x24 with a row to spare."""
    assert len(encode(URI)) == 37


def test_the_shared_key_is_packed_when_that_saves_a_version() -> None:
    """Seven more letters than in one segment make version 5, and read as one text."""
    longer = URI.replace("customer", "customer" + "x" * 12)
    assert len(longer) == 113
    assert len(encode(longer)) == 37
    assert read_strips(longer, Glyphs.HALF) == longer
    assert len(encode(longer + "x")) == 41


# Drawing


def read_strips(payload: str, glyphs: Glyphs, colours: int = 16) -> str | None:
    """Decode a code from the strips alone."""
    rows = []
    for strip in draw(encode(payload), glyphs, colours):
        row = []
        for text, style, _ in strip:
            assert style is not None and style.color is not None and style.bgcolor is not None
            ink, paper = style.color.get_truecolor(), style.bgcolor.get_truecolor()
            if style.reverse:
                ink, paper = paper, ink
            row.extend([(char, ink, paper) for char in text])
        rows.append(row)
    return read_qr(rows)


@pytest.mark.parametrize("colours", [0, 8, 16])
@pytest.mark.parametrize("payload", ["x", URI, LONG_URI, "otpauth://totp/" + "a" * 400])
@pytest.mark.parametrize("glyphs", list(Glyphs))
def test_drawn_codes_decode(payload: str, glyphs: Glyphs, colours: int) -> None:
    """Every kind of glyph, palette and size of code can be read."""
    assert read_strips(payload, glyphs, colours) == payload


@pytest.mark.parametrize("glyphs", list(Glyphs))
def test_every_cell_is_explicitly_black_and_white(glyphs: Glyphs) -> None:
    """No cell takes a colour from the theme or the terminal, and none depends on a full block."""
    black, white = Color.from_rgb(0, 0, 0), Color.from_rgb(255, 255, 255)
    columns, rows = size_needed(37, glyphs)
    strips = draw(encode(URI), glyphs, 16)
    assert len(strips) == rows
    for strip in strips:
        assert strip.cell_length == sum(len(segment.text) for segment in strip) == columns
        for text, style, _ in strip:
            assert style is not None
            assert {style.color, style.bgcolor} == {black, white}
            assert "█" not in text
            if glyphs is Glyphs.FULL:
                assert not text.strip(" ")


@pytest.mark.parametrize("glyphs", list(Glyphs))
def test_the_quiet_zone_is_white(glyphs: Glyphs) -> None:
    """Around the code are four modules of white."""
    strips = draw(encode(URI), glyphs, 16)
    across, down = glyphs.value
    rows = QUIET_ZONE // down
    columns = QUIET_ZONE // across if across else 2 * QUIET_ZONE
    for strip in [*strips[:rows], *strips[-rows:]]:
        assert strip.text.strip(" ") == ""
        assert len(strip) == 1
    for strip in strips:
        text, style, _ = next(iter(strip))
        assert style is not None and style.bgcolor == Color.from_rgb(255, 255, 255)
        assert text[:columns] == " " * columns


# On a real terminal


def show(
    payload: str = URI,
    theme: str = "textual-dark",
    size: tuple[int, int] = (80, 24),
    env: Mapping[str, str] | None = None,
) -> PtyApp:
    """Start the small app on a terminal."""
    return python_app(
        "-m", "tests.support.qr_app", payload, theme, columns=size[0], rows=size[1], env=env
    )


def read_both(app: PtyApp) -> set[str | None]:
    """What the code says in a dark and in a light terminal."""
    app.settle()
    screen = app.screen
    return {read_screen(screen, defaults=defaults) for defaults in (DARK, LIGHT)}


ENVIRONMENTS: Mapping[str, dict[str, str]] = {
    "256 colours": {},
    "true colour": {"COLORTERM": "truecolor"},
    "16 colours": {"TERM": "xterm"},
    "8 colours": {"TERM": "screen"},
    "console": {"TERM": "linux"},
    "no colour": {"NO_COLOR": "1"},
    "no colour, true colour": {"NO_COLOR": "1", "COLORTERM": "truecolor"},
    "no colour, console": {"NO_COLOR": "1", "TERM": "linux"},
    "dim replaced": {"TEXTUAL_FILTERS": "dim"},
}


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "high-contrast", "ansi-dark"])
@pytest.mark.parametrize("env", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_a_terminal_of_80x24_shows_exactly_the_payload(env: dict[str, str], theme: str) -> None:
    """In every theme and with any number of colours, NO_COLOR included, with a line below."""
    with show(theme=theme, env=env) as app:
        app.wait_for("fits")
        assert read_both(app) == {URI}
        assert app.lines()[23].startswith("footer")
        assert app.lines()[2].count("▀") + app.lines()[2].count("▄") > 5


def test_a_console_gets_no_bright_background() -> None:
    """Terminals of eight colours may ignore one, and would show black on black."""
    with show(env={"TERM": "linux"}) as app:
        app.wait_for("fits")
        app.settle()
        assert b"\x1b[30;47m" in app.raw
        assert b"107" not in app.raw


def test_another_payload_is_told_apart() -> None:
    """One letter of the shared key makes another code; the reader sees it."""
    with show(OTHER_URI) as app:
        app.wait_for("fits")
        assert read_both(app) == {OTHER_URI}
        assert OTHER_URI != URI


def test_a_narrow_terminal_gets_quadrants() -> None:
    """At 40 columns modules are twice as high as wide, and are read none the less."""
    with show(size=(40, 24)) as app:
        app.wait_for("fits")
        assert read_both(app) == {URI}
        assert set("▖▗▘▝▚▞") & set(app.text())
        # As seen with a font that is narrower or wider than usual.
        for cell in ((8, 18), (8, 20), (6, 16), (10, 18)):
            assert read_screen(app.screen, cell=cell) == URI


def test_the_console_never_gets_quadrants() -> None:
    """Its font has none: it says what it needs and shows no block at all."""
    with show(size=(44, 24), env={"TERM": "linux"}) as app:
        app.wait_for("needs 45x23")
        app.settle()
        assert not set("▀▄▖▗▘▝▚▞▌▐") & set("".join(app.lines()[:23]))


def test_a_terminal_without_glyphs_and_colours_gets_lit_cells() -> None:
    """Where a terminal obeys nothing but reverse video, the code is still right."""
    with show(size=(100, 47), env={"TERM": "vt100"}) as app:
        app.wait_for("fits")
        assert read_both(app) == {URI}
        assert not set("▀▄█") & set("".join(app.lines()[:46]))
        screen = app.screen
        for row in screen.buffer.values():
            for column, char in row.items():
                row[column] = char._replace(fg="default", bg="default")
        assert read_screen(screen, defaults=DARK) == URI


def test_a_small_terminal_gets_nothing_until_it_grows() -> None:
    """At 60x20 no part of a code is drawn; it comes and goes as the terminal's size changes."""
    with show(size=(60, 20)) as app:
        app.wait_for("needs 23x23")
        assert read_both(app) == {None}
        assert not set("▀▄▖▗▘▝▚▞▌▐") & set("".join(app.lines()[:19]))
        app.resize(80, 24)
        app.wait_for("fits")
        assert read_both(app) == {URI}
        app.resize(60, 20)
        app.wait_for("needs 23x23")
        assert read_both(app) == {None}
        assert not set("▀▄▖▗▘▝▚▞▌▐") & set("".join(app.lines()[:19]))
        app.resize(30, 24)
        app.wait_for("fits")
        assert read_both(app) == {URI}
        app.resize(120, 40)
        app.settle()
        assert read_both(app) == {URI}
        assert "▖" not in app.text()


# Inside an app


def shown(app: App[Any]) -> str | None:
    """What the demo phone would read."""
    return read_qr(screen_cells(app))


def blocks(app: App[Any]) -> set[str]:
    """The block glyphs on the screen, the footer's apart."""
    rows = screen_cells(app)[:-1]
    return set("▀▄█▖▗▘▝▚▞▌▐▛▜▙▟") & {char for row in rows for char, _, _ in row}


async def test_a_new_payload_is_drawn_at_once_and_an_empty_one_clears() -> None:
    """The code follows its payload, and nothing of the old one stays behind."""
    app = QRApp(URI, ANYTHING)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert shown(app) == URI
        app.code.payload = OTHER_URI
        await pilot.pause()
        assert shown(app) == OTHER_URI
        app.code.payload = ""
        await pilot.pause()
        assert shown(app) is None
        assert not blocks(app)
        assert app.code.outer_size == Size(0, 0)
        assert (app.code.fits, app.code.needed) == (True, (0, 0))
        assert not app.code._drawn and not app.code._matrix
        app.code.payload = URI
        await pilot.pause()
        assert shown(app) == URI


async def test_the_screen_is_told_only_of_changes() -> None:
    """One message for each change of `fits` or `needed`, none for a new size that changes none."""
    app = QRApp(URI, ANYTHING)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.changes == [(True, (23, 23))]
        for size in ((90, 30), (40, 24), (60, 20), (50, 15), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert app.changes == [(True, (23, 23)), (False, (23, 23)), (True, (23, 23))]
        app.code.payload = OTHER_URI
        await pilot.pause()
        assert len(app.changes) == 3
        app.code.payload = LONG_URI
        await pilot.pause()
        assert app.changes[-1] == (False, (25, 25))
        assert not app.code.fits
        assert shown(app) is None
        assert not blocks(app)


async def test_the_widget_is_as_large_as_its_code() -> None:
    """It leaves the rest of its container to others."""
    app = QRApp(URI, ANYTHING)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.code.outer_size == Size(45, 23)
        assert app.query_one("#side").region.x == 45
        await pilot.resize_terminal(44, 24)
        await pilot.pause()
        assert app.code.outer_size == Size(23, 23)
        await pilot.resize_terminal(44, 23)
        await pilot.pause()
        assert app.code.outer_size == Size(0, 0)


async def test_available_keeps_room_for_others() -> None:
    """A screen can grant less than the container has; taking that back gives the old size."""
    app = QRApp(URI, ANYTHING)
    async with app.run_test(size=(80, 24)) as pilot:
        app.code.available = Size(44, 23)
        await pilot.pause()
        assert app.code.outer_size == Size(23, 23)
        assert shown(app) == URI
        app.code.available = Size(0, 23)
        await pilot.pause()
        assert not app.code.fits
        assert not blocks(app)
        app.code.available = None
        await pilot.pause()
        assert app.code.outer_size == Size(45, 23)
        assert shown(app) == URI


class Placed(App[None]):
    """A code somewhere in a container that a test styles."""

    def __init__(self, container: Widget, css: str) -> None:
        super().__init__()
        self.container = container
        self.code = QRCode(ANYTHING, URI)
        self.stylesheet.add_source(css, read_from=("placed", ""))

    def compose(self) -> ComposeResult:
        """The container, and a line below."""
        with self.container:
            yield Static("above", id="above")
            yield self.code
        yield Static("footer", id="footer")


@pytest.mark.parametrize(
    ("css", "glyphs"),
    [
        # The rows are too few by one, and by the line above.
        ("Vertical { height: 1fr; }", None),
        ("Vertical { height: 1fr; } #above { display: none; }", Glyphs.HALF),
        ("Vertical { height: auto; } #above { display: none; }", Glyphs.HALF),
        ("Vertical { height: auto; width: auto; } #above { display: none; }", Glyphs.HALF),
        ("Vertical { width: 30; } #above { display: none; }", Glyphs.QUADRANT),
        ("Vertical { width: 20; } #above { display: none; }", None),
        ("Vertical { padding: 0 3; width: 50; } #above { display: none; }", Glyphs.QUADRANT),
        ("QRCode { width: 30; } #above { display: none; }", Glyphs.QUADRANT),
        ("QRCode { max-width: 30; } #above { display: none; }", Glyphs.QUADRANT),
        ("QRCode { width: 1fr; height: 1fr; } #above { display: none; }", Glyphs.HALF),
        ("QRCode { width: 20; height: 10; } #above { display: none; }", None),
        ("QRCode { margin: 0 0 0 36; } #above { display: none; }", Glyphs.QUADRANT),
        ("QRCode { offset: 40 0; } #above { display: none; }", None),
        ("QRCode { border: solid red; } #above { display: none; }", None),
        ("QRCode { height: 23; min-width: 45; margin-left: 40; } #above {display: none;}", None),
    ],
)
async def test_no_style_sheet_makes_it_draw_a_part(css: str, glyphs: Glyphs | None) -> None:
    """Wherever it is put, it is whole and readable or it is not there."""
    app = Placed(Vertical(), css + "#footer { height: 1; dock: bottom; }")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.code.glyphs is glyphs
        assert app.code.fits is (glyphs is not None)
        assert shown(app) == (URI if glyphs else None)
        if glyphs is None:
            assert not blocks(app)


async def test_a_container_wider_than_the_terminal_offers_what_is_seen() -> None:
    """What lies beyond the terminal's edge is no room for a code."""
    app = Placed(Vertical(), "Vertical { width: 100; } #above { display: none; }")
    async with app.run_test(size=(40, 24)) as pilot:
        await pilot.pause()
        assert app.code.glyphs is Glyphs.QUADRANT
        assert shown(app) == URI


async def test_available_holds_for_a_widget_of_fixed_size() -> None:
    """A size from a style sheet is the most that is used of it."""
    app = Placed(Vertical(), "QRCode { width: 50; height: 23; } #above { display: none; }")
    async with app.run_test(size=(80, 24)) as pilot:
        app.code.available = Size(30, 23)
        await pilot.pause()
        assert app.code.glyphs is Glyphs.QUADRANT
        assert shown(app) == URI


@pytest.mark.parametrize(("size", "fits"), [((80, 24), True), ((60, 20), False)])
async def test_the_screen_is_told_at_the_start(size: tuple[int, int], fits: bool) -> None:
    """The first layout of an app announces the state, whether or not there is anything to draw."""
    app = QRApp(URI, ANYTHING)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert app.changes == [(fits, (23, 23))]


async def test_a_code_that_is_scrolled_out_of_sight_in_part_is_not_drawn() -> None:
    """It comes back when it is scrolled into view."""
    app = Placed(VerticalScroll(), "#above { height: 30; } #footer { height: 1; dock: bottom; }")
    async with app.run_test(size=(80, 24)) as pilot:
        app.container.scroll_to(y=20, animate=False)
        await pilot.pause()
        assert not app.code.fits
        assert not blocks(app)
        app.container.scroll_end(animate=False)
        await pilot.pause()
        assert app.code.fits
        assert shown(app) == URI
        seen: list[set[str]] = []
        app.screen.screen_layout_refresh_signal.subscribe(
            app.screen, lambda _: seen.append(blocks(app)), immediate=True
        )
        app.container.scroll_to(y=25, animate=False)
        await pilot.pause()
        assert seen and not any(seen)
        assert not app.code.fits


async def test_the_first_painting_of_a_new_size_shows_no_part() -> None:
    """Between a layout and the message about it, no frame holds a piece of a code."""
    app = QRApp(URI, ANYTHING)
    seen: list[set[str]] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.screen.screen_layout_refresh_signal.subscribe(
            app.screen, lambda _: seen.append(blocks(app)), immediate=True
        )
        await pilot.resize_terminal(60, 20)
        await pilot.pause()
        assert seen and not any(seen)


async def test_the_code_is_not_text_that_can_be_selected_or_focused() -> None:
    """Selecting all must not put a wall of blocks into the clipboard."""
    app = QRApp(URI, ANYTHING)
    async with app.run_test(size=(80, 24)):
        assert not app.code.allow_select
        assert not app.code.focusable


async def test_a_hidden_code_comes_back_in_the_size_of_that_time() -> None:
    """`Show key only` may hide it while the terminal changes."""
    app = QRApp(URI, ANYTHING)
    async with app.run_test(size=(80, 24)) as pilot:
        app.code.display = False
        await pilot.pause()
        await pilot.resize_terminal(40, 24)
        await pilot.pause()
        assert not blocks(app)
        app.code.display = True
        await pilot.pause()
        assert app.code.glyphs is Glyphs.QUADRANT
        assert shown(app) == URI
        assert app.changes == [(True, (23, 23))]


async def test_a_code_that_does_not_fit_takes_no_room() -> None:
    """What stands below moves up, so that the key can take the place."""
    app = Placed(Vertical(), "QRCode { max-width: 10; }")
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.pause()
        assert app.code.outer_size.height == 0


async def test_the_shared_key_is_not_in_the_widgets_repr() -> None:
    """Logs and tracebacks show widgets by their repr."""
    app = QRApp(URI, ANYTHING)
    async with app.run_test():
        assert "secret" not in repr(app.code)
        assert "secret" not in repr(app.code.FitChanged(app.code, True, (1, 1)))
