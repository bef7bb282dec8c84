"""What is next at each customer, and the week's queue of touches: most attention first."""

from __future__ import annotations

import polars as pl

from crm_health.config.touches import PREFIX, Touches
from crm_health.programmes import episodes
from crm_health.programmes.touches import NEXT, following
from crm_health.sync.actions import Actions
from crm_health.sync.at_work import AtWork
from crm_health.sync.setting import Setting

_RULE = rf"^{episodes.PREFIX}:.+:({PREFIX}[a-z0-9_]+):\d+(?:#.*)?$"


def next_touches(setting: Setting, accounts: pl.DataFrame, actions: Actions) -> pl.DataFrame:
    """`account_id`, `next_touch` and `next_touch_due` of accounts in hand.

    Args:
        setting: Of the run.
        accounts: Everything known of them.
        actions: What holds now.
    """
    touches = setting.config.playbook.touches
    if touches is None:
        return pl.DataFrame(schema=NEXT)
    return following(touches, accounts, actions.found.filter("holds"))


def beyond_week(tasks: pl.DataFrame, setting: Setting, at_work: AtWork) -> pl.Series:
    """Keys of the planned tasks that a person's weekly queue has no place for.

    Those with the most attention come first; on Monday the places are free again.

    Args:
        tasks: Columns of `ration.TASKS`.
        setting: Of the run.
        at_work: What people have on their hands.
    """
    limits = _limits(setting.config.playbook.touches)
    mine = (
        tasks.with_columns(pl.col("key").str.extract(_RULE).alias("rule"))
        .join(limits, on="rule")
        .filter(pl.col("owner").is_not_null())
    )
    if mine.is_empty():
        return tasks["key"].clear()
    ranked = (
        mine.join(_count(at_work.made, limits), on=["owner", "rule"], how="left")
        .sort("attention", "key", descending=[True, False])
        .with_columns(pl.int_range(pl.len()).over("owner", "rule").alias("place"))
    )
    return ranked.filter(pl.col("place") + pl.col("made").fill_null(0) >= pl.col("a_week"))["key"]


def _limits(touches: Touches | None) -> pl.DataFrame:
    plan = touches.plan.items() if touches is not None else ()
    found = [(f"{PREFIX}{name}", touch.a_week) for name, touch in plan if touch.a_week is not None]
    return pl.DataFrame(found, schema={"rule": pl.String, "a_week": pl.Int64}, orient="row")


def _count(made: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """`owner`, `rule`, `made`: the tasks of this week."""
    mine = made.with_columns(pl.col("key").str.extract(_RULE).alias("rule"))
    return (
        mine.join(limits, on="rule", how="semi")
        .group_by(pl.col("owner_id").alias("owner"), "rule")
        .agg(pl.len().cast(pl.Int64).alias("made"))
    )
