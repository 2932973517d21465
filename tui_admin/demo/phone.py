"""The demo's phone: an authenticator filled by scanning the screen, and an inbox."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import parse_qs, unquote, urlsplit

from tui_admin.demo.inbox import Inbox
from tui_admin.demo.scanner import Cell, read_qr


class Phone:
    """A phone as people carry it. Its authenticator knows only what it scanned, like theirs."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], str] = {}
        self.inbox = Inbox()
        """What the mail server and the SMS gateway of the demo have received."""
        self.tab = ""
        """Which of its tabs was looked at last; empty for the first one."""

    def reset(self) -> None:
        """Forget everything: entries, mails, SMS, and what was looked at."""
        self._keys.clear()
        self.inbox.reset()
        self.tab = ""

    def scan(self, rows: Sequence[Sequence[tuple[object, ...]]]) -> str | None:
        """Read the QR code off a screen; return the account it is for, or None without one."""
        uri = read_qr([[Cell(*cell) for cell in row] for row in rows])  # type: ignore[arg-type]
        return None if uri is None else self.add(uri)

    def add(self, uri: str) -> str | None:
        """Add the entry of an `otpauth://` URI; return its account, or None when it is none."""
        parts = urlsplit(uri)
        query = parse_qs(parts.query)
        if parts.scheme != "otpauth" or parts.netloc != "totp" or "secret" not in query:
            return None
        account = unquote(parts.path.lstrip("/")).split(":")[-1]
        return self.type_key(query.get("issuer", [""])[0], account, query["secret"][0])

    def type_key(self, issuer: str, account: str, key: str) -> str:
        """Add an entry by its key, in place of an older one; return the account.

        Real authenticators keep the older one too, which is why the screen says to delete it.
        """
        self._keys.pop((issuer, account), None)
        self._keys[issuer, account] = key.replace(" ", "")
        return account

    def entries(self) -> list[tuple[str, str, str]]:
        """Return issuer, account and current code of every entry, the newest first."""
        # pyotp is not needed before the drawer is opened for the first time.
        import pyotp

        now = time.time()
        return [
            (issuer, account, pyotp.TOTP(secret).at(int(now)))
            for (issuer, account), secret in reversed(self._keys.items())
        ]
