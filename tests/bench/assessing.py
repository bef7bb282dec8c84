"""Assessing loaded rows, beside a bare aggregation of the same columns."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import polars as pl

from crm_health.health import band, facts, receipt, score, text, trend, weeks
from crm_health.store import Scope, Store
from crm_health.sync import population
from crm_health.sync.assess import assess, in_scope, load_facts
from crm_health.sync.setting import Setting
from tests.bench.bare import ENTITIES, aggregate
from tests.bench.measure import cpu_of, in_turns
from tests.bench.product import given, product, tell

#: What is assessed for one figure: so many parts of a full assessment.
_PARTS = 4
_STEPS: dict[str, tuple[ModuleType, str]] = {
    "facts": (facts, "compute"),
    "score": (score, "assess"),
    "band": (band, "settle"),
    "trend": (trend, "trend"),
    "weeks": (weeks, "last_12_weeks"),
    "texts": (text, "why"),
    "receipts": (receipt, "receipts"),
}


def loaded(store: Store) -> Store:
    """The store as the steps see it, but what they load once is in memory from then on."""

    def remembered(work: Callable[..., Any]) -> Callable[..., Any]:
        known: dict[str, Any] = {}

        def answer(*asked: Any) -> Any:
            key = repr([part.bucket_range if isinstance(part, Scope) else part for part in asked])
            if key not in known:
                known[key] = work(*asked)
            return known[key]

        return answer

    mirror, history = store.mirror, store.history
    names = ("load", "newest", "last_read")
    stand_in = SimpleNamespace(
        mirror=SimpleNamespace(**{name: remembered(getattr(mirror, name)) for name in names}),
        history=SimpleNamespace(series=remembered(history.series)),
    )
    return cast("Store", stand_in)


def compared(whole: Store, setting: Setting, repeats: int) -> dict[str, Any]:
    """Facts and score alone, then everything up to receipts, both beside the bare aggregation.

    Args:
        whole: An open state.
        setting: Of a run on it.
        repeats: Turns of each pair.
    """
    taken = dict.fromkeys(_STEPS, 0.0)
    scopes = population.parts(whole, setting)[:_PARTS]
    store = loaded(whole)
    book = population.figures(whole, setting)
    accounts = [in_scope(store, setting, scope) for scope in scopes]
    frames = [_frames(store, setting, scope) for scope in scopes]

    def narrow() -> None:
        for scope, mine in zip(scopes, accounts, strict=True):
            view = load_facts(store, setting, mine, scope, book)
            score.assess(setting.config.model, view, setting.as_of)

    def everything() -> None:
        for scope in scopes:
            assess(store, setting, scope, book)

    def bare() -> None:
        for rows in frames:
            aggregate(rows, setting.as_of, setting.calendar.time_zone)

    everything()
    first = in_turns(lambda: cpu_of(narrow), lambda: cpu_of(bare), repeats)
    second = in_turns(lambda: cpu_of(everything), lambda: cpu_of(bare), repeats)
    _watch(taken)
    all_of_it = cpu_of(everything)
    return {
        "narrow": first.ours,
        "everything": second.ours,
        "bare": min(first.bare, second.bare),
        "accounts": sum(mine.height for mine in accounts),
        "rows": sum(rows.height for part in frames for rows in part.values()),
        "steps": {**taken, "the rest": all_of_it - sum(taken.values())},
    }


def main() -> None:
    """On the state of a sync."""
    asked = given()
    with product() as made:
        tell(compared(made.store, made.setting, asked["repeats"]))


def _frames(store: Store, setting: Setting, scope: Scope) -> dict[str, pl.DataFrame]:
    shapes = setting.reads.shapes
    return {
        entity: store.mirror.load(entity, list(shapes[entity]), scope)
        for entity in ENTITIES
        if entity in shapes
    }


def _watch(taken: dict[str, float]) -> None:
    """Add up the CPU of each step."""
    for name, (module, function) in _STEPS.items():
        setattr(module, function, _timed(name, getattr(module, function), taken))


def _timed(name: str, work: Callable[..., Any], taken: dict[str, float]) -> Callable[..., Any]:
    def timed(*given: Any, **more: Any) -> Any:
        before = time.process_time()
        answer = work(*given, **more)
        taken[name] += time.process_time() - before
        return answer

    return timed


if __name__ == "__main__":
    main()
