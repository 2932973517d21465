"""The drawer "Demo phone": an authenticator beside the console, for those without one at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.cells import Cell, screen_cells
from screens.otp import STEP_S, step_left
from screens.widgets.action_button import ActionButton
from screens.widgets.countdown import Countdown
from screens.widgets.form import CodeField
from tui_admin.flows.answers import KeyView
from tui_admin.i18n import _

if TYPE_CHECKING:
    from screens.app import ConsoleApp


class PhoneOfDemo(Protocol):
    """What the drawer needs of the phone."""

    def entries(self) -> list[tuple[str, str, str]]:
        """Issuer, account and current code of every entry."""

    def scan(self, rows: Sequence[Sequence[Cell]]) -> str | None:
        """Read the QR code off the screen; the account it is for, or None."""

    def type_key(self, issuer: str, account: str, key: str) -> str:
        """Take a key that is typed in by hand; the account it is for."""


class DemoHelp(Protocol):
    """What the demo gives to the console."""

    @property
    def hint(self) -> str:
        """The sample accounts, for the sign-in screen."""

    @property
    def phone(self) -> PhoneOfDemo:
        """The phone in the drawer."""


class DemoPhone(Vertical):
    """Shows the codes of what was scanned. Scanning reads the screen's own cells.

    `back_to` is what has the focus again when the drawer is closed with the focus in it.
    """

    def __init__(self, phone: PhoneOfDemo, back_to: Widget | None) -> None:
        super().__init__()
        self._phone = phone
        self.back_to = back_to
        self._drawn: list[tuple[str, str]] | None = None

    def compose(self) -> ComposeResult:
        self.border_title = Content(_("Demo phone"))
        yield Static(Content(_("Authenticator")), classes="phone-tab")
        yield Countdown(step_left, of_s=STEP_S)
        yield Vertical(id="phone-entries")
        yield Static("", id="phone-said", classes="quiet")
        yield ActionButton(_("Scan the QR on screen"), id="phone-scan")
        yield Static(
            Content(_("A code is typed for you when you press it. F2 closes the phone.")),
            classes="quiet",
        )

    async def on_mount(self) -> None:
        await self._show()
        self.set_interval(1, self._show)

    async def _show(self) -> None:
        if self.screen is not self.app.screen:
            return  # Covered: nobody sees the codes turn.
        entries = self._phone.entries()
        names = [(issuer, account) for issuer, account, _code in entries]
        place = self.query_one("#phone-entries")
        if names != self._drawn:
            self._drawn = names
            await place.remove_children()
            for issuer, account, _code in entries:
                await place.mount(
                    Static(Content(f"{issuer}\n{account}"), classes="phone-name"),
                    ActionButton("", kind="phone-code", classes="-first"),
                )
        for button, (_issuer, _account, code) in zip(
            place.query(ActionButton), entries, strict=False
        ):
            button.label = f"{code[:3]} {code[3:]}"

    @on(ActionButton.Pressed, "#phone-scan")
    async def scan(self, event: ActionButton.Pressed) -> None:
        event.stop()
        account = self._phone.scan(screen_cells(self.screen))
        key = getattr(self.screen, "key", None)
        if account is None and isinstance(key, KeyView):
            # Where the window is too small for the QR code, a person would type the key.
            account = self._phone.type_key(key.issuer, key.account, key.key)
        self._say(
            _("Scanned: {account}").format(account=account)
            if account
            else _("No QR code was found on the screen.")
        )
        await self._show()

    def _say(self, sentence: str) -> None:
        self.query_one("#phone-said", Static).update(Content(sentence), layout=False)

    @on(ActionButton.Pressed)
    def type_code(self, event: ActionButton.Pressed) -> None:
        if event.button.kind != "phone-code":
            return
        event.stop()
        for field in self.screen.query(CodeField):
            if all(part.display for part in field.ancestors_with_self if isinstance(part, Widget)):
                field.focus()
                field.fill(event.button.label)
                return
        self._say(_("Nothing asks for a code here."))


async def toggle_phone(app: ConsoleApp) -> None:
    """Open or close the drawer on the screen that is up."""
    assert app.demo is not None  # noqa: S101 (the key is off without a demo)
    screen = app.screen
    drawers = screen.query(DemoPhone)
    if drawers:
        drawer = drawers.first()
        had_focus = drawer.has_focus_within
        await drawers.remove()
        screen.remove_class("-phone")
        if had_focus and drawer.back_to is not None and drawer.back_to.is_attached:
            # Textual goes on to the next button there is, and that may be `Start over`.
            drawer.back_to.focus()
    else:
        await screen.mount(DemoPhone(app.demo.phone, back_to=screen.focused))
        screen.add_class("-phone")
