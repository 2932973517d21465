"""A shared key shown again, for one more authenticator; hides by itself."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.activation import KeyScreen
from screens.widgets.action_button import ActionButton
from screens.widgets.countdown import Countdown
from screens.widgets.form import Notice
from tui_admin.i18n import _


class ShowKeyScreen(KeyScreen):
    """Shows the key of one device until its time is over."""

    AUTO_FOCUS = "#done"

    def form(self) -> Iterable[Widget]:
        yield Horizontal(
            Static(Content(_("Shared key")), id="title"),
            Countdown(self.seconds_left, template=_("hides in {time}"), id="life"),
            classes="row",
        )
        yield Static(Content(self.key.device_name), classes="quiet")
        yield from self.key_lines(_("Scan with one more device, or type the key:"))
        yield Horizontal(*self.key_buttons(), classes="row")
        yield Static("", classes="gap")
        yield Notice()
        yield Horizontal(ActionButton(_("Done"), id="done", classes="-first"), classes="row")

    def help_text(self) -> str:
        return _(
            "Every device that holds this key shows the same codes. The key is hidden again after "
            "a minute."
        )

    @on(Countdown.RanOut)
    @on(ActionButton.Pressed, "#done")
    def action_back(self) -> None:
        """Hide the key."""
        self.dismiss(())
