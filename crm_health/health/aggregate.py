"""The facts of one entity: one aggregate each over its rows, grouped by account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache

import polars as pl

from crm_health.config.model import FactDef
from crm_health.entities import ENTITIES, Entity
from crm_health.health.days import as_local_date, date_columns, days_sources, with_days
from crm_health.health.evaluate import expression, names_in, tidy

#: The account's place among those asked for.
_NUMBER = "@account"
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


def is_distance(fact: FactDef) -> bool:
    """Whether a fact is made of distances in days, which time alone moves."""
    return any(name.endswith("_days") for name in names_in(fact.take))


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
    accounts: pl.DataFrame,
    as_of: datetime,
    tz: str,
    newest_day: date | None = None,
) -> pl.DataFrame:
    """A row for each of the accounts, in their order: one column a fact, and `<fact>@rows`.

    The latter is the newest row's date, of facts that are as old as their rows. Facts with the
    same `where` share one filter and group-by. Where no row counts, all is missing; `no_rows`
    gives what that means for each fact.

    Args:
        accounts: account_id, each once; rows of others are left out.
    """
    if not rows.is_empty():
        return _wide(entity, facts, rows, accounts, as_of, tz, newest_day)
    types = _types(entity.name, tuple(facts.items()), tuple(rows.schema.items()), tz)
    return pl.DataFrame(
        [pl.Series(n, [None], kind).new_from_index(0, accounts.height) for n, kind in types.items()]
    )


@lru_cache(maxsize=256)
def _types(
    entity: str,
    facts: tuple[tuple[str, FactDef], ...],
    schema: tuple[tuple[str, pl.DataType], ...],
    tz: str,
) -> pl.Schema:
    """The columns of `entity_facts`: what the same path gives on no rows, whatever the day."""
    rows = pl.DataFrame(schema=dict(schema))
    nobody = pl.DataFrame(schema={"account_id": pl.String})
    day = datetime(2000, 1, 1, tzinfo=UTC)
    return _wide(ENTITIES[entity], dict(facts), rows, nobody, day, tz, None).schema


def _wide(
    entity: Entity,
    facts: Mapping[str, FactDef],
    rows: pl.DataFrame,
    accounts: pl.DataFrame,
    as_of: datetime,
    tz: str,
    newest_day: date | None,
) -> pl.DataFrame:
    """See `entity_facts`."""
    # Numbers are far quicker to group by than ids.
    numbered = accounts.select("account_id").with_row_index(_NUMBER)
    read = _names_read(facts.values())
    if entity.main_date is not None:
        read |= {entity.main_date}
    mine = rows.select(_kept(entity, rows, read)).join(numbered, on="account_id")
    mine = with_days(mine.drop("account_id"), entity, as_of, tz, newest_day, read=read)
    newest = (
        as_local_date(mine, entity.main_date, tz).max()
        if entity.main_date in date_columns(mine)
        else pl.lit(None, dtype=pl.Date)
    )
    groups: dict[str | None, dict[str, FactDef]] = {}
    for name, fact in facts.items():
        groups.setdefault(fact.where, {})[name] = fact
    found = [_group(entity, mine, where, group, newest) for where, group in groups.items()]
    wide = numbered.select(_NUMBER)
    for frame in pl.collect_all(found):
        wide = wide.join(frame, on=_NUMBER, how="left", maintain_order="left")
    return tidy(wide.drop(_NUMBER), facts)


def _names_read(facts: Iterable[FactDef]) -> frozenset[str]:
    """The names that the facts' texts read, distances as they are."""
    read = frozenset[str]()
    for fact in facts:
        read |= names_in(fact.take) | (names_in(fact.where) if fact.where else frozenset())
    return read


def _kept(entity: Entity, rows: pl.DataFrame, read: frozenset[str]) -> list[str]:
    """The columns that names rest on, and the account: the others need not be carried along."""
    since = days_sources(entity, date_columns(rows))
    wanted = {"account_id", *read, *(since[name] for name in read if name in since)}
    return [name for name in rows.columns if name in wanted]


def _group(
    entity: Entity,
    rows: pl.DataFrame,
    where: str | None,
    facts: Mapping[str, FactDef],
    newest: pl.Expr,
) -> pl.LazyFrame:
    counted = rows.lazy() if where is None else rows.lazy().filter(expression(where))
    ordered = [f for f in facts.values() if aggregates(f.take) & _ORDERED]
    if ordered:
        # A fixed order of rows: else a float sum would differ with the order of arrival.
        main = [entity.main_date] if entity.main_date is not None else []
        keys = dict.fromkeys([_NUMBER, *main, *sorted(_names_read(ordered))])
        counted = counted.sort(*keys, nulls_last=False)
    return counted.group_by(_NUMBER, maintain_order=bool(ordered)).agg(
        *(expression(fact.take).alias(name) for name, fact in facts.items()),
        *(
            newest.alias(f"{name}@rows")
            for name, fact in facts.items()
            if evidence_kind(fact) == "rows"
        ),
    )


def no_rows(fact: FactDef) -> float | None:
    """The value of a fact where no row counts: 0 for a count, missing for all else."""
    return 0.0 if aggregates(fact.take) == {"count"} else None
