"""How good alerts were."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crm_health.programmes import quality

DAY = date(2026, 6, 1)


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def happened(*rows: tuple[str, str, int]) -> pl.DataFrame:
    listed = [(a, rule, f"ch1:{a}:{rule}:1", ago(days)) for a, rule, days in rows]
    return pl.DataFrame(listed, schema=quality.OCCURRED, orient="row")


def days_of(*rows: tuple[str, int]) -> pl.DataFrame:
    listed = [(account, ago(days)) for account, days in rows]
    return pl.DataFrame(listed, schema={"account_id": pl.String, "day": pl.Date}, orient="row")


def said(**words: str) -> pl.DataFrame:
    rows = [(f"ch1:{a}:rule:1", word) for a, word in words.items()]
    return pl.DataFrame(rows, schema={"base": pl.String, "feedback": pl.String}, orient="row")


def test_people_say_what_an_alert_was_worth() -> None:
    """Their word counts; where they say nothing, a contact within 14 days does."""
    found = quality.judged(
        happened(*((a, "rule", 30) for a in "abcde"), ("young", "rule", 3)),
        said(a="useful", b="not_useful", c="known"),
        days_of(("b", 29), ("d", 16), ("e", 15), ("e", 31)),
        days_of(),
        DAY,
    )
    useful = dict(found.select("account_id", "useful").iter_rows())
    assert useful == {"a": True, "b": False, "c": False, "d": True, "e": False, "young": None}


def test_an_alert_leads_when_the_band_falls_later() -> None:
    """By the days until the first fall; not one before or on the day, nor one long after."""
    found = quality.judged(
        happened(("a", "rule", 200), ("b", "rule", 200), ("c", "rule", 200)),
        said(),
        days_of(),
        days_of(("a", 200), ("a", 190), ("a", 150), ("b", 201), ("c", 100)),
        DAY,
    )
    assert found["lead"].to_list() == [10, None, None]
    row = quality.by_rule(found).row(0, named=True)
    assert (row["opened"], row["judged"], row["led"], row["lead"]) == (3, 3, 1, 10)


@pytest.mark.parametrize(
    ("useful", "other", "noisy"), [(1, 29, True), (10, 10, False), (0, 9, False), (12, 30, True)]
)
def test_a_rule_is_noise_when_luck_does_not_explain_it(
    useful: int, other: int, *, noisy: bool
) -> None:
    """Few judgements, or half of them useful, are not enough to say so."""
    listed = [(f"u{n}", "rule", 30) for n in range(useful)]
    listed += [(f"o{n}", "rule", 30) for n in range(other)]
    found = quality.judged(
        happened(*listed),
        said(),
        days_of(*((a, 29) for a, _, _ in listed[:useful])),
        days_of(),
        DAY,
    )
    row = quality.by_rule(found).row(0, named=True)
    assert row["noisy"] is noisy
    assert row["low"] <= row["precision"] <= row["high"]


def test_the_interval_is_wilsons() -> None:
    """Against figures from the literature: 8 of 10 and 0 of 10."""
    assert quality.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert quality.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert quality.wilson(0, 0) == (None, None)


def seen(useful: list[float], noise: list[float]) -> pl.DataFrame:
    rows = [(v, True) for v in useful] + [(v, False) for v in noise]
    return pl.DataFrame(rows, schema={"value": pl.Float64, "useful": pl.Boolean}, orient="row")


def test_another_threshold_drops_noise_and_keeps_what_was_useful() -> None:
    """In the direction of the condition; none where the two can't be told apart."""
    down = quality.proposed(seen([0.2, 0.3, 0.4, 0.5, 0.55], [0.6, 0.7, 0.7, 0.3]), "<=")
    assert down == {"threshold": 0.55, "kept": 5, "useful": 5, "dropped": 3, "noise": 4}
    up = quality.proposed(seen([90, 80, 70], [40, 50, 75]), ">")
    assert up is not None
    assert (up["threshold"], up["dropped"]) == (70, 2)
    assert quality.proposed(seen([0.7, 0.6], [0.1, 0.2]), "<=") is None
    assert quality.proposed(seen([], [0.1]), "<=") is None


def test_a_condition_tells_what_it_compares() -> None:
    """Numbers only, and not those in quoted texts."""
    when = "usage_vs_book <= 0.75 and tier_now <> 'a > 3' and coalesce(x > 7, true)"
    assert quality.compared(when) == [("usage_vs_book", "<=", 0.75), ("x", ">", 7.0)]


def test_the_time_from_an_event_to_the_first_contact_is_measured() -> None:
    """By kind of event; who was never contacted counts among all."""
    events = days_of(("a", 30), ("b", 30), ("c", 30)).with_columns(pl.lit("outage").alias("event"))
    contacts = days_of(("a", 30), ("b", 25), ("b", 40)).with_columns(
        pl.lit("outage").alias("event")
    )
    row = quality.contacted(events, contacts).row(0, named=True)
    assert (row["events"], row["contacted"], row["median"]) == (3, 2, 2.5)
    assert row["at_once"] == pytest.approx(1 / 3)
    assert quality.contacted(events.head(0), contacts).is_empty()
