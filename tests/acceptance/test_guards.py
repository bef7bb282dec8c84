"""A plan that looks like a mistake waits for a person; sandbox orgs are approved beforehand."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from world import Done, World, difference


@pytest.fixture
def state(world: World) -> Path:
    """Synced twice."""
    return world.back("synced")


def _held(world: World, state: Path, *words: str) -> str:
    """A sync that a guard stops: the id of its run."""
    before = world.truth()
    done = world.run(state, "sync", "--json", *words)
    assert done.code == 4, done
    assert world.writes() == 0
    assert difference(world.truth(), before) == []
    answer = orjson.loads(done.out)
    assert answer["exit"] == 4
    assert answer["stops"], answer
    return str(answer["run"])


def _rows(done: Done) -> dict[str, int]:
    return dict(orjson.loads(done.out)["counts"])


def _thin(world: World, name: str) -> None:
    """As if a sharing rule hid every fourth record: they vanish without a trace."""
    for row in world.sandbox.records(name)[::4]:
        world.sandbox.delete(name, row["Id"], purge=True)
    world.sandbox.clear_calls()


def _break_usage(world: World) -> None:
    """A feed breaks: every use of the product is reported as none."""
    now = world.sandbox.clock().isoformat()
    stamps = {"SystemModstamp": now, "LastModifiedDate": now}
    rows = world.sandbox.records("Health_Usage__c")
    broken = [{**row, "Value__c": 0, **stamps} for row in rows]
    world.sandbox.load({"Health_Usage__c": broken})
    world.sandbox.clear_calls()


def test_a_source_that_shrank_stops_the_run(world: World, state: Path) -> None:
    """A full read that brings less than 80 % of the cases is no reason to write good news."""
    _thin(world, "Case")
    run = _held(world, state, "--full")
    again = world.run(state)
    assert again.code == 4, "the next one looks again, and stops again"
    assert "Case" in again.err
    assert world.writes() == 0
    done = world.clean(state, "sync", "--approve", run, "--json")
    assert set(_rows(done)) <= {"done"}
    world.clean(state)
    world.sandbox.clear_calls()
    world.clean(state)
    assert world.writes() == 0, "once approved it is the new measure"


def test_a_mass_change_stops_the_run_until_it_is_approved(world: World, state: Path) -> None:
    """Most scores fall at once: nothing is written, then exactly what a person approved."""
    _break_usage(world)
    run = _held(world, state)
    wrong = world.run(state, "sync", "--approve", "0123456789ab")
    assert wrong.code == 4, wrong
    assert world.writes() == 0, "there is no such plan"
    before = _tasks(world)
    done = world.clean(state, "sync", "--approve", run, "--json")
    assert _rows(done)["done"] == world.writes() - (_tasks(world) - before)
    twice = world.run(state, "sync", "--approve", run)
    assert twice.code == 4, "a word holds once"
    assert world.doubles() == []


def _tasks(world: World) -> int:
    """Tasks and their episodes are two records for one row."""
    return sum(key.startswith("Task ") for key in world.episodes())


def test_an_approved_plan_holds_what_was_seen_and_nothing_else(world: World, state: Path) -> None:
    """What changed after the plan was read is not written on its back; the next sync does it."""
    _break_usage(world)
    run = _held(world, state)
    account = next(row for row in world.sandbox.records("Account") if row.get("Health_Score__c"))
    world.sandbox.edit("Account", account["Id"], {"Health_Override_Score__c": 12})
    world.sandbox.clear_calls()
    world.clean(state, "sync", "--approve", run)
    assert world.truth()["Account"][account["Id"]]["Health_Score__c"] != 12
    world.clean(state)
    assert world.truth()["Account"][account["Id"]]["Health_Score__c"] == 12


def test_a_sandbox_org_is_approved_beforehand(world: World, state: Path) -> None:
    """There a trial model may move everybody."""
    org = {k: v for k, v in world.sandbox.records("Organization")[0].items() if k != "IsDeleted"}
    world.sandbox.load({"Organization": [{**org, "IsSandbox": True}]})
    _break_usage(world)
    world.clean(state)
    assert world.writes() > 0
