"""Properties and groups of the sandbox's portal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot import kinds, stamps
from tests.unit.hubspot_client import NOW, Client, recorded, shape

_CUSTOM = "fixtures/amp-labs-connectors/custom"
CONTACTS = "/crm/v3/properties/contacts"
TEXT = {"name": "mine", "label": "Mine", "type": "string", "fieldType": "text"}


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
    return recorded(f"{_CUSTOM}/{name}.json")


def _without_order(properties: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The service numbers options its own way; what is left is comparable."""
    return [
        {
            **p,
            "options": [{k: v for k, v in o.items() if k != "displayOrder"} for o in p["options"]],
        }
        for p in properties
    ]


class TestRecordedShapes:
    """Definitions made as in recorded sessions answer as recorded."""

    def test_create_session(self, hub: Client) -> None:
        """A group, then two properties in a batch."""
        group = hub.post(f"{CONTACTS}/groups", _told("create/1-payload-create-property-group"))
        assert group.status_code == 201
        theirs = _told("create/2-response-create-property-group")
        assert group.json() | {"displayOrder": 9} == theirs
        sent = _told("create/3-payload-batch-create-properties")
        answer = hub.post(f"{CONTACTS}/batch/create", sent)
        theirs = _told("create/4-response-batch-create-properties")
        assert answer.status_code == 201
        assert set(answer.json()) == set(theirs)
        ours = _without_order(answer.json()["results"])
        assert ours == _without_order(theirs["results"])

    def test_update_session(self, hub: Client) -> None:
        """Names that exist are told in a 207 while the others are made; then they are changed."""
        hub.post(f"{CONTACTS}/groups", _told("create/1-payload-create-property-group"))
        hub.post(f"{CONTACTS}/batch/create", _told("create/3-payload-batch-create-properties"))
        group = hub.get(f"{CONTACTS}/groups/integrationcreatedproperties").json()
        assert group | {"displayOrder": 9} == _told("update/1-read-property-group")
        answer = hub.post(
            f"{CONTACTS}/batch/create", _told("update/2-payload-batch-create-properties")
        )
        theirs = _told("update/3-response-batch-create-properties")
        assert answer.status_code == 207
        ours = answer.json()
        assert ours["errors"] == theirs["errors"]
        assert ours["numErrors"] == theirs["numErrors"]
        assert _without_order(ours["results"]) == _without_order(theirs["results"])
        for name, step in (("age__c", 4), ("interests__c", 6)):
            word = name.removesuffix("__c")
            sent = _told(f"update/{step}-payload-update-property-{word}")
            changed = hub.send("PATCH", f"{CONTACTS}/{name}", sent)
            expected = _told(f"update/{step + 1}-response-update-property-{word}")
            varying = {"updatedAt", "createdAt", "createdUserId", "updatedUserId"}
            assert changed.status_code == 200
            assert set(changed.json()) == set(expected)
            ours, theirs = (
                {k: v for k, v in one.items() if k not in varying}
                for one in (changed.json(), expected)
            )
            assert _without_order([ours]) == _without_order([theirs])

    def test_create_one(self, hub: Client) -> None:
        """A property on its own, told in full."""
        theirs = next(
            one
            for one in recorded("fixtures/hubspot-api-ruby-cassettes.json")["interactions"]
            if one["uri"].endswith("/crm/v3/properties/ticket")
        )
        answer = hub.post("/crm/v3/properties/ticket", theirs["request_body"])
        assert answer.status_code == theirs["status"]
        now = stamps.text(NOW)
        assert answer.json() == theirs["response_body"] | {"updatedAt": now, "createdAt": now}

    @pytest.mark.parametrize(
        ("kind", "file"),
        [
            ("contacts", "grouparoo-contact-schema-2022.json"),
            ("contacts", "amp-labs-connectors/metadata-contacts-properties-sampled.json"),
            ("deals", "amp-labs-connectors/metadata-deals-properties-sampled.json"),
        ],
    )
    def test_standard_definitions(self, hub: Client, kind: str, file: str) -> None:
        """Standard properties that were recorded have the recorded type, options and rights."""
        found = recorded(f"fixtures/{file}")
        theirs = {p["name"]: p for p in found.get("properties") or found["results"]}
        ours = {p["name"]: p for p in hub.get(f"/crm/v3/properties/{kind}").json()["results"]}
        both = set(theirs) & set(ours)
        assert both
        for name in both:
            expected, told = theirs[name], ours[name]
            assert told["type"] == expected["type"], name
            if name != "associatedcompanyid":  # false in 2022, true in 2024
                assert told["externalOptions"] == expected["externalOptions"], name
            read_only = expected["modificationMetadata"]["readOnlyValue"]
            assert told["modificationMetadata"]["readOnlyValue"] == read_only, name
            if len(expected["options"]) < 20:
                values = {o["value"] for o in expected["options"]}
                assert {o["value"] for o in told["options"]} == values, name

    def test_members(self, hub: Client) -> None:
        """A standard property has the recorded members."""
        found = recorded("fixtures/amp-labs-connectors/metadata-contacts-properties-sampled.json")
        theirs = next(p for p in found["results"] if p["name"] == "mobilephone")
        ours = hub.get(f"{CONTACTS}/mobilephone").json()
        assert set(ours) == set(theirs)
        assert shape({**ours, "options": []}) == shape({**theirs, "options": []})

    def test_custom_object(self, hub: Client) -> None:
        """What the service gives every custom object is among what every object type has."""
        body = recorded("fixtures/grouparoo-custom-object-schema-2022.json")["body"]
        theirs = {p["name"]: p["type"] for p in body["properties"] if p.get("hubspotDefined")}
        ours = {
            p["name"]: p["type"] for p in hub.get("/crm/v3/properties/companies").json()["results"]
        }
        kept = set(theirs) & set(ours)
        assert {"hs_object_id", "hs_createdate", "hs_lastmodifieddate"} <= kept
        assert {name: theirs[name] for name in kept} == {name: ours[name] for name in kept}


@pytest.mark.parametrize("kind", [k.plural for k in kinds.STANDARD])
@pytest.mark.parametrize("root", ["/crm/v3/properties", "/crm/properties/2026-09"])
def test_every_object_type_has_properties(hub: Client, root: str, kind: str) -> None:
    """Both forms of address list them, the system's own included."""
    listed = hub.get(f"{root}/{kind}").json()["results"]
    names = {p["name"] for p in listed}
    assert {"hs_object_id", "hubspot_owner_id"} <= names
    assert kinds.Kinds().need(kind).modified in names
    assert set(kinds.Kinds().need(kind).shown) <= names
    assert all(p["hubspotDefined"] and p["dataSensitivity"] == "non_sensitive" for p in listed)


def test_dated_batch_create(hub: Client) -> None:
    """A dated batch answers 200 where the legacy one answers 201."""
    sent = {"inputs": [{**TEXT, "groupName": "contactinformation"}]}
    answer = hub.post("/crm/properties/2026-09/contacts/batch/create", sent)
    assert answer.status_code == 200
    read = hub.post(f"{CONTACTS}/batch/read", {"inputs": [{"name": "mine"}, {"name": "none"}]})
    assert read.status_code == 207
    assert [p["name"] for p in read.json()["results"]] == ["mine"]


def _make(hub: Client, kind: str = "contacts", **more: Any) -> Any:
    group = hub.get(f"/crm/v3/properties/{kind}/groups").json()["results"][0]["name"]
    return hub.post(f"/crm/v3/properties/{kind}", {**TEXT, "groupName": group, **more})


def test_ten_unique_properties(hub: Client) -> None:
    """An object type takes ten unique properties, and no eleventh."""
    for n in range(10):
        made = _make(hub, name=f"key{n}", hasUniqueValue=True)
        assert (made.status_code, made.json()["hasUniqueValue"]) == (201, True)
    assert _make(hub, name="key10", hasUniqueValue=True).status_code == 400
    assert _make(hub, name="plain").status_code == 201


def test_unique_tasks_on_demand(hub: Client) -> None:
    """Whether tasks take unique properties is a setting: nobody knows of the real service."""
    assert _make(hub, "tasks", hasUniqueValue=True).status_code == 201
    hub.box.hubspot.settings(unique_tasks=False)
    refused = _make(hub, "tasks", name="other", hasUniqueValue=True)
    assert refused.status_code == 400
    assert _make(hub, "tasks", name="other").status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "With Blank"},
        {"name": ""},
        {"type": "text"},
        {"fieldType": "number"},
        {"groupName": "nowhere"},
        {"type": "bool", "fieldType": "booleancheckbox"},
        {"type": "enumeration", "fieldType": "select", "options": [{"value": "a"}]},
        {
            "type": "enumeration",
            "fieldType": "select",
            "options": [{"value": "a", "label": "A"}, {"value": "a", "label": "B"}],
        },
        {"type": "datetime", "fieldType": "date", "hasUniqueValue": True},
    ],
)
def test_bad_definitions(hub: Client, wrong: dict[str, Any]) -> None:
    """What can't be a property is a 400."""
    assert _make(hub, **wrong).status_code == 400


def test_existing_names(hub: Client) -> None:
    """A name that exists is a 409, the service's own too."""
    assert _make(hub).status_code == 201
    for name in ("mine", "email"):
        answer = _make(hub, name=name)
        assert answer.status_code == 409
        assert answer.json()["category"] == "OBJECT_ALREADY_EXISTS"


def test_archived_names_come_back(hub: Client) -> None:
    """An archived property is gone from lists and writes; creating it brings the old one back."""
    _make(hub, type="number", fieldType="number")
    contact = hub.create("contacts", email="a@x.example", mine="7")
    assert hub.send("DELETE", f"{CONTACTS}/mine").status_code == 204
    assert hub.get(f"{CONTACTS}/mine").status_code == 404
    assert hub.get(f"{CONTACTS}/mine?archived=true").status_code == 200
    path = f"/crm/v3/objects/contacts/{contact}"
    assert "mine" not in hub.get(f"{path}?properties=mine").json()["properties"]
    assert hub.send("PATCH", path, {"properties": {"mine": "8"}}).status_code == 400
    again = _make(hub)
    assert (again.status_code, again.json()["type"]) == (201, "number")
    assert hub.get(f"{path}?properties=mine").json()["properties"]["mine"] == "7"


def test_what_may_not_change(hub: Client) -> None:
    """A type and uniqueness stay; standard definitions stay; options are replaced in full."""
    options = [{"value": v, "label": v.upper()} for v in "ab"]
    _make(hub, type="enumeration", fieldType="select", options=options)
    path = f"{CONTACTS}/mine"
    assert hub.send("PATCH", path, {"type": "string"}).status_code == 400
    assert hub.send("PATCH", path, {"hasUniqueValue": True}).status_code == 400
    assert hub.send("PATCH", f"{CONTACTS}/email", {"fieldType": "textarea"}).status_code == 400
    assert hub.send("DELETE", f"{CONTACTS}/email").status_code == 400
    changed = hub.send("PATCH", path, {"options": options[1:]})
    assert [o["value"] for o in changed.json()["options"]] == ["b"]
    assert hub.post("/crm/v3/objects/contacts", {"properties": {"mine": "a"}}).status_code == 400
    assert hub.post("/crm/v3/objects/contacts", {"properties": {"mine": "b"}}).status_code == 201


def test_sensitive_properties_are_listed_apart(hub: Client) -> None:
    """Properties of another sensitivity come only when it is asked for."""
    _make(hub, dataSensitivity="sensitive")
    assert "mine" not in [p["name"] for p in hub.get(CONTACTS).json()["results"]]
    found = hub.get(f"{CONTACTS}?dataSensitivity=sensitive").json()["results"]
    assert [p["name"] for p in found] == ["mine"]


def test_groups(hub: Client) -> None:
    """Groups are made once, renamed, and archived when nothing stands in them."""
    path = f"{CONTACTS}/groups"
    assert hub.post(path, {"name": "crm_health", "label": "Health"}).status_code == 201
    assert hub.post(path, {"name": "crm_health", "label": "Health"}).status_code == 409
    assert hub.post(path, {"name": "x"}).status_code == 400
    renamed = hub.send("PATCH", f"{path}/crm_health", {"label": "CS"})
    assert renamed.json()["label"] == "CS"
    _make(hub, groupName="crm_health")
    assert hub.send("DELETE", f"{path}/crm_health").status_code == 400
    hub.send("DELETE", f"{CONTACTS}/mine")
    assert hub.send("DELETE", f"{path}/crm_health").status_code == 204
    assert hub.get(f"{path}/crm_health").status_code == 404


def test_an_admin_drops_a_property(hub: Client) -> None:
    """Between two calls a property may go, as in a portal with people in it."""
    _make(hub)
    hub.box.hubspot.drop_property("contacts", "mine")
    assert hub.get(f"{CONTACTS}/mine").status_code == 404
