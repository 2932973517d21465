"""A one-line text field that costs little per key, nothing at rest, and is safe to paste into.

Textual's `Input` lays the whole screen out after each key, since a new `virtual_size` might change
the size of its container, and draws its border again with each letter. A `TextField` is one line
high and as wide as its container makes it, so that a key changes that line and nothing else. That
is about half of the CPU of a key: 3 to 4 ms in place of 7 for two fields in a card on 80x24.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

from rich.cells import cell_len
from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive, reactive, var
from textual.strip import Strip
from textual.timer import Timer
from textual.validation import Validator
from textual.widget import Widget
from textual.widgets import Input
from textual.widgets.input import Selection

if TYPE_CHECKING:
    # Textual does not export these two; nothing depends on them at run time.
    from textual.widgets._input import InputType, InputValidationOn

DEFAULT_LIMIT = 4096
"""How many characters a field holds unless told otherwise."""

REVEAL_S = 5.0
"""How long a password stays readable after `TextField.reveal` was set."""

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
"""Text between the characters that `str.splitlines` breaks at."""

_LOOKED_AT = 16
"""How many times its limit a field looks into a pasted line for characters it may take."""


async def obey_binding(field: Widget, event: events.Key) -> bool:
    """Do at once what the field's own binding for a key says; return whether there was one.

    Textual looks for a binding only when the key has gone up to the app and nobody wanted it. Of
    keys that came in one burst, the letters behind a Backspace or Ctrl+U would stand in the field
    by then, and be rubbed out in place of those before it.
    """
    for binding in field._bindings.key_to_bindings.get(event.key, ()):
        if await field.app.run_action(binding.action, field):
            event.stop()
            event.prevent_default()
            return True
    return False


def plain(text: str) -> str:
    """The text without what keys could not have typed; typographic spaces become the plain one.

    Control characters go to the terminal as they are, so a pasted escape sequence would be obeyed
    by it, and direction marks make a field show something other than it holds.
    """
    if text.isprintable():
        return text
    # Copied codes and phone numbers often come with no-break spaces between their groups.
    return "".join(
        one if one.isprintable() else " "
        for one in text
        if one.isprintable() or (one.isspace() and one > "\x85")
    )


class TextField(Input):
    """An `Input` of one line whose size never depends on its content.

    What `Input` does works here too: its messages, keys, mouse, selection and clipboard. But

    - `width: auto` is not for it, and neither are suggesters and highlighters;
    - the cursor does not blink;
    - it validates only if it was given validators; without them no class is ever toggled;
    - it holds nothing that could not be typed, whoever sets its value (see `plain`);
    - a paste takes the first line that has something in it, and as much of that as there is room
      for; `Overflow` tells of the rest.

    Args:
        value: The text to begin with.
        placeholder: Shown while the field is empty.
        password: Show dots; see `reveal`.
        limit: How many characters may be typed and pasted at most.
        max_length: As for `Input`; the smaller of it and `limit` counts.
        validators: As for `Input`. They set the classes `-valid` and `-invalid`.
        compact: No border and one line. Without it the field has the border and height of `Input`.
    """

    # `Input` sets this after each key, and `Widget` declares it as a reactive that asks for a
    # layout of the screen. All that reads it here is `max_scroll_x`.
    virtual_size = var(Size(0, 0))
    # Declared again without their repaint, which draws the border too; the watchers draw the line.
    value: Reactive[str] = reactive("", init=False, repaint=False)
    selection: Reactive[Selection] = reactive(Selection.cursor(0), repaint=False)
    cursor_blink = reactive(False, init=False)

    enter_moves_on = False
    """Whether Enter goes to the next field; the app does it, in the order of the keys."""

    reveal: Reactive[bool] = reactive(False)
    """Show a password in clear. Ends after `REVEAL_S`, and when the field loses the focus."""

    @dataclass
    class Overflow(Message):
        """Posted when more was pasted than there was room for: `Pasted too much`."""

        field: TextField
        """The field that was pasted into."""
        dropped: int
        """How many characters of the line were left out."""

        @property
        def control(self) -> TextField:
            """The field, so that `@on(TextField.Overflow, "#name")` works."""
            return self.field

    def __init__(
        self,
        value: str | None = None,
        placeholder: str = "",
        *,
        password: bool = False,
        limit: int = DEFAULT_LIMIT,
        max_length: int = 0,
        restrict: str | None = None,
        type: InputType = "text",
        validators: Validator | Iterable[Validator] | None = None,
        validate_on: Iterable[InputValidationOn] | None = None,
        valid_empty: bool = False,
        select_on_focus: bool = True,
        compact: bool = True,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
        disabled: bool = False,
        tooltip: RenderableType | None = None,
    ) -> None:
        self.limit = limit
        self._reveal_timer: Timer | None = None
        self._line_styles: _LineStyles | None = None
        if validate_on is None and validators is None and type == "text":
            validate_on = ()
        super().__init__(
            value,
            placeholder,
            password=password,
            max_length=min(max_length or limit, limit),
            restrict=restrict,
            type=type,
            validators=validators,
            validate_on=validate_on,
            valid_empty=valid_empty,
            select_on_focus=select_on_focus,
            compact=compact,
            name=name,
            id=id,
            classes=classes,
            disabled=disabled,
            tooltip=tooltip,
        )

    @property
    def shown(self) -> str:
        """The value as it is drawn: dots for a password that is not revealed."""
        return "•" * len(self.value) if self.password and not self.reveal else self.value

    @property
    def content_width(self) -> int:
        """The width of what is drawn, in cells, with room for the cursor behind it."""
        return cell_len(self.shown) + 1

    @property
    def room(self) -> int:
        """How many characters would fit in place of the selection."""
        return max(0, (self.max_length or self.limit) - len(self.value) + len(self.selected_text))

    def validate_value(self, value: str) -> str:
        """Keep out of the value what must not reach the terminal."""
        return plain(value)

    def watch_value(self) -> None:
        """Draw the line, and follow a text back that became shorter than the window."""
        if self.scroll_x > self.max_scroll_x:
            self.scroll_x = self.max_scroll_x
        self.refresh_line(0)

    def watch_selection(self) -> None:
        """Draw the line."""
        self.refresh_line(0)

    def watch_reveal(self, reveal: bool) -> None:
        """Set the time at which a revealed password is hidden again."""
        if self._reveal_timer is not None:
            self._reveal_timer.stop()
            self._reveal_timer = None
        if reveal:
            self._reveal_timer = self.set_timer(REVEAL_S, self._hide)

    def _hide(self) -> None:
        self.reveal = False

    def action_copy(self) -> None:
        """Copy the selection, unless it is hidden."""
        if self.password and not self.reveal:
            raise SkipAction
        super().action_copy()

    def action_cut(self) -> None:
        """Cut the selection, unless it is hidden."""
        if not self.password or self.reveal:
            super().action_cut()

    def on_blur(self) -> None:
        """Hide a revealed password."""
        self._hide()

    def on_resize(self) -> None:
        """Keep the cursor in sight when the window became narrower."""
        before_cursor = self.shown[: self.cursor_position]
        self.scroll_to_region(Region(cell_len(before_cursor), 0, 1, 1), force=True, animate=False)

    async def _on_key(self, event: events.Key) -> None:
        await obey_binding(self, event)

    def on_paste(self, event: events.Paste) -> None:
        """Take what the terminal pasted; `Input` does not get to see it."""
        event.stop()
        event.prevent_default()
        self.insert_pasted(event.text)

    def action_paste(self) -> None:
        """Take what was last copied inside the console."""
        self.insert_pasted(self.app.clipboard)

    def insert_pasted(self, text: str) -> None:
        """Put the first line of a text in place of the selection, as far as there is room.

        Posts `Overflow` when something of that line was left out for want of room.
        """
        found = _LINE.search(text)
        if found is None:
            return
        # Characters are judged one by one, and millions of them may have been pasted.
        near = self.limit * _LOOKED_AT
        line, unseen = plain(found.group()[:near]), max(0, len(found.group()) - near)
        room = self.room
        if line and room:
            self.replace(line[:room], *self.selection)
        if (dropped := len(line) + unseen - room) > 0:
            self.post_message(self.Overflow(self, dropped))

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Draw again. As for the base class, no regions means that the styles may be new."""
        if not regions:
            self._line_styles = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render_line(self, y: int) -> Strip:
        """The line with its selection and cursor, cut to the window."""
        if self._line_styles is None:
            self._line_styles = _LineStyles.of(self)
        styles = self._line_styles
        width = self.scrollable_content_region.width
        if y != 0:
            return Strip.blank(width, styles.text)
        text, style = self.shown, styles.text
        if not text and self.placeholder:
            text, style = plain(self.placeholder), styles.placeholder
        text += " "  # the cursor stands on it when it is behind the last character
        if not self.has_focus:
            line = Strip([Segment(text, style)])
        else:
            cursor = self.cursor_position
            start, end = sorted(self.selection)

            def style_at(index: int) -> Style:
                if index == cursor:
                    return styles.cursor
                return styles.selection if start <= index < end else style

            cuts = sorted({0, start, end, cursor, cursor + 1, len(text)})
            line = Strip(Segment(text[here:to], style_at(here)) for here, to in pairwise(cuts))
        scroll_x = self.scroll_offset.x
        return line.crop_extend(scroll_x, scroll_x + width, styles.text)


class _LineStyles(NamedTuple):
    """The styles of a line. To look them up takes longer than to draw it, so a field keeps them."""

    text: Style
    placeholder: Style
    selection: Style
    cursor: Style

    @classmethod
    def of(cls, field: TextField) -> Self:
        text = field.rich_style
        return cls(
            text,
            *(
                text + field.get_component_rich_style(f"input--{part}")
                for part in ("placeholder", "selection", "cursor")
            ),
        )
