"""Inputs held against the last readings of the accounts, and counted again where they differ."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from crm_health.entities import CONTINUOUS, ENTITIES
from crm_health.health import shift
from crm_health.health.aggregate import is_distance
from crm_health.health.shift import Shift
from crm_health.store import Scope, Store
from crm_health.sync import feed_days, models
from crm_health.sync.assess import in_scope, load_facts
from crm_health.sync.population import narrowed
from crm_health.sync.setting import Setting

#: Older readings say nothing of today.
_RECENT = timedelta(days=28)
#: A playbook that places nobody.
_NOWHERE = {"lifecycle": None, "value_stages": None, "tiers": None}


def rewritten(
    store: Store, setting: Setting, now: pl.DataFrame, factor: float
) -> tuple[list[Shift], date]:
    """What shifted since the last readings, though neither time nor new rows explain it.

    Args:
        store: The open database.
        setting: Of the run.
        now: account_id and inputs of some accounts.
        factor: As `shift.shifted` takes it.

    Returns:
        The shifts, and the day of those readings.
    """
    model = setting.config.model
    sizeless = {name for name, fact in model.facts.items() if is_distance(fact)}
    history, ids = store.history, now["account_id"]
    since = setting.day - _RECENT
    readings = history.last_receipts(ids, since, setting.day)
    if not readings:
        return [], setting.day
    # Those of the day and the configuration that most have.
    ((most, _),) = Counter(map(_made, readings)).most_common(1)
    mine, day = [r for r in readings if _made(r) == most], most[0]
    before = _frame(store, setting, mine, now)
    shifts = shift.shifted(before, now, factor, sizeless)
    left = list(shifts.values())
    facts = [name for name in shifts if name in model.facts]
    if facts:
        instant = max(datetime.fromisoformat(r["as_of"]) for r in mine)
        again = [
            shift.shifted(before, counted, factor, sizeless)
            for counted in _again(store, setting, facts, before["account_id"], day, instant)
        ]
        left = [s for s in left if s.name not in model.facts] + shift.rewritten(
            (shifts[name] for name in facts), again
        )
    if left:
        earlier = history.receipts(ids, since, day - timedelta(days=1))
        for _, found in itertools.groupby(sorted(earlier, key=_made), key=_made):
            then = _frame(store, setting, list(found), now)
            left = [s for s in left if not shift.usual(s, then, now, factor)]
    return left, day


def _made(reading: dict[str, Any]) -> tuple[date, str]:
    return reading["day"], reading["digest"]


def _frame(
    store: Store, setting: Setting, readings: list[dict[str, Any]], now: pl.DataFrame
) -> pl.DataFrame:
    """The inputs of readings of one configuration, as far as it defined them as today's does."""
    columns: dict[str, Any] = {"account_id": [r["account"] for r in readings]}
    for name in _same(store, setting, readings[0]["digest"], now.columns[1:]):
        values = [r["facts"].get(name) for r in readings]
        numeric = now.schema[name].is_numeric()
        columns[name] = pl.Series(name, values, pl.Float64 if numeric else None, strict=False)
    return pl.DataFrame(columns)


def _same(store: Store, setting: Setting, digest: str, names: Iterable[str]) -> list[str]:
    """The inputs that another configuration defined as today's does."""
    model = setting.config.model
    if digest == setting.config.digest:
        return list(names)
    former = models.of_digest(store, digest)
    if former is None:
        return []
    plain = {"note": None}
    return [
        name
        for name in names
        if (old := former.facts.get(name)) == (new := model.facts.get(name))
        or (old and new and old.model_copy(update=plain) == new.model_copy(update=plain))
    ]


def _again(
    store: Store,
    setting: Setting,
    names: Iterable[str],
    ids: pl.Series,
    day: date,
    instant: datetime,
) -> Iterator[pl.DataFrame]:
    """Facts as the day's reading would be by today's rows.

    Once without the newest day of then, and once with it: the reading may have met a part of it.
    """
    config = setting.config
    # Facts rest on nothing that the playbook says of where customers stand.
    nowhere = config.playbook.model_copy(update=_NOWHERE)
    few = replace(config, model=narrowed(config.model, names), playbook=nowhere)
    then, scope = replace(setting, config=few, as_of=instant), Scope.accounts(ids)
    accounts = in_scope(store, then, scope)
    for less in (timedelta(days=1), timedelta()):
        until = {name: min(day, feed_days.seen(store, name) or day) - less for name in CONTINUOUS}
        yield load_facts(store, then, accounts, scope, {}, until).values
        # Rows that are dated later came later, unless their date is a plan.
        past = dict.fromkeys(ENTITIES, day) | until
        yield load_facts(store, then, accounts, scope, {}, past).values
