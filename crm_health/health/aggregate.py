"""The facts of one entity: one aggregate each over its rows, grouped by account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

import polars as pl

from crm_health.config.model import FactDef
from crm_health.entities import ENTITIES, Entity
from crm_health.health.days import as_local_date, date_columns, days_sources, with_days
from crm_health.health.evaluate import expression, names_in, tidy

_AGGREGATE = re.compile(
    r"\b(count|sum|avg|mean|median|min|max|first|last|stddev\w*|std\w*|var\w*|quantile\w*)\s*\(",
    re.IGNORECASE,
)
#: Their result rests on the order in which floats are added, or on which row comes first.
_ORDERED = frozenset({"sum", "avg", "mean", "first", "last"})
#: They say what was answered or felt, so they are as old as the newest row that counted.
_ANSWERS = frozenset({"avg", "mean", "median", "first", "last"})


def aggregates(take: str) -> frozenset[str]:
    """The aggregate functions that a `take` names."""
    return frozenset(found.lower() for found in _AGGREGATE.findall(take))


def evidence_kind(fact: FactDef) -> str:
    """`rows` or `source`: what the fact's evidence date is."""
    if fact.evidence is not None:
        return fact.evidence
    return "rows" if aggregates(fact.take) & _ANSWERS else "source"


def columns_read(fact: FactDef) -> frozenset[str]:
    """The entity columns a fact reads, distances traced back to their dates."""
    entity = ENTITIES[fact.source]
    read = names_in(fact.take) | (names_in(fact.where) if fact.where else frozenset())
    dates = [c.name for c in entity.columns if c.kind.value in ("date", "instant")]
    since = days_sources(entity, dates)
    found = {since.get(name, name) for name in read} - {"as_of"}
    if "contact_role" in found:
        found.add("contact_id")
    return frozenset(found)


def entity_facts(
    entity: Entity,
    facts: Mapping[str, FactDef],
    rows: pl.DataFrame,
    as_of: datetime,
    tz: str,
    newest_day: date | None = None,
) -> list[pl.DataFrame]:
    """Frames of account_id, one column a fact, and `<fact>@rows`, its newest row's date.

    Facts with the same `where` share one filter and group-by. An account without rows that
    count is not in the frame; `no_rows` gives what that means for each fact.
    """
    rows = with_days(rows, entity, as_of, tz, newest_day).filter(pl.col("account_id").is_not_null())
    newest = (
        as_local_date(rows, entity.main_date, tz).max()
        if entity.main_date in date_columns(rows)
        else pl.lit(None, dtype=pl.Date)
    )
    groups: dict[str | None, dict[str, FactDef]] = {}
    for name, fact in facts.items():
        groups.setdefault(fact.where, {})[name] = fact
    return [_group(entity, rows, where, group, newest) for where, group in groups.items()]


def _group(
    entity: Entity,
    rows: pl.DataFrame,
    where: str | None,
    facts: Mapping[str, FactDef],
    newest: pl.Expr,
) -> pl.DataFrame:
    counted = rows if where is None else rows.filter(expression(where))
    ordered = [f for f in facts.values() if aggregates(f.take) & _ORDERED]
    if ordered:
        # A fixed order of rows: else a float sum would differ with the order of arrival.
        read = sorted(frozenset[str]().union(*(names_in(f.take) for f in ordered)))
        main = [entity.main_date] if entity.main_date is not None else []
        keys = dict.fromkeys(["account_id", *main, *read])
        counted = counted.sort(*keys, nulls_last=False)
    grouped = counted.group_by("account_id", maintain_order=True).agg(
        *(expression(fact.take).alias(name) for name, fact in facts.items()),
        newest.alias("@rows"),
    )
    dated = grouped.with_columns(pl.col("@rows").alias(f"{name}@rows") for name in facts)
    return tidy(dated.drop("@rows"), facts)


def no_rows(fact: FactDef) -> float | None:
    """The value of a fact where no row counts: 0 for a count, missing for all else."""
    return 0.0 if aggregates(fact.take) == {"count"} else None
