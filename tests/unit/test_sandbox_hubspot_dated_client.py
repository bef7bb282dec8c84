"""hubspot-sdk, unmodified, against the sandbox by dated paths.

It can check each body strictly against HubSpot's published description of 2026-03. Live portals
keep to it but for two things, which are read without that check here: a property that was never
set is null, and ids in associations are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hubspot_sdk as sdk
import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.tokens import PRIVATE, REFRESH

STAGE = {"label": "Open", "displayOrder": 0, "metadata": {"ticketState": "OPEN"}}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox whose account may have custom objects; its index never lags."""
    with Sandbox.start() as started:
        started.hubspot.settings(tier="enterprise", search_lag=0)
        yield started


def _client(box: Sandbox, *, strict: bool) -> Any:
    return sdk.HubSpot(
        access_token=PRIVATE, base_url=box.url, max_retries=0, _strict_response_validation=strict
    )


@pytest.fixture
def api(box: Sandbox) -> Iterator[Any]:
    """The client, aimed at it, which validates every answer."""
    with _client(box, strict=True) as client:
        yield client


@pytest.fixture
def lenient(box: Sandbox) -> Iterator[Any]:
    """The client as people use it."""
    with _client(box, strict=False) as client:
        yield client


def test_account_and_setup_are_as_described(api: Any) -> None:
    """Every answer about the account, its limits, owners, pipelines and schemas validates."""
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


def test_properties_are_as_described(api: Any) -> None:
    """A group, one property, a batch of them, and the list that has them all."""
    properties = api.crm.properties
    properties.groups.create("companies", name="probe", label="Probe")
    told = {"field_type": "text", "group_name": "probe", "label": "P", "type": "string"}
    assert properties.create("companies", name="probe_key", has_unique_value=True, **told)
    inputs = [{**told, "name": f"probe_{n}"} for n in range(2)]
    made = properties.batch.create("companies", inputs=inputs)
    assert {p.name for p in made.results} == {"probe_0", "probe_1"}
    assert properties.get("probe_key", object_type="companies").has_unique_value
    listed = {p.name for p in properties.list("companies").results}
    assert {"probe_key", "probe_0", "name"} <= listed
    with pytest.raises(sdk.ConflictError):
        properties.create("companies", name="probe_key", **told)


def test_records_are_as_described(api: Any) -> None:
    """Made, listed by its own paging, changed by batches, searched, merged and archived."""
    companies = api.crm.objects.companies
    made = companies.batch.create(
        inputs=[{"properties": {"name": f"N{n}"}, "associations": []} for n in range(3)]
    )
    ids = {r.properties["name"]: r.id for r in made.results}
    listed = list(companies.list(limit=2, properties=["name"]))
    assert {r.id for r in listed} == set(ids.values())
    one = companies.create(properties={"name": "One"}, associations=[])
    assert companies.get(one.id, properties=["name"]).properties["name"] == "One"
    changed = companies.update(one.id, properties={"name": "Two"})
    assert changed.properties["name"] == "Two"
    changes = [{"id": i, "properties": {"name": n.lower()}} for n, i in ids.items()]
    assert companies.batch.update(inputs=changes).status == "COMPLETE"
    read = companies.batch.get(
        inputs=[{"id": i} for i in ids.values()], properties=["name"], properties_with_history=[]
    )
    assert {r.properties["name"] for r in read.results} == {"n0", "n1", "n2"}
    filters = [{"property_name": "name", "operator": "IN", "values": ["n0", "n2"]}]
    hits = companies.search(
        after="0",
        limit=1,
        properties=["name"],
        sorts=["name"],
        filter_groups=[{"filters": filters}],
    )
    assert (hits.total, hits.results[0].id) == (2, ids["N0"])
    companies.merge(object_id_to_merge=ids["N1"], primary_object_id=ids["N0"])
    companies.batch.delete(inputs=[{"id": ids["N2"]}])
    assert len(list(companies.list(limit=10, properties=["name"]))) == 2


def test_upserts_and_labels_are_as_described(api: Any) -> None:
    """An upsert tells new from known; the labels of a pair have their numbers."""
    companies = api.crm.objects.companies
    api.crm.properties.groups.create("companies", name="probe", label="Probe")
    api.crm.properties.create(
        "companies",
        name="probe_key",
        field_type="text",
        group_name="probe",
        label="Key",
        type="string",
        has_unique_value=True,
    )
    for new in (True, False):
        row = {"id": "k", "id_property": "probe_key", "properties": {"name": "K"}}
        [upserted] = companies.batch.upsert(inputs=[row]).results
        assert upserted.new is new
    ends = {"from_object_type": "contacts", "to_object_type": "companies"}
    labels = api.crm.associations_schema.labels.list_labels(**ends)
    assert {1, 279} <= {label.type_id for label in labels.results}


def test_what_the_description_has_wrong_is_read_all_the_same(api: Any, lenient: Any) -> None:
    """Nulls and numeric ids, which the strict check refuses, arrive at a client without it."""
    companies = lenient.crm.objects.companies
    company = companies.create(properties={"name": "A"}, associations=[]).id
    contact = lenient.crm.objects.contacts.create(properties={"lastname": "P"}, associations=[]).id
    with pytest.raises(sdk.APIResponseValidationError):
        api.crm.objects.companies.list(properties=["domain"])
    assert companies.list(properties=["domain"]).results[0].properties["domain"] is None

    links = lenient.crm.associations.batch
    ends = {"from_object_type": "contacts", "to_object_type": "companies"}
    types = [{"association_category": "HUBSPOT_DEFINED", "association_type_id": 1}]
    pair = {"from": {"id": contact}, "to": {"id": company}, "types": types}
    [made] = links.create(**ends, inputs=[pair]).results
    assert made.labels == ["Primary"]
    [read] = links.get(**ends, inputs=[{"id": contact}]).results
    assert read.to[0].to_object_id == int(company)
    links.delete(**ends, inputs=[{"from": {"id": contact}, "to": [{"id": company}]}])
    assert links.get(**ends, inputs=[{"id": contact}]).results == []


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ({"kind": "invalid_session"}, sdk.AuthenticationError),
        ({"kind": "missing_scope", "fields": ["tickets"]}, sdk.PermissionDeniedError),
        ({"kind": "too_many"}, sdk.RateLimitError),
        ({"kind": "unavailable"}, sdk.InternalServerError),
        ({"kind": "locked"}, sdk.APIStatusError),
        ({"kind": "cut_after"}, sdk.APIConnectionError),
    ],
)
def test_refusals_are_its_errors(
    box: Sandbox, api: Any, rule: dict[str, Any], error: type[Exception]
) -> None:
    """Each fault of the wire becomes the error that it has for it."""
    box.faults({**rule, "times": 1})
    with pytest.raises(error):
        api.crm.objects.companies.list(properties=["name"])
    with pytest.raises(sdk.NotFoundError):
        api.crm.objects.companies.get("999")
    with pytest.raises(sdk.BadRequestError):
        api.crm.objects.companies.create(properties={"no_such": "x"}, associations=[])
