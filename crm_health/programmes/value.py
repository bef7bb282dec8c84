"""What a customer gets out of it: the step on the value ladder, settled so that it does not bounce.

Up once a higher step has held for some days; down one step at a time, once it has not held for
more days; off at once where the first step's condition does not hold; a first step is given at
once. The step that a person gave stays until the conditions say another one than they did that
day, and a step that only people give has to be given again every year. A condition that nobody
can tell moves nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from crm_health.config.lifecycle import ValueLadder

#: What was: `level` as the CRM shows it (1 the first step; missing: none) and `since`; `edited`: a
#: person put it there since we wrote last; `held`: what the conditions said when a person did (0:
#: none, -1: nobody could tell); `next` and `next_since`: the step that it is on its way to, and
#: since when.
THEN: dict[str, Any] = {
    "level": pl.Int64,
    "since": pl.Date,
    "edited": pl.Boolean,
    "held": pl.Int64,
    "next": pl.Int64,
    "next_since": pl.Date,
}
_UNTOLD = -1


def settle(config: ValueLadder, then: pl.DataFrame, holds: pl.DataFrame, day: date) -> pl.DataFrame:
    """The step of each customer, and what has to be remembered of it.

    Args:
        config: The ladder.
        then: Columns of `THEN`.
        holds: One Boolean column a step, `1`, `2` and so on: whether its own condition holds,
            missing where nobody can tell or only people say; the same customers in the same order.
        day: Today.

    Returns:
        `value_stage` (the step's number), `value_stage_since`, `value_stage_days`,
        `value_stage_stuck`, `held`, `next`, `next_since`, in that order of customers.
    """
    steps = range(1, len(config.stages) + 1)
    frame = then.select(pl.col(name).cast(kind) for name, kind in THEN.items()).hstack(
        holds.select(pl.col(str(n)).cast(pl.Boolean).alias(f"@{n}") for n in steps)
    )
    known = pl.col("level").is_between(1, len(config.stages)).fill_null(False)
    frame = frame.with_columns(
        pl.when(known).then("level").alias("level"),
        pl.when(known).then(pl.min_horizontal("since", pl.lit(day)).fill_null(day)).alias("since"),
        pl.when(known).then("held").alias("held"),
        (pl.col("edited") & known).fill_null(False).alias("edited"),
        _told(config).alias("told"),
    )
    frame = frame.with_columns(
        pl.when("edited").then(pl.lit(day)).otherwise("since").alias("since"),
        pl.when("edited").then(pl.lit(_UNTOLD)).otherwise("held").alias("held"),
    )
    told, held = pl.col("told"), pl.col("held")
    frame = frame.with_columns(
        pl.when(held == _UNTOLD)
        .then(told.fill_null(_UNTOLD))
        .when((held == told) | told.is_null())
        .then(held)
        .alias("held")
    ).with_columns(_raw(config, day).alias("raw"))
    return _moved(config, frame, day)


def _told(config: ValueLadder) -> pl.Expr:
    """The step that the conditions alone give; missing where one that matters is not known."""
    found = pl.lit(0, pl.Int64)
    for n in range(len(config.stages), 0, -1):
        if config.stages[n - 1].when is None:
            found = pl.lit(n - 1, pl.Int64)
            continue
        holds = pl.col(f"@{n}")
        above = pl.max_horizontal(found, pl.lit(n)) if n < len(config.stages) else pl.lit(n)
        found = (
            pl.when(holds.is_null()).then(None).when(holds).then(above).otherwise(pl.lit(n - 1))
        ).cast(pl.Int64)
    return found


def _raw(config: ValueLadder, day: date) -> pl.Expr:
    """The step that holds for a customer who is where it is: what is not known stays so."""
    here = pl.col("level").fill_null(0)
    given = (pl.lit(day) - pl.col("since")).dt.total_days() < config.ask_after_days
    reached, all_hold = pl.lit(0, pl.Int64), pl.lit(True)
    for n, stage in enumerate(config.stages, 1):
        mine = n <= here
        # What only people give lasts for its year, for those who stand on it.
        holds = (mine & given.fill_null(False)) if stage.when is None else pl.col(f"@{n}")
        all_hold = all_hold & holds.fill_null(mine)
        reached = reached + all_hold.cast(pl.Int64)
    return reached


def _moved(config: ValueLadder, frame: pl.DataFrame, day: date) -> pl.DataFrame:
    today, here, raw = pl.lit(day), pl.col("level"), pl.col("raw")
    stuck = {n: stage.stuck_after_days for n, stage in enumerate(config.stages, 1)}
    free = pl.col("held").is_null()
    up, down = free & (raw > here), free & (raw < here)
    goes_up, goes_down = pl.col("next") > here, pl.col("next") < here
    first = pl.min_horizontal("next_since", today).fill_null(day)
    frame = frame.with_columns(
        # Up to the lowest step that held all the time; down a step.
        pl.when(up)
        .then(pl.when(goes_up).then(pl.min_horizontal("next", "raw")).otherwise("raw"))
        .when(down)
        .then(here - 1)
        .alias("to"),
        pl.when((up & goes_up) | (down & goes_down)).then(first).otherwise(today).alias("from"),
    )
    waited = (today - pl.col("from")).dt.total_days()
    needed = pl.when(up).then(config.up_after_days).otherwise(config.down_after_days)
    # Whoever does not use it gets nothing out of it; a person's word ends there as well.
    off = here.is_not_null() & (pl.col("@1") == False).fill_null(False)  # noqa: E712 - an expression
    off = off & (free | (pl.col("told") == 0).fill_null(False))
    new = here.is_null() & (raw > 0)
    moves = pl.col("to").is_not_null() & (waited >= needed)
    frame = frame.with_columns(
        off.fill_null(False).alias("off"),
        new.fill_null(False).alias("new"),
        moves.fill_null(False).alias("moves"),
    )
    changed = pl.col("off") | pl.col("new") | pl.col("moves")
    frame = frame.with_columns(
        pl.when(~pl.col("off"))
        .then(pl.when("new").then("raw").when("moves").then("to").otherwise("level"))
        .alias("level"),
        pl.when(changed).then(today).otherwise("since").alias("since"),
        changed.alias("changed"),
    )
    here = pl.col("level")
    # A step down may leave a further one to wait for: that wait begins today.
    further = pl.col("changed") & (raw < here) & free
    waits = (~pl.col("changed") & pl.col("to").is_not_null()).fill_null(False)
    days = (today - pl.col("since")).dt.total_days()
    limit = here.replace_strict(stuck, default=None, return_dtype=pl.Int64)
    kept = here.is_not_null()
    return frame.select(
        here.cast(pl.Float64).alias("value_stage"),
        pl.when(kept).then("since").alias("value_stage_since"),
        pl.when(kept).then(days).cast(pl.Float64).alias("value_stage_days"),
        pl.when(kept).then((days > limit).fill_null(False)).alias("value_stage_stuck"),
        pl.when(kept).then("held").alias("held"),
        pl.when(further).then(here - 1).when(waits).then("to").alias("next"),
        pl.when(further).then(today).when(waits).then("from").alias("next_since"),
    )
