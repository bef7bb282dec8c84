"""A stretch of the year in `make test`, and all of it on both CRMs in the soak."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.sandbox.story.portal_fields import hub_id
from crm_health.config.load import load
from tests.year import __main__ as year
from tests.year.book import Book
from tests.year.living import live
from tests.year.world import world

#: A Tuesday in the first week of a quarter, in which tiers are reviewed.
_REVIEWED = datetime(2026, 10, 6, 13, tzinfo=UTC)


@pytest.mark.slow
def test_twelve_days_keep_what_a_year_must_keep(tmp_path: Path) -> None:
    """One open risk task an account, nobody's day beyond the budget, no second write; work goes on.

    On Salesforce alone. People work, renewals are won, and the tiers are reviewed.
    """
    later = _REVIEWED + timedelta(days=120)
    found = world(customers=25, days=12, seed=2, end=_REVIEWED, told=later)
    book = Book(load(), found.holders)
    before = ""
    for day in live("salesforce", found, tmp_path):
        book.add(day)
        before = before or day.day
    assert book.faults == []
    assert (before, len(book.months)) == ("2026-09-24", 2)
    opened = sum((month.opened for month in book.months.values()), Counter[str]())
    assert opened["risk"]
    assert opened["touch"]
    assert sum(month.closed_by_people for month in book.months.values())
    renewed = {
        step.id
        for step in found.steps
        if step.values.keys() == {"Health_Renewal_Date__c"} and step.at > found.start
    }
    # Who has renewed does not stand before a renewal any more.
    assert renewed
    assert all(book.truth["account"][hub_id(one)]["stage"] != "Renew" for one in renewed)


@pytest.mark.slow
def test_the_page_says_what_the_year_brings(tmp_path: Path) -> None:
    """`python -m tests.year` would write the same, and nothing is wrong in it."""
    found = world(year.CUSTOMERS, year.DAYS)
    part, wrong, _, apart = year.told(found, year.lived(found, tmp_path))
    assert wrong == []
    assert apart.days == year.DAYS + 1
    assert part in year.PAGE.read_text(encoding="utf-8")
