"""SMS through any gateway that Apprise knows, and through gateways that take e-mail."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from tui_admin.delivery.senders import (
    Made,
    PermanentFailure,
    Sender,
    SetUpWrongly,
    TemporaryFailure,
)

MAIL_SCHEME = "email://"
SEND_S = 25.0
"""Apprise has time-outs of its own for connecting and reading, which its URL may set; whatever they
are, a letter waits no longer."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)


def one_number(recipient: str) -> str:
    """Return a recipient that is exactly one number in E.164 form (S27).

    Raises:
        PermanentFailure: it is anything else.
    """
    if not _E164.fullmatch(recipient):
        raise PermanentFailure("the recipient is not one phone number")
    return recipient


class MailedSms:
    """SMS as e-mail to a gateway: `email://{phone}@gateway.example`."""

    def __init__(self, url: str, mail: Sender) -> None:
        self._address = url.removeprefix(MAIL_SCHEME)
        self._mail = mail

    async def send(self, letter: Made) -> None:
        """Send the text alone, without a subject. Raises: as `Sender.send`."""
        address = self._address.replace("{phone}", one_number(letter.recipient))
        address = address.replace("{id}", letter.id)
        await self._mail.send(replace(letter, recipient=address, subject="", html=""))

    async def close(self) -> None:
        await self._mail.close()


class AppriseSms:
    """SMS through an Apprise URL with `{phone}` in it."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def send(self, letter: Made) -> None:
        """Send the text to one number. Raises: as `Sender.send`."""
        phone = quote(one_number(letter.recipient), safe="")
        url = self._url.replace("{phone}", phone).replace("{id}", letter.id)
        try:
            async with asyncio.timeout(SEND_S):
                is_sent = await _in_thread(lambda: _notify(url, letter.text))
        except TimeoutError:
            reason = "the SMS gateway did not answer in time"
            raise TemporaryFailure(reason, is_service=True) from None
        if not is_sent:
            # Apprise tells no more than that: refused and unreachable look alike.
            raise TemporaryFailure("the SMS gateway did not take it")

    async def close(self) -> None:
        """Nothing is kept."""


def check(url: str) -> None:
    """Look whether Apprise understands a URL; sends nothing.

    Raises:
        SetUpWrongly: it does not, or the URL leads to more than one number.
    """
    _service(url.replace("{phone}", quote("+420603123456", safe="")).replace("{id}", "0" * 32))


def _notify(url: str, text: str) -> bool:
    import apprise

    notifier = apprise.Apprise(asset=_asset())
    notifier.add(_service(url))
    return bool(notifier.notify(body=text, title="", body_format=apprise.NotifyFormat.TEXT))


def _service(url: str) -> Any:
    import apprise

    service = apprise.Apprise.instantiate(url, asset=_asset())
    if service is None:
        raise SetUpWrongly("sms_url is not a URL that Apprise understands")
    # It counts each number once more for every retry.
    if len(service) != getattr(service, "retry", 0) + 1:
        raise SetUpWrongly("sms_url leads to more than one number")
    return service


def _asset() -> Any:
    """Return settings of Apprise under which it keeps nothing on the disk and starts no threads."""
    import apprise

    return apprise.AppriseAsset(
        async_mode=False, storage_mode=apprise.PersistentStoreMode.MEMORY, app_id="tui-admin"
    )


async def _in_thread(work: Callable[[], bool]) -> bool:
    """Run `work` in a thread of its own, which nobody waits for once the caller has given up.

    A pool's threads would be waited for at the end of the program, and a gateway that hangs would
    hold the terminal of whoever leaves.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def settle(result: bool, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def run() -> None:
        result, fault = False, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 (handed over to whoever waits)
            fault = error
        # The loop may be closed by now; then nobody wants to know.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=run, name="sms", daemon=True).start()
    return await answer
