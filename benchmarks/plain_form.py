"""The peer for keys: the sign-in form as one writes it with Textual's own widgets, untuned."""

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Button, Footer, Input, Label


class PlainForm(App[None]):
    """Two inputs, a button and a footer in a card."""

    CSS = """
    Screen { align: center middle; }
    Vertical { width: 52; height: auto; border: round $primary; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("f1", "help", "Help"), ("f4", "theme", "Theme")]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label("Username or e-mail")
            yield Input()
            yield Label("Password")
            yield Input(password=True)
            yield Label("")
            yield Button("Log in")
        yield Footer()


if __name__ == "__main__":
    PlainForm().run()
