"""The demo's company in an in-memory CRM, standing still: each day all dates move along by a day.

So nothing ages, nobody leaves and use repeats itself week by week. Whatever changes from one day to
the next is the noise, which is drawn anew each day for each number and each age of each record.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from connectors.sandbox.story import Story, build_story
from crm_health.config.load import Config, load
from crm_health.testing.clock import FixedClock
from crm_health.testing.memory_schema import define_for
from crm_health.testing.typed_crm import TypedCrm

#: A Monday morning, when the story is told.
_TOLD = datetime(2026, 11, 16, 9, tzinfo=UTC)
#: Weeks of use that repeats itself before the first sync: as far back as any of its facts looks
#: closely (16), so that no window rolls over what the story tells.
_LED = timedelta(weeks=18)
START = _TOLD + _LED
_WEEK = timedelta(days=7)
#: Never noisy: stamps of the CRM's own that only say when a row was saved.
_STAMPS = {"LastModifiedDate", "SystemModstamp"}
_USAGE = "Health_Usage__c"


class Company:
    """So many customers, and noise of such a share; `next_day` is the only thing that happens."""

    def __init__(self, customers: int, share: float, seed: int = 1) -> None:
        self.config: Config = load(None)
        self.crm = TypedCrm(FixedClock(START))
        self.share = share
        self._random = random.Random(seed)
        define_for(self.crm, self.config.mapping)
        story = build_story(seed=seed, accounts=customers, customers=customers, now=_TOLD)
        self._records = {name: self._read(story, name) for name in self.crm.tables}
        self._use = _weekly(self._records.pop(_USAGE))
        for user in self._records.pop("User"):
            self.crm.put("User", user)
        for name, rows in self._records.items():
            for row in rows:
                self.crm.put(name, self._told_today(row))
        for ago in range(_LED.days, 0, -1):
            self._usage_of(START.date() - timedelta(days=ago))

    def next_day(self) -> None:
        """All dates move along, and all that is known comes with other noise."""
        self.crm.clock.advance(timedelta(days=1))
        self._usage_of(self.crm.clock.now().date() - timedelta(days=1))
        if not self.share:
            self._move()
            return
        for name, rows in self._records.items():
            for row in rows:
                values = self._told_today(row)
                self.crm.edit(name, values.pop("id"), values)

    def _move(self) -> None:
        for name, rows in self._records.items():
            for row in rows:
                dates = {k: v for k, v in row.items() if isinstance(v, date) or k == "id"}
                if len(dates) > 1:
                    values = self._told_today(dates)
                    self.crm.edit(name, values.pop("id"), values)

    def _read(self, story: Story, name: str) -> list[dict[str, Any]]:
        """What the mapping reads of one object's records."""
        fields = self.crm.tables[name].info.fields.keys() - _STAMPS
        rows = story.records.get(name, [])
        return [
            {"id": row["Id"], **{k: v for k, v in row.items() if k in fields and k != "Id"}}
            for row in rows
        ]

    def _told_today(self, row: dict[str, Any]) -> dict[str, Any]:
        now = self.crm.clock.now()
        return {name: self._noisy(value, now) for name, value in row.items()}

    def _noisy(self, value: Any, now: datetime) -> Any:
        """A number times a factor around 1; a date at its distance from now times such a factor."""
        if isinstance(value, bool) or not isinstance(value, int | float | date):
            return value
        factor = 1 + self._random.uniform(-self.share, self.share)
        if isinstance(value, datetime):
            return now - (_TOLD - value) * factor
        if isinstance(value, date):
            return now.date() - timedelta(days=round((_TOLD.date() - value).days * factor))
        return value * factor

    def _usage_of(self, day: date) -> None:
        """What the product reports of a day in the night after it; it never comes again."""
        fed = datetime.combine(day + timedelta(days=1), time(4), UTC)
        for row in self._use[day.weekday()]:
            noisy = row["Value__c"] * (1 + self._random.uniform(-self.share, self.share))
            self.crm.put(_USAGE, {**row, "Day__c": day, "Value__c": noisy}, at=fed)


def _weekly(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """The rows of the last week told, without ids, by their weekday."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in _of_week(rows):
        found[row["Day__c"].weekday()].append({k: v for k, v in row.items() if k != "id"})
    return found


def _of_week(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    last = _TOLD.date()
    return (row for row in rows if last - _WEEK <= row["Day__c"] < last)
