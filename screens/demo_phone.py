"""The drawer "Demo phone": an authenticator, the mail and the SMS of the sample accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static

from screens.cells import Cell, screen_cells
from screens.widgets.action_button import ActionButton
from screens.widgets.form import CodeField
from screens.widgets.phone_panes import AuthenticatorPane, MailPane, PhonePane, SmsPane
from screens.widgets.phone_tabs import PhoneTabs
from screens.widgets.text_field import TextField
from tui_admin.flows.answers import KeyView
from tui_admin.i18n import _

if TYPE_CHECKING:
    from screens.app import ConsoleApp


LEAST_SEEN = 10
"""Cells of a field or button that must be free of the drawer to use it: six digits, or a word."""


class MailOfDemo(Protocol):
    """One mail; every text in it is safe to show."""

    id: str
    sender: str
    recipient: str
    subject: str
    text: str
    received_at: datetime
    is_read: bool
    tokens: tuple[str, ...]
    """The link's token and, when there is one, that of the way to stop it."""
    code: str
    """The mailed code, or nothing."""


class SmsOfDemo(Protocol):
    """One SMS; every text in it is safe to show."""

    id: str
    number: str
    text: str
    received_at: datetime
    is_read: bool
    code: str
    """The six digits in it, or nothing."""


class InboxOfDemo(Protocol):
    """What the drawer needs of what has arrived."""

    def mails(self) -> Sequence[MailOfDemo]:
        """The newest first."""

    def sms(self) -> Sequence[SmsOfDemo]:
        """The newest first."""

    @property
    def unread_mails(self) -> int:
        """How many mails have not been opened."""

    @property
    def unread_sms(self) -> int:
        """How many SMS have not been shown."""

    def open_mail(self, mail_id: str) -> MailOfDemo | None:
        """A mail, which counts as read now; None when it is gone."""

    def read_sms(self) -> None:
        """Count every SMS as read."""


class PhoneOfDemo(Protocol):
    """What the drawer needs of the phone."""

    tab: str
    """Which tab was looked at last; the phone keeps it while the drawer is closed."""

    @property
    def inbox(self) -> InboxOfDemo:
        """What has arrived."""

    def reset(self) -> None:
        """Forget everything."""

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
    """The drawer: tabs, what stands under the chosen one, and a line for what happened.

    `back_to` is what has the focus again when the drawer is closed with the focus in it.
    """

    def __init__(self, phone: PhoneOfDemo, back_to: Widget | None) -> None:
        super().__init__()
        self._phone = phone
        self.back_to = back_to
        self._panes: dict[str, PhonePane] = {
            "authenticator": AuthenticatorPane(phone),
            "mail": MailPane(phone.inbox),
            "sms": SmsPane(phone.inbox),
        }

    def compose(self) -> ComposeResult:
        self.border_title = Content(_("Demo phone"))
        yield PhoneTabs(_("Authenticator"), _("Mail"), _("SMS"))
        yield from self._panes.values()
        yield Static("", id="phone-said", classes="quiet")

    async def on_mount(self) -> None:
        await self._open(self._phone.tab)
        self.set_interval(1, self.look)

    def on_resize(self) -> None:
        # It has its place now: keys that went where nobody can see them any more come here.
        focused = self.screen.focused
        if focused is not None and self.covers(focused):
            self.query_one(PhoneTabs).focus()

    def covers(self, widget: Widget) -> bool:
        """Whether too little of a widget of the screen can be seen beside the open drawer."""
        if self in widget.ancestors_with_self:
            return False
        return self.region.x - widget.region.x < min(widget.region.width, LEAST_SEEN)

    async def look(self) -> None:
        """Show what is there now: codes turn, and letters arrive."""
        if self.screen is not self.app.screen:
            return  # Covered: nobody sees it.
        await self._panes[self._tab].look()
        inbox = self._phone.inbox
        self.query_one(PhoneTabs).unread = (0, inbox.unread_mails, inbox.unread_sms)

    @property
    def _tab(self) -> str:
        return self._phone.tab if self._phone.tab in self._panes else next(iter(self._panes))

    async def _open(self, tab: str) -> None:
        self._phone.tab = tab
        for name, pane in self._panes.items():
            pane.display = name == self._tab
        self.query_one(PhoneTabs).at = list(self._panes).index(self._tab)
        self._say("")
        await self.look()

    @on(PhoneTabs.Chosen)
    async def tab_chosen(self, event: PhoneTabs.Chosen) -> None:
        event.stop()
        await self._open(list(self._panes)[event.at])

    @on(OptionList.OptionSelected, "#phone-mails")
    async def mail_chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._say("")
        self.query_one(MailPane).open_mail(event.option_id or "")
        await self.look()

    @on(ActionButton.Pressed)
    async def pressed(self, event: ActionButton.Pressed) -> None:
        event.stop()
        pane = self.query_one(MailPane)
        mail = pane.mail
        match event.button.kind:
            case "phone-scan":
                await self._scan()
            case "phone-code":
                # A code from SMS is another one.
                self._type(event.button.label, self.screen.query(CodeField).exclude("#sms_code"))
            case "phone-sms-code":
                self._type(event.button.label, self.screen.query("#sms_code"))
            case "phone-back":
                await pane.action_close_mail()
            case "phone-type-code" if mail is not None:
                self._type(mail.code, self.screen.query("#mail_code"))
            case "phone-follow" if mail is not None and mail.tokens:
                self._follow(mail.tokens[0])
            case "phone-not-me" if mail is not None and len(mail.tokens) > 1:
                self._follow(mail.tokens[1])

    async def _scan(self) -> None:
        account = self._phone.scan(screen_cells(self.screen))
        key = getattr(self.screen, "key", None)
        if account is None and isinstance(key, KeyView):
            # Where the window is too small for the QR code, a person would type the key.
            account = self._phone.type_key(key.issuer, key.account, key.key)
        said = _("Scanned: {account}") if account else _("No QR code was found on the screen.")
        self._say(said.format(account=account))
        await self.look()

    def _say(self, sentence: str) -> None:
        self.query_one("#phone-said", Static).update(Content(sentence), layout=False)

    def _type(self, code: str, fields: Iterable[Widget]) -> None:
        """Put a code into the first of these fields of the screen that is to be seen; the drawer
        gets out of its way."""
        for field in fields:
            if all(part.display for part in field.ancestors_with_self if isinstance(part, Widget)):
                if self.covers(field):
                    self.back_to = field
                    app = cast("ConsoleApp", self.app)
                    app.run_worker(toggle_phone(app), exit_on_error=False)
                field.focus()
                if isinstance(field, CodeField):
                    field.fill(code)
                elif isinstance(field, TextField):
                    field.value = code
                    field.cursor_position = len(code)
                self._say("")
                return
        self._say(_("Nothing asks for a code here."))

    def _follow(self, token: str) -> None:
        if self.screen is self.app.screen:
            work = _follow(cast("ConsoleApp", self.app), token)
            # Not in here: the drawer may close, and cannot wait for its own end.
            self.app.run_worker(work, group="link", exclusive=True, exit_on_error=False)


async def _follow(app: ConsoleApp, token: str) -> None:
    """Go where a link leads, in this terminal."""
    if app.screen.has_class("-narrow") and app.screen.has_class("-phone"):
        await toggle_phone(app)  # It would cover what the link leads to.
    await app.follow_link(token)


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
