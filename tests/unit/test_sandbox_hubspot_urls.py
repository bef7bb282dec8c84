"""Which addresses the sandbox's portal answers, and what its control API does to it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from connectors.sandbox.handle import ControlError, Sandbox
from tests.unit.hubspot_client import NOW, Client, recorded

#: What no engine of this kind asks for: reports, audits and configurations of associations,
#: limits of single associations, deprecated twins.
_NOT_ANSWERED = re.compile(
    r"high-usage-report|/definitions/configurations|/audit$|/limits/.*/associations/records"
    r"|/limits/.*/records/|associations/records"
)
_PARTS = {
    "objectId": "1",
    "toObjectId": "1",
    "fromObjectId": "1",
    "fromObjectType": "contacts",
    "toObjectType": "companies",
    "objectType": "tickets",
    "pipelineId": "0",
    "stageId": "1",
    "ownerId": "31871817",
    "associationTypeId": "1",
    "propertyName": "subject",
    "groupName": "ticketinformation",
    "associationIdentifier": "1",
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


@pytest.mark.parametrize("form", ["legacy", "dated"])
def test_every_address_has_an_answer(hub: Client, form: str) -> None:
    """Of the known addresses none but the ones left out on purpose is a 501."""
    rows = recorded("contract/path-map-legacy-to-2026-09.json")["rows"]
    unknown, asked = [], 0
    for row in rows:
        path = row[form]
        if path is None or _NOT_ANSWERED.search(path):
            continue
        asked += 1
        filled = re.sub(r"\{(\w+)\}", lambda m: _PARTS.get(m[1], "1"), path)
        if hub.send(row["method"], filled, {}).status_code == 501:
            unknown.append(f"{row['method']} {path}")
    assert unknown == []
    assert asked > 50


@pytest.mark.parametrize(
    "path",
    [
        "/crm/v2/objects/companies",
        "/crm/objects/2031-03/companies",
        "/crm/v3/lists",
        "/crm/v3/objects/companies/1/2/3/4",
    ],
)
def test_unknown_addresses_are_loud(hub: Client, path: str) -> None:
    """What the sandbox does not know is a 501, with the address."""
    answer = hub.get(path)
    assert answer.status_code == 501
    assert path in answer.json()["message"]


def test_the_other_service_is_beside_it(hub: Client) -> None:
    """Both protocols are answered at one address."""
    assert hub.get("/services/data").status_code == 200
    assert hub.box.environment["CRM_HEALTH_SALESFORCE_BASE_URL"] == hub.box.url
    assert hub.box.hubspot_environment["CRM_HEALTH_HUBSPOT_BASE_URL"] == hub.box.url
    token = hub.box.hubspot_environment["CRM_HEALTH_HUBSPOT_TOKEN"]
    client = Client(hub.box, token)
    assert client.get("/crm/v3/objects/companies").status_code == 200
    client.close()


def test_people_and_admins(hub: Client) -> None:
    """The control API saves, touches, associates, archives and erases as people do."""
    portal = hub.box.hubspot
    company = portal.edit("companies", None, {"name": "A"})
    ticket = portal.edit("tickets", None, {"subject": "S", "hs_pipeline_stage": "1"})
    portal.associate("tickets", ticket, "companies", company)
    hub.box.advance(60)
    assert portal.touch(100, "tickets") == 1
    read = hub.get(f"/crm/v3/objects/tickets/{ticket}?associations=companies").json()
    assert read["updatedAt"] > read["createdAt"]
    assert read["associations"]["companies"]["results"][0]["id"] == company
    portal.dissociate("tickets", ticket, "companies", company)
    read = hub.get(f"/crm/v3/objects/tickets/{ticket}?associations=companies").json()
    assert "associations" not in read
    assert portal.status()["records"] == {"companies": 1, "tickets": 1}
    portal.archive("tickets", ticket)
    portal.archive("companies", company, erase=True)
    assert [(r["id"], r["archived"]) for r in portal.records("tickets")] == [(ticket, True)]
    assert portal.records("companies") == []


def test_mistakes_of_the_control_api(hub: Client) -> None:
    """It refuses what can't be, with words."""
    portal = hub.box.hubspot
    for attempt in (
        lambda: portal.edit("companies", "1", {}),
        lambda: portal.edit("companies", None, {"nmae": "A"}),
        lambda: portal.edit("companies", None, {"industry": "FISHING"}),
        lambda: portal.edit("butterflies", None, {}),
        lambda: portal.merge("companies", "1", "2"),
        lambda: portal.settings(tier="golden"),
        lambda: portal.settings(nonsense=1),
    ):
        with pytest.raises(ControlError, match=r"\w"):
            attempt()


def test_tokens(hub: Client) -> None:
    """Tokens are added with their scopes, and revoked."""
    hub.box.hubspot.tokens(add="pat-na1-other", scopes=["crm.objects.companies.read"])
    other = Client(hub.box, "pat-na1-other")
    assert other.get("/crm/v3/objects/companies").status_code == 200
    assert other.get("/crm/v3/objects/contacts").status_code == 403
    assert hub.box.hubspot.tokens(revoke="pat-na1-other")["revoked"] == 1
    assert other.get("/crm/v3/objects/companies").status_code == 401
    assert hub.get("/crm/v3/objects/companies").status_code == 200
    other.close()
