"""jsforce, the JavaScript client that others use, works unmodified against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sandbox.handle import Sandbox
from tests.acceptance import node

_STEPS = (
    "login", "describe", "query", "collections", "bulk query", "bulk refusal", "bulk ingest",
    "metadata",
)  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the script and the packages that the lock names."""
    return node.install("jsforce", tmp_path_factory.mktemp("jsforce"))


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a process of its own, with the rows that the script counts on."""
    with Sandbox.start_process() as running:
        running.load(
            {
                "Account": [{"Name": f"Account {n}"} for n in range(7)],
                "Contact": [{"LastName": f"Name {n:04}"} for n in range(4_321)],
            }
        )
        yield running


def test_jsforce_reads_and_writes_every_way(installed: Path, box: Sandbox) -> None:
    """Login, describe, paged query, Collections, Bulk 2.0 both ways, and metadata upsert."""
    steps = node.steps(installed, SANDBOX_URL=box.url)
    assert steps == [*_STEPS, "all steps passed"]
    assert {job["state"] for job in box.jobs()} == {"JobComplete"}
    names = {row["Name"] for row in box.records("Account")}
    assert {"jsforce one", "jsforce two"} < names
