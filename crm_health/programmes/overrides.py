"""A person's score instead of ours, while it lasts."""

from __future__ import annotations

from datetime import date

import polars as pl

#: Days an override lasts: by the fields without an end, at most, and by an edit of the score.
BY_DEFAULT, AT_MOST, BY_EDIT = 90, 180, 30


def resolve(
    accounts: pl.DataFrame, memories: pl.DataFrame, edits: pl.DataFrame, day: date
) -> pl.DataFrame:
    """Which override holds today.

    Args:
        accounts: `account_id`, `override_score`, `override_until`, `shown_score`.
        memories: As `memory.parse` gives them, in the same order.
        edits: As `memory.edited` gives them, in the same order.

    Returns:
        `override` (Int64 1 to 100, or null), `override_memory` (what the memory keeps of it, so
        that it ends in time), `override_until` (Date), in the same order.
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
    goes_on = (pl.col("kind") == "e") & ((pl.lit(day) - pl.col("first")).dt.total_days() < BY_EDIT)
    value = (
        pl.when(by_field)
        .then(pl.col("field").round().cast(pl.Int64, strict=False))
        .when(by_edit)
        .then(pl.col("shown").round().cast(pl.Int64, strict=False))
        .when(goes_on)
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
    end = (
        pl.when(by_field)
        .then(
            pl.min_horizontal(
                pl.coalesce("until", pl.col("start").dt.offset_by(f"{BY_DEFAULT}d")),
                pl.col("start").dt.offset_by(f"{AT_MOST}d"),
            )
        )
        .otherwise(pl.col("start").dt.offset_by(f"{BY_EDIT}d"))
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
    )
