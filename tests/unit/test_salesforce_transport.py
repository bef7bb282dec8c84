"""One place speaks HTTP: what it sends, refuses, counts and learns."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from connectors.http import Hopeless, LostAnswer, NotSent, Patience, TooLarge, with_retries
from connectors.salesforce.client import Client
from connectors.salesforce.settings import Settings
from connectors.salesforce.transport import Limits, Transport, kind_of
from crm_health.errors import AuthError, QuotaExhausted, SetupError, Unavailable
from crm_health.testing.ports import make_ports

HOST = "acme.my.salesforce.com"
DATA = f"https://{HOST}/services/data/v62.0"
TOKEN = f"https://{HOST}/services/oauth2/token"
GRANT = {"access_token": "00D5g0000000001!AR.token", "instance_url": f"https://{HOST}"}


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def http() -> Iterator[Transport]:
    with Transport(make_ports(), HOST) as transport:
        yield transport


def client(**changes: Any) -> Client:
    settings = Settings(domain="acme.my", client_id="app", client_secret="hush-hush")
    return Client(settings.model_copy(update=changes), make_ports(), "62.0")


def test_headers_tell_usage_and_time(net: responses.RequestsMock, http: Transport) -> None:
    """The org's allowance and clock come with every answer of the API."""
    net.get(
        f"{DATA}/limits",
        json={},
        headers={
            "Sforce-Limit-Info": "api-usage=18/5000; per-app-api-usage=17/250(appName=x)",
            "Date": "Sun, 01 Mar 2026 12:00:30 GMT",
        },
    )
    assert http.get(f"{DATA}/limits").json() == {}
    assert (http.org_used, http.org_limit) == (18, 5000)
    assert http.service_now == datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("date", ["", "soon", "Sun, 99 Mar 2026 12:00:30 GMT"])
def test_a_strange_date_is_no_date(net: responses.RequestsMock, http: Transport, date: str) -> None:
    """The last good one stays."""
    net.get(f"{DATA}/limits", json={}, headers={"Date": date})
    http.get(f"{DATA}/limits")
    assert http.service_now is None


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/services/data/v62.0/limits",
        f"http://{HOST}/services/data/v62.0/limits",
        f"https://{HOST}.evil.example/",
        f"https://{HOST}@evil.example/",
        f"https://user@{HOST}/",
        f"https://{HOST}:8443/",
        "http://127.0.0.1/",
    ],
)
def test_other_hosts_are_never_called(
    net: responses.RequestsMock, http: Transport, url: str
) -> None:
    """Refused before a call is paid for; the token stays at home."""
    with pytest.raises(Hopeless):
        http.get(url)
    assert len(net.calls) == 0
    assert http.calls.total() == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_refused(net: responses.RequestsMock, http: Transport, status: int) -> None:
    """Even to the same host, and even if the caller asked to follow."""
    net.get(DATA, status=status, headers={"Location": f"{DATA}/x"})
    with pytest.raises(Hopeless, match="redirect"):
        http.get(DATA, allow_redirects=True)
    assert len(net.calls) == 1


def test_a_login_answer_can_not_move_us_away(net: responses.RequestsMock) -> None:
    """Only hosts of Salesforce may be the org's own."""
    net.post(TOKEN, json={**GRANT, "instance_url": "https://evil.example"})
    with pytest.raises(Unavailable, match="outside"):
        client().get("/services/data/v62.0/limits")
    assert len(net.calls) == 1


def test_the_instance_of_the_login_answer_is_called(net: responses.RequestsMock) -> None:
    """A My Domain may answer with another host of Salesforce."""
    net.post(TOKEN, json={**GRANT, "instance_url": "https://na1.salesforce.com"})
    net.get("https://na1.salesforce.com/services/data/v62.0/limits", json={"a": 1})
    assert client().get("/services/data/v62.0/limits").json() == {"a": 1}


def test_neither_cookies_nor_netrc_are_used(
    net: responses.RequestsMock,
    http: Transport,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """What other programs left behind does not replace our token."""
    file = tmp_path / "netrc"
    file.write_text(f"machine {HOST} login someone password else\n")
    monkeypatch.setenv("NETRC", str(file))
    net.get(DATA, json={}, headers={"Set-Cookie": "sid=1; Domain=.salesforce.com; Path=/"})
    for _ in range(2):
        http.get(DATA, headers={"Authorization": "Bearer ours"})
    for call in net.calls:
        assert call.request.headers["Authorization"] == "Bearer ours"
        assert "Cookie" not in call.request.headers


def test_each_call_has_timeouts(
    monkeypatch: pytest.MonkeyPatch, net: responses.RequestsMock, http: Transport
) -> None:
    """simple-salesforce gives none, so they come from here."""
    seen: list[Any] = []
    send = requests.Session.send

    def spy(self: Any, request: Any, **kwargs: Any) -> Any:
        seen.append(kwargs["timeout"])
        return send(self, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", spy)
    net.get(DATA, json={})
    http.get(DATA)
    assert seen == [(10.0, 60.0)]


def test_a_huge_answer_is_cut_off(net: responses.RequestsMock) -> None:
    """Memory is bounded, whatever unpacks."""
    net.get(DATA, body=b"x" * 3_000_000)
    with (
        Transport(make_ports(), HOST, limits=Limits(size=1_000_000)) as http,
        pytest.raises(LostAnswer, match="too large"),
    ):
        http.get(DATA)


def test_results_of_jobs_may_be_larger_and_are_asked_for_once(
    net: responses.RequestsMock,
) -> None:
    """A page of 50,000 rows has bounds of its own; the same request would bring the same again."""
    results = f"{DATA}/jobs/query/750/results"
    net.get(results, body=b"x" * 3_000_000)
    with Transport(make_ports(), HOST, limits=Limits(size=1_000_000)) as http:
        assert len(http.get(results).content) == 3_000_000
    ports = make_ports()
    with (
        Transport(ports, HOST, limits=Limits(bulk_size=1_000_000)) as http,
        pytest.raises(TooLarge),
    ):
        with_retries(lambda: http.get(results), ports, Patience())
    assert ports.budget.spent == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (requests.exceptions.SSLError("x"), Hopeless),
        (requests.exceptions.ConnectTimeout("x"), NotSent),
        (requests.exceptions.ReadTimeout("x"), LostAnswer),
        (requests.exceptions.ConnectionError("reset"), LostAnswer),
        (requests.exceptions.ChunkedEncodingError("x"), LostAnswer),
    ],
)
def test_the_network_fails_in_our_words(
    net: responses.RequestsMock, http: Transport, error: Exception, kind: type[Exception]
) -> None:
    """Whether the request may have been carried out is part of the type."""
    net.get(DATA, body=error)
    with pytest.raises(kind):
        http.get(DATA)


def test_a_closed_port_is_nothing_sent() -> None:
    """A refused connection is known to have done nothing."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        Transport(make_ports(), HOST, f"http://127.0.0.1:{port}") as http,
        pytest.raises(NotSent),
    ):
        http.get(DATA)


def test_calls_are_paid_and_counted_by_kind(net: responses.RequestsMock) -> None:
    """Failures too; the call too many is not made."""
    ports = make_ports(max_calls=2)
    net.get(DATA, status=500)
    with Transport(ports, HOST) as http:
        http.get(DATA)
        http.get(DATA)
        with pytest.raises(QuotaExhausted):
            http.get(DATA)
        assert http.calls == {"read": 2}
    assert ports.budget.spent == 2
    assert len(net.calls) == 2


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/services/oauth2/token", "login"),
        ("POST", "/services/Soap/u/62.0", "login"),
        ("POST", "/services/Soap/m/62.0", "metadata"),
        ("GET", "/services/data/v62.0/queryAll", "query"),
        ("GET", "/services/data/v62.0/jobs/query/750/results", "bulk"),
        ("PUT", "/services/data/v62.0/jobs/ingest/750/batches", "bulk"),
        ("POST", "/services/data/v62.0/composite", "composite"),
        ("POST", "/services/data/v62.0/composite/graph", "graph"),
        ("PATCH", "/services/data/v62.0/composite/sobjects/X__c/K__c", "collections"),
        ("GET", "/services/data/v62.0/sobjects/Account/describe", "describe"),
        ("GET", "/services/data/v62.0/limits", "read"),
        ("PATCH", "/services/data/v62.0/sobjects/Account/001", "write"),
    ],
)
def test_kinds(method: str, path: str, kind: str) -> None:
    """Words for the count of calls."""
    assert kind_of(method, path) == kind


def test_a_401_in_any_form_renews_the_session_once(net: responses.RequestsMock) -> None:
    """A list, an object, a page, a body that echoes the token: one login, then AuthError."""
    for body in ('[{"errorCode":"INVALID_SESSION_ID"}]', '{"error":"x"}', "<html>00D5g!x"):
        net.reset()
        login = net.post(TOKEN, json=GRANT)
        call = net.get(f"{DATA}/limits", status=401, body=body)
        with pytest.raises(AuthError) as caught:
            client().get("/services/data/v62.0/limits")
        assert (login.call_count, call.call_count) == (2, 2)
        assert "00D5g" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"json": {"error": "invalid_grant"}, "status": 400}, AuthError),
        ({"json": {"error": "invalid_client", "error_description": "x"}, "status": 400}, AuthError),
        ({"body": "<html>maintenance</html>", "status": 503}, Unavailable),
        ({"body": "<html>sign in to the proxy</html>", "status": 200}, Unavailable),
        ({"json": [], "status": 200}, Unavailable),
        ({"json": {}, "status": 200}, Unavailable),
        ({"json": {"instance_url": f"https://{HOST}"}, "status": 200}, Unavailable),
    ],
)
def test_strange_logins_have_our_errors(
    net: responses.RequestsMock, answer: dict[str, Any], kind: type[Exception]
) -> None:
    """Whatever the token address answers, no error of the library comes out."""
    net.post(TOKEN, **answer)
    with pytest.raises(kind) as caught:
        client().get("/services/data/v62.0/limits")
    assert "hush-hush" not in str(caught.value)


def test_soap_puts_the_session_in_and_renews_it(net: responses.RequestsMock) -> None:
    """The placeholder becomes the session; a fault about it logs in again."""
    net.post(TOKEN, json=GRANT)
    url = f"https://{HOST}/services/Soap/m/62.0"
    net.post(url, status=500, body="<Envelope>sf:INVALID_SESSION_ID</Envelope>")
    good = net.post(url, body="<Envelope>done</Envelope>")
    assert client().soap(b"<s>@SESSION@</s>") == b"<Envelope>done</Envelope>"
    assert good.calls[0].request.body == b"<s>00D5g0000000001!AR.token</s>"


def test_the_old_login_works_where_it_is_asked_for(net: responses.RequestsMock) -> None:
    """By SOAP, once, through the same seam."""
    login = net.post(
        f"https://{HOST}/services/Soap/u/62.0",
        body=f"<r><serverUrl>https://{HOST}/services/Soap/u/62.0/00D</serverUrl>"
        "<sessionId>00D5g0000000001!AR.token</sessionId></r>",
        content_type="text/xml",
    )
    net.get(f"{DATA}/limits", json={"a": 1})
    old = Settings(domain="acme.my", login="legacy", username="u", password="hush-hush")
    legacy = Client(old, make_ports(), "62.0")
    assert legacy.get("/services/data/v62.0/limits").json() == {"a": 1}
    assert b"hush-hush" in _bytes(login.calls[0].request.body)
    assert legacy.usage().by_kind == {"login": 1, "read": 1}


def test_a_refused_old_login_is_said_so(net: responses.RequestsMock) -> None:
    """Its code, not its words."""
    net.post(
        f"https://{HOST}/services/Soap/u/62.0",
        status=500,
        body='<r xmlns:sf="urn:x"><sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>'
        "<sf:exceptionMessage>hush-hush</sf:exceptionMessage></r>",
    )
    old = Settings(domain="acme.my", login="legacy", username="u", password="hush-hush")
    with pytest.raises(AuthError, match="INVALID_LOGIN") as caught:
        Client(old, make_ports(), "62.0").get("/services/data/v62.0/limits")
    assert "hush" not in str(caught.value)


def _bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


def test_a_missing_api_version_is_setup(net: responses.RequestsMock) -> None:
    """410 for a retired one."""
    net.post(TOKEN, json=GRANT)
    net.get(f"{DATA}/limits", status=410, json=[])
    with pytest.raises(SetupError):
        client().get("/services/data/v62.0/limits")


def test_closing_twice_is_fine_and_forgets() -> None:
    """No session is kept."""
    one = client()
    one.close()
    one.close()
    assert one._session.token == ""
