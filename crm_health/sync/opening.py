"""Plan rows for what opens: tasks with their episodes, and escalations."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl

from crm_health.config.playbook import Alert
from crm_health.connector import Op
from crm_health.entities import POLARS, Kind
from crm_health.health.template import compile_template, days_since
from crm_health.health.words import band_label
from crm_health.programmes.seals import seal
from crm_health.sync.clearing import ESCALATION_SEALED, TASK_SEALED, iso
from crm_health.sync.plan import as_json, rows, shape
from crm_health.sync.setting import Setting

#: Longest subject of a task; longer ones are cut inside the account's name.
SUBJECT = 80
_INSTANT = POLARS[Kind.INSTANT]
_KINDS = {pl.String(): Kind.TEXT, pl.Boolean(): Kind.BOOLEAN, pl.Date(): Kind.DATE}


def opening_rows(setting: Setting, accounts: pl.DataFrame, opens: pl.DataFrame) -> pl.DataFrame:
    """Plan rows that create tasks with their episodes, and escalations.

    Args:
        setting: Of the run.
        accounts: What the texts may show, one row an account.
        opens: As `actions.Actions` has it.
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
        made = _task_rows if alert.does == "task" else _escalation_rows
        found.append(made(setting, rule, alert, view))
    return pl.concat(found)


def _task_rows(setting: Setting, rule: str, alert: Alert, view: pl.DataFrame) -> pl.DataFrame:
    assert alert.task is not None  # config check: an alert that does a task has its text
    out, episode = setting.config.mapping.write.task, setting.config.mapping.write.episode
    due = setting.calendar.add_days(setting.day, alert.due_days)
    made = view.select(
        "account_id",
        "key",
        _subject(setting, alert.task.subject, view).alias("subject"),
        _text(setting, alert.task.body, view).alias("body"),
        "owner_id",
        pl.lit(due).alias("due_at"),
        pl.lit(out.open_status).alias("status"),
    )
    made = made.with_columns(
        pl.concat_str("key", pl.lit("#"), seal(made, TASK_SEALED)).alias("sealed")
    )
    fields: dict[str, pl.Expr] = {
        out.key: pl.col("sealed"),
        out.subject: pl.col("subject"),
        out.body: pl.col("body"),
        out.owner: pl.col("owner_id"),
        out.due: _day(setting, out.object, out.due, due),
        out.priority: pl.lit(out.priorities[alert.severity]),
        out.status: pl.col("status"),
        out.account: pl.col("account_id"),
        **{name: pl.lit(value) for name, value in out.constants.items()},
    }
    claim: dict[str, pl.Expr] = {
        episode.key: pl.col("key"),
        episode.account: pl.col("account_id"),
        episode.opened: pl.lit(setting.day),
    }
    return rows(
        made.select(
            "account_id",
            "key",
            as_json(fields).alias("fields"),
            _without(fields, out.key, out.due).alias("stable"),
            as_json(claim).alias("claim_fields"),
        ),
        kind="task",
        op=Op.CREATE_ONCE,
        object=out.object,
        key_field=out.key,
        claim_object=episode.object,
        claim_key_field=episode.key,
        shape=shape(fields),
        why=f"{rule} opened",
    )


def _escalation_rows(setting: Setting, rule: str, alert: Alert, view: pl.DataFrame) -> pl.DataFrame:
    assert alert.escalation is not None  # config check, as above
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
        _text(setting, says.evidence, view)
        .str.slice(0, _length(setting, out.object, out.evidence))
        .alias("evidence"),
        pl.col("score").cast(pl.Float64),
        band_label(pl.col("band")),
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
            _without(fields, out.seal, out.due, out.opened).alias("stable"),
        ),
        kind="escalation",
        op=Op.UPSERT,
        object=out.object,
        key_field=out.key,
        shape=shape(fields),
        why=f"{rule} opened",
    )


def _day(setting: Setting, crm_object: str, path: str, day: date) -> pl.Expr:
    """A day as a field takes it; one for instants gets noon where the org is.

    At midnight UTC it would be another day there, and reading it back would look like an edit.
    """
    if setting.reads.kind_of(crm_object, path) is not Kind.INSTANT:
        return pl.lit(day)
    noon = datetime.combine(day, time(12), ZoneInfo(setting.calendar.time_zone)).astimezone(UTC)
    return iso(pl.lit(noon).cast(_INSTANT))


def _due(setting: Setting, hours: float) -> datetime:
    opened = pl.lit(setting.as_of).cast(_INSTANT)
    due = pl.select(setting.calendar.due(opened, pl.lit(hours))).item()
    assert isinstance(due, datetime)
    return due


def _length(setting: Setting, crm_object: str, path: str) -> int:
    return setting.reads.lengths.get((crm_object, path), 255)


def _text(setting: Setting, template: str, view: pl.DataFrame) -> pl.Series:
    """A template filled in for each row; `{account}` is the account's name."""
    named = view.with_columns(pl.col("name").fill_null("").alias("account"))
    model = setting.config.model
    expr = compile_template(
        template, _kinds(named), since=days_since(model), time_zone=model.time_zone
    )
    # Not `select`: a text without a field is one value, however many rows there are.
    return named.with_columns(expr.alias("text"))["text"]


def _subject(setting: Setting, template: str, view: pl.DataFrame) -> pl.Series:
    """The subject, cut to `SUBJECT` characters inside the account's name."""
    rest = _text(setting, template, view.with_columns(pl.lit("").alias("name")))
    frame = pl.DataFrame({"name": view["name"].fill_null(""), "rest": rest}).with_columns(
        (SUBJECT - pl.col("rest").str.len_chars().cast(pl.Int64)).clip(8, SUBJECT).alias("room")
    )
    name = pl.col("name")
    short = frame.select(
        pl.when(name.str.len_chars() > pl.col("room"))
        .then(pl.concat_str(name.str.slice(0, pl.col("room") - 1), pl.lit("…")))
        .otherwise(name)
        .alias("name")
    )["name"]
    return _text(setting, template, view.with_columns(short)).str.slice(0, 255)


def _without(fields: dict[str, pl.Expr], *moving: str) -> pl.Expr:
    return as_json({name: expr for name, expr in fields.items() if name not in moving})


def _kinds(frame: pl.DataFrame) -> dict[str, Kind]:
    """The columns that texts may show, with their kinds."""
    found = {}
    for name, dtype in frame.schema.items():
        if dtype.is_numeric():
            found[name] = Kind.NUMBER
        elif isinstance(dtype, pl.Datetime):
            found[name] = Kind.INSTANT
        elif dtype in _KINDS:
            found[name] = _KINDS[dtype]
    return found
