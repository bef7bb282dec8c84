"""The review of the tiers over the whole book: who moves today, and why the others don't."""

from __future__ import annotations

import polars as pl

from crm_health.programmes import reviewing
from crm_health.programmes.placing import SPARED
from crm_health.programmes.tiers import Cuts
from crm_health.sync.setting import Setting

#: What a review needs to know of every customer, beside its rank.
COLUMNS = (
    "account_id",
    "tier",
    "tier_now",
    "tier_since",
    "tier_pin",
    "tier_moved",
    "tier_below",
    SPARED,
)


def review(setting: Setting, whole: pl.DataFrame, found: Cuts) -> pl.DataFrame:
    """As `reviewing.review` gives it, over everybody with their ranks.

    Args:
        setting: Of the run.
        whole: As `population.with_ranks` gives it.
        found: Where the tiers end.
    """
    config = setting.config.playbook.tiers
    assert config is not None
    # Who is placed today has nowhere to move.
    placed = pl.col("tier_moved").str.slice(-1).is_in(["n", "x"]) & (
        pl.col("tier_since") == setting.day
    )
    given = pl.col("tier") if "tier" in whole.columns else pl.lit(None, pl.String)
    book = whole.filter(~placed.fill_null(False)).select(
        "account_id",
        pl.col("tier_now").alias("tier"),
        pl.col("tier_since").alias("since"),
        pl.col("tier_rank").alias("rank"),
        (pl.col("tier_pin").is_not_null() | given.is_not_null()).alias("fixed"),
        pl.col(SPARED).alias("spared"),
        pl.col("tier_moved").alias("moved"),
        pl.col("tier_below").alias("below"),
    )
    period = reviewing.period(config.review, setting.day)
    return reviewing.review(config, book, found, period, setting.day)


def moves(setting: Setting, whole: pl.DataFrame, found: Cuts) -> dict[str, list[float]]:
    """Account to the place from the top, 0 and so on, of the tier that today's review gives it."""
    config = setting.config.playbook.tiers
    assert config is not None
    places = {step.name: float(n) for n, step in enumerate(config.steps)}
    moving = review(setting, whole, found).filter(pl.col("verdict") == reviewing.MOVES)
    return {a: [places[to]] for a, to in moving.select("account_id", "to").iter_rows()}
