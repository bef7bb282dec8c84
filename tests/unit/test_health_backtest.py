"""Measures on the past: landmarks, what was seen on them, and how early a sign came."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from crm_health.health import backtest

DAY = date(2026, 11, 22)


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def receipt(day: date, computed: int | None = 70, account: str = "a", **points: int) -> Any:
    drivers = [{"measure": name, "points": value} for name, value in points.items()]
    return {"account": account, "day": day, "computed": computed, "drivers": drivers}


def test_landmarks_have_a_whole_horizon_after_them_and_none_in_common() -> None:
    """The newest one lies a horizon back."""
    ninety = timedelta(days=90)
    assert backtest.landmarks(ago(300), DAY, ninety) == [ago(90), ago(180), ago(270)]
    assert backtest.landmarks(ago(89), DAY, ninety) == []


def test_a_reading_gives_its_measures_and_the_computed_score() -> None:
    """A person's override is not the model's merit: the computed score counts."""
    found = backtest.seen(receipt(DAY, 58, use=425), DAY, left=True)
    assert [(row["measure"], row["points"]) for row in found] == [("use", 42.5), ("score", 58.0)]
    assert backtest.seen(receipt(DAY, None), DAY, left=False) == []


def test_a_lead_counts_from_the_first_day_that_stayed_low() -> None:
    """A dip that went over is none, and what was well at the end gave no sign."""
    past = [
        receipt(ago(200), use=100, talk=900, cases=100),
        receipt(ago(150), use=900, talk=900, cases=100),
        receipt(ago(100), use=200, talk=900, cases=100),
        receipt(ago(50), use=300, talk=900, cases=900),
        receipt(ago(10), use=100, talk=100),
        receipt(ago(0), use=900),
    ]
    marks = {"use": 40.0, "talk": 50.0, "cases": 50.0, "score": 60.0}
    assert backtest.leads(past, ago(0), marks) == {
        "use": 100, "talk": 10, "cases": None, "score": None,
    }  # fmt: skip


def test_signs_are_told_by_the_interval() -> None:
    """A measure that ranks backwards is called so, one that a coin could match is not blamed."""
    rows = []
    for place in range(120):
        left = place < 60
        for measure, points in (
            ("good", 20.0 + place % 60 if left else 60.0 + place % 60),
            ("bad", 90.0 - place % 30 if left else 60.0 - place % 30),
            ("coin", float(place % 7)),
            *((("rare", 1.0),) if place < 70 and place > 30 else ()),
        ):
            rows.append([f"a{place:03d}", DAY, measure, points, left])
    seen = pl.DataFrame(rows, schema=backtest.SEEN, orient="row")
    tests = {
        t.measure: t for t in backtest.tested(seen, [{"good": 40}, {"good": None}, {"good": 10}])
    }
    assert {name: test.sign for name, test in tests.items()} == {
        "good": "as meant", "bad": "reversed", "coin": "none shown", "rare": "not enough data",
    }  # fmt: skip
    assert (tests["good"].lead, tests["good"].spoke, tests["good"].heard) == (25.0, 2, 3)
    assert next(iter(tests)) == "good"
