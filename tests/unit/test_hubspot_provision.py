"""Setup of a HubSpot account, against the sandbox over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.hubspot.provision import HubSpotProvisioner, provisioner
from connectors.sandbox.handle import Sandbox
from crm_health.config.mapping import Mapping
from crm_health.errors import AuthError, SetupError
from crm_health.testing.ports import make_ports
from tests.unit.hubspot_help import Hub

MAPPING = Path(__file__).parents[2] / "mappings" / "hubspot.yaml"
VERSIONS = ["v3", "2026-03", "2026-09"]


def _raw() -> dict[str, Any]:
    held: dict[str, Any] = yaml.safe_load(MAPPING.read_text(encoding="utf-8"))
    return held


def _mapping(raw: dict[str, Any]) -> Mapping:
    # YAML has lists where the models have tuples; read as JSON they are the same.
    return Mapping.model_validate_json(json.dumps(raw))


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An empty portal with the environment pointing at it."""
    with Sandbox.start() as made:
        for name, value in made.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        yield made


def _made(mapping: Mapping | None = None, version: str = "2026-09") -> HubSpotProvisioner:
    return provisioner(make_ports(), version, mapping or _mapping(_raw()))


def _properties(sandbox: Sandbox, kind: str) -> dict[str, dict[str, Any]]:
    found = Hub(sandbox).get(f"/crm/v3/properties/{kind}")["results"]
    return {one["name"]: one for one in found}


@pytest.mark.parametrize("version", VERSIONS)
def test_setup_makes_what_is_missing_and_then_nothing(sandbox: Sandbox, version: str) -> None:
    """All steps are open, then done; a second run only looks."""
    setup = _made(version=version)
    before = setup.missing()
    assert any(not step.done for step in before)
    assert all(step.done for step in setup.apply())
    assert [step.name for step in setup.missing()] == [step.name for step in before]
    assert all(step.done for step in setup.missing())
    setup.close()
    calls = len(sandbox.calls())
    again = _made(version=version)
    again.apply()
    again.close()
    assert {call["method"] for call in sandbox.calls()[calls:]} == {"GET"}


def test_what_setup_makes_has_the_types_that_the_mapping_needs(sandbox: Sandbox) -> None:
    """Keys are unique, bands are a list, days are dates; all stand in a group of their own."""
    _made().apply()
    companies, tasks, tickets = (_properties(sandbox, k) for k in ("companies", "tasks", "tickets"))
    assert tasks["health_episode_key"]["hasUniqueValue"] is True
    assert tasks["health_task_key"]["hasUniqueValue"] is False
    assert tickets["health_escalation_key"]["hasUniqueValue"] is True
    assert tickets["health_due_at"]["type"] == "datetime"
    assert companies["health_band_since"]["type"] == "date"
    assert companies["health_score"]["groupName"] == "crm_health"
    bands = [one["value"] for one in companies["health_band"]["options"]]
    assert bands == ["Green", "Yellow", "Red", "Unknown"]
    assert tickets["content"]["groupName"] == "ticketinformation"


def test_setup_makes_the_pipeline_with_the_ids_of_the_mapping(sandbox: Sandbox) -> None:
    """What is written as a status is a stage there; closed ones count as closed."""
    _made().apply()
    found = Hub(sandbox).get("/crm/v3/pipelines/tickets/health_escalations")
    states = {stage["id"]: stage["metadata"]["ticketState"] for stage in found["stages"]}
    assert states == {
        "health_open": "OPEN",
        "health_resolved": "CLOSED",
        "health_declined": "CLOSED",
    }


def test_a_pipeline_with_other_ids_is_told_with_them(sandbox: Sandbox) -> None:
    """Somebody made it by hand: the message has the ids that belong in the mapping."""
    stages = [{"label": "Open", "displayOrder": 0, "metadata": {"ticketState": "OPEN"}}]
    body = {"label": "Health escalations", "displayOrder": 1, "stages": stages}
    made = Hub(sandbox).send("POST", "/crm/v3/pipelines/tickets", body).json()
    with pytest.raises(SetupError) as caught:
        _made().apply()
    assert made["id"] in caught.value.message
    assert made["stages"][0]["id"] in caught.value.message
    assert "health_score" not in _properties(sandbox, "companies")


def test_a_plan_without_another_pipeline_is_told(sandbox: Sandbox) -> None:
    """A free account has one ticket pipeline: setup says what to do instead."""
    sandbox.hubspot.settings(tier="free")
    with pytest.raises(SetupError, match="plan"):
        _made().apply()


def test_a_pipeline_that_is_there_serves_where_the_mapping_names_it(sandbox: Sandbox) -> None:
    """Then no other one is needed, nor made."""
    sandbox.hubspot.settings(tier="free")
    raw = _raw()
    escalation = raw["write"]["escalation"]
    escalation["constants"] = {"hs_pipeline": "0"}
    escalation["statuses"] = {"open": "1", "resolved": "4"}
    escalation["closed_statuses"] = ["4"]
    assert all(step.done for step in _made(_mapping(raw)).apply())
    assert len(Hub(sandbox).get("/crm/v3/pipelines/tickets")["results"]) == 1


def test_a_property_of_another_type_stops_setup_before_it_changes_anything(
    sandbox: Sandbox,
) -> None:
    """SetupError names it, what it is and what it must be."""
    other = {"name": "health_score", "label": "X", "type": "string", "fieldType": "text"}
    sandbox.hubspot.define("companies", other)
    with pytest.raises(SetupError, match=r"companies\.health_score must be number.*string"):
        _made().apply()
    assert "health_band" not in _properties(sandbox, "companies")


def test_a_key_that_is_not_unique_stops_setup(sandbox: Sandbox) -> None:
    """HubSpot can't make it unique later, so another name is needed."""
    other = {"name": "health_episode_key", "label": "X", "type": "string", "fieldType": "text"}
    sandbox.hubspot.define("tasks", other)
    with pytest.raises(SetupError, match=r"tasks\.health_episode_key.*not unique"):
        _made().apply()


def test_an_account_without_unique_task_properties_is_told(sandbox: Sandbox) -> None:
    """Without one nothing would keep off a second task: setup does not go on as if it were."""
    sandbox.hubspot.settings(unique_tasks=False)
    with pytest.raises(SetupError, match=r"tasks\.health_episode_key.*unique"):
        _made().apply()


def test_options_that_a_list_lacks_are_added(sandbox: Sandbox) -> None:
    """Those of people stay, with ours behind them."""
    options = [{"label": "Blue", "value": "Blue"}, {"label": "Green", "value": "Green"}]
    band = {"name": "health_band", "label": "X", "type": "enumeration", "fieldType": "select"}
    sandbox.hubspot.define("companies", {**band, "options": options})
    setup = _made()
    assert [s.done for s in setup.missing() if s.name == "companies.health_band"] == [False]
    setup.apply()
    held = [o["value"] for o in _properties(sandbox, "companies")["health_band"]["options"]]
    assert held == ["Blue", "Green", "Yellow", "Red", "Unknown"]


def test_an_archived_property_of_ours_comes_back(sandbox: Sandbox) -> None:
    """Names are for ever: making it again restores it."""
    _made().apply()
    sandbox.hubspot.drop_property("companies", "health_why")
    assert [s.name for s in _made().missing() if not s.done] == ["companies.health_why"]
    _made().apply()
    assert "health_why" in _properties(sandbox, "companies")


def test_a_missing_scope_is_named(sandbox: Sandbox) -> None:
    """AuthError says what the token of setup lacks."""
    sandbox.hubspot.tokens(scopes=["crm.schemas.companies.read", "crm.objects.companies.read"])
    with pytest.raises(AuthError, match=r"crm\.\w+\.\w+|tickets"):
        _made().apply()


def test_renamed_outputs_are_made_under_their_names(sandbox: Sandbox) -> None:
    """Names are the mapping's, whatever their beginning."""
    raw = _raw()
    raw["write"]["account"]["score"] = "customer_health"
    _made(_mapping(raw)).apply()
    assert _properties(sandbox, "companies")["customer_health"]["type"] == "number"


def test_an_answer_that_was_lost_is_no_failure(sandbox: Sandbox) -> None:
    """What is made twice is there already."""
    sandbox.faults({"kind": "cut_after", "path": "/crm/.*(groups|batch/create|pipelines)"})
    assert all(step.done for step in _made().apply())
