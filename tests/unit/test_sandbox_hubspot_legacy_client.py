"""hubspot-api-client, unmodified, against the sandbox: the addresses of versions 1 to 4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hubspot
import pytest
from hubspot.crm import associations, companies, objects, pipelines, properties, schemas

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.tokens import CLIENT, PRIVATE, REFRESH

PRIMARY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}
STAGE = {"label": "Open", "displayOrder": 0, "metadata": {"ticketState": "OPEN"}}
KEY = {
    "name": "probe_key",
    "label": "Key",
    "type": "string",
    "fieldType": "text",
    "groupName": "probe",
    "hasUniqueValue": True,
}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox whose account may have custom objects; its index never lags."""
    with Sandbox.start() as started:
        started.hubspot.settings(tier="enterprise", search_lag=0)
        yield started


@pytest.fixture
def api(box: Sandbox) -> Any:
    """The client, aimed at it."""
    return hubspot.HubSpot(access_token=PRIVATE, host=box.url, base_url=box.url)


def test_it_lists_reads_and_changes_records(api: Any) -> None:
    """Pages follow their cursor, an archived record is listed apart, a merge has one survivor."""
    basic = api.crm.companies.basic_api
    made = [basic.create({"properties": {"name": str(n)}}).id for n in range(4)]
    first = basic.get_page(limit=2, properties=["name", "domain"], associations=["tickets"])
    rest = basic.get_page(limit=2, after=first.paging.next.after)
    assert [r.id for r in (*first.results, *rest.results)] == made
    assert first.results[0].properties["domain"] is None
    assert [r.id for r in api.crm.companies.get_all()] == made
    assert basic.update(made[0], {"properties": {"name": "A"}}).properties["name"] == "A"
    basic.archive(made[3])
    assert [r.id for r in basic.get_page(archived=True).results] == [made[3]]
    survivor = basic.merge({"primaryObjectId": made[0], "objectIdToMerge": made[1]}).id
    assert {r.id for r in basic.get_page().results} == {survivor, made[2]}
    with pytest.raises(companies.exceptions.NotFoundException) as missing:
        basic.get_by_id("999")
    assert "html" in missing.value.body


def test_it_writes_batches_with_partial_success(api: Any) -> None:
    """The 207 of each batch becomes the model that has errors; a whole refusal an exception."""
    api.crm.properties.groups_api.create("companies", {"name": "probe", "label": "Probe"})
    api.crm.properties.core_api.create("companies", KEY)
    batch = api.crm.objects.batch_api
    inputs = [
        {"objectWriteTraceId": str(n), "properties": {"probe_key": f"k{n}", "numberofemployees": v}}
        for n, v in enumerate(("1", "many"))
    ]
    made = batch.create("companies", {"inputs": inputs})
    assert [r.properties["probe_key"] for r in made.results] == ["k0"]
    assert made.errors[0].context["objectWriteTraceId"] == ["1"]
    known = [{"idProperty": "probe_key", "id": f"k{n}", "properties": {}} for n in range(2)]
    upserted = batch.upsert("companies", {"inputs": known})
    assert {r.id == made.results[0].id: r.new for r in upserted.results} == {
        True: False,
        False: True,
    }
    ids = [{"id": made.results[0].id}, {"id": "999"}]
    for found in (
        batch.read("companies", {"inputs": ids, "properties": [], "propertiesWithHistory": []}),
        batch.update("companies", {"inputs": [{**i, "properties": {"name": "A"}} for i in ids]}),
    ):
        assert [r.id for r in found.results] == [ids[0]["id"]]
        assert found.errors[0].context["ids"] == ["999"]
    with pytest.raises(objects.ApiException) as refused:
        batch.update("companies", {"inputs": [{**ids[0], "properties": {}}] * 2})
    assert refused.value.status == 400
    assert batch.archive("companies", {"inputs": ids[:1]}) is None


def test_it_searches(api: Any) -> None:
    """By groups of filters, sorted, page by page; what it may not ask is its exception."""
    for n in range(3):
        api.crm.companies.basic_api.create({"properties": {"name": str(n), "domain": "x.example"}})
    search = api.crm.companies.search_api
    filters = [{"propertyName": "domain", "operator": "EQ", "value": "x.example"}]
    asked = {"filterGroups": [{"filters": filters}], "sorts": ["-name"], "limit": 2}
    first = search.do_search(asked)
    rest = search.do_search({**asked, "after": first.paging.next.after})
    names = [r.properties["name"] for r in (*first.results, *rest.results)]
    assert (first.total, names) == (3, ["2", "1", "0"])
    with pytest.raises(companies.ApiException) as refused:
        search.do_search({**asked, "limit": 201})
    assert refused.value.status == 400


def test_it_makes_and_reads_associations(api: Any) -> None:
    """By version 4: a batch with its type, its reading, and the 207 that is no error."""
    contact = api.crm.contacts.basic_api.create({"properties": {"email": "p@x.example"}}).id
    company = api.crm.companies.basic_api.create({"properties": {"name": "X"}}).id
    batch = api.crm.associations.v4.batch_api
    pair = {"from": {"id": contact}, "to": {"id": company}, "types": [PRIMARY]}
    made = batch.create("contacts", "companies", {"inputs": [pair]})
    assert made.results[0].labels == ["Primary"]
    read = batch.get_page("contacts", "companies", {"inputs": [{"id": contact}]})
    assert str(read.results[0].to[0].to_object_id) == company
    none = batch.get_page("contacts", "deals", {"inputs": [{"id": contact}]})
    assert none.errors[0].sub_category == "crm.associations.NO_ASSOCIATIONS_FOUND"
    ended = {"inputs": [{"from": {"id": contact}, "to": [{"id": company}]}]}
    assert batch.archive("contacts", "companies", ended) is None
    labels = api.crm.associations.v4.schema.definitions_api.get_all("contacts", "companies")
    assert {1, 279} <= {label.type_id for label in labels.results}
    wrong = {**pair, "types": [{**PRIMARY, "associationTypeId": 26}]}
    with pytest.raises(associations.v4.ApiException) as refused:
        batch.create("contacts", "companies", {"inputs": [wrong]})
    assert refused.value.status == 400


def test_it_makes_properties_pipelines_and_schemas(api: Any) -> None:
    """Its models of a pipeline have no ids to send, so the portal gives some."""
    core = api.crm.properties.core_api
    api.crm.properties.groups_api.create("companies", {"name": "probe", "label": "Probe"})
    assert core.create("companies", KEY).has_unique_value
    assert "probe_key" in {p.name for p in core.get_all("companies").results}
    again = api.crm.properties.batch_api.create(
        "companies", {"inputs": [KEY, {**KEY, "name": "probe_more", "hasUniqueValue": False}]}
    )
    assert [p.name for p in again.results] == ["probe_more"]
    with pytest.raises(properties.ApiException) as there:
        core.create("companies", KEY)
    assert there.value.status == 409

    of_tickets = api.crm.pipelines.pipelines_api
    made = of_tickets.create("tickets", {"label": "E", "displayOrder": 1, "stages": [STAGE]})
    assert [p.id for p in of_tickets.get_all("tickets").results] == ["0", made.id]
    with pytest.raises(pipelines.exceptions.NotFoundException):
        of_tickets.get_by_id("tickets", "none")

    schema = api.crm.schemas.core_api.create(
        {
            "name": "use",
            "labels": {"singular": "Use", "plural": "Uses"},
            "primaryDisplayProperty": "metric",
            "requiredProperties": ["metric"],
            "properties": [
                {"name": "metric", "label": "M", "type": "string", "fieldType": "text"},
            ],
            "associatedObjects": ["COMPANY"],
        }
    )
    record = {"properties": {"metric": "logins"}}
    used = api.crm.objects.basic_api.create(schema.object_type_id, record)
    assert [r.id for r in api.crm.objects.basic_api.get_page("p_use").results] == [used.id]
    with pytest.raises(schemas.exceptions.NotFoundException):
        api.crm.schemas.core_api.get_by_id("p_none")


def test_it_logs_in_and_knows_the_owners(box: Sandbox, api: Any) -> None:
    """By a refresh token, at the first version's address; a token that is none is refused."""
    oauth = hubspot.HubSpot(host=box.url).oauth
    made = oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id=CLIENT,
        client_secret=CLIENT,
        refresh_token=REFRESH,
    )
    assert oauth.access_tokens_api.get(made.access_token).hub_id == 20858235
    assert len(api.crm.owners.owners_api.get_page().results) == 2
    stranger = hubspot.HubSpot(access_token="nobody", host=box.url)
    with pytest.raises(companies.exceptions.UnauthorizedException):
        stranger.crm.companies.basic_api.get_page()
