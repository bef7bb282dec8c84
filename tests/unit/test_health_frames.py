"""Frames side by side, rows as JSON, and steps that take short cuts where nothing changes."""

from __future__ import annotations

import json
import zlib
from datetime import date
from typing import Any

import polars as pl
import pytest
from health_help import AS_OF, TWO, build, facts_of, live
from polars.testing import assert_frame_equal

from crm_health.health.evaluate import tidy
from crm_health.health.frames import json_known, json_members, of_accounts
from crm_health.health.slope import slopes
from crm_health.health.words import number_text, one_space
from crm_health.programmes.seals import checksums, numbers


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"], ["b"], ["a", "x"]])
def test_rows_come_in_the_order_of_the_accounts(order: list[str]) -> None:
    """Whatever the order of the frame; an account that it lacks has only nulls."""
    frame = pl.DataFrame({"account_id": ["a", "b"], "score": [1, 2]})
    found = of_accounts(frame, pl.Series("account_id", order))
    known = {"a": 1, "b": 2}
    assert found.to_dicts() == [{"account_id": i, "score": known.get(i)} for i in order]


ROWS: list[dict[str, Any]] = [
    {"account_id": "1", "n": 1.5, "b": True, "d": date(2026, 1, 2), "t": 'q"\\ü', "z": 0},
    {"account_id": "2", "n": None, "b": None, "d": None, "t": None, "z": 1},
    {"account_id": "3", "n": -0.5, "b": False, "d": date(1999, 12, 31), "t": "", "z": 2},
]
SCHEMA = {
    "account_id": pl.String,
    "n": pl.Float64,
    "b": pl.Boolean,
    "d": pl.Date,
    "t": pl.String,
    "z": pl.Int64,
}


def read(texts: pl.Series) -> list[dict[str, Any]]:
    return [json.loads(f"{{{text}}}") for text in texts]


def test_rows_as_json() -> None:
    """Every column of every row, nulls too, and texts escaped."""
    frame = pl.DataFrame(ROWS, schema=SCHEMA)
    assert read(json_members(frame)) == json.loads(json.dumps(ROWS, default=str))


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[1:2], ROWS[::2], []])
def test_what_is_missing_is_left_out(rows: list[dict[str, Any]]) -> None:
    """Of each row only what it has, whichever rows stand beside it."""
    frame = pl.DataFrame(rows, schema=SCHEMA)
    names = ("n", "b", "d", "t", "z")
    kept = [{n: row[n] for n in names if row[n] is not None} for row in rows]
    assert read(json_known(frame, names)) == json.loads(json.dumps(kept, default=str))
    assert read(json_known(frame, [])) == [{} for _ in rows]


@pytest.mark.parametrize(
    ("number", "tidied"),
    [
        (123456789.0, 123456789.0),
        (1234567891.0, 1234567890.0),
        (0.1 + 0.2, 0.3),
        (-0.0, 0.0),
        (float("inf"), None),
        (float("nan"), None),
        (12345678.949999999, 12345679.0),
    ],
)
@pytest.mark.parametrize("beside", [7.0, 0.5, None])
def test_rounding_is_the_same_whatever_stands_beside(
    number: float, tidied: float | None, beside: float | None
) -> None:
    """A column of whole numbers is not rounded at all, and says the same."""
    frame = pl.DataFrame({"x": [number, beside]}, schema={"x": pl.Float64})
    found = tidy(frame, ["x"])["x"]
    assert found.to_list() == [tidied, beside]
    assert str(found[0]) != "-0.0"


def test_a_figure_that_rounds_to_nought_has_no_sign() -> None:
    """A little under nought reads as nought."""
    frame = pl.DataFrame({"x": [-0.04, 0.04, -0.06]})
    assert frame.select(number_text(pl.col("x"))).to_series().to_list() == ["0", "0", "-0.1"]


def test_a_source_without_rows_gives_the_columns_of_one_with_rows() -> None:
    """Counts are nought, all else is missing, and no type differs."""
    model = build(
        facts={
            "open": {"from": "case", "where": "is_open", "take": "count(*)"},
            "oldest": {"from": "case", "where": "is_open", "take": "max(age_days)"},
            "worst": {"from": "case", "take": "min(priority)"},
            "mean": {"from": "case", "take": "avg(age_days)"},
        },
        measures={
            "calm": {"dimension": "care", "value": "open", "curve": {0: 100, 9: 0}, "says": "x"},
            "mood": {"dimension": "care", "value": "mean", "curve": {0: 100, 9: 0}, "says": "x"},
        },
        models=[{"name": "standard", "weights": {"calm": 1, "mood": 1}}],
    )
    rows = [{"account_id": "a", "priority": "p1", "is_open": True, "opened_at": AS_OF}]
    some = facts_of(model, TWO, case=live(rows))
    none = facts_of(model, TWO, case=live(pl.DataFrame(rows).clear()))
    assert none.values.schema == some.values.schema
    assert none.dates.schema == some.dates.schema
    names = ("open", "oldest", "worst", "mean")
    assert none.values.select(names).row(0) == (0.0, None, None, None)
    # An account that has none beside one that has some reads the same.
    assert_frame_equal(none.values.select(names).tail(1), some.values.select(names).tail(1))


def test_scores_that_stand_still_have_no_slope() -> None:
    """As a median of pairs would have it; one day alone has none at all."""
    days = [date(2026, 1, 1), date(2026, 1, 5), date(2026, 1, 9)]
    readings = pl.DataFrame(
        {
            "account_id": ["still"] * 3 + ["rises"] * 3 + ["once"],
            "day": [*days, *days, days[0]],
            "score": [60.0] * 3 + [60.0, 62.0, 64.0] + [50.0],
        }
    )
    found = {row[0]: row[1] for row in slopes(readings, 30).rows()}
    assert found == {"still": 0.0, "rises": 15.0, "once": None}


def test_blanks_of_our_words_are_cleaned_as_in_lines() -> None:
    """Runs of blanks, line ends and control characters become one blank."""
    assert one_space("a  b\n\tc\x07d e") == "a b c d e"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50, 150])
def test_checksums_are_crc32_however_often_a_text_comes(count: int) -> None:
    """Distinct texts or many alike: the same checksum for the same text."""
    for texts in ([f"text {n} ü" for n in range(count)], ["Red", "Green"] * count):
        series = pl.Series(texts, dtype=pl.String)
        expected = [zlib.crc32(text.encode()) for text in texts]
        assert numbers(series).to_list() == expected
        assert checksums(series).to_list() == [f"{number:08x}" for number in expected]
        assert checksums(series, 4).to_list() == [f"{number:08x}"[:4] for number in expected]
