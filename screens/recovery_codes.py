"""The ten recovery codes: shown once, one typed back as a sign that they were kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Center, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

import styles
from screens.base import ConsoleScreen
from screens.question import QuestionDialog
from screens.widgets.action_button import ActionButton
from screens.widgets.form import Field, Notice
from screens.widgets.text_field import TextField
from tui_admin import flows
from tui_admin.errors import ConsoleError, FieldError, WrongRecoveryCodeError
from tui_admin.i18n import _

if TYPE_CHECKING:
    from tui_admin.flows.context import Context


class RecoveryCodesScreen(ConsoleScreen[bool]):
    """Answers True when a code was typed back."""

    CSS_PATH = [styles.sheet("recovery_codes")]
    AUTO_FOCUS = "#typed"

    def __init__(self, codes: tuple[str, ...]) -> None:
        super().__init__()
        self._codes = codes

    def body(self) -> Iterable[Widget]:
        half = (len(self._codes) + 1) // 2
        pairs = zip(self._codes[:half], self._codes[half:], strict=False)
        rows = "\n".join(f"{left}    {right}" for left, right in pairs)
        card = Vertical(
            Static(Content(_("Keep these codes where you find them without your phone."))),
            Static(Content(_("Each opens the account once. They are shown only now."))),
            Static(Content(rows), id="codes"),
            Field(_("Type one of them, to be sure"), id="typed", limit=64),
            Notice(),
            Horizontal(
                ActionButton(_("I have kept them"), id="confirm", classes="-first"),
                classes="row",
            ),
            classes="card",
        )
        card.border_title = Content(_("Recovery codes"))
        yield Center(card, id="middle")

    def help_text(self) -> str:
        return _(
            "Write the ten codes down or print them. On the day your device is gone, choose Use a "
            "recovery code when you sign in. Typing one of them here does not use it up."
        )

    @on(TextField.Submitted)
    def submitted(self, event: TextField.Submitted) -> None:
        if event.value:
            self.confirm()

    @on(ActionButton.Pressed, "#confirm")
    def confirm(self) -> None:
        self.start(self._confirm)

    async def _confirm(self, ctx: Context) -> None:
        console = self.console
        typed = self.query_one("#typed-field", Field).value
        await flows.recovery_codes.confirm(ctx, console.visitor, console.token, typed)
        self.dismiss(True)

    def action_back(self) -> None:
        """Leave without typing a code back, after asking."""
        question = QuestionDialog(
            _("Recovery codes"),
            _("The codes will not be shown again. Have you kept them?"),
            yes=_("Leave all the same"),
            no=_("Stay"),
        )
        self.ask(question, lambda yes: self.dismiss(False) if yes else None)

    def what_would_be_lost(self) -> str:
        """The codes themselves."""
        return _("The recovery codes will not be shown again.")

    def refused(self, error: ConsoleError) -> None:
        super().refused(error)
        if self.is_up:
            typed = self.query_one("#typed-field", Field)
            if isinstance(error, WrongRecoveryCodeError):
                typed.clear()
            typed.input.focus()

    def field_refused(self, error: FieldError) -> None:
        super().field_refused(FieldError("typed", error.sentence))
        if self.is_up:
            # It can be mended, and the first letter of another one takes its place.
            self.query_one("#typed-field", Field).input.select_all()
