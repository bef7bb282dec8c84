"""Account hierarchies that bite their own tail: found, counted and shown."""

from __future__ import annotations

import polars as pl

from crm_health.store import Scope, Store
from crm_health.sync.setting import Setting

PROBLEM = "parent cycle"


def note_cycles(store: Store, setting: Setting) -> int:
    """Note the accounts that are their own ancestors in the quarantine; how many there are.

    Nothing else happens to them: their own facts do not depend on their parents.
    """
    if "parent_id" not in setting.reads.shapes["account"]:
        return 0
    accounts = store.mirror.load("account", ["parent_id"], Scope.all())
    looped = cycles(accounts.select("id", "parent_id"))
    feed = next(f for f in setting.reads.feeds if f.entity == "account")
    named = {
        "object": feed.object,
        "path": feed.columns["parent_id"].paths[0],
        "problem": PROBLEM,
    }
    frame = looped.to_frame("id").with_columns(pl.lit(v).alias(k) for k, v in named.items())
    with store.mirror.page() as tx:
        tx.replace_problem(PROBLEM, frame)
    return frame.height


def cycles(parents: pl.DataFrame) -> pl.Series:
    """Ids of the records that are their own ancestors, sorted.

    Args:
        parents: `id`, `parent_id`; parents that are not there end a chain.
    """
    step = parents.drop_nulls().unique("id", keep="first")
    at = step.rename({"parent_id": "end"})
    # Pointers double at each turn: after log2(n) turns a chain has ended, or runs in a circle.
    for _ in range(max(1, step.height).bit_length()):
        onward = at.rename({"id": "end", "end": "next"})
        at = at.join(onward, on="end", how="inner").select("id", pl.col("next").alias("end"))
    return at["end"].unique().sort().alias("id")
