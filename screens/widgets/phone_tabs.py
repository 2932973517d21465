"""The row of tabs in the drawer, as one widget: names, how much is unread, which one is open."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

_GAP = 2
_MOST = 9
"""A larger number of unread ones would move the tabs beside it out of the drawer."""


class PhoneTabs(Widget, can_focus=True):
    """Names in a row and a line under the one that is open; arrow keys and clicks choose."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "go(-1)", show=False),
        Binding("right", "go(1)", show=False),
        Binding("down,enter,space", "enter", show=False),
    ]

    unread: reactive[tuple[int, ...]] = reactive(())
    """How many are unread in each."""
    at: reactive[int] = reactive(0)
    """Which one is open."""

    class Chosen(Message):
        """Another tab is to be opened."""

        def __init__(self, at: int) -> None:
            super().__init__()
            self.at = at

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._names = names
        self.set_reactive(PhoneTabs.unread, (0,) * len(names))

    def _labels(self) -> list[str]:
        return [
            f"{name} {count if count <= _MOST else f'{_MOST}+'}" if count else name
            for name, count in zip(self._names, self.unread, strict=True)
        ]

    def _starts(self) -> list[int]:
        starts = [0]
        for label in self._labels():
            starts.append(starts[-1] + cell_len(label) + _GAP)
        return starts

    def render(self) -> RenderResult:
        labels, starts = self._labels(), self._starts()
        row = Content("")
        for at, label in enumerate(labels):
            style = "bold" if at == self.at else ""
            row = row.append(Content.styled(label, style)).append(" " * _GAP)
        width = cell_len(labels[self.at])
        # The focus is told by a sign too, for terminals and eyes that show no colour.
        line = "▸" + "━" * (width - 2) + "◂" if self.has_focus else "━" * width
        return Content("\n").join([row, Content(" " * starts[self.at] + line)])

    def action_go(self, step: int) -> None:
        """Open the tab beside this one."""
        self._choose(self.at + step)

    def action_enter(self) -> None:
        """Go into the tab that is open."""
        self.screen.focus_next()

    def _choose(self, at: int) -> None:
        if 0 <= at < len(self._names) and at != self.at:
            self.at = at
            self.post_message(self.Chosen(at))

    async def _on_click(self, event: events.Click) -> None:
        event.stop()
        for at, start in enumerate(self._starts()[1:]):
            if event.x < start:
                self._choose(at)
                return
