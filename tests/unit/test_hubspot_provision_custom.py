"""Setup of custom objects on HubSpot: who may have them, who does without, who must."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.hubspot.provision import HubSpotProvisioner, provisioner
from connectors.sandbox.handle import Sandbox
from crm_health.errors import AuthError, SetupError
from crm_health.testing.ports import make_ports
from tests.unit.hubspot_help import Hub
from tests.unit.hubspot_setup import (
    CUSTOM,
    mapping,
    not_here,
    raw_mapping,
    setup_of,
    unfinished,
)

SCHEMAS = "/crm-object-schemas/v3/schemas"
OURS = ("p_health_subscription", "p_health_usage")
TITLE = {"name": "title", "label": "Title", "type": "string", "fieldType": "text"}
#: What the account needs to know of an object of somebody's own.
THING = {
    "labels": {"singular": "Thing", "plural": "Things"},
    "primaryDisplayProperty": "title",
    "requiredProperties": ["title"],
    "properties": [TITLE],
    "associatedObjects": ["COMPANY"],
}


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An empty Enterprise portal with the environment pointing at it."""
    with Sandbox.start() as made:
        made.hubspot.settings(tier="enterprise")
        for name, value in made.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def hub(sandbox: Sandbox) -> Iterator[Hub]:
    """A plain client of the portal."""
    made = Hub(sandbox)
    yield made
    made.close()


def _setup(version: str = "2026-09", *, escalations: bool = False) -> HubSpotProvisioner:
    raw = raw_mapping()
    if escalations:
        raw["write"]["escalation"] |= CUSTOM
    return setup_of(raw, version)


@pytest.mark.parametrize("version", ["v3", "2026-09"])
def test_setup_makes_the_custom_objects_that_are_read(
    sandbox: Sandbox, hub: Hub, version: str
) -> None:
    """Their properties have the types of the One View, their records hang on companies.

    All names are told before, since they are for ever.
    """
    told = _setup(version).missing()
    steps = _setup(version).apply()
    assert unfinished(steps) == []
    assert {step.name for step in told} == {step.name for step in steps}
    assert not_here(steps) == {}
    made = {one["name"]: one for one in hub.get(SCHEMAS)["results"]}
    types = {p["name"]: p["type"] for p in made["health_subscription"]["properties"]}
    assert (
        types
        | {
            "product": "string",
            "quantity": "number",
            "annual_value": "number",
            "status": "enumeration",
            "started_on": "date",
            "ends_on": "date",
        }
        == types
    )
    (status,) = [p for p in made["health_subscription"]["properties"] if p["name"] == "status"]
    assert [one["value"] for one in status["options"]] == ["active", "ended"]
    ends = {one["toObjectTypeId"] for one in made["health_usage"]["associations"]}
    assert {"0-1", "0-2"} <= ends
    assert made["health_usage"]["labels"] == {
        "singular": "Health usage",
        "plural": "Health usage records",
    }
    calls = len(sandbox.calls())
    assert _setup(version).apply() == steps
    assert {call["method"] for call in sandbox.calls()[calls:]} == {"GET"}


def test_an_account_without_custom_objects_is_set_up_without_them(sandbox: Sandbox) -> None:
    """The look tells already why they are not here; nothing asks for them again."""
    sandbox.hubspot.settings(tier="professional")
    before = _setup().missing()
    assert set(not_here(before)) == set(OURS)
    assert all("Enterprise" in why for why in not_here(before).values())
    after = _setup().apply()
    assert (unfinished(after), not_here(after)) == ([], not_here(before))
    assert not any(
        call["method"] == "POST" and "schemas" in call["path"] for call in sandbox.calls()
    )


def test_an_account_that_does_not_tell_its_limits_is_tried(sandbox: Sandbox) -> None:
    """What is refused on making is told after it, and setup goes on."""
    sandbox.hubspot.settings(tier="professional")
    sandbox.faults({"kind": "status", "status": 404, "path": ".*/limits/.*", "times": 0})
    setup = _setup()
    assert set(OURS) <= set(unfinished(setup.missing()))
    after = setup.apply()
    assert unfinished(after) == []
    assert all("FORBIDDEN" in why for why in not_here(after).values())
    assert set(not_here(after)) == set(OURS)


def test_room_for_one_more_is_used_for_what_is_needed(sandbox: Sandbox, hub: Hub) -> None:
    """Nine of ten are taken: escalations get the tenth, even if it shows late; others are told."""
    for n in range(9):
        hub.post(SCHEMAS, {**THING, "name": f"thing_{n}"})
    sandbox.hubspot.settings(definition_lag=5)
    raw = raw_mapping()
    raw["write"]["escalation"] |= CUSTOM
    ports = replace(make_ports(), sleep=sandbox.advance)
    steps = provisioner(ports, "2026-09", mapping(raw)).apply()
    assert unfinished(steps) == []
    assert set(not_here(steps)) == set(OURS)
    assert all("may have 10" in why for why in not_here(steps).values())
    assert hub.get(f"{SCHEMAS}/p_health_escalation")["name"] == "health_escalation"


def test_escalations_as_a_custom_object(hub: Hub) -> None:
    """Its key is unique, its status a list of the mapping's words; no pipeline is made."""
    steps = _setup(escalations=True).apply()
    assert unfinished(steps) == []
    made = hub.get(f"{SCHEMAS}/p_health_escalation")
    found = {p["name"]: p for p in made["properties"]}
    assert found["health_escalation_key"]["hasUniqueValue"] is True
    words = [one["value"] for one in found["status"]["options"]]
    assert words == [
        "Open",
        "In Progress",
        "Waiting on Customer",
        "Resolved",
        "Declined",
    ]
    assert found["title"]["type"] == found["evidence"]["type"] == "string"
    assert made["primaryDisplayProperty"] == "title"
    assert len(hub.get("/crm/v3/pipelines/tickets")["results"]) == 1


def test_the_guide_shows_the_choice_that_is_tested_here() -> None:
    """Its example is a part of `write:` that can be copied."""
    text = (Path(__file__).parents[2] / "docs" / "hubspot.md").read_text(encoding="utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    assert yaml.safe_load(example) == {"escalation": CUSTOM}


@pytest.mark.parametrize("told", [True, False])
def test_escalations_can_not_do_without(sandbox: Sandbox, *, told: bool) -> None:
    """Refused, setup ends with what to write instead; nothing was made before."""
    sandbox.hubspot.settings(tier="professional")
    if not told:
        sandbox.faults({"kind": "status", "status": 404, "path": ".*/limits/.*", "times": 0})
    with pytest.raises(SetupError, match=r"p_health_escalation.*Enterprise") as caught:
        _setup(escalations=True).apply()
    assert "write.escalation" in caught.value.message
    assert not any(call["applied"] for call in sandbox.calls())


def test_a_token_without_the_scope_is_told_its_name(sandbox: Sandbox) -> None:
    """Optional objects are not here then; a needed one ends setup, as any missing scope."""
    sandbox.faults({"kind": "missing_scope", "path": ".*schemas", "times": 0,
                    "fields": ["crm.schemas.custom.read"]})  # fmt: skip
    steps = _setup().missing()
    assert set(not_here(steps)) == set(OURS)
    assert all("crm.schemas.custom.read" in why for why in not_here(steps).values())
    with pytest.raises(AuthError, match=r"crm\.schemas\.custom\.read"):
        _setup(escalations=True).missing()


def test_an_object_that_is_there_gets_what_it_lacks(sandbox: Sandbox, hub: Hub) -> None:
    """Properties and associations; what it has besides stays."""
    hub.post(SCHEMAS, {**THING, "name": "health_usage"})
    before = _setup().missing()
    lacking = {name for name in unfinished(before) if name.startswith("p_health_usage")}
    assert lacking == {
        "p_health_usage to contacts",
        "p_health_usage.metric",
        "p_health_usage.value",
        "p_health_usage.day",
        "p_health_usage.crm_health",
    }
    assert unfinished(_setup().apply()) == []
    made = hub.get(f"{SCHEMAS}/p_health_usage")
    assert {"title", "metric", "value", "day"} <= {p["name"] for p in made["properties"]}
    assert {"0-1", "0-2"} <= {one["toObjectTypeId"] for one in made["associations"]}


def test_an_object_that_is_there_with_other_types_stops_setup(sandbox: Sandbox, hub: Hub) -> None:
    """Before anything is changed."""
    day = {"name": "day", "label": "Day", "type": "string", "fieldType": "text"}
    hub.post(SCHEMAS, {**THING, "name": "health_usage", "properties": [TITLE, day]})
    calls = len(sandbox.calls())
    with pytest.raises(SetupError, match=r"p_health_usage\.day must be date: its type is string"):
        _setup().apply()
    assert {call["method"] for call in sandbox.calls()[calls:]} == {"GET"}


def test_a_lost_answer_makes_no_second_object(sandbox: Sandbox, hub: Hub) -> None:
    """The repeated call is refused because the object is there: that is what was wanted."""
    sandbox.faults({"kind": "cut_after", "method": "POST", "path": ".*schemas(/.*)?", "times": 2})
    assert unfinished(_setup().apply()) == []
    assert {one["name"] for one in hub.get(SCHEMAS)["results"]} == {
        "health_subscription",
        "health_usage",
    }


@pytest.mark.parametrize("form", ["p_{}", "p20858235_{}", "id"])
@pytest.mark.parametrize("dated", [False, True])
def test_the_portal_knows_a_custom_object_by_each_of_its_names(
    hub: Hub, form: str, *, dated: bool
) -> None:
    """Records, batches, associations, properties and its schema, in both path families."""
    _setup().apply()
    made = hub.get(f"{SCHEMAS}/p_health_usage")
    name = made["objectTypeId"] if form == "id" else form.format("health_usage")
    crm: Any = (lambda family, tail: f"/crm/{family}/2026-09/{tail}") if dated else _legacy
    company = hub.create("companies", name="C")
    usage = hub.post(crm("objects", name), {"properties": {"metric": "logins"}})["id"]
    pair = {"inputs": [{"from": {"id": usage}, "to": {"id": company}}]}
    hub.post(crm("associations", f"{name}/companies/batch/associate/default"), pair)
    read = {"inputs": [{"id": usage}]}
    found = hub.post(crm("associations", f"{name}/companies/batch/read"), read)["results"]
    assert [end["toObjectId"] for end in found[0]["to"]] == [int(company)]
    found = hub.post(crm("associations", f"companies/{name}/batch/read"),
                     {"inputs": [{"id": company}]})["results"]  # fmt: skip
    assert [end["toObjectId"] for end in found[0]["to"]] == [int(usage)]
    query = {"properties": "metric", "associations": "companies"}
    (row,) = hub.get(crm("objects", name), **query)["results"]
    assert row["properties"]["metric"] == "logins"
    assert row["associations"]["companies"]["results"][0]["id"] == company
    (inline,) = hub.get(crm("objects", "companies"), associations=name)["results"]
    assert len(inline["associations"]) == 1
    (row,) = hub.post(crm("objects", f"{name}/batch/read"), read | {"properties": ["metric"]})[
        "results"
    ]
    assert row["id"] == usage
    assert hub.get(crm("properties", f"{name}/metric"))["type"] == "string"
    assert hub.get(f"{SCHEMAS}/{name}")["objectTypeId"] == made["objectTypeId"]


def _legacy(family: str, tail: str) -> str:
    return f"/crm/{'v4' if family == 'associations' else 'v3'}/{family}/{tail}"
