"""A field of several lines, as careful about what comes in as the field of one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.binding import Binding
from textual.message import Message
from textual.widgets import TextArea

from screens.widgets.form import LabelledField
from screens.widgets.text_field import obey_binding, plain

_LINE_BREAK = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
_LOOKED_AT = 16
"""How many times its limit a box looks into a pasted text for characters it may take."""
_OF_THE_CONSOLE = {"f6", "f7"}
"""Keys of Textual's own that mean something else in the console."""


class TextBox(TextArea, inherit_bindings=False):
    """A `TextArea` that wraps, lets Tab move on and Enter begin a line, and whose cursor stands.

    It holds nothing that could not be typed (see `text_field.plain`), and at most `limit`
    characters: a paste is cut there, and `Overflow` tells of the rest.
    """

    BINDINGS = [
        binding
        for binding in TextArea.BINDINGS
        if isinstance(binding, Binding) and binding.key not in _OF_THE_CONSOLE
    ]

    @dataclass
    class Overflow(Message):
        """Posted when more was typed or pasted than there was room for."""

        dropped: int
        """How many characters were left out."""

    def __init__(self, *, id: str, limit: int) -> None:
        super().__init__(id=id, compact=True, highlight_cursor_line=False)
        self.limit = limit
        self.cursor_blink = False
        self.match_cursor_bracket = False

    def on_resize(self) -> None:
        """Draw what Textual wraps anew: as long as the number of lines stays, it would not."""
        self.refresh()
        self.call_after_refresh(self.scroll_cursor_visible)

    @property
    def room(self) -> int:
        """How many characters would fit in place of the selection."""
        return max(0, self.limit - len(self.text) + len(self.selected_text))

    async def _on_key(self, event: events.Key) -> None:
        if await obey_binding(self, event):
            return
        if (event.is_printable or event.key == "enter") and not self.room:
            event.stop()
            event.prevent_default()
            self.post_message(self.Overflow(1))

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.insert_pasted(event.text)

    def action_paste(self) -> None:
        """Take what was last copied inside the console."""
        self.insert_pasted(self.app.clipboard)

    def insert_pasted(self, text: str) -> None:
        """Put a text in place of the selection, as far as there is room."""
        # Characters are judged one by one, and millions of them may have been pasted.
        near = self.limit * _LOOKED_AT
        lines = _LINE_BREAK.split(text[:near].replace("\t", " "))
        whole, room = "\n".join(plain(line) for line in lines), self.room
        if taken := whole[:room]:
            done = self._replace_via_keyboard(taken, *self.selection)
            if done is not None:
                self.move_cursor(done.end_location)
        if dropped := len(whole) - len(taken) + max(0, len(text) - near):
            self.post_message(self.Overflow(dropped))


class BoxField(LabelledField):
    """A labelled field of several lines."""

    def __init__(self, label: str, *, id: str, limit: int, check: Callable[[str], str]) -> None:
        self.box = TextBox(id=id, limit=limit)
        super().__init__(label, self.box, id=id, check=check)

    @property
    def value(self) -> str:
        """What stands in the box."""
        return self.box.text

    def on_text_area_changed(self, event: TextBox.Changed) -> None:
        event.stop()
        self.look()

    def on_text_box_overflow(self, event: TextBox.Overflow) -> None:
        event.stop()
        self.left_out(event.dropped)
