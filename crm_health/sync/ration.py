"""A person's day: no more new tasks than somebody can do, most attention first."""

from __future__ import annotations

from typing import Any

import polars as pl

from crm_health.store import Scope, Store
from crm_health.sync.setting import Setting

#: What is known of each planned task.
TASKS: dict[str, Any] = {
    "key": pl.String,
    "owner": pl.String,
    #: Higher goes first.
    "attention": pl.Float64,
    "high": pl.Boolean,
}


def ration(
    rows: pl.DataFrame, tasks: pl.DataFrame, store: Store, setting: Setting
) -> tuple[pl.DataFrame, int]:
    """Leave out the tasks beyond a day's number; those of high severity always pass.

    Args:
        rows: The plan.
        tasks: Columns of `TASKS`, one row a planned task.

    Returns:
        The plan without the tasks that wait, and how many wait. They come back by themselves:
        a later sync derives them again from the same state.
    """
    if tasks.is_empty():
        return rows, 0
    playbook = setting.config.playbook
    existing = store.mirror.load("task", ["owner_id", "key", "is_open"], Scope.all())
    still_open = existing.filter(pl.col("is_open").fill_null(False))
    opened = store.mirror.load("episode", ["key", "opened_at"], Scope.all())
    today = existing.with_columns(pl.col("key").str.split("#").list.first()).join(
        opened.filter(pl.col("opened_at") == setting.day).select("key"), on="key", how="semi"
    )
    ranked = (
        tasks.join(_count(still_open, "open"), on="owner", how="left")
        .join(_count(today, "made"), on="owner", how="left")
        .with_columns(pl.col("open", "made").fill_null(0))
        .sort("high", "attention", "key", descending=[True, True, False])
        .with_columns(pl.int_range(pl.len()).over("owner").alias("place"))
    )
    waits = ranked.filter(
        ~pl.col("high")
        & (
            (pl.col("place") + pl.col("made") >= playbook.tasks_a_day)
            | (pl.col("place") + pl.col("open") >= playbook.tasks_open)
        )
    )
    held = (pl.col("kind") == "task") & pl.col("key").is_in(waits["key"].implode())
    return rows.filter(~held), waits.height


def _count(tasks: pl.DataFrame, name: str) -> pl.DataFrame:
    return tasks.group_by(pl.col("owner_id").alias("owner")).agg(
        pl.len().cast(pl.Int64).alias(name)
    )
