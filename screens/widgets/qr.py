"""A QR code drawn in text cells, whole or not at all, black on white whatever the theme.

How it finds its size: the container's layout offers it room, and it asks for as much as the best
glyphs that fit in that need, or for nothing. What it then draws is chosen again from the size it
really got, so that no style sheet can make it draw a part. A screen that wants to keep room for
something beside the code sets `available`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum

import segno
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.dom import NoScreen
from textual.errors import NoWidget
from textual.filter import LineFilter
from textual.geometry import Region, Size
from textual.map_geometry import MapGeometry
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from screens.terminal import TerminalAbilities

QUIET_ZONE = 4
"""Modules of white around the code. Source: ISO/IEC 18004, section 5.3.8."""

_ALPHANUMERIC = re.compile(r"[0-9A-Z $%*+\-./:]{16,}")
"""Text that a QR code packs into 5.5 bits a character; shorter runs do not pay for their header."""

_QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟ "
"""Glyphs by which quarters are dark: 1 top left, 2 top right, 4 bottom left, 8 bottom right.

A dark cell is a space on black and not U+2588: the terminal fills the background of the whole
cell, also where it adds space between lines, but the glyph only as far as the font draws it. Its
gaps would cut the finder patterns into stripes.
"""


class Glyphs(Enum):
    """How modules become cells; the value is how many modules (across, down) one cell holds."""

    HALF = (1, 2)
    """A cell is twice as high as wide in most fonts, so that the modules are square."""
    QUADRANT = (2, 2)
    """Modules twice as high as wide. Readers correct it as they correct a slanted view."""
    FULL = (0, 1)
    """Two columns a module, nothing but spaces; for terminals without block glyphs."""


def candidates(*, blocks: bool, quadrants: bool) -> tuple[Glyphs, ...]:
    """The glyphs that such a terminal can show, the most readable first, the smallest last."""
    if not blocks:
        return (Glyphs.FULL,)
    return (Glyphs.HALF, Glyphs.QUADRANT) if quadrants else (Glyphs.HALF,)


def size_needed(modules: int, glyphs: Glyphs) -> tuple[int, int]:
    """Columns and rows for a code of `modules` by `modules`, with its quiet zone."""
    side = modules + 2 * QUIET_ZONE
    across, down = glyphs.value
    return (-(-side // across) if across else 2 * side, -(-side // down))


def choose(
    modules: int, columns: int, rows: int, *, blocks: bool, quadrants: bool
) -> Glyphs | None:
    """The most readable glyphs with which the whole code fits, or None.

    Quadrants save columns only: where the rows are too few for half blocks, they are too few for
    quadrants as well.
    """
    for glyphs in candidates(blocks=blocks, quadrants=quadrants):
        needed_columns, needed_rows = size_needed(modules, glyphs)
        if needed_columns <= columns and needed_rows <= rows:
            return glyphs
    return None


def encode(payload: str) -> Sequence[Sequence[int]]:
    """The smallest matrix that holds `payload`, with as much error correction as fits in it.

    The shared key is base32, which packs closer as a segment of its own. It is split off if that
    saves a version: it is worth seven characters at 80x24, 113 instead of 106.

    Raises:
        segno.DataOverflowError: the payload is longer than any QR code holds (2953 bytes).
    """
    best: str | list[str] = payload
    run = max(_ALPHANUMERIC.findall(payload), key=len, default="")
    if run:
        before, _, after = payload.partition(run)
        split = [part for part in (before, run, after) if part]
        # Choosing the mask is three quarters of the work and does not change the version.
        if _make(split, mask=0).version < _make(payload, mask=0).version:  # type: ignore[operator]
            best = split
    return _make(best).matrix


def _make(content: str | list[str], mask: int | None = None) -> segno.QRCode:
    # segno takes a list as segments, each in its own mode; its type hints know of one only.
    return segno.make(content, error="l", boost_error=True, micro=False, mask=mask)  # type: ignore[arg-type]


def draw(matrix: Sequence[Sequence[int]], glyphs: Glyphs, colours: int) -> list[Strip]:
    """The lines that show `matrix`; every cell carries an explicit foreground and background."""
    paper, ink = paper_and_ink(colours)
    modules = len(matrix)
    columns, rows = size_needed(modules, glyphs)

    def dark(x: int, y: int) -> bool:
        x, y = x - QUIET_ZONE, y - QUIET_ZONE
        return 0 <= x < modules and 0 <= y < modules and bool(matrix[y][x])

    def mask(column: int, row: int) -> int:
        if glyphs is Glyphs.FULL:
            return 15 * dark(column // 2, row)
        if glyphs is Glyphs.HALF:
            return 3 * dark(column, 2 * row) + 12 * dark(column, 2 * row + 1)
        x, y = 2 * column, 2 * row
        upper = dark(x, y) + 2 * dark(x + 1, y)
        return upper + 4 * dark(x, y + 1) + 8 * dark(x + 1, y + 1)

    return [
        Strip(runs((mask(column, row) for column in range(columns)), paper, ink), columns)
        for row in range(rows)
    ]


def runs(masks: Iterable[int], paper: Style, ink: Style) -> list[Segment]:
    """One segment for each run of cells of the same style; `masks` tell which quarters are dark."""
    segments: list[Segment] = []
    text, style = "", paper
    for mask in masks:
        wanted = ink if mask == 15 else paper
        if wanted is not style and text:
            segments.append(Segment(text, style))
            text = ""
        style = wanted
        text += _QUADRANTS[mask]
    return [*segments, Segment(text, style)]


def paper_and_ink(colours: int) -> tuple[Style, Style]:
    """The style of cells with white in them, and of cells that are all black."""
    if colours == 8:
        # Bright backgrounds may be ignored, which would leave black on the terminal's black; light
        # grey is in every such palette, and used alone it cannot differ from another white.
        black, white = Color.from_ansi(0), Color.from_ansi(7)
    else:
        black, white = Color.from_rgb(0, 0, 0), Color.from_rgb(255, 255, 255)
    ink = Style(color=white, bgcolor=black)
    if colours == 0:
        # Where colours are ignored, reverse video still lights the cell; where not, it is the same.
        return Style(color=white, bgcolor=black, reverse=True), ink
    return Style(color=black, bgcolor=white), ink


class QRCode(Widget):
    """Draws `payload` as a QR code that phones can read, or nothing if it does not fit whole.

    Keep it in the layout (no `display: none`) while it does not fit: it takes no room then, and it
    must be asked again when the terminal grows. No tint, opacity or loading state on it or above.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    QRCode { width: auto; height: auto; }
    """

    payload: reactive[str] = reactive("", layout=True)
    """What the code says; the empty string draws nothing and forgets what was drawn before."""

    available: reactive[Size | None] = reactive(None, layout=True)
    """The most room to use, margins aside; None is what the container has.

    A screen that shows a form beside the code sets it from its own size in `on_resize`.
    """

    class FitChanged(Message):
        """Whether the code fits, or the size that it needs, is no longer what it was."""

        def __init__(self, qr_code: QRCode, fits: bool, needed: tuple[int, int]) -> None:
            super().__init__()
            self.qr_code = qr_code
            self.fits = fits
            self.needed = needed

        @property
        def control(self) -> QRCode:
            """The widget that changed."""
            return self.qr_code

    def __init__(
        self,
        abilities: TerminalAbilities,
        payload: str = "",
        *,
        available: Size | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._abilities = abilities
        self._matrix: Sequence[Sequence[int]] = ()
        self._drawn: dict[Glyphs, list[Strip]] = {}
        self._glyphs: Glyphs | None = None
        self._painted: Glyphs | None = None
        self._announced: tuple[bool, tuple[int, int]] | None = None
        self.set_reactive(QRCode.available, available)
        self.set_reactive(QRCode.payload, payload)
        self._encode(payload)

    @property
    def fits(self) -> bool:
        """Whether the whole code is on the screen; also true while there is no payload."""
        return not self._matrix or self._glyphs is not None

    @property
    def needed(self) -> tuple[int, int]:
        """Columns and rows of the smallest code that this terminal can show of the payload."""
        if not self._matrix:
            return (0, 0)
        able = self._abilities
        smallest = candidates(blocks=able.blocks, quadrants=able.quadrants)[-1]
        return size_needed(len(self._matrix), smallest)

    @property
    def glyphs(self) -> Glyphs | None:
        """The glyphs in use, None while nothing is drawn."""
        return self._glyphs

    def watch_payload(self, payload: str) -> None:
        """Encode the new payload and let the layout ask for its size."""
        self._encode(payload)

    def _encode(self, payload: str) -> None:
        # The strips hold the shared key as much as the payload does, so they live here and not in
        # a cache of the process.
        self._drawn = {}
        self._glyphs = None
        self._matrix = encode(payload) if payload else ()

    def _choose(self, columns: int, rows: int) -> Glyphs | None:
        if not self._matrix:
            return None
        able = self._abilities
        return choose(
            len(self._matrix), columns, rows, blocks=able.blocks, quadrants=able.quadrants
        )

    def _room(self, container: Size, viewport: Size) -> Size:
        """The room to plan with, never beyond the screen."""
        # A container of automatic size offers 0 while it asks how large it shall be.
        room = Size(container.width or viewport.width, container.height or viewport.height)
        for limit in (viewport, self.available):
            if limit is not None:
                room = Size(min(room.width, limit.width), min(room.height, limit.height))
        return room

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """Ask for the columns of the best glyphs that fit in the container."""
        glyphs = self._choose(*self._room(container, viewport))
        return size_needed(len(self._matrix), glyphs)[0] if glyphs else 0

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Ask for the rows of the best glyphs that fit in the width that was given."""
        glyphs = self._choose(width, self._room(container, viewport).height)
        return size_needed(len(self._matrix), glyphs)[1] if glyphs else 0

    def on_mount(self) -> None:
        """Look again after each layout: neither a size of zero nor being cut off has an event."""
        self.screen.screen_layout_refresh_signal.subscribe(self, lambda _: self._settle())
        # The very first layout of an app publishes nothing.
        self.call_after_refresh(self._settle)

    def _settle(self) -> None:
        """Choose the glyphs for the place this really has, and tell if that changed anything."""
        if not self.is_attached or self._place() is None:
            return
        glyphs = self._choose_for_place()
        self._glyphs = glyphs
        state = (self.fits, self.needed)
        if state != self._announced:
            self._announced = state
            self.post_message(self.FitChanged(self, *state))

    def _place(self) -> MapGeometry | None:
        """Where the last layout put this; None while it is not in the layout."""
        try:
            return self.screen.find_widget(self)
        except (NoWidget, NoScreen):
            return None

    def _choose_for_place(self) -> Glyphs | None:
        """The glyphs for the size that the layout gave, None if any part of that is hidden."""
        place = self._place()
        if place is None or place.visible_region != place.region:
            return None
        width, height = self.content_size
        if self.available is not None:
            width, height = min(width, self.available.width), min(height, self.available.height)
        return self._choose(width, height)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """No filter: NO_COLOR with an ANSI theme would take away what tells black from white."""
        return ()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Choose before each painting: the first frame after a layout must not show a part."""
        glyphs = self._choose_for_place()
        if glyphs is not self._painted:
            self._painted = glyphs
            # Scrolling brings no new lines, only other ones of those that are kept.
            self._styles_cache.clear()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line of the code, or an empty one."""
        glyphs = self._painted
        if glyphs is not None:
            if glyphs not in self._drawn:
                self._drawn[glyphs] = draw(self._matrix, glyphs, self._abilities.colours)
            if y < len(self._drawn[glyphs]):
                return self._drawn[glyphs][y]
        return Strip.blank(self.content_size.width, self.rich_style)
