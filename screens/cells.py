"""What a screen shows, cell by cell, with the colours it really has."""

from __future__ import annotations

from typing import Any

from rich.color import Color, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual._cells import cell_len
from textual._context import visible_screen_stack
from textual.app import App
from textual.screen import Screen

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

Cell = tuple[str, Colour, Colour]
"""A character, its foreground and its background; "" in the second column of a wide one."""


def screen_cells(shown: App[Any] | Screen[Any]) -> list[list[Cell]]:
    """Return the rows of what is shown now, overlays included, without drawing on the terminal.

    Colours are resolved: defaults and palette colours by the app's ANSI theme, reverse and dim
    applied. Before the first layout there are no rows. Reads Textual's compositor, which has no
    public way to look at a frame that leaves the pending updates alone.
    """
    screen: Screen[Any] = shown.screen if isinstance(shown, App) else shown
    app = screen.app
    token = visible_screen_stack.set(list(app._background_screens))
    try:
        strips = screen._compositor.render_strips()
    finally:
        visible_screen_stack.reset(token)
    theme = app.ansi_theme
    rows: list[list[Cell]] = []
    for strip in strips:
        row: list[Cell] = []
        for text, style, control in strip:
            if control:
                continue
            foreground, background = _colours(style, theme)
            for char in text:
                width = cell_len(char)
                if width:
                    row.append((char, foreground, background))
                    row.extend([("", foreground, background)] * (width - 1))
                elif row:
                    # A combining mark belongs to the character before it.
                    row[-1] = (row[-1][0] + char, *row[-1][1:])
        rows.append(row)
    return rows


def _colours(style: Style | None, theme: TerminalTheme) -> tuple[Colour, Colour]:
    """Return foreground and background as they are seen."""
    style = style or Style.null()
    foreground = _resolve(style.color, theme, foreground=True)
    background = _resolve(style.bgcolor, theme, foreground=False)
    if style.reverse:
        foreground, background = background, foreground
    if style.dim:
        foreground = blend_rgb(foreground, background, 0.5)
    return foreground, background


def _resolve(color: Color | None, theme: TerminalTheme, *, foreground: bool) -> ColorTriplet:
    return (color or Color.default()).get_truecolor(theme, foreground=foreground)
