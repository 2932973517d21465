"""A Textual app that reaches nothing but its own terminal (T13).

Textual is made for a program on the desk of the person in front of it. Here that person is a
customer somewhere, and the program runs on the server of the hosting company.
"""

from __future__ import annotations

import logging

from textual.app import App

from tui_admin.errors import ConsoleError, FaultError

log = logging.getLogger(__name__)


class ContainedApp(App[None], inherit_bindings=False):
    """What would start a program, write a file or show the program's insides does nothing here."""

    ENABLE_COMMAND_PALETTE = False

    kiosk = False
    """Whether the terminal stands in public: its clipboard is out of reach, too."""
    exit_error: ConsoleError | None = None
    """Why this terminal ended, if something went wrong."""

    def open_url(self, url: str, *, new_tab: bool = True) -> None:
        """Do nothing: the browser would start on the server."""

    def action_screenshot(self, filename: str | None = None, path: str | None = None) -> None:
        """Do nothing: the file would land on the server's disk."""

    def deliver_screenshot(self, *_args: object, **_kwargs: object) -> str | None:
        """Do nothing: the file would land on the server's disk."""
        return None

    def action_suspend_process(self) -> None:
        """Do nothing: it would stop the whole server."""

    def copy_to_clipboard(self, text: str) -> None:
        """Send text to the terminal's clipboard (OSC 52), except at a kiosk."""
        if not self.kiosk:
            super().copy_to_clipboard(text)

    def send_to_terminal(self, secret: str) -> None:
        """Send a secret to the terminal's clipboard without keeping it for a paste here."""
        self.copy_to_clipboard(secret)
        self._clipboard = ""

    def _fatal_error(self) -> None:
        """End this terminal after a fault, with a sentence.

        Textual would print a traceback with the values of local variables, passwords among them,
        on the person's screen.
        """
        log.error("the console ended by a fault", exc_info=self._exception)
        self.exit_error = FaultError()
        self._close_messages_no_wait()
