"""Set OTP: the QR code and the key at the left, password and code at the right."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import Static

import styles
from screens.base import MIN_COLUMNS, MIN_ROWS, REVEAL, ConsoleScreen
from screens.otp import CodeRow
from screens.widgets.action_button import ActionButton
from screens.widgets.countdown import Countdown
from screens.widgets.form import CodeField, Field, Notice
from screens.widgets.qr import QRCode
from tui_admin import flows
from tui_admin.errors import ConsoleError, FieldError, PendingKeyGoneError, ProofExpiredError
from tui_admin.flows.answers import Activated, KeyView
from tui_admin.i18n import N_, _, ngettext

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

_FORM_COLUMNS = 35
_KEY_BAR_ROWS = 1


class KeyRow(Horizontal):
    """QR code, form and guide; shares its columns out again when it has more or fewer of them."""

    def on_resize(self) -> None:
        if isinstance(self.screen, KeyScreen):
            self.screen.make_room()


class KeyScreen(ConsoleScreen[tuple[str, ...]]):
    """A screen that shows a shared key: as QR code where it fits, as text always."""

    CSS_PATH = [styles.sheet("activation")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f7", "key_only", N_("Key only"), key_display="F7"),
        Binding("f8", "copy_key", N_("Copy key"), key_display="F8"),
    ]

    def __init__(self, key: KeyView) -> None:
        super().__init__()
        self.key = key
        self._until_s = time.monotonic() + key.ttl_s
        self._size_sentence = ""

    def head(self) -> Iterable[Widget]:
        return ()

    def body(self) -> Iterable[Widget]:
        yield KeyRow(
            QRCode(self.console.abilities, self.key.uri, id="qr"),
            VerticalScroll(*self.form(), id="form", can_focus=False),
            Vertical(Static(Content(self.guide())), id="guide"),
            id="key-screen",
        )

    def form(self) -> Iterable[Widget]:
        """What stands beside the QR code."""
        return ()

    def guide(self) -> str:
        """What wide terminals show besides."""
        return ""

    def key_lines(self, lead: str) -> Iterable[Widget]:
        """The key as text with all that an authenticator may ask for."""
        yield Static(Content(lead), id="lead")
        yield Static("", id="key-text")
        yield Static("", id="key-facts", classes="quiet")

    def on_mount(self) -> None:
        self.make_room()
        self.show_key(self.key)

    def make_room(self) -> None:
        """Leave the form its columns; what is left is the code's.

        The demo's phone takes columns from both. Where no code would fit beside it and the form,
        the phone covers the form: it is opened to scan, and closed to type.
        """
        qr = self.query_one(QRCode)
        beside = self.query_one(KeyRow).size.width - _FORM_COLUMNS
        width = self.size.width - _FORM_COLUMNS if beside < qr.needed[0] else beside
        shown = not self.has_class("-key-only")
        qr.available = Size(width if shown else 0, self.size.height - _KEY_BAR_ROWS)

    def show_key(self, key: KeyView) -> None:
        """Show another key in place of the one before."""
        self.key = key
        self._until_s = time.monotonic() + key.ttl_s
        self.query_one(QRCode).payload = key.uri
        half = len(key.key) // 2
        lines = f"{key.key[:half].strip()}\n{key.key[half:].strip()}"
        self.query_one("#key-text", Static).update(Content(lines))
        facts = _("{algorithm} \u00b7 {digits} digits \u00b7 {period} s").format(
            algorithm=key.algorithm, digits=key.digits, period=key.period_s
        )
        facts += f"\n{key.issuer} \u00b7 {key.account}"
        self.query_one("#key-facts", Static).update(Content(facts))
        for countdown in self.query("#life").results(Countdown):
            countdown.restart()

    def seconds_left(self) -> int:
        """How long the key may stay on the screen."""
        return int(self._until_s - time.monotonic())

    @on(QRCode.FitChanged)
    def fit_changed(self, event: QRCode.FitChanged) -> None:
        self.set_class(not event.fits, "-no-qr")
        if event.fits or self.has_class("-key-only"):
            if self._size_sentence and self.notice.said == self._size_sentence:
                self.notice.say("")
            return
        if self.notice.said not in ("", self._size_sentence):
            return  # What is wrong weighs more than what does not fit.
        columns, rows = event.needed
        self._size_sentence = _(
            "The QR code needs a window of {columns} x {rows}; type the key instead."
        ).format(
            columns=max(columns + _FORM_COLUMNS, MIN_COLUMNS),
            rows=max(rows + _KEY_BAR_ROWS, MIN_ROWS),
        )
        self.notice.say(self._size_sentence)

    @on(ActionButton.Pressed, "#key-only")
    def action_key_only(self) -> None:
        """Show the key without the QR code, or with it again."""
        self.toggle_class("-key-only")
        hidden = self.has_class("-key-only")
        for button in self.query("#key-only").results(ActionButton):
            button.label = _("Show QR code") if hidden else _("Show key only")
        self.notice.say("")
        self.make_room()

    @on(ActionButton.Pressed, "#copy-key")
    def action_copy_key(self) -> None:
        """Send the key to the clipboard of the person's terminal (OSC 52)."""
        self.console.send_to_terminal(self.key.key.replace(" ", ""))
        self.notice.say(_("The key was sent to your terminal."), "done")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "copy_key":
            return not self.console.kiosk
        return super().check_action(action, parameters)

    def key_buttons(self) -> list[Widget]:
        """`Copy key` and `Show key only`."""
        buttons: list[Widget] = [ActionButton(_("Show key only"), id="key-only")]
        if not self.console.kiosk:
            buttons.insert(0, ActionButton(_("Copy key"), id="copy-key"))
        return buttons


class ActivationScreen(KeyScreen):
    """Confirms a pending key.

    Answers the recovery codes of a first device, () for a further one, None when cancelled.
    """

    AUTO_FOCUS = "#password"
    BINDINGS: ClassVar[list[BindingType]] = [REVEAL]

    def __init__(self, key: KeyView, *, is_further: bool = False) -> None:
        super().__init__(key)
        self._is_further = is_further

    def form(self) -> Iterable[Widget]:
        title, code_label = _("Set OTP"), _("OTP password")
        if self._is_further:
            title = _("Add {device}").format(device=self.key.device_name)
            code_label = _("OTP password of the new device")
        yield Horizontal(
            Static(Content(title), id="title"),
            Countdown(self.seconds_left, template=_("key lives {time}"), id="life"),
            classes="row",
        )
        yield from self.key_lines(_("Scan with your authenticator, or type the key:"))
        yield Horizontal(*self.key_buttons(), classes="row")
        yield Field(
            _("Account password"), id="password", password=True, limit=4096, enter_moves_on=True
        )
        yield Static(Content(code_label), classes="field--label quiet")
        yield CodeRow()
        yield Notice()
        yield Horizontal(
            ActionButton(_("Activate"), id="activate", classes="-first"),
            ActionButton(_("Start over"), id="start-over"),
            classes="row",
        )

    def guide(self) -> str:
        return _(
            "1  Open an authenticator on your phone: Aegis, FreeOTP, Google Authenticator, "
            "1Password, \u2026\n\n"
            "2  Add an account there and scan the code, or type the key.\n\n"
            "3  Type your account password and the six digits that it shows now."
        )

    def help_text(self) -> str:
        return _(
            "Scan the QR code with an authenticator, or type the key into it by hand. Then type "
            "your account password and the six digits that the authenticator shows. A wrong "
            "password or code throws the key away, and a new one appears: delete the old entry "
            "from the authenticator then."
        )

    @on(CodeField.Completed)
    def code_complete(self) -> None:
        # The sixth digit sends only when the password stands there: a miss costs the key.
        if self.query_one("#password-field", Field).value:
            self.activate()

    @on(CodeField.Submitted)
    @on(ActionButton.Pressed, "#activate")
    def activate(self) -> None:
        self.start(self._activate)

    async def _activate(self, ctx: Context) -> None:
        console, token = self.console, self.console.token
        password = self.query_one("#password-field", Field).value
        code = self.query_one(CodeField).value
        answer = await flows.activation.confirm(ctx, console.visitor, token, password, code)
        if isinstance(answer, Activated):
            console.replace_token(token, answer.session)
            self.dismiss(answer.codes)
            return
        if not self.is_up:
            return
        self._clear()
        if answer.fresh is None:
            left = ngettext("{n} try left.", "{n} tries left.", answer.tries_left)
            self.notice.say(f"{answer.why} {left.format(n=answer.tries_left)}", "error")
            return
        self.show_key(answer.fresh)
        self.notice.say(
            answer.why
            + " "
            + _("This is a new key: delete the old entry from your authenticator and scan again."),
            "error",
        )

    def _clear(self) -> None:
        password = self.query_one("#password-field", Field)
        password.clear()
        password.input.focus()
        self.query_one(CodeField).value = ""

    @on(Countdown.RanOut)
    def too_old(self) -> None:
        """Throw a key away that was on the screen for too long, and show a new one."""
        self.start(partial(self._start_over, why=PendingKeyGoneError().sentence), saying="")

    @on(ActionButton.Pressed, "#start-over")
    def start_over(self) -> None:
        self.start(self._start_over, saying="")

    async def _start_over(self, ctx: Context, why: str = "") -> None:
        console = self.console
        key = await flows.activation.renew(ctx, console.visitor, console.token)
        if self.is_up:
            self._clear()
            self.show_key(key)
            new = _(
                "This is a new key: delete the old entry from your authenticator and scan again."
            )
            self.notice.say(f"{why} {new}".strip())

    def action_back(self) -> None:
        """Throw the pending key away; an answer that is on its way is waited for."""
        if self.is_busy:
            self.notice.say(_("One moment: the answer is on its way."), "busy")
            return
        self.app.run_worker(self._cancel(), exit_on_error=False)
        self.dismiss(None)

    async def _cancel(self) -> None:
        console = self.console
        with suppress(ConsoleError):  # It runs out by itself.
            await flows.activation.cancel(await console.context(), console.visitor, console.token)

    def refused(self, error: ConsoleError) -> None:
        super().refused(error)
        if isinstance(error, ProofExpiredError) and self.is_up:
            # Nothing is pending any more: the key on the screen is worth nothing.
            self.query_one(QRCode).payload = ""
            self.query_one("#key-text", Static).update("")

    def field_refused(self, error: FieldError) -> None:
        if error.field == "code":
            self.refused(error)
            self.query_one(CodeField).focus()
        else:
            super().field_refused(error)
