"""Why a band does not follow the score yet, in words that name scores and dates."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crm_health.config.model import Model
from crm_health.health.words import band_label, count_word, date_text

UNKNOWN = "unknown"


def with_held(model: Model, frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """Add `held`, for a frame with band, band_now, since, rank, rank_now and rank_up."""
    steady = model.steadiness
    readings = count_word(steady.readings)
    rank, now = pl.col("rank"), pl.col("rank_now")
    up = {
        number: f"{definition.below + steady.upward} holds for {readings} days"
        for number, definition in enumerate(model.bands)
        if definition.below is not None
    }
    down = {
        number + 1: f"a score below {definition.below} holds for {readings} days"
        for number, definition in enumerate(model.bands)
        if definition.below is not None
    }
    when = (
        pl.when(pl.col("band") == UNKNOWN)
        .then(pl.lit(f"there is enough evidence on {readings} days"))
        .when(pl.col("band_now") == UNKNOWN)
        .then(
            pl.lit(f"evidence has been too thin on {count_word(steady.readings_to_unknown)} days")
        )
        .when(now > rank)
        .then(rank.replace_strict(up, default=None, return_dtype=pl.String))
        .when(now < rank)
        .then(rank.replace_strict(down, default=None, return_dtype=pl.String))
    )
    until = pl.col("since") + timedelta(days=steady.days_in_band)
    bound = (until > day) & rank.is_not_null() & now.is_not_null()
    earliest = (
        pl.when(bound)
        .then(pl.format(", {} at the earliest", date_text(until)))
        .otherwise(pl.lit(""))
    )
    held = pl.format("{} until {}{}", band_label(pl.col("band")), when, earliest)
    return frame.with_columns(
        pl.when(pl.col("band") != pl.col("band_now")).then(held).alias("held")
    )
