"""A CRM with a company in it, and syncs of it as processes of their own."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import databases
from forks import Fork, Forks
from sights import SALESFORCE, Sight, Truth

from connectors.sandbox.handle import Sandbox
from connectors.sandbox.story import Story, build_story, second_day
from crm_health.config.load import load
from crm_health.testing.ports import make_ports

#: A Monday morning, so that business hours and due dates are plain.
NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
_LIMIT = 120
#: Exit code of a sync that left something for a later one.
WAITING = 3
#: The console command, as installed for this Python.
COMMAND = Path(sys.executable).with_name("crm-health")


@dataclass(frozen=True)
class Done:
    """A process that ended."""

    code: int
    out: str
    err: str


@dataclass
class World:
    """The sandbox, moments of it to come back to, and the states of those moments."""

    sandbox: Sandbox
    story: Story
    folder: Path
    forks: Forks
    sight: Sight = SALESFORCE
    clocks: dict[str, datetime] = field(default_factory=dict)
    states: dict[str, Path] = field(default_factory=dict)
    #: Seconds after which a sync takes up again what a killed one may still have under way.
    patience: float = 0.0
    #: Variables that every process here gets.
    settings: dict[str, str] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    # -- moments ------------------------------------------------------------------------------

    def keep(self, moment: str, state: Path | None = None) -> None:
        """Remember the CRM, its clock and a state under a name."""
        self.sandbox.snapshot(moment)
        self.clocks[moment] = self.sandbox.clock()
        if state is not None:
            copy = self.folder / f"kept-{moment}" / state.name
            self.states[moment] = databases.copied(state, copy)

    def back(self, moment: str) -> Path:
        """The CRM as it was, without faults or calls; returns a fresh copy of the state.

        Where the moment had no state, the path of one that is not there yet.
        """
        self.sandbox.clear_faults()
        self.sandbox.restore(moment)
        self.sandbox.clock(self.clocks[moment])
        self.sandbox.clear_calls()
        path = self.new_state()
        if moment in self.states:
            databases.copied(self.states[moment], path)
        return path

    def breathe(self) -> None:
        """A moment passes, as it does between two syncs."""
        if self.sight.breath:
            self.sandbox.advance(self.sight.breath)

    def new_state(self) -> Path:
        """The path of a state that is not there yet, in a folder of its own."""
        return self.folder / f"state-{next(self._numbers)}" / "state.db"

    # -- processes ----------------------------------------------------------------------------

    def environment(self, state: Path, **more: str) -> dict[str, str]:
        """The variables of a sync: the sandbox, the state, and nothing of this process's own."""
        ours = ("CRM_HEALTH_", "DATABASE_URL")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        return {
            **kept,
            **self.sight.crm.variables(self.sandbox.url),
            **databases.environment(state),
            "CRM_HEALTH_LOG_LEVEL": "error",
            "NO_COLOR": "1",
            "COLUMNS": "200",
            **self.settings,
            **more,
        }

    def fork(self, state: Path, *words: str, **more: str) -> Fork:
        """Start `crm-health sync`, or the command given, without Python's own start."""
        return self.forks.start(words or ("sync",), self.environment(state, **more))

    def start(self, state: Path, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start `crm-health sync`, or the command given, by its console command."""
        return subprocess.Popen(
            [str(COMMAND), *(words or ("sync",))],
            env=self.environment(state, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def run(self, state: Path, *words: str, **more: str) -> Done:
        """Run it to its end."""
        return ended(self.fork(state, *words, **more))

    def clean(self, state: Path, *words: str) -> Done:
        """Run it to its end, which must be a good one."""
        done = self.run(state, *words)
        assert done.code == 0, done
        return done

    def finish(self, state: Path) -> None:
        """Run it until nothing waits any more: at once, or once patience has an end."""
        done = self.run(state)
        if done.code == WAITING and self.patience:
            self.sandbox.advance(self.patience)
            done = self.run(state)
        assert done.code == 0, done

    # -- the truth ----------------------------------------------------------------------------

    def writes(self) -> int:
        """Records that calls changed since the log was cleared."""
        return int(self.sandbox.counters()["writes"])

    def truth(self) -> Truth:
        """What the CRM holds: object, then key of ours or id, then field."""
        return self.sight.truth(self.sandbox)

    def episodes(self) -> Counter[str]:
        """How many tasks, episodes and escalations there are for each key without its seal."""
        return Counter(self.sight.keys(self.sandbox))

    def doubles(self) -> list[str]:
        """Keys of ours that stand on more than one record of an object."""
        return [key for key, count in self.episodes().items() if count > 1]


def ended(process: subprocess.Popen[str] | Fork) -> Done:
    """Wait for a process."""
    try:
        out, err = process.communicate(timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate(timeout=10)
        raise AssertionError(f"still running after {_LIMIT} s:\n{out}\n{err}") from None
    assert process.returncode is not None
    return Done(process.returncode, out, err)


def difference(
    now: Mapping[str, Mapping[str, Mapping[str, Any]]],
    then: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> list[str]:
    """Where two truths differ: object, key, field and both values."""
    found = []
    for name in then:
        for key in sorted({*now[name], *then[name]}):
            mine, theirs = now[name].get(key), then[name].get(key)
            if mine is None or theirs is None:
                found.append(f"{name} {key} only {'then' if mine is None else 'now'}")
                continue
            found += [
                f"{name} {key} {column}: {mine.get(column)!r}, not {theirs.get(column)!r}"
                for column in sorted({*mine, *theirs})
                if mine.get(column) != theirs.get(column)
            ]
    return found


def changed_fields(
    now: Mapping[str, Mapping[str, Any]], then: Mapping[str, Mapping[str, Any]]
) -> Counter[str]:
    """How many records of one object changed in each field."""
    return Counter(
        column
        for key, row in now.items()
        for column, value in row.items()
        if value != then.get(key, {}).get(column)
    )


def build(
    sandbox: Sandbox,
    forks: Forks,
    folder: Path,
    *,
    accounts: int,
    customers: int,
    sight: Sight = SALESFORCE,
) -> World:
    """Load the story, set the org up as its admin, and keep the moment as "fresh"."""
    story = build_story(seed=1, accounts=accounts, customers=customers, now=NOW)
    sight.crm.load(sandbox, story)
    config = load(None, crm=sight.crm.name)
    before = dict(os.environ)
    os.environ.update(sight.crm.variables(sandbox.url))
    try:
        setup = sight.provisioner(make_ports(), config.mapping.api_version, config.mapping)
        setup.apply()
        setup.close()
    finally:
        os.environ.clear()
        os.environ.update(before)
    world = World(sandbox, story, folder, forks, sight)
    world.keep("fresh")
    return world


def let_a_day_pass(world: World) -> None:
    """The demo's second day: people work, one of them edits a field of ours, a day passes."""
    for change in second_day(world.story):
        world.sight.crm.save(world.sandbox, change)
    world.sandbox.advance(DAY.total_seconds())
