"""What the connector asks of several things in one call, and of the identity service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import responses

from connectors.salesforce.client import Client
from connectors.salesforce.settings import Settings
from crm_health.errors import AuthError
from crm_health.testing.ports import make_ports

HOST = "https://acme.my.salesforce.com"
GRANT = {"access_token": "00D5g0000000001!AR.token", "instance_url": HOST}
USERINFO = "/services/oauth2/userinfo"


@pytest.fixture
def net() -> Iterator[responses.RequestsMock]:
    """An org that lets everybody log in."""
    with responses.RequestsMock() as mock:
        mock.post(f"{HOST}/services/oauth2/token", json=GRANT)
        yield mock


def client() -> Client:
    settings = Settings(domain="acme.my", client_id="app", client_secret="hush-hush")
    return Client(settings, make_ports(), "65.0")


def test_parts_are_carried_out_in_the_order_given(net: responses.RequestsMock) -> None:
    """Watermarks are taken before the queries that they vouch for: nothing may be collated."""
    sent: list[dict[str, Any]] = []

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        sent.append(orjson.loads(request.body))
        return 200, {}, '{"compositeResponse": []}'

    net.add_callback("POST", f"{HOST}/services/data/v65.0/composite", answer)
    parts = [("c0", "/services/data/v65.0/sobjects/Task/updated/"), ("q0", "/x")]
    client().composite(parts, {"Sforce-Query-Options": "batchSize=200"})
    (body,) = sent
    assert body["collateSubrequests"] is False
    assert [part["referenceId"] for part in body["compositeRequest"]] == ["c0", "q0"]
    assert {part["httpHeaders"]["Sforce-Query-Options"] for part in body["compositeRequest"]} == {
        "batchSize=200"
    }


def test_a_session_that_the_identity_service_refuses_is_renewed(
    net: responses.RequestsMock,
) -> None:
    """Its one plain word with HTTP 403 means an ended session, not a missing right."""
    net.get(f"{HOST}{USERINFO}", status=403, body="Bad_OAuth_Token")
    net.get(f"{HOST}{USERINFO}", json={"user_id": "0055g000006hOQEAA2"})
    assert client().get(USERINFO).json()["user_id"] == "0055g000006hOQEAA2"


def test_a_session_that_it_refuses_again_is_an_error(net: responses.RequestsMock) -> None:
    """One renewal, then the call ends."""
    net.get(f"{HOST}{USERINFO}", status=403, body="Bad_OAuth_Token")
    with pytest.raises(AuthError):
        client().get(USERINFO)
    assert len(net.calls) == 4
