"""The sandbox's account: details, owners, tokens, scopes, and what is left of the allowances."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.sandbox.handle import ControlError, Sandbox
from connectors.sandbox.hubspot.scopes import EVERY
from connectors.sandbox.hubspot.tokens import CLIENT, PRIVATE, REFRESH
from tests.unit.hubspot_help import Hub, cassettes, contract, like, shape

NOON = datetime(2026, 3, 30, 12, 0, tzinfo=UTC)
READ_ONLY = ["crm.objects.companies.read", "crm.objects.contacts.read", "oauth"]
ROBOTS = {"id": "900", "kind": "QUEUE", "first": "Robots"}
GONE = {"id": "901", "email": "gone@sandbox.example", "user": 77, "archived": True}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox, its clock standing at noon in London's winter time."""
    with Sandbox.start(now=NOON, frozen=True) as started:
        yield started


@pytest.fixture
def hub(box: Sandbox) -> Iterator[Hub]:
    """A client of the portal."""
    client = Hub(box)
    yield client
    client.close()


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
def test_the_details_are_as_recorded(box: Sandbox, hub: Hub, version: str) -> None:
    """The same members, and the offset of the account's zone at the sandbox's time."""
    recorded = contract("fixtures/amp-labs-connectors/post-auth/account-info.json")
    box.call("POST", "hubspot/settings", {"zone": recorded["timeZone"]})
    found = hub.get(f"/account-info/{version}/details")
    assert found == {**recorded, "portalId": 20858235}


def test_a_zone_that_is_none_changes_nothing(box: Sandbox, hub: Hub) -> None:
    """The control API says so, and the account keeps its zone."""
    with pytest.raises(ControlError, match="Mars"):
        box.call("POST", "hubspot/settings", {"zone": "Mars/Olympus"})
    assert hub.get("/account-info/v3/details")["timeZone"] == "UTC"


def test_the_days_usage_counts_calls(box: Sandbox, hub: Hub) -> None:
    """It says how many of how many, and when the account's day ends."""
    box.call("POST", "hubspot/settings", {"zone": "Europe/Berlin"})
    for _ in range(3):
        hub.get("/crm/v3/owners")
    [told] = hub.get("/account-info/v3/api-usage/daily/private-apps")["results"]
    assert (told["currentUsage"], told["usageLimit"], told["fetchStatus"]) == (
        4,
        625_000,
        "SUCCESS",
    )
    assert told["resetsAt"] == "2026-03-30T22:00:00Z"


@pytest.mark.parametrize("path", ["/crm/v3/owners", "/crm/v3/owners/", "/crm/owners/2026-09"])
def test_owners_are_listed_as_recorded(hub: Hub, path: str) -> None:
    """With the members of a live portal's owners."""
    [recorded] = [c for c in cassettes() if c["uri"].endswith("/crm/v3/owners")]
    assert like(hub.get(path), recorded["response_body"]) == []


def test_one_owner_is_read_as_recorded(hub: Hub) -> None:
    """By its own id, or by the number of its user."""
    [recorded] = [c for c in cassettes() if c["uri"].endswith("/owners/31871817")]
    found = hub.get("/crm/v3/owners/31871817")
    assert like(found, recorded["response_body"]) == []
    assert hub.get("/crm/owners/2026-09/2506672", idProperty="userId") == found
    assert hub.send("GET", "/crm/v3/owners/2506672").status_code == 404


def test_queues_and_former_people_are_owners_too(box: Sandbox, hub: Hub) -> None:
    """A queue has no user; who was deactivated comes in the archived listing only."""
    box.call("POST", "hubspot/load", {"owners": [ROBOTS, GONE]})
    live = {one["id"]: one for one in hub.get("/crm/v3/owners")["results"]}
    assert live["900"]["type"] == "QUEUE"
    assert "userId" not in live["900"]
    assert "901" not in live
    [gone] = hub.get("/crm/v3/owners", archived="true")["results"]
    assert (gone["id"], gone["archived"], gone["userIdIncludingInactive"]) == ("901", True, 77)
    assert "userId" not in gone
    assert hub.get("/crm/v3/owners/901", archived="true") == gone
    assert hub.send("GET", "/crm/v3/owners/901").status_code == 404


def test_owners_come_in_pages(box: Sandbox, hub: Hub) -> None:
    """The link to the next page is absolute and keeps what was asked."""
    box.call("POST", "hubspot/load", {"owners": [{"id": str(n)} for n in range(1, 6)]})
    path, ids = f"{box.url}/crm/v3/owners?limit=3", []
    while path:
        answer = hub.http.get(path, timeout=10).json()
        ids += [one["id"] for one in answer["results"]]
        path = answer.get("paging", {}).get("next", {}).get("link", "")
    assert len(ids) == len(set(ids)) == 7
    assert [o["id"] for o in hub.get("/crm/v3/owners", email="PAT@sandbox.example")["results"]] == [
        "31871900"
    ]


@pytest.mark.parametrize("token", ["", "pat-na1-unknown"])
def test_a_call_without_a_good_token_is_refused_as_recorded(box: Sandbox, token: str) -> None:
    """401 with the recorded members, and not a word about limits."""
    client = Hub(box, token)
    answer = client.send("GET", "/crm/v3/owners")
    client.close()
    recorded = shape("bad or missing token", 401)["body"]
    assert answer.status_code == 401
    assert like(answer.json(), recorded) == []
    assert answer.json()["category"] == recorded["category"]
    assert not [name for name in answer.headers if "ratelimit" in name.lower()]


def test_a_revoked_token_works_no_more(box: Sandbox, hub: Hub) -> None:
    """From one call to the next, and nothing brings it back but an admin."""
    hub.get("/crm/v3/owners")
    box.call("POST", "hubspot/tokens", {"revoke": PRIVATE})
    assert hub.send("GET", "/crm/v3/owners").json()["category"] == "INVALID_AUTHENTICATION"
    box.call("POST", "hubspot/tokens", {"add": PRIVATE})
    hub.get("/crm/v3/owners")


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/crm/v3/objects/deals", "crm.objects.deals.read"),
        ("POST", "/crm/objects/2026-09/0-3/search", "crm.objects.deals.read"),
        ("POST", "/crm/v3/objects/company/batch/update", "crm.objects.companies.write"),
        ("GET", "/crm/v3/objects/tickets", "tickets"),
        ("POST", "/crm/v3/objects/tasks/batch/upsert", "crm.objects.contacts.write"),
        ("GET", "/crm/v3/objects/line_items", "crm.objects.line_items.read"),
        (
            "GET",
            "/crm/v3/objects/feedback_submissions",
            "crm.objects.feedback_submissions.read",
        ),
        ("GET", "/crm/v3/owners", "crm.objects.owners.read"),
        ("POST", "/crm/v4/associations/contacts/tickets/batch/read", "tickets"),
        ("PUT", "/crm/v4/objects/companies/1/associations/default/contacts/2", "crm.objects."),
        ("POST", "/crm/v3/properties/companies", "crm.schemas.companies.write"),
        ("POST", "/crm/v3/pipelines/tickets", "tickets"),
        ("POST", "/crm-object-schemas/v3/schemas", "crm.schemas.custom.write"),
        ("GET", "/crm/limits/2026-09/custom-object-types", "crm.schemas.custom.read"),
    ],
)
def test_a_missing_scope_is_named(
    box: Sandbox, hub: Hub, method: str, path: str, scope: str
) -> None:
    """403 as recorded, with the scope of that object and that verb."""
    box.call("POST", "hubspot/tokens", {"scopes": READ_ONLY})
    answer = hub.send(method, path, {} if method == "POST" else None)
    recorded = shape("missing scope", 403)["body"]
    assert answer.status_code == 403
    assert like(answer.json(), recorded) == []
    assert (answer.json()["message"], answer.json()["category"]) == (
        recorded["message"],
        recorded["category"],
    )
    [named] = answer.json()["context"]["requiredGranularScopes"]
    assert named.startswith(scope)


def test_custom_objects_are_refused_by_the_recorded_name(box: Sandbox, hub: Hub) -> None:
    """Reading schemas asks for a scope by its old name, and takes the new one."""
    box.call("POST", "hubspot/tokens", {"scopes": READ_ONLY})
    recorded = contract("fixtures/amp-labs-connectors/metadata-err-schemas-scope.json")
    answer = hub.send("GET", "/crm-object-schemas/v3/schemas").json()
    assert answer["context"] == recorded["context"]
    box.call("POST", "hubspot/tokens", {"scopes": ["crm.schemas.custom.read"]})
    assert hub.get("/crm-object-schemas/v3/schemas") == {"results": []}


def test_what_the_scopes_allow_still_works(box: Sandbox, hub: Hub) -> None:
    """Reading with a reading scope, properties of what may be read, the account itself."""
    box.call("POST", "hubspot/tokens", {"scopes": READ_ONLY})
    hub.get("/crm/v3/objects/companies")
    hub.get("/crm/v3/objects/tasks")
    hub.get("/crm/v3/properties/companies")
    hub.get("/account-info/v3/details")


def test_a_static_token_tells_what_it_may(box: Sandbox, hub: Hub) -> None:
    """A private app or a service key: portal, app and scopes, without a scope of its own."""
    path = "/oauth/v2/private-apps/get/access-token-info"
    told = hub.post(path, {"tokenKey": PRIVATE})
    assert (told["hubId"], told["scopes"]) == (20858235, sorted(EVERY))
    box.call("POST", "hubspot/tokens", {"add": "pat-na1-key", "scopes": READ_ONLY})
    key = hub.post(path, {"tokenKey": "pat-na1-key"})
    assert key["scopes"] == READ_ONLY
    assert key["appId"] != told["appId"]
    assert hub.send("POST", path, {"tokenKey": "nothing"}).status_code == 401


def log_in(hub: Hub, version: str, **form: str) -> Any:
    """The answer to a request for an access token."""
    sent = {
        "grant_type": "refresh_token",
        "client_id": CLIENT,
        "client_secret": CLIENT,
        "refresh_token": REFRESH,
        **form,
    }
    return hub.http.post(f"{hub.box.url}/oauth/{version}/token", data=sent, timeout=10)


@pytest.mark.parametrize("version", ["v1", "v3", "2026-03", "2026-09"])
def test_an_access_token_lasts_half_an_hour(box: Sandbox, hub: Hub, version: str) -> None:
    """The refresh token stays; the access token ends with words of its own."""
    made = log_in(hub, version).json()
    assert (made["expires_in"], made["refresh_token"]) == (1800, REFRESH)
    client = Hub(box, made["access_token"])
    client.get("/crm/v3/owners")
    box.advance(1801)
    late = client.send("GET", "/crm/v3/owners")
    client.close()
    assert (late.status_code, late.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert "expired 1 second(s) ago" in late.json()["message"]


def test_a_login_may_come_as_json(hub: Hub) -> None:
    """A client that was generated from the description sends no form."""
    sent = {
        "grant_type": "refresh_token",
        "client_id": CLIENT,
        "client_secret": CLIENT,
        "refresh_token": REFRESH,
    }
    assert hub.post("/oauth/2026-03/token", sent)["token_type"] == "bearer"


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"refresh_token": "other"}, "BAD_REFRESH_TOKEN", "invalid_grant"),
        ({"client_secret": "other"}, "BAD_CLIENT_ID", "invalid_client"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE", "unsupported_grant_type"),
    ],
)
def test_a_refused_login_says_why(hub: Hub, form: dict[str, str], status: str, error: str) -> None:
    """In the words of the first version, and in those of the standard."""
    first, dated = log_in(hub, "v1", **form), log_in(hub, "2026-09", **form)
    assert (first.status_code, first.json()["status"]) == (400, status)
    assert (dated.status_code, dated.json()["error"]) == (400, error)


def test_tokens_are_introspected_and_revoked(hub: Hub) -> None:
    """By either way of asking; a revoked grant gives no more tokens."""
    access = log_in(hub, "v1").json()["access_token"]
    old = hub.get(f"/oauth/v1/access-tokens/{access}")
    assert (old["hub_id"], old["expires_in"], old["token"]) == (20858235, 1800, access)
    url = f"{hub.box.url}/oauth/2026-09/token"
    told = hub.http.post(f"{url}/introspect", data={"token": access}, timeout=10).json()
    assert (told["active"], told["token_use"], told["hub_id"]) == (True, "access_token", 20858235)
    assert hub.get(f"/oauth/v1/refresh-tokens/{REFRESH}")["token_type"] == "refresh"
    assert hub.http.post(f"{url}/revoke", data={"token": REFRESH}, timeout=10).status_code == 204
    told = hub.http.post(f"{url}/introspect", data={"token": REFRESH}, timeout=10).json()
    assert told == {"active": False}
    assert log_in(hub, "v1").json()["status"] == "BAD_REFRESH_TOKEN"


def test_limits_show_what_is_used(hub: Hub) -> None:
    """Properties and records by object type, labels by pair, by either address."""
    group = {"name": "health", "label": "Health"}
    hub.post("/crm/v3/properties/companies/groups", group)
    body = {
        "name": "health_score",
        "label": "Score",
        "type": "number",
        "fieldType": "number",
        "groupName": "health",
    }
    hub.post("/crm/v3/properties/companies", body)
    hub.create("companies", name="C")
    told = hub.get("/crm/limits/2026-09/custom-properties")
    [row] = [one for one in told["byObjectType"] if one["objectTypeId"] == "0-2"]
    assert row == {
        "objectTypeId": "0-2",
        "singularLabel": "Company",
        "pluralLabel": "Companies",
        "usage": 1,
        "limit": 1000,
        "percentage": 0.1,
    }
    assert told["overallUsage"] == 1
    records = hub.get("/crm/v3/limits/records")["hubspotDefinedObjectTypes"]
    assert {one["objectTypeId"]: one["usage"] for one in records}["0-2"] == 1
    assert hub.get("/crm/v3/limits/calculated-properties")["overallUsage"] == 0
    hub.post("/crm/v4/associations/contacts/companies/labels", {"name": "x", "label": "X"})
    path = "/crm/limits/2026-09/associations/labels"
    pair = {"fromObjectTypeId": "0-1", "toObjectTypeId": "0-2"}
    [labels] = hub.get(path, **pair)["results"]
    assert (labels["allLabels"], labels["usage"], labels["limit"]) == (["X"], 1, 10)
    assert hub.get(path, fromObjectTypeId="0-3")["results"] == []
