"""One CRM through the year: a day at a time, and what was seen on each."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from crm_health.store import Scope
from crm_health.sync.run import Report
from tests.year.people import WORK, People, Work
from tests.year.records import Row, Step
from tests.year.side import Side, Truth, side
from tests.year.world import World

#: What happened overnight is in the CRM so long before the morning's sync.
_BEFORE = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Day:
    """What one day brought on one side, in common words."""

    day: str
    #: What the CRM says that it did not say the day before.
    changed: Truth
    #: Tasks that people closed on the day before.
    closed: list[str]
    #: Accounts whose fields they changed, and which.
    meddled: list[tuple[str, list[str]]]
    #: Account to its computed score and band of the day.
    scores: dict[str, list[Any]]
    #: Accounts that the sync wrote, and what the plan says of each.
    written: dict[str, str]
    #: Tasks that wait, and those that are not told any more.
    waiting: int
    expired: int
    #: What a guard held, before a person approved it.
    stops: list[str]
    #: Writes of a second sync on the same day, where there was one.
    again: dict[str, int] | None
    #: Seconds of the first sync.
    took: float


def live(name: str, world: World, folder: Path) -> Iterator[Day]:
    """Go through the year; yields each day after its sync.

    Args:
        name: Of the CRM.
        world: What there is, and what happens.
        folder: For the state.
    """
    nights = _nights(world)
    with side(name, folder, world.start - _BEFORE, world.head) as one:
        one.load(world.before)
        one.set_up()
        people, work = People(world), Work()
        for number in range(world.days + 1):
            morning = world.morning(number)
            one.box.clock(morning - _BEFORE)
            for batch in nights[number]:
                _happen(one, world, batch)
            one.box.clock(morning)
            began = time.perf_counter()
            report, stops = one.sync()
            took = time.perf_counter() - began
            changed = one.refresh()
            written = _written(one, report)
            again = _again(one, morning) if morning.day == 1 or number in (1, 2) else None
            yield Day(
                day=str(report.setting.day),
                changed=changed,
                closed=[key for kind, key, _ in work.edits if kind == "task"],
                meddled=[(key, sorted(r)) for kind, key, r in work.edits if kind == "account"],
                scores=_scores(one, report),
                written=written,
                waiting=report.waiting,
                expired=report.expired,
                stops=stops,
                again=again,
                took=round(took, 2),
            )
            at = morning + WORK
            one.box.clock(at)
            work = people.day(one.truth, at)
            _do(one, work)


def _nights(world: World) -> dict[int, list[list[Step]]]:
    """By the morning that sees them: batches of records that come, and single saves."""
    found: dict[int, list[list[Step]]] = defaultdict(list)
    for step in world.steps:
        number = -((world.start - step.at) // timedelta(days=1))
        batches = found[number]
        if step.comes and batches and batches[-1][0].comes:
            batches[-1].append(step)
        else:
            batches.append([step])
    return found


def _happen(one: Side, world: World, batch: list[Step]) -> None:
    if not batch[0].comes:
        (step,) = batch
        if step.object == "User":
            row = {**world.users[step.id], **step.values, "SystemModstamp": step.at}
            one.load({"User": [row]})
        else:
            one.save(step)
        return
    records: dict[str, list[Row]] = defaultdict(list)
    for step in batch:
        records[step.object].append(step.values)
    one.load(records)


def _do(one: Side, work: Work) -> None:
    one.load(work.records)
    for kind, key, roles in work.edits:
        one.edit(kind, key, **roles)
    for account, name, reason, severity in work.escalations:
        one.escalate(account, name, reason, severity)


def _written(one: Side, report: Report) -> dict[str, str]:
    rows = one.store.plans.rows(report.run.id).filter(pl.col("kind") == "fields")
    return {one.common(a): why for a, why in rows.select("account_id", "why").iter_rows()}


def _again(one: Side, morning: datetime) -> dict[str, int]:
    """A second sync a minute later."""
    one.box.clock(morning + _MINUTE)
    report, _ = one.sync()
    return report.outcomes


def _scores(one: Side, report: Report) -> dict[str, list[Any]]:
    found = one.store.history.series(report.setting.day, Scope.all())
    rows = found.select("account_id", "score", "band").iter_rows()
    return {one.common(account): [score, band] for account, score, band in rows}


def write(name: str, world: World, folder: Path, out: Path) -> None:
    """The same into a file, a line a day."""
    with out.open("wb") as file:
        for day in live(name, world, folder):
            file.write(orjson.dumps(day) + b"\n")
            file.flush()


def read(out: Path) -> Iterator[Day]:
    """What `write` wrote."""
    with out.open("rb") as file:
        for line in file:
            yield Day(**orjson.loads(line))
