"""The demo phone's scanner reads codes off cells, and nothing where there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest
import segno

from tui_admin.demo.scanner import Cell, Colour, read_qr

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
TEXT = "otpauth://totp/customer%40example.com?secret=JBSWY3DPEHPK3PXP"

QUARTERS = {
    # Top left, top right, bottom left, bottom right.
    "    ": " ", "#   ": "▘", " #  ": "▝", "##  ": "▀", "  # ": "▖", "# # ": "▌", " ## ": "▞",
    "### ": "▛", "   #": "▗", "#  #": "▚", " # #": "▐", "## #": "▜", "  ##": "▄", "# ##": "▙",
    " ###": "▟", "####": "█",
}  # fmt: skip


def code(
    text: str = TEXT, *, wide: bool = True, ink: Colour = BLACK, paper: Colour = WHITE
) -> list[list[Cell]]:
    """A code of half blocks, or of quadrants if not `wide`."""
    modules = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=4)]
    side = len(modules)
    modules = [[*row, 0] for row in modules] + [[0] * (side + 1)]
    step = 1 if wide else 2
    rows = []
    for y in range(0, side, 2):
        row = []
        for x in range(0, side, step):
            right = x if wide else x + 1
            at = [modules[y][x], modules[y][right], modules[y + 1][x], modules[y + 1][right]]
            glyph = QUARTERS["".join("#" if dark else " " for dark in at)]
            row.append(Cell(glyph, ink, paper))
        rows.append(row)
    return rows


def among_text(rows: list[list[Cell]], columns: int = 120, height: int = 40) -> list[list[Cell]]:
    """A screen of other text with `rows` at column 30, row 5."""
    grey: Colour = (200, 200, 200)
    words = "Account password ──── │ ▸ ▀ ▄ • 界 Activate "
    screen = [
        [Cell(words[(x + 7 * y) % len(words)], grey, (18, 18, 18)) for x in range(columns)]
        for y in range(height)
    ]
    for y, row in enumerate(rows):
        screen[5 + y][30 : 30 + len(row)] = row
    return screen


@pytest.mark.parametrize("wide", [True, False], ids=["half blocks", "quadrants"])
def test_a_code_is_read(wide: bool) -> None:
    """Half blocks and quadrants, alone and in a screen full of text."""
    assert read_qr(code(wide=wide)) == TEXT
    assert read_qr(among_text(code(wide=wide))) == TEXT


@pytest.mark.parametrize(
    ("ink", "paper"),
    [((0, 0, 0), (170, 170, 170)), ((36, 36, 36), (253, 246, 227)), (WHITE, BLACK)],
    ids=["console", "solarized", "inverted"],
)
def test_colours_need_only_differ(ink: Colour, paper: Colour) -> None:
    """Grey is white enough, and an inverted code is read as phones do."""
    assert read_qr(among_text(code(ink=ink, paper=paper))) == TEXT


def test_plain_tuples_and_rows_of_any_length_are_taken() -> None:
    """The screen hands over tuples, and a row may end early."""
    rows = [[tuple(cell) for cell in row] for row in code()]
    rows = [[("x", WHITE, BLACK)], *rows, []]
    assert read_qr(rows) == TEXT  # type: ignore[arg-type]


def test_the_text_that_is_read_is_the_text_that_is_shown() -> None:
    """One other letter is another answer."""
    assert read_qr(code(TEXT + "A")) == TEXT + "A" != TEXT


@pytest.mark.parametrize(
    "rows",
    [[], [[]], [[], []], among_text([]), [[Cell("█", BLACK, BLACK)] * 80] * 24],
    ids=["no rows", "no cells", "empty rows", "only text", "all black"],
)
def test_nothing_is_read_where_there_is_no_code(rows: list[list[Cell]]) -> None:
    """No code, no answer, no error."""
    assert read_qr(rows) is None


def test_a_code_that_is_covered_is_not_read() -> None:
    """A window over a third of it leaves too little; a wrong answer would be worse than none."""
    rows = code()
    for row in rows:
        row[: len(row) // 3] = [Cell("x", WHITE, BLACK)] * (len(row) // 3)
    assert read_qr(rows) is None


def test_a_code_in_one_colour_is_not_read() -> None:
    """Colours decide and not glyphs: black on black shows nothing."""
    assert read_qr(code(ink=BLACK, paper=BLACK)) is None


def test_the_reader_is_loaded_only_to_read() -> None:
    """Importing the scanner loads no image library; an operator's console never scans."""
    script = (
        "import sys, tui_admin.demo.scanner as s; print('zxingcpp' in sys.modules);"
        "s.read_qr([[('x', (0, 0, 0), (9, 9, 9))]]); print('zxingcpp' in sys.modules,"
        "'numpy' in sys.modules, 'PIL' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True", "False", "False"]
