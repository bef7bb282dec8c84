"""`kill -9` while rows are read and written by Bulk jobs: the same end, and no job left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from forks import Forks
from kills import some, sweep
from world import NOW, World, build

from connectors.sandbox.handle import Sandbox

#: So that 90 customers are written by a job, and their usage and cases read by two.
_LOW = {
    "CRM_HEALTH_SALESFORCE_BULK_FROM": "600",
    "CRM_HEALTH_SALESFORCE_BULK_PAGE": "2000",
    "CRM_HEALTH_SALESFORCE_BULK_WRITE_FROM": "50",
}
_ENDED = {"JobComplete", "Failed", "Aborted"}


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A company that was never synced, and whose syncs take the way of a large one."""
    folder = tmp_path_factory.mktemp("bulk")
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox, Forks(folder) as forks:
        made = build(sandbox, forks, folder, accounts=120, customers=90)
        made.settings.update(_LOW)
        yield made


def _under_way(world: World, direction: str) -> list[str]:
    return [
        job["state"]
        for job in world.sandbox.jobs()
        if job["direction"] == direction and job["state"] not in _ENDED
    ]


def _kill(bulk: World, kills: int, seed: int) -> Counter[str]:
    """Sweep; counts the jobs that the kills met by way and state."""
    met: Counter[str] = Counter()

    def look() -> None:
        met.update(
            f"{way} {state}" for way in ("query", "ingest") for state in _under_way(bulk, way)
        )

    def check() -> None:
        ways = {job["direction"] for job in bulk.sandbox.jobs()}
        assert ways == {"query", "ingest"}, "both ways are meant to be by jobs"
        assert _under_way(bulk, "ingest") == []
        # A query that nobody asks for any more ends by itself: nothing in it waits for us.
        bulk.sandbox.advance(61)
        assert _under_way(bulk, "query") == []

    sweep(bulk, "fresh", kills=kills, seed=seed, look=look, check=check)
    return met


def test_a_first_sync_by_bulk_killed_again_and_again_ends_as_if_undisturbed(bulk: World) -> None:
    """Kills of a sync that reads and writes by jobs; each round ends without an open one."""
    _kill(bulk, some(), seed=21)


@pytest.mark.slow
def test_thirty_kills_meet_jobs_of_both_ways(bulk: World) -> None:
    """So many that some fall between the making of a job and its end."""
    met = _kill(bulk, 30, seed=22)
    print(dict(met))
    assert any(way.startswith("ingest") for way in met), "no kill met a job that was under way"
