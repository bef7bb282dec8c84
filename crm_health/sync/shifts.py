"""Inputs that shift for most accounts at once, as when a feed breaks: told by the fact's name.

Two ways, on a sample of the accounts that a run assesses. What the last reading of each account
counted is held against today, and what differs is counted again for the day of that reading by
today's rows: where that gives what was counted then, time and new rows explain the difference;
where not, the past was rewritten. What was so in the last four weeks already is no surprise. And
each new day of a feed is held against the days before it.

Readings are kept only once a plan has passed the guards, so the last one is what counted last: a
person who approves a plan makes it the measure by that alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from crm_health.config.columns import extra_columns
from crm_health.config.model import FactDef, Model
from crm_health.entities import CONTINUOUS, ENTITIES
from crm_health.health import shift
from crm_health.health.days import as_local_date, with_days
from crm_health.health.evaluate import expression, names_in
from crm_health.health.shift import Shift
from crm_health.store import Scope, Store
from crm_health.sync import models
from crm_health.sync.assess import in_scope, load_facts, newest, source
from crm_health.sync.population import narrowed
from crm_health.sync.setting import Setting

#: So many accounts stand for all that a run assesses.
SAMPLE = 500
#: Older readings say nothing of today.
_RECENT = timedelta(days=28)
#: So many inputs are named.
_NAMED = 5
#: What these bring befalls many customers at once, and is gone again: no feed breaks by it.
_SUDDEN = frozenset({"incident"})
#: Small state of the store: the newest day of a feed when a plan last passed, by its entity.
_SEEN = "seen_upto:"


class Sample:
    """Accounts of each part of a run, with their inputs."""

    def __init__(self, setting: Setting, parts: int) -> None:
        """Begin with none; `parts` is how many there will be."""
        self._names = sorted(_inputs(setting))
        self._room = -(-SAMPLE // max(1, parts))
        self._frames: list[pl.DataFrame] = []
        #: All accounts that were seen.
        self.assessed = 0

    def add(self, accounts: pl.DataFrame) -> None:
        """Take some of these, evenly."""
        self.assessed += accounts.height
        names = [name for name in self._names if name in accounts.columns]
        every = -(-accounts.height // self._room)
        self._frames.append(accounts.select("account_id", *names).gather_every(max(1, every)))

    def frame(self) -> pl.DataFrame:
        """account_id and every input."""
        return pl.concat(self._frames, how="diagonal") if self._frames else pl.DataFrame()


def found(store: Store, setting: Setting, sample: Sample, customers: int) -> list[str]:
    """What shifted, in words: empty where nothing did, or nothing is known of before.

    Args:
        store: The open database.
        setting: Of the run.
        sample: Of the accounts that it assessed.
        customers: How many accounts the book has.
    """
    now = sample.frame()
    if now.height < shift.MIN_ACCOUNTS:
        return []
    limits = setting.config.playbook.guards
    lines = []
    past, since = _rewritten(store, setting, now, limits.shifted_factor)
    days = _new_days(store, setting, now["account_id"], limits.shifted_factor)
    told = [(each, f"on {since}") for each in past]
    told += [(each, f"on the days before {day}") for each, day in days]
    for each, when in told:
        # An incremental run assesses few: they have to be many of the book all the same.
        share = each.concerned * sample.assessed / max(customers, sample.assessed)
        if 100 * share > limits.moved_percent:
            lines.append(_words(each, when))
    more = len(lines) - _NAMED
    return lines if more <= 0 else [*lines[:_NAMED], f"{more} more inputs shift as well"]


def keep(store: Store, setting: Setting) -> None:
    """Note how far the feeds are that a plan rests on which passed the guards."""
    for entity in _feeds(setting):
        day = newest(store, setting, entity)
        store.runs.set_value(f"{_SEEN}{entity}", day.isoformat() if day else None)


def _inputs(setting: Setting) -> frozenset[str]:
    """Facts, but those of incidents, and every account column that the model reads."""
    model = setting.config.model
    columns = {column.name for column in ENTITIES["account"].columns}
    columns |= set(extra_columns("account", setting.config.mapping))
    facts = {name for name, fact in model.facts.items() if fact.source not in _SUDDEN}
    return frozenset(facts | (_read(model) & columns))


def _read(model: Model) -> frozenset[str]:
    texts = [*model.derived.values(), *(measure.value for measure in model.measures.values())]
    return frozenset[str]().union(*(names_in(text) for text in texts))


def _sizeless(model: Model) -> frozenset[str]:
    """Facts made of distances in days: time alone moves them."""
    return frozenset(n for n, fact in model.facts.items() if _ticks(fact))


def _ticks(fact: FactDef) -> bool:
    return any(name.endswith("_days") for name in names_in(fact.take))


# -- the past, counted again -----------------------------------------------------------------------


def _rewritten(
    store: Store, setting: Setting, now: pl.DataFrame, factor: float
) -> tuple[list[Shift], date]:
    model, sizeless = setting.config.model, _sizeless(setting.config.model)
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
    few = replace(config, model=narrowed(config.model, names))
    then, scope = replace(setting, config=few, as_of=instant), Scope.accounts(ids)
    accounts = in_scope(store, then, scope)
    for less in (timedelta(days=1), timedelta()):
        until = {name: min(day, _seen(store, name) or day) - less for name in CONTINUOUS}
        yield load_facts(store, then, accounts, scope, {}, until).values


# -- a feed, day by day ----------------------------------------------------------------------------


def _new_days(
    store: Store, setting: Setting, ids: pl.Series, factor: float
) -> Iterator[tuple[Shift, date]]:
    """What the newest whole day of a feed brings, held against the days before it."""
    for entity in _feeds(setting):
        known, at = _seen(store, entity), source(store, setting, entity, Scope.accounts(ids))
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
    some = rows.filter(local.is_between(upto - _RECENT, upto))
    dated = with_days(some, kind, setting.as_of, tz, upto)
    dated = dated.with_columns(as_local_date(dated, kind.main_date, tz).alias("@day"))
    found = {}
    for name, fact in setting.config.model.facts.items():
        if fact.source != entity or _ticks(fact):
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


def _seen(store: Store, entity: str) -> date | None:
    day = store.runs.get_value(f"{_SEEN}{entity}")
    return None if day is None else date.fromisoformat(day)


# -- words -----------------------------------------------------------------------------------------


def _words(each: Shift, when: str) -> str:
    if each.lost:
        change = f"is there for {each.now:.0f} % of the accounts, and was for {each.before:.0f} %"
    else:
        then, later = _number(each.before), _number(each.now)
        change = f"is about {later} for a typical account, and was about {then}"
    return f"the input {each.name} {change} {when}"


def _number(value: float) -> str:
    """Two digits: more are not known of it."""
    return f"{float(f'{value:.1e}'):,.10g}"
