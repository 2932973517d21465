"""The setting `smtp_url`, taken apart."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from tui_admin.delivery.senders import SetUpWrongly

PORT, SUBMISSION_PORT, TLS_PORT = 25, 587, 465
_STARTTLS = ("required", "optional", "never")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail goes, and how it is encrypted."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    is_tls: bool
    """TLS from the first byte (`smtps://`)."""
    starttls: str
    """`required`, `optional` or `never`; means nothing with `is_tls`."""

    @classmethod
    def parse(cls, url: str) -> MailServer:
        """Take `smtp_url` apart.

        Raises:
            SetUpWrongly: it does not say what is needed, or gives a password away.
        """
        try:
            parts = urlsplit(url)
            query = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            is_tls = parts.scheme == "smtps"
            default = TLS_PORT if is_tls else SUBMISSION_PORT if password else PORT
            server = cls(
                host=parts.hostname or "",
                port=parts.port or default,
                user=user,
                password=password,
                is_tls=is_tls,
                starttls=query.pop("starttls", ["required" if password else "optional"])[-1],
            )
        except ValueError:
            raise SetUpWrongly("smtp_url is no address of a server") from None
        if not server.host or parts.scheme not in {"smtp", "smtps"}:
            raise SetUpWrongly("smtp_url names no server")
        if query or server.starttls not in _STARTTLS:
            raise SetUpWrongly("smtp_url: after ? there is starttls=required, optional or never")
        if password and not (user and (is_tls or server.starttls != "never" or server.is_loopback)):
            raise SetUpWrongly("smtp_url: a password goes with a user, and never unencrypted")
        return server

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, where nobody listens in between."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def upgrade(self) -> bool | None:
        """Whether STARTTLS is asked for; None: if the server offers it.

        A server on this machine that merely offers it is not asked: its certificate is usually one
        that nobody signed, and there is nothing to encrypt against.
        """
        if self.is_tls or self.starttls == "never":
            return False
        if self.starttls == "required":
            return True
        return False if self.is_loopback else None
