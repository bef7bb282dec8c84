"""The sandbox's portal, a hundred records at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from tests.unit.hubspot_client import NOW, Client, recorded, shape

_AMP = "fixtures/amp-labs-connectors/batch"
KEY = {
    "name": "health_key",
    "label": "Key",
    "type": "string",
    "fieldType": "text",
    "hasUniqueValue": True,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox.start(now=NOW, frozen=True) as box:
        yield box


@pytest.fixture
def hub(server: Sandbox) -> Iterator[Client]:
    server.reset()
    server.clock(NOW)
    server.hubspot.settings(limits=False)
    client = Client(server)
    yield client
    client.close()


def _told(name: str) -> Any:
    return recorded(f"{_AMP}/{name}.json")


def _error_shape(where: str) -> dict[str, Any]:
    shapes = recorded("contract/error-shapes.json")["shapes"]
    return next(dict(s) for s in shapes if s["where"].startswith(where))


def _names(hub: Client, kind: str = "companies", name: str = "name") -> list[str | None]:
    """The values of one property of every live record, in the order of their ids."""
    listed = hub.get(f"/crm/v3/objects/{kind}?limit=100&properties={name}").json()
    return [r["properties"][name] for r in listed["results"]]


class TestRecordedShapes:
    """Answers have the members of recorded ones."""

    def test_create(self, hub: Client) -> None:
        """201, and each record in full."""
        theirs = _told("create/contacts/success")
        sent = [
            {"properties": {n: one["properties"][n] for n in ("email", "firstname", "lastname")}}
            for one in theirs["results"]
        ]
        answer = hub.batch("contacts", "create", *sent)
        assert answer.status_code == 201
        assert set(answer.json()) == set(theirs)
        told = {r["properties"]["email"]: r for r in answer.json()["results"]}
        for one in theirs["results"]:
            ours = told[one["properties"]["email"]]
            assert set(ours) == set(one)
            for name in ("hs_email_domain", "hs_full_name_or_email", "lifecyclestage"):
                assert ours["properties"][name] == one["properties"][name]

    def test_update(self, hub: Client) -> None:
        """200; the answer has what was sent beside the system's own."""
        theirs = _told("update/contacts/success")
        ids = [one["id"] for one in theirs["results"]]
        hub.box.hubspot.load({"contacts": [{"id": i, "email": f"{i}@x.example"} for i in ids]})
        sent = [
            {
                "id": one["id"],
                "properties": {n: one["properties"][n] for n in ("firstname", "lastname")},
            }
            for one in theirs["results"]
        ]
        answer = hub.batch("contacts", "update", *sent)
        assert answer.status_code == 200
        assert set(answer.json()) == set(theirs)
        told = {r["id"]: r["properties"] for r in answer.json()["results"]}
        for one in sent:
            properties = one["properties"]
            assert isinstance(properties, dict)
            assert told[str(one["id"])].items() >= properties.items()
            assert "email" not in told[str(one["id"])]

    def test_many_invalid_properties(self, hub: Client) -> None:
        """Unknown properties of all inputs are told at once, in one 400."""
        theirs = _told("create/contacts/err-many-invalid-properties")
        sent = {"properties": {"first000name": "A", "last000name": "B"}}
        answer = hub.batch("contacts", "create", sent, sent)
        assert answer.status_code == 400
        ours = answer.json()
        assert ours["message"] == theirs["message"]
        assert set(ours) == set(theirs)
        assert ours["errors"][:3] == theirs["errors"]

    def test_partial_create(self, hub: Client) -> None:
        """207 with trace ids: the taken address is told with its holder, the other is made."""
        theirs = _told("create/contacts/err-partial-success")
        holder = theirs["errors"][0]["context"]["existingId"][0]
        hub.box.hubspot.load({"contacts": [{"id": holder, "email": "taken@x.example"}]})
        answer = hub.batch(
            "contacts",
            "create",
            {"objectWriteTraceId": "0", "properties": {"email": "taken@x.example"}},
            {"objectWriteTraceId": "1", "properties": {"email": "siena.dyer@hubspot.com"}},
        )
        assert answer.status_code == 207
        ours = answer.json()
        assert ours["errors"] == theirs["errors"]
        assert (ours["numErrors"], ours["status"]) == (1, "COMPLETE")
        assert [r["objectWriteTraceId"] for r in ours["results"]] == ["1"]

    def test_partial_update(self, hub: Client) -> None:
        """207 even without trace ids where only an id is unknown."""
        theirs = _told("update/contacts/err-partial-success")
        contact = hub.create("contacts", email="a@x.example")
        answer = hub.batch(
            "contacts",
            "update",
            {"id": contact, "properties": {"firstname": "Siena"}},
            {"id": "unknownIdentifier888", "properties": {"firstname": "Siena"}},
        )
        assert answer.status_code == 207
        assert answer.json()["errors"] == theirs["errors"]
        assert set(answer.json()) == set(theirs)

    def test_duplicate_ids(self, hub: Client) -> None:
        """7: the same id twice refuses the whole batch, trace ids or not."""
        theirs = _told("update/contacts/err-duplicate-ids")
        inputs = [
            {"id": "123456", "objectWriteTraceId": t, "properties": {"firstname": "A"}}
            for t in "ab"
        ]
        answer = hub.batch("contacts", "update", *inputs)
        assert answer.status_code == 400
        assert answer.json() | {"correlationId": ""} == theirs | {"correlationId": ""}

    def test_taken_value_without_trace_ids(self, hub: Client) -> None:
        """409 for the whole batch."""
        theirs = _told("create/contacts/err-conflict")
        hub.create("contacts", email="a@x.example")
        sent = [{"properties": {"email": f"{n}@x.example"}} for n in "ba"]
        answer = hub.batch("contacts", "create", *sent)
        assert answer.status_code == 409
        assert answer.json() | {"correlationId": ""} == theirs | {"correlationId": ""}
        assert _names(hub, "contacts", "email") == ["a@x.example"]

    def test_read(self, hub: Client) -> None:
        """Records by id, and those that are not there in one error of a 207."""
        theirs = recorded("fixtures/amp-labs-connectors/read/objects-api/contacts-batch.json")
        ids = [one["id"] for one in theirs["results"]]
        loaded = [{"id": i, "email": "a@x.y", "firstname": "A", "lastname": "B"} for i in ids]
        hub.box.hubspot.load({"contacts": loaded})
        inputs = [{"id": i} for i in ids]
        wanted = ["email", "firstname", "lastname"]
        answer = hub.batch("contacts", "read", *inputs, properties=wanted)
        assert answer.status_code == 200
        assert shape(answer.json()) == shape(theirs)
        missing = _error_shape("batch/read, some ids missing")["body"]["errors"]
        partly = hub.batch("companies", "read", {"id": "999"})
        assert partly.status_code == 207
        assert partly.json()["errors"] == missing

    def test_partial_with_bad_value(self, hub: Client) -> None:
        """6: a bad value is told with its trace id; without one it refuses the batch."""
        good, bad = {"properties": {"name": "A"}}, {"properties": {"industry": "FISHING"}}
        whole = hub.batch("companies", "create", good, bad)
        assert (whole.status_code, _names(hub)) == (400, [])
        assert "INVALID_OPTION" in whole.json()["message"]
        half = hub.batch("companies", "create", {**good, "objectWriteTraceId": "g"}, bad)
        assert (half.status_code, _names(hub)) == (400, [])
        same = [{**one, "objectWriteTraceId": "same"} for one in (good, bad)]
        assert hub.batch("companies", "create", *same).status_code == 400
        partly = hub.batch(
            "companies",
            "create",
            {**good, "objectWriteTraceId": "g"},
            {**bad, "objectWriteTraceId": "b"},
        )
        assert (partly.status_code, _names(hub)) == (207, ["A"])
        error = partly.json()["errors"][0]
        assert error["category"] == "VALIDATION_ERROR"
        assert error["context"]["objectWriteTraceId"] == ["b"]
        assert error["errors"][0]["code"] == "INVALID_OPTION"

    def test_recorded_session(self, hub: Client) -> None:
        """A create and updates of a recorded session give the recorded properties."""
        session = recorded("fixtures/grouparoo-company-search-and-batch-2022.json")["interactions"]
        session = [one for one in session if "/batch/" in one["path"]]
        ids: dict[str, str] = {}
        for one in session:
            inputs = [
                {**sent, **({"id": ids[sent["id"]]} if "id" in sent else {})}
                for sent in one["request"]["inputs"]
            ]
            answer = hub.post(one["path"], {"inputs": inputs})
            assert answer.status_code == one["status"]
            if one["response"] is None or not answer.content:
                continue
            assert set(answer.json()) == set(one["response"])
            theirs = {r["properties"]["domain"]: r for r in one["response"]["results"]}
            ours = {r["properties"]["domain"]: r for r in answer.json()["results"]}
            assert set(ours) == set(theirs)
            for domain, expected in theirs.items():
                ids[expected["id"]] = ours[domain]["id"]
                varying = {"createdate", "hs_lastmodifieddate", "hs_object_id"}
                kept = {k: v for k, v in expected["properties"].items() if k not in varying}
                assert ours[domain]["properties"].items() >= kept.items()


def test_results_are_shuffled(hub: Client) -> None:
    """5: results stand in another order than the inputs."""
    sent = [{"properties": {"name": str(n)}} for n in range(50)]
    results = hub.batch("companies", "create", *sent).json()["results"]
    told = [r["properties"]["name"] for r in results]
    assert told != [str(n) for n in range(50)]
    assert sorted(told, key=int) == [str(n) for n in range(50)]


def test_merged_ids_vanish(hub: Client) -> None:
    """12: an update of a merged-away id brings neither a result nor an error."""
    ids = [hub.create("companies", name=n) for n in "ABC"]
    survivor = hub.box.hubspot.merge("companies", ids[0], ids[1])
    gone = {"id": ids[1], "properties": {"name": "X"}}
    answer = hub.batch("companies", "update", gone)
    assert (answer.status_code, answer.json()["results"]) == (200, [])
    assert "errors" not in answer.json()
    mixed = hub.batch("companies", "update", gone, {"id": ids[2], "properties": {"name": "Y"}})
    assert [r["id"] for r in mixed.json()["results"]] == [ids[2]]
    read = hub.batch("companies", "read", {"id": ids[1]}, properties=["name"])
    assert [(r["id"], r["properties"]["name"]) for r in read.json()["results"]] == [(survivor, "A")]


@pytest.mark.parametrize("what", ["read", "create", "update", "upsert", "archive"])
def test_a_batch_holds_a_hundred(hub: Client, what: str) -> None:
    """101 inputs, or none, are refused."""
    inputs = [{"id": str(n), "properties": {}} for n in range(101)]
    assert hub.batch("companies", what, *inputs).status_code == 400
    assert hub.batch("companies", what).status_code == 400


@pytest.mark.parametrize("kind", ["companies", "tasks", "tickets", "contacts"])
def test_upsert(hub: Client, kind: str) -> None:
    """By a unique property: new ones are made, known ones changed, and each is told which."""
    needed = {
        "tasks": {"hs_timestamp": "2026-03-01T00:00:00Z"},
        "tickets": {"subject": "S", "hs_pipeline": "0", "hs_pipeline_stage": "1"},
    }.get(kind, {})
    hub.box.hubspot.define(kind, KEY)
    one = {"id": "k1", "idProperty": "health_key", "properties": needed}
    first = hub.batch(kind, "upsert", one)
    assert first.status_code == 200
    made = first.json()["results"][0]
    assert (made["new"], made["properties"]["health_key"]) == (True, "k1")
    again = hub.batch(kind, "upsert", {**one, "id": "K1"}, {**one, "id": "k2"})
    told = {r["id"]: r["new"] for r in again.json()["results"]}
    assert told.pop(made["id"]) is False
    assert list(told.values()) == [True]
    assert len(_names(hub, kind, "health_key")) == 2


def test_upsert_refusals(hub: Client) -> None:
    """A property that is not unique, two keys at once, the same key twice: 400."""
    hub.box.hubspot.define("companies", KEY)
    by_name = {"id": "A", "idProperty": "name", "properties": {}}
    by_key = {"id": "k1", "idProperty": "health_key", "properties": {"name": "A"}}
    assert hub.batch("companies", "upsert", by_name).status_code == 400
    assert hub.batch("companies", "upsert", by_key, by_name).status_code == 400
    assert hub.batch("companies", "upsert", by_key, {**by_key, "id": "K1"}).status_code == 400
    assert _names(hub) == []


def test_one_value_twice_in_a_batch(hub: Client) -> None:
    """Of two new records with one unique value only the first is made."""
    hub.box.hubspot.define("companies", KEY)
    inputs = [{"objectWriteTraceId": t, "properties": {"health_key": "k"}} for t in "ab"]
    answer = hub.batch("companies", "create", *inputs)
    assert answer.status_code == 207
    assert answer.json()["errors"][0]["context"]["objectWriteTraceId"] == ["b"]
    assert _names(hub, name="health_key") == ["k"]


def test_archive(hub: Client) -> None:
    """204 whether or not the records were there; they read with archived=true from then on."""
    company = hub.create("companies", name="A")
    answer = hub.batch("companies", "archive", {"id": company}, {"id": "1"})
    assert (answer.status_code, answer.content) == (204, b"")
    path = "/crm/v3/objects/companies/batch/read"
    body = {"inputs": [{"id": company}]}
    assert hub.post(path, body).json()["results"] == []
    assert hub.post(f"{path}?archived=true", body).json()["results"][0]["archived"] is True


def test_associations_with_a_batch_create(hub: Client) -> None:
    """Inputs may bring associations; one that can't be refuses its input."""
    company = hub.create("companies", name="A")
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}]
    properties = {"hs_timestamp": "2026-03-01T00:00:00Z", "hs_task_subject": "Call"}
    inputs = [
        {
            "objectWriteTraceId": other,
            "properties": properties,
            "associations": [{"to": {"id": other}, "types": types}],
        }
        for other in (company, "1234")
    ]
    answer = hub.batch("tasks", "create", *inputs)
    assert answer.status_code == 207
    error = answer.json()["errors"][0]
    assert (error["message"], error["context"]["objectWriteTraceId"]) == (
        "COMPANY=1234 is not valid",
        ["1234"],
    )
    listed = hub.get("/crm/v3/objects/tasks?associations=companies").json()["results"]
    assert [r["associations"]["companies"]["results"][0]["id"] for r in listed] == [company]


def test_dated_statuses(hub: Client) -> None:
    """A dated address answers 207 as the legacy one does, though no specification declares it."""
    told = recorded("contract/path-map-legacy-to-2026-09.json")
    assert "real servers still send it" in told["note"]
    declared = {
        r["dated"].rpartition("/")[2]: r for r in told["rows"] if "/batch/" in (r["dated"] or "")
    }
    for what in ("read", "update"):
        one = {"id": "1", "properties": {"name": "A"}}
        dated = hub.post(f"/crm/objects/2026-09/companies/batch/{what}", {"inputs": [one]})
        assert dated.status_code == hub.batch("companies", what, one).status_code == 207
        assert dated.json()["numErrors"] == 1
        assert "207" not in declared[what]["dated_statuses"]


def test_row_faults(hub: Client) -> None:
    """A rule of the control API refuses some inputs, as an admin's validation rule does."""
    hub.box.faults({"kind": "row_error", "path": "batch/create", "rows": [1], "message": "No"})
    inputs = [{"objectWriteTraceId": str(n), "properties": {"name": str(n)}} for n in range(3)]
    answer = hub.batch("companies", "create", *inputs)
    assert answer.status_code == 207
    assert [e["message"] for e in answer.json()["errors"]] == ["No"]
    assert _names(hub) == ["0", "2"]


def test_history_is_refused(hub: Client) -> None:
    """The sandbox keeps no history of values, and says so."""
    answer = hub.batch("companies", "read", {"id": "1"}, propertiesWithHistory=["name"])
    assert answer.status_code == 501
