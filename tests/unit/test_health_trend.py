"""The trend and the twelve weekly scores."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from health_help import DAY, days_ago

from crm_health.health.trend import trend
from crm_health.health.weeks import last_12_weeks, restore


def series(scores: dict[int, float | None], account: str = "a") -> pl.DataFrame:
    """Days ago to score."""
    return pl.DataFrame(
        {
            "account_id": [account] * len(scores),
            "day": [days_ago(days) for days in scores],
            "score": list(scores.values()),
        },
        schema={"account_id": pl.String, "day": pl.Date, "score": pl.Float64},
    )


def today(score: float | None, **more: str) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"account_id": ["a"], "score": [score]}, schema_overrides={"score": pl.Float64}
    )
    return frame.with_columns(pl.lit(value).alias(name) for name, value in more.items())


def line(start: float, per_day: float, days: int = 60) -> dict[int, float | None]:
    """A score that changes by so much a day and is `start` today."""
    return {ago: start - per_day * ago for ago in range(1, days + 1)}


@pytest.mark.parametrize(
    ("per_day", "expected"),
    [(0.2, "Rising"), (5 / 30, "Rising"), (0.16, "Steady"), (0, "Steady"), (-0.2, "Falling")],
)
def test_trend_begins_at_five_points(per_day, expected):
    """Five points in 30 days make a trend, less does not."""
    row = trend(series(line(50, per_day)), today(50), DAY).row(0, named=True)
    assert row["trend"] == expected
    assert row["slope"] == pytest.approx(per_day * 30)


@pytest.mark.parametrize(
    ("per_day", "shown", "expected"),
    [
        (-0.12, "Falling", "Falling"),
        (-0.12, "Steady", "Steady"),
        (-0.09, "Falling", "Steady"),
        (0.12, "Rising", "Rising"),
        (0.12, "Falling", "Steady"),
    ],
)
def test_trend_ends_under_three_points(per_day, shown, expected):
    """A trend that is shown stays until the slope is under three points."""
    row = trend(series(line(50, per_day)), today(50, shown_trend=shown), DAY).row(0, named=True)
    assert row["trend"] == expected


@pytest.mark.parametrize(("first", "expected"), [(29, "New"), (30, "Falling")])
def test_new_in_the_first_30_days(first, expected):
    """However steep, an account is New until its history goes back 30 days."""
    row = trend(series(line(50, -1, first)), today(50), DAY).row(0, named=True)
    assert row["trend"] == expected


def test_no_history_is_new():
    """The very first reading has no change to compare with."""
    row = trend(series({}), today(50), DAY).row(0, named=True)
    assert (row["trend"], row["change_7"], row["slope"]) == ("New", None, None)


def test_one_outlier_makes_no_trend():
    """A single broken day moves the slope hardly at all."""
    scores = line(70, 0)
    scores[3] = 10
    row = trend(series(scores), today(70), DAY).row(0, named=True)
    assert (row["trend"], row["slope"]) == ("Steady", 0)


def test_changes_name_the_day_they_compare_with():
    """Changes are against the last reading at least so many days old, a week of slack."""
    scores = {10: 60.0, 33: 69.0, 98: 90.0}
    row = trend(series(scores), today(58), DAY).row(0, named=True)
    assert (row["change_7"], row["change_7_from"]) == (-2, days_ago(10))
    assert (row["change_30"], row["change_30_from"]) == (-11, days_ago(33))
    assert (row["change_90"], row["change_90_from"]) == (None, None)


def test_unknown_days_are_left_out():
    """A day without a score is no point of the line, and unknown today has no change."""
    scores = line(50, -0.2)
    scores[5] = None
    rows = trend(series(scores), today(None), DAY).row(0, named=True)
    assert rows["trend"] == "Falling"
    assert rows["change_30"] is None


def test_change_of_model_is_no_trend():
    """Readings of another model are left out of slope and changes."""
    old = series(dict.fromkeys(range(20, 60), 90.0)).with_columns(model=pl.lit("onboarding"))
    new = series(dict.fromkeys(range(1, 20), 50.0)).with_columns(model=pl.lit("standard"))
    row = trend(pl.concat([old, new]), today(50, model="standard"), DAY).row(0, named=True)
    assert (row["trend"], row["slope"], row["change_30"]) == ("Steady", 0, None)


def test_today_replaces_an_earlier_reading_of_the_day():
    """Rows of today in the history do not count beside the reading given."""
    both = pl.concat([series(line(50, 0)), series({0: 99.0})])
    row = trend(both, today(50), DAY).row(0, named=True)
    assert row["slope"] == 0


def test_accounts_do_not_mix():
    """Each account has its own line; order of rows does not matter."""
    frame = pl.concat([series(line(50, 0.5)), series(line(50, -0.5), "b")])
    now = pl.DataFrame({"account_id": ["b", "a"], "score": [50.0, 50.0]})
    out = trend(frame.sample(fraction=1, shuffle=True, seed=1), now, DAY)
    assert out.select("account_id", "trend").rows() == [("b", "Falling"), ("a", "Rising")]
    assert out.equals(trend(frame, now, DAY))


def weekly(scores: dict[int, float | None], score: float | None) -> str:
    return last_12_weeks(series(scores), today(score), DAY)["last_12_weeks"].item()


def test_twelve_weeks_oldest_first():
    """The last score of each week, oldest first, today last; a week without one is a dash."""
    scores = {7 * week: 60.0 + week for week in range(1, 12)}
    assert weekly(scores, 58) == "71 70 69 68 67 66 65 64 63 62 61 58, to 22 Nov 2026"
    assert weekly({7: 60, 9: 10, 21: None}, 58) == ("\N{EN DASH} " * 10 + "60 58, to 22 Nov 2026")


def restored(text: str) -> pl.DataFrame:
    """The weekly scores of one text."""
    texts = pl.DataFrame({"account_id": ["a"], "last_12_weeks": [text]})
    return restore(texts).drop("account_id")


def test_twelve_weeks_come_back():
    """What was written restores the weekly series."""
    scores = {7 * week: 60.0 + week for week in range(1, 12) if week != 4}
    text = weekly(scores, None)
    back = restored(text)
    wanted = series(scores).select("day", "score").sort("day")
    assert back.equals(wanted)


def test_trend_survives_the_loss_of_the_database():
    """From the restored weeks alone a falling account is still falling, not new."""
    daily = line(50, -0.5, 84)
    text = weekly(daily, 50)
    texts = pl.DataFrame({"account_id": ["a"], "last_12_weeks": [text]})
    tomorrow = DAY + timedelta(days=1)
    row = trend(restore(texts), today(50), tomorrow).row(0, named=True)
    assert row["trend"] == "Falling"
    assert row["slope"] == pytest.approx(-15, abs=1.5)


@pytest.mark.parametrize(
    "text",
    ["", "junk", "50 60, to 32 Nov 2026", "50, to 22 Foo 2026", "0 101, to 22 Nov 2026", "9" * 500],
)
def test_damaged_weeks_are_left_out(text):
    """A text that somebody changed gives no readings rather than wrong ones."""
    assert restored(text).is_empty()


def test_more_than_twelve_weeks_are_not_ours():
    """A text with more scores than we write is not read."""
    assert restored(" ".join(["50"] * 13) + ", to 22 Nov 2026").is_empty()


def test_no_accounts():
    """Empty frames give empty frames."""
    none = today(50).clear()
    assert trend(series({}), none, DAY).is_empty()
    assert last_12_weeks(series({}), none, DAY).is_empty()
    assert restore(
        pl.DataFrame(schema={"account_id": pl.String, "last_12_weeks": pl.String})
    ).is_empty()
