"""Reads a QR code off the cells of a terminal's screen, as a phone's camera would.

The demo phone scans what is really shown, and so proves with each scan that it can be scanned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""


class Cell(NamedTuple):
    """One column of one row; `char` is empty in the second column of a wide character."""

    char: str
    foreground: Colour
    background: Colour


_DARK_QUARTERS = {
    glyph: tuple(bool(quarters & bit) for bit in (1, 2, 4, 8))
    for quarters, glyph in enumerate(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█")
}
"""Which quarters (top left, top right, bottom left, bottom right) a glyph fills."""

_NO_QUARTERS = (False, False, False, False)

_QUARTER_WIDTH, _QUARTER_HEIGHT = 4, 8
"""Pixels of a quarter of a cell, so that cells are twice as high as wide, as in most fonts.

Half blocks make square modules then, and quadrants modules of one to two: the reader corrects those
as it corrects a slanted view, so that stretching the picture for it has nothing to add.
"""


def read_qr(rows: Sequence[Sequence[tuple[str, Colour, Colour]]]) -> str | None:
    """Return what the first QR code on the screen says, or None if none can be read.

    `rows` are rows of `Cell`, or of plain tuples in its order, and may differ in length. Any
    character that is no block glyph counts as its background: text around a code is only noise.
    """
    return _decode(*_rasterise(rows, _QUARTER_WIDTH, _QUARTER_HEIGHT))


def _rasterise(
    rows: Sequence[Sequence[tuple[str, Colour, Colour]]], width: int, height: int
) -> tuple[bytes, int, int]:
    """Return a grey image (a byte a pixel, row after row), its width and its height."""
    columns = max(map(len, rows), default=0)
    image = bytearray()
    for row in rows:
        upper, lower = bytearray(), bytearray()
        for char, foreground, background in row:
            ink, paper = _grey(foreground), _grey(background)
            quarters = [
                (ink if filled else paper).to_bytes() * width
                for filled in _DARK_QUARTERS.get(char, _NO_QUARTERS)
            ]
            upper += quarters[0] + quarters[1]
            lower += quarters[2] + quarters[3]
        missing = bytes(2 * width * columns - len(upper))
        image += bytes(upper + missing) * height + bytes(lower + missing) * height
    return bytes(image), 2 * width * columns, 2 * height * len(rows)


def _grey(colour: Colour) -> int:
    """Return how bright a colour is. Source: ITU-R BT.709, in whole numbers."""
    red, green, blue = colour
    return (2126 * red + 7152 * green + 722 * blue) // 10_000


def _decode(image: bytes, width: int, height: int) -> str | None:
    if not image:
        return None
    # Only a demo needs the reader, so nothing else pays for loading it.
    import zxingcpp

    # A buffer of two dimensions is taken as grey; the casts need no image library.
    pixels = memoryview(image).cast("B", shape=(height, width))
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    found = zxingcpp.read_barcodes(pixels, formats=formats)
    return found[0].text if found else None
