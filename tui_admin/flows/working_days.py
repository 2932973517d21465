"""Working days: by when an answer that is promised within one working day comes."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from holidays import HolidayBase

_ONE_DAY = timedelta(days=1)


def answer_due(received_at: datetime, country: str, timezone: str) -> datetime:
    """Return the latest moment of the answer to what came in at `received_at`.

    What comes in on a working day is answered by the same time of the next one; all else by the end
    of the next working day. Days are those of `timezone`, holidays those of `country` (ISO 3166).

    The first call loads the country's calendar: a fifth of a second.
    """
    zone = ZoneInfo(timezone)
    received = received_at.astimezone(zone)
    calendar = _calendar(country)
    due_day = received.date() + _ONE_DAY
    while not calendar.is_working_day(due_day):
        due_day += _ONE_DAY
    if calendar.is_working_day(received.date()):
        due = _at(due_day, received.time(), zone)
    else:
        due = _at(due_day + _ONE_DAY, time(0), zone)
    return due.astimezone(received_at.tzinfo)


def _at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return a local time; one that the clocks leave out counts as so much later.

    Of a time that the clocks show twice it is the first.
    """
    return datetime.combine(day, clock.replace(fold=0), tzinfo=zone)


@cache
def _calendar(country: str) -> HolidayBase:
    from holidays import country_holidays

    return country_holidays(country)
