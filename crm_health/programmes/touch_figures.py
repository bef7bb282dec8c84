"""How the touch plan is kept, and what conversations were about."""

from __future__ import annotations

from typing import Any

import polars as pl

#: Of one customer and touch that its tier asks for: when it is due, and how often it was done.
ASKED: dict[str, Any] = {
    "account_id": pl.String,
    "touch": pl.String,
    "tier": pl.String,
    "csm": pl.String,
    "overdue": pl.Boolean,
    "done": pl.Int64,
}
#: A conversation within so many days after something went wrong is an answer to it.
REACTIVE_DAYS = 14
#: What a conversation was, in the order in which it is asked.
MIX = ("reactive", "expansion", "planned")


def kept(asked: pl.DataFrame, by: str) -> pl.DataFrame:
    """How the plan is kept, a row a group and touch, and one a group for all of its touches.

    `due` is how many customers the plan asks it of, `overdue` for how many its day has passed,
    `on_plan` the share of `due` for which it has not, `done` how many took place in the window.

    Args:
        asked: Columns of `ASKED`.
        by: `tier` or `csm`.

    Returns:
        `group`, `touch` (null: all), `due`, `overdue`, `on_plan`, `done`; groups in order.
    """
    figures = (
        pl.len().cast(pl.Int64).alias("due"),
        pl.col("overdue").sum().cast(pl.Int64),
        (1 - pl.col("overdue").mean()).alias("on_plan"),
        pl.col("done").sum(),
    )
    rows = asked.rename({by: "group"})
    each = rows.group_by("group", "touch").agg(*figures)
    # Two touches may rest on one fact: of all of them together `done` would count it twice.
    every = (
        rows.group_by("group")
        .agg(*figures)
        .with_columns(pl.lit(None, pl.String).alias("touch"), pl.lit(None, pl.Int64).alias("done"))
    )
    return pl.concat([each, every.select(each.columns)]).sort("group", "touch", nulls_last=True)


def mix(talks: pl.DataFrame, troubles: pl.DataFrame, deals: pl.DataFrame) -> pl.DataFrame:
    """What conversations were: `tier`, `talks`, and the number of each of `MIX`.

    Reactive: something went wrong at the customer (a case, a risk that made a task, an escalation)
    in the `REACTIVE_DAYS` before. Expansion: a deal to buy more was open. Planned: all others.

    Args:
        talks: `account_id`, `tier`, `day`, a row a conversation.
        troubles: `account_id`, `day`.
        deals: `account_id`, `day` (opened) and `until` (closed, null while open).
    """
    ordered = talks.sort("day").with_row_index("n")
    last = ordered.join_asof(
        troubles.select("account_id", pl.col("day").alias("trouble")).sort("trouble"),
        left_on="day",
        right_on="trouble",
        by="account_id",
        check_sortedness=False,
    )
    reactive = ((pl.col("day") - pl.col("trouble")).dt.total_days() <= REACTIVE_DAYS).fill_null(
        value=False
    )
    open_deals = (
        ordered.select("n", "account_id", "day")
        .join(deals.rename({"day": "opened"}), on="account_id")
        .filter(
            (pl.col("opened") <= pl.col("day"))
            & (pl.col("until").is_null() | (pl.col("until") >= pl.col("day")))
        )["n"]
    )
    what = (
        pl.when(reactive)
        .then(pl.lit("reactive"))
        .when(pl.col("n").is_in(open_deals.implode()))
        .then(pl.lit("expansion"))
        .otherwise(pl.lit("planned"))
    )
    return (
        last.with_columns(what.alias("what"))
        .group_by("tier")
        .agg(
            pl.len().cast(pl.Int64).alias("talks"),
            *((pl.col("what") == name).sum().cast(pl.Int64).alias(name) for name in MIX),
        )
        .sort("tier")
    )
