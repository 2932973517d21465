"""One-time passwords by time (TOTP): shared keys, their URI, and matching a code to its step.

pyotp computes; this module adds what a verifier must not forget: ASCII digits only, which steps
are looked at, and comparison in constant time.

Source: RFC 4226, RFC 6238; the key URI format that authenticators read.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

import pyotp

DIGITS = 6
STEP_S = 30
ALGORITHM = "SHA1"
KEY_BYTES = 20
"""160 bits, the length RFC 4226 section 4 (R6) recommends."""

_TYPED_SEPARATORS = dict.fromkeys(map(ord, " -\u00a0\u2007\u2009\u202f"))


@dataclass(frozen=True, slots=True)
class SharedKey:
    """The OTP secret, 160 random bits. Its `repr` shows nothing."""

    raw: bytes

    @classmethod
    def random(cls) -> SharedKey:
        return cls(secrets.token_bytes(KEY_BYTES))

    @property
    def base32(self) -> str:
        """32 characters of the RFC 4648 alphabet."""
        return b32encode(self.raw).decode("ascii")

    @property
    def grouped(self) -> str:
        """The base32 form in groups of four, as people read and type it."""
        text = self.base32
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))

    def __repr__(self) -> str:
        return "SharedKey(...)"


def provisioning_uri(key: SharedKey, *, issuer: str, account: str) -> str:
    """Return the `otpauth://` URI that authenticators read from a QR code.

    The label carries the account alone and the issuer stands in its parameter only: each byte
    counts, since a version 5 QR code (106 bytes at level L) is the largest that fits 24 rows.
    Algorithm, digits and period have their default values and are left out for the same reason.
    """
    label = quote(account, safe="@")
    return f"otpauth://totp/{label}?secret={key.base32}&issuer={quote(issuer)}"


def clean_code(typed: str) -> str | None:
    """Return six ASCII digits, or None when `typed` is no code.

    Spaces and dashes that people type or paste between digits are dropped. Full-width and other
    digits are refused, since `str.isdigit` would let them through to a comparison of text.
    """
    code = typed.translate(_TYPED_SEPARATORS)
    return code if len(code) == DIGITS and code.isascii() and code.isdigit() else None


def step_at(unix_s: float) -> int:
    """Return the number of the 30-second step that holds the moment `unix_s`."""
    return int(unix_s // STEP_S)


def seconds_left(unix_s: float) -> int:
    """Return how many whole seconds the current step still lives, 1 to 30."""
    return STEP_S - int(unix_s % STEP_S)


def code_at(key: SharedKey, step: int) -> str:
    """Return the code of one step."""
    return str(pyotp.HOTP(key.base32, digits=DIGITS).at(step))


def matching_step(key: SharedKey, code: str, steps: Iterable[int]) -> int | None:
    """Return the latest of `steps` whose code equals `code`, or None.

    Every step is computed and compared in constant time, so the answer's timing tells nothing.
    """
    found = None
    for step in sorted(steps):
        if step >= 0 and hmac.compare_digest(code_at(key, step), code):
            found = step
    return found


def accepted_steps(now_step: int, *, ahead: int) -> range:
    """Return the steps a verifier accepts: the current one, one before, and `ahead` after it.

    Source: RFC 6238 section 5.2.
    """
    return range(now_step - 1, now_step + ahead + 1)


def drift_s(key: SharedKey, code: str, now_step: int, *, reach: int = 20) -> int | None:
    """Return by how many seconds the clock behind `code` is off, or None when unknown.

    Looks `reach` steps to either side (10 minutes). For activation only: at a sign-in the answer
    would tell a guesser that the same code comes due later.
    """
    found = matching_step(key, code, range(now_step - reach, now_step + reach + 1))
    return None if found is None else (found - now_step) * STEP_S
