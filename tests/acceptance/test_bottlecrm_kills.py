"""Syncs of BottleCRM that are killed at random moments, as processes of their own."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bottlecrm
import pytest
from bottlecrm_org import Org, prepared, timeless
from forks import Fork, Forks
from world import Done, ended

if bottlecrm.environment() is None:
    pytest.skip(bottlecrm.ABSENT, allow_module_level=True)

# The states are files: on another database nothing else would be tested.
pytestmark = pytest.mark.only("sqlite")

A_ROUND, SEED = 5, 20261122
#: How often a sync is looked at, in seconds.
_LOOK = 0.02
CUSTOMERS, LATE = 10, 6


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    """Ten customers, six of them with a case that is late."""
    with bottlecrm.running() as crm, prepared(crm) as org:
        ids = [org.customer(f"Customer {n}") for n in range(CUSTOMERS)]
        for n in range(LATE):
            org.late_case(ids[n], f"Down {n}")
        crm.keep()
        yield org


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Where syncs start at once."""
    with Forks(tmp_path_factory.mktemp("said")) as made:
        yield made


def _start(org: Org, forks: Forks, state: Path) -> Fork:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CRM_HEALTH_", "DATABASE_"))}
    ours = {"CRM_HEALTH_CRM": "bottlecrm", "CRM_HEALTH_STATE": str(state), "NO_COLOR": "1"}
    return forks.start(("sync",), {**kept, **ours, **org.variables})


def _clean(org: Org, forks: Forks, state: Path) -> Done:
    org.wire.writes.clear()
    done = ended(_start(org, forks, state))
    assert done.code == 0, done
    return done


def _writes(org: Org, process: Fork) -> None:
    """Wait for a sync's first write, or its end."""
    while process.poll() is None and not org.wire.writes:
        time.sleep(_LOOK)


def _truth(org: Org) -> dict[str, Any]:
    """What syncs write, by names that outlive a restored database."""
    accounts = org.crm.sql("SELECT name, custom_fields FROM accounts")
    held: dict[str, Any] = {one["name"]: one["custom_fields"] for one in accounts}
    rows = org.crm.sql(
        "SELECT title, status, priority, due_date, description, account_id, custom_fields,"
        " (SELECT array_agg(a.profile_id) FROM task_assigned_to a WHERE a.task_id = task.id)"
        " AS assigned_to FROM task WHERE custom_fields ->> 'health_mark' = 'crm-health'"
    )
    for row in rows:
        key = _key(row)
        held[key] = {**timeless(row), "custom_fields": timeless(row["custom_fields"])}
    return held


def _key(row: dict[str, Any]) -> str:
    custom = row["custom_fields"]
    return str(custom.get("health_episode_key") or custom["health_escalation_key"])


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_leave_what_an_undisturbed_sync_leaves(
    org: Org, forks: Forks, tmp_path: Path, kills: int
) -> None:
    """Whenever a sync dies, the ones after it end in the same records, and no key stands twice."""
    org.crm.back()
    day = datetime.now(UTC).date()
    began = time.monotonic()
    org.wire.writes.clear()
    process = _start(org, forks, tmp_path / "undisturbed.db")
    _writes(org, process)
    first = time.monotonic()
    assert ended(process).code == 0
    reading, writing = first - began, time.monotonic() - first
    expected = _truth(org)
    assert sum(name.startswith("ch1:") for name in expected) >= LATE
    dice = random.Random(SEED)
    fates: Counter[str] = Counter()
    rounds = itertools.count()
    while fates.total() < kills:
        org.crm.back()
        # A round may end without a kill: each has a state of its own all the same.
        state = tmp_path / f"state-{next(rounds)}.db"
        for _ in range(min(A_ROUND, kills)):
            org.wire.writes.clear()
            process = _start(org, forks, state)
            if dice.random() < 0.5:
                _writes(org, process)
                time.sleep(dice.uniform(0, writing))
            else:
                time.sleep(dice.uniform(0.1, reading + writing))
            process.kill()
            if ended(process).code != -9:
                # The machine was busier when the pace was taken.
                reading, writing = reading * 0.7, writing * 0.7
                break
            fates["writing" if org.wire.writes else "before writing"] += 1
        # What the last of them had sent is carried out by then; so is its turn over.
        time.sleep(0.5)
        org.crm.sql("UPDATE saved_view SET created_at = now() - interval '1 hour'")
        _clean(org, forks, state)
        told = f"seed {SEED}, after {dict(fates)}"
        doubles = [key for key, n in Counter(map(_key, org.tasks())).items() if n > 1]
        assert doubles == [], told
        _clean(org, forks, state)
        assert org.wire.writes == [], told
        if datetime.now(UTC).date() != day:
            pytest.skip("midnight passed: texts name another day now")
        assert _truth(org) == expected, told
    assert min(fates["writing"], fates["before writing"]) >= kills // 6, fates
