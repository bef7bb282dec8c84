"""Runs: one at a time, whoever dies; fences, ids and small state."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from store_kit import NOW, opened, python, start

from crm_health.errors import Busy, LeaseLost
from crm_health.store import CRASHED, Store
from crm_health.store.tables import RUNS

HOLD = (
    "from pathlib import Path; from store_kit import opened, start\n"
    "store = opened(Path(sys.argv[1])); print(start(store).id, flush=True); sys.stdin.read()"
)


@pytest.fixture
def store(tmp_path: Path):
    made = opened(tmp_path)
    yield made
    made.close()


def finish(store: Store, run, **changes) -> None:
    given = {"outcome": "done", "exit_code": 0, "counts": {"written": 3}, "calls": {"query": 2}}
    store.runs.finish(run, **{**given, **changes})


def test_a_run_from_start_to_end(store: Store) -> None:
    """A run is stored with what it was given, its phase, and how it ended."""
    run = start(store)
    assert (run.as_of, run.started_at, run.digest, run.kind) == (NOW, NOW, "d1", "sync")
    assert (run.outcome, run.finished_at) == (None, None)
    store.runs.phase(run, "apply")
    later = NOW + timedelta(minutes=2)
    finish(store, run, exit_code=3, message="2 rows refused", now=later)
    kept = store.runs.get(run.id)
    assert kept == store.runs.list(1)[0]
    assert kept is not None
    assert (kept.phase, kept.outcome, kept.exit_code, kept.message) == (
        "apply",
        "done",
        3,
        "2 rows refused",
    )
    assert (kept.counts, kept.calls, kept.finished_at) == ({"written": 3}, {"query": 2}, later)
    assert store.runs.get("none") is None


def test_ids_grow_though_the_clock_stands(store: Store) -> None:
    """Ids are twelve hex digits that sort by time; fences count up by one."""
    runs = []
    for _ in range(3):
        runs.append(start(store))
        finish(store, runs[-1])
    ids = [run.id for run in runs]
    assert ids == sorted(set(ids))
    assert {len(i) for i in ids} == {12}
    assert [run.fence for run in runs] == [1, 2, 3]
    assert [run.id for run in store.runs.list(2)] == ids[:0:-1]


def test_second_run_is_busy(store: Store, tmp_path: Path) -> None:
    """While a run is active any other start is told which run it is and since when."""
    run = start(store)
    other = opened(tmp_path, prepare=False)
    with pytest.raises(Busy, match=f"run {run.id} .* since 2026-11-22 09:00 UTC"):
        start(other)
    with pytest.raises(Busy):
        start(store)
    store.runs.check(run)
    finish(store, run)
    finish(other, start(other))
    other.close()


def test_second_process_is_busy(store: Store, tmp_path: Path) -> None:
    """A run in another process holds the org until that process is killed; then it has crashed."""
    process = python(HOLD, tmp_path)
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    with pytest.raises(Busy, match=f"run {run_id} "):
        start(store)
    assert store.runs.active().outcome is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run = start(store)
    dead = store.runs.get(run_id)
    assert (dead.outcome, dead.finished_at, dead.exit_code) == (CRASHED, dead.heartbeat, None)
    assert run.fence == dead.fence + 1


@pytest.mark.only("sqlite")
def test_lock_is_private_and_stays(store: Store, tmp_path: Path) -> None:
    """The lock file is the owner's alone, and not removed: removing it would race."""
    finish(store, start(store))
    assert (tmp_path / "org.db.lock").stat().st_mode & 0o777 == 0o600


def test_close_lets_go(store: Store, tmp_path: Path) -> None:
    """Closing a store with an active run frees the org; the run counts as crashed."""
    run = start(store)
    store.close()
    other = opened(tmp_path, prepare=False)
    start(other)
    assert other.runs.get(run.id).outcome == CRASHED
    other.close()


def test_overtaken_run_stops(store: Store, tmp_path: Path) -> None:
    """A run overtaken by a later one finds out before its next write, and stays crashed."""
    run = start(store)
    store.runs.release()
    other = opened(tmp_path, prepare=False)
    newer = start(other)
    with pytest.raises(LeaseLost, match=run.id):
        store.runs.check(run)
    other.runs.check(newer)
    finish(store, run)
    assert store.runs.get(run.id).outcome == CRASHED
    other.close()


def test_greater_fence_stops_a_run(store: Store) -> None:
    """A greater fence stops the run, though nobody closed it."""
    run = start(store)
    with store._database.write() as connection:
        row = dict(connection.execute(select(RUNS)).mappings().one())
        connection.execute(RUNS.insert().values({**row, "id": "f" * 12, "fence": run.fence + 1}))
    with pytest.raises(LeaseLost):
        store.runs.check(run)


def test_finished_run_owns_nothing(store: Store) -> None:
    """After its end a run may not write."""
    run = start(store)
    finish(store, run)
    with pytest.raises(LeaseLost):
        store.runs.check(run)


def test_heartbeat(store: Store) -> None:
    """A check with the time notes that the run lives; without an end its last beat is its end."""
    run = start(store)
    store.runs.check(run, NOW + timedelta(minutes=5))
    finish(store, run)
    assert store.runs.get(run.id).finished_at == NOW + timedelta(minutes=5)


def test_failed_start_frees_the_lock(store: Store) -> None:
    """A start that fails leaves the org free."""
    store.pin("00D1", "salesforce")
    with pytest.raises(Exception, match="belongs to org"):
        start(store, "00D2")
    assert start(store).fence == 1


def test_values(store: Store, tmp_path: Path) -> None:
    """Small texts are kept by name, replaced, and forgotten with None."""
    assert store.runs.get_value("day") is None
    store.runs.set_value("day", "2026-11-21")
    store.runs.set_value("day", "2026-11-22")
    other = opened(tmp_path, prepare=False)
    assert other.runs.get_value("day") == "2026-11-22"
    other.close()
    store.runs.set_value("day", None)
    assert store.runs.get_value("day") is None
