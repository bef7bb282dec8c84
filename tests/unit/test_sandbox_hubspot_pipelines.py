"""The sandbox's pipelines: what a portal has, and what setup may add."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from tests.unit.hubspot_help import Hub, contract, like

V3 = "/crm/v3/pipelines"
DATED = "/crm/pipelines/2026-09"
STAGES = [
    {"label": "Open", "displayOrder": 0, "metadata": {"ticketState": "OPEN"}, "stageId": "esc_1"},
    {"label": "Done", "displayOrder": 1, "metadata": {"ticketState": "CLOSED"}, "stageId": "esc_2"},
]
ESCALATIONS = {
    "label": "Escalations",
    "displayOrder": 5,
    "pipelineId": "crm_health_escalations",
    "stages": STAGES,
}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox whose portal is empty."""
    with Sandbox.start() as started:
        yield started


@pytest.fixture
def hub(box: Sandbox) -> Iterator[Hub]:
    """A client of the portal."""
    client = Hub(box)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("contacts", "fixtures/amp-labs-connectors/metadata-contacts-external-pipelines.json"),
        ("deals", "fixtures/amp-labs-connectors/metadata-deals-external-pipelines.json"),
    ],
)
@pytest.mark.parametrize("root", [V3, DATED])
def test_the_pipelines_of_birth_are_those_recorded(
    hub: Hub, root: str, kind: str, file: str
) -> None:
    """Ids, labels, metadata and stamps: the whole body, by either address."""
    recorded = contract(file)
    for found in (recorded["results"][0]["stages"], recorded["results"]):
        found.sort(key=lambda one: one["displayOrder"])
    assert hub.get(f"{root}/{kind}") == recorded


def test_tickets_have_one_pipeline_with_four_stages(hub: Hub) -> None:
    """Its id is `0`, the last of its stages `1` to `4` is closed, and closed is a text."""
    [pipeline] = hub.get(f"{V3}/0-5")["results"]
    assert pipeline["id"] == "0"
    states = {s["id"]: s["metadata"] for s in pipeline["stages"]}
    assert list(states) == ["1", "2", "3", "4"]
    assert states["1"] == {"ticketState": "OPEN", "isClosed": "false"}
    assert states["4"] == {"ticketState": "CLOSED", "isClosed": "true"}


@pytest.mark.parametrize("root", [V3, DATED])
def test_a_pipeline_is_made_with_ids_of_the_clients_own(hub: Hub, root: str) -> None:
    """It is found by its id, and a ticket goes into it; a stage's state says closed or not."""
    answer = hub.send("POST", f"{root}/tickets", ESCALATIONS)
    assert answer.status_code == 201
    made = answer.json()
    recorded = contract("fixtures/amp-labs-connectors/metadata-deals-external-pipelines.json")
    model = recorded["results"][0]
    model["stages"] = [{**s, "metadata": made["stages"][0]["metadata"]} for s in model["stages"]]
    assert like(made, model) == []
    assert made["id"] == "crm_health_escalations"
    assert [(s["id"], s["metadata"]["isClosed"]) for s in made["stages"]] == [
        ("esc_1", "false"),
        ("esc_2", "true"),
    ]
    assert hub.get(f"{root}/tickets/crm_health_escalations") == made
    ticket = hub.create(
        "tickets", subject="T", hs_pipeline="crm_health_escalations", hs_pipeline_stage="esc_2"
    )
    read = hub.get(f"/crm/v3/objects/tickets/{ticket}", properties="hs_is_closed")
    assert read["properties"]["hs_is_closed"] == "true"


def test_a_pipeline_without_ids_is_given_some(hub: Hub) -> None:
    """As clients of version 12 send it: the ids are the portal's, and differ."""
    stages = [{k: v for k, v in stage.items() if k != "stageId"} for stage in STAGES]
    made = hub.post(f"{V3}/tickets", {"label": "E", "displayOrder": 1, "stages": stages})
    ids = [made["id"], *(s["id"] for s in made["stages"])]
    assert all(i.isdecimal() for i in ids)
    assert len(set(ids)) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"label": "escalations", "pipelineId": "other", "stages": [{**STAGES[0], "stageId": "x"}]},
        {"label": "Other", "stages": [{**STAGES[0], "stageId": "x"}]},
        {"label": "Other", "pipelineId": "other"},
    ],
    ids=["label", "pipeline id", "stage id"],
)
def test_labels_and_ids_stand_once(hub: Hub, change: dict[str, Any]) -> None:
    """A second pipeline with the first one's label, id or stage id is a conflict."""
    hub.post(f"{V3}/tickets", ESCALATIONS)
    refused = hub.send("POST", f"{V3}/tickets", {**ESCALATIONS, **change})
    assert (refused.status_code, refused.json()["category"]) == (409, "CONFLICT")
    assert len(hub.get(f"{V3}/tickets")["results"]) == 2


@pytest.mark.parametrize(
    ("kind", "metadata", "said"),
    [
        ("tickets", {"ticketState": "SHUT"}, "ticketState"),
        ("deals", {}, "probability"),
        ("deals", {"probability": "likely"}, "no number"),
        ("deals", {"probability": "1.5"}, "between"),
    ],
)
def test_metadata_must_fit_the_object(
    hub: Hub, kind: str, metadata: dict[str, str], said: str
) -> None:
    """Tickets have states, deals chances; anything else is refused with its value."""
    body = {
        "label": "P",
        "displayOrder": 1,
        "stages": [{"label": "S", "displayOrder": 0, "metadata": metadata}],
    }
    refused = hub.send("POST", f"{V3}/{kind}", body)
    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")
    assert said in refused.json()["message"]


@pytest.mark.parametrize(("tier", "most"), [("free", 1), ("starter", 2), ("professional", 15)])
def test_the_tier_limits_how_many(box: Sandbox, hub: Hub, tier: str, most: int) -> None:
    """The one beyond is refused, and the limits tell so."""
    box.call("POST", "hubspot/settings", {"tier": tier, "limits": False})
    for n in range(1, most):
        stage = {**STAGES[0], "stageId": f"s{n}"}
        hub.post(
            f"{V3}/tickets",
            {"label": f"P{n}", "displayOrder": n, "pipelineId": f"p{n}", "stages": [stage]},
        )
    refused = hub.send("POST", f"{V3}/tickets", ESCALATIONS)
    assert refused.status_code == 403
    told = hub.get("/crm/limits/2026-09/pipelines")["hubspotDefinedObjectTypes"]
    [tickets] = [one for one in told if one["objectTypeId"] == "0-5"]
    assert (tickets["usage"], tickets["limit"], tickets["percentage"]) == (most, most, 100.0)


def test_a_pipeline_changes_and_goes(hub: Hub) -> None:
    """PATCH renames, PUT replaces the stages, DELETE removes it."""
    hub.post(f"{V3}/tickets", ESCALATIONS)
    path = f"{V3}/tickets/crm_health_escalations"
    assert hub.send("PATCH", path, {"label": "Health"}).json()["label"] == "Health"
    body = {"label": "Health", "displayOrder": 2, "stages": [STAGES[1]]}
    changed = hub.send("PUT", path, body).json()
    assert [s["id"] for s in changed["stages"]] == ["esc_2"]
    assert hub.send("DELETE", path).status_code == 204
    gone = hub.send("GET", path)
    assert (gone.status_code, gone.json()["category"]) == (404, "OBJECT_NOT_FOUND")


def test_stages_are_added_changed_and_removed(hub: Hub) -> None:
    """Each by itself; one that holds records stays, and so does the last one."""
    hub.post(f"{V3}/tickets", {**ESCALATIONS, "stages": [STAGES[0]]})
    path = f"{V3}/tickets/crm_health_escalations/stages"
    made = hub.send("POST", path, STAGES[1])
    assert made.status_code == 201
    assert hub.get(f"{path}/esc_2") == made.json()
    changed = hub.send("PATCH", f"{path}/esc_2", {"metadata": {"ticketState": "OPEN"}}).json()
    assert (changed["label"], changed["metadata"]["isClosed"]) == ("Done", "false")
    hub.create(
        "tickets", subject="T", hs_pipeline="crm_health_escalations", hs_pipeline_stage="esc_1"
    )
    assert hub.send("DELETE", f"{path}/esc_1").status_code == 400
    assert hub.send("DELETE", f"{path}/esc_2").status_code == 204
    assert [s["id"] for s in hub.get(path)["results"]] == ["esc_1"]
    assert hub.send("DELETE", f"{path}/esc_1").status_code == 400


def test_a_pipeline_in_use_goes_unless_that_is_asked(hub: Hub) -> None:
    """`validateReferencesBeforeDelete` keeps it; without, it goes."""
    hub.post(f"{V3}/tickets", ESCALATIONS)
    hub.create(
        "tickets", subject="T", hs_pipeline="crm_health_escalations", hs_pipeline_stage="esc_1"
    )
    path = f"{V3}/tickets/crm_health_escalations"
    assert hub.send("DELETE", f"{path}?validateReferencesBeforeDelete=true").status_code == 400
    assert hub.send("DELETE", path).status_code == 204


def test_pipelines_go_with_a_snapshot(box: Sandbox, hub: Hub) -> None:
    """A pipeline made later is gone again."""
    box.snapshot()
    hub.post(f"{V3}/tickets", ESCALATIONS)
    box.restore()
    assert [p["id"] for p in hub.get(f"{V3}/tickets")["results"]] == ["0"]
