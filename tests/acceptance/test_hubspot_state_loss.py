"""HubSpot says all that matters: a state that is lost or old makes it say nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from databases import copied, deleted
from world import World, difference

pytestmark = pytest.mark.only("sqlite")  # what is lost is the same; Salesforce's run on both

both = pytest.mark.parametrize("portals", ["unique", "claimed"], indirect=True)
#: With unique properties in the soak.
claimed = pytest.mark.parametrize(
    "portals", [pytest.param("unique", marks=pytest.mark.slow), "claimed"], indirect=True
)
plain = pytest.mark.parametrize("portals", ["unique"], indirect=True)

BAND, WEEKS, MEMORY = "health_band", "health_last_12_weeks", "health_memory"
EVIDENCE = "health_evidence"


def _later(world: World) -> None:
    """Search knows by now what was written."""
    world.breathe()
    world.breathe()
    world.sandbox.clear_calls()


def _quiet(world: World, state: Path) -> None:
    """A sync finds nothing to say."""
    before = world.truth()
    world.clean(state)
    assert world.writes() == 0
    assert difference(world.truth(), before) == []
    assert world.doubles() == []


@claimed
def test_a_state_deleted_before_work_gives_what_a_kept_one_gives(portal: World) -> None:
    """Tasks, escalations and bands of the second day don't depend on the database."""
    kept = portal.back("second")
    portal.clean(kept)
    assert portal.writes() > 0
    expected = portal.truth()
    lost = portal.back("second")
    deleted(lost)
    portal.clean(lost)
    assert portal.doubles() == []
    assert difference(portal.truth(), expected) == []
    _later(portal)
    deleted(lost)
    _quiet(portal, lost)


@claimed
def test_an_older_copy_of_the_state_writes_nothing_again(portal: World) -> None:
    """The copy of before the second day's sync knows nothing of its tasks; HubSpot does."""
    state = portal.back("second")
    old = copied(state, portal.new_state())
    portal.clean(state)
    assert portal.writes() > 0
    _later(portal)
    _quiet(portal, old)


@claimed
def test_a_task_that_a_person_closed_stays_closed_without_the_state(portal: World) -> None:
    """Its key on the task says that it was told: nobody gets it a second time."""
    state = portal.back("second")
    portal.clean(state)
    hub = portal.sandbox.hubspot
    ours = [row for row in hub.records("tasks") if row.get("health_episode_key")]
    assert len(ours) > 2
    for row in ours:
        hub.edit("tasks", row["id"], {"hs_task_status": "COMPLETED"})
    _later(portal)
    deleted(state)
    before = portal.truth()
    portal.clean(state)
    said = {line.split(": ")[0].split()[-1] for line in difference(portal.truth(), before)}
    # Escalations tick off what is done, and an event is over with its task.
    assert said == {"health_required_actions", "health_episode_cleared"}
    _later(portal)
    _quiet(portal, state)


@both
def test_a_task_that_a_person_deleted_is_not_made_again_while_the_state_knows_it(
    portal: World,
) -> None:
    """Its episode goes on until its cause is over."""
    state = portal.back("second")
    portal.clean(state)
    hub = portal.sandbox.hubspot
    task = next(row for row in hub.records("tasks") if row.get("health_episode_key"))
    hub.archive("tasks", task["id"])
    _later(portal)
    _quiet(portal, state)


@plain
@pytest.mark.parametrize("lost", ["deleted", "older", "kept"])
def test_a_band_edited_meanwhile_is_noticed_and_put_back(portal: World, lost: str) -> None:
    """The company's memory tells a person's edit, whatever became of the database."""
    state = portal.back("second")
    older = copied(state, portal.new_state())
    portal.clean(state)
    before = portal.truth()
    company = _green(before)
    portal.sandbox.hubspot.edit("companies", company, {BAND: "Red"})
    _later(portal)
    if lost == "deleted":
        deleted(state)
    done = portal.clean(older if lost == "older" else state, "sync", "--json")
    assert orjson.loads(done.out)["edits"] == [
        {"account_id": company, "output": "band", "shown": "Red"}
    ]
    after = portal.truth()
    assert after["companies"][company][BAND] == "Green"
    # The weekly scores and the date of the newest evidence go along with every write.
    lines = [line.split(":")[0] for line in difference(after, before)]
    assert set(lines) <= {f"companies {company} {name}" for name in (WEEKS, EVIDENCE, MEMORY)}
    assert portal.writes() == 1, "nobody else's properties are written"


def _green(truth: dict[str, dict[str, dict[str, Any]]]) -> str:
    """A company that is none of those that the second day is about."""
    rows = truth["companies"].items()
    return next(i for i, row in reversed(list(rows)) if row.get(BAND) == "Green")
