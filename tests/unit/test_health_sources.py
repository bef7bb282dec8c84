"""Sources: what silence means, and when what they said is too old."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
from health_help import (
    AS_OF,
    CASES,
    DAY,
    TWO,
    accounts,
    build,
    days_ago,
    default_model,
    facts_of,
    live,
)

from crm_health.health.facts import Source
from crm_health.health.score import assess


def usage_model(**more: Any):
    return build(
        facts={
            "days": {"from": "usage", "where": "age_days <= 28", "take": "count(distinct day)"},
            "cases": {"from": "case", "take": "count(*)"},
        },
        measures={
            "active": {"dimension": "use", "value": "days", "curve": {0: 0, 20: 100}, "says": "x"},
            "calm": {"dimension": "care", "value": "cases", "curve": {0: 100, 9: 0}, "says": "x"},
        },
        models=[{"name": "standard", "weights": {"active": 4, "calm": 6}}],
        **more,
    )


USAGE = pl.DataFrame({"account_id": ["a", "a"], "metric": ["u", "u"], "day": [days_ago(8)] * 2})


def test_usage_that_stopped_as_a_whole_is_missing_for_all():
    """Eight days without any usage row in the whole org: a broken feed, not silent customers."""
    model = usage_model()
    facts = facts_of(model, TWO, usage=live(USAGE, days_ago(8)), case=CASES)
    assert facts.values["days"].to_list() == [None, None]
    assert facts.values["cases"].to_list() == [3.0, 0.0]
    result = assess(model, facts, AS_OF)
    assert result["stale"].to_list() == [["active"], ["active"]]
    assert result["missing"].to_list() == [[], []]
    assert result["coverage"].to_list() == [60.0, 60.0]


def test_silent_account_in_a_live_source_counts_as_nought():
    """While others use it, an account without rows is silent: 0, and bad."""
    model = usage_model()
    facts = facts_of(model, TWO, usage=live(USAGE, days_ago(7)), case=CASES)
    assert facts.values["days"].to_list() == [1.0, 0.0]
    result = assess(model, facts, AS_OF)
    assert [d["points"] for d in result["drivers"].to_list()[1]] == [0, 1000]


def test_usage_source_that_never_brought_a_row_is_missing():
    """An empty usage object says nothing of anybody."""
    model = usage_model()
    facts = facts_of(model, TWO, usage=live(USAGE.clear(), None), case=CASES)
    assert facts.values["days"].to_list() == [None, None]
    # What never was can't be too old.
    result = assess(model, facts, AS_OF)
    assert result["missing"].to_list() == [["active"], ["active"]]
    assert result["stale"].to_list() == [[], []]


def test_cases_may_be_quiet():
    """No new case for a month is good news, not a broken source."""
    quiet = live(CASES.rows, days_ago(30))
    facts = facts_of(usage_model(), TWO, usage=live(USAGE, DAY), case=quiet)
    assert facts.values["cases"].to_list() == [3.0, 0.0]


def test_source_not_read_for_long_is_stale():
    """A source whose last complete read is over a week ago tells nothing any more."""
    old = Source(CASES.rows, AS_OF - timedelta(days=8), None)
    facts = facts_of(usage_model(), TWO, usage=live(USAGE, DAY), case=old)
    assert facts.values["cases"].to_list() == [None, None]
    assert facts.known.stale == {"cases"}


def test_silence_needs_somebody_who_listens():
    """`coalesce(last_talk, age)` is the age where nobody talked, and missing where none is kept."""
    model = build(
        facts={"talk": {"from": "activity", "take": "min(age_days)"}},
        derived={"age": "customer_since_days", "silence": "coalesce(talk, age)"},
        measures={
            "talked": {
                "dimension": "c",
                "value": "silence",
                "curve": {0: 100, 100: 0},
                "says": "x",
            }
        },
        models=[{"name": "s", "weights": {"talked": 1}}],
    )
    frame = accounts([{"account_id": "a", "customer_since": days_ago(200)}])
    heard = facts_of(model, frame, activity=live([]))
    assert heard.values["silence"].to_list() == [200.0]
    deaf = facts_of(model, frame)
    assert deaf.values["silence"].to_list() == [None]
    assert assess(model, deaf, AS_OF)["missing"].to_list() == [["talked"]]


def test_age_may_fall_back_on_facts():
    """A tenure with substitutes stays known where the substitutes' source is not there."""
    model = build(
        facts={"won": {"from": "opportunity", "where": "is_won", "take": "max(close_days)"}},
        derived={"age": "coalesce(customer_since_days, won)"},
    )
    frame = accounts([{"account_id": "a", "customer_since": days_ago(5)}])
    assert facts_of(model, frame).values["age"].to_list() == [5.0]


def test_measure_is_as_old_as_the_oldest_it_rests_on():
    """A stale answer makes the measure stale, though its count was read today."""
    model = build(
        facts={
            "answers": {"from": "survey", "take": "count(*)"},
            "mood": {"from": "survey", "take": "avg(points)"},
        },
        measures={
            "happy": {
                "dimension": "e",
                "value": "case when answers >= 1 then mood end",
                "curve": {0: 0, 100: 100},
                "stale_after_days": 180,
                "says": "x",
            }
        },
        models=[{"name": "s", "weights": {"happy": 1}}],
    )
    rows = [
        {"account_id": "a", "points": 80.0, "answered_at": days_ago(180)},
        {"account_id": "b", "points": 80.0, "answered_at": days_ago(181)},
    ]
    result = assess(model, facts_of(model, TWO, survey=live(rows)), AS_OF)
    assert result["coverage"].to_list() == [100.0, 0.0]
    assert result["stale"].to_list() == [[], ["happy"]]
    assert result["drivers"].to_list()[0][0]["evidence"] == days_ago(180)


def test_judgement_is_as_old_as_its_review():
    """A CSM's view counts for 90 days after the review date."""
    model = default_model().model_copy(update={"off": ()})
    rows = [
        {"csm_sentiment": 4.0, "relationship_at": days_ago(90)},
        {"csm_sentiment": 4.0, "relationship_at": days_ago(91)},
        {"csm_sentiment": None, "relationship_at": days_ago(1)},
    ]
    result = assess(model, facts_of(model, accounts(rows)), AS_OF)
    assert ["csm_view" in names for names in result["stale"].to_list()] == [False, True, False]
    assert ["csm_view" in names for names in result["missing"].to_list()] == [False, False, True]
