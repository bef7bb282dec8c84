"""The evidence text: which signals are present, missing and stale, and how old they are."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from crm_health.config.model import Model, ModelDef
from crm_health.health.book import rests_on
from crm_health.health.evaluate import names_in
from crm_health.health.facts import Facts
from crm_health.health.frames import of_accounts
from crm_health.health.words import cut, date_text

LENGTH = 255
NO_USAGE = "CRM signals only, no usage. "


def evidence_texts(model: Model, facts: Facts, assessed: pl.DataFrame) -> pl.DataFrame:
    """account_id, evidence (at most 255 characters) and evidence_class, the same without dates.

    The kind of score is descriptive: how the customer is now, not a forecast.
    """
    without = [kind.name for kind in model.models if not _usage_counts(model, kind, facts)]
    frame = (
        assessed.select(
            "account_id",
            "model",
            "missing",
            "stale",
            pl.col("drivers").list.eval(pl.element().struct.field("measure")).alias("present"),
            pl.col("drivers").list.eval(pl.element().struct.field("evidence")).alias("dates"),
        )
        .with_columns(
            pl.col("dates").list.min().alias("old"),
            pl.col("dates").list.max().alias("new"),
        )
        .with_columns(of_accounts(facts.values, assessed["account_id"])["day"])
    )
    steady = pl.concat_str(
        pl.when(pl.col("model").is_in(without)).then(pl.lit(NO_USAGE)),
        pl.format("Model {}, descriptive.", pl.col("model").fill_null("none")),
        _named("Present", "present"),
        _named("Missing", "missing"),
        _named("Stale", "stale"),
        ignore_nulls=True,
    )
    # What was read of late needs no date.
    aged = pl.col("old") < pl.col("day") - timedelta(days=model.evidence.source_stale_days)
    span = pl.format(" Newest {}, oldest {}.", date_text(pl.col("new")), date_text(pl.col("old")))
    one = pl.format(" All of {}.", date_text(pl.col("old")))
    dated = (
        pl.when(aged & (pl.col("new") > pl.col("old"))).then(span).when(aged).then(one)
    ).fill_null("")
    return frame.select(
        "account_id",
        pl.concat_str(cut(steady, LENGTH - dated.str.len_chars()), dated).alias("evidence"),
        steady.alias("evidence_class"),
    )


def _named(label: str, column: str) -> pl.Expr:
    names = pl.col(column).list.join(", ").str.replace_all("_", " ", literal=True)
    return pl.when(pl.col(column).list.len() > 0).then(pl.format(f" {label}: {{}}.", names))


def _usage_counts(model: Model, kind: ModelDef, facts: Facts) -> bool:
    """Whether a measure that is on rests on usage that somebody records."""
    gone = facts.known.missing - facts.known.stale
    for name, weight in kind.weights.items():
        nothing = not isinstance(weight, str) and weight <= 0
        if name in model.off or name not in model.measures or nothing:
            continue
        for fact in _facts_read(model, model.measures[name].value):
            if model.facts[fact].source == "usage" and fact not in gone:
                return True
    return False


def _facts_read(model: Model, text: str) -> set[str]:
    """The facts an expression rests on, through derived facts too."""
    found: set[str] = set()
    seen: set[str] = set()
    known = {*model.facts, *model.derived}
    open_names = set(rests_on(names_in(text), known))
    while open_names:
        name = open_names.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in model.facts:
            found.add(name)
        elif name in model.derived:
            open_names |= rests_on(names_in(model.derived[name]), known)
    return found
