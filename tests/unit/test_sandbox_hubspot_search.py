"""Search in the sandbox's portal: the lag of its index, filters, pages, limits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot import stamps
from tests.unit.hubspot_client import NOW, Client, recorded, shape

LAG = 5


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox.start(now=NOW, frozen=True) as box:
        yield box


@pytest.fixture
def hub(server: Sandbox) -> Iterator[Client]:
    server.reset()
    server.clock(NOW)
    server.hubspot.settings(limits=False, search_lag=LAG, enrich_after=0)
    client = Client(server)
    yield client
    client.close()


def _ids(answer: dict[str, Any]) -> list[str]:
    return [r["id"] for r in answer["results"]]


def _cassettes() -> list[dict[str, Any]]:
    found = recorded("fixtures/hubspot-api-ruby-cassettes.json")["interactions"]
    return [one for one in found if one["uri"].endswith("/search")]


class TestLag:
    """2: the index is behind; filters go by it, values don't."""

    def test_a_new_record_is_missing_at_first(self, hub: Client) -> None:
        """It can be read at once, and found seconds later."""
        company = hub.create("companies", name="A", domain="a.example")
        assert hub.search("companies", ("domain", "EQ", "a.example")) == {"total": 0, "results": []}
        assert hub.get(f"/crm/v3/objects/companies/{company}").status_code == 200
        hub.box.advance(LAG)
        assert _ids(hub.search("companies", ("domain", "EQ", "a.example"))) == [company]

    def test_a_changed_record_is_found_by_its_old_value(self, hub: Client) -> None:
        """And answers with the new one."""
        company = hub.create("companies", name="Old")
        hub.box.advance(LAG)
        hub.box.hubspot.edit("companies", company, {"name": "New"})
        assert hub.search("companies", ("name", "EQ", "New"))["total"] == 0
        stale = hub.search("companies", ("name", "EQ", "Old"))
        assert stale["results"][0]["properties"]["name"] == "New"
        hub.box.advance(LAG)
        assert hub.search("companies", ("name", "EQ", "Old"))["total"] == 0
        assert _ids(hub.search("companies", ("name", "EQ", "New"))) == [company]

    def test_an_archived_record_still_counts(self, hub: Client) -> None:
        """Right after an archive the total has it and the results do not; later neither."""
        company = hub.create("companies", name="A")
        hub.box.advance(LAG)
        hub.box.hubspot.archive("companies", company)
        assert hub.search("companies", ("name", "EQ", "A")) == {"total": 1, "results": []}
        hub.box.advance(LAG)
        assert hub.search("companies", ("name", "EQ", "A")) == {"total": 0, "results": []}

    def test_the_first_change_is_what_the_index_forgets_last(self, hub: Client) -> None:
        """Of two changes in a row the index holds neither until it catches up with each."""
        company = hub.create("companies", name="A")
        hub.box.advance(LAG)
        hub.box.hubspot.edit("companies", company, {"name": "B"})
        hub.box.advance(LAG - 1)
        hub.box.hubspot.edit("companies", company, {"name": "C"})
        assert hub.search("companies", ("name", "EQ", "A"))["total"] == 1
        hub.box.advance(1)
        assert hub.search("companies", ("name", "EQ", "A"))["total"] == 0
        assert hub.search("companies", ("name", "EQ", "B"))["total"] == 1
        hub.box.advance(LAG)
        assert hub.search("companies", ("name", "EQ", "C"))["total"] == 1

    def test_no_lag_on_demand(self, hub: Client) -> None:
        """The control API can take the lag away."""
        hub.box.hubspot.settings(search_lag=0)
        company = hub.create("companies", name="A")
        assert _ids(hub.search("companies", ("name", "EQ", "A"))) == [company]

    def test_recorded_session(self, hub: Client) -> None:
        """A recorded session, replayed at its own pace, finds what it found."""
        session = recorded("fixtures/grouparoo-company-search-and-batch-2022.json")["interactions"]
        hub.box.hubspot.define(
            "companies",
            {"name": "date_field", "label": "D", "type": "date", "fieldType": "date"},
        )
        ids: dict[str, str] = {}
        compared = 0
        for one in session:
            hub.box.clock(datetime.strptime(one["date"], "%a, %d %b %Y %H:%M:%S %Z"))
            if one["status"] == 429:
                continue
            request = dict(one["request"])
            if "inputs" in request:
                request["inputs"] = [
                    {**i, **({"id": ids[i["id"]]} if "id" in i else {})} for i in request["inputs"]
                ]
            answer = hub.post(one["path"], request)
            assert answer.status_code == one["status"]
            if not answer.content:
                continue
            ours, theirs = answer.json(), one["response"]
            if "/search" not in one["path"]:
                ids |= {
                    expected["id"]: next(
                        r["id"]
                        for r in ours["results"]
                        if r["properties"]["domain"] == expected["properties"]["domain"]
                    )
                    for expected in theirs["results"]
                }
                continue
            found = (ours["total"], sorted(_ids(ours)))
            assert found == (theirs["total"], sorted(ids[r["id"]] for r in theirs["results"])), one
            compared += 1
        assert compared > 40


class TestRecordedShapes:
    """Requests of other clients, and what they are told."""

    def test_old_filters_and_sorts(self, hub: Client) -> None:
        """15: top-level `filters`, object `sorts`, a number for a value; nothing else is needed."""
        hub.box.hubspot.settings(search_lag=0)
        contact = hub.create("contacts", email="a@x.example")
        times = {"hs_timestamp": "2026-03-01T00:00:00Z", "hs_meeting_title": "Hello World"}
        meeting = hub.create("meetings", **times)
        hub.create("meetings", **times)
        hub.box.hubspot.associate("meetings", meeting, "contacts", contact)
        for one in _cassettes():
            if "meetings" not in one["uri"]:
                continue
            body = dict(one["request_body"])
            body["filters"] = [
                {**f, "value": int(contact)} if f["propertyName"] == "associations.contact" else f
                for f in body["filters"]
            ]
            answer = hub.post("/crm/v3/objects/meetings/search", body)
            assert answer.status_code == one["status"]
            assert set(answer.json()) - {"paging"} == set(one["response_body"]) - {"paging"}
            assert _ids(answer.json()) == [meeting]
            ours, theirs = answer.json()["results"][0], one["response_body"]["results"][0]
            assert set(ours) == set(theirs)
            assert set(ours["properties"]) == set(theirs["properties"])

    def test_pages(self, hub: Client) -> None:
        """The next page starts at an offset, as a text; the last page has none."""
        first = recorded("fixtures/amp-labs-connectors/search/contacts/1-first-page.json")
        last = recorded("fixtures/amp-labs-connectors/search/contacts/2-second-page.json")
        names = [n for n in first["results"][0]["properties"] if n != "hs_object_id"]
        rows = [{"email": f"{n}@x.example", "firstname": "A", "lastname": "B"} for n in range(57)]
        hub.box.hubspot.load({"contacts": rows})
        one = hub.search("contacts", limit=54, properties=names)
        assert (one["total"], one["paging"]) == (first["total"], first["paging"])
        assert set(one["results"][0]) == set(first["results"][0])
        assert set(one["results"][0]["properties"]) == set(first["results"][0]["properties"])
        two = hub.search("contacts", limit=54, after=one["paging"]["next"]["after"])
        assert set(two) == set(last)
        assert len({*_ids(one), *_ids(two)}) == 57

    @pytest.mark.parametrize(
        ("payload", "found"),
        [
            ("read/objects-api/contacts-req-payload-since.json", ["2", "3"]),
            ("read/objects-api/contacts-req-payload-until.json", ["1", "2"]),
            ("read/objects-api/contacts-req-payload-since-until.json", ["2"]),
            ("read-via-search/contacts-payload.json", []),
        ],
    )
    def test_windows(self, hub: Client, payload: str, found: list[str]) -> None:
        """Windows of modified dates in ISO with a zone, the limit as a text."""
        days = ("2024-09-19T12:30:44Z", "2024-10-01T00:00:00Z", "2025-02-01T00:00:00Z")
        rows = [{"id": n, "lastmodifieddate": day} for n, day in enumerate(days, 1)]
        hub.box.hubspot.load({"contacts": rows})
        body = recorded(f"fixtures/amp-labs-connectors/{payload}")
        assert _ids(hub.post("/crm/v3/objects/contacts/search", body).json()) == found

    def test_hit(self, hub: Client) -> None:
        """A hit has the recorded members, unset properties among them."""
        path = "fixtures/amp-labs-connectors/read-via-search/contacts-response.json"
        theirs = recorded(path)
        hub.box.hubspot.load({"contacts": [{"id": 1, "email": "a@x.example"}]})
        names = list(theirs["results"][0]["properties"])
        assert shape(hub.search("contacts", properties=names)) == shape(theirs)

    def test_headers_and_envelope(self, hub: Client) -> None:
        """Only the daily pair of limit headers comes with a search."""
        answer = hub.post("/crm/v3/objects/companies/search", {})
        told = {h.lower() for h in answer.headers if "ratelimit" in h.lower()}
        for one in _cassettes():
            assert told == {h.lower() for h in one["headers"] if "ratelimit" in h.lower()}
        assert shape(answer.json()) == {"total": "int", "results": []}


def _load(hub: Client) -> None:
    hub.box.hubspot.load(
        {
            "companies": [
                {"id": 1, "name": "Alpha Works", "annualrevenue": "10", "domain": "a.example"},
                {"id": 2, "name": "beta", "annualrevenue": "9.5", "lifecyclestage": "customer"},
                {"id": 3, "name": "Gamma", "annualrevenue": "", "lifecyclestage": "lead"},
                {"id": 20, "name": "alphabet", "closedate": "2026-01-02T00:00:00Z"},
            ]
        }
    )


@pytest.mark.parametrize(
    ("name", "operator", "told", "found"),
    [
        ("name", "EQ", {"value": "BETA"}, [2]),
        ("name", "NEQ", {"value": "beta"}, [1, 3, 20]),
        ("annualrevenue", "GT", {"value": "9.5"}, [1]),
        ("annualrevenue", "GTE", {"value": "9.5"}, [1, 2]),
        ("annualrevenue", "LT", {"value": 10}, [2]),
        ("annualrevenue", "EQ", {"value": "10.0"}, [1]),
        ("annualrevenue", "BETWEEN", {"value": "9", "highValue": "9.7"}, [2]),
        ("annualrevenue", "HAS_PROPERTY", {}, [1, 2]),
        ("annualrevenue", "NOT_HAS_PROPERTY", {}, [3, 20]),
        ("lifecyclestage", "IN", {"values": ["lead", "customer"]}, [2, 3]),
        ("lifecyclestage", "NOT_IN", {"values": ["lead"]}, [2]),
        ("name", "CONTAINS_TOKEN", {"value": "alpha"}, [1]),
        ("name", "CONTAINS_TOKEN", {"value": "alpha*"}, [1, 20]),
        ("name", "NOT_CONTAINS_TOKEN", {"value": "works"}, [2, 3, 20]),
        ("hs_object_id", "GT", {"value": "2"}, [3, 20]),
        ("hs_object_id", "IN", {"values": ["20", "3", "7"]}, [3, 20]),
        ("closedate", "LTE", {"value": "1767312000000"}, [20]),
        ("closedate", "EQ", {"value": "2026-01-02"}, [20]),
    ],
)
def test_operators(
    hub: Client, name: str, operator: str, told: dict[str, Any], found: list[int]
) -> None:
    """Each operator finds what it should; hits stand in the order of their ids, as numbers."""
    _load(hub)
    one = {"propertyName": name, "operator": operator, **told}
    answer = hub.post("/crm/v3/objects/companies/search", {"filterGroups": [{"filters": [one]}]})
    assert [int(i) for i in _ids(answer.json())] == found


def test_groups_are_alternatives(hub: Client) -> None:
    """Filters of a group must all hold; one group of several is enough, and nobody comes twice."""
    _load(hub)
    groups = [
        {"filters": [{"propertyName": "name", "operator": "EQ", "value": "beta"}]},
        {"filters": [{"propertyName": "lifecyclestage", "operator": "IN", "values": ["customer"]}]},
        {
            "filters": [
                {"propertyName": "name", "operator": "EQ", "value": "Gamma"},
                {"propertyName": "annualrevenue", "operator": "GT", "value": "1"},
            ]
        },
    ]
    answer = hub.post("/crm/v3/objects/companies/search", {"filterGroups": groups})
    assert _ids(answer.json()) == ["2"]


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("annualrevenue", [2, 1, 3, 20]),
        ("-name", [3, 2, 20, 1]),
        ({"propertyName": "hs_object_id", "direction": "DESCENDING"}, [20, 3, 2, 1]),
    ],
)
def test_sorts(hub: Client, sort: Any, found: list[int]) -> None:
    """One sort, as a text or an object; numbers as numbers, those without a value last."""
    _load(hub)
    answer = hub.search("companies", sorts=[sort])
    assert [int(i) for i in _ids(answer)] == found


def test_words(hub: Client) -> None:
    """A query finds its words in names."""
    _load(hub)
    assert _ids(hub.search("companies", query="alpha works")) == ["1"]


def _filters(count: int) -> dict[str, Any]:
    return {"filters": [{"propertyName": "name", "operator": "HAS_PROPERTY"}] * count}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 0},
        {"after": "x"},
        {"after": "10000"},
        {"after": "9900", "limit": 200},
        {"query": "x" * 3_001},
        {"sorts": ["name", "domain"]},
        {"sorts": ["nmae"]},
        {"filterGroups": [_filters(1)] * 6},
        {"filterGroups": [_filters(7)]},
        {"filterGroups": [_filters(5)] * 4},
        {"filterGroups": [{"filters": [{"propertyName": "nmae", "operator": "HAS_PROPERTY"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "LIKE"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "name", "operator": "EQ"}]}]},
        {
            "filterGroups": [
                {"filters": [{"propertyName": "createdate", "operator": "GT", "value": "soon"}]}
            ]
        },
    ],
)
def test_refusals(hub: Client, body: dict[str, Any]) -> None:
    """Limits of a search, and what makes no sense, are 400s."""
    answer = hub.post("/crm/v3/objects/companies/search", body)
    assert answer.status_code == 400
    assert answer.json()["status"] == "error"


def test_ten_thousand_hits(hub: Client) -> None:
    """Beyond 10,000 hits a search is refused; by ids inside a fixed window all are reached."""
    same = "2026-02-01T00:00:00Z"
    hub.box.hubspot.load(
        {"companies": [{"id": n, "hs_lastmodifieddate": same} for n in range(1, 10_202)]}
    )
    window = [
        ("hs_lastmodifieddate", "GTE", str(stamps.millis(stamps.read(same)))),
        ("hs_lastmodifieddate", "LT", str(stamps.millis(NOW))),
    ]
    page = {"limit": 200, "sorts": ["hs_object_id"], "properties": ["hs_object_id"]}
    assert hub.search("companies", *window, **page)["total"] == 10_201
    last = hub.search("companies", *window, **page, after="9800")
    assert last["paging"]["next"]["after"] == "10000"
    refused = hub.post("/crm/v3/objects/companies/search", {"limit": 200, "after": "10000"})
    assert refused.status_code == 400
    rest = hub.search("companies", *window, ("hs_object_id", "GT", "10000"), **page)
    assert [int(i) for i in _ids(rest)] == list(range(10_001, 10_201))


def test_modified_window(hub: Client) -> None:
    """GTE holds the bound and LT leaves it out, to the millisecond."""
    moment = NOW - timedelta(days=1)
    rows = [
        {"id": n, "hs_lastmodifieddate": stamps.text(moment + timedelta(milliseconds=n))}
        for n in range(1, 5)
    ]
    hub.box.hubspot.load({"companies": rows})
    bounds = [stamps.millis(moment) + n for n in (2, 4)]
    answer = hub.search(
        "companies",
        ("hs_lastmodifieddate", "GTE", bounds[0]),
        ("hs_lastmodifieddate", "LT", bounds[1]),
    )
    assert _ids(answer) == ["2", "3"]
