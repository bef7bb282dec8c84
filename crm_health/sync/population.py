"""Phase (c): figures over all customers, worked out once a day and fixed for the day."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from crm_health.config.figures import names_in as names_in_figures
from crm_health.config.model import Model
from crm_health.entities import ENTITIES
from crm_health.health import book
from crm_health.health.book import Figures
from crm_health.health.evaluate import finite, names_in
from crm_health.programmes.placing import CUTS, MOVES, RANK
from crm_health.programmes.tiers import by_rank, cuts
from crm_health.store import BUCKETS, Scope, Store
from crm_health.sync import reviews
from crm_health.sync.assess import in_scope, load_facts
from crm_health.sync.placing import placing
from crm_health.sync.setting import Setting

#: Accounts, and rows of all entities together, that are assessed at a time, about: memory stays
#: flat. Smaller parts cost more than they save: each has some 0.1 s of its own.
ACCOUNTS_AT_ONCE = 10_000
ROWS_AT_ONCE = 200_000


def parts(store: Store, setting: Setting) -> list[Scope]:
    """All accounts, in ranges of buckets that fit in memory together with their rows."""
    # Of our own, years of records that are over, hardly anything is read.
    others = [name for name in setting.reads.shapes if not ENTITIES[name].ours]
    counts = {entity: store.mirror.count(entity) for entity in others}
    by_rows = -(-sum(counts.values()) // ROWS_AT_ONCE)
    by_accounts = -(-counts["account"] // ACCOUNTS_AT_ONCE)
    pieces = min(BUCKETS, max(1, by_rows, by_accounts))
    edges = [BUCKETS * place // pieces for place in range(pieces + 1)]
    return [Scope.buckets(range(low, high)) for low, high in itertools.pairwise(edges)]


def figures(store: Store, setting: Setting) -> Figures:
    """Today's book figures: as fixed this day for this config, else over all customers.

    They are fixed (`History.save_figures`) only once a plan has passed the guards: the median of
    a broken feed must not outlive it. Where the tiers end goes along, and who a review moves.
    """
    place = placing(setting, {})
    needed = set(book.names(setting.config.model, place.texts))
    if setting.config.playbook.tiers is not None:
        needed |= {CUTS, MOVES}
    if not needed:
        return {}
    known = store.history.figures(setting.day, setting.config.digest)
    if known is not None and needed <= set(known):
        return known
    found, whole = anew(store, setting)
    if whole is None:
        return {name: {} for name in sorted(needed)}
    if MOVES in needed:
        found[MOVES] = reviews.moves(setting, whole, found[CUTS]) if place.review else {}
    return found


def anew(
    store: Store, setting: Setting
) -> tuple[dict[str, dict[str, list[float]]], pl.DataFrame | None]:
    """The figures over all customers as they are now, and these customers with their ranks.

    The ranks are there where the playbook has tiers; None where there is no customer.
    """
    whole, tiers = everybody(store, setting), setting.config.playbook.tiers
    if whole is None:
        return {}, None
    found = book.figures(setting.config.model, whole, placing(setting, {}).texts)
    if tiers is not None:
        ranked = book.with_figures(whole, sorted(names_in_figures([tiers.rank])), found)
        rank = pl.sql_expr(tiers.rank).cast(pl.Float64).round(9).alias(RANK)
        whole = whole.with_columns(finite(ranked.select(rank)))
        found[CUTS] = cuts(tiers, whole[RANK])
    return found, whole


def everybody(store: Store, setting: Setting) -> pl.DataFrame | None:
    """What the book's figures and the tiers rest on, of every customer; None where none is."""
    model, place = setting.config.model, placing(setting, {})
    wanted = book.parts(book.names(model, place.texts))
    read = frozenset[str]().union(*map(names_in, place.texts))
    few = replace(setting, config=replace(setting.config, model=narrowed(model, wanted | read)))
    tiers = setting.config.playbook.tiers
    columns = [*wanted, *(sorted(names_in(tiers.rank)) if tiers else ()), *reviews.COLUMNS]
    narrow: list[pl.DataFrame] = []
    for scope in parts(store, setting):
        accounts = in_scope(store, setting, scope)
        if accounts.height:
            values = load_facts(store, few, accounts, scope, {}).values
            narrow.append(values.select(n for n in dict.fromkeys(columns) if n in values.columns))
    return pl.concat(narrow) if narrow else None


def placed(setting: Setting, whole: pl.DataFrame, found: Figures) -> pl.DataFrame:
    """Everybody in the tier that today gives: who is new is placed by the book's cuts."""
    tiers = setting.config.playbook.tiers
    assert tiers is not None
    new = (pl.col("tier_since") == setting.day) & pl.col("tier_moved").str.slice(-1).is_in(
        ["n", "x"]
    )
    ranked = by_rank(tiers, pl.col(RANK), found.get(CUTS) or {})
    return whole.with_columns(
        pl.when(new.fill_null(False)).then(ranked).otherwise("tier_now").alias("tier_now")
    )


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
