"""One day's sync of a book on which the programmes have run: what they cost, and what assessing."""

from __future__ import annotations

import resource
from dataclasses import replace
from datetime import timedelta
from typing import Any

from crm_health import settings
from crm_health.cli.context import Context
from crm_health.config.load import Config
from crm_health.programmes import programme_memory
from crm_health.programmes.placing import Placing
from crm_health.store import Store
from crm_health.store.history import History
from crm_health.store.mirror import Mirror
from crm_health.sync import at_work, desire, draft, fields, population, ration, run
from crm_health.sync.options import Options
from crm_health.sync.pull import pull
from tests.bench.echo import Echo
from tests.bench.measure import cpu_of
from tests.bench.product import given, tell
from tests.bench.scene import NOW
from tests.bench.stopwatch import Stopwatch

#: Steps that are watched: where they are called from, and what they are called.
_WATCHED = (
    (draft, "assess", "assess"),
    (draft, "desire", "desire"),
    (at_work, "kin", "kin"),
    (ration, "waiting", "ration"),
    (run.population, "figures", "book"),
    (desire.records, "load", "records"),
    (desire, "decide", "decide"),
    (desire, "alert_lines", "lines"),
    (desire, "escalating", "escalating"),
    (desire, "next_touches", "next touches"),
    (desire, "field_rows", "fields"),
    (fields, "_health", "health fields"),
    (desire, "context_rows", "context"),
    (desire, "task_rows", "task texts"),
    (desire, "clearing_rows", "clearing"),
    (desire, "_tasks", "ranking"),
    (Placing, "__call__", "placing"),
    (programme_memory, "parse", "placing"),
    (programme_memory, "edited", "placing"),
    (Mirror, "load", "load"),
    (History, "series", "load"),
)


#: Days before the one that is measured on which it was synced: the plan of touches begins a week
#: after a customer came into its tier, and a day has news of a day.
BEFORE = (9, 1)


def main() -> None:
    """The sync of the first day, applied; or that of the next, planned and measured."""
    asked = given()
    context = Context(settings.load())
    with context.store(fresh=False) as store:
        if asked["first"]:
            tell(_first(store, context.config))
        else:
            tell(_next(store, context.config, asked["repeats"]))


def _first(store: Store, config: Config) -> dict[str, Any]:
    """A book on which people have worked for a while: their days are full already."""
    playbook, told = config.playbook, []
    busy = playbook.model_copy(update={"tasks_a_day": playbook.tasks_open})
    for days, todays in zip(BEFORE, (busy, playbook), strict=True):
        echo = Echo(config.mapping, NOW - timedelta(days=days))
        report = _sync(store, replace(config, playbook=todays), echo, dry_run=False)
        told.append(_kinds(store, report) | {"waiting": report.waiting})
        pull(echo, store, report.setting, full=False, may_shrink=frozenset(), tick=lambda *_: None)
    return {"days": told}


def _next(store: Store, config: Config, repeats: int) -> dict[str, Any]:
    echo = Echo(config.mapping, NOW)
    turns, reports = [], []
    for _ in range(repeats):
        watch = Stopwatch()
        with watch.watching(_WATCHED):
            reports.append(_sync(store, config, echo, dry_run=True))
        turns.append(watch.taken)
    peak, report = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, reports[-1]
    steps = {step: min(turn.get(step, 0.0) for turn in turns) for step in turns[0]}
    off = dict.fromkeys(("lifecycle", "tiers", "value_stages"))
    plain = config.playbook.model_copy(update=off)
    setting = replace(report.setting, config=replace(report.setting.config, playbook=plain))
    return {
        "cpu": _sums(steps, cpu_of(lambda: population.anew(store, setting))),
        "steps": {"/".join(step): seconds for step, seconds in steps.items()},
        "peak": peak,
        "accounts": report.assessed,
        "waiting": report.waiting,
        "kinds": _kinds(store, report),
    }


def _sums(steps: dict[tuple[str, str], float], book: float) -> dict[str, dict[str, float]]:
    """What each side takes for its rows (`load`), with them (`work`), and over the book.

    Args:
        steps: As a stopwatch has them.
        book: What the pass over the book takes where no customer is placed.
    """
    found = {side: {"load": 0.0, "work": 0.0} for side in ("programmes", "assessing")}
    whole = 0.0
    for (outermost, step), seconds in steps.items():
        if outermost == "book":
            whole += seconds
        elif outermost in ("assess", "desire", "ration") and step != "health fields":
            assessing = outermost == "assess" and step != "placing"
            kind = "load" if step in ("load", "kin") else "work"
            found["assessing" if assessing else "programmes"][kind] += seconds
    found["programmes"]["book"] = max(whole - book, 0.0)
    found["assessing"]["book"] = book
    return found


def _sync(store: Store, config: Config, echo: Echo, *, dry_run: bool) -> run.Report:
    now = echo.now
    begun = store.runs.start(
        org_id=echo.identity().org_id, as_of=now, now=now, digest=config.digest, kind="sync"
    )
    report = run.sync(echo, store, config, begun, Options(dry_run=dry_run))
    store.runs.finish(begun, outcome="done", exit_code=0, counts={}, calls={})
    return report


def _kinds(store: Store, report: run.Report) -> dict[str, int]:
    found = store.plans.kinds(report.run.id)
    return {kind: sum(states.values()) for kind, states in found.items()}


if __name__ == "__main__":
    main()
