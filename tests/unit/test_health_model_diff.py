"""Two models on the same accounts: distances, bands, and the parts that did it."""

from __future__ import annotations

import polars as pl
import pytest
from health_help import AS_OF, accounts, facts_of, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.config.model import Model
from crm_health.health.model_diff import band_moves, diff, distances
from crm_health.health.score import assess
from crm_health.report.model_changes import changes

ROWS = accounts(
    [
        {"m_a_one": 90.0, "m_b_two": 40.0},
        {"m_a_one": 10.0, "m_b_two": 95.0},
        {"m_a_one": None, "m_b_two": 50.0},
    ]
)


def assessed(model: Model, rows: pl.DataFrame = ROWS) -> pl.DataFrame:
    found = assess(model, facts_of(model, rows), AS_OF)
    return found.with_columns(pl.lit("Acme").alias("name"), pl.col("band_now").alias("band"))


def test_scores_that_come_and_go_are_the_farthest() -> None:
    """A model that asks for less evidence gives a score where there was none."""
    strict = plain({"a_one": 1, "b_two": 1})
    lenient = plain({"a_one": 1, "b_two": 1}, evidence={"min_coverage": 40, "min_dimensions": 1})
    found = diff(assessed(strict), assessed(lenient)).accounts
    assert found.select("account_id", "score_old", "score_new", "move").rows() == [
        ("a002", None, 50, None), ("a000", 65, 65, 0), ("a001", 53, 53, 0),
    ]  # fmt: skip
    assert distances(found) == [
        (0, 0, 2), (1, 1, 0), (2, 5, 0), (6, 10, 0), (11, 20, 0), (21, 99, 0),
    ]  # fmt: skip
    assert band_moves(found, "band_now", ["red", "yellow", "green"]) == [("unknown", "red", 1)]


@settings(max_examples=25, deadline=None)
@given(
    old=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    new=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_the_parts_make_up_the_moves(old: tuple[int, int], new: tuple[int, int]) -> None:
    """Whatever the weights: what the parts give and take is what the scores move in all."""
    before = assessed(plain({"a_one": old[0], "b_two": old[1]}))
    after = assessed(plain({"a_one": new[0], "b_two": new[1]}))
    found = diff(before, after)
    computed = after["computed"].sum() - before["computed"].sum()
    given_and_taken = found.parts["up"].sum() + found.parts["down"].sum()
    assert given_and_taken == pytest.approx(computed)


def test_what_a_model_says_otherwise_is_named_place_by_place() -> None:
    """Curves whole, weights one by one, models by their names, nothing for what came or went."""
    old = plain({"a_one": 1, "b_two": 1})
    new = plain(
        {"a_one": 3, "b_two": 1},
        caps={"low": {"when": "m_a_one < 5", "at": 59, "says": "Low"}},
        bands=[{"name": "red", "below": 50}, {"name": "green"}],
    )
    assert changes(old, new) == [
        ("models.standard.weights.a_one", "1", "3"),
        ("caps.low", "", "when: m_a_one < 5, at: 59, says: Low"),
        ("bands.red.below", "60", "50"),
        ("bands.yellow", "below: 70", ""),
    ]
    bent = plain({"a_one": 1, "b_two": 1})
    measures = dict(bent.measures)
    measures["a_one"] = measures["a_one"].model_copy(update={"curve": {0.0: 0.0, 50.5: 100.0}})
    bent = bent.model_copy(update={"measures": measures})
    assert changes(old, bent) == [
        ("measures.a_one.curve", "0: 0, 100: 100", "0: 0, 50.5: 100"),
    ]


def test_a_long_expression_is_shown_from_where_it_differs() -> None:
    """What stands at the end of a long text is not cut off on both sides."""
    tiers = "case m_a_one when 1 then 14 when 2 then 26 when 3 then 28 when 4 then 30 else {} end"
    old, new = (plain({"a_one": tiers.format(last), "b_two": 1}) for last in (18, 40))
    assert changes(old, new) == [
        (
            "models.standard.weights.a_one",
            "\N{HORIZONTAL ELLIPSIS} when 4 then 30 else 18 end",
            "\N{HORIZONTAL ELLIPSIS} when 4 then 30 else 40 end",
        ),
    ]
