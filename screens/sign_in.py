"""Sign in: username and password. The lowest screen of every terminal."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Center, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.base import REVEAL, ConsoleScreen
from screens.widgets.action_button import ActionButton
from screens.widgets.form import Field, Notice
from screens.widgets.text_field import TextField
from tui_admin import flows
from tui_admin.errors import ConsoleError, LimitedError, WrongCredentialsError
from tui_admin.i18n import N_, _

if TYPE_CHECKING:
    from tui_admin.flows.context import Context


class SignInScreen(ConsoleScreen[None]):
    """Takes username (or e-mail address) and password."""

    AUTO_FOCUS = "#username"
    BINDINGS: ClassVar[list[BindingType]] = [
        REVEAL,
        Binding("escape", "clear", N_("Clear"), key_display="Esc"),
    ]

    _round = 0

    def body(self) -> Iterable[Widget]:
        card = Vertical(
            Field(_("Username or e-mail"), id="username", limit=320, enter_moves_on=True),
            Field(_("Password"), id="password", password=True, limit=4096),
            Notice(),
            Horizontal(ActionButton(_("Log in"), id="log-in", classes="-first"), classes="row end"),
            ActionButton(_("I cannot reach my e-mail or phone"), id="contact"),
            classes="card",
        )
        card.border_title = Content(_("Sign in"))
        yield Center(card, id="middle")
        if self.console.demo is not None:
            yield Static(Content(self.console.demo.hint), id="demo-hint")

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        # Every widget was styled when it was mounted. Textual would do it once more before the
        # first frame; later, when another screen has lain over this one, it is needed.
        if self.stack_updates == 0:
            event.refresh_styles = False

    def help_text(self) -> str:
        return _(
            "Type your username or your e-mail address, and your password. When two-factor "
            "authentication is on, the OTP password is asked for next."
        )

    async def speak_again(self) -> None:
        """Say everything in the language that is in force now, and keep what was typed."""
        typed = {field.input.id: field.value for field in self.query(Field)}
        await self.recompose()
        for field in self.query(Field):
            field.input.value = typed.get(field.input.id, "")
        self.query_one("#username").focus()

    def begin_again(self, sentence: str) -> None:
        """Empty the form and say why the person is here again."""
        self._round += 1
        for field in self.query(Field):
            field.clear()
        self.notice.say(sentence)
        self.query_one("#username").focus()

    def action_clear(self) -> None:
        """Empty the form."""
        self.begin_again("")

    @on(TextField.Submitted, "#password")
    def password_entered(self, event: TextField.Submitted) -> None:
        # Not what stands in the field by now: who types ahead is at the OTP password already.
        self._send(event.value)

    @on(ActionButton.Pressed, "#log-in")
    def log_in(self) -> None:
        self._send(self.query_one("#password-field", Field).value)

    @on(ActionButton.Pressed, "#contact")
    def contact(self) -> None:
        # Imported here: the first frame does not wait for it.
        from screens.contact_form import ContactFormScreen

        self.ask(ContactFormScreen())

    def _send(self, password: str) -> None:
        username = self.query_one("#username-field", Field).value
        self.start(partial(self._log_in, username=username, password=password))

    async def _log_in(self, ctx: Context, *, username: str, password: str) -> None:
        from tui_admin.flows.answers import NeedsCode

        this_round = self._round
        answer = await flows.sign_in.password(ctx, self.console.visitor, username, password)
        if self._round != this_round:
            # The form was cleared meanwhile: whoever did that does not want to be signed in.
            self.console.forget(answer)
            return
        self.begin_again("")
        if isinstance(answer, NeedsCode):
            from screens.otp import OtpScreen

            self.app.push_screen(OtpScreen(answer))
        else:
            self.console.begin_session(answer)

    def refused(self, error: ConsoleError) -> None:
        super().refused(error)
        if isinstance(error, WrongCredentialsError | LimitedError):
            self.console.missed(error)
            password = self.query_one("#password-field", Field)
            password.clear()
            password.input.focus()
