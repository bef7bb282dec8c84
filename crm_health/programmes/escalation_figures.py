"""How escalations went in a period, by reason, department, tier or manager, against the one before.

Better or worse is told by the share of customers that were escalated, since there may be more
customers now: the difference of the two shares with Newcombe's interval (the hybrid score method
of R. G. Newcombe, Statistics in Medicine 17 (1998), number 10), which holds for small numbers and
for none at all. It takes the two periods' customers as two samples though most are the same ones,
which makes it wider than it need be rather than too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from typing import Any, Literal

import polars as pl

from crm_health.programmes.quality import wilson

By = Literal["reason", "department", "tier", "csm"]
Period = Literal["month", "quarter", "year"]
#: Where a record says nothing of what is asked for.
NONE = "(none)"
#: Of which groups customers are counted apart: a customer has one tier and one manager.
PARTED = frozenset({"tier", "csm"})
_MONTHS: dict[Period, int] = {"month": 1, "quarter": 3, "year": 12}

#: What is known of each escalation.
RECORDS: dict[str, Any] = {
    "account_id": pl.String,
    "group": pl.String,
    "opened_at": pl.Date,
    "hours": pl.Float64,
    "is_open": pl.Boolean,
    "overdue": pl.Boolean,
    "slow": pl.Boolean,
}
#: What is known of each customer.
CUSTOMERS: dict[str, Any] = {"account_id": pl.String, "group": pl.String, "since": pl.Date}


@dataclass(frozen=True)
class Span:
    """Days from the first to the last, both included."""

    first: date
    last: date


def spans(day: date, period: Period) -> tuple[Span, Span]:
    """The period up to today, and as many days of the one before.

    Half a quarter against a whole one would look better every time.
    """
    months = _MONTHS[period]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    back = (first.year * 12 + first.month - 1) - months
    before = date(back // 12, back % 12 + 1, 1)
    last = min(before + (day - first), first - timedelta(days=1))
    return Span(first, day), Span(before, last)


def figures(
    records: pl.DataFrame, customers: pl.DataFrame, now: Span, then: Span, by: By
) -> pl.DataFrame:
    """One row a group, most escalations first, and one for all of them at the end.

    Args:
        records: Columns of `RECORDS`: `hours` of business time until resolved, null while open;
            `overdue`: its due has passed, or had when it was resolved; `slow`: nobody took it up in
            the time for that.
        customers: Columns of `CUSTOMERS`: those in scope now, with the day since when.
        now: The period.
        then: The one before.
        by: What `group` is.

    Returns:
        `group` (null for all), `opened`, `share` (of all escalations of the period), `accounts`
        (customers with one at least), `customers` (of the group, or of all), `of_customers`,
        `resolved`, `median_hours`, `mean_hours`, `open`, `slow`, `overdue`, and of the period
        before `opened_before`, `accounts_before`, `customers_before`; `change` of the share of
        customers, `low` and `high` its 95 % interval, `verdict`: better, worse, no clear change or
        null.
    """
    named = records.with_columns(pl.col("group").fill_null(NONE))
    books = customers.with_columns(pl.col("group").fill_null(NONE))
    ours = named.filter(pl.col("account_id").is_in(books["account_id"].implode()))
    current = _within(ours, now)
    groups = pl.concat([current["group"], _within(ours, then)["group"]]).unique()
    total = current.height
    rows = []
    for group in [*groups.sort(), None]:
        mine = ours if group is None else ours.filter(pl.col("group") == group)
        apart = group is not None and by in PARTED
        book = books.filter(pl.col("group") == group) if apart else books
        rows.append(_row(group, mine, book, now, then, total))
    found = pl.DataFrame(rows, schema=_SCHEMA)
    each = found.filter(pl.col("group").is_not_null())
    ranked = each.sort("opened", "group", descending=[True, False])
    return pl.concat([ranked, found.filter(pl.col("group").is_null())])


_SCHEMA: dict[str, Any] = {
    "group": pl.String,
    "opened": pl.Int64,
    "share": pl.Float64,
    "accounts": pl.Int64,
    "customers": pl.Int64,
    "of_customers": pl.Float64,
    "resolved": pl.Int64,
    "median_hours": pl.Float64,
    "mean_hours": pl.Float64,
    "open": pl.Int64,
    "slow": pl.Int64,
    "overdue": pl.Int64,
    "opened_before": pl.Int64,
    "accounts_before": pl.Int64,
    "customers_before": pl.Int64,
    "change": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "verdict": pl.String,
}


def _row(
    group: str | None, mine: pl.DataFrame, book: pl.DataFrame, now: Span, then: Span, total: int
) -> dict[str, Any]:
    current, former = _within(mine, now), _within(mine, then)
    # Who has one is a customer of the period, whatever the day since when.
    accounts, before = _accounts(current, book), _accounts(former, book)
    there, were = _there(book, now, current), _there(book, then, former)
    hours = current["hours"].drop_nulls()
    found: dict[str, Any] = {
        "group": group,
        "opened": current.height,
        "share": current.height / total if total else None,
        "accounts": accounts,
        "customers": there,
        "of_customers": accounts / there if there else None,
        "resolved": hours.len(),
        "median_hours": hours.median(),
        "mean_hours": hours.mean(),
        "open": int(current["is_open"].sum()),
        "slow": int(current["slow"].sum()),
        "overdue": int(current["overdue"].sum()),
        "opened_before": former.height,
        "accounts_before": before,
        "customers_before": were,
    }
    return found | _change(accounts, there, before, were)


def _change(hits: int, total: int, hits_before: int, total_before: int) -> dict[str, Any]:
    change = newcombe(hits, total, hits_before, total_before)
    if change is None:
        return dict.fromkeys(("change", "low", "high", "verdict"))
    difference, low, high = change
    verdict = "worse" if low > 0 else "better" if high < 0 else "no clear change"
    return {"change": difference, "low": low, "high": high, "verdict": verdict}


def newcombe(
    hits: int, total: int, hits_before: int, total_before: int
) -> tuple[float, float, float] | None:
    """The difference of two shares with its 95 % interval; None where one is of nothing."""
    (low, high), (low_before, high_before) = (
        wilson(hits, total),
        wilson(hits_before, total_before),
    )
    if low is None or high is None or low_before is None or high_before is None:
        return None
    share, before = hits / total, hits_before / total_before
    down = sqrt((share - low) ** 2 + (high_before - before) ** 2)
    up = sqrt((high - share) ** 2 + (before - low_before) ** 2)
    return share - before, share - before - down, share - before + up


def _within(records: pl.DataFrame, span: Span) -> pl.DataFrame:
    return records.filter(pl.col("opened_at").is_between(span.first, span.last))


def _accounts(records: pl.DataFrame, book: pl.DataFrame) -> int:
    return records.filter(pl.col("account_id").is_in(book["account_id"].implode()))[
        "account_id"
    ].n_unique()


def _there(book: pl.DataFrame, span: Span, records: pl.DataFrame) -> int:
    """Customers by the end of a period; of whom nobody knows since when always were."""
    by_then = (pl.col("since") <= span.last).fill_null(True)
    has_one = pl.col("account_id").is_in(records["account_id"].implode())
    return book.filter(by_then | has_one).height
