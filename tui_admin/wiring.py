"""The one place that joins settings, storage, keys, flows and delivery."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from tui_admin.config import Settings, load_settings
from tui_admin.database import open_database
from tui_admin.flows.context import Clock, Context, SystemClock
from tui_admin.security.passwords import HashCost, Passwords
from tui_admin.security.sealed import follow_keyring

TRY_S = 8.0
"""How long whoever asks waits for a mail server."""

if TYPE_CHECKING:
    from tui_admin.delivery.outbox import Worker
    from tui_admin.delivery.senders import Sender


async def open_context(
    settings: Settings | None = None, clock: Clock | None = None, *, deliver: bool = False
) -> Context:
    """Open everything that flows need; `await context.close()` lets it go.

    With `deliver`, letters are delivered in the background until then.

    Raises:
        StartError: it cannot start as it is set up; the sentence says what to do.
    """
    settings = settings or load_settings()
    keyring = follow_keyring(settings.key_path)
    database = await open_database(settings.url)
    ctx = Context(settings, database, keyring, make_passwords(settings), clock or SystemClock())
    if deliver:
        # Mail and templates take a while to import, and a screen stands already.
        await asyncio.to_thread(_load_delivery)
        worker = make_worker(ctx)
        worker.start()
        ctx.on_close.append(worker.close)
    return ctx


def make_passwords(settings: Settings) -> Passwords:
    """Return the hasher with the settings' cost and number of threads."""
    hashing = settings.hashing
    cost = HashCost(hashing.rounds, hashing.memory_kib, hashing.lanes)
    return Passwords(cost, workers=hashing.workers)


def make_worker(ctx: Context) -> Worker:
    """Return a worker for the outbox; letters of a channel that is not set up wait."""
    from tui_admin.delivery.outbox import Worker

    return Worker(ctx, make_senders(ctx.settings))


def make_senders(settings: Settings) -> dict[str, Sender]:
    """Return a sender for each channel that is set up."""
    from tui_admin.delivery.email import EmailSender
    from tui_admin.delivery.sms import MAIL_SCHEME, AppriseSms, MailedSms

    def mail() -> EmailSender:
        return EmailSender(settings.smtp_url, sender=settings.mail_from, brand=settings.brand)

    senders: dict[str, Sender] = {}
    if settings.smtp_url:
        senders["email"] = mail()
    if settings.sms_url.startswith(MAIL_SCHEME):
        if settings.smtp_url:
            # A connection of its own: the two lanes send at the same time.
            senders["sms"] = MailedSms(settings.sms_url, mail())
    elif settings.sms_url:
        senders["sms"] = AppriseSms(settings.sms_url)
    return senders


def _load_delivery() -> None:
    for name in ("email", "outbox", "sms"):
        import_module(f"tui_admin.delivery.{name}")


async def try_mail(settings: Settings) -> str:
    """Reach the mail server without sending anything; return why not, or nothing."""
    from tui_admin.delivery.email import EmailSender
    from tui_admin.delivery.senders import DeliveryError

    sender = EmailSender(settings.smtp_url, sender=settings.mail_from, brand=settings.brand)
    try:
        async with asyncio.timeout(TRY_S):
            await sender.reach()
    except DeliveryError as error:
        return error.reason
    except TimeoutError:
        return "the mail server did not answer in time"
    return ""


def check_sms(settings: Settings) -> str:
    """Look whether `sms_url` leads anywhere; return why not, or nothing. Sends nothing."""
    from tui_admin.delivery.senders import DeliveryError
    from tui_admin.delivery.sms import MAIL_SCHEME, check

    if settings.sms_url.startswith(MAIL_SCHEME):
        return "" if settings.smtp_url else "smtp_url is not set, and the gateway takes e-mail"
    try:
        check(settings.sms_url)
    except DeliveryError as error:
        return error.reason
    return ""


async def serve_ssh(
    settings: Settings, on_ready: Callable[[str, int], None], *, share_port: bool = False
) -> None:
    """Serve the console over SSH until SIGTERM or SIGINT; `on_ready` is told host and port.

    Raises:
        StartError: it cannot start as it is set up.
    """
    from tui_admin import flows
    from tui_admin.servers.pool import calm_collector
    from tui_admin.servers.ssh import Door

    flows.load_all()
    calm_collector()
    ctx = await open_context(settings, deliver=True)
    try:
        door = Door(ctx, settings)
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        try:
            await door.open(share_port=share_port)
            on_ready(settings.ssh.host or "*", door.port)
            await stopped.wait()
        finally:
            await door.close()
    finally:
        await ctx.close()
