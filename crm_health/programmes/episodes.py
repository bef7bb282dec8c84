"""Episodes: when a rule's occurrence opens and clears, decided from the CRM's own records.

An episode is known by its key `ch1:<account>:<rule>:<n>`, which is unique in the CRM; n is the
highest number ever seen there plus one. Whatever two runs think, one of them creates it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from crm_health.config.playbook import Alert
from crm_health.programmes.memory import stands

PREFIX = "ch1"

#: Episodes as read back: task alerts keep theirs in episode records, escalations are their own.
KNOWN: dict[str, Any] = {
    "id": pl.String,
    "account_id": pl.String,
    "key": pl.String,
    "opened_at": pl.Date,
    "cleared_at": pl.Date,
}


def is_ours(key: pl.Expr) -> pl.Expr:
    """Whether a key is one that a rule gave; never missing."""
    return key.str.starts_with(f"{PREFIX}:").fill_null(False)


def with_rule(known: pl.DataFrame) -> pl.DataFrame:
    """Add `rule` and `number` from the key; rows whose key is not ours fall out."""
    parts = pl.col("key").str.extract_groups(rf"^{PREFIX}:(.+):([a-z0-9_]+):(\d+)$")
    return (
        known.with_columns(parts.alias("_parts"))
        .with_columns(
            pl.col("_parts").struct.field("2").alias("rule"),
            pl.col("_parts").struct.field("3").cast(pl.Int64, strict=False).alias("number"),
        )
        .drop("_parts")
        .filter(pl.col("number").is_not_null())
    )


def latest(known: pl.DataFrame) -> pl.DataFrame:
    """What is known of each account and rule: `number`, `opened_at`, `cleared_at`.

    After a merge of accounts one may have several that go on: then none counts as cleared.
    """
    over = pl.col("cleared_at").is_not_null().all()
    return known.group_by("account_id", "rule").agg(
        pl.col("number").max(),
        pl.col("opened_at").max(),
        pl.when(over).then(pl.col("cleared_at").max()).alias("cleared_at"),
    )


def conditions(alerts: Mapping[str, Alert], accounts: pl.DataFrame) -> pl.DataFrame:
    """Evaluate every alert over the accounts' facts and scores.

    Returns:
        `account_id`, `rule`, `holds`, `clears` (null: nobody knows, so nothing happens),
        `since` (the date the cause began, for alerts that name one).
    """
    frames = []
    for rule, alert in alerts.items():
        holds = pl.sql_expr(alert.when)
        # What holds is not over, whatever `clear` says: it would open and clear by turns.
        over = pl.sql_expr(alert.clear) if alert.clear else pl.lit(True)
        clears = over & ~holds
        since = pl.col(alert.since) if alert.since else pl.lit(None, pl.Date)
        frames.append(
            accounts.select(
                "account_id",
                pl.lit(rule).alias("rule"),
                holds.cast(pl.Boolean).alias("holds"),
                clears.cast(pl.Boolean).alias("clears"),
                since.cast(pl.Date).alias("since"),
            )
        )
    if not frames:
        return pl.DataFrame(
            schema={
                "account_id": pl.String,
                "rule": pl.String,
                "holds": pl.Boolean,
                "clears": pl.Boolean,
                "since": pl.Date,
            }
        )
    return pl.concat(frames)


def opening(
    alerts: Mapping[str, Alert],
    found: pl.DataFrame,
    last: pl.DataFrame,
    standing: pl.DataFrame,
    day: date,
) -> pl.DataFrame:
    """The episodes to open.

    Args:
        found: As `conditions` gives it.
        last: As `latest` gives it.
        standing: `account_id`, `first` (never synced before), `standing` (rules that held
            then, separated by commas).

    Returns:
        `account_id`, `rule`, `number`, `key`.
    """
    per_rule = pl.DataFrame(
        {
            "rule": list(alerts),
            "cool": [alert.cool_days for alert in alerts.values()],
            "at_first": [alert.on_first_sync for alert in alerts.values()],
        },
        schema={"rule": pl.String, "cool": pl.Int64, "at_first": pl.Boolean},
    )
    never = pl.col("number").is_null()
    cooled = (pl.lit(day) - pl.col("cleared_at")).dt.total_days() >= pl.col("cool")
    newer = pl.col("since").is_null() | (pl.col("opened_at") < pl.col("since"))
    stood = stands(pl.col("standing"), pl.col("rule"))
    allowed = pl.col("at_first") | ~(pl.col("first") | stood)
    return (
        found.filter(pl.col("holds"))
        .join(per_rule, on="rule")
        .join(
            last.select("account_id", "rule", "number", "opened_at", "cleared_at"),
            on=["account_id", "rule"],
            how="left",
        )
        .join(standing, on="account_id", how="left")
        .filter(allowed.fill_null(True) & (never | (cooled & newer)).fill_null(False))
        .with_columns((pl.col("number").fill_null(0) + 1).alias("number"))
        .select(
            "account_id",
            "rule",
            "number",
            pl.concat_str(
                pl.lit(f"{PREFIX}:"),
                "account_id",
                pl.lit(":"),
                "rule",
                pl.lit(":"),
                pl.col("number").cast(pl.String),
            ).alias("key"),
        )
        .sort("account_id", "rule")
    )


def clearing(found: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The episodes that are not cleared and whose condition is over: rows of `known`."""
    over = found.filter(pl.col("clears")).select("account_id", "rule")
    return known.filter(pl.col("cleared_at").is_null()).join(
        over, on=["account_id", "rule"], how="semi"
    )


def standing_rules(
    alerts: Mapping[str, Alert], found: pl.DataFrame, memories: pl.DataFrame
) -> pl.DataFrame:
    """Rules that held at an account's first sync and still do: `account_id`, `standing`."""
    quiet = [rule for rule, alert in alerts.items() if not alert.on_first_sync]
    kept = (
        found.filter(pl.col("holds").fill_null(True) & pl.col("rule").is_in(quiet))
        .join(memories.select("account_id", "known", "standing"), on="account_id")
        .filter(~pl.col("known") | stands(pl.col("standing"), pl.col("rule")))
        # At the first sync only what surely holds stands; later, what may still hold does.
        .filter(pl.col("known") | pl.col("holds").fill_null(False))
    )
    return (
        kept.sort("account_id", "rule")
        .group_by("account_id", maintain_order=True)
        .agg(pl.col("rule").str.join(",").alias("standing"))
    )
