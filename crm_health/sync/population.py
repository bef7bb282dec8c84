"""Phase (c): figures over all customers, worked out once a day and fixed for the day."""

from __future__ import annotations

import itertools

import polars as pl

from crm_health.health import book
from crm_health.store import Scope, Store
from crm_health.sync.assess import in_scope, load_facts
from crm_health.sync.setting import Setting

#: Rows of all entities together that are assessed at a time: memory stays flat.
ROWS_AT_ONCE = 400_000
BUCKETS = 256


def parts(store: Store, setting: Setting) -> list[Scope]:
    """All accounts, in ranges of buckets that fit in memory together with their rows."""
    rows = sum(store.mirror.count(entity) for entity in setting.reads.shapes)
    pieces = min(BUCKETS, rows // ROWS_AT_ONCE + 1)
    edges = [BUCKETS * place // pieces for place in range(pieces + 1)]
    return [Scope.buckets(range(low, high)) for low, high in itertools.pairwise(edges)]


def figures(store: Store, setting: Setting) -> dict[str, float | None]:
    """Today's book figures: as fixed this day for this config, else over all customers.

    They are fixed (`History.save_figures`) only once a plan has passed the guards: the median of
    a broken feed must not outlive it.
    """
    model = setting.config.model
    names = book.names(model)
    if not names:
        return {}
    known = store.history.figures(setting.day, setting.config.digest)
    if known is not None and set(names) <= set(known):
        return known
    narrow: list[pl.DataFrame] = []
    for scope in parts(store, setting):
        accounts = in_scope(store, setting, scope)
        if accounts.height:
            view = load_facts(store, setting, accounts, scope, {})
            narrow.append(view.values.select(n for n in names if n in view.values.columns))
    return book.figures(model, pl.concat(narrow)) if narrow else dict.fromkeys(names)
