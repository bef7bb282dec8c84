"""Association labels of the sandbox: the service's own, and those that a portal adds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from tests.unit.hubspot_help import Hub, cassettes

V4 = "/crm/v4/associations"
DATED = "/crm/associations/2026-09"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A client of the empty portal of a running sandbox."""
    with Sandbox.start() as box:
        client = Hub(box)
        yield client
        client.close()


def pair(start: str, end: str, *types: dict[str, Any]) -> dict[str, Any]:
    """One input of a batch."""
    return {"from": {"id": start}, "to": {"id": end}, "types": list(types)}


def types(hub: Hub, start: str, id_: str, end: str) -> dict[str, list[int]]:
    """Record id -> type numbers of one record's associations."""
    found = hub.get(f"/crm/v4/objects/{start}/{id_}/associations/{end}")["results"]
    return {
        str(one["toObjectId"]): sorted(t["typeId"] for t in one["associationTypes"])
        for one in found
    }


@pytest.mark.parametrize(
    ("start", "end", "number", "label"),
    [("Company", "Contact", 2, "Primary Company"), ("Deal", "Company", 5, "Primary")],
)
def test_a_label_is_told_as_recorded(
    hub: Hub, start: str, end: str, number: int, label: str
) -> None:
    """The answer of a create names the labels of that direction."""
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number}
    ids = [hub.create(kind) for kind in (start, end)]
    body = {"inputs": [pair(ids[0], ids[1], spec)]}
    made = hub.post(f"{V4}/{start}/{end}/batch/create", body)
    assert made["results"][0]["labels"] == [label]
    recorded = [
        c["response_body"]["results"][0]["labels"]
        for c in cassettes()
        if c["status"] == 201 and c["uri"].endswith(f"associations/{start}/{end}/batch/create")
    ]
    assert [label] in recorded


def test_labels_of_the_portals_own_come_in_pairs(hub: Hub) -> None:
    """A paired label has a number for each direction, and shows beside the plain type."""
    contact, company = hub.create("contacts", email="p@x.example"), hub.create("companies")
    path = f"{V4}/contacts/companies/labels"
    words = {"name": "decision_maker", "label": "Decision maker", "inverseLabel": "Decides for"}
    made = hub.post(path, words)["results"]
    assert [(m["category"], m["label"]) for m in made] == [
        ("USER_DEFINED", "Decision maker"),
        ("USER_DEFINED", "Decides for"),
    ]
    listed = {k["typeId"]: k["label"] for k in hub.get(path)["results"]}
    assert listed[279] is None
    assert listed[1] == "Primary"
    assert listed[made[0]["typeId"]] == "Decision maker"
    spec = {"associationCategory": "USER_DEFINED", "associationTypeId": made[0]["typeId"]}
    hub.post(f"{V4}/contacts/companies/batch/create", {"inputs": [pair(contact, company, spec)]})
    assert types(hub, "companies", company, "contacts")[contact] == sorted(
        [2, 280, made[1]["typeId"]]
    )
    hub.post(
        f"{V4}/contacts/companies/batch/labels/archive",
        {"inputs": [pair(contact, company, spec)]},
    )
    assert types(hub, "contacts", contact, "companies") == {company: [1, 279]}


def test_a_label_is_renamed_and_removed(hub: Hub) -> None:
    """Both readings change; records keep their plain association; HubSpot's own stay."""
    path = f"{DATED}/contacts/companies/labels"
    [made] = hub.post(path, {"name": "sponsor", "label": "Sponsor"})["results"]
    number = made["typeId"]
    assert hub.send("PUT", path, {"associationTypeId": number, "label": "Patron"}).ok
    assert {"category": "USER_DEFINED", "typeId": number, "label": "Patron"} in hub.get(path)[
        "results"
    ]
    assert hub.send("DELETE", f"{path}/{number}").status_code == 204
    assert hub.send("DELETE", f"{path}/279").status_code == 404
    assert number not in [k["typeId"] for k in hub.get(path)["results"]]


def test_two_object_types_have_ten_labels_at_most(hub: Hub) -> None:
    """The eleventh is refused, and a label may not stand twice."""
    path = f"{V4}/deals/contacts/labels"
    hub.post(path, {"name": "l0", "label": "L0"})
    assert hub.send("POST", path, {"name": "l0", "label": "L0"}).status_code == 409
    for n in range(1, 10):
        hub.post(path, {"name": f"l{n}", "label": f"L{n}"})
    refused = hub.send("POST", path, {"name": "l10", "label": "L10"})
    assert refused.status_code == 400
