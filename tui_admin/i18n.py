"""Every text a person reads passes through here, in the language of that person's terminal.

One process serves many terminals, so the language hangs on a context variable that each terminal's
tasks inherit. The variable holds a small mutable `Language`, because a person may change languages
after those tasks have started.
"""

from __future__ import annotations

import gettext
from contextvars import ContextVar
from datetime import UTC, datetime, tzinfo
from functools import cache
from pathlib import Path

DOMAIN = "tui_admin"
SOURCE_LANGUAGE = "en"
LOCALE_DIR = Path(__file__).parent / "locale"


class Language:
    """The language of one terminal; `switch` changes it for everything drawn afterwards."""

    def __init__(self) -> None:
        self.code = SOURCE_LANGUAGE
        self.catalogue = gettext.NullTranslations()

    def switch(self, code: str) -> None:
        """Use the catalogue of `code`; a language without one falls back to English."""
        self.catalogue = gettext.translation(DOMAIN, LOCALE_DIR, [code], fallback=True)
        found = isinstance(self.catalogue, gettext.GNUTranslations)
        self.code = code if found else SOURCE_LANGUAGE


_language: ContextVar[Language | None] = ContextVar("language", default=None)
_fallback = Language()


def current_language() -> Language:
    """Return the language of the terminal whose task is running."""
    return _language.get() or _fallback


def use_language(language: Language) -> None:
    """Give the running task, and all tasks it starts, this language."""
    _language.set(language)


def available_languages() -> dict[str, str]:
    """Return the language codes that can be chosen, each with its name in that language."""
    # Babel is imported here: it costs time that the first frame should not wait for.
    from babel import Locale

    codes = {path.parent.parent.name for path in LOCALE_DIR.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")}
    names = {code: Locale.parse(code).get_display_name(code) or code for code in sorted(codes)}
    return {SOURCE_LANGUAGE: "English", **names}


def _(message: str) -> str:
    """Translate `message`."""
    return current_language().catalogue.gettext(message)


def ngettext(singular: str, plural: str, count: int) -> str:
    """Translate the form that fits `count`."""
    return current_language().catalogue.ngettext(singular, plural, count)


def N_(message: str) -> str:  # noqa: N802 (gettext's own name for it)
    """Mark `message` for translation where it is written; it is translated where it is shown."""
    return message


def local_day(moment: datetime, timezone: str) -> str:
    """Return the day of a moment as the person reads it: `3 May 2026`."""
    from babel.dates import format_date

    local = moment.astimezone(_zone(timezone))
    return format_date(local, "d MMM y", locale=current_language().code)


def local_minute(moment: datetime, timezone: str) -> str:
    """Return a moment to the minute as the person reads it: `3 May 2026, 09:14`."""
    from babel.dates import format_datetime

    local = moment.astimezone(_zone(timezone))
    return format_datetime(local, "d MMM y, HH:mm", locale=current_language().code)


def zoned_minute(moment: datetime, timezone: str) -> str:
    """Return a moment with its time zone, for who may live in another: `3 May 2026, 09:14 (UTC)`.

    Letters say it so, and screens that people see who have not signed in.
    """
    return f"{local_minute(moment, timezone)} ({_zone(timezone)})"


@cache
def time_zones() -> frozenset[str]:
    """Return the names of all time zones; looked up on the disk once."""
    from zoneinfo import available_timezones

    return frozenset(available_timezones())


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return UTC
