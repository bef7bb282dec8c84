"""A read of HubSpot that a run before left unfinished: its rest, and then what came since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.hubspot.client import Client
from connectors.hubspot.describe import Describer
from connectors.hubspot.read import Reader
from connectors.hubspot.settings import load
from connectors.sandbox.handle import Sandbox
from crm_health.connector import FieldRead, Page, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import QuotaExhausted
from crm_health.testing.ports import make_ports

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
COMPANIES = Stream("companies", (FieldRead("name", Kind.TEXT),))
COUNT = 2_400


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """So many companies that neither a list nor a search gives them in one page."""
    monkeypatch.setenv("CRM_HEALTH_HUBSPOT_LIST_FROM", "1")
    monkeypatch.setenv("CRM_HEALTH_HUBSPOT_LIST_DAYS", "99")
    with Sandbox.start(now=NOW, frozen=True) as made:
        for name, value in made.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        made.hubspot.settings(limits=False, search_lag=0, enrich_after=0)
        old = (NOW - timedelta(days=9)).isoformat()
        rows = [{"id": str(1000 + n), "name": "Old", "createdate": old} for n in range(COUNT)]
        made.hubspot.load({"companies": rows})
        yield made


def _pages(cursor: str | None, most: int | None = None, calls: int | None = None) -> list[Page]:
    """The first pages of a read, or all of them, or those that so many calls give."""
    client = Client(load("2026-09"), make_ports(max_calls=calls), "2026-09")
    reader, found = Reader(client, Describer(client), 1_000), []
    try:
        for page in reader.changes([Request(COMPANIES, cursor)]):
            found.append(page)
            if len(found) == most:
                break
    except QuotaExhausted:
        assert calls is not None
    finally:
        client.close()
    return found


def _names(pages: list[Page]) -> dict[str, str]:
    return {i: name for page in pages for i, name in page.rows.select("id", "name").iter_rows()}


@pytest.mark.parametrize("by", ["list", "search"])
def test_what_came_since_an_unfinished_read_is_read_with_its_rest(box: Sandbox, by: str) -> None:
    """A record that it had delivered, one that it had not, and a new one; the end comes once."""
    cursor = None
    if by == "search":
        cursor = _pages(None)[-1].cursor
        box.advance(86_400)
        box.hubspot.touch(100, "companies")
    first = _pages(cursor, most=1)
    assert first[0].rows.height < COUNT
    box.advance(86_400)
    box.hubspot.edit("companies", "1000", {"name": "New"})
    box.hubspot.edit("companies", str(1000 + COUNT - 1), {"name": "New"})
    new = box.hubspot.edit("companies", None, {"name": "New"})
    box.advance(1)
    rest = _pages(first[0].cursor)
    names = _names(first + rest)
    assert len(names) == COUNT + 1
    assert {i for i, name in names.items() if name == "New"} == {"1000", "3399", new}
    assert [page.last for page in rest] == [False] * (len(rest) - 1) + [True]
    box.clear_calls()
    assert _names(_pages(rest[-1].cursor)) == dict.fromkeys(["1000", "3399", new], "New")


def test_a_long_list_of_archived_records_is_read_in_several_runs(box: Sandbox) -> None:
    """A budget of fewer calls than it takes gets on with each run, and it is not read again."""
    cursor = _pages(None)[-1].cursor
    gone = [str(1000 + n) for n in range(250)]
    for one in gone:
        box.hubspot.archive("companies", one)
    box.advance(8 * 86_400)
    box.hubspot.edit("companies", "2000", {"name": "New"})
    box.advance(1)
    runs = []
    for _ in range(3):
        # The description, the search and its values, and what follows; the list of all is not due.
        runs.append(_pages(cursor, calls=4))
        cursor = runs[-1][-1].cursor
        box.advance(3_600)
    pages = [page for run in runs for page in run]
    assert [page.last for page in pages].count(True) >= 1
    told = [i for page in pages for i in page.rows.filter("deleted")["id"]]
    assert sorted(told) == gone
    assert _names(pages)["2000"] == "New"
