"""Syncs that are killed at random moments, again and again, and what must hold in the end."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import databases
from forks import Fork
from sights import Truth
from world import WAITING, World, difference, ended

#: How often the test looks whether a sync has come further, in seconds: looking takes time of both.
_LOOK = 0.012
#: Most kills from one start.
_A_ROUND = 6


@dataclass(frozen=True)
class Pace:
    """An undisturbed sync: what it made of the CRM, and how long it took in seconds."""

    truth: Truth
    #: From its first call to its first write, and from there to its end.
    reading: float
    writing: float


def some() -> int:
    """Kills of one sweep of `make test`: `make soak` has hundreds. Fewer on a server."""
    return 6 if databases.server() is None else 3


def until(world: World, process: Fork | subprocess.Popen[str], counter: str) -> bool:
    """Wait for the first call, or the first record written; false where the process ended."""
    while process.poll() is None:
        if world.sandbox.counters()[counter]:
            return True
        time.sleep(_LOOK)
    return False


def undisturbed(world: World, moment: str) -> Pace:
    process = world.fork(world.back(moment))
    assert until(world, process, "total")
    first = time.monotonic()
    assert until(world, process, "writes"), "a sync without a write shows nothing"
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

    def once(self, world: World, process: Fork) -> int | None:
        """Kill it at a moment drawn from its reading, or from its writing.

        Returns:
            None where it was hit; the exit code of one that had ended by then.
        """
        # By turns, so that few kills hit both parts as well.
        if len(self.fates) % 2:
            if until(world, process, "writes"):
                time.sleep(self._dice.uniform(0, self._pace.writing))
        elif until(world, process, "total"):
            time.sleep(self._dice.uniform(0, self._pace.reading))
        process.kill()
        code = ended(process).code
        good = (-9, 0, WAITING) if world.patience else (-9, 0)
        assert code in good, f"a killed sync must not break the next one: exit {code}"
        if code != -9:
            return code
        wrote = world.sandbox.counters()["writes"]
        self.fates.append("writing" if wrote else "before writing")
        return None


def sweep(
    world: World,
    moment: str,
    *,
    kills: int,
    seed: int,
    look: Callable[[], None] = lambda: None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Kill syncs until so many were hit; from the start again each time that one gets through.

    At the end of each round stands a clean sync: the one that got through, or one more.

    Args:
        look: called after each kill.
        check: called at the end of each round, for what else must hold then.
    """
    pace = undisturbed(world, moment)
    killer = Killer(pace, seed)
    while len(killer.fates) < kills:
        state, first = world.back(moment), len(killer.fates)
        code = None
        while code is None and len(killer.fates) < min(kills, first + _A_ROUND):
            world.sandbox.clear_calls()
            code = killer.once(world, world.fork(state))
            world.breathe()
            if code is None:
                look()
        told = f"{moment}, seed {seed}, kills {first} and on: {killer.fates[first:]}"
        if code != 0:
            world.finish(state)
        assert world.doubles() == [], told
        differ = difference(world.truth(), pace.truth)
        assert differ == [], f"{told}: {differ[:10]}"
        check()
        world.sandbox.clear_calls()
        world.clean(state)
        assert world.writes() == 0, told
    print(dict(Counter(killer.fates)))
    assert {*killer.fates} == {"writing", "before writing"}, "both parts of a sync must be hit"
