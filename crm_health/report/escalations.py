"""How escalations went, for people, as plain values and as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
from rich.console import RenderableType

from crm_health.programmes.escalation_figures import PARTED, By, Span
from crm_health.report.tables import table
from crm_health.report.words import counted
from crm_health.sync.escalation_book import OTHER_SHARE, Book

_HEADINGS = (
    ">opened", ">customers", ">median h", ">open", ">slow", ">overdue", ">before", ">change", "",
)  # fmt: skip


def tables(
    found: Book, by: By, now: Span, then: Span, names: Mapping[str, str]
) -> list[RenderableType]:
    """One row a group, and what the figures are of.

    Args:
        found: The figures.
        by: What they are counted by.
        now: The period.
        then: The one before.
        names: Of groups that are users, by id.
    """
    total = found.rows.filter(pl.col("group").is_null()).row(0, named=True)
    span = f"from {_day(now.first)} to {_day(now.last)}"
    if not total["opened"] and not total["opened_before"]:
        return [f"No escalation was opened {span}, nor in as many days of the period before."]
    rows = [_line(row, names) for row in found.rows.iter_rows(named=True)]
    parts: list[RenderableType] = [
        f"Escalations opened {span}, held against {_day(then.first)} to {_day(then.last)}.",
        table((by, *_HEADINGS), rows, last=1),
        _denominators(by, total),
    ]
    if by == "department" and found.held.height:
        held = [
            (row["holder"], f"{row['escalations']:,}", f"{row['hours']:,.1f}")
            for row in found.held.iter_rows(named=True)
        ]
        parts += ["Who had them, in business hours", table(("who", ">escalations", ">hours"), held)]
    if found.other is not None and found.other > OTHER_SHARE:
        parts.append(
            f"{found.other:.0%} of them have the reason Other or one that the playbook does not "
            "know: a reason is missing there."
        )
    return parts


def values(found: Book, by: By, now: Span, then: Span) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "by": by,
        "period": {"first": now.first, "last": now.last},
        "before": {"first": then.first, "last": then.last},
        "groups": found.rows.filter(pl.col("group").is_not_null()).to_dicts(),
        "all": found.rows.filter(pl.col("group").is_null()).row(0, named=True),
        "held": found.held.to_dicts(),
        "other": found.other,
    }


def csv(found: Book, by: By) -> str:
    """The same rows as comma-separated values, the last one for all of them."""
    return found.rows.rename({"group": by}).write_csv(float_precision=4)


def _line(row: dict[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    change = "-"
    if row["change"] is not None:
        change = f"{100 * row['change']:+.0f} ({100 * row['low']:+.0f} to {100 * row['high']:+.0f})"
    return (
        names.get(row["group"], row["group"]) or "all",
        f"{row['opened']:,}{_percent(row['share'])}",
        f"{row['accounts']:,} of {row['customers']:,}{_percent(row['of_customers'])}",
        _hours(row["median_hours"]),
        f"{row['open']:,}",
        f"{row['slow']:,}",
        f"{row['overdue']:,}",
        f"{row['opened_before']:,} ({row['accounts_before']:,} of {row['customers_before']:,})",
        change,
        row["verdict"] or "",
    )


def _denominators(by: By, total: dict[str, Any]) -> str:
    whose = f"the customers of the same {by} today" if by in PARTED else "all customers"
    return (
        f"Opened: with the share of the {counted(total['opened'], 'escalation')}. Customers: with "
        f"one at least, of {whose} ({total['customers']:,} in all); before: the same of the period "
        "before. Change: of the share of customers, in points of a percent, with Newcombe's 95 % "
        "interval. Slow: taken up later than the severity asks for. Hours are business time until "
        "resolved, the customer's included."
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f" ({100 * share:.0f} %)"


def _hours(hours: float | None) -> str:
    return "-" if hours is None else f"{hours:,.1f}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b %Y}"
