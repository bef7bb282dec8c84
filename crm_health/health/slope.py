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
    ordered = readings.sort("account_id", "day").with_columns(
        # Numbers are far lighter than ids where every reading meets every other.
        pl.col("account_id").rle_id().alias("number"),
        pl.col("day").to_physical().cast(pl.Int32),
    )
    ids = ordered.group_by("number", maintain_order=True).agg(pl.col("account_id").first())
    plain = ordered.select("number", "day", "score")
    first = range(0, ids.height, _TOGETHER)
    found = [
        _slopes(plain.filter(pl.col("number").is_between(n, n + _TOGETHER - 1)), per_days)
        for n in first
    ] or [_slopes(plain, per_days)]
    return ids.join(pl.concat(found), on="number", maintain_order="left").drop("number")


def _slopes(readings: pl.DataFrame, per_days: int) -> pl.DataFrame:
    """Number and slope of each account; readings are in order of account and day."""
    most = readings.group_by("number").len()["len"].max()
    longest = int(most) if isinstance(most, int) else 0
    pairs = []
    for back in range(1, longest):
        # Each reading with the one so many places before it, if that is the same account's.
        before = pl.all().shift(back).name.suffix("_before")
        same = (pl.col("number") == pl.col("number_before")) & (
            pl.col("day") > pl.col("day_before")
        )
        both = readings.with_columns(before).filter(same)
        rise = pl.col("score") - pl.col("score_before")
        apart = pl.col("day") - pl.col("day_before")
        pairs.append(both.select("number", (rise * per_days / apart).alias("slope")))
    none = pl.DataFrame(schema={"number": pl.UInt32, "slope": pl.Float64})
    return (
        pl.concat([none, *pairs])
        .group_by("number")
        .agg(pl.col("slope").median().round_sig_figs(_DIGITS))
    )
