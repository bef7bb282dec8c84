"""A sandbox in a thread, and connectors to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hubspot_portal
import pytest
from bulk_org import Job
from hubspot_portal import Account
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
        version: str = "62.0",
        **settings: Any,
    ) -> SalesforceConnector:
        env = {
            key.removeprefix("CRM_HEALTH_SALESFORCE_").lower(): value
            for key, value in sandbox.environment.items()
        }
        client = Client(
            Settings(**{**env, **settings}), ports or make_ports(), version, limits=limits
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


@pytest.fixture
def job(make: Make) -> Job:
    """Makes connectors that have said hello, and write three rows alike or more by a job."""

    def build(ports: Ports | None = None, bulk_write_from: int = 3) -> SalesforceConnector:
        connector = make(ports, bulk_write_from=bulk_write_from)
        connector.identity()
        return connector

    return build


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    """A HubSpot account that is empty and was never set up."""
    with Sandbox.start(now=hubspot_portal.NOW, frozen=True) as box:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        box.hubspot.settings(limits=False, search_lag=0, enrich_after=0)
        yield Account(box, hubspot_portal.configured(tmp_path), tmp_path / "state.sqlite")


@pytest.fixture
def account(bare: Account) -> Account:
    """A HubSpot account that was set up, with three customers; the first has a late ticket."""
    bare.setup()
    hubspot_portal.fill(bare.box)
    bare.box.clear_calls()
    return bare
