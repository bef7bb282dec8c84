"""The last twelve weekly scores as one short text, and back.

Written with the other health fields, they bring the trend back after the local database is
lost: `71 71 70 69 69 66 64 64 62 61 59 58, to 22 Nov 2026`, oldest first.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crm_health.health.words import date_text

WEEKS = 12
#: A week without a score.
NONE = "\N{EN DASH}"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TEXT = r"^([0-9\x{2013} ]+), to (\d{1,2}) ([A-Z][a-z]{2}) (\d{4})$"


def last_12_weeks(series: pl.DataFrame, today: pl.DataFrame, day: date) -> pl.DataFrame:
    """The text of each account of `today`, in its order.

    A week's score is the last one of the seven days that end on its day; `today` ends the last.

    Args:
        series: account_id, day, score (missing: unknown).
        today: account_id, score.
        day: The day of `today`.

    Returns:
        account_id, last_12_weeks.
    """
    numbered = today.select("account_id", "score").with_row_index("number")
    week = ((pl.lit(day) - pl.col("day")).dt.total_days() // 7).cast(pl.Int32)
    past = (
        series.filter((pl.col("day") < day) & (pl.col("day") > day - timedelta(days=7 * WEEKS)))
        .filter(pl.col("score").is_not_null())
        .select("account_id", "day", week.alias("week"), pl.col("score").cast(pl.Float64))
        .filter(pl.col("week") > 0)
        # Numbers sort far faster than ids.
        .join(numbered.select("account_id", "number"), on="account_id")
        .sort("number", "day")
    )
    latest = past.group_by("number", "week", maintain_order=True).agg(pl.col("score").last())
    wide = numbered.rename({"score": "0"}).cast({"0": pl.Float64})
    for number in range(1, WEEKS):
        scores = latest.filter(pl.col("week") == number).select(
            "number", pl.col("score").alias(str(number))
        )
        wide = wide.join(scores, on="number", how="left", maintain_order="left")
    texts = (
        pl.col(str(number)).cast(pl.Int64).cast(pl.String).fill_null(NONE)
        for number in reversed(range(WEEKS))
    )
    return wide.select(
        "account_id",
        pl.format("{}, to {}", pl.concat_str(*texts, separator=" "), date_text(pl.lit(day))).alias(
            "last_12_weeks"
        ),
    )


def restore(texts: pl.DataFrame) -> pl.DataFrame:
    """The weekly scores that the texts hold: account_id, day, score; unreadable ones are left out.

    Args:
        texts: account_id, last_12_weeks.
    """
    groups = pl.col("last_12_weeks").str.strip_chars().str.extract_groups(_TEXT)
    read = (
        texts.select("account_id", groups.alias("g"))
        .unnest("g")
        .select(
            "account_id",
            pl.col("1").str.split(" ").alias("score"),
            pl.col("3")
            .replace_strict(
                {name: number for number, name in enumerate(_MONTHS, 1)},
                default=None,
                return_dtype=pl.Int32,
            )
            .alias("month"),
            pl.col("2").cast(pl.Int32).alias("dom"),
            pl.col("4").cast(pl.Int32).alias("year"),
        )
    )
    iso = pl.format(
        "{}-{}-{}",
        pl.col("year").cast(pl.String).str.zfill(4),
        pl.col("month").cast(pl.String).str.zfill(2),
        pl.col("dom").cast(pl.String).str.zfill(2),
    )
    last = read.with_columns(iso.str.to_date("%Y-%m-%d", strict=False).alias("last"))
    last = last.filter(pl.col("last").is_not_null() & (pl.col("score").list.len() <= WEEKS))
    weeks = last.with_columns(
        pl.int_ranges(pl.col("score").list.len() - 1, -1, -1, dtype=pl.Int64).alias("ago")
    ).explode("score", "ago")
    day = pl.col("last") - pl.duration(days=7 * pl.col("ago"))
    return (
        weeks.select(
            "account_id",
            day.alias("day"),
            pl.col("score").cast(pl.Float64, strict=False).alias("score"),
        )
        .filter(pl.col("score").is_between(1, 100))
        .sort("account_id", "day")
    )
