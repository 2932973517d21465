"""Random tokens, and the hashes under which they are stored."""

from __future__ import annotations

import hashlib
import secrets

TOKEN_BYTES = 32
"""256 bits; S20 asks for 128 or more."""

# Crockford's base32: no I, L, O or U, so that nothing read off paper is ambiguous.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKALIKES = str.maketrans({"I": "1", "L": "1", "O": "0", " ": None, "-": None})
RECOVERY_CODE_LENGTH = 10
"""Ten characters of five bits: 50 random bits, behind the limits on guesses."""


def new_token() -> str:
    """Return a fresh random token, safe in a URL and in a user name."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def is_id(text: str) -> bool:
    """Whether `text` can be the id of a row: 32 hex digits. What cannot is not even looked up."""
    return len(text) == 32 and set(text) <= set("0123456789abcdef")


def token_hash(token: str) -> str:
    """Return the hex SHA-256 under which a random token is stored.

    A plain hash will do: 256 random bits cannot be guessed from it.
    """
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_recovery_code() -> str:
    """Return a fresh recovery code as people see it: `ABCDE-FGHJK`."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(RECOVERY_CODE_LENGTH))
    return f"{code[:5]}-{code[5:]}"


def clean_recovery_code(typed: str) -> str | None:
    """Return the ten characters of a typed recovery code, or None when it cannot be one.

    Case, spaces and dashes do not matter, and I, L and O count as 1, 1 and 0.
    """
    code = typed[:64].upper().translate(_LOOKALIKES)
    fits = len(code) == RECOVERY_CODE_LENGTH and all(char in _ALPHABET for char in code)
    return code if fits else None
