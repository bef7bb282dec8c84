"""The sandbox's rate limits and the faults of its HubSpot side, pinned to the recorded answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from connectors.sandbox.clock import Clock
from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.errors import HubError
from connectors.sandbox.hubspot.limiter import Limiter
from connectors.sandbox.hubspot.tiers import TIERS
from connectors.sandbox.hubspot.tokens import PRIVATE
from tests.unit.hubspot_help import Hub, cassettes, contract, like, shape

NOON = datetime(2026, 3, 30, 12, 0, tzinfo=UTC)
LISTING = "/crm/v3/objects/companies"
SEARCH = "/crm/v3/objects/companies/search"


class Machine:
    """A machine's time that stands until a test moves it."""

    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> datetime:
        """Now."""
        return self.time


def limiter(tier: str) -> Limiter:
    """A limiter whose seconds pass only with its clock's jumps."""
    return Limiter(Clock(Machine()), TIERS[tier], "UTC")


def until_refused(limits: Limiter, *, search: bool = False, app: str = "a") -> int:
    """Calls that go through before one is refused."""
    for done in range(100_000):
        try:
            limits.spend(app, search=search)
        except HubError:
            return done
    raise AssertionError


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A running sandbox whose portal is empty; its clock stands."""
    with Sandbox.start(now=NOON, frozen=True) as started:
        yield started


@pytest.fixture
def hub(box: Sandbox) -> Iterator[Hub]:
    """A client of the portal."""
    client = Hub(box)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("tier", "burst"),
    [
        ("free", 100),
        ("starter", 100),
        ("professional", 190),
        ("enterprise", 190),
        ("increased", 250),
        ("marketplace", 110),
    ],
)
def test_each_tier_has_its_burst(tier: str, burst: int) -> None:
    """So many calls in ten seconds, and again so many when those are over."""
    clock = Clock(Machine())
    limits = Limiter(clock, TIERS[tier], "UTC")
    assert until_refused(limits) == burst
    clock.advance(9.9)
    assert until_refused(limits) == 0
    clock.advance(0.2)
    assert until_refused(limits) == burst
    assert limits.refused["burst"] == 3


def test_the_window_rolls() -> None:
    """What was used five seconds ago comes back five seconds from now, not before."""
    clock = Clock(Machine())
    limits = Limiter(clock, TIERS["free"], "UTC")
    for _ in range(60):
        limits.spend("a", search=False)
    clock.advance(5)
    assert until_refused(limits) == 40
    clock.advance(5.5)
    assert until_refused(limits) == 60


def test_apps_have_bursts_of_their_own_and_share_the_day() -> None:
    """One app at its limit leaves the other its own; the day counts both."""
    limits = limiter("free")
    assert until_refused(limits, app="a") == 100
    assert until_refused(limits, app="b") == 100
    assert limits.used == 200
    limits.used = 250_000 - 1
    with pytest.raises(HubError, match="ten_secondly"):
        limits.spend("a", search=False)
    limits.spend("c", search=False)
    with pytest.raises(HubError, match="daily"):
        limits.spend("d", search=False)


def test_searches_have_a_limit_of_the_account() -> None:
    """Five a second, whoever asks; a second later five again, and lists are not touched."""
    clock = Clock(Machine())
    limits = Limiter(clock, TIERS["professional"], "UTC")
    assert until_refused(limits, search=True, app="a") == 5
    assert until_refused(limits, search=True, app="b") == 0
    clock.advance(1.1)
    assert until_refused(limits, search=True) == 5
    assert until_refused(limits) == 190


def test_the_day_ends_at_the_accounts_midnight() -> None:
    """Not at midnight in Greenwich."""
    clock = Clock(Machine())
    limits = Limiter(clock, TIERS["free"], "America/New_York")
    limits.used = 250_000
    assert until_refused(limits) == 0
    assert limits.resets_at == datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
    clock.set(datetime(2026, 3, 31, 3, 59, tzinfo=UTC))
    assert until_refused(limits) == 0
    clock.set(datetime(2026, 3, 31, 4, 0, tzinfo=UTC))
    assert until_refused(limits) == 100


def test_a_frozen_clock_refuses_nobody_for_ever() -> None:
    """Who waits ten seconds is let in, though the sandbox's time stands."""
    machine = Machine()
    clock = Clock(machine)
    clock.freeze()
    limits = Limiter(clock, TIERS["free"], "UTC")
    assert until_refused(limits) == 100
    machine.time = datetime(2026, 3, 30, 12, 0, 11, tzinfo=UTC)
    assert until_refused(limits) == 100


def test_a_clock_that_goes_back_frees_the_window() -> None:
    """Calls of the future hold nobody up."""
    clock = Clock(Machine())
    limits = Limiter(clock, TIERS["free"], "UTC")
    until_refused(limits)
    clock.advance(-3600)
    assert until_refused(limits) == 100


@pytest.mark.parametrize(("tier", "burst", "daily"), [("free", "100", "250000")])
def test_the_headers_are_those_recorded(
    box: Sandbox, hub: Hub, tier: str, burst: str, daily: str
) -> None:
    """Names and values of a list; a search is told of the day alone."""
    box.call("POST", "hubspot/settings", {"tier": tier})
    [listed] = [c for c in cassettes() if c["uri"].endswith("/crm/v3/owners")]
    searched = next(c for c in cassettes() if c["uri"].endswith("/search"))
    for recorded, answer in (
        (listed, hub.send("GET", LISTING, limit=1)),
        (searched, hub.send("POST", SEARCH, {"filterGroups": []})),
    ):
        wanted = {k.lower() for k in recorded["headers"] if k.lower() != "content-type"}
        found = {k.lower() for k in answer.headers if k.lower().startswith("x-hubspot")}
        assert found == wanted
    first = hub.send("GET", LISTING).headers
    assert (first["X-HubSpot-RateLimit-Max"], first["X-HubSpot-RateLimit-Daily"]) == (burst, daily)
    assert first["X-HubSpot-RateLimit-Interval-Milliseconds"] == "10000"
    assert first["X-HubSpot-RateLimit-Secondly"] == "10"
    second = hub.send("GET", LISTING).headers
    for name in ("Remaining", "Daily-Remaining", "Secondly-Remaining"):
        header = f"X-HubSpot-RateLimit-{name}"
        assert int(second[header]) == int(first[header]) - 1
    assert hub.send("GET", f"{LISTING}/1").headers["X-HubSpot-RateLimit-Max"] == burst


def test_a_marketplace_app_is_told_no_daily_figure(box: Sandbox, hub: Hub) -> None:
    """Only its burst, of 110."""
    box.call("POST", "hubspot/settings", {"tier": "marketplace"})
    headers = hub.send("GET", LISTING).headers
    assert headers["X-HubSpot-RateLimit-Max"] == "110"
    assert not [name for name in headers if "daily" in name.lower()]


def test_the_burst_is_refused_as_observed(box: Sandbox, hub: Hub) -> None:
    """The body names the policy, and no header says how long to wait."""
    box.call("POST", "hubspot/settings", {"tier": "free"})
    answers = [hub.send("GET", LISTING, limit=1) for _ in range(101)]
    assert [a.status_code for a in answers].count(200) == 100
    refused = answers[-1]
    recorded = shape("any non-search endpoint", 429)["body"]
    assert refused.status_code == 429
    assert like(refused.json(), recorded) == []
    for name in ("message", "errorType", "policyName"):
        assert refused.json()[name] == recorded[name]
    assert refused.json()["groupName"].endswith(":1024738:20858235")
    assert "Retry-After" not in refused.headers
    assert refused.headers["X-HubSpot-RateLimit-Remaining"] == "0"
    assert box.call("GET", "hubspot")["refused"]["burst"] == 1
    box.advance(10)
    assert hub.send("GET", LISTING).status_code == 200


def test_searches_are_refused_as_recorded(box: Sandbox, hub: Hub) -> None:
    """Another body, the day's headers alone, and the connection closes."""
    answers = [hub.send("POST", SEARCH, {"filterGroups": []}) for _ in range(6)]
    assert [a.status_code for a in answers] == [200] * 5 + [429]
    recorded = shape("search endpoints", 429)
    refused = answers[-1]
    assert like(refused.json(), recorded["body"]) == []
    for name in ("message", "category"):
        assert refused.json()[name] == recorded["body"][name]
    limits = {k for k in refused.headers if "ratelimit" in k.lower()}
    assert limits == set(recorded["headers"])
    assert refused.headers["Connection"] == "close"
    assert "Retry-After" not in refused.headers
    calls = contract("fixtures/grouparoo-company-search-and-batch-2022.json")["interactions"]
    live = next(c for c in calls if c["status"] == 429)
    assert {**refused.json(), "correlationId": ""} == {**live["response"], "correlationId": ""}
    assert limits == {name for name in live["headers"] if name != "Content-Type"}
    box.advance(1)
    assert hub.send("POST", SEARCH, {"filterGroups": []}).status_code == 200


def test_the_day_is_refused_as_documented(box: Sandbox, hub: Hub) -> None:
    """Policy DAILY, for lists and searches alike, until the account's midnight."""
    box.call("POST", "hubspot/settings", {"daily_used": 625_000})
    recorded = shape("daily quota", 429)["body"]
    for answer in (hub.send("GET", LISTING), hub.send("POST", SEARCH, {"filterGroups": []})):
        assert answer.status_code == 429
        assert like(answer.json(), recorded) == []
        assert answer.json()["policyName"] == "DAILY"
        assert answer.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "0"
    box.clock(datetime(2026, 3, 31, 0, 0, tzinfo=UTC))
    assert hub.send("GET", LISTING).status_code == 200


def test_limits_can_be_switched_off(box: Sandbox, hub: Hub) -> None:
    """Calls are counted still, and none is refused."""
    box.call("POST", "hubspot/settings", {"limits": False})
    assert {hub.send("POST", SEARCH, {}).status_code for _ in range(12)} == {200}
    [told] = hub.get("/account-info/v3/api-usage/daily/private-apps")["results"]
    assert told["currentUsage"] == 13


@pytest.mark.parametrize(
    ("rule", "status", "member", "value"),
    [
        ({"kind": "invalid_session"}, 401, "category", "INVALID_AUTHENTICATION"),
        ({"kind": "too_many"}, 429, "policyName", "TEN_SECONDLY_ROLLING"),
        ({"kind": "daily_limit"}, 429, "policyName", "DAILY"),
        ({"kind": "concurrent_limit"}, 429, "category", "RATE_LIMITS"),
        ({"kind": "locked"}, 423, "status", "error"),
        ({"kind": "moving"}, 477, "status", "error"),
        ({"kind": "server_error"}, 500, "status", "error"),
        ({"kind": "missing_scope", "fields": ["tickets"]}, 403, "category", "MISSING_SCOPES"),
        ({"kind": "status", "status": 409, "code": "CONFLICT"}, 409, "category", "CONFLICT"),
    ],
)
def test_an_error_is_given_once_and_nothing_is_applied(
    box: Sandbox, hub: Hub, rule: dict[str, Any], status: int, member: str, value: str
) -> None:
    """The call fails as told, the portal is unchanged, and the next call works."""
    box.faults({**rule, "method": "POST"})
    failed = hub.send("POST", LISTING, {"properties": {"name": "C"}})
    assert (failed.status_code, failed.json()[member]) == (status, value)
    assert box.calls()[-1]["fault"] == rule["kind"]
    assert box.call("GET", "hubspot/records", {"object": "companies"})["records"] == []
    hub.create("companies", name="C")


@pytest.mark.parametrize("status", [502, 503, 504, 521, 522, 523, 524])
def test_the_edge_answers_with_a_page(box: Sandbox, hub: Hub, status: int) -> None:
    """HTML with that status, whatever was asked."""
    box.faults({"kind": "unavailable", "status": status})
    answer = hub.send("GET", LISTING)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (status, "text/html")


@pytest.mark.parametrize("kind", ["too_many", "moving"])
@pytest.mark.parametrize(
    ("sent", "got"),
    [
        ("", None),
        ("-5", "-5"),
        ("86400", "86400"),
        ("Tue, 31 Mar 2026 12:00:00 GMT", "Tue, 31 Mar 2026 12:00:00 GMT"),
    ],
)
def test_a_fault_says_how_long_to_wait_as_told(
    box: Sandbox, hub: Hub, kind: str, sent: str, got: str | None
) -> None:
    """Retry-After absent, negative, a day long, or a date."""
    box.faults({"kind": kind, "headers": {"Retry-After": sent}})
    assert hub.send("GET", LISTING).headers.get("Retry-After") == got


def test_a_moving_account_says_so_in_seconds(box: Sandbox, hub: Hub) -> None:
    """477 comes with a Retry-After unless a rule takes it away."""
    box.faults({"kind": "moving"})
    assert hub.send("GET", LISTING).headers["Retry-After"] == "3600"


def test_a_url_can_be_too_long(hub: Hub) -> None:
    """414; two hundred property names still fit."""
    names = ",".join(f"a_property_name_{n:06d}" for n in range(200))
    assert hub.send("GET", LISTING, properties=names).status_code == 200
    assert hub.send("GET", LISTING, properties=names * 2).status_code == 414


@pytest.mark.parametrize(("kind", "applied"), [("cut_before", False), ("cut_after", True)])
def test_a_cut_connection_hides_whether_the_write_was_applied(
    box: Sandbox, hub: Hub, kind: str, applied: bool
) -> None:
    """The client sees the same; only the portal and the log know."""
    box.faults({"kind": kind, "method": "POST"})
    with pytest.raises(requests.ConnectionError):
        hub.create("companies", name="C")
    rows = box.call("GET", "hubspot/records", {"object": "companies"})["records"]
    assert len(rows) == int(applied)
    entry = box.calls()[-1]
    assert (entry["applied"], entry["writes"]) == (applied, int(applied))


def test_a_truncated_body_ends_before_its_length(box: Sandbox, hub: Hub) -> None:
    """The client gets half the bytes and then the end of the connection."""
    box.faults({"kind": "truncate"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        hub.get("/crm/v3/pipelines/tickets")


def test_a_slow_drip_takes_its_time_and_arrives_whole(box: Sandbox, hub: Hub) -> None:
    """Few bytes at a time, with pauses; the body is complete."""
    box.faults({"kind": "drip", "bytes": 100, "seconds": 0.02})
    begun = time.monotonic()
    assert len(hub.get("/crm/v3/owners")["results"]) == 2
    assert time.monotonic() - begun > 0.05


def test_an_answer_comes_reordered_shortened_or_with_a_link_elsewhere(
    box: Sandbox, hub: Hub
) -> None:
    """Results turned round, some missing though done, and a next page on another host."""
    ids = [hub.create("companies", name=f"C{n}") for n in range(3)]
    box.faults({"kind": "reorder"})
    assert [r["id"] for r in hub.get(LISTING)["results"]] == ids[::-1]
    box.faults({"kind": "short", "bytes": 2, "method": "POST"})
    body = {"inputs": [{"id": i, "properties": {"name": "D"}} for i in ids]}
    answer = hub.post(f"{LISTING}/batch/update", body)
    assert (len(answer["results"]), "errors" in answer) == (1, False)
    rows = box.call("GET", "hubspot/records", {"object": "companies"})["records"]
    assert {row["name"] for row in rows} == {"D"}
    box.faults({"kind": "next_host"})
    link = hub.get(LISTING, limit=1)["paging"]["next"]["link"]
    assert link.startswith("http://elsewhere.example/crm/v3/objects/companies?")


def test_a_property_goes_or_closes_in_the_middle_of_a_run(box: Sandbox, hub: Hub) -> None:
    """Archived, it is unknown to a write; read only, its value is refused."""
    company = hub.create("companies", name="C")
    body = {"properties": {"website": "c.example"}}
    box.faults({"kind": "readonly_field", "field": "companies.website", "path": company})
    refused = hub.send("PATCH", f"{LISTING}/{company}", body)
    assert "READ_ONLY_VALUE" in refused.text
    box.faults({"kind": "hide_field", "field": "companies.website", "path": company})
    refused = hub.send("PATCH", f"{LISTING}/{company}", body)
    assert "PROPERTY_DOESNT_EXIST" in refused.text


def test_an_oauth_token_can_expire_in_the_middle_of_a_run(box: Sandbox, hub: Hub) -> None:
    """The static one does not: it only ends when it is revoked."""
    form = {
        "grant_type": "refresh_token",
        "client_id": "sandbox-oauth",
        "client_secret": "sandbox-oauth",
        "refresh_token": "sandbox-refresh",
    }
    made = hub.http.post(f"{box.url}/oauth/v1/token", data=form, timeout=10).json()
    client = Hub(box, made["access_token"])
    box.faults({"kind": "expire_tokens", "path": "owners"})
    answer = client.send("GET", "/crm/v3/owners")
    client.close()
    assert answer.json()["category"] == "EXPIRED_AUTHENTICATION"
    hub.get("/crm/v3/owners")
    assert PRIVATE not in str(box.calls())
