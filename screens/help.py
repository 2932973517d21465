"""`F1`: what one can do on the screen beneath, and every key that works there."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from screens.base import Dialog
from screens.widgets.form import Notice
from screens.widgets.key_bar import shown_keys
from tui_admin.i18n import N_, _

_LONGER = {
    "reveal": N_("Show the password for a moment"),
    "phone": N_("Open or close the demo phone"),
    "theme": N_("Next theme: dark, light, high contrast"),
    "my_account": N_("Open the menu My Account"),
    "key_only": N_("The key without the QR code, or with it"),
}
"""What the bar of keys has no room to say, by action."""


class HelpScreen(Dialog[None]):
    """Shows the help of another screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,enter", "cancel", show=False),
        Binding("escape", "cancel", N_("Close"), key_display="Esc"),
    ]

    def __init__(self, text: str, about: Screen[object]) -> None:
        super().__init__()
        self._text = text
        self._keys = [
            (key, _(_LONGER[name]) if (name := action.split(".")[-1]) in _LONGER else label)
            for key, label, action in shown_keys(about)
        ]

    def body(self) -> ComposeResult:
        general = [
            ("Tab", _("Next field or button; Shift+Tab goes back")),
            ("Enter", _("Press the button, or send the form")),
        ]
        keys = [*general, *self._keys]
        width = max(len(key) for key, _label in keys)
        with VerticalScroll(classes="card", id="help") as card:
            card.border_title = Content(_("Help"))
            card.border_subtitle = Content(_("Esc closes"))
            yield Static(Content(self._text))
            yield Static("", classes="gap")
            yield Static(Content("\n".join(f"{key:<{width}}  {label}" for key, label in keys)))
            yield Notice()
