"""Phase (d): from an assessment to the plan rows that close the difference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from crm_health.programmes import outputs, telling
from crm_health.programmes.attention import attention
from crm_health.store import Scope, Store
from crm_health.sync import records
from crm_health.sync.actions import decide
from crm_health.sync.assess import Assessment
from crm_health.sync.at_work import AtWork
from crm_health.sync.clearing import clearing_rows
from crm_health.sync.context import context_rows
from crm_health.sync.escalating import escalating
from crm_health.sync.fields import edits_reported, field_rows
from crm_health.sync.guards import Tally
from crm_health.sync.kin import Kin
from crm_health.sync.lines import alert_lines
from crm_health.sync.ration import TASKS
from crm_health.sync.setting import Setting
from crm_health.sync.tasks import task_rows
from crm_health.sync.texts import visible
from crm_health.sync.touching import next_touches


@dataclass(frozen=True)
class Desired:
    """What some accounts should get."""

    #: Columns of `PLAN_SCHEMA`.
    plan: pl.DataFrame
    #: Columns of `ration.TASKS`: what rationing needs to know of the tasks among them.
    tasks: pl.DataFrame
    #: People's edits of our fields: columns of `fields.EDITS`.
    edits: pl.DataFrame
    #: Accounts that want something nobody could be given, a row each.
    ownerless: pl.Series
    #: Alerts that held when their account was first synced, now: they make no task.
    stood: int


def desire(
    store: Store,
    setting: Setting,
    scope: Scope,
    found: Assessment,
    tally: Tally,
    at_work: AtWork,
) -> Desired:
    """Plan rows for some assessed accounts; the guards' tally grows on the way.

    Args:
        store: The open database.
        setting: Of the run.
        scope: Which accounts.
        found: Their assessment.
        tally: Counted further.
        at_work: What people have on their hands, and the kin of all accounts.
    """
    kin = at_work.kin
    known = records.load(store, setting, scope, kin)
    mine = pl.col("account_id").is_in(found.accounts["account_id"].implode())
    actions = decide(at_work.staff, setting, known, found.accounts, found.memories)
    accounts = found.accounts
    told_of = visible(setting, accounts)
    lines = alert_lines(setting, known, told_of, actions)
    first = found.memories.filter(~pl.col("known"))["account_id"]
    raised = escalating(at_work.staff, setting, known, told_of, actions, first)
    following = next_touches(setting, accounts, actions)
    fitting = at_work.fits(actions.shared)
    more = accounts.select("account_id")
    for part in (actions.standing, raised.open_after, lines, following):
        more = more.join(part, on="account_id", how="left", maintain_order="left")
    accounts = accounts.hstack(more.drop("account_id"))
    found = replace(found, accounts=accounts)
    plan = pl.concat(
        [
            field_rows(setting, found),
            context_rows(store, setting, scope, accounts),
            raised.plan.filter(mine),
            task_rows(setting, known, told_of, fitting, actions.notes, kin.holders),
            clearing_rows(
                setting,
                known,
                actions.clears.filter(mine),
                actions.shared.joins,
                actions.folded,
                actions.notes,
                actions.replaced,
            ),
        ]
    )
    far = setting.config.playbook.guards.moved_points
    told = pl.DataFrame(
        {
            "now": outputs.evidence_class(accounts),
            "then": found.memories["evidence"],
        }
    )
    tally.add(accounts, far, told.select(pl.col("now") != pl.col("then")).to_series())
    tasks = _tasks(setting, accounts, actions.shared.makes, kin)
    ownerless = pl.concat([actions.ownerless, raised.ownerless])
    stood = actions.standing.filter(pl.col("account_id").is_in(first.implode()))
    count = int(stood["standing"].str.split(",").list.len().sum())
    return Desired(plan, tasks, edits_reported(found), ownerless, count)


def _tasks(setting: Setting, accounts: pl.DataFrame, makes: pl.DataFrame, kin: Kin) -> pl.DataFrame:
    """What rationing needs to know of the tasks that would open."""
    if makes.is_empty():
        return pl.DataFrame(schema=TASKS)
    need = (100 - pl.col("score").fill_null(50)).cast(pl.Float64).alias("need")
    urgency = accounts.select("account_id", attention(accounts), need)
    ranked = makes.join(urgency, on="account_id", maintain_order="left").join(
        telling.urgency(setting.config.playbook.alerts).select("rule", "polarity"), on="rule"
    )
    ranked = ranked.with_columns(kin.family(ranked))
    return ranked.select(
        "key",
        pl.col("owner_id").alias("owner"),
        # Attention comes in steps: within one, the greater need goes first.
        (pl.col("attention") + pl.col("need") / 1000).alias("attention"),
        (pl.col("severity") == "high").alias("high"),
        pl.when(pl.col("polarity") == "risk").then("family").alias("family"),
        (pl.col("family") == pl.col("account_id")).alias("holds"),
    )
