"""Phase (d): from an assessment to the plan rows that close the difference."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from crm_health.programmes import outputs
from crm_health.store import Scope, Store
from crm_health.sync.actions import Actions
from crm_health.sync.assess import Assessment
from crm_health.sync.guards import Tally
from crm_health.sync.plan import PLAN, edits_reported, field_rows
from crm_health.sync.ration import TASKS
from crm_health.sync.setting import Setting


@dataclass
class Desired:
    """What some accounts should get: added up over the parts of a run."""

    plan: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PLAN))
    tasks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TASKS))
    edits: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(
            schema={"account_id": pl.String, "output": pl.String, "shown": pl.String}
        )
    )
    ownerless: int = 0
    #: Accounts that want something nobody could be given.
    unserved: pl.Series = field(default_factory=lambda: pl.Series("account_id", [], pl.String))

    def add(self, more: Desired) -> None:
        """Append another part."""
        self.plan = pl.concat([self.plan, more.plan])
        self.tasks = pl.concat([self.tasks, more.tasks])
        self.edits = pl.concat([self.edits, more.edits])
        self.ownerless += more.ownerless
        self.unserved = pl.concat([self.unserved, more.unserved])


def desire(
    store: Store, setting: Setting, scope: Scope, found: Assessment, tally: Tally
) -> Desired:
    """Plan rows for some assessed accounts; the guards' tally grows on the way."""
    actions = Actions(store, setting, scope)
    mine = pl.col("account_id").is_in(found.accounts["account_id"].implode())
    opens, clears, standing, open_after = actions.decide(found.accounts, found.memories)
    accounts = found.accounts.join(standing, on="account_id", how="left", maintain_order="left")
    accounts = accounts.join(open_after, on="account_id", how="left", maintain_order="left")
    found = Assessment(accounts, found.memories, found.edits, found.readings)
    opening = actions.opening_rows(accounts, opens)
    plan = pl.concat(
        [field_rows(setting, found), opening, actions.clearing_rows(clears.filter(mine))]
    )
    far = setting.config.playbook.guards.moved_points
    told = pl.DataFrame(
        {
            "now": outputs.evidence_class(accounts),
            "then": found.memories["evidence"],
        }
    )
    tally.add(accounts, far, told.select(pl.col("now") != pl.col("then")).to_series())
    tasks, edits = _tasks(accounts, opens), edits_reported(found)
    return Desired(plan, tasks, edits, actions.ownerless.len(), actions.ownerless)


def _tasks(accounts: pl.DataFrame, opens: pl.DataFrame) -> pl.DataFrame:
    """What rationing needs to know of the tasks that would open."""
    opening = opens.filter(pl.col("does") == "task")
    if opening.is_empty():
        return pl.DataFrame(schema=TASKS)
    urgency = accounts.select(
        "account_id",
        # Need times value: the order of every list.
        (
            (100 - pl.col("score").fill_null(50))
            * (pl.col("value_now").fill_null(0) + 1 if "value_now" in accounts.columns else 1)
        ).alias("attention"),
    )
    return opening.join(urgency, on="account_id", maintain_order="left").select(
        "key",
        pl.col("owner_id").alias("owner"),
        pl.col("attention").cast(pl.Float64),
        (pl.col("severity") == "high").alias("high"),
    )
