"""A question with two answers, for the moments in which something would be lost."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from screens.base import Dialog
from screens.widgets.action_button import ActionButton
from screens.widgets.form import Notice
from tui_admin.i18n import _


class QuestionDialog(Dialog[bool]):
    """Answers True or False; `Esc` is no. The harmless answer has the focus."""

    def __init__(self, title: str, question: str, *, yes: str, no: str) -> None:
        super().__init__()
        self._title, self._question, self._yes, self._no = title, question, yes, no

    def body(self) -> ComposeResult:
        with Vertical(classes="card") as card:
            card.border_title = Content(self._title)
            yield Static(Content(self._question))
            yield Notice()
            with Horizontal(classes="row"):
                yield ActionButton(self._no, id="no")
                yield ActionButton(self._yes, id="yes")

    def help_text(self) -> str:
        return _("Choose an answer with Tab and Enter, or with the mouse. Esc changes nothing.")

    @on(ActionButton.Pressed)
    def answer(self, event: ActionButton.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
