"""`kill -9` at any moment, and the next sync makes it good: nothing twice, nothing missing."""

from __future__ import annotations

import pytest
from kills import some, sweep, undisturbed, until
from world import World, difference, ended


def test_a_first_sync_killed_again_and_again_ends_as_ifundisturbed(world: World) -> None:
    """Kills of a sync that has everything to read and to write."""
    sweep(world, "fresh", kills=some(), seed=11)


def test_a_second_day_killed_again_and_again_ends_as_ifundisturbed(world: World) -> None:
    """Kills of a sync that opens tasks and an escalation, closes one, undoes an edit."""
    sweep(world, "second", kills=some(), seed=12)


def test_the_installed_command_can_be_killed_as_well(world: World) -> None:
    """The others are forked to save Python's start; this one is what an admin types."""
    pace = undisturbed(world, "second")
    state = world.back("second")
    process = world.start(state)
    assert until(world, process, "writes")
    process.kill()
    assert ended(process).code == -9
    done = ended(world.start(state))
    assert done.code == 0, done
    assert world.doubles() == []
    assert difference(world.truth(), pace.truth) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("moment", ["fresh", "second"])
def test_two_hundred_kills(world: World, moment: str, seed: int) -> None:
    """The same with other dice: 200 kills in all."""
    sweep(world, moment, kills=25, seed=100 + seed)
