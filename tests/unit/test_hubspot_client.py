"""Calls to HubSpot over a real socket: bounded, pinned to one host, repeated, translated."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.exchange import Limits
from connectors.http import Hopeless, LostAnswer, NotSent
from connectors.hubspot.client import Client
from connectors.hubspot.settings import Settings, load
from connectors.hubspot.transport import kind_of
from connectors.sandbox.handle import Sandbox
from crm_health.errors import AuthError, QuotaExhausted, RateLimited, Unavailable
from crm_health.testing.clock import FixedClock
from crm_health.testing.ports import Log, make_ports

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox.start(now=NOW, frozen=True) as made:
        yield made


@pytest.fixture
def box(server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    server.clear_faults()
    server.clear_calls()
    for name, value in server.hubspot_environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.clear_faults()


@pytest.fixture(params=["v3", "2026-09"])
def client(box: Sandbox, request: pytest.FixtureRequest) -> Iterator[Client]:
    made = Client(load(request.param), make_ports(), request.param)
    yield made
    made.close()


def read(client: Client) -> dict[str, Any]:
    """A cheap call."""
    return client.get(client.paths.objects("companies"), [("limit", "1")]).json()


def test_one_connection_serves_all_calls(client: Client, box: Sandbox) -> None:
    """Fifty calls in a row open one connection, refused ones among them too."""
    pool = client._http._exchange._pool
    for n in range(50):
        if n % 10 == 5:
            box.faults({"kind": "unavailable"})
        read(client)
    # This container of urllib3 refuses to be iterated over directly.
    (kept,) = [pool.pools[key] for key in pool.pools.keys()]  # noqa: SIM118
    assert kept.num_connections == 1


@pytest.mark.parametrize("fault", ["unavailable", "html", "truncate", "cut_after", "too_many"])
def test_a_passing_fault_is_repeated(client: Client, box: Sandbox, fault: str) -> None:
    """One failed call is followed by one that succeeds, and both are counted."""
    box.faults({"kind": fault})
    assert "results" in read(client)
    assert client.usage().calls == client.ports.budget.spent == 2


def test_a_wait_of_a_day_is_not_slept(client: Client, box: Sandbox) -> None:
    """A `Retry-After` of a day is told to the caller at once."""
    box.faults({"kind": "too_many", "headers": {"Retry-After": "86400"}, "times": 0})
    with pytest.raises(RateLimited) as caught:
        read(client)
    assert caught.value.retry_after == 86_400
    assert client.usage().calls == 1


def test_the_day_ends_at_midnight_of_the_account(client: Client, box: Sandbox) -> None:
    """The error of a used-up day tells when the next begins, in the account's zone."""
    client.zone = "Europe/Paris"
    read(client)
    box.faults({"kind": "daily_limit", "times": 0})
    with pytest.raises(QuotaExhausted) as caught:
        read(client)
    assert caught.value.until == datetime(2026, 3, 2, 23, 0, tzinfo=UTC)


def test_a_revoked_token_is_not_tried_again(client: Client, box: Sandbox) -> None:
    """401 is an AuthError after one call."""
    box.faults({"kind": "invalid_session", "times": 0})
    with pytest.raises(AuthError):
        read(client)
    assert client.usage().calls == 1


def test_a_redirect_is_not_followed(client: Client, box: Sandbox) -> None:
    """Another address hears nothing, and the token does not leave the host."""
    with Sandbox.start() as elsewhere:
        box.faults({"kind": "redirect", "to": elsewhere.url, "times": 0})
        with pytest.raises(Hopeless):
            read(client)
        assert elsewhere.calls() == []


def test_a_failed_write_may_have_been_carried_out(client: Client, box: Sandbox) -> None:
    """A 5xx on a write leaves its outcome open; on a read it does not matter."""
    box.faults({"kind": "unavailable", "times": 0})
    with pytest.raises(LostAnswer):
        client.post(client.paths.batch("companies", "update"), {"inputs": []})
    with pytest.raises(Unavailable) as caught:
        client.post(client.paths.batch("companies", "read"), {"inputs": []})
    assert not isinstance(caught.value, LostAnswer)


def test_a_dripping_answer_ends(box: Sandbox) -> None:
    """An answer that trickles in is cut off at the deadline of the whole exchange."""
    clock = FixedClock()
    ports = make_ports(clock)
    client = Client(load("v3"), ports, "v3", limits=Limits(whole=-1.0))
    with pytest.raises(LostAnswer, match="too long"):
        read(client)
    client.close()


def test_an_answer_is_bounded(box: Sandbox) -> None:
    """More bytes than allowed are not read, nor asked for again."""
    client = Client(load("v3"), make_ports(), "v3", limits=Limits(size=10))
    with pytest.raises(LostAnswer, match="too large"):
        read(client)
    assert client.usage().calls == 1
    client.close()


def test_nobody_there_means_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is told apart from a lost answer."""
    settings = Settings(token="pat-na1-worthless", base_url="http://127.0.0.1:9")
    client = Client(settings, make_ports(), "v3")
    with pytest.raises(NotSent):
        read(client)
    client.close()


def test_the_budget_counts_every_request(box: Sandbox) -> None:
    """Retries cost as well; the one too many is refused before it is sent."""
    client = Client(load("v3"), make_ports(max_calls=3), "v3")
    box.faults({"kind": "unavailable", "times": 0})
    with pytest.raises(QuotaExhausted):
        read(client)
    assert len(box.calls()) == 3
    client.close()


def test_the_token_is_never_logged(box: Sandbox) -> None:
    """Neither log events nor errors hold it."""
    log = Log()
    client = Client(load("v3"), make_ports(log=log), "v3")
    token = load("v3").bearer
    box.faults({"kind": "status", "status": 400, "body": f'{{"message": "Bearer {token}"}}'})
    with pytest.raises(Exception) as caught:
        read(client)
    assert token not in repr(caught.value) + str(log.events)
    client.close()


def test_usage_tells_the_accounts_day(client: Client) -> None:
    """The headers' daily figures are passed on."""
    read(client)
    usage = client.usage()
    assert usage.org_limit == 625_000
    assert usage.org_used is not None
    assert usage.org_used > 0


def test_no_warning_of_the_library_reaches_us(box: Sandbox) -> None:
    """With every warning an error, a refused call still ends as an error of ours."""
    code = (
        "from connectors.hubspot.settings import load\n"
        "from connectors.hubspot.client import Client\n"
        "from crm_health.testing.ports import make_ports\n"
        "c = Client(load('v3'), make_ports(), 'v3')\n"
        "try: c.post(c.paths.search('companies'), {'limit': 999})\n"
        "except Exception as e: print(type(e).__name__)\n"
        "c.close()\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "Refused", run.stderr


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/crm/v3/objects/deals/search", "search"),
        ("POST", "/crm/objects/2026-09/deals/batch/read", "read"),
        ("POST", "/crm/v3/objects/deals/batch/upsert", "write"),
        ("POST", "/crm/v4/associations/a/b/batch/create", "write"),
        ("POST", "/crm/v4/associations/a/b/batch/associate/default", "write"),
        ("GET", "/crm/v3/objects/deals", "list"),
        ("GET", "/crm/objects/2026-09/deals", "list"),
        ("POST", "/crm/v3/objects/deals", "write"),
        ("GET", "/crm/v3/owners", "list"),
        ("GET", "/crm/v3/properties/deals", "schema"),
        ("POST", "/crm/v3/properties/deals/groups", "setup"),
        ("GET", "/account-info/v3/details", "account"),
    ],
)
def test_kinds_of_calls(method: str, path: str, kind: str) -> None:
    """Each address counts as what it does."""
    assert kind_of(method, path) == kind
