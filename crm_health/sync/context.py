"""Plan rows for open cases: one line that says who is asking, and for whom."""

from __future__ import annotations

import polars as pl

from crm_health.connector import Op
from crm_health.entities import shown
from crm_health.programmes.context import ANSWERS, CASES, lines
from crm_health.store import Scope, Store
from crm_health.sync.plan import as_json, rows, shape
from crm_health.sync.setting import Setting

#: The column of a case that holds what the CRM shows.
SHOWN = shown("context")
#: Where the model says when the contract renews, as days since.
_RENEWAL = "next_renewal_days"


def context_rows(
    store: Store, setting: Setting, scope: Scope, accounts: pl.DataFrame
) -> pl.DataFrame:
    """Plan rows for the open cases of assessed customers whose line is another one now.

    Args:
        store: The open database.
        setting: Of the run.
        scope: Of these customers.
        accounts: Everything known of them.
    """
    out, known = setting.config.mapping.write.case, setting.reads.shapes.get("case", {})
    nothing = rows(accounts.select("account_id").clear())
    if out is None or not {SHOWN, "is_open"} <= known.keys():
        return nothing
    names = [name for name in ("contact_id", SHOWN) if name in known]
    # Few of an account's cases are open.
    found = store.mirror.load("case", names, scope, true="is_open")
    found = found.join(accounts.select("account_id"), on="account_id", how="semi")
    if found.is_empty():
        return nothing
    found = found.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in CASES.items() if name not in found.columns
    )
    tiers = setting.config.playbook.tiers
    labels = {step.name: step.label for step in tiers.steps} if tiers else {}
    said = lines(found, _customers(accounts), _answers(store, setting, found), labels, setting.day)
    changed = found.with_columns(said.alias("line")).filter(
        pl.col("line").ne_missing(pl.col(SHOWN))
    )
    fields = {out.context: pl.col("line")}
    return rows(
        changed.select(
            "account_id",
            pl.col("id").alias("record_id"),
            as_json(fields).alias("fields"),
            as_json({out.context: pl.col(SHOWN)}).alias("before"),
        ),
        kind="context",
        op=Op.UPDATE,
        object=setting.config.mapping.read["case"][0].object,
        shape=shape(fields),
        why="who is asking, and for whom",
    )


def _customers(accounts: pl.DataFrame) -> pl.DataFrame:
    day = pl.col("day") - pl.duration(days=pl.col(_RENEWAL).cast(pl.Int64))
    named = _RENEWAL in accounts.columns
    return accounts.select(
        "account_id",
        "tier_now",
        "band",
        "band_since",
        (day if named else pl.col("renewal_at")).cast(pl.Date).alias("renews"),
    )


def _answers(store: Store, setting: Setting, cases: pl.DataFrame) -> pl.DataFrame:
    """The answers of customers with an open case."""
    if not ANSWERS.keys() <= setting.reads.shapes.get("survey", {}).keys():
        return pl.DataFrame(schema=ANSWERS)
    theirs = Scope.accounts(cases["account_id"].unique().alias("id"))
    return store.mirror.load("survey", list(ANSWERS), theirs).select(*ANSWERS)
