"""Inputs that shift for most accounts at once: held back, by their names."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sync_kit import NOW, Org, config

from crm_health.sync.due import Due

#: How much they use it; no measure reads it, so no score moves.
SUM = {
    "used": {"from": "usage", "where": "value > 0 and window_days < 28", "take": "sum(value)"},
    "ever": {"from": "usage", "where": "value > 0", "take": "count(*)"},
}
TODAY = NOW.date()
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def org(tmp_path: Path) -> Org:
    org = Org(tmp_path, config(model={"facts": SUM}))
    org.crm.is_sandbox = False
    return org


def fed(org: Org, days: int, count: int = 30) -> list[str]:
    """Customers who used it on the last days, every second one with a case."""
    ids = [org.account(70.0 + n % 25, Name=f"Acme {n:03d}") for n in range(count)]
    for ago in range(1, days + 1):
        bring(org, ids, TODAY - timedelta(days=ago))
    return ids


def bring(org: Org, ids: list[str], day: date, factor: float = 1.0) -> None:
    """What each of them used on a day."""
    for n, account in enumerate(ids):
        used = factor * (5.0 + n % 7)
        org.crm.put("Usage", {"Account": account, "Value": used, "Day": day})


def times(org: Org, factor: float, share: float = 1.0) -> None:
    """Multiply all usage of some accounts."""
    ids = list(org.crm.tables["Account"].rows)
    some = set(ids[: round(share * len(ids))])
    for row_id, row in list(org.crm.tables["Usage"].rows.items()):
        if row.values["Account"] in some:
            org.edit("Usage", row_id, Value=row.values["Value"] * factor)


def held(org: Org, **options: Any) -> list[str]:
    report, code = org.perform(**options)
    assert code == (4 if report.stops else 0)
    return report.stops


def test_a_past_that_is_another_one_is_held(org: Org) -> None:
    """The message names the input, before and after; a person's word makes it the new measure."""
    fed(org, 10)
    org.sync()
    org.days(1)
    times(org, 60)
    # Whether it is the day's first assessment or not.
    org.pass_time(hours=1)
    report, code = org.perform()
    assert code == 4
    assert report.stops == [
        f"the input used is about 4,800 for a typical account, and was about 80 on {TOMORROW}"
    ]
    # Nothing of it was kept: it is held again, until somebody says that it is right.
    assert held(org) == report.stops
    assert held(org, approve=report.run.id) == []
    assert held(org) == []
    org.pass_time(days=1)
    assert held(org) == []
    # What was so for weeks until a day ago is no surprise.
    times(org, 1 / 60)
    assert held(org) == []


def test_an_approval_covers_the_inputs_that_were_named(org: Org) -> None:
    """What shifts after the hold is held anew, under an id of its own, and nothing is kept."""
    ids = fed(org, 10)
    org.sync()
    org.days(1)
    for account in ids[:10]:
        org.edit("Account", account, Given=5.0)
    org.pass_time(hours=1)
    report = org.sync()
    assert report.stops == ["10 of 30 scored accounts move by more than 25 points (limit 20 %)"]
    times(org, 60)
    org.pass_time(hours=1)
    writes = org.crm.writes
    again, code = org.perform(approve=report.run.id)
    assert (code, org.crm.writes, again.approved) == (4, writes, None)
    assert again.stops[0].startswith("the input used is about 4,800")
    assert again.stops[1:] == report.stops
    assert org.store.history.receipt(ids[0])["score"] == 70
    assert held(org, approve=again.run.id) == []
    assert org.store.history.receipt(ids[0])["score"] == 5
    assert held(org) == []


@pytest.mark.parametrize(
    ("factor", "share", "stops"),
    [(2, 1.0, True), (0.5, 1.0, True), (2, 0.3, False), (1.5, 1.0, False)],
)
def test_twice_as_much_for_all_is_a_shift_for_some_is_not(
    org: Org, factor: float, share: float, stops: bool
) -> None:
    """A third of the customers may double their use, and all may use it half as much again."""
    fed(org, 20)
    org.sync()
    times(org, factor, share)
    org.pass_time(days=1)
    assert bool(held(org)) is stops


def test_a_feed_that_doubles_from_a_day_on_is_held_until_approved(org: Org) -> None:
    """On the day after, when it is over; the past is as it was. One word is enough."""
    ids = fed(org, 20)
    org.sync()
    for day in (0, 1):
        org.pass_time(days=1)
        bring(org, ids, TODAY + timedelta(days=day), 2.0)
        report, code = org.perform()
    assert code == 4
    was = "the input used is about 16 for a typical account, and was about 8"
    assert report.stops == [f"{was} on the days before {TODAY}"]
    assert held(org, approve=report.run.id) == []
    for day in (2, 3):
        org.pass_time(days=1)
        bring(org, ids, TODAY + timedelta(days=day), 2.0)
        assert held(org) == []


def test_a_feed_that_has_just_begun_is_no_shift(org: Org) -> None:
    """Its windows fill up: twice as much on the second day, and again on the fourth."""
    ids = fed(org, 1)
    org.sync()
    for day in range(5):
        bring(org, ids, TODAY + timedelta(days=day))
        org.pass_time(days=1)
        assert held(org) == []


def test_a_case_of_today_for_everybody_is_no_shift(tmp_path: Path) -> None:
    """Twice as many as yesterday, and all of them new: the past stands."""
    cases = {"cases": {"from": "case", "where": "age_days <= 365", "take": "count(*)"}}
    org = Org(tmp_path, config(model={"facts": cases}))
    org.crm.is_sandbox = False
    ids = fed(org, 0, count=60)
    for n, account in enumerate(ids):
        org.case(account, Priority="Low", CreatedDate=org.ago(days=5 + n))
    org.sync()
    org.days(2)
    org.pass_time(days=1)
    for account in ids:
        org.case(account, Priority="Low", CreatedDate=org.ago(hours=1))
    assert held(org) == []
    # As many again, and nobody had told of them on their day.
    org.pass_time(days=1)
    for account in ids:
        for ago in (40, 50):
            org.case(account, Priority="Low", CreatedDate=org.ago(days=ago))
    was = "the input cases is about 4 for a typical account, and was about 2"
    assert held(org) == [f"{was} on {TODAY + timedelta(days=3)}"]


def test_what_vanishes_for_most_is_held(org: Org) -> None:
    """Every use is reported as none: the facts that it fed are gone."""
    fed(org, 10)
    org.sync()
    times(org, 0)
    org.pass_time(days=1)
    assert held(org) == [
        f"the input ever is there for 0 % of the accounts, and was for 100 % on {TODAY}",
        f"the input used is there for 0 % of the accounts, and was for 100 % on {TODAY}",
    ]


def test_a_run_of_few_accounts_is_held_by_what_it_assesses(org: Org) -> None:
    """Most of them shift, and they are a fifth of the book or more; a smaller part is people's."""
    fed(org, 4, count=90)
    org.sync()
    times(org, 60, share=21 / 90)
    org.pass_time(hours=1)
    assert len(held(org)) == 1
    org.config = config(model={"facts": SUM}, playbook={"guards": {"moved_percent": 25}})
    assert held(org) == []


def test_another_definition_is_no_shift(org: Org) -> None:
    """Who writes another fact under the old name means it."""
    fed(org, 4)
    org.sync()
    other = {**SUM, "used": {**SUM["used"], "take": "sum(value * 100)"}}
    org.config = config(model={"facts": other})
    assert held(org) == []
    times(org, 100)
    assert len(held(org)) == 1


def test_a_run_that_dies_before_its_end_leaves_no_book_of_nobody(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had written all and died before the day counted as done: the next one is as any."""
    fed(org, 4)
    settled = Due.settled

    def then_die(due: Due, waiting: pl.Series) -> None:
        settled(due, waiting)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Due, "settled", then_die)
        with pytest.raises(KeyboardInterrupt):
            org.sync()
    report = org.sync()
    assert (report.customers, report.stops) == (30, [])
