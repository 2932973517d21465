"""What stands under each tab of the drawer. They show; what a button does is the drawer's."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from screens.otp import STEP_S, step_left
from screens.widgets.action_button import ActionButton
from screens.widgets.choice_list import ChoiceList
from screens.widgets.countdown import Countdown
from tui_admin.i18n import _, local_minute

if TYPE_CHECKING:
    from screens.app import ConsoleApp
    from screens.demo_phone import InboxOfDemo, MailOfDemo, PhoneOfDemo

_UNREAD, _READ = "\u2022 ", "  "


class PhonePane(Vertical):
    """One tab's content. `look` is called once a second while it is shown."""

    async def look(self) -> None:
        """Show what is there now."""

    def moment(self, received_at: datetime) -> str:
        """Return when something came, as the person at this terminal reads it."""
        return local_minute(received_at, cast("ConsoleApp", self.app).timezone)


class AuthenticatorPane(PhonePane):
    """The codes of what was scanned."""

    def __init__(self, phone: PhoneOfDemo) -> None:
        super().__init__()
        self._phone = phone
        self._drawn: list[tuple[str, str]] | None = None

    def compose(self) -> ComposeResult:
        yield Countdown(step_left, of_s=STEP_S)
        yield Vertical(id="phone-entries")
        yield ActionButton(_("Scan the QR on screen"), id="phone-scan")
        yield Static(
            Content(_("A code is typed for you when you press it. F2 closes the phone.")),
            classes="quiet phone-hint",
        )

    async def look(self) -> None:
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


class MailPane(PhonePane):
    """The list of mails, or one of them."""

    BINDINGS = [Binding("escape", "close_mail", show=False)]

    def __init__(self, inbox: InboxOfDemo) -> None:
        super().__init__()
        self._inbox = inbox
        self._drawn: list[tuple[str, bool]] | None = None
        self.mail: MailOfDemo | None = None
        """The mail that is open."""

    def compose(self) -> ComposeResult:
        yield Static(Content(_("No mail has come yet.")), id="phone-no-mail", classes="quiet")
        yield ChoiceList(id="phone-mails", markup=False)
        with Vertical(id="phone-mail"):
            yield ActionButton(_("Back"), id="phone-back")
            with VerticalScroll(id="phone-text"):
                yield Static(id="phone-subject", markup=False)
                yield Static(id="phone-about", classes="quiet", markup=False)
                yield Static(id="phone-words", markup=False)
            yield ActionButton(_("Follow the link"), id="phone-follow", classes="-first")
            yield ActionButton(_("Type the code"), id="phone-type-code")
            yield ActionButton(_("This was not me"), id="phone-not-me")

    def on_mount(self) -> None:
        self._show_one(None)

    async def look(self) -> None:
        mails = self._inbox.mails()
        if self.mail is not None:
            if self.mail.id in {mail.id for mail in mails}:
                self._offer_code()
                return
            # The oldest go when there are too many, and all when a kiosk starts over.
            self._show_one(None)
        drawn = [(mail.id, mail.is_read) for mail in mails]
        if drawn != self._drawn:
            self._drawn = drawn
            options = self.query_one(OptionList)
            chosen = options.highlighted_option
            options.set_options(Option(self._row(mail), id=mail.id) for mail in mails)
            kept = [at for at, mail in enumerate(mails) if chosen and mail.id == chosen.id]
            options.highlighted = kept[0] if kept else 0
            self._show_one(None)

    def _row(self, mail: MailOfDemo) -> Content:
        sign = _READ if mail.is_read else _UNREAD
        subject = Content(f"{sign}{mail.subject or _('(no subject)')}")
        when = Content(f"\n  {self.moment(mail.received_at)}")
        return (subject if mail.is_read else subject.stylize("bold")).append(when)

    def open_mail(self, mail_id: str) -> None:
        """Show one mail, and count it as read."""
        mail = self._inbox.open_mail(mail_id)
        if mail is None:
            return
        self._show_one(mail)
        self.query_one("#phone-subject", Static).update(Content(mail.subject or _("(no subject)")))
        about = _("From {sender}\nTo {recipient}\n{time}").format(
            sender=mail.sender, recipient=mail.recipient, time=self.moment(mail.received_at)
        )
        self.query_one("#phone-about", Static).update(Content(about))
        self.query_one("#phone-words", Static).update(Content(mail.text))
        self.query_one("#phone-text").scroll_home(animate=False)
        self.query_one("#phone-follow").display = bool(mail.tokens)
        self.query_one("#phone-not-me").display = len(mail.tokens) > 1
        self._offer_code()
        self.query_one("#phone-follow" if mail.tokens else "#phone-back").focus()

    def _offer_code(self) -> None:
        has_place = bool(self.screen.query("#mail_code"))
        has_code = self.mail is not None and bool(self.mail.code)
        self.query_one("#phone-type-code").display = has_code and has_place

    def _show_one(self, mail: MailOfDemo | None) -> None:
        self.mail = mail
        has_mails = bool(self._drawn)
        self.query_one("#phone-mail").display = mail is not None
        self.query_one("#phone-mails").display = mail is None and has_mails
        self.query_one("#phone-no-mail").display = mail is None and not has_mails

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # With no mail open the key is the screen's.
        return self.mail is not None if action == "close_mail" else True

    async def action_close_mail(self) -> None:
        """Go back to the list."""
        self._show_one(None)
        await self.look()
        self.query_one(OptionList).focus()


class SmsPane(PhonePane):
    """Every SMS, the newest first. What is shown is read."""

    def __init__(self, inbox: InboxOfDemo) -> None:
        super().__init__()
        self._inbox = inbox
        self._drawn: list[str] | None = None

    def compose(self) -> ComposeResult:
        yield Static(Content(_("No SMS has come yet.")), id="phone-no-sms", classes="quiet")
        yield VerticalScroll(id="phone-sms")

    async def look(self) -> None:
        all_sms = self._inbox.sms()
        drawn = [sms.id for sms in all_sms]
        if drawn == self._drawn:
            return
        self._drawn = drawn
        signs = [_READ if sms.is_read else _UNREAD for sms in all_sms]
        self._inbox.read_sms()
        self.query_one("#phone-no-sms").display = not all_sms
        place = self.query_one("#phone-sms")
        place.display = bool(all_sms)
        await place.remove_children()
        for sign, sms in zip(signs, all_sms, strict=True):
            about = f"{sign}{sms.number}\n  {self.moment(sms.received_at)}"
            await place.mount(
                Static(Content(about), classes="quiet"),
                Static(Content(sms.text), classes="phone-sms-text"),
            )
            if sms.code:
                await place.mount(ActionButton(sms.code, kind="phone-sms-code", classes="-first"))
        place.scroll_home(animate=False)
