"""A noisy book for months: what a feed does by itself is no shift, and what breaks it is one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest
from sync_kit import config, setting_of

from crm_health.entities import ENTITIES
from crm_health.health import shift
from crm_health.health.facts import Source, compute
from crm_health.sync.feed_days import by_day

ACCOUNTS, DAYS, FACTOR = 200, 120, 1.8
START = date(2026, 9, 1)
CHRISTMAS = (date(2026, 12, 19), date(2027, 1, 4))
FACTS = {
    "sum_28": {"from": "usage", "where": "value > 0 and window_days < 28", "take": "sum(value)"},
    "sum_7": {"from": "usage", "where": "value > 0 and window_days < 7", "take": "sum(value)"},
    "today": {"from": "usage", "where": "value > 0 and age_days <= 1", "take": "sum(value)"},
    "most": {"from": "usage", "where": "value > 0 and window_days < 28", "take": "max(value)"},
    "mean": {"from": "usage", "where": "value > 0 and window_days < 28", "take": "avg(value)"},
    "ever": {"from": "usage", "where": "value > 0", "take": "count(*)"},
    "gap": {"from": "usage", "where": "value > 0", "take": "min(window_days)"},
    "before": {
        "from": "usage",
        "where": "value > 0 and window_days between 28 and 111",
        "take": "sum(value)",
    },
    "overdue": {"from": "invoice", "where": "is_open and due_days > 0", "take": "sum(amount)"},
    "overdue_days": {
        "from": "invoice",
        "where": "is_open and due_days > 0",
        "take": "max(due_days)",
    },
}
CONFIG = config(
    {"read": {"invoice": {"object": "Invoice", "columns": {"account_id": "A", "is_open": "Open",
     "amount": "Amount", "due_at": "Due"}}}},
    {"facts": FACTS},
)  # fmt: skip
#: Distances: time alone moves them.
SIZELESS = {"gap", "overdue_days"}
Broken = Callable[[pl.DataFrame], pl.DataFrame]


def usage(dice: random.Random, first: date) -> pl.DataFrame:
    """Each account's own size and pace, weekends, holidays, growth of 5 % a week, days missed."""
    rows = []
    for account in range(ACCOUNTS):
        size, works = dice.lognormvariate(3, 1), dice.random() < 0.4
        joined = first + timedelta(days=dice.choice([0, 0, 0, dice.randrange(60)]))
        for ahead in range(DAYS + 30):
            day = first + timedelta(days=ahead)
            pace = 1.05 ** (ahead / 7) * dice.lognormvariate(0, 0.3)
            if day.weekday() > 4:
                pace *= 0.3 if works else 0.0
            if CHRISTMAS[0] <= day <= CHRISTMAS[1]:
                pace *= 0.1 if dice.random() < 0.5 else 0.0
            if day >= joined and dice.random() < 0.9:
                rows.append((f"a{account:03d}", round(size * pace, 2), day))
    return pl.DataFrame(rows, ["account_id", "value", "day"], orient="row").with_columns(
        pl.lit("x").alias("metric")
    )


def invoices(dice: random.Random, day: date) -> pl.DataFrame:
    """One a month for most, due on the first; paid by direct debit some days later."""
    rows = []
    for account in range(ACCOUNTS):
        for month in (9, 10, 11, 12, 13, 14):
            due = date(2026 + month // 13, (month - 1) % 12 + 1, 1)
            if dice.random() < 0.8:
                late = 5 if dice.random() < 0.9 else 40
                rows.append((f"a{account:03d}", day < due + timedelta(days=late), 100.0, due))
    columns = ["account_id", "is_open", "amount", "due_at"]
    return pl.DataFrame(rows, columns, orient="row")


@dataclass
class Guard:
    """What a sync does each day, without a CRM: look at the book, and keep what passed."""

    bills: bool = True
    kept: dict[date, pl.DataFrame] = field(default_factory=dict)
    seen: date | None = None

    def look(self, rows: pl.DataFrame, day: date, *, approve: bool = False) -> list[str]:
        """The inputs that hold the day's plan; what uses brought until the day before is there."""
        newest = day - timedelta(days=1)
        feed = Source(rows.filter(pl.col("day") <= newest), at(day), newest)
        billed = invoices(random.Random(7), day).filter(pl.lit(self.bills))
        bills = Source(billed, at(day), None)
        now = facts(feed, bills, day)
        found = [*self._past(feed, bills, now), *self._days(feed, newest, day)]
        found = [each for each in found if each.concerned > 0.2]
        if not found or approve:
            since = day - timedelta(days=28)
            self.kept = {d: f for d, f in self.kept.items() if d >= since} | {day: now}
            self.seen = newest
        return [each.name for each in found]

    def _past(self, feed: Source, bills: Source, now: pl.DataFrame) -> list[shift.Shift]:
        if self.seen is None:
            return []
        last = max(self.kept)
        shifts = shift.shifted(self.kept[last], now, FACTOR, SIZELESS)
        if not shifts:
            return []
        again = []
        for less in (timedelta(days=1), timedelta()):
            cut = feed.until(ENTITIES["usage"], self.seen - less, "UTC")
            counted = facts(cut, bills, last)
            again.append(shift.shifted(self.kept[last], counted, FACTOR, SIZELESS))
        earlier = [frame for day, frame in self.kept.items() if day < last]
        return [
            each
            for each in shift.rewritten(shifts.values(), again)
            if not any(shift.usual(each, then, now, FACTOR) for then in earlier)
        ]

    def _days(self, feed: Source, newest: date, day: date) -> Iterator[shift.Shift]:
        assert feed.rows is not None
        over, values = by_day(setting_of(CONFIG, at(day)), "usage", feed.rows, newest)
        for name, frame in values.items():
            if over is not None and self.seen is not None:
                found = shift.new_day(name, frame, over, self.seen, ACCOUNTS, FACTOR)
                if found is not None:
                    yield found


def at(day: date) -> datetime:
    return datetime.combine(day, time(6), UTC)


def facts(feed: Source, bills: Source, day: date) -> pl.DataFrame:
    some = {name: CONFIG.model.facts[name] for name in FACTS}
    model = CONFIG.model.model_copy(update={"facts": some, "derived": {}})
    who = pl.DataFrame({"account_id": [f"a{n:03d}" for n in range(ACCOUNTS)]})
    view = compute(model, {"usage": feed, "invoice": bills}, who, at(day), {})
    return view.values.select("account_id", *FACTS)


@pytest.fixture(scope="module")
def fed() -> pl.DataFrame:
    return usage(random.Random(5), START)


def test_a_noisy_feed_from_its_first_day_on_is_no_shift(fed: pl.DataFrame) -> None:
    """120 days: windows fill up, weekends, two dead weeks, 5 % more a week, bills on the first."""
    guard = Guard()
    held = {
        day: found
        for day in (START + timedelta(days=n) for n in range(7, DAYS))
        if (found := guard.look(fed, day))
    }
    assert held == {}


def since(day: date, change: Callable[[pl.Expr], pl.Expr]) -> Broken:
    """From a day on the feed is another one; what it brought before stays."""
    value = pl.when(pl.col("day") >= day).then(change(pl.col("value"))).otherwise("value")
    return lambda rows: rows.with_columns(value.alias("value"))


def ever(_: date, change: Callable[[pl.Expr], pl.Expr]) -> Broken:
    """All that it ever brought is another one."""
    return lambda rows: rows.with_columns(change(pl.col("value")).alias("value"))


BREAKS: dict[str, tuple[Callable[[date, Callable[[pl.Expr], pl.Expr]], Broken], Any]] = {
    "doubled": (ever, lambda value: value * 2),
    "halved": (ever, lambda value: value / 2),
    "zero": (ever, lambda value: value * 0),
    "thousands": (ever, lambda value: value * 1000),
    "doubled since": (since, lambda value: value * 2),
    "zero since": (since, lambda value: value * 0),
    "thousands since": (since, lambda value: value * 1000),
    "percent since": (since, lambda value: value * 100),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_feed_that_breaks_is_held_until_approved(fed: pl.DataFrame, name: str) -> None:
    """On a day drawn by dice: held on that day or the next two, by the name of its facts.

    A day's use is looked at once it is over, and one of a weekend once people work again.
    """
    dice = random.Random(name)
    broken = START + timedelta(days=dice.randrange(40, 80))
    guard, held = Guard(bills=False), list[date]()
    for ahead in range(-15, 6):
        day = broken + timedelta(days=ahead)
        how, change = BREAKS[name]
        rows = how(broken, change)(fed) if ahead >= 0 else fed
        found = guard.look(rows, day)
        assert ahead >= 0 or not found
        if found:
            assert {"sum_28", "most"} & {*found}
            assert guard.look(rows, day) == found, "it is held again until somebody approves it"
            assert guard.look(rows, day, approve=True) == found
            held.append(day)
    working = [broken + timedelta(days=n) for n in range(7)]
    first = next(day for day in working if day.weekday() < 5)
    assert len(held) == 1, "once approved it is the new measure"
    assert broken <= held[0] <= first + timedelta(days=2)
