"""`kill -9` at any moment, and the next sync makes it good: nothing twice, nothing missing."""

from __future__ import annotations

import random
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from world import World, difference, ended

#: How often the test looks whether a sync has come further, in seconds.
_LOOK = 0.004
Truth = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Pace:
    """An undisturbed sync: what it made of the CRM, and how long its parts took in seconds."""

    truth: Truth
    #: Calls before the first write.
    reads: int
    reading: float
    writing: float


def _calls(world: World) -> tuple[int, int]:
    """All calls so far, and the records they wrote."""
    counters = world.sandbox.counters()
    return int(counters["total"]), int(counters["writes"])


def _until(world: World, process: subprocess.Popen[str], calls: int) -> bool:
    """Wait until the sandbox has had so many calls; false where the process ended before."""
    while process.poll() is None:
        if _calls(world)[0] >= calls:
            return True
        time.sleep(_LOOK)
    return False


def _undisturbed(world: World, moment: str) -> Pace:
    state = world.back(moment)
    process = world.start(state)
    assert _until(world, process, 1)
    first = time.monotonic()
    written, reads = 0, 0
    while process.poll() is None and not written:
        calls, written = _calls(world)
        reads = calls if not written else reads
        time.sleep(_LOOK)
    began = time.monotonic()
    done = ended(process)
    assert done.code == 0, done
    assert world.writes() > 0, "a sync without a write shows nothing"
    return Pace(world.truth(), reads, began - first, time.monotonic() - began)


def _kill_once(world: World, state: Path, pace: Pace, dice: random.Random) -> str:
    """Start a sync and kill it: in the pull, while it thinks, or while it writes."""
    world.sandbox.clear_calls()
    process = world.start(state)
    writing = dice.random() < 0.5
    if _until(world, process, pace.reads + 1 if writing else 1):
        time.sleep(dice.uniform(0, pace.writing if writing else pace.reading + pace.writing))
    process.kill()
    code = ended(process).code
    wrote = _calls(world)[1]
    return "ended" if code != -9 else "writing" if wrote else "before writing"


def _sweep(world: World, moment: str, *, kills: int, rounds: int, seed: int) -> None:
    """Rounds of kills, each from the same moment and with a clean sync at its end."""
    dice = random.Random(seed)
    pace = _undisturbed(world, moment)
    fates: list[str] = []
    for number in range(rounds):
        state = world.back(moment)
        fates += [_kill_once(world, state, pace, dice) for _ in range(kills)]
        told = f"{moment}, seed {seed}, round {number}: {fates[-kills:]}"
        world.clean(state)
        assert world.doubles() == [], told
        assert difference(world.truth(), pace.truth) == [], told
        world.sandbox.clear_calls()
        world.clean(state)
        assert world.writes() == 0, told
    print({fate: fates.count(fate) for fate in sorted(set(fates))})
    assert fates.count("ended") <= len(fates) / 2, "most kills must hit a sync at work"
    assert {"writing", "before writing"} <= set(fates), "both parts of a sync must be hit"


def test_a_first_sync_killed_again_and_again_ends_as_if_undisturbed(world: World) -> None:
    """25 kills of a sync that has everything to read and to write."""
    _sweep(world, "fresh", kills=5, rounds=5, seed=11)


def test_a_second_day_killed_again_and_again_ends_as_if_undisturbed(world: World) -> None:
    """25 kills of a sync that opens a task and an escalation, closes one, undoes an edit."""
    _sweep(world, "second", kills=5, rounds=5, seed=12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("moment", ["fresh", "second"])
def test_two_hundred_kills(world: World, moment: str, seed: int) -> None:
    """The same with other dice: 200 kills in all."""
    _sweep(world, moment, kills=5, rounds=5, seed=100 + seed)
