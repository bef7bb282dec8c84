"""Texts of tasks and escalations, filled in from an account's facts."""

from __future__ import annotations

import polars as pl

from crm_health.entities import Kind
from crm_health.health.evaluate import names_in
from crm_health.health.template import compile_template, fields
from crm_health.programmes.attention import VALUE
from crm_health.sync.clearing import iso
from crm_health.sync.plan import as_json
from crm_health.sync.setting import Setting

#: Longest subject of a task; longer ones are cut inside the account's name.
SUBJECT = 80
#: Where the account's name goes in a subject, until it is known how much room it has.
NAME = "\0"
_KINDS = {pl.String(): Kind.TEXT, pl.Boolean(): Kind.BOOLEAN, pl.Date(): Kind.DATE}


def visible(setting: Setting, accounts: pl.DataFrame) -> pl.DataFrame:
    """The accounts with only what the playbook's texts show and who is told is found by.

    Accounts have hundreds of columns, and each join copies all of them.
    """
    playbook = setting.config.playbook
    wanted = {"account_id", "name", "day", "csm_id", "owner_id", "score", "band", "tier_now", VALUE}
    if playbook.people.pooled is not None:
        wanted |= names_in(playbook.people.pooled)
    for alert in playbook.alerts.values():
        texts = [alert.says, alert.escalation and alert.escalation.evidence]
        texts += [alert.task.subject, alert.task.body] if alert.task else []
        wanted.update(name for told in texts if told for name in fields(told))
        wanted.update([alert.contact] if alert.contact else [])
    return accounts.select(name for name in accounts.columns if name in wanted)


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
    return _filled(setting, template, view, pl.col("name").fill_null(""))


def subject(setting: Setting, template: str, view: pl.DataFrame) -> pl.Series:
    """The subject, cut to `SUBJECT` characters inside the account's name."""
    return named(_filled(setting, template, view, pl.lit(NAME)), view["name"])


def named(subjects: pl.Series, names: pl.Series) -> pl.Series:
    """Subjects with the accounts' names in place of `NAME`, cut so that all the rest has room."""
    frame = pl.DataFrame({"subject": subjects, "name": names.fill_null("")})
    parts = pl.col("subject").str.split(NAME)
    rest = parts.list.join("").str.len_chars().cast(pl.Int64)
    room, name = (SUBJECT - rest).clip(8, SUBJECT), pl.col("name")
    cut = pl.concat_str(name.str.slice(0, room - 1), pl.lit("…"))
    short = pl.when(name.str.len_chars() > room).then(cut).otherwise(name)
    return frame.select(parts.list.join(short).str.slice(0, 255).alias("text"))["text"]


def _filled(setting: Setting, template: str, view: pl.DataFrame, account: pl.Expr) -> pl.Series:
    names = {"day", *fields(template)} - {"account"}
    known = view.select(account.alias("account"), *(n for n in view.columns if n in names))
    zone = setting.config.model.time_zone
    expr = compile_template(template, _kinds(known), since=setting.distances, time_zone=zone)
    # Not `select`: a text without a field is one value, however many rows there are.
    return known.with_columns(expr.alias("text"))["text"]


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
