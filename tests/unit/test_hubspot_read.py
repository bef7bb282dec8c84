"""Reading HubSpot over HTTP from the sandbox: nothing missed, nothing made up, few calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import orjson
import pytest

from connectors.hubspot.client import Client
from connectors.hubspot.cursor import Cursor
from connectors.hubspot.describe import Describer
from connectors.hubspot.read import Reader
from connectors.hubspot.settings import load
from connectors.sandbox.handle import Sandbox
from crm_health.connector import FieldRead, Page, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import AuthError, QuotaExhausted, SetupError, Unavailable
from crm_health.testing.ports import make_ports

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
COMPANIES = Stream("companies", (FieldRead("name", Kind.TEXT), FieldRead("domain", Kind.TEXT)))
CONTACTS = Stream(
    "contacts",
    (FieldRead("email", Kind.TEXT), FieldRead("associations.companies", Kind.TEXT)),
)
#: No whole list is due again, however far the clock moves.
NEVER = {"CRM_HEALTH_HUBSPOT_LIST_DAYS": "9999", "CRM_HEALTH_HUBSPOT_ARCHIVED_DAYS": "9999"}


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox.start(now=NOW, frozen=True) as made:
        made.snapshot("empty")
        yield made


@pytest.fixture
def box(server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    server.restore("empty")
    server.clear_faults()
    server.clear_calls()
    server.hubspot.settings(limits=False, search_lag=5, association_page=500)
    for name, value in {**server.hubspot_environment, **NEVER}.items():
        monkeypatch.setenv(name, value)
    yield server
    server.clear_faults()
    server.hubspot.tokens(scopes=None)


class Reading:
    """A connector's reader, and the calls it makes."""

    def __init__(self, version: str = "2026-09") -> None:
        self.client = Client(load(version), make_ports(), version)
        self.reader = Reader(self.client, Describer(self.client), 100)

    def pages(self, stream: Stream, cursor: str | None = None) -> list[Page]:
        return list(self.reader.changes([Request(stream, cursor)]))

    @property
    def calls(self) -> Counter[str]:
        return Counter(self.client.usage().by_kind)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()


def read(stream: Stream, cursor: str | None = None, version: str = "2026-09") -> list[Page]:
    """The pages of one read by a new connector."""
    with Reading(version) as reading:
        return reading.pages(stream, cursor)


def rows(pages: Sequence[Page]) -> dict[str, dict[str, Any]]:
    """Rows by id, as the last page told them."""
    return {row["id"]: row for page in pages for row in page.rows.to_dicts()}


def companies(box: Sandbox, count: int, at: datetime = NOW - timedelta(days=3)) -> list[str]:
    """So many companies, all modified in one moment."""
    stamp = at.isoformat().replace("+00:00", "Z")
    made = [
        {"id": str(5_000_000 + n), "name": f"C{n}", "hs_lastmodifieddate": stamp}
        for n in range(count)
    ]
    box.hubspot.load({"companies": made})
    return [one["id"] for one in made]


def test_twelve_thousand_rows_of_one_moment_come_once(box: Sandbox) -> None:
    """By search, beyond its 10,000 hits; a crash in the middle costs nothing."""
    start = Cursor(stamp=NOW - timedelta(days=1), size=10**6, listed=NOW, archived=NOW).dump()
    ids = companies(box, 12_000, NOW - timedelta(minutes=10))
    with Reading() as reading:
        pages = reading.pages(COMPANIES, start)
        calls = reading.calls
    came = [i for page in pages for i in page.rows["id"]]
    assert len(came) == 12_000
    assert set(came) == set(ids)
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert (calls["search"], calls["read"], calls["list"]) == (60, 120, 0)
    middle = len(pages) // 2
    rest = read(COMPANIES, pages[middle].cursor)
    # Pages come in order; the rows of one in whatever order the batches had.
    assert {i for page in rest for i in page.rows["id"]} == set(came[1_000 * (middle + 1) :])


def test_nothing_new_is_one_search(box: Sandbox) -> None:
    """A quiet read asks once, and its cursor moves on."""
    companies(box, 120)
    first = read(COMPANIES)
    box.advance(7_200)
    with Reading() as reading:
        (page,) = reading.pages(COMPANIES, first[-1].cursor)
        assert (page.rows.height, page.last) == (0, True)
        assert reading.calls == {"schema": 1, "search": 1}
    assert Cursor.load(page.cursor).stamp == NOW + timedelta(hours=2)


def test_a_first_read_is_by_list_alone(box: Sandbox) -> None:
    """N / 100 calls, associations along with them."""
    companies(box, 250)
    with Reading() as reading:
        stream = Stream("companies", (*COMPANIES.fields, *CONTACTS.fields[1:]))
        assert len(rows(reading.pages(stream))) == 250
        assert reading.calls == {"schema": 1, "list": 3}


def test_a_budget_of_few_calls_gets_on(box: Sandbox) -> None:
    """Each run stores what it paid for: two calls of a list each, and the third ends it."""
    ids = companies(box, 450)
    cursor, came, ends = None, [], []
    for _ in range(3):
        client = Client(load("2026-09"), make_ports(max_calls=3), "2026-09")
        try:
            for page in Reader(client, Describer(client)).changes([Request(COMPANIES, cursor)]):
                cursor = page.cursor
                ends.append(page.last)
                came += page.rows["id"].to_list()
        except QuotaExhausted:
            pass
        finally:
            client.close()
    assert sorted(came) == ids
    assert ends == [False, False, True]


def test_many_changes_are_read_by_list(box: Sandbox) -> None:
    """Where more than half of the rows changed the list is quicker: one search, then N / 100."""
    ids = companies(box, 1_500)
    cursor = read(COMPANIES)[-1].cursor
    box.advance(86_400)
    box.hubspot.touch(100, "companies")
    box.advance(60)
    with Reading() as reading:
        assert set(rows(reading.pages(COMPANIES, cursor))) == set(ids)
        assert reading.calls == {"schema": 1, "search": 1, "list": 15}


def test_values_are_never_those_of_a_search(box: Sandbox) -> None:
    """A search is asked for ids only; a record that changed again comes with its last value."""
    company = box.hubspot.edit("companies", None, {"name": "first"})
    cursor = read(COMPANIES)[-1].cursor
    box.advance(3_600)
    box.hubspot.edit("companies", company, {"name": "second"})
    box.advance(60)
    box.hubspot.edit("companies", company, {"name": "third"})
    box.clear_calls()
    assert rows(read(COMPANIES, cursor))[company]["name"] == "third"
    paths = [call["path"] for call in box.calls()]
    assert [p.rsplit("/", 1)[1] for p in paths if "objects" in p] == ["search", "read"]


def test_a_change_that_search_did_not_know_comes_with_the_next(box: Sandbox) -> None:
    """The index lags by half an hour; the overlap of an hour finds the change in the end."""
    (company,) = companies(box, 1)
    cursor = read(COMPANIES)[-1].cursor
    box.advance(7_200)
    box.hubspot.settings(search_lag=1_800)
    box.hubspot.edit("companies", company, {"name": "new"})
    box.advance(1)
    late = read(COMPANIES, cursor)
    assert company not in rows(late)
    box.advance(2_000)
    assert rows(read(COMPANIES, late[-1].cursor))[company]["name"] == "new"


@pytest.mark.parametrize("by", ["list", "search"])
@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_the_company_that_matters(box: Sandbox, by: str, version: str) -> None:
    """The primary one, wherever it stands; else the one with the smallest number."""
    hub = box.hubspot
    big = [str(9_007_199_254_740_993 + n) for n in range(5)]
    hub.load({"companies": [{"id": i, "name": i} for i in ["999", *big]]})
    contacts = [hub.edit("contacts", None, {"email": f"c{n}@x.example"}) for n in range(4)]
    cursor = read(CONTACTS)[-1].cursor
    hub.settings(association_page=2)
    pairs = [[contacts[0], i] for i in ["999", *big]]
    pairs += [[contacts[1], big[1]], [contacts[1], big[0]], [contacts[2], "999"]]
    hub.load({}, links=[{"from": "contacts", "to": "companies", "types": [279], "pairs": pairs}])
    primary = [[contacts[0], big[4]]]
    hub.load({}, links=[{"from": "contacts", "to": "companies", "types": [1, 279],
                         "pairs": primary}])  # fmt: skip
    box.advance(10)
    found = rows(read(CONTACTS, cursor if by == "search" else None, version))
    path = "associations.companies"
    assert [found[c][path] for c in contacts] == [big[4], big[0], "999", None]


def test_archived_records_are_told_when_their_list_is_due(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No search tells of them: a list of its own does, every so many days."""
    ids = companies(box, 3)
    cursor = read(COMPANIES)[-1].cursor
    monkeypatch.setenv("CRM_HEALTH_HUBSPOT_ARCHIVED_DAYS", "7")
    box.hubspot.archive("companies", ids[1])
    box.advance(6 * 86_400)
    early = read(COMPANIES, cursor)
    assert rows(early) == {}
    box.advance(86_400 + 60)
    late = read(COMPANIES, early[-1].cursor)
    assert [(i, r["deleted"], r["name"]) for i, r in rows(late).items()] == [(ids[1], True, None)]
    box.advance(3_600)
    with Reading() as reading:
        reading.pages(COMPANIES, late[-1].cursor)
        assert reading.calls["list"] == 0


def test_a_whole_list_comes_once_a_week(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """An association that changed without moving the contact's date is found by it."""
    hub = box.hubspot
    hub.load({"companies": [{"id": "71", "name": "A"}, {"id": "72", "name": "B"}]})
    contact = hub.edit("contacts", None, {"email": "c@x.example"})
    hub.load({}, links=[{"from": "contacts", "to": "companies", "types": [279],
                         "pairs": [[contact, "72"]]}])  # fmt: skip
    box.advance(7_200)
    cursor = read(CONTACTS)[-1].cursor
    monkeypatch.setenv("CRM_HEALTH_HUBSPOT_LIST_DAYS", "7")
    hub.load({}, links=[{"from": "contacts", "to": "companies", "types": [279],
                         "pairs": [[contact, "71"]]}])  # fmt: skip
    box.advance(6 * 86_400)
    early = read(CONTACTS, cursor)
    assert contact not in rows(early)
    box.advance(2 * 86_400)
    assert rows(read(CONTACTS, early[-1].cursor))[contact]["associations.companies"] == "71"


@pytest.mark.parametrize("new_id", [True, False])
def test_a_merge_tells_where_records_went(box: Sandbox, new_id: bool) -> None:
    """The survivor comes, and those it ate as deleted with its id."""
    ids = companies(box, 3)
    cursor = read(COMPANIES)[-1].cursor
    box.advance(7_200)
    survivor = box.hubspot.merge("companies", ids[0], ids[1], new_id=new_id)
    box.advance(60)
    found = rows(read(COMPANIES, cursor))
    eaten = {i for i in ids[:2] if i != survivor}
    assert set(found) == {survivor} | eaten
    assert {found[i]["merged_into"] for i in eaten} == {survivor}
    assert found[survivor]["deleted"] is False


def test_a_hit_that_was_archived_meanwhile_is_proven_gone(box: Sandbox) -> None:
    """A record that a search finds and a read does not is looked for among the archived ones."""
    ids = companies(box, 2)
    cursor = read(COMPANIES)[-1].cursor
    box.advance(7_200)
    box.hubspot.edit("companies", ids[0], {"name": "x"})
    box.advance(60)
    with Reading() as reading:
        # Between the search and the read.
        really = reading.reader._search

        def search(*args: Any) -> Any:
            hits = really(*args)
            box.hubspot.archive("companies", ids[0])
            return hits

        reading.reader._search = search  # type: ignore[method-assign]
        found = rows(reading.pages(COMPANIES, cursor))
    assert [(i, r["deleted"]) for i, r in found.items()] == [(ids[0], True)]


def test_a_batch_that_leaves_rows_out_is_asked_again(box: Sandbox) -> None:
    """An answer with neither a result nor an error for a row does not lose the row."""
    ids = companies(box, 5, NOW + timedelta(hours=2))
    start = Cursor(stamp=NOW + timedelta(hours=2), size=10**6, listed=NOW, archived=NOW).dump()
    box.advance(7_300)
    box.faults({"kind": "short", "path": "batch/read", "bytes": 2})
    assert set(rows(read(COMPANIES, start))) == set(ids)


def test_a_property_that_is_gone_is_not_emptiness(box: Sandbox) -> None:
    """HubSpot passes over it silently; the run stops and names it."""
    box.hubspot.define("companies", {"name": "plan", "label": "Plan", "type": "string",
                                     "fieldType": "text"})  # fmt: skip
    companies(box, 150)
    stream = Stream("companies", (FieldRead("name", Kind.TEXT), FieldRead("plan", Kind.TEXT)))
    with Reading() as reading:
        pages = reading.reader.changes([Request(stream)])
        next(pages)
        box.hubspot.drop_property("companies", "plan")
        with pytest.raises(SetupError, match="no property plan of companies"):
            next(pages)


def test_a_missing_scope_is_named(box: Sandbox) -> None:
    """What the token may not see is absent from `describe`; reading it names the scope."""
    box.hubspot.tokens(scopes=["crm.objects.contacts.read", "crm.schemas.contacts.read"])
    with Reading() as reading:
        assert reading.reader._describer.shapes(["companies"]) == {}
        with pytest.raises(AuthError, match=r"crm\.(objects|schemas)\.companies"):
            reading.pages(COMPANIES)


def test_an_unknown_object_is_absent(box: Sandbox) -> None:
    """It is absent from `describe`, and reading it is a matter for setup."""
    with Reading() as reading:
        assert reading.reader._describer.shapes(["butterflies", "../owners"]) == {}
        with pytest.raises(SetupError, match="butterflies"):
            reading.pages(Stream("butterflies", ()))


def test_owners_are_read_whole(box: Sandbox) -> None:
    """People who left are rows too, marked as archived."""
    box.hubspot.load({}, owners=[{"id": "77", "email": "left@x.example", "archived": True}])
    stream = Stream("owners", (FieldRead("archived", Kind.BOOLEAN), FieldRead("email", Kind.TEXT)))
    pages = read(stream)
    found = rows(pages)
    assert found["77"]["archived"] is True
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert {r["deleted"] for r in found.values()} == {False}
    with Reading() as reading:
        assert {i for ids in reading.reader.ids("owners") for i in ids} == set(found)


def test_long_lists_of_properties_travel_in_a_body(box: Sandbox) -> None:
    """More names than an address holds are read all the same."""
    names = [f"a_rather_long_property_name_{n:04}" for n in range(300)]
    box.hubspot.define(
        "companies",
        *({"name": n, "label": n, "type": "string", "fieldType": "text"} for n in names),
    )
    ids = companies(box, 3)
    box.hubspot.edit("companies", ids[0], {names[-1]: "here"})
    found = rows(read(Stream("companies", tuple(FieldRead(n, Kind.TEXT) for n in names))))
    assert found[ids[0]][names[-1]] == "here"
    assert set(found) == set(ids)


@pytest.mark.parametrize("after", ["100", "../x?y", "1"])
def test_pages_that_do_not_end_are_an_error(box: Sandbox, after: str) -> None:
    """A cursor that leads nowhere new ends the read instead of turning in a circle."""
    body = orjson.dumps({"results": [], "paging": {"next": {"after": after}}}).decode()
    rule = {"kind": "status", "status": 200, "body": body, "path": "objects/", "times": 0}
    box.faults(rule)
    with pytest.raises(Unavailable):
        read(COMPANIES)
    assert len(box.calls()) < 6


@pytest.mark.parametrize("results", [[{"id": "2"}, {"id": "1"}], [{"id": "5"}, {"id": "5"}]])
def test_a_search_out_of_order_is_an_error(box: Sandbox, results: list[Any]) -> None:
    """Going on behind the last id would skip rows."""
    start = Cursor(stamp=NOW, size=10**6, listed=NOW, archived=NOW).dump()
    body = orjson.dumps({"total": 2, "results": results}).decode()
    box.faults({"kind": "status", "status": 200, "body": body, "path": "search", "times": 0})
    with pytest.raises(Unavailable, match="out of order"):
        read(COMPANIES, start)
