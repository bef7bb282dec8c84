"""A sandbox in a thread, and connectors to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from salesforce_org import NOW, SCHEMA, Make

from connectors.salesforce.client import Client
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.settings import Settings
from connectors.salesforce.transport import Limits
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Ports
from crm_health.testing.ports import make_ports


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """An empty org whose clock stands still."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        yield running


@pytest.fixture
def make(sandbox: Sandbox) -> Iterator[Make]:
    """Makes connectors to the sandbox, as the integration user, and closes them."""
    made: list[SalesforceConnector] = []

    def build(
        ports: Ports | None = None,
        page_rows: int | None = None,
        limits: Limits | None = None,
        **settings: Any,
    ) -> SalesforceConnector:
        env = {
            key.removeprefix("CRM_HEALTH_SALESFORCE_").lower(): value
            for key, value in sandbox.environment.items()
        }
        client = Client(
            Settings(**{**env, **settings}), ports or make_ports(), "62.0", limits=limits
        )
        made.append(SalesforceConnector(client, page_rows))
        return made[-1]

    yield build
    for connector in made:
        connector.close()


@pytest.fixture
def owned(sandbox: Sandbox) -> Sandbox:
    """A sandbox that has objects of ours."""
    sandbox.load({}, schema=SCHEMA)
    return sandbox
