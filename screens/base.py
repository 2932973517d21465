"""What all screens have in common: the brand line, the keys, help, and how a flow is called."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from screens.compositor import CroppingCompositor
from screens.widgets.form import Field, Notice
from screens.widgets.key_bar import KeyBar
from screens.widgets.text_field import TextField
from tui_admin.errors import ConsoleError, FieldError, SessionEndedError, UnavailableError
from tui_admin.i18n import N_, _

if TYPE_CHECKING:
    from screens.app import ConsoleApp
    from tui_admin.flows.context import Context

log = logging.getLogger(__name__)
Result = TypeVar("Result")
MIN_COLUMNS, MIN_ROWS = 60, 20


REVEAL = Binding("f3", "reveal", N_("Show password"), key_display="F3")
"""For screens with a password field."""


class FlowCaller(Screen[Result]):
    """A screen that calls flows: one at a time, in a worker, every error shown as a sentence."""

    is_busy = False

    def __init__(self) -> None:
        super().__init__()
        self._compositor = CroppingCompositor()

    @property
    def console(self) -> ConsoleApp:
        """The app, by its own type."""
        return cast("ConsoleApp", self.app)

    def start(
        self, work: Callable[[Context], Awaitable[None]], *, saying: str | None = None
    ) -> None:
        """Run `work` beside the screen. A second start while one runs is ignored.

        The worker belongs to the app: leaving the screen does not cut a flow off between its
        commit and its answer.
        """
        if self.is_busy:
            return
        self.is_busy = True
        if not self.console.is_open:
            saying = _("Starting\u2026")
        self.notice.say(_("Checking\u2026") if saying is None else saying, "busy")
        self.app.run_worker(self._guarded(work), exit_on_error=False)

    async def _guarded(self, work: Callable[[Context], Awaitable[None]]) -> None:
        try:
            await work(await self.console.context())
        except SessionEndedError as error:
            self.console.session_over(error.sentence)
        except FieldError as error:
            self.field_refused(error)
        except ConsoleError as error:
            self.refused(error)
        except Exception:
            # One terminal's error stays with that terminal, and says so.
            log.exception("a flow failed unexpectedly")
            self.refused(UnavailableError())
        finally:
            self.is_busy = False
            if self.is_attached and self.notice.has_class("-busy"):
                self.notice.say("")

    @property
    def notice(self) -> Notice:
        """Where the screen says what happened."""
        return self.query_one(Notice)

    def action_reveal(self) -> None:
        """Show the screen's password for a moment."""
        for field in self.query(TextField).results(TextField):
            if field.password and field.display:
                field.focus()
                field.reveal = not field.reveal
                return

    def refused(self, error: ConsoleError) -> None:
        """Show why not."""
        if self.is_attached:
            self.notice.say(error.sentence, "error")

    def field_refused(self, error: FieldError) -> None:
        """Show why not beside the field, and go there."""
        if not self.is_attached:
            return
        try:
            field = self.query_one(f"#{error.field}-field", Field)
        except NoMatches:
            self.refused(error)
            return
        self.notice.say("")
        field.input.focus()
        field.say(error.sentence)


class ConsoleScreen(FlowCaller[Result]):
    """A whole screen with brand line and keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", N_("Help"), key_display="F1"),
        Binding("escape", "back", N_("Back"), key_display="Esc"),
    ]

    def compose(self) -> ComposeResult:
        yield from self.head()
        yield from self.body()
        yield KeyBar()
        yield too_small_cover()

    def head(self) -> Iterable[Widget]:
        """The line at the top."""
        yield Static(id="brand", markup=False)

    def body(self) -> Iterable[Widget]:
        """The screen's own widgets."""
        return ()

    def help_text(self) -> str:
        """What `F1` says about this screen."""
        return ""

    def on_mount(self) -> None:
        self.show_brand()

    def show_brand(self) -> None:
        """Write the brand line; called again when settings are known or the language changes."""
        for line in self.query("#brand").results(Static):
            brand = self.console.brand
            line.update(Content(f"{brand} \u00b7 " + _("Customer administration") if brand else ""))

    def action_help(self) -> None:
        """Show the help of this screen."""
        from screens.help import HelpScreen

        self.app.push_screen(HelpScreen(self.help_text(), cast("Screen[object]", self)))

    def action_back(self) -> None:
        """Leave this screen."""
        self.dismiss()


class Dialog(FlowCaller[Result], ModalScreen[Result]):
    """A small screen over the one beneath; `Esc` closes it and changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", N_("Cancel"), key_display="Esc")
    ]

    def on_mount(self) -> None:
        # Not in `compose`, which each dialog has of its own.
        self.mount(too_small_cover())

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


def too_small_cover() -> Static:
    """Return the cover that style sheets show below 60x20."""
    sentence = _(
        "This window is too small.\nMake it at least {columns} columns by {rows} rows;\n"
        "what you typed is kept."
    ).format(columns=MIN_COLUMNS, rows=MIN_ROWS)
    return Static(Content(sentence), id="too-small")
