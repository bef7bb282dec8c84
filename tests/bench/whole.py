"""Whole syncs as processes: calls, CPU and peak memory, and what a quiet one costs."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from math import ceil
from typing import Any

from tests.bench import measure
from tests.bench.scene import Scene
from tests.bench.table import Result

#: Rows of a REST page, and of a page of a Bulk job's results.
_REST, _BULK = 2_000, 50_000
#: One look at a job: the formula's least.
_LOOKS = 1
#: What the default mapping reads, our own records among them.
_OBJECTS = (
    "Account", "Contact", "Case", "Task", "Event", "Opportunity", "Asset", "User",
    "Health_Usage__c", "Health_Survey__c", "Health_Episode__c", "Health_Escalation__c",
)  # fmt: skip
#: Past the overlap with which changes are read again.
PAST = timedelta(hours=1)


def syncs(scene: Scene) -> list[Result]:
    """The full read, then one with the echo of our writes, a busy one and a quiet one."""
    box, results = scene.sandbox, []
    box.clear_calls()
    full = measure.sync(scene.environment)
    reads = _reads(box.calls())
    least = {name: _formula(count) for name, count in _read_objects(scene).items()}
    results.append(
        Result(
            "full read: API calls over the formula",
            sum(reads.values()) / sum(least.values()),
            "x",
            f"{sum(reads.values())} read calls for {sum(scene.rows.values()):,} rows; the formula: "
            f"ceil(n/2000) by REST or 1 + p + ceil(n/50,000) by Bulk, p = 1, whichever is less",
            1.05,
            {"calls": reads, "formula": least},
        )
    )
    results.append(cost("full sync: CPU", full, full.answer))
    box.advance(PAST.total_seconds())
    echo = measure.sync(scene.environment)
    results.append(cost("sync that reads our own writes back: CPU", echo, echo.answer))
    box.advance(PAST.total_seconds())
    touched = box.touch(1.0)
    box.advance(60)
    busy = measure.sync(scene.environment)
    results.append(
        Result(
            "1 % of the cases changed: CPU over that of the full sync",
            100 * busy.cpu / full.cpu,
            "%",
            f"{touched:,} cases; {busy.cpu:.2f} s over {full.cpu:.2f} s, whole processes with "
            "Python's start",
            10.0,
            {"busy": busy.cpu, "full": full.cpu, "counts": busy.answer.get("counts")},
        )
    )
    box.advance(PAST.total_seconds())
    measure.sync(scene.environment)
    box.advance(PAST.total_seconds())
    box.clear_calls()
    quiet = measure.sync(scene.environment)
    calls, crossed = box.calls(), int(box.counters()["writes"])
    each = _reads(calls)
    # Time alone may have carried a case past its SLA. With the clock standing still nothing can.
    measure.sync(scene.environment)
    box.clear_calls()
    measure.sync(scene.environment)
    results += [
        Result(
            "nothing new: read calls a CRM object",
            sum(each.values()) / len(_OBJECTS),
            "",
            f"{sum(each.values())} for {len(_OBJECTS)} objects, {len(calls)} calls in all",
            1,
            {"calls": each},
        ),
        Result(
            "nothing new, the clock standing still: records written",
            box.counters()["writes"],
            "",
            f"by the sandbox's log; an hour's passing alone had {crossed} written",
            0,
        ),
        cost("nothing new: CPU", quiet, quiet.answer),
    ]
    return results


def memory(large: Scene, small: Scene) -> Result:
    """Peak memory of a full sync, at the size and at a tenth of it."""
    big, little = (measure.sync(scene.new_state().environment) for scene in (large, small))
    return Result(
        "full sync: peak memory over that at a tenth of the size",
        big.peak / little.peak,
        "x",
        f"{big.peak:.0f} MiB over {little.peak:.0f} MiB, maxrss of the process",
        1.3,
        {"large": big.peak, "small": little.peak},
    )


def cost(target: str, ended: measure.Ended, answer: Any) -> Result:
    """What one sync took, told for its own sake."""
    assessed = answer.get("assessed", 0)
    return Result(
        target,
        ended.cpu,
        "s",
        f"{assessed:,} accounts assessed, {sum(answer.get('counts', {}).values()):,} plan rows, "
        f"peak {ended.peak:.0f} MiB, {ended.wall:.1f} s by the clock",
        details={"peak": ended.peak, "wall": ended.wall, "counts": answer.get("counts")},
    )


def _reads(calls: list[dict[str, Any]]) -> dict[str, int]:
    """Calls that read rows, by object or way; login, org, describe, limits and counts apart."""
    found: Counter[str] = Counter()
    for call in calls:
        path = call["path"]
        if "/jobs/query" in path:
            found["Bulk"] += 1
        elif "/query" in path:
            found[_object(call)] += 1
        elif path.endswith("/composite") and not call["writes"]:
            found["shared"] += 1
    # The org is asked for its time zone, and the first shared call describes the objects.
    del found["Organization"]
    found["shared"] -= 1
    return dict(+found)


def _object(call: dict[str, Any]) -> str:
    _, _, after = call["query"].replace("+", " ").replace("%20", " ").partition("FROM ")
    return after.split(" ")[0].split("&")[0] or "next pages"


def _read_objects(scene: Scene) -> dict[str, int]:
    """Rows of the objects that the default mapping reads; one without rows takes a call as well."""
    return {name: scene.rows.get(name, 0) for name in _OBJECTS}


def _formula(rows: int) -> int:
    return min(max(1, ceil(rows / _REST)), 1 + _LOOKS + ceil(rows / _BULK))
