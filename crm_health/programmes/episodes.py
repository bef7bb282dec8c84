"""Episodes: when a rule's occurrence opens and clears, decided from the CRM's own records.

An episode is known by its key `ch1:<account>:<rule>:<n>`, which is unique in the CRM; n is the
highest number ever seen there plus one. Whatever two runs think, one of them creates it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from crm_health.config.alerts import Alert
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
#: What `conditions` finds.
FOUND: dict[str, Any] = {
    "account_id": pl.String,
    "rule": pl.String,
    #: Null: nobody knows, so nothing happens.
    "holds": pl.Boolean,
    "clears": pl.Boolean,
    #: When the cause began, of alerts that name it.
    "since": pl.Date,
    #: For the fields only.
    "quiet": pl.Boolean,
    #: What would be kept of today if it opened now.
    "baseline": pl.Float64,
}


def key(account: pl.Expr, rule: pl.Expr, number: pl.Expr) -> pl.Expr:
    """The key of an episode."""
    parts = [pl.lit(PREFIX), account, rule, number.cast(pl.String)]
    return pl.concat_str(parts, separator=":")


def base(sealed: pl.Expr) -> pl.Expr:
    """The key of a task's episode: its own ends in a seal. Account ids may hold anything."""
    return sealed.str.replace(r"#[0-9a-f]{8}$", "")


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


def conditions(
    alerts: Mapping[str, Alert],
    accounts: pl.DataFrame,
    kept: pl.DataFrame | None = None,
    quiet: str | None = None,
) -> pl.DataFrame:
    """Evaluate every alert over the accounts' facts and scores.

    Args:
        alerts: By rule.
        accounts: What the conditions read, one row an account.
        kept: `account_id`, `rule`, `baseline`: what open episodes keep of the day they opened.
        quiet: Where this holds, alerts are for the fields only.

    Returns:
        Columns of `FOUND`, one row an account and rule. With `kept` only those that matter: what
        holds or may hold, and what is over of these episodes.
    """
    frames = [pl.DataFrame(schema=FOUND)]
    for rule, alert in alerts.items():
        view = accounts
        if alert.baseline is not None:
            view = _with_baseline(accounts, rule, kept)
        columns = {
            "rule": pl.lit(rule),
            "holds": pl.sql_expr(alert.when),
            "clears": _over(alert),
            "since": _since(alert.since, accounts),
            "quiet": _quiet(alert, quiet),
            "baseline": pl.sql_expr(alert.baseline) if alert.baseline else pl.lit(None),
        }
        typed = (expr.cast(FOUND[name]).alias(name) for name, expr in columns.items())
        told = view.select("account_id", *typed)
        if kept is not None:
            # Most rules hold for few, and of the others few have an episode that could end.
            going = pl.col("account_id").is_in(kept.filter(rule=rule)["account_id"].implode())
            told = told.filter(pl.col("holds").fill_null(True) | (pl.col("clears") & going))
        frames.append(told)
    return pl.concat(frames)


def _with_baseline(accounts: pl.DataFrame, rule: str, kept: pl.DataFrame | None) -> pl.DataFrame:
    if kept is None:
        return accounts.with_columns(pl.lit(None, pl.Float64).alias("baseline"))
    mine = kept.filter(pl.col("rule") == rule).group_by("account_id").agg(pl.col("baseline").max())
    return accounts.join(mine, on="account_id", how="left", maintain_order="left")


def _over(alert: Alert) -> pl.Expr:
    """What clears it. What holds is not over, whatever `clear` says: it would open by turns."""
    holds = pl.sql_expr(alert.when)
    # An event does not clear with the clock.
    over = pl.sql_expr(alert.clear) if alert.clear else pl.lit(alert.since is None)
    if alert.baseline is not None:
        over = pl.when(pl.col("baseline").is_not_null()).then(over).otherwise(True)
    return over & ~holds


def _since(name: str | None, accounts: pl.DataFrame) -> pl.Expr:
    if name is None:
        return pl.lit(None, pl.Date)
    if not accounts.schema[name].is_numeric():
        return pl.col(name)
    # Days since: the day they mean.
    return pl.col("day") - pl.duration(days=pl.col(name).cast(pl.Float64).round().cast(pl.Int64))


def _quiet(alert: Alert, everywhere: str | None) -> pl.Expr:
    if alert.does == "quiet":
        return pl.lit(True)
    # What is grave enough to escalate is quiet for nobody, but where it says so itself.
    others = None if alert.does == "escalate" else everywhere
    texts = [text for text in (alert.quiet, others) if text is not None]
    return pl.any_horizontal(pl.lit(False), *(pl.sql_expr(t).fill_null(False) for t in texts))


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
        `account_id`, `rule`, `number`, `key`, `baseline`.
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
        found.filter(pl.col("holds") & ~pl.col("quiet"))
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
            key(pl.col("account_id"), pl.col("rule"), pl.col("number")).alias("key"),
            "baseline",
        )
        .sort("account_id", "rule")
    )


def clearing(
    found: pl.DataFrame, known: pl.DataFrame, over: pl.Series | None = None
) -> pl.DataFrame:
    """The episodes that are not cleared and whose condition is over: rows of `known`.

    Args:
        found: As `conditions` gives it.
        known: Episodes, with `rule`.
        over: Keys of what is over for another reason.
    """
    goes_on = known.filter(pl.col("cleared_at").is_null())
    ends = found.filter(pl.col("clears")).select("account_id", "rule", pl.lit(True).alias("_ends"))
    told = pl.lit(False) if over is None else pl.col("key").is_in(over.implode())
    return (
        goes_on.join(ends, on=["account_id", "rule"], how="left", maintain_order="left")
        .filter(pl.col("_ends").fill_null(False) | told)
        .drop("_ends")
    )


def expired(alerts: Mapping[str, Alert], day: date) -> pl.Expr:
    """The days after which an episode is no news any more, where it lasted so long; else null.

    Reads `rule`, `opened_at` and `cleared_at`.
    """
    limits = {rule: alert.expires_days for rule, alert in alerts.items() if alert.expires_days}
    limit = pl.col("rule").replace_strict(limits, default=None, return_dtype=pl.Int64)
    age = (pl.coalesce("cleared_at", pl.lit(day)) - pl.col("opened_at")).dt.total_days()
    return pl.when(age >= limit).then(limit)


def standing_rules(
    alerts: Mapping[str, Alert], found: pl.DataFrame, memories: pl.DataFrame
) -> pl.DataFrame:
    """Rules that held at an account's first sync and still do: `account_id`, `standing`."""
    later = [r for r, a in alerts.items() if not a.on_first_sync and a.does != "quiet"]
    # Most were synced before, and nothing that stood then still does.
    concerned = memories.filter(~pl.col("known") | pl.col("standing").is_not_null())
    kept = (
        found.join(concerned.select("account_id", "known", "standing"), on="account_id")
        .filter(pl.col("holds").fill_null(True) & pl.col("rule").is_in(later))
        .filter(~pl.col("known") | stands(pl.col("standing"), pl.col("rule")))
        # At the first sync only what surely holds stands; later, what may still hold does.
        .filter(pl.col("known") | pl.col("holds").fill_null(False))
    )
    return (
        kept.sort("account_id", "rule")
        .group_by("account_id", maintain_order=True)
        .agg(pl.col("rule").str.join(",").alias("standing"))
    )
