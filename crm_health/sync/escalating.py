"""All that some accounts' escalations want: records, their clock, their end and their errands."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from crm_health.config.escalations import LEADERSHIP
from crm_health.programmes import people
from crm_health.sync.actions import Actions
from crm_health.sync.errands import actions_text, asked, ended_rows, errand_rows, owners
from crm_health.sync.escalations import (
    Escalated,
    clearing_rows,
    ending_rows,
    escalated,
    open_after,
    timing_rows,
)
from crm_health.sync.opening import opened, opening_rows
from crm_health.sync.records import Records
from crm_health.sync.setting import Setting
from crm_health.sync.staff import Staff

#: What errands go by, of open escalations and of new ones.
_GOING = (
    "id",
    "account_id",
    "key",
    "stem",
    "slug",
    "reason",
    "grade",
    "holder",
    "silent",
    "owner_id",
    "tell",
    "overdue",
    "since",
    "now_opened_at",
    "now_due_at",
    "now_told_at",
)


@dataclass(frozen=True)
class Raised:
    """What becomes of the escalations of some accounts."""

    #: Columns of `PLAN_SCHEMA`.
    plan: pl.DataFrame
    #: `account_id`, `open_after`: open escalations once this run has written.
    open_after: pl.DataFrame
    #: Accounts with a task that nobody can take, a row each.
    ownerless: pl.Series


def escalating(
    staff: Staff,
    setting: Setting,
    records: Records,
    accounts: pl.DataFrame,
    actions: Actions,
    first: pl.Series,
) -> Raised:
    """Work out what becomes of the escalations.

    Args:
        staff: Who there is.
        setting: Of the run.
        records: What there is.
        accounts: What the texts may show, one row an account.
        actions: What opens and clears.
        first: Accounts that were never synced before.
    """
    found = escalated(setting, records, actions.clears, first)
    made = opened(setting, accounts, actions.escalates)
    after = open_after(accounts, found, actions.escalates)
    if found.records.is_empty() and made.is_empty() and records.errands.is_empty():
        return Raised(opening_rows(setting, made, made), after, pl.Series([], dtype=pl.String))
    heard = _heard(staff, found.records, accounts, "now_told_at", pl.col("told_at"))
    found, made = replace(found, records=heard), _heard(staff, made, accounts, "told_at")
    going = found.going.select(_GOING)
    if made.height:
        now = {name.removeprefix("now_"): name for name in _GOING if name.startswith("now_")}
        new = made.rename(now).with_columns(pl.lit(setting.day).alias("since")).select(_GOING)
        going = pl.concat([going, new], how="vertical_relaxed")
    texts = actions_text(setting, records, going)
    holding = actions.found.filter("holds").select("account_id", "rule").unique()
    tasks = asked(setting, records, accounts, staff, going, holding)
    served = pl.col("owner_id").is_not_null()
    plan = [
        opening_rows(setting, made, texts),
        timing_rows(setting, found, _beside(staff, found, texts, accounts)),
        errand_rows(setting, tasks.filter(served)),
        ending_rows(setting, found),
        clearing_rows(setting, found, actions.clears),
        ended_rows(setting, records, found, actions.clears),
    ]
    return Raised(pl.concat(plan), after, tasks.filter(~served)["account_id"])


def _heard(
    there: Staff,
    records: pl.DataFrame,
    accounts: pl.DataFrame,
    told: str,
    before: pl.Expr | None = None,
) -> pl.DataFrame:
    """Records that say that leadership was told only where there is somebody to tell.

    Args:
        there: Who can be told.
        records: `account_id`, `tell` and `told`.
        accounts: What `there` reads.
        told: The column that says when leadership was told.
        before: What it said before; None: nothing.
    """
    if records.is_empty():
        return records
    view = records.select("account_id", pl.lit(LEADERSHIP).alias("desk")).join(
        accounts, on="account_id", how="left", maintain_order="left"
    )
    nobody = pl.col("tell").is_not_null() & pl.lit(owners(there, view).is_null())
    return records.with_columns(pl.when(nobody).then(before).otherwise(told).alias(told))


def _beside(
    there: Staff, found: Escalated, texts: pl.DataFrame, accounts: pl.DataFrame
) -> pl.DataFrame:
    """What else records should say: `id`, `now_actions`, `now_owner_id`.

    An escalation of ours whose owner has left goes to who would get it today, unless a person
    worked on it: that one reaches leadership when its due has passed.
    """
    kept = found.records.join(texts, on="id", how="left", maintain_order="left").with_columns(
        pl.coalesce("now_actions", "actions").alias("now_actions")
    )
    gone = pl.Series(list(people.gone(there.users)), dtype=pl.String)
    left = pl.col("owner_id").is_in(gone.implode()) & pl.col("untouched")
    orphans = kept.filter((pl.col("state") != "closed") & left)
    view = orphans.select("id", "account_id", "holder").join(
        accounts, on="account_id", maintain_order="left", suffix="_account"
    )
    desk = pl.col("holder").replace_strict(there.desks(), default=None, return_dtype=pl.String)
    new = view.with_columns(there.told(view).alias("told")).select(
        "id", pl.coalesce(desk, "told").alias("now_owner_id")
    )
    return kept.select("id", "now_actions").join(new, on="id", how="left", maintain_order="left")
