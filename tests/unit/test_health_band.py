"""The steady band: first, readings, days, margin, caps, falls, unknown."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from health_help import build
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_health.health.band import settle

START = datetime(2026, 1, 1, 5, 30, tzinfo=UTC)
MODEL = build(caps={"sev1": {"when": "1 = 1", "at": 59, "says": "late"}})


def band_now(score: float | None) -> str:
    if score is None:
        return "unknown"
    return "red" if score < 60 else "yellow" if score < 70 else "green"


def no_memory() -> pl.DataFrame:
    return remember([])


def remember(rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {
        "account_id": pl.String,
        "band": pl.String,
        "since": pl.Date,
        "before": pl.String,
        "pending": pl.String,
        "pending_at": pl.Datetime("ms", "UTC"),
        "pending_count": pl.Int64,
        "score": pl.Float64,
    }
    return pl.DataFrame([dict.fromkeys(schema) | {"account_id": "a"} | r for r in rows], schema)


def reading(memory: pl.DataFrame, score: float | None, at: datetime, capped: str | None = None):
    """Settle one reading; what it gives, and the memory after it."""
    now = pl.DataFrame(
        {"account_id": ["a"], "score": [score], "band_now": [band_now(score)], "capped": [capped]},
        schema_overrides={"score": pl.Float64, "capped": pl.String},
    )
    out = settle(MODEL, memory, now, at, "UTC")
    after = out.rename({"band_since": "since", "band_before": "before"}).with_columns(
        pl.lit(score, dtype=pl.Float64).alias("score")
    )
    again = settle(MODEL, after, now, at, "UTC")
    assert again.equals(out), "settling twice at one instant differs"
    return out.row(0, named=True), after


def walk(scores: list[float | None], hours: float = 24) -> list[dict[str, Any]]:
    memory = no_memory()
    seen = []
    for number, score in enumerate(scores):
        out, memory = reading(memory, score, START + timedelta(hours=hours * number))
        seen.append(out)
    return seen


def bands(scores: list[float | None], hours: float = 24) -> list[str]:
    return [out["band"] for out in walk(scores, hours)]


def moves(seen: list[str]) -> int:
    return sum(a != b for a, b in pairwise(seen))


def test_first_band_is_taken_at_once():
    """An account without a memory gets the band of its score, and no band before."""
    out = walk([65])[0]
    assert (out["band"], out["band_before"], out["held"]) == ("yellow", None, None)
    assert out["band_since"] == START.date()


def test_first_band_may_be_unknown():
    """An account without evidence starts as unknown."""
    assert bands([None]) == ["unknown"]


@pytest.mark.parametrize("first", [69, 71])
def test_swinging_score_moves_the_band_at_most_once(first):
    """A score between 69 and 71 for 30 days moves the band once at the most."""
    other = 140 - first
    assert moves(bands([first, other] * 15)) <= 1
    assert moves(bands(([first] * 2 + [other] * 2) * 8)) <= 1


def test_any_swing_around_a_threshold_moves_the_band_at_most_once():
    """500 random walks over 69, 70 and 71: there is no way back up, so one move at most."""
    rng = random.Random(7)
    ids = [f"a{number:03d}" for number in range(500)]
    memory = no_memory()
    moved = pl.Series("moved", [0] * 500)
    for day in range(30):
        scores = [float(rng.choice([69, 70, 71])) for _account in ids]
        now = pl.DataFrame(
            {
                "account_id": ids,
                "score": scores,
                "band_now": [band_now(score) for score in scores],
                "capped": pl.Series([None] * 500, dtype=pl.String),
            }
        )
        out = settle(MODEL, memory, now, START + timedelta(days=day), "UTC")
        if day:
            moved += (out["band"] != memory["band"]).cast(pl.Int64)
        memory = out.rename({"band_since": "since", "band_before": "before"})
        memory = memory.with_columns(now["score"])
    assert moved.max() == 1


def test_downward_needs_two_readings_and_seven_days():
    """69 from day 3 on: the second reading agrees on day 4, but the band moves on day 7."""
    seen = walk([75, 75, 75, *[69] * 6])
    assert [out["band"] for out in seen] == ["green"] * 7 + ["yellow"] * 2
    assert seen[4]["held"] == (
        "Green until a score below 70 holds for two days, 8 Jan 2026 at the earliest"
    )
    assert seen[7]["band_before"] == "green"
    assert seen[7]["held"] is None


def test_one_reading_is_not_enough():
    """After a week in the band, one low day does nothing and a second one moves it."""
    assert bands([75] * 8 + [69, 75, 69, 75]) == ["green"] * 12
    assert bands([75] * 8 + [69, 69])[-2:] == ["green", "yellow"]


def test_readings_count_only_20_hours_apart():
    """Hourly syncs of a low score count once; the band moves after 20 hours."""
    memory = remember([{"band": "green", "since": datetime(2025, 1, 1).date()}])
    for hour in range(20):
        out, memory = reading(memory, 69, START + timedelta(hours=hour))
        assert (out["band"], out["pending_count"], out["pending_at"]) == ("green", 1, START)
    out, memory = reading(memory, 69, START + timedelta(hours=20))
    assert out["band"] == "yellow"


def test_upward_needs_the_margin():
    """From yellow, 72 stays and 73 moves on the second reading."""
    held = walk([65] * 8 + [72] * 3)
    assert [out["band"] for out in held[8:]] == ["yellow"] * 3
    assert held[-1]["held"] == "Yellow until 73 holds for two days"
    assert held[-1]["pending"] is None
    assert bands([65] * 8 + [73, 73])[-2:] == ["yellow", "green"]


def test_upward_margin_counts_for_each_threshold():
    """From red, 71 reaches yellow but not yet green."""
    assert bands([50] * 8 + [71] * 12)[8:] == ["red"] + ["yellow"] * 11


def test_great_fall_moves_at_once():
    """A fall of 15 against the score shown moves the band the same day; 14 does not."""
    assert bands([80, 65]) == ["green", "yellow"]
    assert bands([80, 66]) == ["green", "green"]


def test_great_rise_does_not_move_at_once():
    """Good news waits for the second reading and the week."""
    assert bands([50, 95, 95, 95, 95, 95, 95, 95]) == ["red"] * 7 + ["green"]


def test_cap_that_binds_moves_at_once():
    """A cap that gives the score turns the band red the same day."""
    memory = remember([{"band": "green", "since": START.date(), "score": 70.0}])
    out, _after = reading(memory, 59, START, capped="sev1")
    assert (out["band"], out["band_before"]) == ("red", "green")


def test_cap_beside_an_override_does_not():
    """A cap on our score does not hurry the band of a person's score."""
    memory = remember([{"band": "green", "since": START.date(), "score": 70.0}])
    out, _after = reading(memory, 65, START, capped="sev1")
    assert out["band"] == "green"


@pytest.mark.parametrize("score", [85, 65])
def test_a_persons_score_moves_the_band_at_once(score):
    """An override is shown with its band the same day, up or down."""
    memory = remember([{"band": "red", "since": START.date(), "score": 50.0}])
    out, _after = reading(memory, score, START, capped="override")
    assert (out["band"], out["band_before"], out["held"]) == (band_now(score), "red", None)


def test_unknown_comes_on_the_third_reading():
    """Two days without evidence keep the old band and say so; the third makes it unknown."""
    seen = walk([80, None, None, None])
    assert [out["band"] for out in seen] == ["green", "green", "green", "unknown"]
    assert seen[2]["held"] == "Green until evidence has been too thin on three days"
    assert seen[3]["band_before"] == "green"


def test_evidence_that_returns_starts_the_count_anew():
    """Two days without evidence, one with, two without: still the old band."""
    assert bands([80, None, None, 80, None, None]) == ["green"] * 6


def test_back_from_unknown_after_two_readings():
    """From unknown any band comes on the second reading, without margin or days."""
    seen = walk([None, 71, 65])
    assert [out["band"] for out in seen] == ["unknown", "unknown", "yellow"]
    assert seen[1]["held"] == "Unknown until there is enough evidence on two days"


def test_readings_that_agree_on_the_direction_give_the_milder_band():
    """Yellow, then red: both say worse than green, so yellow, and red is pending."""
    memory = remember([{"band": "green", "since": datetime(2025, 1, 1).date(), "score": 70.0}])
    _out, memory = reading(memory, 65, START)
    out, memory = reading(memory, 57, START + timedelta(days=1))
    assert (out["band"], out["pending"], out["pending_count"]) == ("yellow", "red", 1)


def test_pending_memory_does_not_change_while_waiting_for_the_week():
    """Once two readings agree, the memory stays as it is until the week is over."""
    seen = walk([75, 75, *[69] * 5])
    waiting = [(o["pending"], o["pending_at"], o["pending_count"]) for o in seen[3:7]]
    assert len(set(waiting)) == 1
    assert waiting[0][2] == 2


def test_band_of_another_model_counts_as_none():
    """A remembered band that the model no longer has is replaced at once."""
    out, _after = reading(remember([{"band": "amber", "since": START.date()}]), 65, START)
    assert (out["band"], out["band_before"]) == ("yellow", None)


def test_no_accounts():
    """No readings give an empty frame with all columns."""
    now = pl.DataFrame(
        schema={
            "account_id": pl.String,
            "score": pl.Int64,
            "band_now": pl.String,
            "capped": pl.String,
        }
    )
    assert settle(MODEL, no_memory(), now, START, "UTC").shape == (0, 8)


@settings(max_examples=20, deadline=None)
@given(
    scores=st.lists(st.none() | st.integers(1, 100), min_size=1, max_size=25),
    hours=st.sampled_from([1, 7, 20, 24]),
)
def test_no_walk_breaks_the_rules(scores, hours):
    """However scores go: idempotent, no green on a score of less, dates never ahead."""
    for number, out in enumerate(walk(list(scores), hours)):
        day = (START + timedelta(hours=hours * number)).date()
        assert out["band"] in {"red", "yellow", "green", "unknown"}
        assert out["band_since"] <= day
        assert (out["held"] is None) == (out["band"] == band_now(scores[number]))
        assert out["pending"] != out["band"]
        assert out["band_before"] != out["band"]
