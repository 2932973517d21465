"""How a case stands, for whoever has its number and PIN."""

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
from screens.widgets.action_button import ActionButton
from screens.widgets.form import Field, Notice
from screens.widgets.text_field import TextField
from tui_admin import flows
from tui_admin.errors import ConsoleError
from tui_admin.flows.answers import CaseView
from tui_admin.i18n import _, zoned_minute

if TYPE_CHECKING:
    from tui_admin.flows.context import Context


class CaseScreen(ConsoleScreen[None]):
    """Takes number and PIN, and says in words how the case stands."""

    CSS_PATH = [styles.sheet("contact_form")]
    AUTO_FOCUS = "#number"

    def body(self) -> Iterable[Widget]:
        card = Vertical(
            Field(
                _("Case number"),
                id="number",
                limit=32,
                placeholder="1234 5678",
                enter_moves_on=True,
            ),
            Field(_("PIN"), id="pin", limit=32, placeholder="123 456"),
            Static("", id="case-state", markup=False),
            Notice(),
            Horizontal(ActionButton(_("Show"), id="show", classes="-first"), classes="row"),
            classes="card",
        )
        card.border_title = Content(_("Your case"))
        yield Center(card, id="middle")

    def help_text(self) -> str:
        return _(
            "The case number and the PIN were shown when the contact form was sent. A lost PIN "
            "cannot be looked up: fill in the form again, and name the number in it."
        )

    @on(TextField.Submitted, "#pin")
    @on(ActionButton.Pressed, "#show")
    def look(self) -> None:
        self.query_one("#case-state", Static).update("")
        self.start(self._look)

    async def _look(self, ctx: Context) -> None:
        number = self.query_one("#number-field", Field).value
        pin = self.query_one("#pin-field", Field).value
        view = await flows.support.look(ctx, self.console.visitor, number, pin)
        if self.is_up:
            late = view.state == "open" and ctx.clock.now() > view.due_at
            lines = _in_words(view, self.console.timezone, is_late=late)
            self.query_one("#case-state", Static).update(Content("\n".join(lines)))

    def refused(self, error: ConsoleError) -> None:
        super().refused(error)
        if self.is_up:
            pin = self.query_one("#pin-field", Field)
            pin.clear()
            pin.input.focus()


def _in_words(view: CaseView, timezone: str, *, is_late: bool) -> Iterable[str]:
    received = zoned_minute(view.created_at, timezone)
    yield _("Received {moment}.").format(moment=received)
    if view.state == "open":
        due = zoned_minute(view.due_at, timezone)
        yield (
            _("Open. The answer was due by {moment} and is late; we are sorry.")
            if is_late
            else _("Open. An answer comes by {moment} at the latest.")
        ).format(moment=due)
    elif view.state == "answered":
        yield _("Answered: we wrote to you or called you.")
    else:
        yield _("Closed.")
