"""Which tier a customer is in: placed at once, moved at reviews only, and never far.

| what                          | moves                                                        |
| ----------------------------- | ------------------------------------------------------------ |
| new, or never placed          | at once, by the day's cuts                                   |
| the company's own tier        | as it says, whenever it says so                              |
| a person's choice             | at once, and then not for `pin_days`                         |
| worth `jump_factor` as much   | up at once, where the cuts say so                            |
| at a review                   | up and down, as `reviewing.review` decided for the whole book|
| anything else                 | not at all                                                   |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from crm_health.config.tiers import Tiers

#: Tier to the ranks above which a customer is in it, and below which it has fallen too far to
#: stay; for all tiers but the last. Missing where there is no book to rank in.
Cuts = Mapping[str, Sequence[float]]
#: What is known of each customer: `tier` as the CRM shows it (missing: none, or none of ours) and
#: `since`; `given`: the company's own; `edited`: a person put it there since we wrote last; `pin`:
#: the day on which a person did; `base`: what it was worth when it came into the tier; `moved`:
#: how it last came there (`<period>:<kind>`, see `KINDS`); `rank` and `value` of today.
THEN: dict[str, Any] = {
    "account_id": pl.String,
    "tier": pl.String,
    "since": pl.Date,
    "given": pl.String,
    "edited": pl.Boolean,
    "pin": pl.Date,
    "base": pl.Float64,
    "moved": pl.String,
    "rank": pl.Float64,
    "value": pl.Float64,
}
#: How a customer came into its tier.
KINDS: dict[str, str] = {
    "n": "placed by its rank",
    "x": "placed without a rank",
    "g": "the company's own tier",
    "p": "a person's choice",
    "j": "worth so much more",
    "u": "up at the review",
    "d": "down at the review",
}
#: Digits of `base`: a worth that moves by less must not rewrite the memory.
_DIGITS = 3


def cuts(config: Tiers, ranks: pl.Series) -> dict[str, list[float]]:
    """Where the tiers end in a book, as `Cuts`: none in an empty one.

    A customer is inside where fewer than the tier's seats rank as high: equals are in it together
    or not at all, and a tier is never larger than its share (or `at_least`).
    """
    ordered = ranks.drop_nulls().sort(descending=True)
    count = len(ordered)
    if not count:
        return {}
    found: dict[str, list[float]] = {}
    points = config.review.down_points / 100
    for name, seats in seats_of(config, count).items():
        last = min(seats + round(points * count), count) - 1
        # The first rank outside; in a tier that holds everybody none is.
        above = float(ordered[seats]) if seats < count else float("-inf")
        found[name] = [above, float(ordered[last])]
    # JSON knows no infinity, and no rank is below this.
    return {name: [max(rank, -1e9) for rank in pair] for name, pair in found.items()}


def seats_of(config: Tiers, customers: int) -> dict[str, int]:
    """How many of so many customers are in a tier or one above it, but for the last."""
    found: dict[str, int] = {}
    share, least = 0.0, 0
    for step in config.steps[:-1]:
        share, least = share + (step.share or 0.0), least + step.at_least
        # Shares are decimal: without this 0.3 of 10 would be 2.
        seats = int(round(share * customers / 100, 6))
        found[step.name] = min(max(seats, least), customers)
    return found


def by_rank(config: Tiers, rank: pl.Expr, found: Cuts) -> pl.Expr:
    """The tier that a rank alone gives; `unranked` where there is none."""
    if not found:
        return pl.lit(config.unranked)
    tier = pl.lit(config.steps[-1].name)
    for step in reversed(config.steps[:-1]):
        tier = pl.when(rank > found[step.name][0]).then(pl.lit(step.name)).otherwise(tier)
    return pl.when(rank.is_null()).then(pl.lit(config.unranked)).otherwise(tier)


def place(
    config: Tiers,
    then: pl.DataFrame,
    found: Cuts,
    moves: Mapping[str, str],
    period: str,
    day: date,
) -> pl.DataFrame:
    """The tier of each customer, and what has to be remembered of it.

    Args:
        config: The tiers.
        then: Columns of `THEN`.
        found: As `cuts` gives them for the whole book.
        moves: Account to the tier that today's review moves it to.
        period: Of the last review, as `reviewing.period` names it.
        day: Today.

    Returns:
        `tier_now`, `tier_since`, `tier_days`, `moved`, `pin`, `base`, in that order of customers.
    """
    names = [step.name for step in config.steps]
    frame = then.select(pl.col(name).cast(kind) for name, kind in THEN.items())
    tier = pl.col("tier")
    frame = frame.with_columns(
        pl.when(tier.is_in(names)).then(tier).alias("tier"),
        pl.when(pl.col("given").is_in(names)).then("given").alias("given"),
        by_rank(config, pl.col("rank"), found).alias("ranked"),
        _reviewed(then["account_id"], moves),
    )
    today = pl.lit(day)
    chosen = (pl.col("edited") & tier.is_not_null()).fill_null(False)
    pin = pl.when(chosen).then(today).when(tier.is_not_null()).then("pin")
    frame = frame.with_columns(
        pl.when((today - pin).dt.total_days() < config.pin_days).then(pin).alias("pin"),
        chosen.alias("chosen"),
    )
    place_of = {name: n for n, name in enumerate(names)}
    higher = _place(place_of, "ranked") < _place(place_of, "tier")
    grown = (pl.col("base") > 0) & (pl.col("value") >= pl.col("base") * config.jump_factor)
    known = pl.col("rank").is_not_null() & pl.lit(bool(found))
    # Whoever was placed for want of a rank is placed anew once there is one.
    late = pl.col("moved").str.ends_with(":x").fill_null(False) & pl.col("pin").is_null() & known
    free = pl.col("pin").is_null()
    reviewed = pl.col("reviewed")
    up = _place(place_of, "reviewed") < _place(place_of, "tier")
    kind = (
        pl.when(pl.col("given").is_not_null())
        .then(pl.when(tier.eq_missing(pl.col("given"))).then(None).otherwise(pl.lit("g")))
        .when("chosen")
        .then(pl.lit("p"))
        .when(tier.is_null() | late)
        .then(pl.when(known).then(pl.lit("n")).otherwise(pl.lit("x")))
        .when((free & known & higher & grown).fill_null(False))
        .then(pl.lit("j"))
        .when(free & reviewed.is_not_null() & (reviewed != tier))
        .then(pl.when(up).then(pl.lit("u")).otherwise(pl.lit("d")))
    )
    frame = frame.with_columns(kind.alias("kind"))
    came = pl.col("kind")
    to = (
        pl.when(came == "g")
        .then("given")
        .when(came.is_in(["n", "x", "j"]))
        .then("ranked")
        .when(came.is_in(["u", "d"]))
        .then("reviewed")
        .otherwise("tier")
    )
    since = pl.when(came.is_not_null()).then(today).otherwise(pl.min_horizontal("since", today))
    worth = pl.col("value").round_sig_figs(_DIGITS)
    return (
        frame.with_columns(to.alias("tier_now"), since.fill_null(day).alias("tier_since"))
        .with_columns(
            (today - pl.col("tier_since")).dt.total_days().cast(pl.Float64).alias("tier_days"),
            pl.when(came.is_not_null())
            .then(pl.concat_str(pl.lit(f"{period}:"), came))
            .otherwise("moved")
            .alias("moved"),
            # Unknown while there is no value; then the first one that there is.
            pl.when(came.is_not_null() | pl.col("base").is_null())
            .then(worth)
            .otherwise("base")
            .cast(pl.Int64, strict=False)
            .alias("base"),
        )
        .select("tier_now", "tier_since", "tier_days", "moved", "pin", "base")
    )


def _reviewed(accounts: pl.Series, moves: Mapping[str, str]) -> pl.Expr:
    if not moves:
        return pl.lit(None, pl.String).alias("reviewed")
    found = accounts.replace_strict(dict(moves), default=None, return_dtype=pl.String)
    return pl.lit(found).alias("reviewed")


def _place(places: Mapping[str, int], column: str) -> pl.Expr:
    """0 for the top tier."""
    return pl.col(column).replace_strict(dict(places), default=None, return_dtype=pl.Int64)
