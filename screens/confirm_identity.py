"""Asks for the account password and an OTP password before a change, and makes the change."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

import styles
from screens.base import REVEAL, Dialog
from screens.otp import CodeRow
from screens.widgets.action_button import ActionButton
from screens.widgets.form import CodeField, Field, Notice
from screens.widgets.text_field import TextField
from tui_admin.errors import ConsoleError, FieldError, WrongPasswordError
from tui_admin.i18n import _

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was typed. It lives for one call and is hidden in a `repr`."""

    password: str = field(repr=False)
    code: str = field(repr=False)
    is_recovery: bool
    extra: str


@dataclass(frozen=True, slots=True)
class Extra:
    """One more field at the top of the dialog, for what is being changed."""

    name: str
    label: str
    limit: int
    placeholder: str = ""
    check: Callable[[str], str] | None = None
    """As for `Field`."""


class ConfirmIdentityDialog(Dialog[Result]):
    """Answers what `submit` returns, or None when the person cancelled.

    The dialog stays open after a refusal, with what was wrong in its reserved line.
    """

    CSS_PATH = [styles.sheet("confirm_identity")]
    BINDINGS: ClassVar[list[BindingType]] = [REVEAL]

    def __init__(
        self,
        title: str,
        text: str,
        *,
        action: str,
        submit: Callable[[Context, Typed], Awaitable[Result]],
        with_code: bool,
        allow_recovery: bool = False,
        extra: Extra | None = None,
    ) -> None:
        super().__init__()
        self._title, self._text, self._action = title, text, action
        self._submit = submit
        self._with_code = with_code
        self._allow_recovery = allow_recovery
        self._extra = extra

    def body(self) -> ComposeResult:
        with Vertical(classes="card") as card:
            card.border_title = Content(self._title)
            yield Static(Content(self._text))
            if self._extra is not None:
                extra = self._extra
                yield Field(
                    extra.label,
                    id=extra.name,
                    limit=extra.limit,
                    placeholder=extra.placeholder,
                    check=extra.check,
                    enter_moves_on=True,
                )
            yield Field(
                _("Account password"),
                id="password",
                password=True,
                limit=4096,
                enter_moves_on=self._with_code,
            )
            if self._with_code:
                with Vertical(id="by-code"):
                    yield Static(Content(_("OTP password")), classes="field--label quiet")
                    yield CodeRow()
            if self._allow_recovery:
                yield Field(_("Recovery code"), id="recovery", placeholder="ABCDE-12345", limit=64)
            yield Notice()
            with Horizontal(classes="row").set_class(self._allow_recovery, "-three"):
                yield ActionButton(self._action, id="submit", classes="-first")
                if self._allow_recovery:
                    yield ActionButton(_("Use a recovery code"), id="use-recovery")
                    yield ActionButton(_("Use a code"), id="use-code")
                yield ActionButton(_("Cancel"), id="cancel")

    def help_text(self) -> str:
        return _(
            "This change asks again who you are: type the password of this account and, with "
            "OTP on, the six digits that your authenticator shows. Esc leaves everything as it is."
        )

    @property
    def _is_recovery(self) -> bool:
        return self.has_class("-recovery")

    @on(CodeField.Completed)
    def code_complete(self) -> None:
        # The sixth digit sends only when nothing else is missing.
        if self.query_one("#password-field", Field).value:
            self.send()

    @on(TextField.Submitted)
    @on(CodeField.Submitted)
    @on(ActionButton.Pressed, "#submit")
    def send(self) -> None:
        self.start(self._send)

    @on(ActionButton.Pressed, "#use-recovery")
    def use_recovery(self) -> None:
        self.add_class("-recovery")
        self.notice.say("")
        self.query_one("#recovery").focus()

    @on(ActionButton.Pressed, "#use-code")
    def use_code(self) -> None:
        self.remove_class("-recovery")
        self.notice.say("")
        self.query_one(CodeField).focus()

    @on(ActionButton.Pressed, "#cancel")
    def cancelled(self) -> None:
        self.action_cancel()

    async def _send(self, ctx: Context) -> None:
        code = ""
        if self._is_recovery:
            code = self.query_one("#recovery-field", Field).value
        elif self._with_code:
            code = self.query_one(CodeField).value
        typed = Typed(
            password=self.query_one("#password-field", Field).value,
            code=code,
            is_recovery=self._is_recovery,
            extra=self.query_one(f"#{self._extra.name}-field", Field).value if self._extra else "",
        )
        self.dismiss(await self._submit(ctx, typed))

    def refused(self, error: ConsoleError) -> None:
        super().refused(error)
        if not self.is_up or isinstance(error, FieldError):
            return
        if isinstance(error, WrongPasswordError):
            password = self.query_one("#password-field", Field)
            password.clear()
            password.input.focus()
        elif self._with_code and not self._is_recovery:
            code = self.query_one(CodeField)
            code.value = ""
            code.focus()

    def field_refused(self, error: FieldError) -> None:
        if error.field != "code":
            super().field_refused(error)
        elif self._is_recovery:
            super().field_refused(FieldError("recovery", error.sentence))
        else:
            self.refused(error)
