"""Our own tasks, episodes and escalations, as they are read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from crm_health.programmes import episodes
from crm_health.store import Scope, Store
from crm_health.sync.setting import Setting

#: When an occurrence that left only a closed task is taken to have ended.
LONG_AGO = date(1970, 1, 2)

_KNOWN = list(episodes.KNOWN)
#: The entities that an occurrence is known by.
_KEYED = ("episode", "escalation")


@dataclass(frozen=True)
class Records:
    """What there is of some accounts."""

    tasks: pl.DataFrame
    episodes: pl.DataFrame
    escalations: pl.DataFrame
    #: Episodes and escalations that stand at these accounts, with `rule` and `number`.
    known: pl.DataFrame
    #: Keys of these accounts that people took from their place: they are taken all the same.
    taken: pl.DataFrame


def astray(store: Store) -> pl.DataFrame:
    """Episodes and escalations that stand at another account than the one of their key.

    Looked for once a run, in the database: there are few of them among very many.
    """
    found = [store.mirror.astray(name, f"{episodes.PREFIX}:", _KNOWN) for name in _KEYED]
    return pl.concat(frame.select(_KNOWN) for frame in found)


def load(store: Store, setting: Setting, scope: Scope, moved: pl.DataFrame) -> Records:
    """Read what there is of a scope's accounts; `moved` is what `astray` gave."""
    shapes = setting.reads.shapes
    frames = {
        name: store.mirror.load(name, list(shapes[name]), scope) for name in ("task", *_KEYED)
    }
    here = pl.concat(frames[name].select(_KNOWN) for name in _KEYED)
    taken = episodes.with_rule(pl.concat([_at_birth(moved), _lone(store, frames, here, moved)]))
    return Records(
        frames["task"], frames["episode"], frames["escalation"], episodes.with_rule(here), taken
    )


def _born() -> pl.Expr:
    """The account that a key names."""
    return pl.col("key").str.extract(rf"^{episodes.PREFIX}:(.+):[a-z0-9_]+:\d+$")


def _at_birth(moved: pl.DataFrame) -> pl.DataFrame:
    """Records moved to another account, as if they stood at their own."""
    return moved.filter(_born() != pl.col("account_id")).with_columns(_born().alias("account_id"))


def _lone(
    store: Store, frames: dict[str, pl.DataFrame], here: pl.DataFrame, moved: pl.DataFrame
) -> pl.DataFrame:
    """Tasks whose episode is gone: an open one goes on, a closed one is over since always."""
    keyed = frames["task"].with_columns(pl.col("key").str.split("#").list.first())
    lone = keyed.join(pl.concat([here, moved]), on="key", how="anti")
    if lone.height:
        # A task that was moved alone has its episode at the account of its key.
        home = Scope.accounts(lone.select(_born().alias("id"))["id"].drop_nulls())
        there = [store.mirror.load(name, ["key"], home).select("key") for name in _KEYED]
        lone = lone.join(pl.concat(there), on="key", how="anti")
    over = pl.when(~pl.col("is_open").fill_null(True)).then(pl.lit(LONG_AGO))
    return lone.select(
        "id",
        "account_id",
        "key",
        pl.lit(None, pl.Date).alias("opened_at"),
        over.alias("cleared_at"),
    )
