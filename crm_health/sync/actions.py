"""What should happen to the tasks and escalations of some accounts: what opens, what clears."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crm_health.programmes import episodes, people
from crm_health.store import Scope, Store
from crm_health.sync.clearing import closing_escalations
from crm_health.sync.records import Records
from crm_health.sync.setting import Setting


@dataclass(frozen=True)
class Actions:
    """Decided, and not yet put into plan rows."""

    #: Episodes to open, with `does`, `severity` and `owner_id`.
    opens: pl.DataFrame
    #: Rows of `Records.known` whose cause is over.
    clears: pl.DataFrame
    #: `account_id`, `standing`: rules that held at the first sync and still do.
    standing: pl.DataFrame
    #: `account_id`, `open_after`: open escalations once this run has written.
    open_after: pl.DataFrame
    #: Accounts for which something should open, with nobody active to tell.
    ownerless: pl.Series


def decide(
    store: Store,
    setting: Setting,
    records: Records,
    accounts: pl.DataFrame,
    memories: pl.DataFrame,
) -> Actions:
    """Decide what opens and clears, from the accounts' facts and the CRM's own records."""
    alerts = setting.config.playbook.alerts
    found = episodes.conditions(alerts, accounts)
    first = memories.select("account_id", (~pl.col("known")).alias("first"), "standing")
    last = episodes.latest(pl.concat([records.known, records.taken]))
    owned = _owned(
        store, setting, episodes.opening(alerts, found, last, first, setting.day), accounts
    )
    opens = owned.filter(pl.col("owner_id").is_not_null())
    clears = episodes.clearing(found, records.known)
    return Actions(
        opens,
        clears,
        episodes.standing_rules(alerts, found, memories),
        _open_after(records, accounts, opens, clears),
        owned.filter(pl.col("owner_id").is_null())["account_id"],
    )


def _owned(
    store: Store, setting: Setting, opens: pl.DataFrame, accounts: pl.DataFrame
) -> pl.DataFrame:
    """What should open, with its owner: null where nobody could be told of it."""
    playbook = setting.config.playbook
    alerts = playbook.alerts
    does = pl.DataFrame(
        {
            "rule": list(alerts),
            "does": [a.does for a in alerts.values()],
            "severity": [a.severity for a in alerts.values()],
            "desk": [
                playbook.departments[a.escalation.department].owner
                if a.does == "escalate" and a.escalation is not None
                else None
                for a in alerts.values()
            ],
        },
        schema=dict.fromkeys(("rule", "does", "severity", "desk"), pl.String),
    )
    told = accounts.select("account_id")
    if opens.height:
        owner = people.owners(
            accounts, _users(store, setting), setting.config.mapping.fallback_owner
        )
        told = told.with_columns(owner.alias("told"))
    else:
        told = told.with_columns(pl.lit(None, pl.String).alias("told"))
    return (
        opens.join(does, on="rule", maintain_order="left")
        .join(told, on="account_id", maintain_order="left")
        .with_columns(pl.coalesce("desk", "told").alias("owner_id"))
        .drop("desk", "told")
    )


def _users(store: Store, setting: Setting) -> pl.DataFrame | None:
    """The CRM's users, or None where they can't be read. Not every CRM knows their managers."""
    shape = setting.reads.shapes.get("user")
    if shape is None or "is_active" not in shape:
        return None
    known = [name for name in ("is_active", "manager_id") if name in shape]
    users = store.mirror.load("user", known, Scope.all())
    if "manager_id" not in users.columns:
        users = users.with_columns(pl.lit(None, pl.String).alias("manager_id"))
    return users


def _open_after(
    records: Records, accounts: pl.DataFrame, opens: pl.DataFrame, clears: pl.DataFrame
) -> pl.DataFrame:
    """Open escalations as they will be: else the next sync would write the count again."""
    closing = closing_escalations(records, clears)["id"]
    still = records.escalations.filter(
        pl.col("is_open").fill_null(True) & ~pl.col("id").is_in(closing.implode())
    )
    counts = pl.concat(
        [
            still.select("account_id"),
            opens.filter(pl.col("does") == "escalate").select("account_id"),
        ]
    )
    tally = counts.group_by("account_id").len("open_after")
    return (
        accounts.select("account_id")
        .join(tally, on="account_id", how="left", maintain_order="left")
        .with_columns(pl.col("open_after").fill_null(0).cast(pl.Int64))
    )
