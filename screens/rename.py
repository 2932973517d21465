"""Gives a device another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from screens.base import Dialog
from screens.widgets.action_button import ActionButton
from screens.widgets.form import Field, Notice
from screens.widgets.text_field import TextField
from tui_admin import flows
from tui_admin.i18n import _

if TYPE_CHECKING:
    from tui_admin.flows.context import Context


class RenameDialog(Dialog[bool]):
    """Answers True when the device has its new name."""

    def __init__(self, device_id: str, name: str) -> None:
        super().__init__()
        self._device_id, self._old_name = device_id, name

    def body(self) -> ComposeResult:
        with Vertical(classes="card") as card:
            card.border_title = Content(_("Rename"))
            yield Field(_("Name of the device"), id="name", value=self._old_name, limit=40)
            yield Notice()
            with Horizontal(classes="row"):
                yield ActionButton(_("Rename"), id="submit", classes="-first")
                yield ActionButton(_("Cancel"), id="cancel")

    def help_text(self) -> str:
        return _("The name is for you alone; codes and keys stay as they are.")

    @on(ActionButton.Pressed, "#cancel")
    def cancelled(self) -> None:
        self.action_cancel()

    @on(TextField.Submitted)
    @on(ActionButton.Pressed, "#submit")
    def send(self) -> None:
        self.start(self._send)

    async def _send(self, ctx: Context) -> None:
        name = self.query_one("#name-field", Field).value
        console = self.console
        await flows.devices.rename(ctx, console.visitor, console.token, self._device_id, name)
        self.dismiss(True)
