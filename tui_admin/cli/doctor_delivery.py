"""Doctor's checks of what leaves the house: mail server, SMS gateway, and the letters that wait."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tui_admin.cli.findings import Finding
from tui_admin.cli.output import moment
from tui_admin.i18n import _, ngettext

if TYPE_CHECKING:
    from tui_admin.config import Settings
    from tui_admin.flows.context import Context

LONG_WAIT = timedelta(minutes=15)
"""A letter that waits longer is waiting for somebody to do something."""


async def check_mail(settings: Settings) -> Finding:
    """Reach the mail server, and sign in where there is a password; nothing is sent."""
    from tui_admin.wiring import try_mail

    if not settings.smtp_url:
        sentence = _(
            "smtp_url is not set: letters wait, and nobody gets back in by e-mail. "
            "Set it to smtp://user:password@host"
        )
        return Finding("mail", "attention", sentence)
    host = urlsplit(settings.smtp_url).hostname or ""
    if why := await try_mail(settings):
        sentence = _("E-mail cannot be sent through {host}: {why}. Check smtp_url and the server.")
        return Finding("mail", "broken", sentence.format(host=host, why=why))
    sentence = _("The mail server {host} answers; letters come from {sender}.")
    return Finding("mail", "ok", sentence.format(host=host, sender=settings.mail_from))


def check_sms(settings: Settings) -> Finding:
    """Look whether the gateway's URL is one; nothing is sent, since each SMS costs."""
    from tui_admin.wiring import check_sms

    if not settings.sms_url:
        sentence = _(
            "sms_url is not set: SMS wait, and nobody can deactivate a lost device. "
            "Set it to an Apprise URL with {phone} in it."
        )
        return Finding("sms", "attention", sentence)
    if why := check_sms(settings):
        sentence = _("SMS cannot be sent: {why}. Check sms_url.")
        return Finding("sms", "broken", sentence.format(why=why))
    scheme = urlsplit(settings.sms_url.replace("{phone}", "0")).scheme
    sentence = _("SMS go out by {scheme}://; the gateway itself was not tried.")
    return Finding("sms", "ok", sentence.format(scheme=scheme))


async def check_outbox(ctx: Context) -> Finding:
    """Count the letters that wait and those that were given up on."""
    from tui_admin.flows import outbox

    found = await outbox.survey(ctx)
    count = sum(found.waiting.values())
    if found.failed:
        sentence = ngettext(
            "{n} letter was given up on. Look: tui-admin outbox list --state failed",
            "{n} letters were given up on. Look: tui-admin outbox list --state failed",
            found.failed,
        )
        return Finding("outbox", "attention", sentence.format(n=found.failed))
    if found.oldest_at is None:
        return Finding("outbox", "ok", _("No letter waits, and none was given up on."))
    if ctx.clock.now() - found.oldest_at < LONG_WAIT:
        sentence = ngettext("{n} letter is on its way.", "{n} letters are on their way.", count)
        return Finding("outbox", "ok", sentence.format(n=count))
    sentence = ngettext(
        "{n} letter waits since {since}. Letters go out while a console is open. {why}",
        "{n} letters wait, the oldest since {since}. Letters go out while a console is open. {why}",
        count,
    )
    why = _("The last try: {error}.").format(error=found.last_error) if found.last_error else ""
    shown = sentence.format(n=count, since=moment(found.oldest_at), why=why).strip()
    return Finding("outbox", "attention", shown)
