"""Business time: working days of eight hours, in one time zone, without public holidays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import holidays
import polars as pl

#: A working day of eight hours starts here (local hour).
OPENS, HOURS = 9, 8
#: Years around which holidays are known; far dates are outside what a CRM holds.
_YEARS = range(1990, 2061)
_HOUR = 3_600_000  # milliseconds
_LONG_AGO = date(1990, 1, 1)


@dataclass(frozen=True)
class Calendar:
    """Working days and hours of an organisation.

    Args:
        time_zone: IANA name.
        days_off: Public holidays, sorted.
    """

    time_zone: str
    days_off: tuple[date, ...] = ()

    @classmethod
    def of(cls, time_zone: str, country: str | None) -> Calendar:
        """The calendar of a country (ISO code); None has no public holidays."""
        if country is None:
            return cls(time_zone)
        return cls(time_zone, tuple(sorted(holidays.country_holidays(country, years=_YEARS))))

    def add_days(self, day: date, days: int) -> date:
        """The working day `days` working days after `day` (0: `day`, or the next working one)."""
        found = pl.select(
            pl.lit(day).dt.add_business_days(days, holidays=list(self.days_off), roll="forward")
        ).item()
        assert isinstance(found, date)
        return found

    def due(self, opened: pl.Expr, hours: pl.Expr) -> pl.Expr:
        """The instant `hours` of business time after `opened` (an instant), as an expression.

        Time outside working hours counts from the next opening; hours may be fractions.
        """
        off = list(self.days_off)
        local = opened.dt.convert_time_zone(self.time_zone).dt.replace_time_zone(None)
        day = local.dt.date()
        works = day.dt.is_business_day(holidays=off)
        into = (local - day.cast(pl.Datetime("ms"))).dt.total_milliseconds()
        # What of the opening day is already gone: nothing before opening or on a day off.
        gone = pl.when(works).then((into - OPENS * _HOUR).clip(0, HOURS * _HOUR)).otherwise(0)
        # Whole milliseconds: with fractions of hours a full day may miss its end by a hair.
        total = gone + (hours.cast(pl.Float64) * _HOUR).round().cast(pl.Int64)
        whole = total // (HOURS * _HOUR)
        rest = total % (HOURS * _HOUR)
        # Exactly full days end at closing time, not at the next opening.
        full = (rest == 0) & (whole > 0)
        days = pl.when(full).then(whole - 1).otherwise(whole)
        clock = pl.when(full).then(HOURS * _HOUR).otherwise(rest) + OPENS * _HOUR
        last = day.dt.add_business_days(days, holidays=off, roll="forward")
        return (
            (last.cast(pl.Datetime("ms")) + pl.duration(milliseconds=clock))
            .dt.replace_time_zone(self.time_zone, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
        )

    def worked(self, start: pl.Expr, end: pl.Expr) -> pl.Expr:
        """Hours of business time from one instant to another, as an expression; never negative."""
        hours = (self._passed(end) - self._passed(start)) / _HOUR
        # Polars divides by multiplying, which misses whole hours by a hair.
        return hours.clip(lower_bound=0).round(6)

    def _passed(self, instant: pl.Expr) -> pl.Expr:
        """Milliseconds of business time since some day long ago."""
        off = list(self.days_off)
        local = instant.dt.convert_time_zone(self.time_zone).dt.replace_time_zone(None)
        day = local.dt.date()
        into = (local - day.cast(pl.Datetime("ms"))).dt.total_milliseconds() - OPENS * _HOUR
        today = pl.when(day.dt.is_business_day(holidays=off)).then(into.clip(0, HOURS * _HOUR))
        before = pl.business_day_count(pl.lit(_LONG_AGO), day, holidays=off).cast(pl.Int64)
        return before * (HOURS * _HOUR) + today.otherwise(0)
