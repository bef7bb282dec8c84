"""Families of accounts: who holds the contract, and what of ours stands there for another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_health.programmes import episodes
from crm_health.store import Scope, Store
from crm_health.sync.setting import Setting

#: So many levels up a contract is looked for; circles end there as well.
_LEVELS = 20
_KNOWN = list(episodes.KNOWN)
#: The entities that an occurrence is known by.
KEYED = ("episode", "escalation")


@dataclass(frozen=True)
class Kin:
    """What one run knows of it, for all accounts."""

    #: `account_id`, `holder`: accounts without a contract of their own, and who has it for them.
    holders: pl.DataFrame
    #: Episodes and escalations that stand at another account than the one of their key.
    moved: pl.DataFrame
    #: Tasks and episodes that do, whole, of accounts that are still there: `born` is theirs.
    away: dict[str, pl.DataFrame]

    def family(self, accounts: pl.DataFrame) -> pl.Series:
        """Of each account who holds the contract, itself perhaps; null for those without kin.

        Args:
            accounts: `account_id`.
        """
        named = accounts.select("account_id").join(
            self.holders, on="account_id", how="left", maintain_order="left"
        )
        itself = pl.col("account_id").is_in(self.holders["holder"].implode())
        own = pl.when(itself).then(pl.col("account_id"))
        return named.select(pl.coalesce("holder", own).alias("family")).to_series()

    def of(self, entity: str, rows: pl.DataFrame, accounts: pl.Series | None) -> pl.DataFrame:
        """An entity's rows, each at the account of its key.

        Args:
            entity: `task` or `episode`.
            rows: Those that stand at some accounts.
            accounts: These accounts; None for all.
        """
        away = self.away[entity]
        if away.is_empty():
            return rows
        home = away if accounts is None else away.filter(pl.col("born").is_in(accounts.implode()))
        mine = home.with_columns(pl.col("born").alias("account_id")).select(rows.columns)
        return pl.concat([rows.join(away, on="id", how="anti"), mine])


def kin(store: Store, setting: Setting) -> Kin:
    """Look once a run, in the database: there are few of them among very many."""
    shapes = setting.reads.shapes
    names = {"task": list(shapes["task"]), "episode": list(shapes["episode"]), "escalation": _KNOWN}
    found = {e: store.mirror.astray(e, f"{episodes.PREFIX}:", n) for e, n in names.items()}
    moved = pl.concat(found[name].select(_KNOWN) for name in KEYED)
    away = {name: _away(store, found[name]) for name in ("task", "episode")}
    return Kin(holders(store, setting), moved, away)


def _away(store: Store, found: pl.DataFrame) -> pl.DataFrame:
    here = found.with_columns(born().alias("born")).filter(pl.col("born").is_not_null())
    if here.height:
        # After a merge the one account goes on as the other.
        there = store.mirror.account_ids(Scope.accounts(here["born"].unique()))
        here = here.filter(pl.col("born").is_in(there.implode()))
    return here


def born() -> pl.Expr:
    """The account that a key names."""
    return pl.col("key").str.extract(rf"^{episodes.PREFIX}:(.+):[a-z0-9_]+:\d+(?:#.*)?$")


def holders(store: Store, setting: Setting) -> pl.DataFrame:
    """Of accounts without a contract value the nearest one above that has one."""
    schema: dict[str, Any] = {"account_id": pl.String, "holder": pl.String}
    if not {"parent_id", "contract_value"} <= setting.reads.shapes["account"].keys():
        return pl.DataFrame(schema=schema)
    if not store.mirror.count("account", present="parent_id"):
        return pl.DataFrame(schema=schema)
    accounts = store.mirror.load("account", ["parent_id", "contract_value"], Scope.all())
    return above(
        accounts.select(
            pl.col("id").alias("account_id"),
            "parent_id",
            (pl.col("contract_value") > 0).fill_null(False).alias("has"),
        )
    )


def above(accounts: pl.DataFrame) -> pl.DataFrame:
    """The holders of the contracts: `account_id`, `holder`.

    Args:
        accounts: `account_id`, `parent_id`, `has` (a contract of its own).
    """
    up = pl.col("parent_id").alias("up")
    steps = accounts.select(pl.col("account_id").alias("at"), "has", up)
    open_ones = accounts.filter(~pl.col("has") & pl.col("parent_id").is_not_null()).select(
        "account_id", pl.col("parent_id").alias("at")
    )
    found = [pl.DataFrame(schema={"account_id": pl.String, "holder": pl.String})]
    for _ in range(_LEVELS):
        if open_ones.is_empty():
            break
        stood = open_ones.join(steps, on="at")
        found.append(stood.filter("has").select("account_id", pl.col("at").alias("holder")))
        open_ones = stood.filter(~pl.col("has") & pl.col("up").is_not_null()).select(
            "account_id", pl.col("up").alias("at")
        )
    return pl.concat(found).sort("account_id")
