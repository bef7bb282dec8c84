"""The review of the tiers: who moves, decided over the whole book at once.

It may be repeated as often as one likes in its period: who moved in it stays, what it counted is
not counted again, and the moves of all its repetitions together stay within the cap.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from crm_health.config.tiers import Review, Tiers
from crm_health.programmes.tiers import Cuts, by_rank, seats_of

#: What is known of each customer: `tier` that it is in (before this review) and `since`; `rank`;
#: `fixed`: a person's choice, or the company's own tier; `spared`: `down_unless` holds; `moved`
#: and `below` as they are remembered.
BOOK: dict[str, Any] = {
    "account_id": pl.String,
    "tier": pl.String,
    "since": pl.Date,
    "rank": pl.Float64,
    "fixed": pl.Boolean,
    "spared": pl.Boolean,
    "moved": pl.String,
    "below": pl.String,
}
#: What a review says of a customer that its rank would have elsewhere.
DAYS = 7
MOVES, WAITS, FIXED, SPARED = "moves", "waits for the cap", "fixed", "spared"
YOUNG, FIRST = "not long enough in its tier", "not low enough for long enough"


def period(config: Review, day: date) -> str:
    """The period of the last review that was due by a day: `2026-10`."""
    months = sorted(set(config.months))
    past = [month for month in months if month <= day.month]
    return f"{day.year}-{past[-1]:02d}" if past else f"{day.year - 1}-{months[-1]:02d}"


def before(config: Review, of: str) -> str:
    """The period before another."""
    year, month = int(of[:4]), int(of[5:])
    earlier = [one for one in sorted(set(config.months)) if one < month]
    return f"{year}-{earlier[-1]:02d}" if earlier else f"{year - 1}-{max(config.months):02d}"


def held(first: date, day: date) -> bool:
    """Whether a day belongs to the review that began on `first`, a business day.

    Its week: whoever was away on the first day, or did not get all written, still gets it right.
    """
    return 0 <= (day - first).days < DAYS


def below(config: Tiers, frame: pl.DataFrame, found: Cuts, of: str) -> pl.Series:
    """What to remember of each customer's standing, as `<period>:<count>`, after a review.

    Args:
        config: The tiers.
        frame: `tier`, `rank`, `fixed`, `below` (as remembered so far).
        found: The cuts of the whole book.
        of: The period of the review.
    """
    parts = pl.col("below").str.split_exact(":", 1)
    when, count = parts.struct.field("field_0"), parts.struct.field("field_1")
    so_far = (
        pl.when(when == before(config.review, of))
        .then(count.cast(pl.Int64, strict=False))
        .otherwise(0)
        .fill_null(0)
    )
    # More than are needed say no more.
    more = pl.min_horizontal(so_far + 1, pl.lit(config.review.down_reviews))
    low = _low(found) & ~pl.col("fixed").fill_null(False)
    again = pl.concat_str(pl.lit(f"{of}:"), more.cast(pl.String))
    return frame.select(
        # Nobody's rank is known of whom nothing is: what was counted stays.
        pl.when((when == of) | pl.col("rank").is_null())
        .then("below")
        .when(low.fill_null(False))
        .then(again)
        .alias("below")
    )["below"]


def review(config: Tiers, book: pl.DataFrame, found: Cuts, of: str, day: date) -> pl.DataFrame:
    """Who would be elsewhere by rank, and what becomes of it.

    Args:
        config: The tiers.
        book: Columns of `BOOK`, one row a customer that is in a tier already.
        found: The cuts of the whole book.
        of: The period of the review.
        day: Today.

    Returns:
        `account_id`, `tier`, `to`, `gap` (percentile points from the share's edge), `verdict`
        (`MOVES`, or why not), widest gap first.
    """
    rules, steps = config.review, config.steps
    names = [step.name for step in steps]
    known = book.select(pl.col(name).cast(kind) for name, kind in BOOK.items())
    customers = known.height
    ranked = known.filter(pl.col("rank").is_not_null() & pl.col("tier").is_in(names))
    if not found or ranked.is_empty():
        return known.head(0).select(
            "account_id",
            "tier",
            pl.lit("").alias("to"),
            pl.lit(0.0).alias("gap"),
            pl.lit("").alias("verdict"),
        )
    edges = {name: 100 * n / ranked.height for name, n in seats_of(config, ranked.height).items()}
    above = {names[n]: edges.get(names[n - 1], 0.0) for n in range(1, len(names))}
    place = dict(zip(names, range(len(names)), strict=True))
    ranked = ranked.with_columns(
        (100 * (pl.col("rank").rank("average", descending=True) - 0.5) / pl.len()).alias("at"),
        by_rank(config, pl.col("rank"), found).alias("to"),
        pl.Series("counted", below(config, ranked, found, of)),
        pl.col("tier").replace_strict(place, return_dtype=pl.Int64).alias("from"),
    ).with_columns(pl.col("to").replace_strict(place, return_dtype=pl.Int64).alias("target"))
    up = pl.col("target") < pl.col("from")
    one_down = pl.col("from").replace_strict(
        dict(enumerate([*names[1:], names[-1]])), return_dtype=pl.String
    )
    edge_up = pl.col("tier").replace_strict(above, default=None, return_dtype=pl.Float64)
    edge_down = pl.col("tier").replace_strict(edges, default=None, return_dtype=pl.Float64)
    counted = pl.col("counted").str.split_exact(":", 1)
    count = counted.struct.field("field_1").cast(pl.Int64, strict=False)
    enough = (counted.struct.field("field_0") == of) & (count >= rules.down_reviews)
    young = (pl.lit(day) - pl.col("since")).dt.total_days() < rules.down_after_days
    found_out = ranked.filter(up | (pl.col("target") > pl.col("from"))).with_columns(
        # Down one step at a time, however low.
        pl.when(up).then("to").otherwise(one_down).alias("to"),
        pl.when(up).then(edge_up - pl.col("at")).otherwise(pl.col("at") - edge_down).alias("gap"),
        pl.when(pl.col("fixed").fill_null(False))
        .then(pl.lit(FIXED))
        .when(up)
        .then(pl.lit(MOVES))
        .when(young.fill_null(True))
        .then(pl.lit(YOUNG))
        .when(~(enough & _low(found)).fill_null(False))
        .then(pl.lit(FIRST))
        # What nobody can tell moves nobody down.
        .when(pl.col("spared").fill_null(True))
        .then(pl.lit(SPARED))
        .otherwise(pl.lit(MOVES))
        .alias("verdict"),
    )
    left = most(config, customers) - moved_in(known, of)
    order = found_out.sort(
        pl.col("verdict") != MOVES, "gap", "account_id", descending=[False, True, False]
    )
    return (
        order.with_row_index("turn")
        .with_columns(
            pl.when((pl.col("verdict") == MOVES) & (pl.col("turn") >= max(left, 0)))
            .then(pl.lit(WAITS))
            .otherwise("verdict")
            .alias("verdict")
        )
        .select("account_id", "tier", "to", pl.col("gap").round(2), "verdict")
    )


def most(config: Tiers, customers: int) -> int:
    """How many of so many customers may move in one review."""
    return int(round(customers * config.review.max_moves_percent / 100, 6))


def moved_in(book: pl.DataFrame, of: str) -> int:
    """How many customers moved in the review of a period already."""
    return book.filter(pl.col("moved").is_in([f"{of}:u", f"{of}:d"])).height


def _low(found: Cuts) -> pl.Expr:
    """Whether a customer ranks too low for the tier that it is in."""
    ends = {name: pair[1] for name, pair in found.items()}
    floor = pl.col("tier").replace_strict(ends, default=None, return_dtype=pl.Float64)
    return pl.col("rank") < floor
