"""`kill -9` at any moment of a sync of HubSpot, and the next one makes it good."""

from __future__ import annotations

import time

import pytest
from kills import sweep
from world import WAITING, World, difference, ended

pytestmark = pytest.mark.only("sqlite")  # what is killed is the same; Salesforce's run on both

both = pytest.mark.parametrize("portals", ["unique", "claimed"], indirect=True)
#: The other one is in the soak.
claimed = pytest.mark.parametrize(
    "portals", [pytest.param("unique", marks=pytest.mark.slow), "claimed"], indirect=True
)
unique = pytest.mark.parametrize(
    "portals", ["unique", pytest.param("claimed", marks=pytest.mark.slow)], indirect=True
)


@claimed
def test_a_first_sync_killed_again_and_again_ends_as_if_undisturbed(portal: World) -> None:
    """Four kills of a sync that has everything to read and to write."""
    sweep(portal, "fresh", kills=4, seed=31)


@unique
def test_a_second_day_killed_again_and_again_ends_as_if_undisturbed(portal: World) -> None:
    """Three kills of a sync that opens tasks and an escalation, closes one, undoes an edit."""
    sweep(portal, "second", kills=3, seed=32)


@pytest.mark.parametrize("portals", ["claimed"], indirect=True)
def test_a_sync_killed_between_claim_and_task_makes_it_later_and_once(portal: World) -> None:
    """Nobody can tell a task that is under way from one that never was: first time must pass."""
    state = portal.back("fresh")
    portal.clean(state)
    expected = portal.truth()
    state = portal.back("fresh")
    process = portal.fork(state, CRM_HEALTH_HUBSPOT_CLAIM_WAIT="30")
    while not _claims(portal):
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    assert ended(process).code == -9
    claimed = _claims(portal)
    assert not claimed & portal.truth()["tasks"].keys()
    portal.breathe()
    assert portal.run(state).code == WAITING
    assert expected["tasks"].keys() - portal.truth()["tasks"].keys() == claimed
    portal.sandbox.advance(portal.patience)
    portal.clean(state)
    assert portal.doubles() == []
    assert difference(portal.truth(), expected) == []
    portal.breathe()
    portal.sandbox.clear_calls()
    portal.clean(state)
    assert portal.writes() == 0


def _claims(world: World) -> set[str]:
    rows = world.sandbox.hubspot.records("companies")
    texts = [row["health_claims"] for row in rows if row.get("health_claims")]
    return {line.partition("@")[0] for text in texts for line in text.splitlines()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("moment", ["fresh", "second"])
@both
def test_three_hundred_kills(portal: World, moment: str, seed: int) -> None:
    """The same with other dice: 300 kills in all."""
    sweep(portal, moment, kills=25, seed=200 + seed)
