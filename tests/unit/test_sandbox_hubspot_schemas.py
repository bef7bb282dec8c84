"""Custom objects of the sandbox: their schemas, records and associations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from tests.unit.hubspot_help import Hub, contract, like

V3 = "/crm-object-schemas/v3/schemas"
DATED = "/crm-object-schemas/2026-09/schemas"
KEY = {"name": "key", "label": "Key", "type": "string", "fieldType": "text"}
ESCALATION: dict[str, Any] = {
    "name": "health_escalation",
    "labels": {"singular": "Escalation", "plural": "Escalations"},
    "primaryDisplayProperty": "title",
    "requiredProperties": ["title"],
    "searchableProperties": ["title"],
    "secondaryDisplayProperties": [],
    "properties": [
        {"name": "title", "label": "Title", "type": "string", "fieldType": "text"},
        {**KEY, "hasUniqueValue": True},
    ],
    "associatedObjects": ["COMPANY"],
}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox whose account may have custom objects."""
    with Sandbox.start() as started:
        started.call("POST", "hubspot/settings", {"tier": "enterprise"})
        yield started


@pytest.fixture
def hub(box: Sandbox) -> Iterator[Hub]:
    """A client of the portal."""
    client = Hub(box)
    yield client
    client.close()


@pytest.mark.parametrize("root", [V3, DATED])
def test_a_schema_is_made_and_read_as_recorded(hub: Hub, root: str) -> None:
    """The members are those of a live portal's schema, the association ids its own."""
    answer = hub.send("POST", root, ESCALATION)
    assert answer.status_code == 201
    recorded = contract("fixtures/grouparoo-custom-object-schema-2022.json")["body"]
    made = answer.json()
    older = {**recorded, "properties": [], "allowsSensitiveProperties": False}
    assert like(made, older) == []
    assert made["objectTypeId"] == f"2-{made['id']}"
    assert made["fullyQualifiedName"] == "p20858235_health_escalation"
    assert {p["name"] for p in made["properties"]} >= {"title", "key", "hs_object_id"}
    ends = {a["toObjectTypeId"] for a in made["associations"]} - {made["objectTypeId"]}
    assert ends == {"0-2", "0-27", "0-46", "0-47", "0-48", "0-49"}
    assert {a["id"] for a in made["associations"]} == {str(n) for n in range(1, 13)}
    assert hub.get(f"{root}/health_escalation") == made
    assert hub.get(root)["results"] == [made]


@pytest.mark.parametrize("name", ["2-3604285", "health_escalation", "p20858235_health_escalation"])
def test_records_of_a_custom_object_go_by_any_of_its_names(hub: Hub, name: str) -> None:
    """Made, found and upserted by its unique property like any other record."""
    hub.post(V3, ESCALATION)
    record = hub.create(name, title="T", key="k1")
    body = {"inputs": [{"id": "k1", "idProperty": "key", "properties": {"title": "U"}}]}
    [again] = hub.post(f"/crm/v3/objects/{name}/batch/upsert", body)["results"]
    assert (again["id"], again["new"]) == (record, False)
    read = hub.get(f"/crm/objects/2026-09/{name}/{record}", properties="title")
    assert read["properties"]["title"] == "U"


def test_a_required_property_is_required(hub: Hub) -> None:
    """A record without it is refused with its name."""
    hub.post(V3, ESCALATION)
    refused = hub.send("POST", "/crm/v3/objects/health_escalation", {"properties": {"key": "k"}})
    assert refused.status_code == 400
    assert "title" in refused.json()["message"]


def test_associations_of_a_custom_object_have_numbers_of_the_portal(hub: Hub) -> None:
    """They are discovered by labels, and are USER_DEFINED."""
    hub.post(V3, ESCALATION)
    record = hub.create("health_escalation", title="T")
    company = hub.create("companies", name="C")
    [kind] = hub.get("/crm/v4/associations/health_escalation/companies/labels")["results"]
    assert (kind["category"], kind["label"]) == ("USER_DEFINED", None)
    spec = {"associationCategory": "USER_DEFINED", "associationTypeId": kind["typeId"]}
    inputs = [{"from": {"id": record}, "to": {"id": company}, "types": [spec]}]
    hub.post("/crm/v4/associations/health_escalation/companies/batch/create", {"inputs": inputs})
    found = hub.get(f"/crm/v4/objects/companies/{company}/associations/health_escalation")
    assert [one["toObjectId"] for one in found["results"]] == [int(record)]


def test_accounts_below_enterprise_have_none(box: Sandbox, hub: Hub) -> None:
    """A schema is refused, the list is empty, and the limit says zero."""
    box.call("POST", "hubspot/settings", {"tier": "professional"})
    assert hub.send("POST", V3, ESCALATION).status_code == 403
    assert hub.get(V3) == {"results": []}
    told = hub.get("/crm/limits/2026-09/custom-object-types")
    assert told == {"usage": 0, "limit": 0, "percentage": 0.0}


def test_an_account_has_ten_at_most(hub: Hub) -> None:
    """The eleventh is refused; the limit shows them."""
    for n in range(10):
        hub.post(V3, {**ESCALATION, "name": f"thing_{n}"})
    assert hub.send("POST", V3, ESCALATION).status_code == 400
    told = hub.get("/crm/v3/limits/custom-object-types")
    assert told == {"usage": 10, "limit": 10, "percentage": 100.0}


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"name": "health-escalation"}, 400, "health-escalation"),
        ({"name": "company"}, 409, "company"),
        ({"requiredProperties": ["nothing"]}, 400, "nothing"),
        ({"associatedObjects": ["butterflies"]}, 400, "butterflies"),
        ({"properties": [{**KEY, "type": "poem"}, *ESCALATION["properties"][:1]]}, 400, "poem"),
    ],
)
def test_a_schema_that_cannot_be_is_refused_and_leaves_nothing(
    hub: Hub, change: dict[str, Any], status: int, said: str
) -> None:
    """Nothing is made, and the right one can be made after it."""
    refused = hub.send("POST", V3, {**ESCALATION, **change})
    assert refused.status_code == status
    assert said in refused.json()["message"]
    assert hub.get(V3) == {"results": []}
    hub.post(V3, ESCALATION)


def test_a_schema_is_changed_extended_and_removed(hub: Hub) -> None:
    """Labels change, the name does not; another association; then it goes, if it is empty."""
    made = hub.post(V3, ESCALATION)
    words = {"labels": {"singular": "Case", "plural": "Cases"}, "name": "other"}
    changed = hub.send("PATCH", f"{V3}/health_escalation", words).json()
    assert (changed["labels"], changed["name"]) == (words["labels"], "health_escalation")
    ends = {"fromObjectTypeId": made["objectTypeId"], "toObjectTypeId": "0-1"}
    more = hub.send("POST", f"{V3}/health_escalation/associations", ends)
    assert more.status_code == 201
    number = more.json()["id"]
    assert hub.send("POST", f"{V3}/health_escalation/associations", ends).status_code == 409
    assert hub.send("DELETE", f"{V3}/health_escalation/associations/{number}").ok
    assert hub.send("DELETE", f"{V3}/health_escalation/associations/{number}").status_code == 404
    record = hub.create("health_escalation", title="T")
    assert hub.send("DELETE", f"{V3}/health_escalation").status_code == 400
    assert hub.send("DELETE", f"/crm/v3/objects/health_escalation/{record}").ok
    assert hub.send("DELETE", f"{V3}/health_escalation").status_code == 204
    unknown = hub.send("GET", "/crm/v3/objects/health_escalation")
    assert unknown.json()["message"] == "Unable to infer object type from: health_escalation"


def test_several_schemas_are_read_at_once(hub: Hub) -> None:
    """By names or type ids; an unknown one is left out."""
    made = [hub.post(V3, {**ESCALATION, "name": name}) for name in ("first", "second")]
    body = {"inputs": [{"id": "second"}, {"id": made[0]["objectTypeId"]}, {"id": "nothing"}]}
    found = hub.post(f"{DATED}/batch/read", body)["results"]
    assert [one["name"] for one in found] == ["second", "first"]
