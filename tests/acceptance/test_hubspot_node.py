"""HubSpot's own client for Node works unmodified against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.hubspot.tokens import CLIENT, PRIVATE, REFRESH
from tests.acceptance import node

_STEPS = (
    "login", "list", "missing", "properties", "batches", "associations", "pipelines",
    "custom object", "owners", "search", "archive",
)  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script and the packages that the lock names."""
    return node.install("hubspot", tmp_path_factory.mktemp("hubspot"))


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A portal in a process of its own, with custom objects and the contacts that are counted."""
    with Sandbox.start_process() as running:
        running.hubspot.settings(tier="enterprise")
        contacts = [{"id": str(1_000 + n), "lastname": f"Name {n:04}"} for n in range(1_234)]
        running.hubspot.load({"contacts": contacts})
        yield running


def test_hubspots_node_client_reads_and_writes_every_way(installed: Path, box: Sandbox) -> None:
    """Lists, batches with partial success, search, associations, setup, owners and refusals."""
    steps = node.steps(
        installed,
        SANDBOX_URL=box.url,
        SANDBOX_TOKEN=PRIVATE,
        SANDBOX_CLIENT=CLIENT,
        SANDBOX_REFRESH=REFRESH,
    )
    assert steps == [*_STEPS, "all steps passed"]
    companies = {
        row.get("name") or row["node_key"]: row for row in box.hubspot.records("companies")
    }
    assert set(companies) == {"One", "Two", "k3"}
    assert (companies["One"]["node_day"], companies["k3"]["node_day"]) == ("", "2026-03-02")
    assert companies["Two"]["archived"]
    # Its own wait after the search limit's answer is what let all nine searches through.
    assert box.hubspot.status()["refused"]["search"] > 0
