"""Time as a company lives it: business days, quiet seasons, and things that change slowly."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import holidays

HISTORY_DAYS = 730
#: How far back a nightly feed is kept day by day; what is older is a row a week.
DAILY_DAYS = 120


@dataclass(frozen=True)
class Path:
    """A quantity that stands at `before`, moves in a straight line, then stands at `after`.

    The move starts `since` days ago and takes `over` days.
    """

    before: float
    after: float
    since: int
    over: int

    def at(self, days_ago: int) -> float:
        """The quantity so many days ago."""
        if days_ago >= self.since:
            return self.before
        moved = min(1.0, (self.since - days_ago) / self.over)
        return self.before + (self.after - self.before) * moved


class Timeline:
    """The calendar around one instant: all stamps and days of the story come from here."""

    def __init__(self, now: datetime, daily: int = DAILY_DAYS) -> None:
        if now.tzinfo is None:
            raise ValueError("now needs a time zone: the story's stamps are instants")
        self.now = now.astimezone(UTC).replace(microsecond=0)
        self.today = self.now.date()
        self.daily = daily
        years = range(self.today.year - 3, self.today.year + 3)
        # One shared calendar: the vendor's customers are in many countries, its office in one.
        self._closed = frozenset(holidays.country_holidays("US", years=years))

    def day(self, days_ago: int) -> date:
        """The date so many days ago (negative: ahead)."""
        return self.today - timedelta(days=days_ago)

    def ago(self, day: date) -> int:
        """How many days ago a date is (negative: ahead)."""
        return (self.today - day).days

    def works(self, day: date) -> bool:
        """Whether the office is open."""
        return day.weekday() < 5 and day not in self._closed

    def workday(self, day: date) -> date:
        """This day, or the last open one before it."""
        while not self.works(day):
            day -= timedelta(days=1)
        return day

    def later(self, day: date, workdays: int) -> date:
        """The open day so many open days after this one."""
        while workdays > 0:
            day += timedelta(days=1)
            workdays -= self.works(day)
        return day

    def stamp(self, day: date, rng: Random) -> datetime:
        """An instant in the working hours of a day, never after `now`."""
        moment = datetime.combine(day, time(8), UTC) + timedelta(seconds=rng.randrange(9 * 3600))
        return min(moment, self.now)

    def season(self, day: date) -> float:
        """How busy offices are, 1.0 at most: the year's end and late summer dip."""
        if (day.month, day.day) >= (12, 20) or (day.month, day.day) <= (1, 3):
            return 0.45
        if (7, 20) <= (day.month, day.day) <= (8, 25):
            return 0.85
        return 1.0
