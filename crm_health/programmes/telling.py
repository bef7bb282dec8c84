"""Which alerts make a task, and which become a line in one: one open risk task an account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_health.config.alerts import Alert
from crm_health.programmes import told

#: The gravest first.
SEVERITIES = ("high", "medium", "low")

#: Tasks of ours that are open: each with the key of the episode it was made with.
OPEN: dict[str, Any] = {"account_id": pl.String, "base": pl.String, "untouched": pl.Boolean}
#: What a task tells of, a row each; `base` is the key of the task's own episode.
LINES: dict[str, Any] = {
    "account_id": pl.String,
    "base": pl.String,
    "rule": pl.String,
    "number": pl.Int64,
}


@dataclass(frozen=True)
class Telling:
    """Columns of what is opened, shared out."""

    #: What makes a task of its own.
    makes: pl.DataFrame
    #: What is told by another one's task, with its `base`; `new` where that is made now as well.
    joins: pl.DataFrame


def urgency(alerts: Mapping[str, Alert]) -> pl.DataFrame:
    """`rule`, `polarity`, `severity` and `urgency`: 0 for the most urgent; ties by the playbook."""
    ordered = sorted(alerts, key=lambda rule: SEVERITIES.index(alerts[rule].severity))
    return pl.DataFrame(
        {
            "rule": ordered,
            "polarity": [alerts[rule].polarity for rule in ordered],
            "severity": [alerts[rule].severity for rule in ordered],
            "urgency": range(len(ordered)),
        },
        schema={
            "rule": pl.String,
            "polarity": pl.String,
            "severity": pl.String,
            "urgency": pl.Int64,
        },
    )


def share(alerts: Mapping[str, Alert], opens: pl.DataFrame, standing: pl.DataFrame) -> Telling:
    """Share out what opens between new tasks and those that are there.

    Args:
        alerts: By rule.
        opens: `account_id`, `rule`, `key` and others, of alerts that make tasks.
        standing: Columns of `OPEN`, of tasks about risks.
    """
    ranked = opens.join(urgency(alerts).drop("severity"), on="rule", maintain_order="left")
    risks = ranked.filter(pl.col("polarity") == "risk").sort("account_id", "urgency")
    there = carriers(standing)
    joined = risks.join(there, on="account_id", maintain_order="left").with_columns(
        pl.lit(False).alias("new")
    )
    others = risks.join(there, on="account_id", how="anti").with_columns(
        pl.col("key").first().over("account_id").alias("base")
    )
    first = pl.col("key") == pl.col("base")
    joined_new = others.filter(~first).with_columns(pl.lit(True).alias("new"))
    makes = pl.concat(
        [ranked.filter(pl.col("polarity") != "risk"), others.filter(first).drop("base")]
    )
    drop = ["polarity", "urgency"]
    return Telling(
        makes.sort("account_id", "rule").drop(drop),
        pl.concat([joined, joined_new]).drop(drop),
    )


def carriers(standing: pl.DataFrame) -> pl.DataFrame:
    """The task that takes further risks: `account_id`, `base`.

    Of several, as after a merge of accounts, the one that people work on, else the first.
    """
    return (
        standing.sort("account_id", "untouched", "base")
        .group_by("account_id", maintain_order=True)
        .agg(pl.col("base").first())
    )


def entries(known: pl.DataFrame, cleared: pl.Series, joins: pl.DataFrame, day: Any) -> pl.DataFrame:
    """The entries of the tasks' texts as they should be: columns of `told.ENTRIES`.

    Args:
        known: Entries as read back, with `key`.
        cleared: Keys of episodes that are over as of this run.
        joins: As `Telling` has them.
        day: Today.
    """
    now_over = pl.col("cleared_at").is_null() & pl.col("key").is_in(cleared.implode())
    names = list(told.ENTRIES)
    kept = known.with_columns(
        pl.when(now_over).then(pl.lit(day)).otherwise("cleared_at").alias("cleared_at")
    )
    new = joins.with_columns(
        pl.lit(day).alias("opened_at"), pl.lit(None, pl.Date).alias("cleared_at")
    )
    # Of a rule that opens again the number before has said all it had to say.
    again = kept.join(new.select("base", "rule"), on=["base", "rule"], how="anti")
    return pl.concat(
        [
            again.select(pl.col(name).cast(kind) for name, kind in told.ENTRIES.items()),
            new.select(pl.col(name).cast(kind) for name, kind in told.ENTRIES.items()),
        ]
    ).select(names)
