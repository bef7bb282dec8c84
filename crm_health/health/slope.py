"""A robust slope: the median of the slopes between all pairs of readings (Theil-Sen).

One outlier, such as a day on which a source was broken, hardly moves it. P. K. Sen, "Estimates
of the regression coefficient based on Kendall's tau", JASA 63 (1968).
"""

from __future__ import annotations

import polars as pl

#: Accounts worked on together: all pairs of 31 readings are 465 rows an account.
_TOGETHER = 4_000
_DIGITS = 9


def slopes(readings: pl.DataFrame, per_days: int) -> pl.DataFrame:
    """The slope of each account's readings, in points per so many days.

    Args:
        readings: account_id, day, score; no missing score, one row an account and day.
        per_days: Days of the unit.

    Returns:
        account_id, slope; only accounts with readings on two days or more.
    """
    ordered = readings.sort("account_id", "day")
    ids = ordered["account_id"].unique(maintain_order=True)
    found = [
        _slopes(ordered.join(some, on="account_id", how="semi"), per_days)
        for some in ids.to_frame().iter_slices(_TOGETHER)
    ]
    return pl.concat(found) if found else _slopes(ordered, per_days)


def _slopes(readings: pl.DataFrame, per_days: int) -> pl.DataFrame:
    pairs = readings.join(readings, on="account_id", suffix="_later").filter(
        pl.col("day") < pl.col("day_later")
    )
    apart = (pl.col("day_later") - pl.col("day")).dt.total_days()
    rise = (pl.col("score_later") - pl.col("score")) * per_days / apart
    return (
        pairs.group_by("account_id", maintain_order=True)
        .agg(rise.median().alias("slope"))
        .with_columns(pl.col("slope").round_sig_figs(_DIGITS))
    )
