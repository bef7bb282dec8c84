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
    # Numbers are far lighter than ids where every reading meets every other.
    ids = readings.select(pl.col("account_id").unique().sort()).with_row_index("number")
    plain = (
        readings.join(ids, on="account_id")
        .select("number", pl.col("day").to_physical().cast(pl.Int32), "score")
        .sort("number", "day")
    )
    # Most scores stand still from day to day: their slopes are known without any pairs.
    score, day = pl.col("score"), pl.col("day")
    spread = plain.group_by("number").agg(
        (score.max() == score.min()).alias("still"), (day.max() > day.min()).alias("days")
    )
    still = spread.filter(pl.col("still") & pl.col("days"))
    moving = plain.join(spread.filter(~pl.col("still")), on="number", how="semi")
    moving = moving.with_columns(pl.col("number").rle_id().alias("place"))
    places = moving.get_column("place").max()
    found = [still.select("number", pl.lit(0.0).alias("slope"))]
    for n in range(0, 0 if places is None else int(str(places)) + 1, _TOGETHER):
        some = moving.filter(pl.col("place").is_between(n, n + _TOGETHER - 1)).drop("place")
        found.append(_slopes(some, per_days))
    return ids.join(pl.concat(found), on="number", how="left", maintain_order="left").drop("number")


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
