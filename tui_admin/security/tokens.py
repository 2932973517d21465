"""Random tokens, and the hashes under which they are stored."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata

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


LINK_TOKEN_LENGTH = 26
"""Characters of five bits: 130 random bits."""
_LINK = re.compile(rf"recover[- ]?([0-9a-z]{{{LINK_TOKEN_LENGTH}}})(?![0-9a-z])")
_EDGES = "<>()[]{}\"'`.,;:!?=*_"


def new_link_token() -> str:
    """Return a fresh token for a link.

    It has no case and no sign but letters and digits, since it travels through mail programs, SSH
    user names and people's hands.
    """
    return "".join(secrets.choice(_ALPHABET) for _ in range(LINK_TOKEN_LENGTH)).lower()


def clean_link_token(typed: str) -> str | None:
    """Return the token in what a person pasted, or None when there is no whole one in it.

    Takes the token alone, the whole link, and the command; in any case, wrapped over lines, quoted
    or followed by punctuation, as mail programs leave them.
    """
    # Quoted-printable wraps a long line by "=" at its end; mail quotes begin lines with ">".
    text = re.sub(r"=?[ \t]*\r?\n[> \t]*", "\n", typed[:4000])
    text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    text = unicodedata.normalize("NFKC", text).lower()
    # As it stands first: without its spaces, the word behind a link would become part of it.
    for form in (" ".join(text.split(" ")), "".join(text.split())):
        found = _LINK.search(form)
        token = found[1] if found else form.strip(_EDGES + " \n")
        token = token.upper().translate(_LOOKALIKES)
        if len(token) == LINK_TOKEN_LENGTH and all(char in _ALPHABET for char in token):
            return token.lower()
    return None


def new_digits(count: int) -> str:
    """Return `count` random decimal digits."""
    return "".join(secrets.choice("0123456789") for _ in range(count))
