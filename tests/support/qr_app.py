"""A small app with a QR code at its left edge and a footer below; for tests on a real terminal.

    python -m tests.support.qr_app PAYLOAD [THEME]

It reads its environment as the product does. Beside the code stands what a screen would say.
"""

from __future__ import annotations

import os
import sys

from textual import on
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.theme import Theme
from textual.widgets import Static

from screens.terminal import TerminalAbilities, detect
from screens.widgets.qr import QRCode

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
)


class QRApp(App[None]):
    """Shows one payload; `state` says whether it fits."""

    CSS = """
    Horizontal { height: 1fr; }
    #side { width: 1fr; }
    #footer { height: 1; }
    """
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, payload: str, abilities: TerminalAbilities) -> None:
        super().__init__()
        self.register_theme(HIGH_CONTRAST)
        self.code = QRCode(abilities, payload)
        self.changes: list[tuple[bool, tuple[int, int]]] = []

    def compose(self) -> ComposeResult:
        """The code, the text beside it, and a line below both."""
        with Horizontal():
            yield self.code
            yield Static("waiting", id="side")
        yield Static("footer ▀▄█ 界 F1 Help", id="footer")

    @on(QRCode.FitChanged)
    def tell(self, message: QRCode.FitChanged) -> None:
        """Say in words what the message says."""
        self.changes.append((message.fits, message.needed))
        columns, rows = message.needed
        state = "fits" if message.fits else f"needs {columns}x{rows}"
        self.query_one("#side", Static).update(state)


def main() -> None:
    """Run with the payload and theme of the command line."""
    app = QRApp(sys.argv[1], detect(os.environ, sys.stdout.encoding))
    if len(sys.argv) > 2:
        app.theme = sys.argv[2]
    app.run(mouse=False)


if __name__ == "__main__":
    main()
