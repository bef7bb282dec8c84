"""The clock of escalations: what it says of each record now, from the record itself.

Nothing is remembered elsewhere: who had it when stands in its log, and that leadership was told
in a date of its own. So the same records give the same answer after any crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from crm_health.businesstime import HOURS, Calendar
from crm_health.config.escalations import Clock, Grade
from crm_health.entities import POLARS, Kind
from crm_health.programmes import escalation_log as logs

#: Whether it is open, and how: an open status that is not ours counts as in progress.
OPEN, IN_PROGRESS, WAITING, CLOSED = "open", "in_progress", "waiting", "closed"
_INSTANT = POLARS[Kind.INSTANT]

#: What the clock reads of a record.
RECORD: dict[str, Any] = {
    "id": pl.String,
    "state": pl.String,
    #: Of the record, or of its reason where it has none; known to the playbook.
    "grade": pl.String,
    "holder": pl.String,
    #: A person took it up: its status or owner is another than when we saw it first.
    "handled": pl.Boolean,
    #: It stood there when its account was first synced: nobody is told of what was so then.
    "silent": pl.Boolean,
    "opened_at": pl.Date,
    "acknowledged_at": _INSTANT,
    "due_at": _INSTANT,
    "next_update_at": pl.Date,
    "breached": pl.Boolean,
    "told_at": _INSTANT,
    "resolved_at": _INSTANT,
    "log": pl.String,
}
#: What it wants the record to say; the same as before where nothing changes.
WANTED = (
    "opened_at",
    "acknowledged_at",
    "due_at",
    "next_update_at",
    "breached",
    "told_at",
    "resolved_at",
    "log",
)


@dataclass(frozen=True)
class Clocks:
    """What times escalations: of the playbook, the org and the run."""

    severities: Mapping[Grade, Clock]
    #: Business days that waiting on the customer may stop a clock, in all.
    waiting_days: int
    calendar: Calendar
    as_of: datetime
    day: date


def wanted(records: pl.DataFrame, clocks: Clocks) -> pl.DataFrame:
    """What the clock's fields of each record should say.

    Args:
        records: Columns of `RECORD`.
        clocks: See there.

    Returns:
        `id`, the columns `WANTED`, and `overdue` (past its due now, waiting taken off),
        `tell` (leadership has to know of it: `opening`, `breach` or null), `first_since` (when we
        saw it first), in the same order.
    """
    calendar, now = clocks.calendar, pl.lit(clocks.as_of).cast(_INSTANT)
    entries = logs.entries(records, calendar)
    known = records.join(
        logs.last(entries).rename({"holder": "was", "since": "was_since"}),
        on="id",
        how="left",
        maintain_order="left",
    ).join(_waited(entries, calendar, now), on="id", how="left", maintain_order="left")
    timed = known.with_columns(
        *_of_grade(clocks),
        pl.col("waited", "waiting").fill_null(0.0),
        pl.when(pl.col("state") == CLOSED)
        .then(pl.lit(logs.CLOSED))
        .when(pl.col("state") == WAITING)
        .then(pl.lit(logs.CUSTOMER))
        .otherwise(logs.department(pl.col("holder")))
        .alias("now_with"),
    ).with_columns(
        (pl.col("state") != CLOSED).alias("is_open"),
        (pl.col("was") == logs.CUSTOMER).fill_null(False).alias("was_waiting"),
        (pl.col("was") == logs.CLOSED).fill_null(False).alias("was_closed"),
        # What was over before we first looked is nobody's work any more.
        ((pl.col("state") != CLOSED) | pl.col("was").is_not_null()).alias("timed"),
    )
    timed = timed.with_columns(
        (pl.col("timed") & pl.col("now_with").ne_missing(pl.col("was"))).alias("handed"),
        (pl.col("is_open") & pl.col("was_closed")).alias("reopened"),
        # What was past its due before it began to wait has no clock to stop.
        (pl.col("was_waiting") & (pl.col("due_at") > pl.col("was_since")))
        .fill_null(False)
        .alias("stops"),
    )
    room = (pl.lit(float(clocks.waiting_days * HOURS)) - pl.col("waited")).clip(lower_bound=0)
    later = pl.min_horizontal(pl.col("waiting"), room)
    extended = (
        pl.when(pl.col("stops") & (later > 0))
        .then(calendar.due(pl.col("due_at"), later))
        .otherwise(pl.col("due_at"))
    )
    timed = timed.with_columns(
        pl.when(pl.col("reopened") | pl.col("due_at").is_null())
        .then(calendar.due(now, pl.col("due_hours")))
        .otherwise(extended)
        .cast(_INSTANT)
        .alias("runs_out")
    )
    overdue = (pl.col("is_open") & (pl.col("runs_out") < now)).fill_null(False)
    timed = timed.with_columns(overdue.alias("overdue"))
    tell = _tell(now)
    return timed.select(
        "id",
        pl.coalesce("opened_at", _if(pl.col("is_open"), pl.lit(clocks.day))).alias("opened_at"),
        pl.coalesce(
            "acknowledged_at",
            _if(pl.col("timed") & (pl.col("handled") | (pl.col("state") != OPEN)), now),
        ).alias("acknowledged_at"),
        _due().alias("due_at"),
        _next_update(clocks).alias("next_update_at"),
        pl.when("overdue").then(True).otherwise(pl.col("breached")).alias("breached"),
        pl.when(tell.is_not_null()).then(now).otherwise(pl.col("told_at")).alias("told_at"),
        _resolved(now).alias("resolved_at"),
        pl.when("handed")
        .then(logs.appended(pl.col("log"), logs.entry(pl.col("now_with"), now, calendar)))
        .otherwise(pl.col("log"))
        .alias("log"),
        "overdue",
        tell.alias("tell"),
        pl.coalesce("first_since", now).alias("first_since"),
    )


def _of_grade(clocks: Clocks) -> list[pl.Expr]:
    """The clock of each record's severity: `due_hours`, `update_days`, `at_opening`."""
    grades = list(clocks.severities)
    found = list(clocks.severities.values())

    def by(values: list[Any], dtype: Any) -> pl.Expr:
        return pl.col("grade").replace_strict(grades, values, default=None, return_dtype=dtype)

    return [
        by([c.due for c in found], pl.Float64).alias("due_hours"),
        by([c.update_days for c in found], pl.Int64).alias("update_days"),
        by([c.tell_at_opening for c in found], pl.Boolean).alias("at_opening"),
    ]


def _waited(entries: pl.DataFrame, calendar: Calendar, now: pl.Expr) -> pl.DataFrame:
    """`waited`: business hours on the customer before; `waiting`: of the wait that goes on."""
    spent = calendar.worked(pl.col("since"), pl.coalesce("until", now))
    over = pl.col("until").is_not_null()
    return (
        entries.filter(pl.col("holder") == logs.CUSTOMER)
        .with_columns(spent.alias("hours"), over.alias("over"))
        .group_by("id")
        .agg(
            pl.col("hours").filter(pl.col("over")).sum().alias("waited"),
            pl.col("hours").filter(~pl.col("over")).sum().alias("waiting"),
        )
    )


def _tell(now: pl.Expr) -> pl.Expr:
    """Whether leadership has to be told, and of what: once for each due that has passed."""
    untold = pl.col("told_at").is_null() | (pl.col("told_at") < pl.col("due_at"))
    old = pl.col("silent") & (pl.col("due_at") <= pl.coalesce("first_since", now))
    breach = pl.col("overdue") & untold.fill_null(True) & ~old.fill_null(False)
    opening = (
        pl.col("is_open")
        & pl.col("at_opening")
        & pl.col("told_at").is_null()
        & ~pl.col("silent").fill_null(False)
    )
    return (
        pl.when(breach)
        .then(pl.lit("breach"))
        .when(opening.fill_null(False))
        .then(pl.lit("opening"))
    )


def _due() -> pl.Expr:
    """Moved when a wait ends, set anew when it is reopened, and else left alone."""
    moves = pl.col("reopened") | pl.col("due_at").is_null() | (pl.col("state") != WAITING)
    return pl.when(pl.col("is_open") & moves).then("runs_out").otherwise("due_at")


def _next_update(clocks: Clocks) -> pl.Expr:
    """The next word to the customer is due: anew with each change that people make."""
    day, off = pl.lit(clocks.day), list(clocks.calendar.days_off)
    following = day.dt.add_business_days(pl.col("update_days"), holidays=off, roll="forward")
    stale = pl.col("next_update_at").is_null() | (
        pl.col("handed") & (pl.col("next_update_at") <= day)
    )
    return pl.when(pl.col("is_open") & stale).then(following).otherwise("next_update_at")


def _resolved(now: pl.Expr) -> pl.Expr:
    """When it was closed, by whomever; nothing again where it was reopened."""
    closed = pl.col("timed") & ~pl.col("is_open") & pl.col("resolved_at").is_null()
    return pl.when(closed).then(now).when(~pl.col("reopened")).then("resolved_at").cast(_INSTANT)


def _if(condition: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(value)
