"""The trend: where the score of an account has been going, from its daily history."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crm_health.health.slope import slopes

RISING, FALLING, STEADY, NEW = "Rising", "Falling", "Steady", "New"
#: Points in 30 days at which a trend begins, and under which it ends.
BEGINS, ENDS = 5.0, 3.0
#: Days of history before there is a trend, and the days it is drawn from.
WINDOW = 30
CHANGES = (7, 30, 90)
#: The reading of "30 days ago" may be so many days older: syncs may have paused.
_SLACK = 7
#: The account's place in `today`.
_NUMBER = "@account"
#: More than any date has days since 1970.
_DAYS = 10_000_000


def trend(series: pl.DataFrame, today: pl.DataFrame, day: date) -> pl.DataFrame:
    """The trend of each account of `today`, in its order.

    Args:
        series: account_id, day, score (missing: unknown); at most one row an account and day.
            Rows of `day` and later are left out in favour of `today`.
        today: account_id, score; optionally shown_trend, what the CRM shows, which must be
            under the lower limit to end. With a column `model` in both frames only readings of
            today's model count: a change of model is no trend.
        day: The day of `today`.

    Returns:
        account_id, trend, slope (points in 30 days, Theil-Sen over the daily readings of the
        last 30 days), change_7, change_30, change_90 (points) and their `change_<n>_from`, the
        day compared with. New until the history goes back 30 days.
    """
    # Numbers are far quicker than ids to group and to sort by.
    shown = pl.col("shown_trend") if "shown_trend" in today.columns else pl.lit(None)
    frame = today.select(
        "account_id", pl.col("score").cast(pl.Float64), shown.cast(pl.String).alias("shown")
    ).with_row_index(_NUMBER)
    kept = [name for name in ("model",) if name in series.columns and name in today.columns]
    numbered = today.select("account_id", *kept).with_row_index(_NUMBER)
    past = series.filter(pl.col("day") < day).join(numbered, on="account_id", maintain_order="left")
    begun = past.group_by(_NUMBER).agg(pl.col("day").min().alias("begun"))
    if kept:
        past = past.filter(pl.col("model").eq_missing(pl.col("model_right")))
    past = past.select(_NUMBER, "day", pl.col("score").cast(pl.Float64)).drop_nulls("score")
    if not past.select(
        (pl.col(_NUMBER).cast(pl.Int64) * _DAYS + pl.col("day").to_physical()).is_sorted()
    ).item():
        past = past.sort(_NUMBER, "day")
    current = frame.select(_NUMBER, pl.lit(day).alias("day"), "score").drop_nulls("score")
    recent = pl.concat([past.filter(pl.col("day") >= day - timedelta(days=WINDOW)), current])
    slope_of = slopes(recent.rename({_NUMBER: "account_id"}), WINDOW)
    for extra in (
        begun,
        slope_of.rename({"account_id": _NUMBER}),
        *(_compared(past, day, days) for days in CHANGES),
    ):
        frame = frame.join(extra, on=_NUMBER, how="left", maintain_order="left")
    slope = pl.col("slope")
    label = (
        pl.when((pl.col("begun") > day - timedelta(days=WINDOW)).fill_null(True))
        .then(pl.lit(NEW))
        .when(slope >= BEGINS)
        .then(pl.lit(RISING))
        .when(slope <= -BEGINS)
        .then(pl.lit(FALLING))
        .when((pl.col("shown") == RISING) & (slope.is_null() | (slope >= ENDS)))
        .then(pl.lit(RISING))
        .when((pl.col("shown") == FALLING) & (slope.is_null() | (slope <= -ENDS)))
        .then(pl.lit(FALLING))
        .otherwise(pl.lit(STEADY))
    )
    return frame.select(
        "account_id",
        label.alias("trend"),
        *((pl.col("score") - pl.col(f"then_{n}")).alias(f"change_{n}") for n in CHANGES),
        *(
            pl.when(pl.col("score").is_not_null())
            .then(f"change_{n}_from")
            .alias(f"change_{n}_from")
            for n in CHANGES
        ),
        "slope",
    )


def _compared(past: pl.DataFrame, day: date, days: int) -> pl.DataFrame:
    """The last known score on the day so many days ago, or shortly before."""
    until = day - timedelta(days=days)
    window = past.filter(pl.col("day").is_between(until - timedelta(days=_SLACK), until))
    newest = window.group_by(_NUMBER, maintain_order=True).last()
    return newest.rename({"score": f"then_{days}", "day": f"change_{days}_from"})
