"""Where a customer stands with us: the stage of the lifecycle, settled so that it does not bounce.

| from, to                    | moves                                                          |
| --------------------------- | -------------------------------------------------------------- |
| none yet                    | at once                                                        |
| into or out of `at_once`    | at once                                                        |
| back into `never_again`     | never; the next stage that holds counts instead                |
| any, another                | after the dwell, and `leave_after_days` of not holding         |

The stage that a person gave stays until the conditions say another one than they did that day. A
condition that nobody can tell does not hold, and does not end: it moves nothing.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from crm_health.config.lifecycle import Lifecycle

#: What was: `stage` as the CRM shows it (missing: none, or none of ours) and `since`; `edited`: a
#: person put it there since we wrote last; `held`: what the conditions said when a person did;
#: `out_since`: the day from which on another stage held.
THEN: dict[str, Any] = {
    "stage": pl.String,
    "since": pl.Date,
    "edited": pl.Boolean,
    "held": pl.String,
    "out_since": pl.Date,
}
#: In `held`, where nobody could tell on that day.
UNTOLD = "?"


def settle(config: Lifecycle, then: pl.DataFrame, holds: pl.DataFrame, day: date) -> pl.DataFrame:
    """The stage of each customer, and what has to be remembered of it.

    Args:
        config: The stages.
        then: Columns of `THEN`.
        holds: One Boolean column a stage, by its name: whether its condition holds, missing where
            nobody can tell; the same customers in the same order.
        day: Today.

    Returns:
        `stage`, `stage_since`, `stage_days`, `stage_stuck`, `held`, `out_since`, in that order of
        customers.
    """
    names = [stage.name for stage in config.stages]
    frame = then.select(pl.col(name).cast(kind) for name, kind in THEN.items()).hstack(
        holds.select(pl.col(name).cast(pl.Boolean).alias(f"@{name}") for name in names)
    )
    known = pl.col("stage").is_in(names)
    frame = frame.with_columns(
        pl.when(known).then("stage").alias("stage"),
        # A day to come is somebody's slip.
        pl.when(known).then(pl.min_horizontal("since", pl.lit(day)).fill_null(day)).alias("since"),
        pl.when(known).then("held").alias("held"),
        (pl.col("edited") & known).fill_null(False).alias("edited"),
        _told(names).alias("told"),
    )
    frame = frame.with_columns(
        pl.when("edited").then(pl.col("told").fill_null(UNTOLD)).otherwise("held").alias("held"),
        pl.when("edited").then(pl.lit(day)).otherwise("since").alias("since"),
    )
    same = (pl.col("held") == pl.col("told")) | pl.col("told").is_null()
    frame = frame.with_columns(
        pl.when((pl.col("held") == UNTOLD) | same)
        .then(
            pl.when(pl.col("held") == UNTOLD)
            .then(pl.col("told").fill_null(UNTOLD))
            .otherwise("held")
        )
        .alias("held")
    )
    return _moved(config, frame, day)


def _told(names: list[str]) -> pl.Expr:
    """The first stage whose condition holds; missing where one before it is not known."""
    found = pl.lit(None, pl.String)
    for name in reversed(names):
        holds = pl.col(f"@{name}")
        found = pl.when(holds.is_null()).then(None).when(holds).then(pl.lit(name)).otherwise(found)
    return found


def _target(config: Lifecycle) -> pl.Expr:
    """Where the customer should be now, having been where it is."""
    here = pl.col("stage")
    found = here
    for stage in reversed(config.stages):
        mine = (here == stage.name).fill_null(False)
        holds = pl.col(f"@{stage.name}").fill_null(mine)
        if stage.never_again:
            holds = holds & (here.is_null() | mine)
        found = pl.when(holds).then(pl.lit(stage.name)).otherwise(found)
    return found


def _moved(config: Lifecycle, frame: pl.DataFrame, day: date) -> pl.DataFrame:
    today, here, to = pl.lit(day), pl.col("stage"), pl.col("to")
    at_once = [stage.name for stage in config.stages if stage.at_once]
    waits = {stage.name: stage.leave_after_days for stage in config.stages}
    stuck = {stage.name: stage.stuck_after_days for stage in config.stages}
    frame = frame.with_columns(
        pl.when(pl.col("held").is_not_null()).then(here).otherwise(_target(config)).alias("to")
    )
    leaves = (here != to).fill_null(False)
    # Of stages that are left at once nothing needs to be remembered.
    wait = here.replace_strict(waits, default=0, return_dtype=pl.Int64).fill_null(0)
    frame = frame.with_columns(
        pl.when(leaves & (wait > 0))
        .then(pl.min_horizontal("out_since", today).fill_null(day))
        .alias("out_since")
    )
    out = (today - pl.col("out_since")).dt.total_days().fill_null(0)
    dwelt = (today - pl.col("since")).dt.total_days() >= config.dwell_days
    free = dwelt & (out >= wait)
    moves = (here.is_null() & to.is_not_null()) | (
        leaves & (here.is_in(at_once) | to.is_in(at_once) | free)
    )
    frame = frame.with_columns(moves.fill_null(False).alias("moves")).with_columns(
        pl.when("moves").then("to").otherwise("stage").alias("stage"),
        pl.when("moves").then(today).otherwise("since").alias("since"),
        pl.when(~pl.col("moves")).then("out_since").alias("out_since"),
    )
    days = (today - pl.col("since")).dt.total_days()
    limit = here.replace_strict(stuck, default=None, return_dtype=pl.Int64)
    return frame.select(
        "stage",
        pl.col("since").alias("stage_since"),
        days.cast(pl.Float64).alias("stage_days"),
        pl.when(here.is_not_null()).then((days > limit).fill_null(False)).alias("stage_stuck"),
        "held",
        "out_since",
    )
