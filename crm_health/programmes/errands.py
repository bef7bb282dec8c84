"""Errands: the tasks that an escalation asks for. Each is known by a key unique in the CRM.

ca1:<account>:<rule>:<n>:<action>         an action that its reason requires, ours
ca1:@<record>:<action>                    the same for one that a person opened
...:told_open, ...:told_<epoch minutes>   leadership is told: at opening, of a due that passed
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

PREFIX = "ca1:"
#: The name of errands that tell leadership begins with it.
TOLD = "told_"

#: So long an escalation's errands are made where they are not there.
ASKED_DAYS = 3

#: One errand that is wanted.
ERRANDS: dict[str, Any] = {
    "escalation": pl.String,
    "action": pl.String,
    "key": pl.String,
}


def stem(key: pl.Expr, record: pl.Expr) -> pl.Expr:
    """What the keys of an escalation's errands have in common, behind the prefix."""
    return pl.coalesce(key.str.strip_prefix("ch1:"), pl.concat_str(pl.lit("@"), record))


def wanted(
    open_ones: pl.DataFrame, required: pl.DataFrame, there: pl.DataFrame, day: date
) -> pl.DataFrame:
    """The errands that are not there yet.

    Only of the last `ASKED_DAYS`, which makes good what a crash left undone: where the CRM forgets
    the key with its task, what a person deleted would come back for ever.

    Args:
        open_ones: Escalations that are open: `id`, `stem`, `reason` (slug), `silent`, `tell` (as
            `escalations.wanted` has it), `overdue`, `told_on` (a date), `due_at` (as they should
            be), `since` (the day from which it asks).
        required: `reason`, `action`: what each reason asks for.
        there: What exists: `key`, `opened_at` (the day when it was made).
        day: Today.

    Returns:
        Columns of `ERRANDS`: the actions of each escalation, and what leadership is told.
    """
    lately = day - timedelta(days=ASKED_DAYS)
    heard = open_ones.filter(~pl.col("silent") & (pl.col("since") >= lately))
    actions = heard.join(required, on="reason", maintain_order="left").select(
        pl.col("id").alias("escalation"), "action", _key(pl.col("stem"), pl.col("action"))
    )
    open_ones = open_ones.join(_told(there), on="stem", how="left", maintain_order="left")
    due = (pl.col("due_at").dt.epoch("s") // 60).cast(pl.String)
    name = (
        pl.when(pl.col("overdue"))
        .then(pl.concat_str(pl.lit(TOLD), due))
        .otherwise(pl.lit(f"{TOLD}open"))
    )
    # A record that says it was told, without a task made since that tells it: it was refused. Of a
    # due the task is named by it; by another name where a person has moved it since.
    heard_since = (
        pl.when(pl.col("overdue"))
        .then(pl.col("of_due") >= pl.col("told_on"))
        .otherwise(pl.col("of_any").is_not_null())
        .fill_null(False)
    )
    untold = pl.col("tell").is_not_null() | ((pl.col("told_on") >= lately) & ~heard_since)
    leaders = open_ones.filter(untold).select(
        pl.col("id").alias("escalation"), name.alias("action"), _key(pl.col("stem"), name)
    )
    found = pl.concat([actions, leaders]).filter(~pl.col("key").is_in(there["key"].implode()))
    return found.select(list(ERRANDS))


def _told(there: pl.DataFrame) -> pl.DataFrame:
    """When leadership was last given a task: `stem`, `of_any`, `of_due` (those of a due alone)."""
    opening = pl.col("key").str.ends_with(f":{TOLD}open")
    return (
        there.filter(pl.col("key").str.contains(f":{TOLD}", literal=True))
        .with_columns(pl.col("key").str.extract(rf"^{PREFIX}(.*):{TOLD}").alias("stem"))
        .group_by("stem")
        .agg(
            pl.col("opened_at").max().alias("of_any"),
            pl.col("opened_at").filter(~opening).max().alias("of_due"),
        )
    )


def _key(base: pl.Expr, action: pl.Expr) -> pl.Expr:
    return pl.concat_str(pl.lit(PREFIX), base, pl.lit(":"), action).alias("key")


def of(stems: pl.Series, keyed: pl.DataFrame) -> pl.DataFrame:
    """The rows whose `key` is that of an errand of some escalations.

    Args:
        stems: Theirs.
        keyed: `key`, and more.
    """
    ours = pl.col("key").str.starts_with(PREFIX)
    return keyed.filter(ours & asking(pl.col("key")).is_in(stems.implode()))


def asking(key: pl.Expr) -> pl.Expr:
    """The stem of the escalation that an errand belongs to, from the errand's key."""
    return key.str.strip_prefix(PREFIX).str.replace(r":[a-z0-9_]+$", "")
