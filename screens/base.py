"""What all screens have in common: the brand line, the keys, help, and how a flow is called."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from screens.compositor import CroppingCompositor
from screens.widgets.form import CodeField, Field, Notice
from screens.widgets.key_bar import KeyBar
from screens.widgets.text_field import TextField
from tui_admin.errors import ConsoleError, FieldError, SessionEndedError, UnavailableError
from tui_admin.i18n import N_, _

if TYPE_CHECKING:
    from screens.app import ConsoleApp
    from tui_admin.flows.context import Context

log = logging.getLogger(__name__)
Result = TypeVar("Result")
Answer = TypeVar("Answer")
MIN_COLUMNS, MIN_ROWS = 60, 20
FLOWS = "flows"
"""The group of the workers that run flows."""


HELP = Binding("f1", "help", N_("Help"), key_display="F1")
REVEAL = Binding("f3", "reveal", N_("Show"), key_display="F3")
"""For screens with a password field."""


def understood(error: Exception) -> ConsoleError:
    """Return an error that has a sentence: what nobody foresaw is logged, and is a fault of ours.

    One terminal's error stays with that terminal, and says so.
    """
    if isinstance(error, ConsoleError):
        return error
    log.error("a flow failed unexpectedly", exc_info=error)
    return UnavailableError()


class FlowCaller(Screen[Result]):
    """A screen that calls flows: one at a time, in a worker, every error shown as a sentence."""

    is_busy = False

    def __init__(self) -> None:
        super().__init__()
        self._compositor = CroppingCompositor()
        self._is_answered = False

    @property
    def is_up(self) -> bool:
        """Whether this screen is among those that are open, covered or not."""
        return self.is_attached and not self._is_answered and self in self.app.screen_stack

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Close this screen with its answer, once.

        Textual closes whatever is on top. An answer may come while help or a question covers this
        screen, or twice from two quick presses; closing another screen in its place would leave a
        shared key standing, or a sign-in screen over a live session.
        """
        if not self.is_up:
            return AwaitComplete()
        self._is_answered = True
        while self.app.screen is not self:
            self.app.pop_screen()
        return super().dismiss(result)

    def ask(
        self, dialog: Screen[Answer], then: Callable[[Answer | None], object] | None = None
    ) -> None:
        """Open a dialog over this screen; ignored while another one is open."""
        if self.app.screen is not self:
            return

        def answered(answer: Answer | None) -> None:
            if then is not None:
                then(answer)

        self.app.push_screen(dialog, answered)

    def on_screen_suspend(self) -> None:
        self._mark_focus()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        self._mark_focus()

    def on_descendant_focus(self) -> None:
        # A pane that was read again under a dialog puts the focus on what it shows now.
        self._mark_focus()

    def _mark_focus(self) -> None:
        """Show the marks of the focus only while this screen has the keyboard.

        Textual leaves them on the screen under a dialog, and two places seem to be waiting for
        keys. The screen still knows where its focus is: it comes back there.
        """
        widget = self.focused
        has_keyboard = self.app.screen_stack[-1:] == [self]
        if widget is not None and widget.has_focus is not has_keyboard:
            widget.has_focus = has_keyboard
            widget.refresh()

    @property
    def focus_chain(self) -> list[Widget]:
        """What Tab goes through; nothing that the demo's phone stands in front of."""
        chain = super().focus_chain
        if not self.has_class("-phone"):
            return chain
        from screens.demo_phone import DemoPhone

        drawers = list(self.query(DemoPhone))
        return [widget for widget in chain if not any(one.covers(widget) for one in drawers)]

    def what_would_be_lost(self) -> str:
        """A sentence on what leaving now would lose; empty when nothing."""
        return ""

    @property
    def console(self) -> ConsoleApp:
        """The app, by its own type."""
        return cast("ConsoleApp", self.app)

    def start(
        self, work: Callable[[Context], Awaitable[None]], *, saying: str | None = None
    ) -> None:
        """Run `work` beside the screen. A second start while one runs is ignored.

        The worker belongs to the app: leaving the screen does not cut a flow off between its
        commit and its answer. Nothing is started any more on a terminal that is over: a guess that
        waits behind the last one that was allowed would be looked at (T7).
        """
        if self.is_busy or self.console.is_over:
            return
        self.is_busy = True
        if not self.console.is_open:
            saying = _("Starting\u2026")
        self.notice.say(_("Checking\u2026") if saying is None else saying, "busy")
        self.app.run_worker(self._run(work), group=FLOWS, exit_on_error=False)

    async def _run(self, work: Callable[[Context], Awaitable[None]]) -> None:
        try:
            await self.guarded(work)
        finally:
            self.is_busy = False
            if self.is_up and self.notice.has_class("-busy"):
                self.notice.say("")

    async def guarded(self, work: Callable[[Context], Awaitable[None]]) -> None:
        """Run `work` and show every error it raises as a sentence."""
        console = self.console
        signed_in = console.signed_in
        try:
            await work(await console.context())
        except SessionEndedError as error:
            # A late answer to one session says nothing about the one that is there now.
            if signed_in is not None:
                console.session_over_for(signed_in.session, error.sentence)
        except FieldError as error:
            self.field_refused(error)
        except Exception as error:  # noqa: BLE001 (`understood` logs it)
            self.refused(understood(error))

    @property
    def notice(self) -> Notice:
        """Where the screen says what happened."""
        return self.query_one(Notice)

    @on(CodeField.Said)
    def code_said(self, event: CodeField.Said) -> None:
        """Say what a code field has to say about what was typed."""
        self.notice.say(event.sentence, "error" if event.sentence else "")

    def action_reveal(self) -> None:
        """Show the screen's password for a moment."""
        for field in self.query(TextField).results(TextField):
            if field.password and field.display:
                field.focus()
                field.reveal = not field.reveal
                return

    def refused(self, error: ConsoleError) -> None:
        """Show why not."""
        if self.is_up:
            self.notice.say(error.sentence, "error")

    def field_refused(self, error: FieldError) -> None:
        """Show why not beside the field, and go there."""
        if not self.is_up:
            return
        try:
            field = self.query_one(f"#{error.field}-field", Field)
        except NoMatches:
            self.refused(error)
            return
        self.notice.say("")
        field.input.focus()
        field.say(error.sentence)

    def help_text(self) -> str:
        """What `F1` says about this screen."""
        return ""

    def action_help(self) -> None:
        """Show the help of this screen."""
        from screens.help import HelpScreen

        self.ask(HelpScreen(self.help_text(), cast("Screen[object]", self)))


class ConsoleScreen(FlowCaller[Result]):
    """A whole screen with brand line and keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        HELP,
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

    def on_mount(self) -> None:
        self.show_brand()

    def show_brand(self) -> None:
        """Write the brand line; called again when settings are known or the language changes."""
        for line in self.query("#brand").results(Static):
            brand = self.console.brand
            if brand:
                text = f"{brand} \u00b7 " + _("Customer administration")
                line.update(Content(text), layout=False)

    def action_back(self) -> None:
        """Leave this screen."""
        self.dismiss()


class Dialog(FlowCaller[Result], ModalScreen[Result]):
    """A small screen over the one beneath; `Esc` closes it and changes nothing."""

    # A dialog cuts the keys of the app off; those that work everywhere are said again here.
    BINDINGS: ClassVar[list[BindingType]] = [
        HELP,
        Binding("escape", "cancel", N_("Cancel"), key_display="Esc"),
        Binding("f2", "app.phone", N_("Phone"), key_display="F2"),
        Binding("f4", "app.theme", N_("Theme"), key_display="F4"),
        Binding("ctrl+q", "app.leave", N_("Leave"), key_display="^Q"),
    ]

    def compose(self) -> ComposeResult:
        yield from self.body()
        yield KeyBar()
        yield too_small_cover()

    def body(self) -> Iterable[Widget]:
        """The dialog's own widgets."""
        return ()

    def action_cancel(self) -> None:
        """Close without an answer; a change that is being made is waited for."""
        if self.is_busy:
            self.notice.say(_("One moment: the answer is on its way."), "busy")
        else:
            self.dismiss(None)


def too_small_cover() -> Static:
    """Return the cover that style sheets show below 60x20."""
    sentence = _(
        "This window is too small.\nMake it at least {columns} columns by {rows} rows;\n"
        "what you typed is kept."
    ).format(columns=MIN_COLUMNS, rows=MIN_ROWS)
    return Static(Content(sentence), id="too-small")
