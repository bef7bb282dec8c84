"""Assessing a whole book from its state, part by part: what an account costs, and the peak."""

from __future__ import annotations

import resource

from crm_health import settings
from crm_health.cli.context import Context
from crm_health.sync import models, offline, population
from crm_health.sync.assess import assess
from tests.bench.assessing import compared
from tests.bench.measure import cpu_of
from tests.bench.product import given, tell


def main() -> None:
    """All parts once; then, if asked, what four of them cost beside the bare aggregation."""
    asked = given()
    context = Context(settings.load())
    with context.store(fresh=False) as store:
        setting = offline.setting(store, context.config)
        answer: dict[str, object] = {"book": {}}
        found = {"scored": 0, "accounts": 0}

        def book() -> None:
            answer["book"] = population.figures(store, setting)

        def parts() -> None:
            for scope in population.parts(store, setting):
                part = assess(store, setting, scope, answer["book"])
                if part is not None:
                    store.history.stage(part.readings)
                    found["accounts"] += part.accounts.height
                    found["scored"] += part.accounts["score"].count()
            store.history.keep_staged()
            models.keep(store, context.config, setting.day)

        cpu = {"book": cpu_of(book), "parts": cpu_of(parts)}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pairs = compared(store, setting, asked["repeats"]) if asked["repeats"] else None
    tell({**found, **cpu, "peak": peak, "pairs": pairs})


if __name__ == "__main__":
    main()
