"""A one-line button, `[ Log in ]`, that says in its brackets what it is, in any theme."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class ActionButton(Widget, can_focus=True):
    """A button. Textual's own brings a style sheet that costs more than our whole first screen.

    `kind` says which of a screen's buttons was pressed, so that rows of a list can share it.
    """

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "press", show=False)]

    label: reactive[str] = reactive("", layout=True)

    class Pressed(Message):
        """The button was clicked, or Enter or the space bar pressed on it."""

        def __init__(self, button: ActionButton) -> None:
            super().__init__()
            self.button = button

        @property
        def control(self) -> ActionButton:
            """For `@on(ActionButton.Pressed, "#id")`."""
            return self.button

    def __init__(
        self,
        label: str,
        *,
        kind: str = "",
        target: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.kind = kind or (id or "")
        self.target = target
        self.set_reactive(ActionButton.label, label)

    def render(self) -> RenderResult:
        # The focus is told by a sign too, for terminals and eyes that show no colour.
        left, right = ("\u25b8", "\u25c2") if self.has_focus else (" ", " ")
        return Content(f"[{left}{self.label}{right}]")

    def action_press(self) -> None:
        """Tell whoever listens."""
        if not self.disabled:
            self.post_message(self.Pressed(self))

    async def _on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_press()
