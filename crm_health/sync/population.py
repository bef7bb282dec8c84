"""Phase (c): figures over all customers, worked out once a day and fixed for the day."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from crm_health.config.model import Model
from crm_health.health import book
from crm_health.health.book import Figures
from crm_health.health.evaluate import names_in
from crm_health.store import BUCKETS, Scope, Store
from crm_health.sync.assess import in_scope, load_facts
from crm_health.sync.setting import Setting

#: Accounts, and rows of all entities together, that are assessed at a time, about: memory stays
#: flat. Smaller parts cost more than they save: each has some 0.1 s of its own.
ACCOUNTS_AT_ONCE = 10_000
ROWS_AT_ONCE = 200_000


def parts(store: Store, setting: Setting) -> list[Scope]:
    """All accounts, in ranges of buckets that fit in memory together with their rows."""
    counts = {entity: store.mirror.count(entity) for entity in setting.reads.shapes}
    by_rows = -(-sum(counts.values()) // ROWS_AT_ONCE)
    by_accounts = -(-counts["account"] // ACCOUNTS_AT_ONCE)
    pieces = min(BUCKETS, max(1, by_rows, by_accounts))
    edges = [BUCKETS * place // pieces for place in range(pieces + 1)]
    return [Scope.buckets(range(low, high)) for low, high in itertools.pairwise(edges)]


def figures(store: Store, setting: Setting) -> Figures:
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
    parts_read = book.parts(names)
    few = replace(setting, config=replace(setting.config, model=narrowed(model, parts_read)))
    narrow: list[pl.DataFrame] = []
    for scope in parts(store, setting):
        accounts = in_scope(store, setting, scope)
        if accounts.height:
            view = load_facts(store, few, accounts, scope, {})
            narrow.append(view.values.select(n for n in view.values.columns if n in parts_read))
    return book.figures(model, pl.concat(narrow)) if narrow else {name: {} for name in names}


def narrowed(model: Model, names: Iterable[str]) -> Model:
    """The model with only the facts that some names rest on: the others need not be loaded."""
    needed, open_ends = set[str](), set(names)
    while open_ends:
        name = open_ends.pop()
        needed.add(name)
        if name in model.derived:
            open_ends |= names_in(model.derived[name]) - needed
    return model.model_copy(
        update={
            "facts": {name: fact for name, fact in model.facts.items() if name in needed},
            "derived": {name: text for name, text in model.derived.items() if name in needed},
        }
    )
