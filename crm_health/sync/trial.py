"""A configuration tried on the mirror: every customer scored, and what would open or close.

The same steps as a run's, and nothing is written, neither to the CRM nor here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_health.config.load import Config
from crm_health.health.drivers import DRIVER, OTHERS
from crm_health.store import Scope, Store
from crm_health.sync import actions, assess, offline, population, records
from crm_health.sync.assess import Assessment
from crm_health.sync.at_work import AtWork
from crm_health.sync.setting import Setting

ACCOUNTS: dict[str, Any] = {
    "account_id": pl.String,
    "name": pl.String,
    "model": pl.String,
    "score": pl.Int64,
    "computed": pl.Int64,
    "coverage": pl.Float64,
    "band_now": pl.String,
    "band": pl.String,
    "capped": pl.String,
    "missing": pl.List(pl.String),
    "stale": pl.List(pl.String),
    "drivers": pl.List(DRIVER),
    **dict.fromkeys(OTHERS, pl.Int64),
}
RULES: dict[str, Any] = {"account_id": pl.String, "rule": pl.String, "does": pl.String}


@dataclass(frozen=True)
class Trial:
    """What a configuration makes of the customers in the mirror."""

    setting: Setting
    #: `ACCOUNTS`, ordered by account.
    accounts: pl.DataFrame
    #: What would open and what would clear, before any person's day is full: `RULES`.
    opens: pl.DataFrame
    clears: pl.DataFrame


def run(store: Store, config: Config) -> Trial:
    """Score every customer that the mirror holds.

    Raises:
        StateError: nothing was read from the CRM yet.
    """
    setting = offline.setting(store, config)
    book = population.figures(store, setting)
    at_work = AtWork(store, setting)
    accounts = [pl.DataFrame(schema=ACCOUNTS)]
    opens, clears = [pl.DataFrame(schema=RULES)], [pl.DataFrame(schema=RULES)]
    for scope in population.parts(store, setting):
        found = assess.assess(store, setting, scope, book)
        if found is None:
            continue
        accounts.append(_narrow(found.accounts))
        opening, clearing = _decided(store, setting, scope, found, at_work)
        opens.append(opening)
        clears.append(clearing)
    order = ["account_id", "rule"]
    return Trial(
        setting,
        pl.concat(accounts).sort("account_id"),
        pl.concat(opens).sort(order),
        pl.concat(clears).sort(order),
    )


def _narrow(accounts: pl.DataFrame) -> pl.DataFrame:
    return accounts.select(
        pl.col(name).cast(kind) if name in accounts.columns else pl.lit(None, kind).alias(name)
        for name, kind in ACCOUNTS.items()
    )


def _decided(
    store: Store, setting: Setting, scope: Scope, found: Assessment, at_work: AtWork
) -> tuple[pl.DataFrame, pl.DataFrame]:
    known = records.load(store, setting, scope, at_work.kin)
    decided = actions.decide(at_work.staff, setting, known, found.accounts, found.memories)
    mine = pl.col("account_id").is_in(found.accounts["account_id"].implode())
    does = {rule: alert.does for rule, alert in setting.config.playbook.alerts.items()}
    told = pl.col("rule").replace_strict(does, default=None, return_dtype=pl.String).alias("does")
    opening = (decided.escalates, decided.shared.makes, decided.shared.joins)
    opens = pl.concat(frame.select("account_id", "rule") for frame in opening).with_columns(told)
    clears = decided.clears.filter(mine).with_columns(told)
    return opens.select(list(RULES)), clears.select(list(RULES))
