"""Reads a QR code off a pyte screen, sharing no code with what drew it or with the demo phone.

The shapes of the glyphs come from their Unicode names, the colours from what the terminal was
told. An inverted code (white on black) is not read, since some phones do not read it either.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import pyte
import zxingcpp
from pyte.screens import Char

Colour = tuple[int, int, int]

PALETTE: dict[str, Colour] = {
    # The Linux console's; it has the darkest white of the common palettes.
    "black": (0, 0, 0),
    "red": (170, 0, 0),
    "green": (0, 170, 0),
    "brown": (170, 85, 0),
    "blue": (0, 0, 170),
    "magenta": (170, 0, 170),
    "cyan": (0, 170, 170),
    "white": (170, 170, 170),
    "brightblack": (85, 85, 85),
    "brightred": (255, 85, 85),
    "brightgreen": (85, 255, 85),
    "brightbrown": (255, 255, 85),
    "brightblue": (85, 85, 255),
    "brightmagenta": (255, 85, 255),
    "bfightmagenta": (255, 85, 255),  # as pyte spells the background
    "brightcyan": (85, 255, 255),
    "brightwhite": (255, 255, 255),
}

DARK: tuple[Colour, Colour] = ((229, 229, 229), (0, 0, 0))
"""Default foreground and background of a dark terminal."""

LIGHT: tuple[Colour, Colour] = ((0, 0, 0), (255, 255, 255))
"""Default foreground and background of a light terminal."""

CELL_WIDTH, CELL_HEIGHT = 10, 20
"""Pixels of a cell; the usual ratio of fonts."""


def read_screen(
    screen: pyte.Screen,
    *,
    defaults: tuple[Colour, Colour] = DARK,
    cell: tuple[int, int] = (CELL_WIDTH, CELL_HEIGHT),
) -> str | None:
    """Return what the QR code on the screen says, None if there is none to read."""
    width, height = cell
    image = bytearray()
    for y in range(screen.lines):
        drawn = [
            _draw(char.data, *colours(char, defaults), width, height)
            for char in (screen.buffer[y][x] for x in range(screen.columns))
        ]
        for line in range(height):
            image += b"".join(pixels[line] for pixels in drawn)
    # Not `zxingcpp.ImageView`: it does not keep its buffer alive.
    view = memoryview(image).cast("B", shape=(screen.lines * height, screen.columns * width))
    found = zxingcpp.read_barcode(
        view, zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode), try_invert=False
    )
    return found.text if found else None


def colours(char: Char, defaults: tuple[Colour, Colour] = DARK) -> tuple[Colour, Colour]:
    """Return the foreground and background in which a terminal shows `char`."""
    name = char.fg
    # Consoles show bold as bright.
    if char.bold and f"bright{name}" in PALETTE:
        name = f"bright{name}"
    foreground = _colour(name, defaults[0])
    background = _colour(char.bg, defaults[1])
    return (background, foreground) if char.reverse else (foreground, background)


def _colour(name: str, default: Colour) -> Colour:
    if name == "default":
        return default
    if name in PALETTE:
        return PALETTE[name]
    red, green, blue = bytes.fromhex(name)
    return red, green, blue


@lru_cache(4096)
def _draw(
    data: str, foreground: Colour, background: Colour, width: int, height: int
) -> tuple[bytes, ...]:
    """The lines of pixels of one cell; what is no block glyph is left empty."""
    ink, paper = (sum(colour) // 3 for colour in (foreground, background))
    name = unicodedata.name(data, "") if len(data) == 1 else ""
    return tuple(
        bytes(ink if _covers(name, x < width / 2, y < height / 2) else paper for x in range(width))
        for y in range(height)
    )


def _covers(name: str, left: bool, upper: bool) -> bool:
    """Whether the glyph of that Unicode name fills this quarter of its cell."""
    match name.split():
        case ["FULL", "BLOCK"]:
            return True
        case ["UPPER" | "LOWER" | "LEFT" | "RIGHT" as side, "HALF", "BLOCK"]:
            return {"UPPER": upper, "LOWER": not upper, "LEFT": left, "RIGHT": not left}[side]
        case ["QUADRANT", *_]:
            here = f"{'UPPER' if upper else 'LOWER'} {'LEFT' if left else 'RIGHT'}"
            return here in name
    return False
