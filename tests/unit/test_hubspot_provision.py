"""Setup of a HubSpot account, against the sandbox over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.hubspot import connect
from connectors.hubspot.provision import provisioner
from connectors.sandbox.handle import Sandbox
from crm_health.errors import AuthError, SetupError
from crm_health.sync.streams import objects, resolve
from crm_health.testing.ports import make_ports
from tests.unit.hubspot_help import Hub
from tests.unit.hubspot_setup import mapping, raw_mapping, setup_of, unfinished

VERSIONS = ["v3", "2026-03", "2026-09"]


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """An empty portal with the environment pointing at it."""
    with Sandbox.start() as made:
        for name, value in made.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        yield made


def _properties(sandbox: Sandbox, kind: str) -> dict[str, dict[str, Any]]:
    found = Hub(sandbox).get(f"/crm/v3/properties/{kind}")["results"]
    return {one["name"]: one for one in found}


@pytest.mark.parametrize("version", VERSIONS)
def test_setup_makes_what_is_missing_and_then_nothing(sandbox: Sandbox, version: str) -> None:
    """Steps are open, then done or not for this account; a second run only looks."""
    setup = setup_of(version=version)
    before = setup.missing()
    assert unfinished(before)
    after = setup.apply()
    assert unfinished(after) == []
    assert [step.name for step in after] == [step.name for step in before]
    assert setup.missing() == after
    setup.close()
    calls = len(sandbox.calls())
    again = setup_of(version=version)
    again.apply()
    again.close()
    assert {call["method"] for call in sandbox.calls()[calls:]} == {"GET"}


def test_what_setup_makes_has_the_types_that_the_mapping_needs(sandbox: Sandbox) -> None:
    """Keys are unique, bands are a list, days are dates; all stand in a group of their own."""
    setup_of().apply()
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
    setup_of().apply()
    found = Hub(sandbox).get("/crm/v3/pipelines/tickets/health_escalations")
    states = {stage["id"]: stage["metadata"]["ticketState"] for stage in found["stages"]}
    assert states == {
        "health_open": "OPEN",
        "health_in_progress": "OPEN",
        "health_waiting": "OPEN",
        "health_resolved": "CLOSED",
        "health_declined": "CLOSED",
    }


def test_a_pipeline_with_other_ids_is_told_with_them(sandbox: Sandbox) -> None:
    """Somebody made it by hand: the message has the ids that belong in the mapping."""
    stages = [{"label": "Open", "displayOrder": 0, "metadata": {"ticketState": "OPEN"}}]
    body = {"label": "Health escalations", "displayOrder": 1, "stages": stages}
    made = Hub(sandbox).send("POST", "/crm/v3/pipelines/tickets", body).json()
    with pytest.raises(SetupError) as caught:
        setup_of().apply()
    assert made["id"] in caught.value.message
    assert made["stages"][0]["id"] in caught.value.message
    assert "health_score" not in _properties(sandbox, "companies")


def test_a_pipeline_of_an_earlier_version_gets_the_stages_it_lacks(sandbox: Sandbox) -> None:
    """Those that are there stay as they are; setup twice does nothing more."""
    stages = [
        {"label": name, "stageId": f"health_{name.lower()}", "displayOrder": n, "metadata": state}
        for n, (name, state) in enumerate(
            {
                "Open": {"ticketState": "OPEN"},
                "Resolved": {"ticketState": "CLOSED"},
                "Declined": {"ticketState": "CLOSED"},
            }.items()
        )
    ]
    body = {"label": "Health escalations", "pipelineId": "health_escalations", "displayOrder": 9}
    Hub(sandbox).send("POST", "/crm/v3/pipelines/tickets", {**body, "stages": stages})
    setup = setup_of()
    assert not next(s for s in setup.missing() if s.name == "health_escalations").done
    setup.apply()
    found = Hub(sandbox).get("/crm/v3/pipelines/tickets/health_escalations")
    assert {stage["id"] for stage in found["stages"]} == {
        "health_open",
        "health_in_progress",
        "health_waiting",
        "health_resolved",
        "health_declined",
    }
    assert all(step.done or step.not_here for step in setup.missing())


def test_a_plan_without_another_pipeline_is_told(sandbox: Sandbox) -> None:
    """A free account has one ticket pipeline: setup says what to do instead."""
    sandbox.hubspot.settings(tier="free")
    with pytest.raises(SetupError, match="plan"):
        setup_of().apply()


def test_a_pipeline_that_is_there_serves_where_the_mapping_names_it(sandbox: Sandbox) -> None:
    """Then no other one is needed, nor made."""
    sandbox.hubspot.settings(tier="free")
    raw = raw_mapping()
    escalation = raw["write"]["escalation"]
    escalation["constants"] = {"hs_pipeline": "0"}
    escalation["statuses"] = {"open": "1", "resolved": "4"}
    escalation["closed_statuses"] = ["4"]
    assert unfinished(setup_of(raw).apply()) == []
    assert len(Hub(sandbox).get("/crm/v3/pipelines/tickets")["results"]) == 1


def test_a_property_of_another_type_stops_setup_before_it_changes_anything(
    sandbox: Sandbox,
) -> None:
    """SetupError names it, what it is and what it must be."""
    other = {"name": "health_score", "label": "X", "type": "string", "fieldType": "text"}
    sandbox.hubspot.define("companies", other)
    with pytest.raises(SetupError, match=r"companies\.health_score must be number.*string"):
        setup_of().apply()
    assert "health_band" not in _properties(sandbox, "companies")


def test_an_escalation_key_that_is_not_unique_stops_setup(sandbox: Sandbox) -> None:
    """HubSpot can't make it unique later, so another name is needed."""
    other = {"name": "health_escalation_key", "label": "X", "type": "string", "fieldType": "text"}
    sandbox.hubspot.define("tickets", other)
    with pytest.raises(SetupError, match=r"tickets\.health_escalation_key.*not unique"):
        setup_of().apply()


def test_options_that_a_list_lacks_are_added(sandbox: Sandbox) -> None:
    """Those of people stay, with ours behind them."""
    options = [{"label": "Blue", "value": "Blue"}, {"label": "Green", "value": "Green"}]
    band = {"name": "health_band", "label": "X", "type": "enumeration", "fieldType": "select"}
    sandbox.hubspot.define("companies", {**band, "options": options})
    setup = setup_of()
    assert [s.done for s in setup.missing() if s.name == "companies.health_band"] == [False]
    setup.apply()
    held = [o["value"] for o in _properties(sandbox, "companies")["health_band"]["options"]]
    assert held == ["Blue", "Green", "Yellow", "Red", "Unknown"]
    longer = mapping(raw_mapping()).with_words({"band": ("Green", "At Risk")})
    connector = connect(make_ports(), VERSIONS[-1])
    lists = ("companies.health_band", "tickets.health_band")
    told = ", ".join(f"the word 'At Risk' in the list {name}" for name in lists)
    with pytest.raises(SetupError, match=re.escape(told)):
        resolve(longer, connector.describe(objects(longer)))


def test_an_archived_property_of_ours_comes_back(sandbox: Sandbox) -> None:
    """Names are for ever: making it again restores it."""
    setup_of().apply()
    sandbox.hubspot.drop_property("companies", "health_why")
    assert unfinished(setup_of().missing()) == ["companies.health_why"]
    setup_of().apply()
    assert "health_why" in _properties(sandbox, "companies")


def test_users_and_days_of_contacts_have_types_of_their_own(sandbox: Sandbox) -> None:
    """The manager is a HubSpot user, whom an address of nobody can't be; leaving is a day."""
    setup_of().apply()
    manager = _properties(sandbox, "companies")["health_csm"]
    assert (manager["type"], manager["fieldType"]) == ("enumeration", "select")
    assert (manager["externalOptions"], manager["referencedObjectType"]) == (True, "OWNER")
    assert _properties(sandbox, "contacts")["health_left_on"]["type"] == "date"
    hub = Hub(sandbox)
    (owner,) = hub.get("/crm/v3/owners")["results"][:1]
    hub.create("companies", name="C", health_csm=owner["id"])
    bad = {"properties": {"name": "D", "health_csm": "12"}}
    assert hub.send("POST", "/crm/v3/objects/companies", bad).status_code == 400
    text = {"name": "x", "label": "X", "type": "string", "fieldType": "text"}
    text |= {"groupName": "crm_health", "referencedObjectType": "OWNER"}
    assert hub.send("POST", "/crm/v3/properties/companies", text).status_code == 400
    hub.close()


def test_a_list_of_somebodys_own_is_no_user(sandbox: Sandbox) -> None:
    """What is no list of users can't name a manager."""
    other = {"name": "health_csm", "label": "X", "type": "enumeration", "fieldType": "select"}
    sandbox.hubspot.define("companies", {**other, "options": [{"label": "A", "value": "A"}]})
    with pytest.raises(SetupError, match=r"companies\.health_csm must be HubSpot user.*no users"):
        setup_of().missing()


def test_what_shows_late_is_waited_for(sandbox: Sandbox) -> None:
    """Setup looks again until all of it is there; what never shows is told by name."""
    ports = replace(make_ports(), sleep=sandbox.advance)
    made = []
    for lag in (0, 20):
        sandbox.reset()
        sandbox.hubspot.settings(definition_lag=lag, tier="enterprise")
        assert unfinished(provisioner(ports, "2026-09", mapping(raw_mapping())).apply()) == []
        made.append([call["path"] for call in sandbox.calls() if call["method"] == "POST"])
    assert made[0] == made[1]
    sandbox.hubspot.settings(definition_lag=90)
    sandbox.hubspot.drop_property("companies", "health_why")
    raw = raw_mapping()
    raw["write"]["account"]["why"] = "health_reasons"
    with pytest.raises(SetupError, match=r"health_reasons but does not show it yet"):
        provisioner(ports, "2026-09", mapping(raw)).apply()


def test_a_missing_scope_is_named(sandbox: Sandbox) -> None:
    """AuthError says what the token of setup lacks."""
    sandbox.hubspot.tokens(scopes=["crm.schemas.companies.read", "crm.objects.companies.read"])
    with pytest.raises(AuthError, match=r"crm\.\w+\.\w+|tickets"):
        setup_of().apply()


def test_renamed_outputs_are_made_under_their_names(sandbox: Sandbox) -> None:
    """Names are the mapping's, whatever their beginning."""
    raw = raw_mapping()
    raw["write"]["account"]["score"] = "customer_health"
    setup_of(raw).apply()
    assert _properties(sandbox, "companies")["customer_health"]["type"] == "number"


def test_an_answer_that_was_lost_is_no_failure(sandbox: Sandbox) -> None:
    """What is made twice is there already."""
    sandbox.faults({"kind": "cut_after", "path": "/crm/.*(groups|batch/create|pipelines)"})
    assert unfinished(setup_of().apply()) == []
