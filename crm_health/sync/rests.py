"""Rows of a plan that rest on others: what the CRM did not take must not count as done.

| did not get through      | waits with it                                                       |
| ------------------------ | ------------------------------------------------------------------- |
| a line in an open task   | the note that keeps it in mind: else nobody would be told of it     |
| a new escalation         | the tasks that it asks for, and the end of what it takes the place of |
| word of a due that passed | the record's date of it: else leadership would count as told         |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from crm_health.config.alerts import Alert
from crm_health.programmes import episodes, errands

#: Kinds of rows on which others rest, and those others.
LEADS = ("escalation", "tell_task", "errand")
FOLLOW = ("errand", "note_episode", "clear_episode", "close_task", "time_escalation")
#: What is known of a row here.
ROWS: dict[str, Any] = dict.fromkeys(("kind", "key", "account_id", "record_id"), pl.String)


def resting(rows: pl.DataFrame, failed: pl.DataFrame, alerts: Mapping[str, Alert]) -> pl.DataFrame:
    """The rows that rest on others which did not get through.

    Args:
        rows: Columns of `ROWS` and others, of the kinds `FOLLOW`.
        failed: Columns of `ROWS`, of any kind: what did not get through.
        alerts: Of the playbook.
    """
    told = failed.filter(pl.col("kind") == "tell_task")["key"]
    missing = episodes.with_rule(failed.filter(pl.col("kind") == "escalation"))
    stems = missing.select(errands.stem(pl.col("key"), pl.col("key")).alias("stem"))["stem"]
    asked = errands.of(stems, rows.filter(pl.col("kind") == "errand"))["key"]
    takes = {one: list(alerts[one].replaces) for one in missing["rule"] if one in alerts}
    replaced = missing.select(
        "account_id",
        pl.col("rule")
        .replace_strict(takes, default=None, return_dtype=pl.List(pl.String))
        .alias("rule"),
    ).explode("rule", empty_as_null=False)
    rule = episodes.base(pl.col("key")).str.extract(rf"^{episodes.PREFIX}:.+:([a-z0-9_]+):\d+$")
    untold = failed.filter(pl.col("key").str.contains(rf"^{errands.PREFIX}.*:{errands.TOLD}\d+$"))
    late = untold.select(errands.asking(pl.col("key"))).to_series()
    stem = errands.stem(pl.col("key"), pl.col("record_id"))
    place = rows.select(*ROWS, rule.alias("rule")).with_row_index("place")
    ends = place.filter(pl.col("kind").is_in(["clear_episode", "close_task"])).join(
        replaced, on=["account_id", "rule"], how="semi"
    )["place"]
    kind, key = pl.col("kind"), pl.col("key")
    noted = (kind == "note_episode") & key.is_in(told.implode())
    wanted = (kind == "errand") & key.is_in(asked.implode())
    told_of = (kind == "time_escalation") & stem.is_in(late.implode())
    waits = place.select(
        noted | wanted | told_of | pl.col("place").is_in(ends.implode())
    ).to_series()
    return rows.filter(waits.fill_null(value=False))
