"""Business time: due instants and working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
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
