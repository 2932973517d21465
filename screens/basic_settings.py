"""Basic Settings: the person's own data, and the state of the contacts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.choice import ChoiceDialog
from screens.confirm_identity import ConfirmIdentityDialog, Extra, Typed
from screens.pane import Pane
from screens.widgets.action_button import ActionButton
from screens.widgets.form import Field
from screens.widgets.text_field import TextField
from tui_admin import flows
from tui_admin.errors import FieldError
from tui_admin.flows.answers import ProfileView
from tui_admin.i18n import _, available_languages, time_zones
from tui_admin.security.text import canonical_phone

if TYPE_CHECKING:
    from tui_admin.flows.context import Context


class BasicSettingsPane(Pane):
    """Shows and saves a `ProfileView`."""

    FIRST = "#name"
    view: ProfileView | None = None
    _language = ""

    def help_text(self) -> str:
        return _(
            "Your name, company, language and time zone are saved with Save Changes. A new phone "
            "number asks for your password, and counts once it is verified; until then the old "
            "one stays in force."
        )

    @property
    def is_dirty(self) -> bool:
        if self.view is None or not self.query(Field):
            return False
        shown = (self.view.name, self.view.company, self.view.language, self.view.timezone)
        return shown != (
            self._value("name"),
            self._value("company"),
            self._language,
            self._value("timezone"),
        )

    async def _load(self, ctx: Context) -> None:
        self.view = await flows.profile.read(ctx, self.panel.console.token)
        self._language = self.view.language
        await self.show(self._widgets(self.view))

    def _widgets(self, view: ProfileView) -> Iterator[Widget]:
        yield Vertical(*self._contacts(view), id="contacts")
        yield ActionButton(_phone_label(view), id="change-phone")
        yield Field(_("Name"), id="name", value=view.name, limit=100)
        yield Field(_("Company"), id="company", value=view.company, limit=100)
        yield Field(
            _("Time zone"),
            id="timezone",
            value=view.timezone,
            limit=64,
            placeholder="Europe/Prague",
            check=_check_timezone,
        )
        yield Horizontal(
            Static(Content(_("Language")), classes="contact-label quiet"),
            ActionButton(available_languages().get(view.language, view.language), id="language"),
            classes="contact",
        )
        yield Static("", classes="gap")
        yield ActionButton(_("Save Changes"), id="save", classes="-first")

    def _contacts(self, view: ProfileView) -> Iterator[Widget]:
        yield self._contact(_("E-mail"), view.email, view.email_verified)
        yield self._contact(_("Phone"), view.phone or _("none"), view.phone_verified)
        yield Static(Content(_contacts_note(view)), classes="quiet", id="contacts-note")

    def _contact(self, label: str, value: str, verified: bool) -> Widget:
        state = _("verified") if verified else _("not verified")
        return Horizontal(
            Static(Content(label), classes="contact-label quiet"),
            Static(Content(value), classes="contact-value"),
            Static(Content(state), classes="state " + ("-on" if verified else "-off")),
            classes="contact",
        )

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}-field", Field).value

    @on(ActionButton.Pressed, "#language")
    def choose_language(self) -> None:
        dialog = ChoiceDialog(_("Language"), _("Which language?"), available_languages())
        self.ask(dialog, self._language_chosen)

    def _language_chosen(self, code: str | None) -> None:
        if code is not None:
            self._language = code
            self.query_one("#language", ActionButton).label = available_languages()[code]

    @on(TextField.Submitted)
    @on(ActionButton.Pressed, "#save")
    def save(self) -> None:
        self.panel.start(self._save, saying=_("Saving\u2026"))

    async def _save(self, ctx: Context) -> None:
        panel, console = self.panel, self.panel.console
        language, timezone = self._language, self._value("timezone").strip()
        await flows.profile.save(
            ctx,
            console.visitor,
            console.token,
            name=self._value("name"),
            company=self._value("company"),
            language=language,
            timezone=timezone,
        )
        has_changed = language != console.language.code
        console.use_locale(language, timezone)
        if has_changed and panel.is_up:
            self.app.call_later(panel.speak_again, "basic_settings", _("Saved."))
        elif self.is_attached:
            await self._load(ctx)
            panel.done(_("Saved."))

    @on(ActionButton.Pressed, "#change-phone")
    def change_phone(self) -> None:
        async def submit(ctx: Context, typed: Typed) -> bool:
            console = self.panel.console
            await flows.contacts.change_phone(
                ctx, console.visitor, console.token, typed.extra, typed.password, typed.code
            )
            return True

        dialog = ConfirmIdentityDialog(
            _("Change phone"),
            _("The new number counts once it is verified."),
            action=_("Change phone"),
            submit=submit,
            with_code=self.view is not None and self.view.otp_active,
            extra=Extra(
                "phone",
                _("New phone number"),
                limit=32,
                placeholder="+420 603 123 456",
                check=_check_phone,
            ),
        )
        self.ask(dialog, self._phone_changed)

    def _phone_changed(self, changed: bool | None) -> None:
        if changed:
            self.panel.done(_("The new number waits for verification."))
            work = self.panel.guarded(self._load_contacts)
            self.app.run_worker(work, exit_on_error=False)

    async def _load_contacts(self, ctx: Context) -> None:
        """Read the state again and show the contacts alone: what was typed below them stays."""
        view = await flows.profile.read(ctx, self.panel.console.token)
        async with self.turn:
            if not self.is_attached:
                return
            self.view = view
            contacts = self.query_one("#contacts")
            async with self.batch():
                await contacts.remove_children()
                await contacts.mount_all(self._contacts(view))
            self.query_one("#change-phone", ActionButton).label = _phone_label(view)


def _phone_label(view: ProfileView) -> str:
    return _("Change phone") if view.phone else _("Add phone")


def _contacts_note(view: ProfileView) -> str:
    """Return what is to be done about a contact that does not count yet."""
    if view.new_phone:
        return _("{phone} waits for verification; support does it for you.").format(
            phone=view.new_phone
        )
    if not (view.email_verified and view.phone_verified):
        return _("Support verifies a contact for you.")
    return ""


def _check_phone(typed: str) -> str:
    try:
        canonical_phone(typed)
    except FieldError as error:
        return error.sentence
    return ""


def _check_timezone(typed: str) -> str:
    known = typed.strip() in time_zones()
    return "" if known else _("Unknown; write it like Europe/Prague.")
