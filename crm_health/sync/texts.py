"""Texts of tasks and escalations, filled in from an account's facts."""

from __future__ import annotations

import polars as pl

from crm_health.entities import Kind
from crm_health.health.template import compile_template, days_since
from crm_health.sync.clearing import iso
from crm_health.sync.plan import as_json
from crm_health.sync.setting import Setting

#: Longest subject of a task; longer ones are cut inside the account's name.
SUBJECT = 80
_KINDS = {pl.String(): Kind.TEXT, pl.Boolean(): Kind.BOOLEAN, pl.Date(): Kind.DATE}


def day_field(setting: Setting, crm_object: str, path: str, days: pl.Expr) -> pl.Expr:
    """Days as a field takes them; one for instants gets noon where the org is.

    At midnight UTC it would be another day there, and reading it back would look like an edit.
    """
    if setting.reads.kind_of(crm_object, path) is not Kind.INSTANT:
        return days
    noon = days.cast(pl.Datetime("ms")) + pl.duration(hours=12)
    zone = setting.calendar.time_zone
    return iso(noon.dt.replace_time_zone(zone).dt.convert_time_zone("UTC"))


def length(setting: Setting, crm_object: str, path: str) -> int:
    """The longest text that a field takes."""
    return setting.reads.lengths.get((crm_object, path), 255)


def text(setting: Setting, template: str, view: pl.DataFrame) -> pl.Series:
    """A template filled in for each row; `{account}` is the account's name."""
    named = view.with_columns(pl.col("name").fill_null("").alias("account"))
    model = setting.config.model
    expr = compile_template(
        template, _kinds(named), since=days_since(model), time_zone=model.time_zone
    )
    # Not `select`: a text without a field is one value, however many rows there are.
    return named.with_columns(expr.alias("text"))["text"]


def subject(setting: Setting, template: str, view: pl.DataFrame) -> pl.Series:
    """The subject, cut to `SUBJECT` characters inside the account's name."""
    rest = text(setting, template, view.with_columns(pl.lit("").alias("name")))
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
    return text(setting, template, view.with_columns(short)).str.slice(0, 255)


def literal(words: str) -> str:
    """Words that are no template, as one: they have no fields."""
    return words.replace("{", "(").replace("}", ")")


def without(fields: dict[str, pl.Expr], *moving: str) -> pl.Expr:
    """What a row says, but for what moves with the clock alone (`plan.rows`)."""
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
