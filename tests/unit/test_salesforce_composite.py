"""How the connector asks for several things in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import responses

from connectors.salesforce.client import Client
from connectors.salesforce.settings import Settings
from crm_health.testing.ports import make_ports

HOST = "https://acme.my.salesforce.com"
GRANT = {"access_token": "00D5g0000000001!AR.token", "instance_url": HOST}


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
