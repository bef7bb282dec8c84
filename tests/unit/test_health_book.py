"""The book: medians and ranks of all customers and of cohorts, the same for every part."""

from __future__ import annotations

import json
import random
from typing import Any

import polars as pl
import pytest
from health_help import AS_OF, TWO, accounts, build, facts_of, live

from crm_health.config.model import Model
from crm_health.health.book import figures, names
from crm_health.health.facts import Facts, compute
from crm_health.health.score import assess

RATIO = {"derived": {"ratio": "m_ratio / 1", "against": "ratio / coalesce(book_ratio, 1)"}}


def book_of(model: Model, frame: pl.DataFrame) -> dict[str, Any]:
    """The figures as the store gives them back."""
    found: dict[str, Any] = json.loads(json.dumps(figures(model, facts_of(model, frame).values)))
    return found


def again(model: Model, frame: pl.DataFrame, book: dict[str, Any]) -> Facts:
    return compute(model, {}, frame, AS_OF, book)


@pytest.mark.parametrize(("count", "expected"), [(19, None), (20, 10.5), (21, 11.0)])
def test_figures_need_20_accounts(count, expected):
    """The book's figure is a median, missing under 20 accounts that have a value."""
    model = build(**RATIO)
    assert names(model) == ("book_ratio",)
    frame = accounts([{"m_ratio": float(n)} for n in range(1, count + 1)] + [{"m_ratio": None}])
    book = book_of(model, frame)
    assert book == {"book_ratio": {"": [expected]} if expected else {}}
    view = again(model, frame, book)
    assert view.values["against"].to_list()[0] == pytest.approx(1 / (expected or 1), rel=1e-8)
    assert figures(model, view.values) == book


def test_a_figure_of_an_unknown_fact_is_missing():
    """A name that no fact has gives a missing figure, not a failure."""
    model = build(derived={"x": "coalesce(book_nothing, 70)"})
    facts = facts_of(model, TWO)
    assert figures(model, facts.values) == {"book_nothing": {}}
    assert facts.values["x"].to_list() == [70.0, 70.0]


def cohorts() -> pl.DataFrame:
    """30 banks at 1 to 30, 25 farms at 101 to 125, and 19 mills, too few to be a cohort."""
    rows = [{"industry": "bank", "m_x": float(n)} for n in range(1, 31)]
    rows += [{"industry": "farm", "m_x": float(n)} for n in range(101, 126)]
    rows += [{"industry": "mill", "m_x": 7.0}] * 19 + [{"industry": None, "m_x": 5.0}]
    return accounts(rows)


RELATIVE = build(
    derived={
        "x": "m_x + 0",
        "kind": "case when industry = 'farm' then 2 when industry = 'bank' then 1 end",
        "relative": "x - coalesce(book_x_in_industry, 70)",
        "place": "rank_x_in_kind",
    },
    measures={
        "best": {"dimension": "a", "value": "rank_x", "curve": {0: 0, 1: 100}, "says": "x"},
        "peers": {"dimension": "b", "value": "place", "curve": {0: 0, 1: 100}, "says": "x"},
    },
    models=[{"name": "standard", "weights": {"best": 1, "peers": 1}}],
)


def test_figures_of_cohorts():
    """Each customer is held against those with the same label; too few, or none, give nothing."""
    frame = cohorts()
    book = book_of(RELATIVE, frame)
    assert book["book_x_in_industry"] == {"bank": [15.5], "farm": [113.0]}
    assert sorted(book["rank_x_in_kind"]) == ["1", "2"]
    values = again(RELATIVE, frame, book).values
    one = values.row(0, named=True)
    assert (one["relative"], one["rank_x"], one["place"]) == (1 - 15.5, 0.0, 0.0)
    last = values.row(54, named=True)
    assert (last["relative"], last["rank_x"], last["place"]) == (12.0, 1.0, 1.0)
    mill, nobody = values.row(60, named=True), values.row(74, named=True)
    assert (mill["relative"], mill["place"]) == (7 - 70, None)
    assert (nobody["relative"], nobody["place"], nobody["rank_x"] > 0) == (5 - 70, None, True)
    # Twenty sevens share one place: below them are 1 to 6 and a five, above all others.
    assert mill["rank_x"] == pytest.approx((7 + 27 - 1) / (2 * 74))


def test_a_rank_is_a_measure_where_a_cohort_is_there():
    """Percentile within a cohort: the rank is the value, a curve gives the points."""
    frame = cohorts()
    scored = assess(RELATIVE, again(RELATIVE, frame, book_of(RELATIVE, frame)), AS_OF)
    drivers = {d["measure"]: d["points"] for d in scored["drivers"].to_list()[29]}
    assert drivers["peers"] == 1000
    assert scored["missing"].to_list()[60] == ["peers"]


def test_ranks_are_fixed_for_the_day_and_the_same_in_every_part():
    """A part of the accounts, or one whose value moved, is ranked in the same book."""
    rng = random.Random(5)
    frame = accounts([{"m_x": round(rng.gauss(50, 20), 3)} for _ in range(1000)])
    frame = frame.with_columns(pl.lit("bank").alias("industry"))
    book = book_of(RELATIVE, frame)
    assert len(book["rank_x"][""]) == 201
    whole = again(RELATIVE, frame, book).values["rank_x"]
    part = again(RELATIVE, frame.tail(37), book).values["rank_x"]
    assert part.equals(whole.tail(37))
    exact = (frame["m_x"].rank("average") - 1) / 999
    assert (whole - exact).abs().max() < 0.005
    moved = frame.head(1).with_columns(pl.lit(1e9).alias("m_x"))
    assert again(RELATIVE, moved, book).values["rank_x"].to_list() == [1.0]
    assert figures(RELATIVE, again(RELATIVE, frame.sample(fraction=1, seed=1), book).values) == book


def test_a_rank_is_as_old_and_as_well_known_as_what_is_ranked():
    """The rank of a fact carries its evidence date; of one that nobody can know there is none."""
    model = build(
        facts={"mood": {"from": "survey", "take": "avg(points)"}},
        measures={
            "mood": {"dimension": "a", "value": "rank_mood", "curve": {0: 0, 1: 100}, "says": "x"}
        },
        models=[{"name": "standard", "weights": {"mood": 1}}],
    )
    day = AS_OF.date()
    rows = [{"account_id": "a", "points": 80.0, "answered_at": day}]
    book = {"rank_mood": {"": [float(n) for n in range(60, 100)]}}
    view = compute(model, {"survey": live(rows)}, TWO, AS_OF, book)
    assert view.values["rank_mood"].to_list() == [pytest.approx(20 / 39), None]
    assert view.dates["rank_mood"].to_list() == [day, None]
    assert compute(model, {}, TWO, AS_OF, book).known.missing == {"mood", "rank_mood"}
