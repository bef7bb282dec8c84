"""Whole syncs on HubSpot as processes: what they call, beside the least that the API allows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from typing import Any

from tests.bench import measure
from tests.bench.scene import Scene
from tests.bench.table import Result
from tests.bench.whole import cost

#: Records of a list or a batch, hits of a search, ids of a read of associations, pairs of a write.
_BATCH, _HITS, _ENDS, _PAIRS = 100, 200, 1_000, 2_000
#: What the default mapping reads of an account without custom objects. Owners have no search.
OBJECTS = (
    "companies", "contacts", "tickets", "calls", "meetings", "emails", "tasks", "deals",
    "feedback_submissions",
)  # fmt: skip
_OWNERS = "owners"
#: Past the hour by which each search reaches back.
_PAST = timedelta(minutes=61)
#: Whose records change in a busy hour, and what these are associated with.
_BUSY, _PAIRED = "tickets", ("companies", "contacts")
_FAMILY = re.compile(r"/crm/(?P<family>objects|associations|owners)/[^/]+(?P<rest>/.*)?")


@dataclass
class Calls:
    """Calls of a sync by what they were for; those that describe the account apart."""

    #: Pages of lists, by object.
    lists: Counter[str] = field(default_factory=Counter)
    #: Searches, by object.
    searches: Counter[str] = field(default_factory=Counter)
    #: Batch reads of records.
    values: Counter[str] = field(default_factory=Counter)
    #: Batch reads of associations, by `from/to`.
    ends: Counter[str] = field(default_factory=Counter)
    #: Batches written, and rows in them.
    writes: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)

    @property
    def reads(self) -> int:
        """All calls that read records or associations."""
        kinds = (self.lists, self.searches, self.values, self.ends)
        return sum(found.total() for found in kinds)

    @property
    def details(self) -> dict[str, dict[str, int]]:
        """For `--json`."""
        return {name: dict(found) for name, found in vars(self).items()}


def counted(log: list[dict[str, Any]]) -> Calls:
    """The sandbox's log, sorted."""
    calls = Calls()
    for call in log:
        found = _FAMILY.fullmatch(call["path"])
        if found is None:
            continue
        *names, last = (found["rest"] or "/").strip("/").split("/")
        name = "/".join(part for part in names if part not in ("batch", "associate"))
        if found["family"] == "owners":
            calls.lists[_OWNERS] += 1
        elif "batch" not in names:
            searched = last == "search"
            calls.searches[name] += searched
            calls.lists[last] += not searched
        elif last != "read":
            calls.writes[f"{name} {last}"] += 1
            calls.written[f"{name} {last}"] += call["rows"]
        elif found["family"] == "associations":
            calls.ends[name] += 1
        else:
            calls.values[name] += 1
    return calls


def syncs(scene: Scene) -> list[Result]:
    """The full read, then one with the echo of our writes, a busy one and a quiet one."""
    box = scene.sandbox
    full, first = _run(scene)
    results = [*_of_full(scene, first), cost("full sync: CPU", full, full.answer)]
    box.advance(_PAST.total_seconds())
    echo, _ = _run(scene)
    results.append(cost("sync that reads our own writes back: CPU", echo, echo.answer))
    box.advance(_PAST.total_seconds())
    touched = box.hubspot.touch(1.0, _BUSY)
    box.advance(60)
    busy, calls = _run(scene)
    results += [
        *_of_busy(touched, calls),
        cost("1 % of the tickets changed: CPU", busy, busy.answer),
    ]
    box.advance(_PAST.total_seconds())
    _run(scene)
    box.advance(_PAST.total_seconds())
    quiet, calls = _run(scene)
    crossed = int(box.counters()["writes"])
    # Time alone may have carried a ticket past its SLA. With the clock standing still nothing can.
    _run(scene)
    _run(scene)
    results += _of_quiet(calls, int(box.counters()["writes"]), crossed)
    return [*results, cost("nothing new: CPU", quiet, quiet.answer)]


def _run(scene: Scene) -> tuple[measure.Ended, Calls]:
    scene.sandbox.clear_calls()
    ended = measure.sync(scene.environment)
    return ended, counted(scene.sandbox.calls())


def _of_full(scene: Scene, calls: Calls) -> list[Result]:
    names = (*OBJECTS, _OWNERS)
    least = {name: max(1, ceil(scene.rows.get(name, 0) / _BATCH)) for name in names}
    batches = {
        name: ceil(rows / (_PAIRS if "/" in name else _BATCH))
        for name, rows in calls.written.items()
    }
    rows = sum(scene.rows.values())
    told = ", ".join(f"{name} {n:,}" for name, n in calls.written.items())
    return [
        Result(
            "full read: API calls over the formula",
            calls.reads / sum(least.values()),
            "x",
            f"{calls.reads:,} read calls for {rows:,} records; the formula: ceil(n/100)",
            1.05,
            {**calls.details, "formula": least},
        ),
        Result(
            "first write-back: API calls over the formula",
            calls.writes.total() / max(1, sum(batches.values())),
            "x",
            f"{calls.writes.total():,} calls; rows: {told or 'none'}; the formula: ceil(n/100), "
            "of associations ceil(n/2000)",
            1.05,
            {"formula": batches},
        ),
    ]


def _of_busy(touched: int, calls: Calls) -> list[Result]:
    searches = dict.fromkeys(OBJECTS, 1) | {_BUSY: max(1, ceil(touched / _HITS))}
    least = sum(searches.values()) + 1 + len(_PAIRED) * ceil(touched / _ENDS)
    values = ceil(touched / _BATCH)
    how = (
        f"{touched:,} tickets: {calls.searches.total()} searches, {calls.values.total()} batch "
        f"reads, {calls.ends.total()} of associations, {calls.lists.total()} lists"
    )
    return [
        Result(
            "1 % of the tickets changed: API calls over the formula",
            calls.reads / (least + values),
            "x",
            f"{how}; the formula: ceil(d/200) searches, ceil(d/1000) a pair, and ceil(d/100) for "
            "the values",
            1.05,
            {**calls.details, "formula": least + values},
        ),
        Result(
            "the same, over the formula that takes values from search hits",
            calls.reads / least,
            "x",
            f"{calls.reads} over {least}: without ceil(d/100)",
            1.05,
            {"formula": least},
        ),
    ]


def _of_quiet(calls: Calls, writes: int, crossed: int) -> list[Result]:
    return [
        Result(
            "nothing new: searches of one object, at most",
            max(calls.searches.values(), default=0),
            "",
            f"{calls.searches.total()} searches of {len(calls.searches)} objects, "
            f"{calls.reads} read calls in all",
            1,
            calls.details,
        ),
        Result(
            "nothing new, the clock standing still: records written",
            writes,
            "",
            f"by the sandbox's log; an hour's passing alone had {crossed} written",
            0,
        ),
    ]
