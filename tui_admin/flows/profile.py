"""Basic Settings: who the person is, in which language and time zone, in which theme."""

from __future__ import annotations

from tui_admin.errors import FieldError
from tui_admin.flows import factors, sessions
from tui_admin.flows.answers import ProfileView, Token, Visitor
from tui_admin.flows.context import Context
from tui_admin.i18n import _, available_languages, time_zones
from tui_admin.security.text import clean_line, safe

NAME_LIMIT = 100
THEME_LIMIT = 32


async def read(ctx: Context, token: Token) -> ProfileView:
    """Return what Basic Settings shows.

    Raises:
        SessionEndedError: the session is over.
    """
    async with ctx.database.read() as db:
        _session, account = await sessions.find(ctx, db, token)
        return ProfileView(
            username=safe(account.username),
            name=safe(account.name),
            company=safe(account.company),
            language=safe(account.language or ctx.settings.locale),
            timezone=safe(account.timezone or ctx.settings.timezone),
            email=safe(account.email, 320),
            email_verified=account.email_verified_at is not None,
            phone=safe(account.phone),
            phone_verified=account.phone_verified_at is not None,
            new_phone=safe(account.new_phone),
            otp_active=bool(await factors.devices_of(db, account.id)),
        )


async def save(
    ctx: Context,
    visitor: Visitor,
    token: Token,
    *,
    name: str,
    company: str,
    language: str,
    timezone: str,
) -> None:
    """Store the person's own data. Nothing else of the account can be reached by this.

    Raises:
        FieldError: with the field's name.
    """
    name = clean_line("name", name, limit=NAME_LIMIT)
    company = clean_line("company", company, limit=NAME_LIMIT)
    if language not in available_languages():
        raise FieldError("language", _("This language is not available."))
    if timezone not in time_zones():
        raise FieldError("timezone", _("Unknown; write it like Europe/Prague."))
    async with ctx.write(visitor) as tx:
        _session, account = await sessions.authorise(ctx, tx, token)
        account.name, account.company = name, company
        account.language, account.timezone = language, timezone
        tx.record("profile.saved", account.id)


async def remember_theme(ctx: Context, visitor: Visitor, token: Token, theme: str) -> None:
    """Store which theme the person chose."""
    async with ctx.write(visitor) as tx:
        _session, account = await sessions.authorise(ctx, tx, token)
        account.theme = clean_line("theme", theme, limit=THEME_LIMIT)
