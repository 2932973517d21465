"""Safe display of strings that people supplied, and the one canonical form of identifiers.

Terminals obey control bytes wherever they come from, and people are fooled by characters that
look alike or turn the reading direction. `safe` stands between data and every widget, letter and
log line; `canonical_*` stand between what is typed and what is stored or looked up.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress

from tui_admin.errors import FieldError
from tui_admin.i18n import _

REPLACEMENT = "\ufffd"
ELLIPSIS = "\u2026"
_MASK = "\u2022\u2022\u2022"
MAX_TYPED = 320
"""Longest identifier that is looked at: 64 + 1 + 255, the longest e-mail address."""

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}")
# Control (Cc: C0, DEL, C1), format (Cf: bidi overrides, zero width), surrogates, private use,
# unassigned, line and paragraph separators: none may reach a terminal.
_UNSAFE_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_LINE_BREAKS = re.compile(r"\r\n|[\r\n\u2028\u2029\x85]")


def safe(text: str, limit: int = 200) -> str:
    """Return `text` as one line that a terminal shows and does not obey, at most `limit` long.

    Line breaks and tabs become spaces, unsafe characters become U+FFFD, and what is cut off is
    marked by an ellipsis. More than two combining marks in a row are dropped, since stacks of
    them run over neighbouring lines.
    """
    kept: list[str] = []
    marks = 0
    for char in _LINE_BREAKS.sub(" ", text[: limit * 4]).replace("\t", " "):
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if marks > 2:
            continue
        kept.append(REPLACEMENT if category in _UNSAFE_CATEGORIES else char)
    if len(kept) > limit:
        kept[limit - 1 :] = [ELLIPSIS]
    return "".join(kept)


def clean_line(field: str, typed: str, *, limit: int, required: bool = False) -> str:
    """Return `typed` as it may be stored: NFC, trimmed, one line of at most `limit` characters.

    Raises:
        FieldError: empty though `required`, too long, or with characters no name contains.
    """
    text = unicodedata.normalize("NFC", typed[: limit * 4]).strip()
    if required and not text:
        raise FieldError(field, _("Please fill this in."))
    if len(typed) > limit * 4 or len(text) > limit:
        raise FieldError(field, _("At most {n} characters, please.").format(n=limit))
    if any(unicodedata.category(char) in _UNSAFE_CATEGORIES for char in text):
        raise FieldError(field, _("There are characters in it that cannot be shown."))
    return text


def clean_lines(field: str, typed: str, *, limit: int, required: bool = False) -> str:
    """Return a text of several lines as it may be stored: as `clean_line`, with `\\n` between them.

    Tabs become spaces, and of empty lines that follow each other one is left.

    Raises:
        FieldError: empty though `required`, too long, or with characters no text contains.
    """
    text = _LINE_BREAKS.sub("\n", unicodedata.normalize("NFC", typed[: limit * 4]))
    lines = (line.rstrip() for line in text.replace("\t", " ").split("\n"))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    if required and not text:
        raise FieldError(field, _("Please fill this in."))
    if len(typed) > limit * 4 or len(text) > limit:
        raise FieldError(field, _("At most {n} characters, please.").format(n=limit))
    if any(unicodedata.category(char) in _UNSAFE_CATEGORIES for char in text.replace("\n", "")):
        raise FieldError(field, _("There are characters in it that cannot be shown."))
    return text


def canonical_username(typed: str, field: str = "username") -> str:
    """Return the one form a username is stored and looked up in: NFKC, lower case, ASCII.

    ASCII alone leaves no look-alikes of other scripts, and NFKC folds full-width letters.

    Raises:
        FieldError: not 2 to 64 of a-z 0-9 . _ @ + - with a letter or digit first.
    """
    username = unicodedata.normalize("NFKC", typed[: MAX_TYPED + 1]).strip().casefold()
    if not _USERNAME.fullmatch(username):
        raise FieldError(
            field,
            _("2 to 64 of a-z, 0-9 and . _ @ + - , with a letter or a digit first."),
        )
    return username


def canonical_email(typed: str, field: str = "email") -> str:
    """Return the one form an e-mail address is stored and looked up in: lower case, ASCII.

    Raises:
        FieldError: not exactly one address, or one with letters outside ASCII before the @.
    """
    from email_validator import EmailNotValidError, validate_email

    folded = unicodedata.normalize("NFKC", typed[: MAX_TYPED + 1]).strip()
    try:
        parts = validate_email(folded, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise FieldError(field, _("This is not an e-mail address.")) from None
    return f"{parts.local_part}@{parts.ascii_domain}".lower()


def canonical_phone(typed: str, region: str | None = None, field: str = "phone") -> str:
    """Return a phone number in E.164 form (`+420603123456`).

    Raises:
        FieldError: not a possible number, or one without a country code when `region` is None.
    """
    import phonenumbers

    try:
        folded = unicodedata.normalize("NFKC", typed[:64])
        number = phonenumbers.parse(folded, region)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number) or number.extension:
        raise FieldError(field, _("Not a phone number; they start like +420 603."))
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def canonical_identifier(typed: str) -> str:
    """Return what a sign-in looks up: the typed username or e-mail address, folded.

    Never raises: an impossible identifier is looked up like any other and not found. Characters
    that no identifier has become U+FFFD, since a database may take neither NUL nor surrogates.
    """
    if "@" in typed and not typed.isascii():
        # A domain of other letters is stored in its ASCII form, and found by either.
        with suppress(FieldError):
            return canonical_email(typed)
    name = unicodedata.normalize("NFKC", typed[:MAX_TYPED]).strip().casefold()
    return "".join(
        REPLACEMENT if unicodedata.category(char) in _UNSAFE_CATEGORIES else char for char in name
    )


def mask_email(address: str) -> str:
    """Return an address that its owner knows again and nobody else learns: `j•••@e•••.com`."""
    local, _at, domain = safe(address, 320).rpartition("@")
    name, _dot, top = domain.rpartition(".")
    return f"{local[:1]}{_MASK}@{name[:1]}{_MASK}.{top}"


def phone_country(number: str) -> str:
    """Return the country code of an E.164 number: `420`; empty when it is none."""
    import phonenumbers

    try:
        return str(phonenumbers.parse(number).country_code)
    except phonenumbers.NumberParseException:
        return ""


def mask_phone(number: str) -> str:
    """Return an E.164 number of which only country and last two digits show: `+420 ••• ••• 56`."""
    return f"+{phone_country(number)} {_MASK} {_MASK} {safe(number)[-2:]}"
