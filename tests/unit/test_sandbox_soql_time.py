"""The sandbox's SOQL: relative dates, and paging by stamp and id."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from soql_org import NOW, OWNER, Runner, names, small_org

from connectors.sandbox import people
from connectors.sandbox.ids import sf_id
from connectors.sandbox.records import Records
from connectors.sandbox.soql.dates import span


@pytest.fixture
def records() -> Records:
    """The small org."""
    return small_org()


@pytest.fixture
def run(records: Records) -> Runner:
    """Queries of that org."""
    return Runner(records)


@pytest.mark.parametrize(
    ("literal", "days"),
    [
        ("= TODAY", [18]),
        ("= YESTERDAY", [17]),
        ("= TOMORROW", [19]),
        ("= THIS_WEEK", [17, 18, 19]),
        ("= LAST_N_DAYS:1", [17, 18]),
        ("= NEXT_N_DAYS:1", [19]),
        ("< TODAY", [1, 17]),
        ("<= TODAY", [1, 17, 18]),
        ("> YESTERDAY", [18, 19]),
        ("!= TODAY", [1, 17, 19]),
        ("= 2026-11-17", [17]),
        ("IN (TODAY, 2026-11-01)", [1, 18]),
    ],
)
def test_relative_dates_on_a_date_field(run: Runner, literal: str, days: list[int]) -> None:
    """Relative dates are spans: before starts at their start, after at their end."""
    found = run(f"SELECT CloseDate FROM Opportunity WHERE CloseDate {literal} ORDER BY CloseDate")
    assert names(found, "CloseDate") == [f"2026-11-{day:02d}" for day in days]


@pytest.mark.parametrize(
    ("name", "n", "start", "end"),
    [
        ("LAST_WEEK", 0, (2026, 11, 8), (2026, 11, 15)),
        ("NEXT_MONTH", 0, (2026, 12, 1), (2027, 1, 1)),
        ("LAST_QUARTER", 0, (2026, 7, 1), (2026, 10, 1)),
        ("LAST_N_MONTHS", 12, (2025, 11, 1), (2026, 11, 1)),
        ("NEXT_N_WEEKS", 2, (2026, 11, 22), (2026, 12, 6)),
        ("N_DAYS_AGO", 3, (2026, 11, 15), (2026, 11, 16)),
        ("N_YEARS_AGO", 1, (2025, 1, 1), (2026, 1, 1)),
        ("NEXT_90_DAYS", 0, (2026, 11, 19), (2027, 2, 17)),
    ],
)
def test_spans_of_days(
    name: str, n: int, start: tuple[int, int, int], end: tuple[int, int, int]
) -> None:
    """Weeks begin on Sunday; LAST and NEXT leave the present unit out."""
    found = span(name, n, NOW.date())
    assert (found.start, found.end) == (date(*start), date(*end))


def test_today_is_the_users_day(records: Records, run: Runner) -> None:
    """At noon UTC it is tomorrow already for a user on Kiribati."""
    records.update(
        "User", OWNER, {"TimeZoneSidKey": "Pacific/Kiritimati"}, people.ADMIN, enforce=False
    )
    assert names(run("SELECT CloseDate FROM Opportunity WHERE CloseDate = TODAY"), "CloseDate") == [
        "2026-11-19"
    ]


def test_keyset_pages_are_complete_and_without_repeats(records: Records, run: Runner) -> None:
    """Paging by (SystemModstamp, Id) through shared stamps reads every row once, in order."""
    stamps = [f"2026-02-01T00:00:{n // 40:02d}Z" for n in range(100)]
    wanted = [sf_id("003", 100 + n) for n in range(100)]
    records.load(
        {
            "Contact": [
                {"Id": id_, "LastName": "Z", "SystemModstamp": stamp}
                for id_, stamp in zip(wanted, stamps, strict=True)
            ]
        }
    )
    found: list[str] = []
    where = "SystemModstamp >= 2026-02-01T00:00:00Z AND LastName = 'z'"
    while True:
        page = run(
            f"SELECT Id, SystemModstamp FROM Contact WHERE {where} "
            "ORDER BY SystemModstamp, Id LIMIT 7"
        ).rows
        if not page:
            break
        found += [row["Id"] for row in page]
        last = page[-1]
        stamp = last["SystemModstamp"].replace("+0000", "Z")
        where = (
            f"(SystemModstamp = {stamp} AND Id > '{last['Id']}') OR "
            f"(SystemModstamp > {stamp} AND LastName = 'z')"
        )
    assert found == wanted


def test_keyset_query_on_40000_rows_is_quick(records: Records, run: Runner) -> None:
    """One page out of 40,000 rows takes well under a second, even on a busy machine."""
    base = datetime(2026, 3, 1, tzinfo=UTC)
    records.load(
        {
            "Contact": [
                {
                    "Id": sf_id("003", 1000 + n),
                    "LastName": "Z",
                    "SystemModstamp": base + timedelta(seconds=n // 7),
                }
                for n in range(40_000)
            ]
        }
    )
    text = (
        "SELECT Id, LastName, SystemModstamp FROM Contact WHERE (SystemModstamp = "
        f"2026-03-01T00:10:00Z AND Id > '{sf_id('003', 5204)}') OR "
        "SystemModstamp > 2026-03-01T00:10:00Z ORDER BY SystemModstamp, Id LIMIT 2000"
    )
    result = run(text)
    assert result.rows[0]["Id"] == sf_id("003", 5205)
    assert result.total == 2000
