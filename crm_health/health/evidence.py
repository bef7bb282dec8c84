"""What each value rests on: sources that are there, and the date of their evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import polars as pl

from crm_health.config.figures import figure
from crm_health.config.model import Model
from crm_health.entities import CONTINUOUS, Entity
from crm_health.health.aggregate import columns_read
from crm_health.health.book import names as book_names
from crm_health.health.book import rests_on
from crm_health.health.days import as_local_date, local_day
from crm_health.health.evaluate import names_in

#: How long somebody has been a customer is a yardstick, not evidence.
_TENURE = frozenset(
    {"customer_since", "customer_since_days", "created_at", "created_days", "age_days", "as_of"}
)


@dataclass(frozen=True)
class Source:
    """The rows of one entity and what is known about their reading."""

    #: Entity columns, `contact_role` and extra columns; None: unmapped or unreadable.
    rows: pl.DataFrame | None
    #: Instant of the last complete read; None: never read completely.
    read_at: datetime | None
    #: Newest main date in the whole source, all accounts.
    newest: date | None
    #: Optional columns the org lacks: facts that use them are missing.
    missing: frozenset[str] = frozenset()

    def until(self, entity: Entity, day: date, tz: str) -> Source:
        """As it would be without rows of later days; what has no date may be as old as any."""
        if entity.main_date is None or self.rows is None or entity.main_date not in self.rows:
            return self
        early = as_local_date(self.rows, entity.main_date, tz) <= day
        newest = min(self.newest, day) if self.newest else None
        return replace(self, rows=self.rows.filter(early.fill_null(True)), newest=newest)


@dataclass(frozen=True)
class Availability:
    """Facts and derived facts that nobody can know in this run, whatever the account."""

    #: Their sources are unmapped, unreadable, lack a column, or went stale as a whole.
    missing: frozenset[str]
    #: Those of `missing` whose source went stale as a whole.
    stale: frozenset[str]


def is_stale(model: Model, entity: str, source: Source, as_of: datetime) -> bool:
    """Whether a source as a whole brought nothing for too long."""
    limit = timedelta(days=model.evidence.source_stale_days)
    if source.read_at is not None and as_of - source.read_at > limit:
        return True
    if entity not in CONTINUOUS:
        return False
    day = local_day(as_of, model.time_zone)
    return source.newest is not None and day - source.newest > limit


def _unread(entity: str, source: Source) -> bool:
    """Whether a source was never read, or never fed: then nothing in it has grown old."""
    never = source.rows is None or source.read_at is None
    return never or (entity in CONTINUOUS and source.newest is None)


def availability(model: Model, sources: Mapping[str, Source], as_of: datetime) -> Availability:
    """Which facts and derived facts are missing for all accounts, and why.

    A derived fact is missing when it reads facts and all the evidence it reads is missing:
    `coalesce(conversation_days, age)` is not `age` where nobody recorded conversations.
    """
    missing: set[str] = set()
    stale: set[str] = set()
    for name, fact in model.facts.items():
        source = sources.get(fact.source)
        if source is None or _unread(fact.source, source) or columns_read(fact) & source.missing:
            missing.add(name)
        elif is_stale(model, fact.source, source, as_of):
            missing.add(name)
            stale.add(name)
    tenure = set(_TENURE)
    on_facts: set[str] = set(model.facts)
    for name, text in model.derived.items():
        read = names_in(text)
        if read and _first(text, read) in tenure:
            # Whatever follows stands in for it: coalesce(customer_since_days, first_won_days).
            tenure.add(name)
            continue
        evidence = rests_on(read, {*model.facts, *model.derived}) - tenure
        if evidence & on_facts:
            on_facts.add(name)
            if evidence <= missing:
                missing.add(name)
                if evidence <= stale:
                    stale.add(name)
    for name in book_names(model):
        # What nobody can know has no rank either.
        about = figure(name, {*model.facts, *model.derived})
        if about is not None and about.kind == "rank" and about.of in missing:
            missing.add(name)
            if about.of in stale:
                stale.add(name)
    return Availability(frozenset(missing), frozenset(stale))


def _first(text: str, names: Iterable[str]) -> str:
    """The name that stands first in the text."""
    places = {name: re.search(rf"\b{re.escape(name)}\b", text) for name in names}
    return min(names, key=lambda name: found.start() if (found := places[name]) else len(text))


def blocked(text: str, names: Iterable[str]) -> bool:
    """Whether an expression reads one of the names itself."""
    return bool(names_in(text) & frozenset(names))


def oldest(dates: pl.DataFrame, text: str) -> pl.Expr:
    """The evidence date of an expression: the oldest of what it reads."""
    read = sorted(names_in(text) & frozenset(dates.columns))
    if not read:
        return pl.lit(None, dtype=pl.Date)
    return pl.min_horizontal(read)
