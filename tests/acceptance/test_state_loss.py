"""The local state is a cache: lost, old or broken, it never makes the CRM say a thing twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import orjson
import pytest
from databases import copied, deleted, located
from world import World, difference

from crm_health.store import Store

#: Fields of ours on an account.
BAND, SCORE = "Health_Band__c", "Health_Score__c"
WEEKS, MEMORY = "Health_Last_12_Weeks__c", "Health_Memory__c"
EVIDENCE = "Health_Evidence__c"


def _customer(world: World, band: str = "Green") -> str:
    """An account that shows this band and is none of those that the second day is about."""
    rows = world.sandbox.records("Account")
    return next(
        row["Id"] for row in reversed(rows) if row.get(BAND) == band and row.get(SCORE) is not None
    )


def _account(world: World, account: str) -> dict[str, Any]:
    return world.truth()["Account"][account]


def test_a_deleted_state_is_rebuilt_without_a_write(world: World) -> None:
    """Nothing new in the CRM: a sync from nothing finds that all is said already."""
    state = world.back("synced")
    before = world.truth()
    deleted(state)
    world.clean(state)
    assert world.writes() == 0
    assert difference(world.truth(), before) == []
    world.clean(state)
    assert world.writes() == 0


def test_a_state_deleted_before_work_gives_what_a_kept_one_gives(world: World) -> None:
    """Tasks, escalations and bands of the second day don't depend on the database."""
    kept = world.back("second")
    world.clean(kept)
    expected = world.truth()
    lost = world.back("second")
    deleted(lost)
    world.clean(lost)
    assert world.doubles() == []
    assert difference(world.truth(), expected) == []
    world.sandbox.clear_calls()
    deleted(lost)
    world.clean(lost)
    assert world.writes() == 0


def test_an_older_copy_of_the_state_writes_nothing_again(world: World) -> None:
    """The copy of before the second day's sync knows nothing of its tasks; the CRM does."""
    state = world.back("second")
    old = copied(state, world.new_state())
    world.clean(state)
    after = world.truth()
    assert world.writes() > 0
    world.sandbox.clear_calls()
    world.clean(old)
    assert world.writes() == 0
    assert difference(world.truth(), after) == []
    assert world.doubles() == []


def test_a_task_that_a_person_closed_stays_closed_without_the_state(world: World) -> None:
    """Its episode in the CRM says that it was told: nobody gets it a second time."""
    state = world.back("second")
    world.clean(state)
    ours = [row for row in world.sandbox.records("Task") if row.get("Health_Key__c")]
    assert ours
    for row in ours:
        world.sandbox.edit("Task", row["Id"], {"Status": "Completed"})
    # An event is over when the task that told of it is, and what an escalation asked for is done.
    world.clean(state)
    before = world.truth()
    world.sandbox.clear_calls()
    deleted(state)
    world.clean(state)
    assert world.writes() == 0
    assert difference(world.truth(), before) == []


@pytest.mark.parametrize("lost", ["deleted", "older", "kept"])
def test_a_band_edited_meanwhile_is_noticed_and_put_back(world: World, lost: str) -> None:
    """The account's memory tells a person's edit, whatever became of the database."""
    state = world.back("second")
    older = copied(state, world.new_state())
    world.clean(state)
    account = _customer(world)
    before = world.truth()
    world.sandbox.edit("Account", account, {BAND: "Red"})
    world.sandbox.clear_calls()
    if lost == "deleted":
        deleted(state)
    done = world.clean(older if lost == "older" else state, "sync", "--json")
    assert orjson.loads(done.out)["edits"] == [
        {"account_id": account, "output": "band", "shown": "Red"}
    ]
    after = world.truth()
    assert after["Account"][account][BAND] == "Green"
    # The weekly scores and the date of the newest evidence go along with every write.
    lines = [line.split(":")[0] for line in difference(after, before)]
    assert set(lines) <= {f"Account {account} {name}" for name in (WEEKS, EVIDENCE, MEMORY)}
    assert world.writes() == 1, "nobody else's fields are written"


@pytest.mark.parametrize("lost", ["deleted", "kept"])
def test_a_score_edited_meanwhile_becomes_an_override(world: World, lost: str) -> None:
    """The person's score stays, the computed one stands beside it, and again in the next sync."""
    state = world.back("synced")
    account = _customer(world)
    computed = _account(world, account)["Health_Score_Computed__c"]
    world.sandbox.edit("Account", account, {SCORE: 41})
    if lost == "deleted":
        deleted(state)
    world.clean(state)
    shown = _account(world, account)
    assert shown[SCORE] == 41
    assert shown["Health_Score_Computed__c"] == computed
    assert shown[BAND] == "Red", "a person's score moves the band at once"
    world.sandbox.clear_calls()
    deleted(state)
    world.clean(state)
    assert world.writes() == 0
    assert _account(world, account)[SCORE] == 41


@pytest.mark.only("sqlite")  # a server sees to its own files
@pytest.mark.parametrize("damage", ["truncated", "garbage"])
def test_a_broken_state_is_refused_and_kept(world: World, damage: str) -> None:
    """It may be all there is of the history: a person decides, and the CRM is not written."""
    state = world.back("second")
    _settle(state)
    broken = state.read_bytes()[:50_000] if damage == "truncated" else b"not a database" * 999
    state.write_bytes(broken)
    done = world.run(state)
    assert done.code == 65, done
    assert str(state) in done.err
    assert "Traceback" not in done.err
    assert state.read_bytes() == broken
    assert world.writes() == 0


def test_the_state_of_another_org_is_refused(world: World) -> None:
    """A login that leads elsewhere must not write one org's health into another."""
    state = world.back("second")
    deleted(state)
    store = Store.open(located(state))
    store.pin("00D000000000042AAA", "salesforce")
    store.close()
    done = world.run(state)
    assert done.code == 78, done
    assert "00D000000000042AAA" in done.err
    assert world.writes() == 0


def _settle(state: Path) -> None:
    """All of the state in its one file."""
    opened = sqlite3.connect(state)
    opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    opened.close()
