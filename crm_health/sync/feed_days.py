"""The days of a feed: which are known to be right, and what a new one brings beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from crm_health.entities import CONTINUOUS, ENTITIES
from crm_health.health import shift
from crm_health.health.aggregate import is_distance
from crm_health.health.days import as_local_date, with_days
from crm_health.health.evaluate import expression
from crm_health.health.shift import Shift
from crm_health.store import Scope, Store
from crm_health.sync.assess import newest, source
from crm_health.sync.setting import Setting

#: So far back a feed is looked at.
_BACK = timedelta(days=28)
#: Small state of the store: the newest day of a feed when a plan last passed, by its entity.
_SEEN = "seen_upto:"


def keep(store: Store, setting: Setting) -> None:
    """Note how far the feeds are that a plan rests on which passed the guards."""
    for entity in _feeds(setting):
        day = newest(store, setting, entity)
        store.runs.set_value(f"{_SEEN}{entity}", day.isoformat() if day else None)


def seen(store: Store, entity: str) -> date | None:
    """The newest day that a feed had brought when a plan last passed the guards."""
    day = store.runs.get_value(f"{_SEEN}{entity}")
    return None if day is None else date.fromisoformat(day)


def new(
    store: Store, setting: Setting, ids: pl.Series, factor: float
) -> Iterator[tuple[Shift, date]]:
    """What the newest whole day of a feed brings, held against the days before it."""
    for entity in _feeds(setting):
        known, at = seen(store, entity), source(store, setting, entity, Scope.accounts(ids))
        if known is None or at.newest is None or at.rows is None:
            continue
        day, values = by_day(setting, entity, at.rows, at.newest)
        for name, frame in values.items():
            new = day and shift.new_day(name, frame, day, known, len(ids), factor)
            if day and new:
                yield new, day


def by_day(
    setting: Setting, entity: str, rows: pl.DataFrame, upto: date
) -> tuple[date | None, dict[str, pl.DataFrame]]:
    """A feed day by day.

    Args:
        setting: Of the run.
        entity: Which feed.
        rows: Of some accounts.
        upto: The newest day that the whole feed brought.

    Returns:
        The last day that it brought before the newest, which may still be filling; and each fact on
        each of its last days: account_id, day, value.
    """
    kind, tz = ENTITIES[entity], setting.calendar.time_zone
    if kind.main_date is None or rows.is_empty():
        return None, {}
    local = as_local_date(rows, kind.main_date, tz)
    some = rows.filter(local.is_between(upto - _BACK, upto))
    dated = with_days(some, kind, setting.as_of, tz, upto)
    dated = dated.with_columns(as_local_date(dated, kind.main_date, tz).alias("@day"))
    found = {}
    for name, fact in setting.config.model.facts.items():
        if fact.source != entity or is_distance(fact):
            continue
        mine = dated if fact.where is None else dated.filter(expression(fact.where))
        counted = mine.group_by("account_id", pl.col("@day").alias("day")).agg(
            expression(fact.take).cast(pl.Float64, strict=False).alias("value")
        )
        found[name] = counted.filter(pl.col("value").is_finite() & (pl.col("value") != 0))
    over = dated.filter(pl.col("@day") < upto)["@day"].max()
    return over if isinstance(over, date) else None, found


def _feeds(setting: Setting) -> list[str]:
    read = {fact.source for fact in setting.config.model.facts.values()}
    return sorted(CONTINUOUS & read & setting.reads.shapes.keys())
