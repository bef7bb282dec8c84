"""A stretch of the year in `make test`, and all of it on both CRMs in the soak."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_health.config.load import load
from tests.year import __main__ as year
from tests.year.book import Book
from tests.year.living import live
from tests.year.world import world

#: A Friday after the first week of a quarter, in which tiers are reviewed.
_REVIEWED = datetime(2026, 10, 9, 13, tzinfo=UTC)


def test_two_weeks_with_a_review_keep_what_a_year_must_keep(tmp_path: Path) -> None:
    """One open risk task an account, nobody's day beyond the budget, no second write; work goes on.

    On Salesforce alone; people work, renewals are won, and the tiers' review begins.
    """
    found = world(customers=25, days=14, end=_REVIEWED)
    book = Book(load(), found.holders)
    dates: dict[str, set[object]] = {}
    for day in live("salesforce", found, tmp_path):
        book.add(day)
        for step in found.steps:
            if "Health_Renewal_Date__c" in step.values:
                dates.setdefault(step.id, set()).add(step.values["Health_Renewal_Date__c"])
    assert book.faults == []
    opened = sum((month.opened for month in book.months.values()), Counter[str]())
    assert opened["risk"]
    assert opened["touch"]
    assert sum(month.closed_by_people for month in book.months.values())
    assert dates
    assert sum(sum(month.written) for month in book.months.values()) > found.customers


@pytest.mark.slow
def test_the_page_says_what_the_year_brings(tmp_path: Path) -> None:
    """`python -m tests.year` would write the same, and nothing is wrong in it."""
    found = world(year.CUSTOMERS, year.DAYS)
    part, wrong, _, apart = year.told(found, year.lived(found, tmp_path))
    assert wrong == []
    assert apart.days == year.DAYS + 1
    assert part in year.PAGE.read_text(encoding="utf-8")
