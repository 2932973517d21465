"""The OTP step of a sign-in: six digits from a device, or a recovery code."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Center, Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

import styles
from screens.base import ConsoleScreen
from screens.widgets.action_button import ActionButton
from screens.widgets.countdown import Countdown
from screens.widgets.form import CodeField, Field, Notice
from screens.widgets.text_field import TextField
from tui_admin import flows
from tui_admin.errors import ConsoleError, FieldError, SignInExpiredError
from tui_admin.flows.answers import NeedsCode, SignedIn
from tui_admin.i18n import _

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

STEP_S = 30


def step_left() -> int:
    """Return the whole seconds left of the current step, by the server's clock."""
    return STEP_S - int(time.time() % STEP_S)


class CodeRow(Horizontal):
    """A code field beside the countdown of the 30-second step."""

    def compose(self) -> ComposeResult:
        yield CodeField(id="code")
        yield Countdown(step_left, of_s=STEP_S)


class OtpScreen(ConsoleScreen[None]):
    """Finishes a half-done sign-in. The sixth digit submits."""

    CSS_PATH = [styles.sheet("otp")]
    AUTO_FOCUS = "#code"

    def __init__(self, half: NeedsCode) -> None:
        super().__init__()
        self._half = half

    def body(self) -> Iterable[Widget]:
        by_code = Vertical(
            Static(Content(_("Enter the OTP password from your device"))),
            Static("", classes="gap"),
            CodeRow(classes="row"),
            Static("", classes="gap"),
            id="by-code",
        )
        by_recovery = Vertical(
            Static(Content(_("Enter one of your recovery codes; it works once"))),
            Field("", id="recovery", placeholder="ABCDE-12345", limit=64),
            id="by-recovery",
        )
        card = Vertical(
            by_code,
            by_recovery,
            Notice(),
            Horizontal(
                ActionButton(_("Log in"), id="log-in", classes="-first"),
                ActionButton(_("Use a recovery code"), id="use-recovery"),
                ActionButton(_("Use a code from my device"), id="use-code"),
                classes="row",
            ),
            Horizontal(ActionButton(_("I lost my OTP keycard"), id="lost"), classes="row"),
            ActionButton(_("I cannot reach my e-mail or phone"), id="contact"),
            classes="card",
        )
        card.border_title = Content(_("Two-factor authentication"))
        yield Center(card, id="middle")

    def help_text(self) -> str:
        return _(
            "Open your authenticator and type the six digits that it shows for this account; the "
            "sixth digit sends them. Each code works once. Without your device, use one of the "
            "recovery codes that you were given when OTP was set up. Without those, choose "
            "I lost my OTP keycard: by e-mail, SMS and a CAPTCHA you switch OTP off."
        )

    def on_mount(self) -> None:
        super().on_mount()
        if self._half.is_recovering:
            self.lost()

    @on(CodeField.Completed)
    @on(CodeField.Submitted)
    def code_typed(self) -> None:
        self.start(self._send_code)

    @on(TextField.Submitted, "#recovery")
    def recovery_typed(self) -> None:
        self.start(self._send_recovery)

    @on(ActionButton.Pressed, "#log-in")
    def log_in(self) -> None:
        self.start(self._send_recovery if self.has_class("-recovery") else self._send_code)

    @on(ActionButton.Pressed, "#use-recovery")
    def use_recovery(self) -> None:
        self.add_class("-recovery")
        self.notice.say("")
        self.query_one("#recovery").focus()

    @on(ActionButton.Pressed, "#use-code")
    def use_code(self) -> None:
        self.remove_class("-recovery")
        self.notice.say("")
        self.query_one("#code").focus()

    @on(ActionButton.Pressed, "#contact")
    def contact(self) -> None:
        from screens.contact_form import ContactFormScreen

        self.ask(ContactFormScreen(), lambda _none: self._focus_the_code())

    def _focus_the_code(self) -> None:
        self.query_one("#recovery" if self.has_class("-recovery") else "#code").focus()

    @on(ActionButton.Pressed, "#lost")
    def lost(self) -> None:
        self.start(self._begin_recovery)

    def action_back(self) -> None:
        """Give the half-done sign-in up."""
        if self.has_class("-recovery"):
            self.use_code()
            return
        self.console.forget(self._half)
        self.dismiss()

    async def _send_code(self, ctx: Context) -> None:
        typed = self.query_one(CodeField).value
        answer = await flows.sign_in.code(ctx, self.console.visitor, self._half.half, typed)
        self._begin(answer)

    async def _begin_recovery(self, ctx: Context) -> None:
        from screens.lost_device import LostDeviceScreen

        recovery = await flows.lost_device.begin(ctx, self.console.visitor, self._half.half)
        if self.is_up:
            self.notice.say("")
            self.ask(LostDeviceScreen(recovery))

    async def _send_recovery(self, ctx: Context) -> None:
        typed = self.query_one("#recovery-field", Field).value
        answer = await flows.sign_in.recovery_code(
            ctx, self.console.visitor, self._half.half, typed
        )
        self._begin(answer)

    def _begin(self, answer: SignedIn) -> None:
        if self.is_up:
            self.console.begin_session(answer)
        else:
            self.console.forget(answer)

    def refused(self, error: ConsoleError) -> None:
        if not self.is_up:
            return
        if isinstance(error, SignInExpiredError):
            self.console.session_over(error.sentence)
            return
        super().refused(error)
        if isinstance(error, FieldError):
            return  # What was typed so far stays.
        self.console.missed(error)
        if self.has_class("-recovery"):
            recovery = self.query_one("#recovery-field", Field)
            recovery.clear()
            recovery.input.focus()
            return
        code = self.query_one(CodeField)
        code.value = ""
        code.focus()

    def field_refused(self, error: FieldError) -> None:
        if error.field == "code" and self.has_class("-recovery"):
            error = FieldError("recovery", error.sentence)
        super().field_refused(error)
