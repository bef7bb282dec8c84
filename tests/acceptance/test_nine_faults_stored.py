"""Of nine inputs that broke other people's syncs, those that are a matter of what is stored.

The table with all of them is `docs/nine-faults.md`. Work is counted where it can be; where it is
CPU, two sizes are compared in one run.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from databases import located
from forks import Forks
from world import NOW, World, build, difference

from connectors import salesforce
from connectors.sandbox.handle import Sandbox
from crm_health.config.load import load
from crm_health.store import Store
from crm_health.sync import run as runs
from crm_health.sync.pull import pull
from crm_health.testing.ports import make_ports

#: Within a factor that leaves room for a busy machine, and none for a square.
SLACK = 3
#: So that the small company's first sync writes by jobs.
JOBS = {"CRM_HEALTH_SALESFORCE_BULK_WRITE_FROM": "50"}


# -- 3: many rows share a cursor value ------------------------------------------------------------


@pytest.fixture
def book(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int, bool], tuple[float, float]]]:
    """Pulls so many cases, tied or not, into a new state, and once more from its cursor.

    Gives the CPU seconds of this process for both.
    """
    config = load(None)
    with Sandbox.start_process(now=NOW, frozen=True) as sandbox, Forks(tmp_path) as forks:
        world = build(sandbox, forks, tmp_path, accounts=10, customers=8)
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        account = sandbox.records("Account")[0]["Id"]

        def once(store: Store, expected: int, changed: bool) -> float:
            connector = salesforce.connect(make_ports(), config.mapping.api_version)
            with closing(connector):
                setting = runs.read_setting(connector, config, connector.identity())
                store.mirror.clear_dirty(store.mirror.dirty(), store.mirror.dirty_token())
                began = time.process_time()
                pulled = pull(
                    connector,
                    store,
                    setting,
                    full=False,
                    may_shrink=frozenset(),
                    tick=lambda *_: None,
                )
                took = time.process_time() - began
            assert pulled.rows["Case"] >= expected
            assert store.mirror.dirty().is_empty() != changed, "read again is not changed"
            return took

        def pulls(count: int, tied: bool) -> tuple[float, float]:
            state = world.back("fresh")
            state.parent.mkdir(mode=0o700, exist_ok=True)
            at = sandbox.clock() - timedelta(seconds=60)
            rows = []
            for n in range(count):
                # All within the overlap, so that the second pull meets each of them again.
                stamp = (at if tied else at + timedelta(milliseconds=n)).isoformat()
                rows.append(
                    {
                        "AccountId": account,
                        "Priority": "High",
                        "Status": "New",
                        "Subject": f"{n}",
                        "SystemModstamp": stamp,
                        "LastModifiedDate": stamp,
                    }
                )
            sandbox.load({"Case": rows})
            with closing(Store.open(located(state))) as store:
                return once(store, count, True), once(store, count, False)

        yield pulls


@pytest.mark.slow
def test_ties_cost_what_other_rows_cost(book: Callable[[int, bool], tuple[float, float]]) -> None:
    """A row costs the same among 4,000 of one stamp as among 16,000, or with one of its own."""
    few = _least(book, 4_000, True)
    many = _least(book, 16_000, True)
    distinct = _least(book, 16_000, False)
    told = (
        f"fault 3: CPU ms for 4,000 tied {_ms(few)}, 16,000 tied {_ms(many)}, "
        f"16,000 distinct {_ms(distinct)} (first pull, and all again)"
    )
    print(told)
    for mine, small, other in zip(many, few, distinct, strict=True):
        assert mine / 16_000 <= SLACK * small / 4_000, told
        assert mine <= SLACK * other, told


def _least(
    pulls: Callable[[int, bool], tuple[float, float]], count: int, tied: bool
) -> tuple[float, float]:
    both = [pulls(count, tied) for _ in range(2)]
    return min(first for first, _ in both), min(second for _, second in both)


def _ms(seconds: tuple[float, float]) -> str:
    return " and ".join(f"{1_000 * part:.0f}" for part in seconds)


# -- 4 and 5: jobs that take nothing, and jobs that take most -------------------------------------


def _sync_by_jobs(world: World, *rules: dict[str, Any]) -> dict[str, Any]:
    """A first sync by jobs, under these faults: what `--json` says of it."""
    state = world.back("fresh")
    world.sandbox.faults(*rules)
    done = world.run(state, "sync", "--json", **JOBS)
    world.sandbox.clear_faults()
    assert "Traceback" not in done.err
    answer = orjson.loads(done.out)
    assert answer["exit"] == done.code
    return {**answer, "state": state}


def _ingest(world: World) -> list[str]:
    return [job["state"] for job in world.sandbox.jobs() if job["direction"] == "ingest"]


def test_an_upload_that_is_refused_ends_its_job_and_loses_no_row(world: World) -> None:
    """A 400 to the rows: the job is aborted, not waited for, and the rows go another way."""
    world.clean(world.back("fresh"))
    expected = world.truth()
    refused = {"kind": "status", "status": 400, "path": "jobs/ingest", "method": "PUT", "times": 0}
    answer = _sync_by_jobs(world, refused)
    states = _ingest(world)
    assert states, "no job was made: the test shows nothing"
    assert set(states) == {"Aborted"}
    assert answer["exit"] == 0
    assert set(answer["counts"]) == {"done"}
    assert difference(world.truth(), expected) == []
    print(f"fault 4: jobs {states}, rows {answer['counts']}, exit {answer['exit']}")


def test_rows_that_a_complete_job_refused_are_told(world: World) -> None:
    """Three rows of each job fail though it ends as complete: three are reported, by name."""
    rule = {
        "kind": "row_error",
        "path": "jobs/ingest",
        "rows": [0, 1, 2],
        "times": 0,
        "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "message": "not on a Monday",
    }
    answer = _sync_by_jobs(world, rule)
    states = _ingest(world)
    assert states
    assert set(states) == {"JobComplete"}
    assert answer["exit"] == 3
    assert answer["counts"]["rejected"] == 3 * len(states)
    shown = orjson.loads(world.run(answer["state"], "runs", "show", "last", "--json").out)
    told = [row for row in shown["rows"] if row["status"] == "rejected"]
    assert len(told) == 3 * len(states)
    assert {row["code"] for row in told} == {"FIELD_CUSTOM_VALIDATION_EXCEPTION"}
    missing = [
        row
        for row in world.sandbox.records("Account")
        if (row.get("Type") or "").startswith("Customer") and not row.get("Health_Memory__c")
    ]
    assert len(missing) == 3 * len(states), "what is reported as done is done"
    world.clean(answer["state"], "sync", "--full")
    print(f"fault 5: {len(states)} jobs {set(states)}, counts {answer['counts']}, exit 3")


# -- 9: what was written before -------------------------------------------------------------------


@pytest.mark.only("sqlite")  # its steps can be counted
def test_earlier_successes_cost_new_rows_nothing(tmp_path: Path) -> None:
    """Steps of the database for a plan of 500 rows after 5,000 written ones, and after 20,000."""
    steps = {n: _steps_of_a_plan(tmp_path / str(n) / "org.db", n) for n in (5_000, 20_000)}
    each = {n: counted / 500 for n, counted in steps.items()}
    print(f"fault 9: steps of SQLite a new row: {each}")
    assert steps[20_000] <= 1.5 * steps[5_000], steps


def _steps_of_a_plan(state: Path, earlier: int) -> int:
    """Virtual machine steps of a run's plan, in a state whose last run wrote `earlier` rows."""
    with closing(Store.open(located(state))) as store:
        _write(store, earlier, 0)
        with store._database.read() as connection:
            driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        ticks = 0

        def tick() -> int:
            nonlocal ticks
            ticks += 1
            return 0

        driver.set_progress_handler(tick, 10)
        _write(store, 500, 7_000_000)
        driver.set_progress_handler(None, 0)
        return 10 * ticks


def _write(store: Store, count: int, first: int) -> None:
    """A run that plans so many rows and gets a receipt for each."""
    run = store.runs.start(org_id="00D1", as_of=NOW, now=NOW, digest="d", kind="sync")
    seqs = pl.int_range(1, count + 1, eager=True).alias("seq")
    record = pl.format("001{}", pl.col("seq") + first)
    plan = seqs.to_frame().select(
        kind=pl.lit("fields"),
        op=pl.lit("update"),
        shape=pl.lit("Score__c"),
        object=pl.lit("Account"),
        record_id=record,
        account_id=record,
        basis=pl.format("Account {} {}", record, pl.lit("score")),
        fields=pl.format('{{"Score__c":{}}}', pl.col("seq")),
    )
    nothing = pl.lit(None)
    receipts = seqs.to_frame().with_columns(
        outcome=pl.lit("done"),
        id=record,
        created=pl.lit(False),
        code=nothing,
        field=nothing,
        message=nothing,
        retry_after=nothing,
    )
    store.drafts.add(run, plan)
    assert store.drafts.leave_out_refused(run, NOW - timedelta(days=1)).is_empty()
    store.drafts.fix(run, ["fields"])
    store.plans.mark(run.id, seqs, "sent")
    store.plans.receipts(run.id, receipts)
    assert store.plans.pending(run.id).is_empty()
    store.runs.finish(run, outcome="done", exit_code=0, counts={}, calls={}, now=NOW)
