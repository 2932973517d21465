"""Account Security: the state of OTP, its devices, and the open sessions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.containers import Horizontal, ItemGrid
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from screens.confirm_identity import ConfirmIdentityDialog, Extra, Typed
from screens.pane import Pane
from screens.question import QuestionDialog
from screens.widgets.action_button import ActionButton
from tui_admin import flows
from tui_admin.flows.answers import DeviceView, KeyView, SecurityView, SessionView, Token
from tui_admin.i18n import _, local_day, local_minute, ngettext

if TYPE_CHECKING:
    from tui_admin.flows.context import Context

_FEW_CODES = 3


class AccountSecurityPane(Pane):
    """Shows a `SecurityView` and leads to everything that changes it."""

    view: SecurityView | None = None

    def help_text(self) -> str:
        return _(
            "Two-factor authentication asks for an OTP password from your device besides your "
            "password. Set OTP shows a QR code to scan. Show shared key puts the same key on one "
            "more device; Add device gives a further device a key of its own. Recovery codes let "
            "you in on the day your device is gone."
        )

    async def _load(self, ctx: Context) -> None:
        self.view = await flows.devices.overview(ctx, self.panel.console.token)
        await self.show(self._widgets(self.view))

    # What is shown.

    def _widgets(self, view: SecurityView) -> Iterator[Widget]:
        yield Static(Content(_summary(view)))
        yield Static("", classes="gap")
        yield from self._otp(view)
        yield Static("", classes="gap")
        yield _section(_("Active Sessions"))
        for session in view.sessions:
            yield self._session(session)

    def _otp(self, view: SecurityView) -> Iterator[Widget]:
        title = _("Two-Factor Authentication (OTP)")
        if not view.otp_active:
            yield _section(title, _("OFF"), "-off")
            missing = _missing_contacts(view)
            if missing:
                yield Static(Content(missing))
                yield ActionButton(_("Basic Settings"), id="to-settings", classes="-first")
            else:
                yield Static(Content(_("Your password alone opens this account.")))
                yield ActionButton(_("Set OTP"), id="set-otp", classes="-first")
            return
        since = local_day(view.otp_since, self._zone) if view.otp_since else ""
        yield _section(title, _("ACTIVE since {day}").format(day=since), "-on")
        if view.otp_blocked:
            yield Static(
                Content(
                    _("Codes are blocked after too many misses; a recovery code unblocks them.")
                )
            )
        for device in view.devices:
            yield from self._device(device, alone=len(view.devices) == 1)
        yield Static(Content(_codes_line(view)), classes="quiet")
        yield ItemGrid(
            ActionButton(_("Add device"), id="add-device"),
            ActionButton(_("Show shared key"), id="show-key"),
            ActionButton(_("New recovery codes"), id="new-codes"),
            ActionButton(_("Disable"), id="disable"),
            min_column_width=25,
            classes="actions",
        )

    def _device(self, device: DeviceView, *, alone: bool) -> Iterator[Widget]:
        added = local_day(device.added_at, self._zone)
        if device.last_used_at:
            used = local_minute(device.last_used_at, self._zone)
            history = _("added {day}, last used {moment}").format(day=added, moment=used)
        else:
            history = _("added {day}, never used").format(day=added)
        buttons = [ActionButton(_("Rename"), kind="rename", target=device.id)]
        if not alone:
            buttons.append(ActionButton(_("Remove"), kind="remove", target=device.id))
        for button in buttons:
            button.shrink = False  # Their container is as wide as they ask for.
        name = Static(Content(device.name), classes="name")
        row = Horizontal(name, Horizontal(*buttons, classes="buttons"), classes="device")
        yield row.set_class(not alone, "-several")
        yield Static(Content("  " + history), classes="quiet")

    def _session(self, session: SessionView) -> Widget:
        since = _("since {moment}").format(moment=local_minute(session.started_at, self._zone))
        place = _("this terminal") if session.is_this else session.terminal or _("terminal")
        line = Static(Content(f"{place} \u00b7 {session.address} \u00b7 {since}"), classes="name")
        buttons = (
            []
            if session.is_this
            else [ActionButton(_("End"), kind="end-session", target=session.id)]
        )
        return Horizontal(line, *buttons, classes="session")

    @property
    def _zone(self) -> str:
        return self.panel.console.timezone

    # What can be done.

    @on(ActionButton.Pressed, "#to-settings")
    def to_settings(self) -> None:
        # Later: this pane cannot wait for its own end.
        self.app.call_later(self.panel.open_pane, "basic_settings")

    @on(ActionButton.Pressed, "#set-otp")
    def set_otp(self) -> None:
        self.panel.start(self._set_otp, saying="")

    async def _set_otp(self, ctx: Context) -> None:
        console = self.panel.console
        key = await flows.activation.begin(ctx, console.visitor, console.token)
        if self.is_attached:
            self._open_activation(key)

    def _open_activation(self, key: KeyView | None, *, is_further: bool = False) -> None:
        if key is None:
            return
        from screens.activation import ActivationScreen

        self.ask(ActivationScreen(key, is_further=is_further), self._activated)

    def _activated(self, codes: tuple[str, ...] | None) -> None:
        self.load()
        if codes:
            self._show_codes(codes)
            self.panel.done(_("OTP is on. The next sign-in asks for it."))
        elif codes is not None:
            self.panel.done(_("The device was added."))

    def _show_codes(self, codes: tuple[str, ...]) -> None:
        from screens.recovery_codes import RecoveryCodesScreen

        self.ask(RecoveryCodesScreen(codes), lambda _kept: self.load())

    @on(ActionButton.Pressed, "#add-device")
    def add_device(self) -> None:
        async def submit(ctx: Context, typed: Typed) -> KeyView:
            console = self.panel.console
            return await flows.activation.begin_further(
                ctx, console.visitor, console.token, typed.extra, typed.password, typed.code
            )

        dialog = ConfirmIdentityDialog(
            _("Add device"),
            _("A further device gets a key of its own. Type a code of a device that you have."),
            action=_("Continue"),
            submit=submit,
            with_code=True,
            extra=Extra("name", _("Name of the device"), limit=40),
        )
        self.ask(dialog, partial(self._open_activation, is_further=True))

    @on(ActionButton.Pressed, "#show-key")
    def show_key(self) -> None:
        assert self.view is not None  # noqa: S101 (the button is drawn from it)
        devices = self.view.devices
        if len(devices) == 1:
            self._show_key_of(devices[0].id)
            return
        from screens.choice import ChoiceDialog

        choices = {device.id: device.name for device in devices}
        dialog = ChoiceDialog(_("Show shared key"), _("Of which device?"), choices)
        self.ask(dialog, self._show_key_of)

    def _show_key_of(self, device_id: str | None) -> None:
        if device_id is None:
            return

        async def submit(ctx: Context, typed: Typed) -> KeyView:
            console = self.panel.console
            return await flows.devices.show_key(
                ctx, console.visitor, console.token, device_id, typed.password, typed.code
            )

        dialog = ConfirmIdentityDialog(
            _("Show shared key"),
            _("The key is shown for a minute, to be put on one more device."),
            action=_("Show shared key"),
            submit=submit,
            with_code=True,
        )
        self.ask(dialog, self._key_shown)

    def _key_shown(self, key: KeyView | None) -> None:
        if key is not None:
            from screens.show_key import ShowKeyScreen

            self.ask(ShowKeyScreen(key), lambda _done: self.load())

    @on(ActionButton.Pressed, "#new-codes")
    def new_codes(self) -> None:
        async def submit(ctx: Context, typed: Typed) -> tuple[str, ...]:
            console = self.panel.console
            return await flows.recovery_codes.renew(
                ctx, console.visitor, console.token, typed.password, typed.code
            )

        dialog = ConfirmIdentityDialog(
            _("New recovery codes"),
            _("Ten new codes replace the old ones, which stop working."),
            action=_("Make new codes"),
            submit=submit,
            with_code=True,
        )
        self.ask(dialog, self._codes_renewed)

    def _codes_renewed(self, codes: tuple[str, ...] | None) -> None:
        if codes is not None:
            self._show_codes(codes)
            self.panel.done(_("The new recovery codes replace the old ones."))

    @on(ActionButton.Pressed, "#disable")
    def disable(self) -> None:
        async def submit(ctx: Context, typed: Typed) -> Token:
            console = self.panel.console
            old = console.token
            new = await flows.devices.disable(
                ctx, console.visitor, old, typed.password, typed.code, recovery=typed.is_recovery
            )
            console.replace_token(old, new)
            return new

        dialog = ConfirmIdentityDialog(
            _("Disable OTP"),
            _("Every device and recovery code is removed. Your password alone opens the account."),
            action=_("Disable"),
            submit=submit,
            with_code=True,
            allow_recovery=True,
        )
        self.ask(dialog, partial(self._changed, _("OTP is off.")))

    def _changed(self, sentence: str, answer: object | None) -> None:
        if answer is not None:
            # Loading says nothing of its own, and takes nothing away that is said after its start.
            self.load()
            self.panel.done(sentence)

    def on_action_button_pressed(self, event: ActionButton.Pressed) -> None:
        kind, target = event.button.kind, event.button.target
        if kind == "rename":
            self._rename(target)
        elif kind == "remove":
            self._remove(target)
        elif kind == "end-session":
            self._end_session(target)

    def _rename(self, device_id: str) -> None:
        from screens.rename import RenameDialog

        name = next(d.name for d in self.view.devices if d.id == device_id) if self.view else ""
        self.ask(
            RenameDialog(device_id, name), partial(self._changed, _("The device was renamed."))
        )

    def _remove(self, device_id: str) -> None:
        async def submit(ctx: Context, typed: Typed) -> Token:
            console = self.panel.console
            old = console.token
            new = await flows.devices.remove(
                ctx, console.visitor, old, device_id, typed.password, typed.code
            )
            console.replace_token(old, new)
            return new

        name = next(d.name for d in self.view.devices if d.id == device_id) if self.view else ""
        dialog = ConfirmIdentityDialog(
            _("Remove {device}").format(device=name),
            _("Its codes stop working at once."),
            action=_("Remove"),
            submit=submit,
            with_code=True,
        )
        self.ask(dialog, partial(self._changed, _("The device was removed.")))

    def _end_session(self, session_id: str) -> None:
        panel = self.panel

        async def end(ctx: Context) -> None:
            console = panel.console
            await flows.sessions.end_one(ctx, console.visitor, console.token, session_id)
            if self.is_attached:
                self.load()
                panel.done(_("The session was ended."))

        question = QuestionDialog(
            _("End session"),
            _("The terminal is signed out with its next key."),
            yes=_("End session"),
            no=_("Stay"),
        )
        self.ask(question, lambda yes: panel.start(end) if yes else None)


def _section(title: str, state: str = "", state_class: str = "") -> Widget:
    return Horizontal(
        Static(Content(title), classes="title"),
        Static(Content(state), classes=f"state {state_class}".strip()),
        classes=f"section {state_class}".strip(),
    )


def _missing_contacts(view: SecurityView) -> str:
    if view.email_verified and view.phone_verified:
        return ""
    if view.email_verified:
        return _("To switch it on, your phone must be verified first.")
    if view.phone_verified:
        return _("To switch it on, your e-mail address must be verified first.")
    return _("To switch it on, your e-mail address and your phone must be verified first.")


def _summary(view: SecurityView) -> str:
    """Return how well the account is protected, and the one thing to do next."""
    contacts = view.email_verified and view.phone_verified
    codes = view.otp_active and view.recovery_codes_confirmed and view.recovery_codes_left > 0
    on = sum((contacts, view.otp_active, codes))
    text = _("Your account: {n} of 3 protections on.").format(n=on)
    left = view.recovery_codes_left
    if not contacts:
        step = _("Next: verify your contacts.")
    elif not view.otp_active:
        step = _("Next: Set OTP.")
    elif not view.recovery_codes_confirmed:
        step = _("Next: new recovery codes, and keep them.")
    elif left < _FEW_CODES:
        step = ngettext(
            "Next: new recovery codes ({n} left).", "Next: new recovery codes ({n} left).", left
        ).format(n=left)
    else:
        step = ""
    return f"{text} {step}".strip()


def _codes_line(view: SecurityView) -> str:
    left = view.recovery_codes_left
    if view.recovery_codes_confirmed:
        text = ngettext("{n} recovery code left", "{n} recovery codes left", left)
    else:
        text = ngettext(
            "{n} recovery code left, not yet typed back",
            "{n} recovery codes left, not yet typed back",
            left,
        )
    return text.format(n=left)
