"""The one place that joins settings, storage, keys, flows and delivery."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from tui_admin import __version__
from tui_admin.config import Settings, load_settings

log = logging.getLogger(__name__)
TRY_S = 8.0
"""How long whoever asks waits for a mail server."""

# What is joined is imported where it is: who supervises others has no use for storage.
if TYPE_CHECKING:
    from tui_admin.delivery.email import EmailSender
    from tui_admin.delivery.outbox import Worker
    from tui_admin.delivery.senders import Sender
    from tui_admin.flows.context import Clock, Context
    from tui_admin.security.passwords import Passwords
    from tui_admin.servers.draining import Stop

Answer = TypeVar("Answer")


async def open_context(
    settings: Settings | None = None, clock: Clock | None = None, *, deliver: bool = False
) -> Context:
    """Open everything that flows need; `await context.close()` lets it go.

    With `deliver`, letters are delivered in the background until then.

    Raises:
        StartError: it cannot start as it is set up; the sentence says what to do.
    """
    from tui_admin.database import open_database
    from tui_admin.flows.context import Context, SystemClock
    from tui_admin.security.sealed import follow_keyring

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
    from tui_admin.security.passwords import HashCost, Passwords

    hashing = settings.hashing
    cost = HashCost(hashing.rounds, hashing.memory_kib, hashing.lanes)
    return Passwords(cost, workers=hashing.workers)


def make_worker(ctx: Context) -> Worker:
    """Return a worker for the outbox; letters of a channel that is not set up wait."""
    from tui_admin.delivery.outbox import Worker

    return Worker(ctx, make_senders(ctx.settings))


def make_senders(settings: Settings) -> dict[str, Sender]:
    """Return a sender for each channel that is set up."""
    from tui_admin.delivery.sms import MAIL_SCHEME, AppriseSms, MailedSms

    senders: dict[str, Sender] = {}
    if settings.smtp_url:
        senders["email"] = _mail_sender(settings)
    if settings.sms_url.startswith(MAIL_SCHEME):
        if settings.smtp_url:
            # A connection of its own: the two lanes send at the same time.
            senders["sms"] = MailedSms(settings.sms_url, _mail_sender(settings))
    elif settings.sms_url:
        senders["sms"] = AppriseSms(settings.sms_url)
    return senders


def _mail_sender(settings: Settings) -> EmailSender:
    from tui_admin.delivery.email import EmailSender

    return EmailSender(settings.smtp_url, sender=settings.mail_from, brand=settings.brand)


def _load_delivery() -> None:
    for name in ("email", "outbox", "sms"):
        import_module(f"tui_admin.delivery.{name}")


async def try_mail(settings: Settings) -> str:
    """Reach the mail server without sending anything; return why not, or nothing."""
    from tui_admin.delivery.senders import DeliveryError

    try:
        async with asyncio.timeout(TRY_S):
            await _mail_sender(settings).reach()
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


def serve(
    settings: Settings, on_ready: Callable[[str, int], None], *, leash: int | None = None
) -> int:
    """Serve the console over SSH, in as many processes as the settings say; return the exit code.

    With `leash` this process is one of them, and its supervisor holds the other end.

    Raises:
        StartError: it cannot start as it is set up.
    """
    from tui_admin.servers import leash as leashes
    from tui_admin.servers import logs, systemd, workers

    def ready(host: str, port: int) -> None:
        on_ready(host, port)
        systemd.tell_ready(host, port)

    logs.set_up(settings.ssh.log_format)
    if leash is not None:
        return _run(leashes.follow(leash, partial(serve_ssh, settings, is_alone=False)))
    count = settings.ssh.workers or workers.cores()
    log.info("started", extra={"version": __version__, "workers": count})
    if count == 1:
        _run(serve_ssh(settings, ready))
    else:
        asyncio.run(workers.Supervisor(settings.ssh, count).run(ready))
    return 0


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run on uvloop where there is one."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


async def serve_ssh(
    settings: Settings,
    on_ready: Callable[[str, int], None],
    stop: Stop | None = None,
    *,
    is_alone: bool = True,
) -> None:
    """Serve in this process until it is told to stop, by a signal or by `stop`; `on_ready` is told
    host and port.

    Raises:
        StartError: it cannot start as it is set up.
    """
    from tui_admin import flows
    from tui_admin.servers import memory, systemd
    from tui_admin.servers.draining import Stop, drain
    from tui_admin.servers.metrics import Endpoint
    from tui_admin.servers.ssh import Door
    from tui_admin.servers.workers import GRACE_S

    flows.load_all()
    memory.prepare()
    stop = stop or Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Of several processes the supervisor is the one to be hurried.
        loop.add_signal_handler(number, stop.ask if is_alone else stop.asked.set)
    async with AsyncExitStack() as stack:
        ctx = await open_context(settings, deliver=True)
        stack.push_async_callback(ctx.close)
        door = Door(ctx, settings)
        stack.push_async_callback(door.close)
        if settings.ssh.metrics_port:
            watching = asyncio.create_task(door.metrics.watch(ctx))
            stack.push_async_callback(_cancelled, watching)
        with ExitStack() as until_asked:
            if settings.ssh.metrics_port and is_alone:
                endpoint = Endpoint(settings.ssh.metrics_port, registry=door.metrics.registry)
                until_asked.callback(endpoint.close)
            await door.open(share_port=not is_alone)
            log.info("listening", extra={"host": settings.ssh.host or "*", "port": door.port})
            on_ready(settings.ssh.host or "*", door.port)
            await stop.asked.wait()
        if is_alone:
            systemd.tell_stopping(settings.ssh.drain_s + GRACE_S)
        await drain(door, settings.ssh.drain_s, stop.hurried)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
