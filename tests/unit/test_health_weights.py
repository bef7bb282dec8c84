"""Weights: numbers and expressions, steps between corners, models with bands of one's own."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from health_help import AS_OF, accounts, build, facts_of, plain

from crm_health.health.measures import on_curve
from crm_health.health.score import assess

MEASURES = ("a_one", "a_two", "b_one")
BY_TIER: dict[str, Any] = {
    "a_one": "case tier when 'strategic' then 14 when 'digital' then 26 else 18 end",
    "a_two": "case when tier = 'digital' then 0 else 7.5 end",
    "b_one": 10,
}


def weighed(weights: dict[str, Any], rows: list[dict[str, Any]], **parts: Any) -> pl.DataFrame:
    models = [{"name": "standard", "weights": weights}]
    model = plain(dict.fromkeys(MEASURES, 1.0), **({"models": models} | parts))
    return assess(model, facts_of(model, accounts(rows, tier=pl.String)), AS_OF)


ROW = {"m_a_one": 80.0, "m_a_two": 33.3, "m_b_one": 61.7}


@pytest.mark.parametrize(
    ("tier", "numbers"),
    [("strategic", (14, 7.5, 10)), ("digital", (26, 0, 10)), (None, (18, 7.5, 10))],
)
def test_one_equation_replaces_a_model_for_each_tier(tier, numbers):
    """Weights by expression give what a model of these very numbers gives, digit by digit."""
    rows = [ROW | {"tier": tier}]
    by_tier = weighed(BY_TIER, rows).row(0, named=True)
    fixed = weighed(dict(zip(MEASURES, numbers, strict=True)), rows).row(0, named=True)
    assert by_tier == fixed
    counted = [n for n, w in zip(MEASURES, numbers, strict=True) if w]
    assert [d["measure"] for d in by_tier["drivers"]] == counted
    assert [d["weight"] for d in by_tier["drivers"]] == [w for w in numbers if w]


def test_a_measure_without_weight_is_neither_missing_nor_covered():
    """Where a weight comes to nought the measure doesn't count, evidence or not."""
    rows = [{"m_a_one": 80.0, "m_a_two": None, "m_b_one": 61.7} | {"tier": t} for t in "xd"]
    rows[1]["tier"] = "digital"
    result = weighed(BY_TIER, rows)
    assert result["missing"].to_list() == [["a_two"], []]
    assert result["coverage"].to_list() == [round(100 * 28 / 35.5, 6), 100.0]


@pytest.mark.parametrize("weight", ["0 - 3", "1 / 0", "1 * null", "0 / 0"])
def test_a_weight_that_makes_no_sense_leaves_the_measure_out(weight):
    """Negative, endless and missing weights count for nothing; the parts still add up."""
    result = weighed({"a_one": weight, "a_two": 1, "b_one": 1}, [ROW | {"tier": "x"}])
    row = result.row(0, named=True)
    assert [d["measure"] for d in row["drivers"]] == ["a_two", "b_one"]
    assert (row["score"], row["coverage"]) == (48, 100.0)


def test_weights_that_come_to_nought_give_no_score():
    """An account for which nothing weighs anything is unknown, and nothing divides by zero."""
    row = weighed(dict.fromkeys(MEASURES, "0 * 1"), [ROW | {"tier": "x"}]).row(0, named=True)
    assert (row["computed"], row["score"], row["band_now"]) == (None, None, "unknown")
    assert (row["coverage"], row["weight_on"], row["drivers"]) == (0.0, 0.0, [])


def test_steps_hold_from_corner_to_corner():
    """A threshold gives its points from its value on; below the first its points hold too."""
    values = pl.DataFrame({"x": [-1.0, 0.0, 3.999, 4.0, 9.0, 10.0, 99.0, None]})
    curve = {0.0: 5.0, 4.0: 35.5, 10.0: 100.0}
    steps = values.select(on_curve(pl.col("x"), curve, steps=True)).to_series()
    assert steps.to_list() == [50, 50, 50, 355, 355, 1000, 1000, None]


def test_steps_in_a_model():
    """`between: steps` makes a measure of thresholds."""
    measure = {"dimension": "a", "value": "m_x", "curve": {0: 0, 50: 60, 80: 100}, "says": "x"}
    weights = {"models": [{"name": "standard", "weights": {"steps": 1}}]}
    model = build(measures={"steps": measure | {"between": "steps"}}, **weights)
    rows = [{"m_x": 79.0}, {"m_x": 80.0}]
    assert assess(model, facts_of(model, accounts(rows)), AS_OF)["computed"].to_list() == [60, 100]


def bands(*edges: tuple[str, int | None]) -> list[dict[str, Any]]:
    return [{"name": n, **({"below": b} if b is not None else {})} for n, b in edges]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (bands(("leave", 50), ("stay", None)), ["leave", "leave", "stay", "stay"]),
        (
            bands(("a", 20), ("b", 40), ("c", 50), ("d", 70), ("e", 95), ("f", None)),
            ["a", "c", "d", "f"],
        ),
    ],
    ids=["two", "six"],
)
def test_bands_of_ones_own(given, expected):
    """Two to six bands under names of one's own; each score is in exactly one."""
    rows = [dict.fromkeys(("m_a_one", "m_a_two", "m_b_one"), p) for p in (10.0, 49.0, 69.0, 95.0)]
    result = weighed(dict.fromkeys(MEASURES, 1), [r | {"tier": "x"} for r in rows], bands=given)
    assert result["band_now"].to_list() == expected
