"""HubSpot's own clients, unmodified, against the sandbox: associations, setup, account, tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.tokens import CLIENT, PRIVATE, REFRESH
from tests.unit.hubspot_help import Hub

PRIMARY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}
STAGE = {"label": "Open", "displayOrder": 0, "metadata": {"ticketState": "OPEN"}}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox whose account may have custom objects."""
    with Sandbox.start() as started:
        started.call("POST", "hubspot/settings", {"tier": "enterprise"})
        yield started


@pytest.fixture
def hub(box: Sandbox) -> Iterator[Hub]:
    """A plain client, to set things up."""
    client = Hub(box)
    yield client
    client.close()


def test_the_legacy_client_reads_and_makes_associations(box: Sandbox, hub: Hub) -> None:
    """By version 4: a batch with its type, its reading, and the 207 that is no error."""
    hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")
    api = hubspot.HubSpot(access_token=PRIVATE, host=box.url)
    contact, company = hub.create("contacts", email="p@x.example"), hub.create("companies")
    batch = api.crm.associations.v4.batch_api
    made = batch.create(
        "contacts",
        "companies",
        {"inputs": [{"from": {"id": contact}, "to": {"id": company}, "types": [PRIMARY]}]},
    )
    assert made.results[0].labels == ["Primary"]
    read = batch.get_page("contacts", "companies", {"inputs": [{"id": contact}]})
    assert str(read.results[0].to[0].to_object_id) == company
    none = batch.get_page("contacts", "deals", {"inputs": [{"id": contact}]})
    assert none.errors[0].sub_category == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert (
        batch.archive(
            "contacts",
            "companies",
            {"inputs": [{"from": {"id": contact}, "to": [{"id": company}]}]},
        )
        is None
    )


def test_the_legacy_client_makes_a_pipeline_and_reads_owners(box: Sandbox) -> None:
    """Its models have no ids to send, so the portal gives some."""
    hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")
    api = hubspot.HubSpot(access_token=PRIVATE, host=box.url)
    pipelines = api.crm.pipelines.pipelines_api
    made = pipelines.create("tickets", {"label": "E", "displayOrder": 1, "stages": [STAGE]})
    assert [p.id for p in pipelines.get_all("tickets").results] == ["0", made.id]
    assert len(api.crm.owners.owners_api.get_page().results) == 2
    with pytest.raises(hubspot.crm.pipelines.ApiException) as refused:
        pipelines.get_by_id("tickets", "none")
    assert refused.value.status == 404


def test_the_legacy_client_logs_in(box: Sandbox) -> None:
    """By a refresh token, at the first version's address."""
    hubspot = pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")
    oauth = hubspot.HubSpot(host=box.url).oauth
    made = oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id=CLIENT,
        client_secret=CLIENT,
        refresh_token=REFRESH,
    )
    assert oauth.access_tokens_api.get(made.access_token).hub_id == 20858235


def test_the_dated_client_finds_every_answer_as_described(box: Sandbox) -> None:
    """It checks each body strictly against the published description of 2026-03."""
    sdk = pytest.importorskip("hubspot_sdk", reason="hubspot-sdk is not installed")
    api = sdk.HubSpot(
        access_token=PRIVATE, base_url=box.url, max_retries=0, _strict_response_validation=True
    )
    pipelines, schemas, limits = api.crm.pipelines, api.crm.object_schemas, api.crm.limits
    calls: list[Callable[[], Any]] = [
        api.account.get,
        api.account.get_daily_private_apps_usage,
        limits.get_calculated_property_limits,
        limits.get_custom_object_type_limits,
        limits.get_custom_property_limits,
        limits.get_pipeline_limits,
        limits.get_record_limits,
        api.crm.owners.list,
        lambda: api.crm.owners.get(31871900),
        lambda: pipelines.create(
            "tickets",
            label="E",
            display_order=1,
            pipeline_id="esc",
            stages=[{**STAGE, "stage_id": "s1"}],
        ),
        lambda: pipelines.list("tickets"),
        lambda: pipelines.update("esc", object_type="tickets", label="F"),
        lambda: schemas.create(
            allows_sensitive_properties=False,
            associated_objects=["COMPANY"],
            labels={"singular": "E", "plural": "Es"},
            name="esc",
            properties=[{"name": "t", "label": "T", "type": "string", "field_type": "text"}],
            required_properties=["t"],
            searchable_properties=[],
            secondary_display_properties=[],
        ),
        schemas.list,
        lambda: schemas.get("esc"),
        lambda: api.auth.oauth.introspect_token(token=REFRESH),
    ]
    for call in calls:
        assert call() is not None
    api.close()
