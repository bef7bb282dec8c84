"""Plan rows for the escalations that open."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from crm_health.config.alerts import Alert
from crm_health.connector import Op
from crm_health.entities import POLARS, Kind
from crm_health.programmes.seals import seal
from crm_health.sync.clearing import ESCALATION_SEALED, iso
from crm_health.sync.plan import as_json, rows, shape
from crm_health.sync.setting import Setting
from crm_health.sync.texts import length, text, without

_INSTANT = POLARS[Kind.INSTANT]


def opening_rows(setting: Setting, accounts: pl.DataFrame, opens: pl.DataFrame) -> pl.DataFrame:
    """Plan rows that create escalations.

    Args:
        setting: Of the run.
        accounts: What the texts may show, one row an account.
        opens: As `actions.Actions.escalates` has it.
    """
    found = [rows(opens.head(0))]
    if opens.is_empty():
        return found[0]
    # The account's own owner is nobody's here.
    view_of = accounts.drop("owner_id")
    for rule, alert in setting.config.playbook.alerts.items():
        mine = opens.filter(pl.col("rule") == rule).select("account_id", "key", "owner_id")
        view = mine.join(view_of, on="account_id", maintain_order="left")
        if view.is_empty():
            continue
        found.append(_escalation_rows(setting, rule, alert, view))
    return pl.concat(found)


def _escalation_rows(setting: Setting, rule: str, alert: Alert, view: pl.DataFrame) -> pl.DataFrame:
    assert alert.escalation is not None  # config check: an alert that escalates says how
    out, says = setting.config.mapping.write.escalation, alert.escalation
    hours = setting.config.playbook.severities[says.severity]
    due = _due(setting, hours)
    made = view.select(
        "account_id",
        "key",
        pl.lit(says.reason).alias("reason"),
        pl.lit(says.severity).alias("severity"),
        pl.lit(says.department).alias("department"),
        "owner_id",
        pl.lit(out.statuses["open"]).alias("status"),
        pl.lit(due, _INSTANT).alias("due_at"),
        text(setting, says.evidence, view)
        .str.slice(0, length(setting, out.object, out.evidence))
        .alias("evidence"),
        pl.col("score").cast(pl.Float64),
        pl.col("band").str.to_titlecase(),
    )
    made = made.with_columns(seal(made, ESCALATION_SEALED).alias("seal"))
    fields: dict[str, pl.Expr] = {
        out.key: pl.col("key"),
        out.seal: pl.col("seal"),
        out.account: pl.col("account_id"),
        out.reason: pl.col("reason"),
        out.severity: pl.col("severity"),
        out.department: pl.col("department"),
        out.owner: pl.col("owner_id"),
        out.status: pl.col("status"),
        out.source: pl.lit("rule"),
        out.opened: pl.lit(setting.day),
        out.due: iso(pl.col("due_at")),
        out.evidence: pl.col("evidence"),
        out.score: pl.col("score"),
        out.band: pl.col("band"),
        **({out.name: pl.col("reason")} if out.name else {}),
        **{name: pl.lit(value) for name, value in out.constants.items()},
    }
    return rows(
        made.select(
            "account_id",
            "key",
            as_json(fields).alias("fields"),
            without(fields, out.seal, out.due, out.opened).alias("stable"),
        ),
        kind="escalation",
        op=Op.UPSERT,
        object=out.object,
        key_field=out.key,
        shape=shape(fields),
        why=f"{rule} opened",
    )


def _due(setting: Setting, hours: float) -> datetime:
    opened = pl.lit(setting.as_of).cast(_INSTANT)
    due = pl.select(setting.calendar.due(opened, pl.lit(hours))).item()
    assert isinstance(due, datetime)
    return due
