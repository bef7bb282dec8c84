"""Why records are escalated, and whether another one may open for the same reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from crm_health.config.alerts import Alert
from crm_health.config.escalations import GRADES, Reason

#: The clock of records whose severity says nothing, and that of their reason neither.
_DEFAULT_GRADE = "S3"
#: What is known of the escalations there are.
THERE: dict[str, Any] = {
    "account_id": pl.String,
    "reason": pl.String,
    "is_open": pl.Boolean,
    "opened_at": pl.Date,
}


def slugs(
    records: pl.DataFrame, reasons: Mapping[str, Reason], alerts: Mapping[str, Alert]
) -> pl.Series:
    """The slug of each record's reason: by what it says, else by the rule that opened it.

    Args:
        records: `reason` as text, `key`.
        reasons: of the playbook, former names included.
        alerts: of the playbook.
    """
    by_text: dict[str, str] = {}
    for slug, reason in reasons.items():
        for text in (reason.reason, *reason.formerly):
            by_text[" ".join(text.split()).casefold()] = slug
    plain = pl.col("reason").str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()
    rule = pl.col("key").str.extract(r":([a-z0-9_]+):\d+$")
    found = records.select(
        pl.coalesce(
            plain.replace_strict(by_text, default=None, return_dtype=pl.String),
            rule.replace_strict(by_rule(alerts), default=None, return_dtype=pl.String),
        ).alias("slug")
    )
    return found["slug"]


def grade(reasons: Mapping[str, Reason]) -> pl.Expr:
    """The severity that counts of a record: its own, else that of its reason (`slug`)."""
    own = pl.col("severity").str.strip_chars().str.to_uppercase()
    theirs = {slug: reason.severity for slug, reason in reasons.items()}
    return pl.coalesce(
        pl.when(own.is_in(list(GRADES))).then(own),
        pl.col("slug").replace_strict(theirs, default=None, return_dtype=pl.String),
        pl.lit(_DEFAULT_GRADE),
    )


def department(reasons: Mapping[str, Reason]) -> pl.Expr:
    """Who has a record: its department, else that of its reason (`slug`); null: neither says."""
    theirs = {slug: reason.department for slug, reason in reasons.items()}
    named = pl.col("slug").replace_strict(theirs, default=None, return_dtype=pl.String)
    said = pl.col("department").str.strip_chars()
    return pl.coalesce(pl.when(said != "").then("department"), named)


def by_rule(alerts: Mapping[str, Alert]) -> dict[str, str]:
    """Rule to the slug of the reason that it escalates for."""
    return {
        rule: alert.escalation.reason
        for rule, alert in alerts.items()
        if alert.does == "escalate" and alert.escalation is not None
    }


def allowed(
    opens: pl.DataFrame,
    there: pl.DataFrame,
    reasons: Mapping[str, Reason],
    alerts: Mapping[str, Alert],
    day: date,
) -> pl.DataFrame:
    """Of what would open, what may: one open a reason and account, and not soon after another.

    Whoever opened the other one. Of two rules with one reason the playbook's first goes.

    Args:
        opens: `account_id`, `rule`, and more.
        there: Columns of `THERE`, `reason` as its slug.
        reasons: of the playbook.
        alerts: of the playbook.
        day: today.
    """
    if opens.is_empty():
        return opens
    of_rule = by_rule(alerts)
    between = {slug: reason.between_days for slug, reason in reasons.items()}
    last = (
        there.group_by("account_id", "reason")
        .agg(pl.col("is_open").any(), pl.col("opened_at").max())
        .rename({"reason": "_reason"})
    )
    order = {rule: place for place, rule in enumerate(alerts)}
    places = pl.col("rule").replace_strict(order, default=None, return_dtype=pl.Int64)
    slug = pl.col("rule").replace_strict(of_rule, default=None, return_dtype=pl.String)
    gap = pl.col("_reason").replace_strict(between, default=0, return_dtype=pl.Int64)
    free = ~pl.col("is_open").fill_null(False) & (
        ((pl.lit(day) - pl.col("opened_at")).dt.total_days() >= gap).fill_null(True)
    )
    return (
        opens.with_columns(slug.alias("_reason"), places.alias("_place"))
        .join(last, on=["account_id", "_reason"], how="left", maintain_order="left")
        .filter(free)
        .sort("account_id", "_place", maintain_order=True)
        .unique(["account_id", "_reason"], keep="first", maintain_order=True)
        .select(opens.columns)
    )
