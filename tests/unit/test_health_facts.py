"""Facts: aggregates, missing against nought, evidence dates, sources that went quiet."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
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

from crm_health.health.facts import Source, with_days
from crm_health.health.score import assess


def one_fact(account: str = "a", **definition: Any):
    """Value and evidence date of one fact `x` over given sources."""
    sources = definition.pop("sources")
    model = build(facts={"x": definition})
    facts = facts_of(model, TWO, **sources)
    row = facts.values.filter(pl.col("account_id") == account).row(0, named=True)
    when = facts.dates.filter(pl.col("account_id") == account).row(0, named=True)
    return row["x"], when["x"]


def test_count_over_rows_and_over_none():
    """A count is of the rows that hold; over none it is 0, and a missing condition is none."""
    count = {"from": "case", "where": "is_open", "take": "count(*)", "sources": {"case": CASES}}
    assert one_fact(**count) == (2.0, DAY)
    assert one_fact("b", **count) == (0.0, DAY)


@pytest.mark.parametrize("take", ["sum(points)", "avg(points)", "max(points)", "min(age_days)"])
def test_other_aggregates_over_no_rows_are_missing(take):
    """Nothing to add up is missing, not nought."""
    answers = live([{"account_id": "a", "points": 50.0, "answered_at": DAY}])
    value, _when = one_fact("b", **{"from": "survey", "take": take}, sources={"survey": answers})
    assert value is None


def test_sum_of_missing_values_is_missing():
    """Rows without the value do not make a sum of nought."""
    rows = live(
        pl.DataFrame(
            {"account_id": ["a", "b", "b"], "quantity": [None, None, 2.0]},
            schema={"account_id": pl.String, "quantity": pl.Float64},
        )
    )
    take = {"from": "subscription", "take": "sum(quantity)", "sources": {"subscription": rows}}
    assert one_fact("a", **take)[0] is None
    assert one_fact("b", **take)[0] == 2.0


@pytest.mark.parametrize(
    "source",
    [None, Source(None, AS_OF, None), Source(CASES.rows, None, None)],
    ids=["unmapped", "unreadable", "never read completely"],
)
def test_count_of_an_unknown_source_is_missing(source):
    """Where nobody can know, even a count is missing, for every account."""
    sources = {} if source is None else {"case": source}
    for account in ("a", "b"):
        assert one_fact(account, **{"from": "case", "take": "count(*)"}, sources=sources) == (
            None,
            None,
        )


def test_fact_over_a_column_the_org_lacks_is_missing():
    """A lacking column makes its facts missing, and leaves the others of the entity alone."""
    source = Source(CASES.rows, AS_OF, None, frozenset({"sla_due_at"}))
    model = build(
        facts={
            "late": {"from": "case", "where": "sla_due_days > 0", "take": "count(*)"},
            "open": {"from": "case", "where": "is_open", "take": "count(*)"},
        }
    )
    facts = facts_of(model, TWO, case=source)
    assert facts.values["late"].to_list() == [None, None]
    assert facts.values["open"].to_list() == [2.0, 0.0]


def test_evidence_of_averages_is_the_newest_row_that_counted():
    """An average is as old as its newest row; rows outside the condition do not count."""
    answers = live(
        [
            {"account_id": "a", "kind": "csat", "points": 50.0, "answered_at": days_ago(40)},
            {"account_id": "a", "kind": "csat", "points": 70.0, "answered_at": days_ago(30)},
            {"account_id": "a", "kind": "nps", "points": 10.0, "answered_at": days_ago(1)},
        ]
    )
    take = {"from": "survey", "where": "kind = 'csat'", "take": "avg(points)"}
    assert one_fact(**take, sources={"survey": answers}) == (60.0, days_ago(30))
    assert one_fact("b", **take, sources={"survey": answers}) == (None, None)


def test_evidence_of_counts_is_the_last_complete_read():
    """A count is as old as the read, in the organisation's time zone, rows or none."""
    read = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
    model = build(
        time_zone="America/New_York",
        facts={"x": {"from": "case", "take": "count(*)"}},
    )
    facts = facts_of(model, TWO, case=Source(CASES.rows, read, None))
    assert facts.dates["x"].to_list() == [date(2026, 11, 19)] * 2


def test_evidence_kind_can_be_chosen():
    """`evidence: rows` on a count gives the newest row's date."""
    rows = live([{"account_id": "a", "happened_at": days_ago(9)}])
    take = {"from": "activity", "take": "count(*)", "evidence": "rows"}
    assert one_fact(**take, sources={"activity": rows}) == (1.0, days_ago(9))


def test_days_are_calendar_days_of_the_time_zone():
    """An instant late at night is yesterday or today by where the organisation is."""
    at = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    frame = pl.DataFrame({"account_id": ["a"], "opened_at": [at], "sla_due_at": [None]})
    frame = frame.cast({"sla_due_at": pl.Datetime("ms", "UTC")})
    for tz, days in (("UTC", 0.0), ("America/New_York", 1.0), ("Asia/Tokyo", 0.0)):
        row = with_days(frame, "case", AS_OF, tz).row(0, named=True)
        # At 15:00 UTC it is already the next day in Tokyo, but 03:00 UTC was the day before it.
        expected = days + 1 if tz == "Asia/Tokyo" else days
        assert (row["opened_days"], row["age_days"]) == (expected, expected)
        assert row["sla_due_days"] is None


def test_days_ahead_are_negative_and_odd_dates_survive():
    """Dates ahead give negative days; the years 1 and 9999 do no harm."""
    rows = [
        {"renewal_at": days_ago(-43)},
        {"renewal_at": date(1, 1, 1)},
        {"renewal_at": date(9999, 12, 31)},
        {"renewal_at": None},
    ]
    days = with_days(accounts(rows), "account", AS_OF, "Australia/Sydney")["renewal_days"]
    assert days.to_list()[0] == -42.0  # it is the 23rd in Sydney
    assert days.to_list()[1] > 700_000
    assert days.to_list()[2] < -2_900_000
    assert days.to_list()[3] is None


def test_worst_case_of_the_default_model():
    """Severity times age of the worst open case, from rows to points."""
    model = default_model()
    opened = AS_OF - timedelta(days=5)
    rows = [
        {"account_id": "a", "priority": "p1", "is_open": True, "opened_at": opened},
        {"account_id": "a", "priority": "p4", "is_open": True, "opened_at": opened},
        {"account_id": "b", "priority": "p1", "is_open": False, "opened_at": opened},
    ]
    facts = facts_of(model, TWO, case=live(rows))
    assert facts.values["worst_case"].to_list() == [20.0, None]
    assert facts.values["cases_365"].to_list() == [2.0, 1.0]
    measured = assess(model, facts, AS_OF)["drivers"].to_list()
    burden = [next(d for d in row if d["measure"] == "case_burden") for row in measured]
    # Halfway between 10:85 and 30:50; and no open case is full marks.
    assert [d["points"] for d in burden] == [675, 1000]


def test_severity_1_case_past_its_sla_caps_the_score():
    """From rows to score: a case a day past its SLA holds a fine account at 59."""
    model = default_model()
    frame = accounts([{"account_id": "a", "customer_since": days_ago(60)}] * 1)
    usage = [
        {"account_id": "a", "metric": "active_users", "value": 50.0, "day": days_ago(n)}
        for n in range(1, 28)
    ]
    seats = [{"account_id": "a", "quantity": 50.0, "is_active": True, "is_recurring": True}]
    talk = [{"account_id": "a", "kind": "call", "is_done": True, "happened_at": days_ago(3)}]
    case = {"account_id": "a", "priority": "p1", "is_open": True, "opened_at": AS_OF}
    sources = {
        "usage": live(usage),
        "subscription": live(seats),
        "activity": live(talk),
    }
    for late, score, cap in ((0, 100, None), (1, 59, "sev1")):
        due = AS_OF - timedelta(days=late, hours=1)
        facts = facts_of(model, frame, case=live([case | {"sla_due_at": due}]), **sources)
        assert facts.values["p1_past_sla"].to_list() == [1.0]
        row = assess(model, facts, AS_OF).row(0, named=True)
        assert (row["model"], row["score"], row["capped"]) == ("onboarding", score, cap)


def usage_rows(seed: int) -> pl.DataFrame:
    rng = random.Random(seed)
    rows = [
        {
            "account_id": f"a{rng.randrange(40):03d}",
            "points": rng.choice([0.1, 0.7, 1e9, 3.3, 1e-9]),
        }
        for _number in range(4000)
    ]
    return pl.DataFrame(rows).with_columns(answered_at=pl.lit(DAY))


def test_sums_do_not_depend_on_order_or_batches():
    """Floats of very different size add up to the same digits in any order and batch."""
    model = build(
        facts={
            "total": {"from": "survey", "take": "sum(points)"},
            "mean": {"from": "survey", "take": "avg(points)"},
            "final": {"from": "survey", "take": "last(points)"},
        }
    )
    rows = usage_rows(1)
    frame = accounts([{"account_id": f"a{n:03d}"} for n in range(40)])
    whole = facts_of(model, frame, survey=live(rows))
    shuffled = facts_of(
        model,
        frame.sample(fraction=1, shuffle=True, seed=4),
        survey=live(rows.sample(fraction=1, shuffle=True, seed=5)),
    )
    assert shuffled.values.equals(whole.values)
    parts = [
        facts_of(
            model,
            part,
            survey=live(rows.join(part, on="account_id", how="semi").reverse()),
        ).values
        for part in frame.iter_slices(7)
    ]
    assert pl.concat(parts).equals(whole.values)


def test_facts_keep_nine_digits():
    """Noise beyond nine digits is gone, also where a sum ends just under a half."""
    rows = live([{"account_id": "a", "points": 244272509.49999997, "answered_at": DAY}])
    take = {"from": "survey", "take": "max(points)", "sources": {"survey": rows}}
    assert one_fact(**take)[0] == 244272510.0


def test_infinite_and_missing_rows_are_left_out():
    """NaN and infinite values of a row are missing, so they count nowhere."""
    rows = live(
        [
            {"account_id": "a", "points": value, "answered_at": DAY}
            for value in (float("nan"), float("inf"), 40.0)
        ]
    )
    take = {"from": "survey", "take": "sum(points)", "sources": {"survey": rows}}
    assert one_fact(**take)[0] == 40.0


def test_rows_without_account_are_nobodys():
    """A row without an account does not become an account or a fact."""
    rows = live([{"account_id": None, "is_open": True}, {"account_id": "a", "is_open": True}])
    take = {"from": "case", "take": "count(*)", "sources": {"case": rows}}
    assert one_fact(**take)[0] == 1.0


def test_windows_of_a_feed_end_on_its_newest_day():
    """`window_days` counts from the newest day of the whole feed, so a late load hurts nobody."""
    model = build(
        facts={"recent": {"from": "usage", "where": "window_days < 7", "take": "count(*)"}}
    )
    rows = [{"account_id": "a", "day": days_ago(ago)} for ago in range(2, 20)]
    facts = facts_of(model, TWO, usage=live(rows, days_ago(2)))
    assert facts.values["recent"].to_list() == [7.0, 0.0]


def test_columns_without_any_value_get_their_type():
    """A frame whose optional columns are all empty, or not there, gives the same columns."""
    model = default_model()
    bare = facts_of(model, TWO)
    empty = facts_of(model, TWO.with_columns(pl.lit(None).alias("renewal_at")))
    assert empty.values.select(sorted(empty.values.columns)).equals(
        bare.values.select(sorted(bare.values.columns))
    )


def test_no_accounts_give_the_same_columns():
    """Empty accounts and empty sources keep every column and type."""
    model = default_model()
    full = facts_of(model, TWO, case=CASES)
    empty = facts_of(model, TWO.clear(), case=live([]))
    assert empty.values.schema == full.values.schema
    assert empty.dates.schema == full.dates.schema


def test_default_model_works_on_no_sources_at_all():
    """An org that maps nothing but accounts gets no score for anybody."""
    model = default_model()
    result = assess(model, facts_of(model, TWO), AS_OF)
    assert result["band_now"].to_list() == ["unknown", "unknown"]
    assert result["score"].to_list() == [None, None]
