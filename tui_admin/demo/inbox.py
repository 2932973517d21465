"""What has arrived on the demo's phone: mails and SMS of all the sample accounts.

Anybody on this machine can send here, so what arrives is bounded in number and size, and it is made
safe to show before it is kept.
"""

from __future__ import annotations

import itertools
import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tui_admin.security.text import ELLIPSIS, safe

MAILS_KEPT, SMS_KEPT = 30, 20
TEXT_CHARS, TEXT_LINES = 20_000, 500
"""How much of one mail's text is kept."""
HEADER_CHARS = 998
SMS_CHARS = 1_600

# Where a link stands, or the command that does the same; what it is worth is another's decision.
_LINK = re.compile(r"recover[-\s]\s*([0-9a-z]{26})(?![0-9a-z])", re.IGNORECASE)
# Crockford's base32, as `tokens.new_recovery_code` writes it.
_MAILED_CODE = re.compile(
    r"(?<![\w-])[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}(?![\w-])", re.ASCII
)
_SMS_CODE = re.compile(r"(?<!\d)[0-9]{6}(?!\d)")


@dataclass(slots=True)
class Mail:
    """One mail. Every text in it is safe to show; its `repr` hides what it is about."""

    id: str
    sender: str
    recipient: str
    subject: str
    text: str = field(repr=False)
    received_at: datetime
    is_read: bool = False
    tokens: tuple[str, ...] = field(default=(), repr=False)
    """The links' in the text, in their order: to recover, then to say that it was not me."""
    code: str = field(default="", repr=False)
    """The mailed code like `ABCDE-FGHJK`, when there is one."""


@dataclass(slots=True)
class Sms:
    """One SMS, safe to show."""

    id: str
    number: str
    text: str = field(repr=False)
    received_at: datetime
    is_read: bool = False
    code: str = field(default="", repr=False)
    """The six digits in it, when there are any."""


class Inbox:
    """Mails and SMS, the newest first; the oldest go when there are too many."""

    def __init__(self) -> None:
        # Never the same id again, also after a reset: a drawer may still show an older one.
        self._ids = itertools.count(1)
        self._mails: deque[Mail] = deque(maxlen=MAILS_KEPT)
        self._sms: deque[Sms] = deque(maxlen=SMS_KEPT)
        self._sms_seen: deque[str] = deque(maxlen=SMS_KEPT)

    def mails(self) -> list[Mail]:
        """Return what came by e-mail, the newest first."""
        return list(self._mails)

    def sms(self) -> list[Sms]:
        """Return what came by SMS, the newest first."""
        return list(self._sms)

    @property
    def unread_mails(self) -> int:
        """How many mails have not been opened."""
        return sum(not mail.is_read for mail in self._mails)

    @property
    def unread_sms(self) -> int:
        """How many SMS have not been shown."""
        return sum(not sms.is_read for sms in self._sms)

    def open_mail(self, mail_id: str) -> Mail | None:
        """Return a mail and count it as read; None when it is no longer there."""
        for mail in self._mails:
            if mail.id == mail_id:
                mail.is_read = True
                return mail
        return None

    def read_sms(self) -> None:
        """Count every SMS as read."""
        for sms in self._sms:
            sms.is_read = True

    def reset(self) -> None:
        """Forget everything."""
        self._mails.clear()
        self._sms.clear()
        self._sms_seen.clear()

    def take_mail(self, content: bytes, recipients: Sequence[str]) -> None:
        """Keep a mail as SMTP brought it.

        Raises:
            ValueError: it cannot be read.
        """
        # The first frame waits for this module, and needs none of what that one loads.
        from tui_admin.security.tokens import clean_link_token

        try:
            subject, sender, text = _read(content)
        except Exception as error:  # noqa: BLE001 (the parser stumbles in many ways over rubbish)
            raise ValueError(type(error).__name__) from None
        text = _safe_lines(text)
        found = (clean_link_token(match[1]) for match in _LINK.finditer(text))
        code = _MAILED_CODE.search(text)
        self._mails.appendleft(
            Mail(
                id=f"mail-{next(self._ids)}",
                sender=safe(sender),
                recipient=safe(", ".join(recipients)),
                subject=safe(subject),
                text=text,
                received_at=_now(),
                tokens=tuple(dict.fromkeys(token for token in found if token is not None)),
                code=code[0] if code else "",
            )
        )

    def take_sms(self, number: str, text: str, sms_id: str = "") -> None:
        """Keep an SMS. A second one under the same id is the same one, tried again."""
        if sms_id:
            if sms_id in self._sms_seen:
                return
            self._sms_seen.append(sms_id)
        text = _safe_lines(text[:SMS_CHARS])
        code = _SMS_CODE.search(text)
        self._sms.appendleft(
            Sms(
                id=f"sms-{next(self._ids)}",
                number=safe(number, 32),
                text=text,
                received_at=_now(),
                code=code[0] if code else "",
            )
        )


def _read(content: bytes) -> tuple[str, str, str]:
    """Return subject, sender and the text part of a mail."""
    # Only where a mail has come is the parser loaded. Its older policy, since the newer one takes
    # ten seconds over a header of 60 kB, in which nothing else would run.
    from email import message_from_bytes
    from email.header import decode_header, make_header

    message = message_from_bytes(content)
    subject, sender = (
        str(make_header(decode_header(str(message.get(name) or "")[:HEADER_CHARS])))
        for name in ("subject", "from")
    )
    for part in message.walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                text = payload.decode(part.get_content_charset("utf-8"), "replace")
                return subject, sender, text
    return subject, sender, ""


def _safe_lines(text: str) -> str:
    """Return a text of several lines as `safe` returns one."""
    lines = text[:TEXT_CHARS].splitlines()
    is_cut = len(text) > TEXT_CHARS or len(lines) > TEXT_LINES
    shown = [safe(line, TEXT_CHARS) for line in lines[:TEXT_LINES]]
    return "\n".join([*shown, ELLIPSIS] if is_cut else shown).strip()


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
