"""`kill -9` at any moment, and the next sync makes it good: nothing twice, nothing missing."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from forks import Fork
from world import World, difference, ended

#: How often the test looks whether a sync has come further, in seconds.
_LOOK = 0.004
#: Most kills from one start.
_A_ROUND = 6
Truth = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Pace:
    """An undisturbed sync: what it made of the CRM, and how long it took in seconds."""

    truth: Truth
    #: From its first call to its first write, and from there to its end.
    reading: float
    writing: float


def _until(world: World, process: Fork | subprocess.Popen[str], counter: str) -> bool:
    """Wait for the first call, or the first record written; false where the process ended."""
    while process.poll() is None:
        if world.sandbox.counters()[counter]:
            return True
        time.sleep(_LOOK)
    return False


def _undisturbed(world: World, moment: str) -> Pace:
    process = world.fork(world.back(moment))
    assert _until(world, process, "total")
    first = time.monotonic()
    assert _until(world, process, "writes"), "a sync without a write shows nothing"
    began = time.monotonic()
    done = ended(process)
    assert done.code == 0, done
    return Pace(world.truth(), began - first, time.monotonic() - began)


class Killer:
    """Kills syncs: in the pull, while they think, while they write."""

    def __init__(self, pace: Pace, seed: int) -> None:
        self._pace = pace
        self._dice = random.Random(seed)
        self.fates: list[str] = []

    def once(self, world: World, process: Fork) -> bool:
        """Kill it at a moment drawn from its whole duration, or from that of its writes.

        Returns:
            Whether it was hit; false where it had ended by then.
        """
        if self._dice.random() < 0.4:
            if _until(world, process, "writes"):
                time.sleep(self._dice.uniform(0, self._pace.writing))
        elif _until(world, process, "total"):
            time.sleep(self._dice.uniform(0, self._pace.reading + self._pace.writing))
        process.kill()
        code = ended(process).code
        assert code in (-9, 0), f"a killed sync must not break the next one: exit {code}"
        if code == 0:
            return False
        wrote = world.sandbox.counters()["writes"]
        self.fates.append("writing" if wrote else "before writing")
        return True


def _sweep(world: World, moment: str, *, kills: int, seed: int) -> None:
    """Kill syncs until so many were hit; from the start again each time that one gets through.

    At the end of each round stands a clean sync: the one that got through, or one more.
    """
    pace = _undisturbed(world, moment)
    killer = Killer(pace, seed)
    while len(killer.fates) < kills:
        state, first = world.back(moment), len(killer.fates)
        through = False
        while not through and len(killer.fates) < min(kills, first + _A_ROUND):
            world.sandbox.clear_calls()
            through = not killer.once(world, world.fork(state))
        told = f"{moment}, seed {seed}, kills {first} and on: {killer.fates[first:]}"
        if not through:
            world.clean(state)
        assert world.doubles() == [], told
        assert difference(world.truth(), pace.truth) == [], told
        world.sandbox.clear_calls()
        world.clean(state)
        assert world.writes() == 0, told
    print(dict(Counter(killer.fates)))
    assert {*killer.fates} == {"writing", "before writing"}, "both parts of a sync must be hit"


def test_a_first_sync_killed_again_and_again_ends_as_if_undisturbed(world: World) -> None:
    """25 kills of a sync that has everything to read and to write."""
    _sweep(world, "fresh", kills=25, seed=11)


def test_a_second_day_killed_again_and_again_ends_as_if_undisturbed(world: World) -> None:
    """25 kills of a sync that opens tasks and an escalation, closes one, undoes an edit."""
    _sweep(world, "second", kills=25, seed=12)


def test_the_installed_command_can_be_killed_as_well(world: World) -> None:
    """The others are forked to save Python's start; this one is what an admin types."""
    pace = _undisturbed(world, "second")
    state = world.back("second")
    process = world.start(state)
    assert _until(world, process, "writes")
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
    _sweep(world, moment, kills=25, seed=100 + seed)
