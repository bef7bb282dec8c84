"""Areas under the ROC curve, their intervals, and what bands catch."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest

from crm_health.health.ranking import Auc, auc, caught, pooled


def by_pairs(numbers: list[float], left: list[bool]) -> float:
    """The definition, pair by pair."""
    gone = [x for x, out in zip(numbers, left, strict=True) if out]
    kept = [x for x, out in zip(numbers, left, strict=True) if not out]
    wins = [1.0 if a < b else 0.5 if a == b else 0.0 for a in gone for b in kept]
    return math.fsum(wins) / len(wins)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_share_of_pairs_in_the_right_order(seed: int) -> None:
    """Whatever the ties, and with missing numbers left out."""
    draw = random.Random(seed)
    numbers = [float(draw.randint(0, 9)) for _ in range(60)]
    left = [draw.random() < 0.3 for _ in numbers]
    found = auc(pl.Series([*numbers, None]), pl.Series([*left, True]))
    assert found.area == pytest.approx(by_pairs(numbers, left))
    assert (found.left, found.stayed) == (sum(left), 60 - sum(left))
    turned = auc(pl.Series([-x for x in numbers]), pl.Series(left))
    assert turned.area == pytest.approx(1 - found.area)
    assert turned.variance == pytest.approx(found.variance)


def test_the_variance_is_that_of_a_worked_example() -> None:
    """By hand: placements of those who left 1, 2/3, 1/3, of those who stayed 1/3, 2/3, 1."""
    found = auc(pl.Series([1.0, 3.0, 5.0, 2.0, 4.0, 6.0]), pl.Series([True] * 3 + [False] * 3))
    assert found.area == pytest.approx(2 / 3)
    assert found.variance == pytest.approx((1 / 9) / 3 + (1 / 9) / 3)


def test_the_interval_covers_the_truth_about_nineteen_times_in_twenty() -> None:
    """Two normal distributions one deviation apart have 0.760."""
    draw = random.Random(7)
    hits = 0
    for _ in range(200):
        gone = [draw.gauss(0, 1) for _ in range(40)]
        kept = [draw.gauss(1, 1) for _ in range(80)]
        low, high = auc(pl.Series(gone + kept), pl.Series([True] * 40 + [False] * 80)).interval
        hits += low <= 0.7602 <= high
    assert 180 <= hits <= 198


def test_nobody_on_one_side_gives_nothing_and_a_perfect_order_is_not_certain() -> None:
    """Five against five in perfect order may still be luck."""
    assert auc(pl.Series([1.0, 2.0]), pl.Series([False, False])) is None
    perfect = auc(pl.Series([float(n) for n in range(10)]), pl.Series([True] * 5 + [False] * 5))
    assert perfect.area == 1.0
    assert perfect.interval == (pytest.approx(0.4), 1.0)


def test_groups_are_ranked_each_by_itself() -> None:
    """Weighted by their pairs; a group without one of the sides does not count."""
    one, other = Auc(0.8, 0.01, 2, 3), Auc(0.6, 0.02, 1, 2)
    both = pooled([one, None, other])
    assert both.area == pytest.approx((6 * 0.8 + 2 * 0.6) / 8)
    assert both.variance == pytest.approx((36 * 0.01 + 4 * 0.02) / 64)
    assert (both.left, both.stayed) == (3, 5)
    assert pooled([None]) is None


def test_what_the_bands_catch() -> None:
    """Lift of the worst band, and how many who left were below the best one."""
    bands = pl.Series(["red", "red", "yellow", "green", "green", "green", "unknown", "green"])
    left = pl.Series([True, False, True, True, False, False, True, False])
    found = caught(bands, left, ["red", "yellow", "green"])
    assert (found.base, found.worst, found.lift) == (0.5, 0.5, 1.0)
    assert (found.below, found.in_worst, found.in_below) == (0.5, 0.25, 0.375)
    assert caught(pl.Series(["green"]), pl.Series([True]), ["red", "green"]).lift is None
    # One who stayed may stand for many who were not looked at.
    some = caught(bands, left, ["red", "yellow", "green"], pl.Series([1, 3, 1, 1, 3, 3, 1, 3]))
    assert (some.base, some.worst, some.lift) == (0.25, 0.25, 1.0)
    assert some.below == 0.5
