"""Plan rows for what is over: episodes end, and what nobody touched is closed."""

from __future__ import annotations

import polars as pl

from crm_health.connector import Op
from crm_health.entities import POLARS, Kind
from crm_health.programmes.seals import seal
from crm_health.sync.plan import as_json, rows, shape
from crm_health.sync.records import Records
from crm_health.sync.setting import Setting

#: What a person may change on a task or escalation of ours, which then is left alone.
TASK_SEALED = ["subject", "owner_id", "due_at", "status"]
ESCALATION_SEALED = ["reason", "severity", "department", "owner_id", "status", "due_at"]


def clearing_rows(setting: Setting, records: Records, clears: pl.DataFrame) -> pl.DataFrame:
    """Plan rows that mark episodes as over, and close what nobody touched."""
    out = setting.config.mapping.write
    day, now = pl.lit(setting.day), iso(pl.lit(setting.as_of).cast(POLARS[Kind.INSTANT]))
    closing = closing_escalations(records, clears)
    cleared = records.escalations.join(clears.select("key"), on="key", how="semi")
    quiet = cleared.filter(~pl.col("id").is_in(closing["id"].implode()))
    resolved = {
        out.escalation.status: pl.lit(out.escalation.statuses["resolved"]),
        out.escalation.resolved: now,
        out.escalation.cleared: day,
    }
    over = records.episodes.join(clears.select("key"), on="key", how="semi")
    done = {out.task.status: pl.lit(out.task.done_status)}
    escalation = out.escalation.object
    parts = [
        _updates(closing, resolved, "close_escalation", escalation),
        _updates(quiet, {out.escalation.cleared: day}, "clear_escalation", escalation),
        _updates(over, {out.episode.cleared: day}, "clear_episode", out.episode.object),
        _updates(_closing_tasks(records, clears), done, "close_task", out.task.object),
    ]
    return pl.concat(parts)


def closing_escalations(records: Records, clears: pl.DataFrame) -> pl.DataFrame:
    """Open, ours, untouched, and their cause is over."""
    over = records.escalations.filter(
        pl.col("is_open").fill_null(False) & (pl.col("source") == "rule")
    ).join(clears.select("key"), on="key", how="semi")
    return over.filter(seal(over, ESCALATION_SEALED) == over["seal"])


def _closing_tasks(records: Records, clears: pl.DataFrame) -> pl.DataFrame:
    """Open untouched tasks whose episode is over: a crash between the two is made good."""
    parts = pl.col("key").str.split_exact("#", 1)
    tasks = records.tasks.filter(pl.col("is_open").fill_null(False)).with_columns(
        parts.struct.field("field_0").alias("base"), parts.struct.field("field_1").alias("seal")
    )
    cleared = records.episodes.filter(pl.col("cleared_at").is_not_null()).select("key")
    over = pl.concat([clears.select("key"), cleared]).unique().rename({"key": "base"})
    mine = tasks.join(over, on="base", how="semi")
    return mine.filter(seal(mine, TASK_SEALED) == mine["seal"])


def iso(instant: pl.Expr) -> pl.Expr:
    """An instant as both CRMs write it."""
    return instant.dt.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _updates(
    frame: pl.DataFrame, fields: dict[str, pl.Expr], kind: str, crm_object: str
) -> pl.DataFrame:
    made = frame.select(
        "account_id",
        pl.col("id").alias("record_id"),
        pl.col("key"),
        (as_json(fields) if frame.height else pl.lit(None, pl.String)).alias("fields"),
        # Which record it is says it all: the rest are the day and the hour.
        pl.lit("").alias("stable"),
    )
    why = "the cause is over"
    return rows(made, kind=kind, op=Op.UPDATE, object=crm_object, shape=shape(fields), why=why)
