"""A change of model is no trend: on its day both models are scored, and what was before is moved.

A reading on whose day an account came under another model, by a change of the model or because
another of its kinds fits now, carries `was`: what the one before would have computed on that very
day, 0 where it could not. Everything older is moved by the difference, so that changes compare like
with like; a person's override, which no model made, is left out of it.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from crm_health.config.model import Model
from crm_health.health.facts import Facts
from crm_health.health.score import assess

#: Today, for what stands before it.
_LATER = date(9999, 12, 31)
_NOTHING = {"account_id": pl.String, "was": pl.Int64}


def scores(model: Model, facts: Facts, before: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """What the kinds of a model that counted before give today.

    Args:
        model: The one before, or today's where only the kind is another one.
        facts: Today's, for that model.
        before: account_id, model (the name of the kind); accounts of a kind that the model does not
            have are left out.
        as_of: The run's instant.

    Returns:
        account_id, was: the computed score, 0 where there is none.
    """
    found = [pl.DataFrame(schema=_NOTHING)]
    for kind in model.models:
        ids = before.filter(pl.col("model") == kind.name)["account_id"]
        rows = facts.values["account_id"].is_in(ids.implode())
        if not rows.any():
            continue
        alone = model.model_copy(update={"models": (kind.model_copy(update={"when": None}),)})
        few = Facts(facts.values.filter(rows), facts.dates.filter(rows), facts.known)
        scored = assess(alone, few, as_of)
        was = pl.col("computed").cast(pl.Int64).fill_null(0).alias("was")
        found.append(scored.select("account_id", was))
    return pl.concat(found)


def like_with_like(series: pl.DataFrame, today: pl.DataFrame) -> pl.DataFrame:
    """The series as today's models would continue it, in its order.

    Args:
        series: account_id, day, score, computed, model, was; ordered by account and day.
        today: account_id, computed, model, was.

    Returns:
        account_id, day, score (1 to 100), model: today's, where readings lead on to it. No score is
        left from before a day on which the two models could not be held against each other.
    """
    columns = ["account_id", "day", "score", "model"]
    if not (series["was"].is_not_null().any() or today["was"].is_not_null().any()):
        return series.select(columns)
    # Few rows link: sums are made of those alone, and each reading finds the first one after it.
    step = pl.when(pl.col("was") > 0).then(pl.col("computed").cast(pl.Float64) - pl.col("was"))
    link = ["account_id", "day", "model", step.alias("step")]
    now = today.with_columns(pl.lit(_LATER).alias("day"))
    links = (
        pl.concat(frame.filter(pl.col("was").is_not_null()).select(link) for frame in (series, now))
        .sort("account_id", "day")
        .select(
            "account_id",
            "day",
            pl.col("step").fill_null(0).cum_sum(reverse=True).over("account_id").alias("@after"),
            pl.col("step").is_null().cum_sum(reverse=True).over("account_id").alias("@broken"),
            pl.col("model").last().over("account_id").alias("@model"),
        )
    )
    joined = series.join_asof(
        links,
        on="day",
        by="account_id",
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    # What a person set no model made; the twelve weeks don't tell, and are moved.
    moved = pl.col("computed").is_null() | (pl.col("score") == pl.col("computed"))
    step_after = pl.when(moved).then(pl.col("@after").fill_null(0)).otherwise(0)
    return joined.select(
        "account_id",
        "day",
        pl.when(pl.col("@broken").fill_null(0) == 0)
        .then((pl.col("score") + step_after).clip(1, 100))
        .alias("score"),
        pl.coalesce("@model", "model").alias("model"),
    )
