"""`tui-admin account`: accounts as the operator of the installation handles them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_admin.cli.output import (
    AsJson,
    UsageError,
    group,
    moment,
    print_json,
    print_table,
    say,
    with_context,
)
from tui_admin.errors import FieldError
from tui_admin.i18n import _, ngettext

if TYPE_CHECKING:
    from tui_admin.flows.answers import AccountView

PROMPT_TRIES = 3
MAX_PASSWORD_BYTES = 4096
"""More than 128 characters of any script; what is longer is refused unread."""

_JSON_KEYS = (
    "id, username, email, email_verified, phone (E.164 or empty), phone_verified, new_phone, role "
    "(customer or staff), created_at, locked_at (ISO 8601 in UTC, or null), otp_active, "
    "otp_blocked, devices, recovery_codes_left, open_sessions"
)

app = group(_("Make, list, show, lock and unlock accounts."))

Name = Annotated[str, typer.Argument(metavar="NAME", help=_("Username or e-mail address."))]


@app.command(
    help=_(
        "Make an account. The password is asked for, or read from standard input; it is never an "
        "argument. With --json, prints the account as an object with: {keys}."
    ).format(keys=_JSON_KEYS)
)
def create(
    username: Annotated[str, typer.Option(help=_("2 to 64 of a-z, 0-9 and . _ @ + -"))],
    email: Annotated[str, typer.Option(help=_("E-mail address; one account each."))],
    phone: Annotated[
        str, typer.Option(help=_("Phone with country code, like +420603123456."))
    ] = "",
    verified: Annotated[
        bool, typer.Option("--verified", help=_("Count e-mail and phone as verified."))
    ] = False,
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin",
            help=_("Read the password, one line of UTF-8, from standard input."),
        ),
    ] = False,
    role: Annotated[str, typer.Option(help=_("customer or staff"))] = "customer",
    as_json: AsJson = False,
) -> None:
    """Make an account and show it."""
    from tui_admin.flows import accounts

    try:
        accounts.check_names(username, email, phone)
        password = _password_from_stdin() if password_stdin else _password_from_prompt()
        view = with_context(
            lambda ctx: accounts.create(
                ctx,
                username=username,
                email=email,
                password=password,
                phone=phone,
                verified=verified,
                role=role,
            )
        )
    except FieldError as error:
        raise FieldError(error.field, f"{error.field}: {error.sentence}") from None
    _print_account(view, as_json=as_json)


@app.command(
    "list",
    help=_("List all accounts. With --json, prints an array of objects with: {keys}.").format(
        keys=_JSON_KEYS
    ),
)
def list_all(as_json: AsJson = False) -> None:
    """List all accounts by username."""
    from tui_admin.flows import accounts

    views = with_context(accounts.listing)
    if as_json:
        print_json([_as_json(view) for view in views])
        return
    head = (_("Username"), _("E-mail"), _("Phone"), _("Role"), _("OTP"), _("State"))
    rows = [
        (
            view.username,
            view.email,
            view.phone or "-",
            view.role,
            _("on") if view.otp_active else _("off"),
            _("locked") if view.locked_at else _("open"),
        )
        for view in views
    ]
    print_table([head, *rows])


@app.command(
    help=_("Show one account. With --json, prints an object with: {keys}.").format(keys=_JSON_KEYS)
)
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one account."""
    from tui_admin.flows import accounts

    _print_account(with_context(lambda ctx: accounts.show(ctx, name)), as_json=as_json)


@app.command(help=_("Refuse every sign-in of an account and end its sessions."))
def lock(name: Name) -> None:
    """Lock an account."""
    from tui_admin.flows import accounts

    view = with_context(lambda ctx: accounts.lock(ctx, name))
    say(_("{username} is locked; its sessions are ended.").format(username=view.username))


@app.command(help=_("Let an account sign in again, and have its OTP passwords looked at again."))
def unlock(name: Name) -> None:
    """Unlock an account."""
    from tui_admin.flows import accounts

    view = with_context(lambda ctx: accounts.unlock(ctx, name))
    say(_("{username} can sign in again.").format(username=view.username))


@app.command(help=_("Count the e-mail address or the phone of an account as verified."))
def verify(
    name: Name,
    email: Annotated[bool, typer.Option("--email", help=_("The e-mail address."))] = False,
    phone: Annotated[
        bool,
        typer.Option("--phone", help=_("The phone; a number that waits comes into force.")),
    ] = False,
) -> None:
    """Mark contacts as verified."""
    if not (email or phone):
        raise UsageError(_("Say what is verified: --email, --phone or both."))
    from tui_admin.flows import accounts

    view = with_context(lambda ctx: accounts.verify_contacts(ctx, name, email=email, phone=phone))
    _print_account(view, as_json=False)


def _as_json(view: AccountView) -> dict[str, Any]:
    """Return the keys that `--json` promises."""
    return {
        "id": view.id,
        "username": view.username,
        "email": view.email,
        "email_verified": view.email_verified,
        "phone": view.phone,
        "phone_verified": view.phone_verified,
        "new_phone": view.new_phone,
        "role": view.role,
        "created_at": moment(view.created_at),
        "locked_at": moment(view.locked_at) if view.locked_at else None,
        "otp_active": view.otp_active,
        "otp_blocked": view.otp_blocked,
        "devices": view.devices,
        "recovery_codes_left": view.recovery_codes_left,
        "open_sessions": view.open_sessions,
    }


def _print_account(view: AccountView, *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(view))
        return
    rows = [
        (_("Username"), view.username),
        (_("E-mail"), _contact(view.email, verified=view.email_verified)),
        (_("Phone"), _contact(view.phone, verified=view.phone_verified)),
        (_("New phone"), _contact(view.new_phone, verified=False)),
        (_("Role"), view.role),
        (_("OTP"), _otp(view)),
        (_("State"), _state(view)),
        (_("Open sessions"), str(view.open_sessions)),
        (_("Made"), moment(view.created_at)),
    ]
    print_table(row for row in rows if row[1])


def _contact(address: str, *, verified: bool) -> str:
    if not address:
        return ""
    return f"{address} ({_('verified') if verified else _('not verified')})"


def _otp(view: AccountView) -> str:
    if not view.otp_active:
        return _("off")
    parts = [
        _("blocked after too many misses; account unlock lifts it")
        if view.otp_blocked
        else _("on"),
        ngettext("{n} device", "{n} devices", view.devices).format(n=view.devices),
        ngettext(
            "{n} recovery code left", "{n} recovery codes left", view.recovery_codes_left
        ).format(n=view.recovery_codes_left),
    ]
    return ", ".join(parts)


def _state(view: AccountView) -> str:
    if view.locked_at is None:
        return _("open")
    return _("locked since {moment}").format(moment=moment(view.locked_at))


def _password_from_stdin() -> str:
    """Return the one line of standard input, without the newline at its end and nothing else.

    Raises:
        FieldError: not one line of UTF-8, or with control characters, which nobody could type
            at the sign-in.
    """
    if sys.stdin.isatty():
        return _hidden(_("Password: "))
    data = sys.stdin.buffer.read(MAX_PASSWORD_BYTES + 1)
    if len(data) > MAX_PASSWORD_BYTES:
        raise _password_error(_("A password is not that long."))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _password_error(_("A password is UTF-8 text.")) from None
    text = text.removesuffix("\n").removesuffix("\r")
    return _typable(text)


def _password_from_prompt() -> str:
    """Ask twice on the terminal, hidden.

    Raises:
        UsageError: there is no terminal to ask on.
        FieldError: the two are not the same.
    """
    if not sys.stdin.isatty():
        raise UsageError(_("There is no terminal to ask for the password; use --password-stdin."))
    for _try in range(PROMPT_TRIES):
        password = _hidden(_("Password: "))
        if _hidden(_("The same again: ")) == password:
            return password
        # Asked again at once: the next thing typed must not land on the shell's command line.
        typer.echo(_("The two are not the same; once more, please."), err=True)
    raise _password_error(_("The two are not the same."))


def _hidden(prompt: str) -> str:
    import getpass

    try:
        return _typable(getpass.getpass(prompt))
    except (EOFError, UnicodeDecodeError):
        raise _password_error(_("A password is one line of text.")) from None


def _typable(text: str) -> str:
    # U+FEFF is the mark that some systems put at the start of a text; no keyboard sends it.
    if any(char < " " or "\x7f" <= char <= "\x9f" or char == "\ufeff" for char in text):
        raise _password_error(_("A password is one line without control characters."))
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise _password_error(_("A password is text in the character set of the terminal."))
    return text


def _password_error(why: str) -> FieldError:
    return FieldError("password", why)
