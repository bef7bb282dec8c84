"""A person's day: no more new tasks than somebody can do, most attention first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import polars as pl

from crm_health.businesstime import Calendar
from crm_health.programmes.episodes import PREFIX
from crm_health.store import Store
from crm_health.sync.at_work import AtWork
from crm_health.sync.setting import Setting
from crm_health.sync.touching import beyond_week

#: What is known of each planned task.
TASKS: dict[str, Any] = {
    "key": pl.String,
    "owner": pl.String,
    #: Higher goes first.
    "attention": pl.Float64,
    "high": pl.Boolean,
    #: Who holds the contract, of risks in a hierarchy; and whether it is the account itself.
    "family": pl.String,
    "holds": pl.Boolean,
}
#: Since when tasks wait, by their keys: losing it with the database only begins the wait anew.
_SINCE = "tasks_waiting"


@dataclass(frozen=True)
class Waiting:
    """The tasks that are not made now."""

    #: Keys of those beyond a person's day; a later sync derives them again from the same state.
    keys: pl.Series
    #: Keys of those that have waited for so long that they are not told any more.
    expired: pl.Series
    #: Keys of those that their hierarchy's open task, or a graver one of now, takes the place of,
    #: and of touches beyond the week's queue.
    spared: pl.Series
    #: Since when each of both waits: `key`, `since`.
    since: pl.DataFrame

    @property
    def left_out(self) -> pl.Series:
        """Keys of all tasks that are not made now."""
        return pl.concat([self.keys, self.expired, self.spared])


def waiting(tasks: pl.DataFrame, store: Store, setting: Setting, at_work: AtWork) -> Waiting:
    """The tasks beyond a day's number; those of high severity always pass.

    Args:
        tasks: Columns of `TASKS`, one row a planned task.
        store: The open database.
        setting: Of the run.
        at_work: What people have on their hands.
    """
    since = _waits(store)
    queued = beyond_week(tasks, setting, at_work)
    spared = pl.concat([_spared(tasks, setting, at_work), queued])
    begun = (
        tasks.join(spared.to_frame("key"), on="key", how="anti", maintain_order="left")
        .join(since, on="key", how="left", maintain_order="left")
        .with_columns(pl.col("since").fill_null(setting.day))
    )
    days = business_days(setting.calendar, pl.col("since"), setting.day)
    old = days > setting.config.playbook.tasks_wait_days
    expired = begun.filter(old & ~pl.col("high"))
    beyond = _beyond(begun.join(expired.select("key"), on="key", how="anti"), setting, at_work)
    left = pl.concat([beyond.select("key", "since"), expired.select("key", "since")])
    return Waiting(beyond["key"], expired["key"], spared, left)


def _spared(tasks: pl.DataFrame, setting: Setting, at_work: AtWork) -> pl.Series:
    """Keys of risks that a hierarchy's one task takes the place of: they show in fields."""
    mine = tasks.filter(pl.col("family").is_not_null())
    if mine.is_empty():
        return mine["key"]
    rule = pl.col("key").str.extract(rf"^{PREFIX}:.+:([a-z0-9_]+):\d+#")
    alerts = setting.config.playbook.alerts
    others = [name for name, alert in alerts.items() if alert.polarity != "risk"]
    busy = at_work.kin.family(at_work.going.filter(~rule.is_in(others)))
    ranked = mine.sort("high", "attention", "holds", "key", descending=[True, True, True, False])
    first = ranked.unique("family", keep="first")["key"]
    taken = busy.drop_nulls().implode()
    keep = pl.col("key").is_in(first.implode()) & ~pl.col("family").is_in(taken)
    return mine.filter(~keep)["key"]


def remember(store: Store, tasks: pl.DataFrame, found: Waiting, *, everything: bool) -> None:
    """Keep since when tasks wait.

    Args:
        store: The open database.
        tasks: As `waiting` had them.
        found: What it gave.
        everything: All accounts were assessed: what is not among the tasks waits no longer.
    """
    before = _waits(store)
    others = before.head(0) if everything else before.join(tasks, on="key", how="anti")
    now = pl.concat([others, found.since])
    if not now.equals(before):
        told = {key: day.isoformat() for key, day in now.sort("key").iter_rows()}
        store.runs.set_value(_SINCE, orjson.dumps(told).decode() if told else None)


def _waits(store: Store) -> pl.DataFrame:
    told = orjson.loads(store.runs.get_value(_SINCE) or "{}")
    rows = [(key, date.fromisoformat(day)) for key, day in told.items()]
    return pl.DataFrame(rows, schema={"key": pl.String, "since": pl.Date}, orient="row")


def business_days(calendar: Calendar, start: pl.Expr, end: date) -> pl.Expr:
    """Working days from one day to another, the latter not counted."""
    return pl.business_day_count(start, pl.lit(end), holidays=list(calendar.days_off))


def _beyond(tasks: pl.DataFrame, setting: Setting, at_work: AtWork) -> pl.DataFrame:
    """Those for which their owner's day has no place."""
    if tasks.is_empty():
        return tasks
    playbook = setting.config.playbook
    ranked = (
        tasks.join(at_work.open, on="owner", how="left")
        .join(at_work.today, on="owner", how="left")
        .with_columns(pl.col("open", "made").fill_null(0))
        .sort("high", "attention", "key", descending=[True, True, False])
        .with_columns(pl.int_range(pl.len()).over("owner").alias("place"))
    )
    return ranked.filter(
        ~pl.col("high")
        & (
            (pl.col("place") + pl.col("made") >= playbook.tasks_a_day)
            | (pl.col("place") + pl.col("open") >= playbook.tasks_open)
        )
    )
