"""Figures of escalations in a period."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crm_health.programmes.escalation_figures import (
    CUSTOMERS,
    RECORDS,
    Period,
    figures,
    newcombe,
    spans,
)


@pytest.mark.parametrize(
    ("day", "period", "now", "then"),
    [
        ("2026-05-20", "quarter", "2026-04-01", ("2026-01-01", "2026-02-19")),
        ("2026-02-10", "quarter", "2026-01-01", ("2025-10-01", "2025-11-10")),
        ("2026-03-31", "month", "2026-03-01", ("2026-02-01", "2026-02-28")),
        ("2026-01-01", "year", "2026-01-01", ("2025-01-01", "2025-01-01")),
        ("2024-12-31", "year", "2024-01-01", ("2023-01-01", "2023-12-31")),
    ],
)
def test_a_period_to_date_is_held_against_as_many_days_before(
    day: str, period: Period, now: str, then: tuple[str, str]
) -> None:
    """Never half a quarter against a whole one, nor a day in both."""
    current, before = spans(date.fromisoformat(day), period)
    assert (str(current.first), str(current.last)) == (now, day)
    assert (str(before.first), str(before.last)) == then


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # The paper's own examples, table II, method 10.
        ((56, 70, 48, 80), (0.2, 0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.6, 0.1705, 0.8090)),
        ((5, 56, 0, 29), (0.0893, -0.0381, 0.1926)),
        ((0, 10, 0, 20), (0.0, -0.1611, 0.2775)),
        ((10, 10, 0, 10), (1.0, 0.6075, 1.0)),
    ],
)
def test_the_interval_is_newcombe_s(
    counts: tuple[int, int, int, int], expected: tuple[float, float, float]
) -> None:
    """To the four digits that the paper gives."""
    found = newcombe(*counts)
    assert found == pytest.approx(expected, abs=6e-5)


def book(count: int) -> pl.DataFrame:
    rows = [(f"a{n:02d}", "growth" if n % 4 else "strategic", None) for n in range(count)]
    return pl.DataFrame(rows, schema=CUSTOMERS, orient="row")


def opened(group: str, account: int, day: date, hours: float | None = None) -> tuple[object, ...]:
    late = hours is None or hours > 40
    return (f"a{account:02d}", group, day, hours, hours is None, late, hours is None)


def test_numbers_shares_and_times_have_stated_denominators() -> None:
    """Shares of all escalations and of all customers; times of what was resolved."""
    now, then = spans(date(2026, 5, 20), "quarter")
    day, before = now.first, then.first
    rows = [
        opened("Billing", 1, day, 8.0),
        opened("Billing", 1, day + timedelta(days=20), 60.0),
        opened("Billing", 2, day, 16.0),
        opened("Usage drop", 3, day),
        opened("Billing", 3, before, 8.0),
        opened("Other", 4, before, 8.0),
        opened("Billing", 99, day, 8.0),  # no customer any more
        opened("Billing", 5, now.last + timedelta(days=1)),
    ]
    records = pl.DataFrame(rows, schema=RECORDS, orient="row")
    found = {r["group"]: r for r in figures(records, book(40), now, then, "reason").to_dicts()}
    assert list(found) == ["Billing", "Usage drop", "Other", None]
    billing = found["Billing"]
    assert (billing["opened"], billing["share"]) == (3, 0.75)
    assert (billing["accounts"], billing["customers"], billing["of_customers"]) == (2, 40, 0.05)
    assert (billing["resolved"], billing["median_hours"], billing["mean_hours"]) == (3, 16.0, 28.0)
    assert (billing["overdue"], billing["open"], billing["slow"]) == (1, 0, 0)
    assert billing["verdict"] == "no clear change"
    assert found["Usage drop"]["median_hours"] is None
    assert (found["Usage drop"]["overdue"], found["Usage drop"]["slow"]) == (1, 1)
    assert (found["Other"]["opened"], found["Other"]["opened_before"]) == (0, 1)
    assert (found[None]["opened"], found[None]["accounts"]) == (4, 3)


def test_a_clear_change_is_called_better_or_worse() -> None:
    """The whole interval lies on one side of no change."""
    now, then = spans(date(2026, 5, 20), "quarter")
    many = [opened("Billing", n, now.first, 8.0) for n in range(20)]
    few = [opened("Billing", n, then.first, 8.0) for n in range(3)]
    records = pl.DataFrame(many + few, schema=RECORDS, orient="row")
    assert figures(records, book(40), now, then, "reason")["verdict"].to_list() == ["worse"] * 2
    back = records.with_columns(
        pl.when(pl.col("opened_at") == now.first)
        .then(pl.lit(then.first))
        .otherwise(pl.lit(now.first))
        .alias("opened_at")
    )
    assert figures(back, book(40), now, then, "reason")["verdict"].to_list() == ["better"] * 2


def test_tiers_have_customers_of_their_own() -> None:
    """Of ten strategic ones one was escalated, not of forty; new ones count from their day on."""
    now, then = spans(date(2026, 5, 20), "quarter")
    records = pl.DataFrame([opened("strategic", 4, now.first, 8.0)], schema=RECORDS, orient="row")
    since = pl.when(pl.col("account_id") < "a20").then(pl.lit(now.first)).alias("since")
    found = figures(records, book(40).with_columns(since), now, then, "tier").to_dicts()[0]
    assert (found["customers"], found["of_customers"]) == (10, 0.1)
    assert (found["customers_before"], found["accounts_before"]) == (5, 0)
    empty = figures(records.head(0), book(0), now, then, "tier").to_dicts()
    assert [row["verdict"] for row in empty] == [None]
