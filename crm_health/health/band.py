"""The steady band: it follows the score, but needs readings and time to move.

| from, to                | moves                                                              |
| ----------------------- | ------------------------------------------------------------------ |
| none yet                | at once                                                            |
| any, by a person's score| at once                                                            |
| a band, a worse one     | at once by a cap or a great fall; else after the readings and the  |
|                         | days in the band                                                   |
| a band, a better one    | the same readings and days, from the threshold plus a margin       |
| a band, unknown         | after more readings, whatever the days in the band                 |
| unknown, a band         | after the readings, without margin or days: it is a first band     |

A reading counts when it comes the hours after the one that counted last. While readings agree
on the direction only, the milder band is the one they agree on. A reading that asks for no move
starts the count anew. Settling what was settled at the same instant changes nothing.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from crm_health.config.model import Model
from crm_health.entities import POLARS, Kind
from crm_health.health.days import local_day
from crm_health.health.held import with_held
from crm_health.health.score import UNKNOWN

#: In `capped`: the score is a person's override.
OVERRIDE = "override"

_INSTANT = POLARS[Kind.INSTANT]
_MEMORY = {
    "account_id": pl.String,
    "band": pl.String,
    "since": pl.Date,
    "before": pl.String,
    "pending": pl.String,
    "pending_at": _INSTANT,
    "pending_count": pl.Int64,
    "score": pl.Float64,
}
_NOW = {
    "account_id": pl.String,
    "score": pl.Float64,
    "band_now": pl.String,
    "capped": pl.String,
}


def settle(
    model: Model, memory: pl.DataFrame, now: pl.DataFrame, as_of: datetime, tz: str
) -> pl.DataFrame:
    """Which band each account of `now` is in, and what is pending.

    Args:
        model: Checked model.
        memory: account_id, band, since (date), before, pending, pending_at (instant of the
            reading that counted last), pending_count, score (what the CRM shows); accounts may
            be missing. A band that the model no longer has counts as none.
        now: account_id, score, band_now, capped, as `assess` gives them; `OVERRIDE` in place of
            the cap where a person's score stands.
        as_of: The run's instant.
        tz: Time zone of the dates.

    Returns:
        account_id, band, band_since, band_before, pending, pending_at, pending_count, and
        held: why the band is not `band_now`, or missing.
    """
    day = local_day(as_of, tz)
    frame = now.select(pl.col(name).cast(kind) for name, kind in _NOW.items()).join(
        memory.select(pl.col(name).cast(kind) for name, kind in _MEMORY.items()).rename(
            {"score": "shown"}
        ),
        on="account_id",
        how="left",
        maintain_order="left",
    )
    frame = _ranked(model, frame)
    frame = _with_target(model, frame)
    frame = _with_move(model, frame, as_of, day)
    # A move may leave a further one to wait for; it starts with this reading.
    moved = pl.col("moved")
    frame = frame.with_columns(
        pl.when(moved).then("band").otherwise("before").alias("before"),
        pl.when(moved).then(pl.lit(day)).otherwise("since").alias("since"),
        pl.when(moved).then("to").otherwise("band").alias("band"),
        pl.when(~moved).then("count").alias("count"),
        pl.when(~moved).then("at").alias("at"),
        pl.when(~moved).then("to").alias("to"),
    )
    frame = _with_target(model, _ranked(model, frame))
    starts = pl.col("target").is_not_null() & moved
    frame = frame.with_columns(
        pl.when(starts).then("target").otherwise("to").alias("pending"),
        pl.when(starts).then(pl.lit(as_of).cast(_INSTANT)).otherwise("at").alias("pending_at"),
        pl.when(starts).then(pl.lit(1, dtype=pl.Int64)).otherwise("count").alias("pending_count"),
    )
    return with_held(model, frame, day).select(
        "account_id",
        "band",
        pl.col("since").alias("band_since"),
        pl.col("before").alias("band_before"),
        "pending",
        "pending_at",
        "pending_count",
        "held",
    )


def _rank(model: Model, column: str) -> pl.Expr:
    """0 for the worst band; missing for unknown, for none, and for bands of another model."""
    ranks = {definition.name: number for number, definition in enumerate(model.bands)}
    return pl.col(column).replace_strict(ranks, default=None, return_dtype=pl.Int64)


def _ranked(model: Model, frame: pl.DataFrame) -> pl.DataFrame:
    """Add rank (of the band), rank_now and rank_up: how far up the score with margin reaches."""
    frame = frame.with_columns(
        _rank(model, "band").alias("rank"), _rank(model, "band_now").alias("rank_now")
    )
    known = pl.col("rank").is_not_null() | (pl.col("band") == UNKNOWN)
    reached: list[pl.Expr] = [
        (pl.col("score") >= definition.below + model.steadiness.upward).cast(pl.Int64)
        for definition in model.bands[:-1]
        if definition.below is not None
    ]
    return frame.with_columns(
        pl.when(known).then("band").alias("band"),
        pl.sum_horizontal(pl.lit(0, dtype=pl.Int64), *reached).alias("rank_up"),
    )


def _with_target(model: Model, frame: pl.DataFrame) -> pl.DataFrame:
    """Add `target`, the band that this reading asks for; missing where none."""
    rank, now, up = pl.col("rank"), pl.col("rank_now"), pl.col("rank_up")
    names = {number: definition.name for number, definition in enumerate(model.bands)}
    upward = up.replace_strict(names, default=None, return_dtype=pl.String)
    target = (
        pl.when(pl.col("band").is_null() | (pl.col("band") != pl.col("band_now")))
        .then(
            pl.when(rank.is_null() | now.is_null() | (now < rank))
            .then("band_now")
            .when(up > rank)
            .then(upward)
        )
        .alias("target")
    )
    return frame.with_columns(target)


def _with_move(model: Model, frame: pl.DataFrame, as_of: datetime, day: date) -> pl.DataFrame:
    """Add `moved`, and the pending band, its last reading and their number as to, at, count."""
    steady = model.steadiness
    frame = frame.with_columns(_at_once(model).fill_null(False).alias("at_once"))
    rank = pl.col("rank")
    pending_rank = _rank(model, "pending")
    target_rank = _rank(model, "target")
    worse = (pending_rank < rank) & (target_rank < rank)
    better = (pending_rank > rank) & (target_rank > rank)
    from_unknown = (pl.col("band") == UNKNOWN) & pending_rank.is_not_null()
    to_unknown = (pl.col("pending") == UNKNOWN) & (pl.col("target") == UNKNOWN)
    goes_on = (worse | better | from_unknown | to_unknown).fill_null(False)
    milder = (
        pl.when(worse & (pending_rank > target_rank) | better & (pending_rank < target_rank))
        .then("pending")
        .otherwise("target")
    )
    gap = timedelta(hours=steady.hours_between)
    later = (pl.lit(as_of).cast(_INSTANT) - pl.col("pending_at") >= gap).fill_null(True)
    needed = (
        pl.when(pl.col("target") == UNKNOWN)
        .then(pl.lit(steady.readings_to_unknown, dtype=pl.Int64))
        .otherwise(pl.lit(steady.readings, dtype=pl.Int64))
    )
    # Once there are enough, the count stands still: the memory is not rewritten day by day.
    counts = later & (pl.col("pending_count").fill_null(0) < needed)
    asks = pl.col("target").is_not_null()
    frame = frame.with_columns(
        pl.when(asks).then(pl.when(goes_on).then(milder).otherwise("target")).alias("to"),
        pl.when(asks)
        .then(
            pl.when(~goes_on)
            .then(pl.lit(1, dtype=pl.Int64))
            .otherwise(pl.col("pending_count").fill_null(0) + counts.cast(pl.Int64))
        )
        .alias("count"),
        pl.when(asks)
        .then(pl.when(goes_on & ~counts).then("pending_at").otherwise(pl.lit(as_of).cast(_INSTANT)))
        .alias("at"),
        needed.alias("needed"),
    )
    stayed = (pl.lit(day) - pl.col("since") >= timedelta(days=steady.days_in_band)).fill_null(True)
    free = stayed | (pl.col("band") == UNKNOWN) | (pl.col("target") == UNKNOWN)
    settled = asks & (pl.col("count") >= pl.col("needed")) & free
    return frame.with_columns(
        (pl.col("at_once") | settled.fill_null(False)).alias("moved"),
        pl.when(pl.col("at_once")).then("band_now").otherwise("to").alias("to"),
    )


def _at_once(model: Model) -> pl.Expr:
    """The first band; a person's; a worse one for a cap that gives the score or a great fall."""
    limits = {name: float(cap.at) for name, cap in model.caps.items()}
    limit = pl.col("capped").replace_strict(limits, default=None, return_dtype=pl.Float64)
    worse = pl.col("rank_now") < pl.col("rank")
    fallen = pl.col("shown") - pl.col("score") >= model.steadiness.fall
    persons = (pl.col("capped") == OVERRIDE).fill_null(False) & pl.col("rank_now").is_not_null()
    changes = (pl.col("band") != pl.col("band_now")).fill_null(False)
    return (
        pl.col("band").is_null()
        | (persons & changes)
        | (
            worse & ((limit == pl.col("score")).fill_null(False) | fallen.fill_null(False))
        ).fill_null(False)
    )
