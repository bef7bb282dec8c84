"""A person's score instead of ours, while it lasts."""

from __future__ import annotations

from datetime import date

import polars as pl

from crm_health.config.model import Override

#: Why an override ends when it does, where no person said so.
NO_END, TOO_LONG = "as no end was given", "the longest that is allowed"


def resolve(
    accounts: pl.DataFrame,
    memories: pl.DataFrame,
    edits: pl.DataFrame,
    day: date,
    limits: Override,
) -> pl.DataFrame:
    """Which override holds today.

    Args:
        accounts: `account_id`, `override_score`, `override_until`, `shown_score`.
        memories: As `memory.parse` gives them, in the same order.
        edits: As `memory.edited` gives them, in the same order.
        day: Today.
        limits: From the model.

    Returns:
        `override` (Int64 1 to 100, or null), `override_memory` (what the memory keeps of it, so
        that it ends in time), `override_until` (Date), `override_note` (`NO_END`, `TOO_LONG` or
        null), in the same order.
    """
    kept = pl.col("kept").str.split_exact(":", 2)
    frame = pl.DataFrame(
        {
            "field": accounts["override_score"],
            "until": accounts["override_until"],
            "shown": accounts["shown_score"],
            "edited": edits["score"],
            "kept": memories["override"],
        }
    ).with_columns(
        kept.struct.field("field_0").alias("kind"),
        kept.struct.field("field_1").cast(pl.Int64, strict=False).alias("value"),
        kept.struct.field("field_2").str.to_date("%Y-%m-%d", strict=False).alias("first"),
    )
    by_field = pl.col("field").is_between(1, 100).fill_null(False)
    by_edit = pl.col("edited") & pl.col("shown").is_between(1, 100).fill_null(False)
    value = (
        pl.when(by_field)
        .then(pl.col("field").round().cast(pl.Int64, strict=False))
        .when(by_edit)
        .then(pl.col("shown").round().cast(pl.Int64, strict=False))
        .when(pl.col("kind") == "e")
        .then(pl.col("value"))
    )
    same = ((pl.col("kind") == "f") & (pl.col("value") == pl.col("next"))).fill_null(False)
    first = (
        pl.when(by_field)
        .then(pl.when(same).then(pl.col("first")).otherwise(pl.lit(day)))
        .when(by_edit)
        .then(pl.lit(day))
        .otherwise(pl.col("first"))
    )
    longest = pl.col("start").dt.offset_by(f"{limits.max_days}d")
    end = (
        pl.when(by_field)
        .then(
            pl.min_horizontal(
                pl.coalesce("until", pl.col("start").dt.offset_by(f"{limits.days}d")), longest
            )
        )
        .otherwise(pl.col("start").dt.offset_by(f"{limits.edit_days}d"))
    )
    note = (
        pl.when(by_field & pl.col("until").is_null())
        .then(pl.lit(NO_END))
        .when(by_field & (pl.col("until") > longest))
        .then(pl.lit(TOO_LONG))
    )
    found = (
        frame.with_columns(value.alias("next"))
        .with_columns(first.alias("start"))
        .with_columns(end.alias("end"))
    )
    holds = pl.col("next").is_not_null() & (pl.col("end") >= pl.lit(day))
    return found.select(
        pl.when(holds).then(pl.col("next")).alias("override"),
        # A field that still says what has ended is remembered, or it would begin anew.
        pl.when(by_field | holds.fill_null(False))
        .then(
            pl.concat_str(
                pl.when(by_field).then(pl.lit("f")).otherwise(pl.lit("e")),
                pl.lit(":"),
                pl.col("next").cast(pl.String),
                pl.lit(":"),
                pl.col("start").dt.strftime("%Y-%m-%d"),
            )
        )
        .alias("override_memory"),
        pl.when(holds).then(pl.col("end")).alias("override_until"),
        pl.when(holds).then(note).alias("override_note"),
    )


def apart(today: pl.DataFrame, series: pl.DataFrame, day: date, points: int) -> pl.DataFrame:
    """Since when a person's score and the computed one have been too far from each other.

    Args:
        today: `account_id`, `override`, `computed`.
        series: `account_id`, `day`, `score`, `computed`: readings before today.
        day: Today.
        points: What is too far.

    Returns:
        `account_id`, `override_apart_since` (Date; null where they are not apart, or one of the
        two is missing), `override_apart_days` (0 on its first day and where they are not).
    """
    now = today.filter((pl.col("override") - pl.col("computed")).abs() >= points)
    # A day on which nothing could be computed says neither.
    past = (
        series.drop_nulls("computed")
        .join(now.select("account_id"), on="account_id", how="semi")
        .with_columns(
            ((pl.col("score") - pl.col("computed")).abs() >= points).fill_null(False).alias("far")
        )
    )
    near = past.filter(~pl.col("far")).group_by("account_id").agg(pl.col("day").max().alias("near"))
    since = (
        past.filter("far")
        .join(near, on="account_id", how="left")
        .filter((pl.col("day") > pl.col("near")).fill_null(True))
        .group_by("account_id")
        .agg(pl.col("day").min().alias("since"))
    )
    begun = (
        now.select("account_id")
        .join(since, on="account_id", how="left")
        .select("account_id", pl.col("since").fill_null(day).alias("override_apart_since"))
    )
    return (
        today.select("account_id")
        .join(begun, on="account_id", how="left", maintain_order="left")
        .with_columns(
            (pl.lit(day) - pl.col("override_apart_since"))
            .dt.total_days()
            .fill_null(0)
            .alias("override_apart_days")
        )
    )
