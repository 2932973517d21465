"""A list to choose one thing from, which marks the entry that `Enter` chooses by signs too."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip
from textual.widgets import OptionList


class ChoiceList(OptionList):
    """An `OptionList` that shows without colours what is chosen, as buttons show their focus.

    The signs take the place of an option's first and last column; `inside.tcss` leaves them free.
    """

    def render_line(self, y: int) -> Strip:
        """A line, between the signs of the focus if it is the first one of what is chosen."""
        line = super().render_line(y)
        at = self.scroll_offset.y + y
        first = self._index_to_line.get(-1 if self.highlighted is None else self.highlighted)
        if not self.has_focus or at != first:
            return line
        style = next(iter(line)).style
        left, right = (Strip([Segment(sign, style)]) for sign in "\u25b8\u25c2")
        return Strip.join([left, line.crop(1, line.cell_length - 1), right])
