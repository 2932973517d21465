"""A mail server and an SMS gateway for programs that run in processes of their own.

with Post() as post:
    app = start(env=post.env)
    link = post.mail("alice@example.com", "Deactivate OTP")
    code = post.sms("+420603123456")
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import ExitStack
from email.message import EmailMessage
from typing import Self, TypeVar

from tests.support.gateway import Gateway
from tests.support.mailbox import Mailbox

Found = TypeVar("Found")
ARRIVES_S = 60.0
"""How long a letter may take; test machines are busy."""


class Post:
    """Both servers on free ports of this machine, each in a thread."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self._gateway = self._stack.enter_context(Gateway())
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mailbox")
        self._thread.start()
        self._stack.callback(self._stop)
        self._mailbox = Mailbox()
        self._in_loop(self._mailbox.__aenter__).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop(self._mailbox.__aexit__).result(10)
        self._stack.close()

    def _in_loop(self, call: Callable[[], Coroutine[object, object, object]]) -> Future[object]:
        return asyncio.run_coroutine_threadsafe(call(), self._loop)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead a program here."""
        return {
            "TUI_ADMIN_SMTP_URL": f"smtp://127.0.0.1:{self._mailbox.port}",
            "TUI_ADMIN_SMS_URL": self._gateway.url,
        }

    def mail(self, to: str, subject: str, nth: int = 1) -> str:
        """Wait for the `nth` mail to an address with these words in its subject; return its text.

        Raises:
            AssertionError: it does not come.
        """

        def is_it(message: EmailMessage) -> bool:
            return to in str(message["To"]) and subject in str(message["Subject"])

        message = self._wait_for(
            lambda: [one for one in self._mailbox.messages if is_it(one)][nth - 1 : nth],
            lambda: f"{subject!r} to {to}; there is {self._mailbox.subjects}",
        )
        body = message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def sms(self, phone: str, words: str = "") -> str:
        """Wait for an SMS to a number; return its text.

        Raises:
            AssertionError: it does not come.
        """
        digits = phone.lstrip("+")
        return self._wait_for(
            lambda: [
                str(body["message"])
                for path, body in self._gateway.requests
                if digits in path and words in body["message"]
            ],
            lambda: f"an SMS to {phone}; there is {self._gateway.texts}",
        )

    @staticmethod
    def _wait_for(found: Callable[[], list[Found]], what: Callable[[], str]) -> Found:
        deadline = time.monotonic() + ARRIVES_S
        while not (now := found()):
            assert time.monotonic() < deadline, f"waited for {what()}"
            time.sleep(0.02)
        return now[0]
