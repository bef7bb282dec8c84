"""Business time: due instants and working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.businesstime import Calendar
from crm_health.entities import POLARS, Kind

INSTANT = POLARS[Kind.INSTANT]


def due(calendar: Calendar, opened: datetime | None, hours: float | None) -> datetime | None:
    """The local wall clock at which it is due."""
    frame = pl.DataFrame({"o": [opened], "h": [hours]}, schema={"o": INSTANT, "h": pl.Float64})
    found = frame.select(calendar.due(pl.col("o"), pl.col("h")).alias("due"))["due"].item()
    if found is None:
        return None
    assert isinstance(found, datetime)
    return found.astimezone(ZoneInfo(calendar.time_zone)).replace(tzinfo=None)


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("opened", "hours", "expected"),
    [
        # 2 March 2026 is a Monday.
        ("2026-03-02 10:00", 4, "2026-03-02 14:00"),
        ("2026-03-02 16:00", 4, "2026-03-03 12:00"),  # over a night
        ("2026-03-06 16:00", 4, "2026-03-09 12:00"),  # over a weekend
        ("2026-03-02 07:00", 2, "2026-03-02 11:00"),  # before opening
        ("2026-03-02 23:30", 2, "2026-03-03 11:00"),  # after closing
        ("2026-03-06 18:00", 8, "2026-03-09 17:00"),  # after closing on a Friday
        ("2026-03-07 12:00", 2, "2026-03-09 11:00"),  # on a Saturday
        ("2026-03-02 09:00", 8, "2026-03-02 17:00"),  # exactly a day ends at closing time
        ("2026-03-02 09:00", 16, "2026-03-03 17:00"),
        ("2026-03-02 17:00", 8, "2026-03-03 17:00"),
        ("2026-03-02 13:00", 8, "2026-03-03 13:00"),
        ("2026-03-02 10:00", 0.25, "2026-03-02 10:15"),
        ("2026-03-02 16:20", 2 / 3, "2026-03-02 17:00"),  # thirds have no exact fraction
        ("2026-03-02 09:00", 80, "2026-03-13 17:00"),
        ("2026-03-07 12:00", 0, "2026-03-09 09:00"),
        ("2028-02-28 16:00", 2, "2028-02-29 10:00"),
    ],
)
def test_due_counts_working_hours_only(opened: str, hours: float, expected: str) -> None:
    """Nights and weekends don't count; a full day ends at closing time."""
    assert due(Calendar("UTC"), at(opened), hours) == datetime.fromisoformat(expected)


def test_due_skips_public_holidays() -> None:
    """A day off counts like a Sunday, also when it is the day of opening."""
    calendar = Calendar.of("Europe/Berlin", "DE")
    # Friday 3 April 2026 is Good Friday, the 6th Easter Monday.
    eve = at("2026-04-02 16:00", "Europe/Berlin")
    assert due(calendar, eve, 2) == datetime(2026, 4, 7, 10, 0)
    holiday = at("2026-04-03 11:00", "Europe/Berlin")
    assert due(calendar, holiday, 8) == datetime(2026, 4, 7, 17, 0)
    assert due(Calendar("Europe/Berlin"), eve, 2) == datetime(2026, 4, 3, 10, 0)


def test_due_keeps_the_wall_clock_over_a_change_of_the_clocks() -> None:
    """Working hours are local: the night with an hour less or more changes nothing."""
    berlin = Calendar("Europe/Berlin")
    for friday, monday in (("2026-03-27", "2026-03-30"), ("2026-10-23", "2026-10-26")):
        opened = at(f"{friday} 16:00", "Europe/Berlin")
        assert due(berlin, opened, 2) == datetime.fromisoformat(f"{monday} 10:00")


def test_due_counts_in_the_org_s_zone() -> None:
    """The same instant is before opening in one zone and after closing in another."""
    opened = at("2026-03-02 20:00")
    assert due(Calendar("Pacific/Auckland"), opened, 1) == datetime(2026, 3, 3, 10, 0)
    assert due(Calendar("America/Los_Angeles"), opened, 1) == datetime(2026, 3, 2, 13, 0)


def test_due_of_something_missing_is_missing() -> None:
    """Without an opening or hours nothing is due."""
    assert due(Calendar("UTC"), None, 4) is None
    assert due(Calendar("UTC"), at("2026-03-02 10:00"), None) is None


@given(
    opened=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    minutes=st.integers(1, 60 * 400),
)
def test_due_falls_into_working_hours_and_grows(opened: datetime, minutes: int) -> None:
    """Whatever opened when, it is due on a working day within hours, later for more hours."""
    calendar = Calendar("UTC")
    start = opened.replace(tzinfo=UTC)
    found = due(calendar, start, minutes / 60)
    more = due(calendar, start, (minutes + 1) / 60)
    assert found is not None
    assert more is not None
    assert opened.replace(microsecond=0) - timedelta(seconds=1) < found < more
    assert found.weekday() < 5
    opening = datetime.combine(found.date(), datetime.min.time()) + timedelta(hours=9)
    assert opening < found <= opening + timedelta(hours=8)


def test_add_days_lands_on_working_days() -> None:
    """Days are working days; none at all gives the day itself, or the next working one."""
    calendar = Calendar.of("UTC", "DE")
    monday = date(2026, 3, 2)
    assert calendar.add_days(monday, 0) == monday
    assert calendar.add_days(monday, 5) == date(2026, 3, 9)
    assert calendar.add_days(date(2026, 3, 7), 0) == date(2026, 3, 9)
    assert calendar.add_days(date(2026, 3, 7), 1) == date(2026, 3, 10)
    assert calendar.add_days(date(2026, 4, 2), 1) == date(2026, 4, 7)


def worked(calendar: Calendar, start: datetime, end: datetime) -> float:
    frame = pl.DataFrame({"s": [start], "e": [end]}, schema={"s": INSTANT, "e": INSTANT})
    found = frame.select(calendar.worked(pl.col("s"), pl.col("e")).alias("h"))["h"].item()
    assert isinstance(found, float)
    return found


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-02 10:00", "2026-03-02 14:30", 4.5),
        ("2026-03-02 16:00", "2026-03-03 10:00", 2),  # over a night
        ("2026-03-06 12:00", "2026-03-09 12:00", 8),  # over a weekend
        ("2026-03-07 01:00", "2026-03-08 23:00", 0),  # within one
        ("2026-03-27 16:00", "2026-03-30 10:00", 2),  # the night with an hour less
        ("2026-10-23 16:00", "2026-10-26 10:00", 2),  # the night with an hour more
        ("2026-04-02 16:00", "2026-04-07 10:00", 2),  # over Good Friday and Easter Monday
        ("2026-03-03 10:00", "2026-03-02 10:00", 0),  # backwards
    ],
)
def test_worked_counts_the_hours_of_working_days(start: str, end: str, hours: float) -> None:
    """Nights, weekends, holidays and changes of the clocks count nothing."""
    berlin = Calendar.of("Europe/Berlin", "DE")
    assert worked(berlin, at(start, "Europe/Berlin"), at(end, "Europe/Berlin")) == hours


@settings(deadline=None)  # the holidays of a country are worked out on the way
@given(
    opened=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    minutes=st.integers(1, 60 * 400),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Chatham"]),
)
def test_what_is_due_after_some_hours_has_taken_them(
    opened: datetime, minutes: int, zone: str
) -> None:
    """`worked` undoes `due`, whatever the zone."""
    calendar = Calendar.of(zone, "US")
    start = opened.replace(second=0, microsecond=0, tzinfo=UTC)
    frame = pl.DataFrame({"o": [start]}, schema={"o": INSTANT})
    end = frame.select(calendar.due(pl.col("o"), pl.lit(minutes / 60)).alias("d"))["d"].item()
    assert worked(calendar, start, end) == pytest.approx(minutes / 60, abs=1e-6)
