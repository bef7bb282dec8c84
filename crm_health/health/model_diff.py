"""Two models on the same accounts: whose score and band differ, and by which measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from crm_health.health.drivers import compare

#: Distances of a score, in points: from, to (both included).
STEPS: tuple[tuple[int, int], ...] = ((0, 0), (1, 1), (2, 5), (6, 10), (11, 20), (21, 99))


@dataclass(frozen=True)
class ModelDiff:
    """What a new model makes different."""

    #: An account a row, farthest first: account_id, name, score_old, score_new, band_now_old,
    #: band_now_new, band_old, band_new (the steady ones), model_old, model_new, capped_old,
    #: capped_new, move (points; missing where a score comes or goes), part and change: what
    #: moved it most, in hundredths of a point.
    accounts: pl.DataFrame
    #: A part of the score a row, strongest first: part, accounts (that it moves), up and down
    #: (points given and taken in all), mean (points, over the accounts that it moves), bands
    #: (accounts that change band with this as the strongest part).
    parts: pl.DataFrame


def diff(old: pl.DataFrame, new: pl.DataFrame) -> ModelDiff:
    """Hold two assessments of the same accounts against each other.

    Args:
        old: account_id, name, model, score, band_now, band, capped, drivers and the columns of
            `drivers.OTHERS`.
        new: The same.
    """
    kept = ["account_id", "name", "model", "score", "band_now", "band", "capped"]
    both = (
        old.select(kept)
        .join(new.select(kept).drop("name"), on="account_id", suffix="_new")
        .rename({name: f"{name}_old" for name in kept[2:]})
        .with_columns((pl.col("score_new") - pl.col("score_old")).alias("move"))
    )
    moved = compare(new, old)
    strongest = moved.group_by("account_id", maintain_order=True).first()
    accounts = both.join(
        strongest.select("account_id", "part", "change"), on="account_id", how="left"
    ).sort(
        # A score that comes or goes is the farthest of all.
        pl.col("move").abs(), "account_id", descending=[True, False], nulls_last=False,
    )  # fmt: skip
    turned = accounts.filter(pl.col("band_now_old").ne_missing(pl.col("band_now_new")))
    bands = turned.group_by("part").agg(pl.len().cast(pl.Int64).alias("bands"))
    change = pl.col("change") / 100
    parts = (
        moved.group_by("part")
        .agg(
            pl.len().cast(pl.Int64).alias("accounts"),
            change.filter(pl.col("change") > 0).sum().round(2).alias("up"),
            change.filter(pl.col("change") < 0).sum().round(2).alias("down"),
            change.mean().round(2).alias("mean"),
        )
        .join(bands, on="part", how="left")
        .with_columns(pl.col("bands").fill_null(0))
        .sort(pl.col("up") - pl.col("down"), "part", descending=[True, False])
    )
    return ModelDiff(accounts, parts)


def distances(accounts: pl.DataFrame) -> list[tuple[int, int, int]]:
    """How many scores move how far: (from, to, accounts) of each of `STEPS`."""
    far = accounts["move"].abs().drop_nulls()
    return [(low, high, int(far.is_between(low, high).sum())) for low, high in STEPS]


def band_moves(
    accounts: pl.DataFrame, column: str, order: Sequence[str]
) -> list[tuple[str, str, int]]:
    """Who changes band: (from, to, accounts), worst band first.

    Args:
        accounts: As `ModelDiff` has them.
        column: `band_now`, which the score stands for, or `band`, the steady one.
        order: The bands from worst to best; others come last.
    """
    was, now = f"{column}_old", f"{column}_new"
    found = (
        accounts.filter(pl.col(was).ne_missing(pl.col(now)))
        .group_by(was, now)
        .len()
        .with_columns(pl.col(was, now).fill_null("none"))
    )
    rank = {name: place for place, name in enumerate(order)}
    return sorted(
        ((str(a), str(b), int(n)) for a, b, n in found.iter_rows()),
        key=lambda row: (rank.get(row[0], len(rank)), rank.get(row[1], len(rank)), row),
    )
