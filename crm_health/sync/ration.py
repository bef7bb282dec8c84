"""A person's day: no more new tasks than somebody can do, most attention first."""

from __future__ import annotations

from typing import Any

import polars as pl

from crm_health.store import Store
from crm_health.sync.population import parts
from crm_health.sync.setting import Setting

#: What is known of each planned task.
TASKS: dict[str, Any] = {
    "key": pl.String,
    "owner": pl.String,
    #: Higher goes first.
    "attention": pl.Float64,
    "high": pl.Boolean,
}


def waiting(tasks: pl.DataFrame, store: Store, setting: Setting) -> pl.Series:
    """Keys of the tasks beyond a day's number; those of high severity always pass.

    They come back by themselves: a later sync derives them again from the same state.

    Args:
        tasks: Columns of `TASKS`, one row a planned task.
        store: The open database.
        setting: Of the run.
    """
    if tasks.is_empty():
        return tasks["key"]
    playbook = setting.config.playbook
    still_open, today = _at_work(store, setting)
    ranked = (
        tasks.join(still_open, on="owner", how="left")
        .join(today, on="owner", how="left")
        .with_columns(pl.col("open", "made").fill_null(0))
        .sort("high", "attention", "key", descending=[True, True, False])
        .with_columns(pl.int_range(pl.len()).over("owner").alias("place"))
    )
    return ranked.filter(
        ~pl.col("high")
        & (
            (pl.col("place") + pl.col("made") >= playbook.tasks_a_day)
            | (pl.col("place") + pl.col("open") >= playbook.tasks_open)
        )
    )["key"]


def _at_work(store: Store, setting: Setting) -> tuple[pl.DataFrame, pl.DataFrame]:
    """How many tasks of ours each owner has open, and how many were made today.

    Part by part: tasks and episodes grow with the years.
    """
    scopes = parts(store, setting)
    born = [
        store.mirror.load("episode", ["key", "opened_at"], scope)
        .filter(pl.col("opened_at") == setting.day)
        .select("key")
        for scope in scopes
    ]
    day = pl.concat(born)
    still_open, today = [], []
    for scope in scopes:
        tasks = store.mirror.load("task", ["owner_id", "key", "is_open"], scope)
        still_open.append(_count(tasks.filter(pl.col("is_open").fill_null(False))))
        keyed = tasks.with_columns(pl.col("key").str.split("#").list.first())
        today.append(_count(keyed.join(day, on="key", how="semi")))
    return _sum(still_open, "open"), _sum(today, "made")


def _count(tasks: pl.DataFrame) -> pl.DataFrame:
    return tasks.group_by(pl.col("owner_id").alias("owner")).agg(pl.len().cast(pl.Int64))


def _sum(counts: list[pl.DataFrame], name: str) -> pl.DataFrame:
    return pl.concat(counts).group_by("owner").agg(pl.col("len").sum().alias(name))
