"""One working day: by when an answer is promised, around everything that is no working day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tui_admin.flows.working_days import answer_due

PRAGUE = "Europe/Prague"
CZECH_HOLIDAYS = {
    *("01-01", "05-01", "05-08", "07-05", "07-06", "09-28"),
    *("10-28", "11-17", "12-24", "12-25", "12-26"),
}
"""By law 245/2000 Sb.; Good Friday and Easter Monday move."""
EASTER = {"2026-04-03", "2026-04-06", "2027-03-26", "2027-03-29", "2028-04-14", "2028-04-17"}


def local(text: str, zone: str = PRAGUE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def due(text: str, country: str = "CZ", zone: str = PRAGUE) -> str:
    """Return the promise for what comes in at a local time, as a local time."""
    received = local(text, zone).astimezone(UTC)
    moment = answer_due(received, country, zone)
    assert moment.utcoffset() == timedelta(0)
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("received", "promised"),
    [
        ("2026-11-24 09:30", "2026-11-25 09:30"),  # Tuesday
        ("2026-11-20 16:45", "2026-11-23 16:45"),  # Friday
        ("2026-11-21 10:00", "2026-11-24 00:00"),  # Saturday: by the end of Monday
        ("2026-11-22 23:59", "2026-11-24 00:00"),  # Sunday
        ("2026-11-23 00:00", "2026-11-24 00:00"),  # the first moment of a Monday
        ("2026-12-23 15:00", "2026-12-28 15:00"),  # Wednesday; then Christmas and a weekend
        ("2026-12-24 08:00", "2026-12-29 00:00"),
        ("2026-12-26 08:00", "2026-12-29 00:00"),
        ("2026-12-31 11:11", "2027-01-04 11:11"),  # Thursday; New Year is a Friday
        ("2027-01-01 11:11", "2027-01-05 00:00"),
        ("2026-04-02 17:00", "2026-04-07 17:00"),  # Maundy Thursday
        ("2026-04-03 17:00", "2026-04-08 00:00"),  # Good Friday
        ("2026-04-06 12:00", "2026-04-08 00:00"),  # Easter Monday
        ("2026-10-27 13:00", "2026-10-29 13:00"),  # before 28 October
        ("2026-03-27 02:30", "2026-03-30 02:30"),  # over the night when summer time begins
        ("2026-10-23 02:30", "2026-10-26 02:30"),  # and when it ends
    ],
)
def test_a_promise_in_words(received: str, promised: str) -> None:
    """Weekends, Christmas, New Year, Easter, and both changes of the clocks."""
    assert due(received) == promised


def test_a_time_that_the_clocks_leave_out_comes_later() -> None:
    """In Cairo the clocks go from 00:00 to 01:00 on a Friday, which is a working day elsewhere:
    what comes in at 00:30 the day before is answered by 01:30."""
    assert due("2026-04-23 00:30", "CZ", "Africa/Cairo") == "2026-04-24 01:30"


def test_a_time_that_the_clocks_show_twice_is_the_first() -> None:
    """In Cairo they go back on a Thursday at midnight: of two 23:30 it is the one that is sooner,
    and the next day begins when the second is over."""
    received = local("2026-10-28 23:30", "Africa/Cairo").astimezone(UTC)
    assert answer_due(received, "AT", "Africa/Cairo") - received == timedelta(days=1)


def is_working(day: datetime) -> bool:
    iso = day.strftime("%Y-%m-%d")
    return day.weekday() < 5 and iso[5:] not in CZECH_HOLIDAYS and iso not in EASTER


def test_every_hour_of_three_years() -> None:
    """Whenever it comes in: the answer is promised for a later moment and within a week, no working
    day is left out on the way, and what comes later is never promised earlier."""
    zone = ZoneInfo(PRAGUE)
    received = local("2026-01-01 00:20").astimezone(UTC)
    last = received
    while received < local("2028-12-31 00:00"):
        promised = answer_due(received, "CZ", PRAGUE)
        there, here = promised.astimezone(zone), received.astimezone(zone)
        assert received < promised <= received + timedelta(days=7)
        assert promised >= last
        if is_working(here):
            assert is_working(there)
            assert (there.hour, there.minute) == (here.hour, here.minute)
            first_day, last_day = here.date() + timedelta(days=1), there.date()
        else:
            assert (there.hour, there.minute) == (0, 0)
            assert is_working(there - timedelta(days=1))
            first_day, last_day = here.date(), there.date() - timedelta(days=1)
        between = [first_day + timedelta(days=n) for n in range((last_day - first_day).days)]
        assert not any(is_working(datetime.combine(day, there.time())) for day in between)
        received, last = received + timedelta(hours=1), promised


def test_the_country_is_the_operators() -> None:
    """17 November is a holiday in Prague and none in Vienna; the fourth of July is neither's."""
    assert due("2026-11-16 10:00") == "2026-11-18 10:00"
    assert due("2026-11-16 10:00", "AT", "Europe/Vienna") == "2026-11-17 10:00"
    assert due("2026-07-02 10:00", "US", "America/New_York") == "2026-07-06 10:00"


def test_the_day_is_the_operators_too() -> None:
    """An hour before midnight UTC it is Saturday in Prague already."""
    received = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert answer_due(received, "CZ", PRAGUE) == local("2026-11-24 00:00")
    assert answer_due(received, "CZ", "UTC") == datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
