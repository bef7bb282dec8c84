"""Calls to an org over real HTTP: sessions, limits, hosts, deadlines, and what logs may say."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from salesforce_org import ACCOUNT, NOW, Make, accounts, read, rows_of

from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.transport import Limits
from connectors.sandbox import people
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Ports
from crm_health.errors import (
    AuthError,
    CrmHealthError,
    QuotaExhausted,
    Unavailable,
)
from crm_health.testing.ports import Log, MemoryNotes, make_ports


def test_a_session_that_ends_is_renewed_once(sandbox: Sandbox, make: Make) -> None:
    """One more login and the call again; every request is counted, as the service does."""
    ports = make_ports()
    connector = make(ports)
    connector.identity()
    sandbox.faults({"kind": "expire_tokens"})
    connector.identity()
    assert connector.usage().by_kind == {"login": 2, "query": 3}
    assert len(sandbox.calls()) == connector.usage().calls == ports.budget.spent == 5


def test_threads_share_one_renewal(sandbox: Sandbox, make: Make) -> None:
    """The session ends under four of them: one logs in again, the others take its session."""
    connector = make()
    connector.identity()
    sandbox.call("POST", "expire")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: connector.identity(), range(4)))
    assert len(found) == 4
    assert connector.usage().by_kind["login"] == 2


def test_a_session_refused_for_ever_ends_in_few_calls(sandbox: Sandbox, make: Make) -> None:
    """The recursion that the client library is known for does not happen."""
    sandbox.faults({"kind": "invalid_session", "path": "/services/data", "times": 0})
    connector = make()
    with pytest.raises(AuthError):
        connector.identity()
    assert connector.usage().calls <= 4


def test_a_signed_login_works_and_another_key_does_not(sandbox: Sandbox, make: Make) -> None:
    """JWT bearer: the service knows the public half."""
    key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in "12")
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    sandbox.call("POST", "keys", {"client_id": "sandbox-sync", "pem": public.decode()})
    username = next(row["Username"] for row in sandbox.records("User") if row["Id"] == people.SYNC)

    def login(signer: rsa.RSAPrivateKey) -> SalesforceConnector:
        pem = signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return make(client_secret=None, private_key=pem.decode(), username=username)

    assert login(key).identity().now == NOW
    with pytest.raises(AuthError, match="invalid_grant"):
        login(other).identity()


def test_wrong_credentials_are_tried_once(sandbox: Sandbox, make: Make) -> None:
    """The message names neither id nor secret."""
    connector = make(client_secret="not-the-secret")
    with pytest.raises(AuthError) as caught:
        connector.identity()
    assert "not-the-secret" not in str(caught.value)
    assert len(sandbox.calls()) == 1


@pytest.mark.parametrize(
    "kind",
    ["too_many", "server_error", "unavailable", "html", "truncate", "cut_before",
     "concurrent_limit"],
)  # fmt: skip
def test_a_passing_failure_of_a_read_is_repeated(sandbox: Sandbox, make: Make, kind: str) -> None:
    """Once is nothing; for ever is Unavailable after a handful of calls."""
    accounts(sandbox, 2)
    connector = make()
    sandbox.faults({"kind": kind, "path": "/services/data"})
    assert rows_of(read(connector, ACCOUNT)).height == 2
    sandbox.faults({"kind": kind, "path": "/services/data", "times": 0})
    before = connector.usage().calls
    with pytest.raises(Unavailable):
        read(connector, ACCOUNT)
    assert connector.usage().calls - before <= 5


def test_the_daily_limit_ends_the_run_at_once(sandbox: Sandbox, make: Make) -> None:
    """No repeats: they would only cost more."""
    sandbox.faults({"kind": "daily_limit", "path": "/services/data", "times": 0})
    connector = make()
    with pytest.raises(QuotaExhausted):
        connector.identity()
    assert connector.usage().calls == 2


def test_the_budget_is_never_overdrawn(sandbox: Sandbox, make: Make) -> None:
    """The call too many is not sent."""
    connector = make(make_ports(max_calls=2))
    connector.identity()
    with pytest.raises(QuotaExhausted):
        connector.identity()
    assert len(sandbox.calls()) == 2


@pytest.mark.parametrize("kind", ["redirect", "next_host"])
def test_no_other_host_is_ever_called(sandbox: Sandbox, make: Make, kind: str) -> None:
    """Neither a redirect nor a link to a next page leads away."""
    accounts(sandbox, 201)
    sandbox.faults({"kind": kind, "path": "query", "times": 0})
    with pytest.raises(Unavailable, match=r"[Rr]efused"):
        read(make(page_rows=200), ACCOUNT)


def test_a_dripping_answer_meets_the_deadline(sandbox: Sandbox, make: Make) -> None:
    """Bytes that keep coming do not keep the run waiting."""
    sandbox.faults({"kind": "drip", "path": "query", "seconds": 0.05, "bytes": 1, "times": 0})
    ports = Ports(make_ports().budget, time.monotonic, lambda _: None, Log(), MemoryNotes())
    connector = make(ports, limits=Limits(whole=0.3))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        connector.identity()
    assert time.monotonic() - started < 6


def test_no_error_and_no_log_names_a_secret(sandbox: Sandbox, make: Make) -> None:
    """Not even when the service sends the token back in its error."""
    log = Log()
    connector = make(make_ports(log=log))
    connector.identity()
    token = connector._client._session.token
    sandbox.faults(
        {
            "kind": "status",
            "status": 400,
            "code": "MALFORMED_QUERY",
            "message": f"bad {token}",
            "path": "query",
        }
    )
    with pytest.raises(CrmHealthError) as caught:
        connector.identity()
    assert token not in f"{caught.value!r}{log.events!r}"
    assert "sandbox-sync" not in f"{caught.value!r}{log.events!r}"
