"""A small list to choose one thing from."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from screens.base import Dialog
from screens.widgets.choice_list import ChoiceList
from screens.widgets.form import Notice
from tui_admin.i18n import _


class ChoiceDialog(Dialog[str]):
    """Answers the id of what was chosen, or None."""

    def __init__(self, title: str, question: str, choices: dict[str, str]) -> None:
        super().__init__()
        self._title, self._question, self._choices = title, question, choices

    def body(self) -> ComposeResult:
        options = [Option(Content(text), id=name) for name, text in self._choices.items()]
        with Vertical(classes="card") as card:
            card.border_title = Content(self._title)
            yield Static(Content(self._question))
            yield ChoiceList(*options, markup=False)
            yield Notice()

    def help_text(self) -> str:
        return _("Choose with the arrow keys and Enter, or with the mouse. Esc changes nothing.")

    @on(OptionList.OptionSelected)
    def chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)
