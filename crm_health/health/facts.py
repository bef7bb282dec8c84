"""The One View: one wide row an account, with every fact and the date of its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from crm_health.config.figures import figure
from crm_health.config.model import FactDef, Model
from crm_health.entities import ENTITIES
from crm_health.health.aggregate import entity_facts, evidence_kind, no_rows
from crm_health.health.book import Figures, parts, rests_on, with_figures
from crm_health.health.book import names as book_names
from crm_health.health.days import local_day, with_days
from crm_health.health.evaluate import names_in, with_expressions
from crm_health.health.evidence import Availability, Source, availability, oldest

__all__ = ["Facts", "Source", "compute", "with_days"]

#: What a person judged; it is as old as the review of the relationship.
_JUDGED = frozenset({"csm_sentiment", "champion_strength", "exec_relationship"})


@dataclass(frozen=True)
class Facts:
    """What is known of each account; both frames have the same accounts in the same order."""

    #: account_id, account columns and their `*_days`, `as_of`, `day`, facts, derived, and the
    #: book's figures that the model reads.
    values: pl.DataFrame
    #: account_id and, named as in `values`, the date of evidence (pl.Date) of what can be read.
    dates: pl.DataFrame
    #: Names that nobody can know in this run, and those of them whose source went stale.
    known: Availability = field(default=Availability(frozenset(), frozenset()))


def compute(
    model: Model,
    sources: Mapping[str, Source],
    accounts: pl.DataFrame,
    as_of: datetime,
    book: Figures,
) -> Facts:
    """Work out all facts of the accounts, ordered by account id.

    Args:
        model: Checked model.
        sources: Entity to its rows; `account` may be there for its `read_at`. Rows of other
            accounts do no harm.
        accounts: account_id (or id) and account columns.
        as_of: The run's instant, aware.
        book: Figures over the whole book; see `book.figures`.
    """
    if "account_id" not in accounts.columns:
        accounts = accounts.rename({"id": "account_id"})
    tz = model.time_zone
    day = local_day(as_of, tz)
    known = availability(model, sources, as_of)
    values = with_days(accounts, "account", as_of, tz).sort("account_id")
    values = values.with_columns(pl.lit(day).alias("day"))
    dates = _account_dates(model, sources.get("account"), values, as_of)
    values, dates = _with_facts(model, values, dates, sources, known, as_of)
    figures = book_names(model)
    for texts in _together(model.derived):
        read = frozenset[str]().union(*map(names_in, texts.values()))
        values = with_figures(values, [n for n in figures if n in read - {*values.columns}], book)
        dates = _with_ranks(dates, values, figures)
        values = with_expressions(values, texts)
        values = values.with_columns(
            pl.lit(None, dtype=values.schema[name]).alias(name)
            for name in texts
            if name in known.missing
        )
        dates = dates.with_columns(oldest(dates, text).alias(name) for name, text in texts.items())
    values = with_figures(values, [name for name in figures if name not in values.columns], book)
    return Facts(values, _with_ranks(dates, values, figures), known)


def _with_ranks(dates: pl.DataFrame, values: pl.DataFrame, figures: Iterable[str]) -> pl.DataFrame:
    """A rank is as old as what is ranked."""
    ranked = {name: figure(name, values.columns) for name in figures if name in values.columns}
    return dates.with_columns(
        pl.col(about.of).alias(name)
        for name, about in ranked.items()
        if about is not None and about.kind == "rank" and about.of in dates.columns
    )


def _together(derived: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Derived facts in their order, as many at a time as read nothing of each other."""
    some: dict[str, str] = {}
    for name, text in derived.items():
        read = names_in(text)
        if (read | parts(read)) & some.keys():
            yield some
            some = {}
        some[name] = text
    if some:
        yield some


def _by_entity(model: Model) -> dict[str, dict[str, FactDef]]:
    found: dict[str, dict[str, FactDef]] = {}
    for name, fact in model.facts.items():
        found.setdefault(fact.source, {})[name] = fact
    return found


def _account_dates(
    model: Model, source: Source | None, values: pl.DataFrame, as_of: datetime
) -> pl.DataFrame:
    """Evidence dates of the account columns that expressions read."""
    read_at = source.read_at if source is not None and source.read_at is not None else as_of
    read_on = pl.lit(local_day(read_at, model.time_zone))
    texts = [*model.derived.values(), *(m.value for m in model.measures.values())]
    read = frozenset[str]().union(*(names_in(text) for text in texts))
    used = sorted(
        name
        for name in rests_on(read, values.columns) & frozenset(values.columns)
        if name not in ("account_id", "as_of", "day")
    )
    reviewed = pl.coalesce(pl.col("relationship_at"), read_on)
    return values.select(
        "account_id",
        *((reviewed if name in _JUDGED else read_on).alias(name) for name in used),
    )


def _with_facts(
    model: Model,
    values: pl.DataFrame,
    dates: pl.DataFrame,
    sources: Mapping[str, Source],
    known: Availability,
    as_of: datetime,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add the facts of all entities, and the dates of their evidence."""
    tz = model.time_zone
    found: list[pl.Series] = []
    new_values = []
    new_dates = []
    for entity, facts in _by_entity(model).items():
        source = sources.get(entity)
        rows = source.rows if source is not None and source.rows is not None else None
        if rows is None:
            # The same path on no rows gives the columns their types.
            rows = pl.DataFrame(schema={"account_id": pl.String})
        read_at = source.read_at if source is not None else None
        newest = source.newest if source is not None else None
        read_on = pl.lit(local_day(read_at, tz) if read_at is not None else None, dtype=pl.Date)
        wide = entity_facts(ENTITIES[entity], facts, rows, values, as_of, tz, newest)
        found += wide.get_columns()
        for name, fact in facts.items():
            if name in known.missing:
                new_values.append(pl.lit(None, dtype=wide.schema[name]).alias(name))
                new_dates.append(pl.lit(None, dtype=pl.Date).alias(name))
                continue
            value = pl.col(name)
            nothing = no_rows(fact)
            new_values.append(value if nothing is None else value.fill_null(nothing))
            if evidence_kind(fact) == "rows":
                row = pl.col(f"{name}@rows") if ENTITIES[entity].main_date else read_on
                new_dates.append(pl.when(value.is_not_null()).then(row).alias(name))
            else:
                new_dates.append(read_on.alias(name))
    all_facts = values.select("account_id").hstack(found)
    added = all_facts.select("account_id", *new_values).drop("account_id")
    return values.hstack(added), dates.hstack(
        all_facts.select("account_id", *new_dates).drop("account_id")
    )
