"""Plan rows for tasks: new ones with their episodes, and lines for those that are open."""

from __future__ import annotations

import polars as pl

from crm_health.config.alerts import Alert
from crm_health.config.touches import PREFIX
from crm_health.connector import Op
from crm_health.entities import POLARS, Kind
from crm_health.programmes import telling
from crm_health.programmes.seals import seal, text_sums
from crm_health.programmes.telling import Telling
from crm_health.sync.plan import as_json, rows, shape
from crm_health.sync.records import TASK_SEALED, Records
from crm_health.sync.setting import Setting
from crm_health.sync.texts import day_field, subject, text, without

_WHEN = POLARS[Kind.DATE]


def task_rows(
    setting: Setting,
    records: Records,
    accounts: pl.DataFrame,
    shared: Telling,
    notes: pl.DataFrame,
    holders: pl.DataFrame,
) -> pl.DataFrame:
    """Plan rows that create tasks and write into open ones.

    Args:
        setting: Of the run.
        records: What there is.
        accounts: What the texts may show, one row an account.
        shared: What makes a task, with `owner_id`, and what joins one.
        notes: The texts of the episodes as they should be: `base`, `told`.
        holders: `account_id`, `holder`: at whom the tasks of some accounts stand.
    """
    joined = shared.joins.filter(~pl.col("new")).select("base")
    goes_on = pl.col("is_open") & pl.col("untouched")
    more = records.tasks.filter(goes_on).join(joined, on="base", how="semi").unique("base")
    lines = _lines(records, shared, more)
    if lines.is_empty():
        return rows(lines)
    said = _texts(setting, accounts, lines)
    return pl.concat([_new(setting, said, shared, notes, holders), _more(setting, said, more)])


def _lines(records: Records, shared: Telling, more: pl.DataFrame) -> pl.DataFrame:
    """What is told in which task, new ones and those in `more`: `account_id`, `base`, `rule`."""
    names = ["account_id", "base", "rule"]
    makes = shared.makes.with_columns(pl.col("key").alias("base"))
    going = records.known.filter(pl.col("cleared_at").is_null())
    joins = shared.joins.filter(pl.col("new") | pl.col("base").is_in(more["base"].implode()))
    told = going.join(more, on="base", how="semi")
    return pl.concat(frame.select(names) for frame in (makes, told, joins))


def _new(
    setting: Setting,
    said: pl.DataFrame,
    shared: Telling,
    notes: pl.DataFrame,
    holders: pl.DataFrame,
) -> pl.DataFrame:
    makes = shared.makes
    if makes.is_empty():
        return rows(makes.head(0))
    out, episode = setting.config.mapping.write.task, setting.config.mapping.write.episode
    made = (
        said.join(makes.select(pl.col("key").alias("base"), "owner_id", "contact_id"), on="base")
        .join(notes, on="base", how="left", maintain_order="left")
        .join(holders, on="account_id", how="left", maintain_order="left")
        .with_columns(pl.lit(out.open_status).alias("status"))
    )
    made = _sealed(made)
    fields = {
        **_said(setting),
        out.owner: pl.col("owner_id"),
        out.status: pl.col("status"),
        # A hierarchy's tasks stand where the contract is.
        out.account: pl.coalesce("holder", "account_id"),
        **({out.contact: pl.col("contact_id")} if out.contact else {}),
        **{name: pl.lit(value) for name, value in out.constants.items()},
    }
    claim: dict[str, pl.Expr] = {
        episode.key: pl.col("base"),
        episode.account: pl.col("account_id"),
        **({episode.told: pl.col("told")} if episode.told else {}),
        episode.opened: pl.lit(setting.day),
    }
    return rows(
        made.select(
            "account_id",
            pl.col("base").alias("key"),
            as_json(fields).alias("fields"),
            without(fields, out.key, out.due).alias("stable"),
            as_json(claim).alias("claim_fields"),
            pl.when(pl.col("rule").str.starts_with(PREFIX))
            .then(pl.lit("touch"))
            .otherwise(pl.lit("task"))
            .alias("kind"),
            pl.format("{} opened", "rule").alias("why"),
        ),
        op=Op.CREATE_ONCE,
        object=out.object,
        key_field=out.key,
        claim_object=episode.object,
        claim_key_field=episode.key,
        shape=shape(fields),
    )


def _more(setting: Setting, said: pl.DataFrame, more: pl.DataFrame) -> pl.DataFrame:
    """What joins an open task: nobody touched it, so it is written anew, as a whole."""
    if more.is_empty():
        return rows(more.select("account_id").clear())
    out = setting.config.mapping.write.task
    standing = more.select("base", "id", "owner_id", "status", pl.col("due_at").alias("due_then"))
    made = said.join(standing, on="base", maintain_order="left").with_columns(
        pl.min_horizontal("due_at", "due_then").alias("due_at")
    )
    fields = _said(setting)
    made = _sealed(made).select(
        "account_id",
        pl.col("id").alias("record_id"),
        pl.col("base").alias("key"),
        as_json(fields).alias("fields"),
        without(fields, out.key, out.due).alias("stable"),
        pl.format("{} joined", "rule").alias("why"),
    )
    return rows(made, kind="tell_task", op=Op.UPDATE, object=out.object, shape=shape(fields))


def _said(setting: Setting) -> dict[str, pl.Expr]:
    """The fields that tell what the task is about."""
    out = setting.config.mapping.write.task
    title = pl.col("rule").str.replace_all("_", " ", literal=True)
    return {
        out.key: pl.col("sealed"),
        out.subject: pl.col("subject"),
        out.body: pl.col("body"),
        out.due: day_field(setting, out.object, out.due, pl.col("due_at")),
        out.priority: pl.col("priority"),
        **({out.alert: title} if out.alert else {}),
    }


def _sealed(made: pl.DataFrame) -> pl.DataFrame:
    """With the key as the task bears it."""
    summed = made.with_columns(text_sums(made["body"]).alias("body"))
    key = pl.concat_str("base", pl.lit("#"), seal(summed, TASK_SEALED))
    return made.with_columns(key.alias("sealed"))


def _texts(setting: Setting, accounts: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """What each task says of all that it tells of.

    Args:
        setting: Of the run.
        accounts: What the texts may show.
        lines: `account_id`, `base`, `rule`.

    Returns:
        One row a task: `account_id`, `base`, `rule` (the gravest), `priority`, `due_at`,
        `subject`, `body`.
    """
    alerts = setting.config.playbook.alerts
    with_text = {rule: alert for rule, alert in alerts.items() if alert.task is not None}
    known = lines.join(telling.urgency(with_text), on="rule").unique(["base", "rule"])
    ranked = known.sort("base", "urgency").with_columns(
        pl.int_range(pl.len()).over("base").alias("place")
    )
    view_of = accounts.drop("owner_id")
    parts = []
    for rule in ranked["rule"].unique(maintain_order=True):
        mine = ranked.filter(pl.col("rule") == rule)
        view = mine.join(view_of, on="account_id", maintain_order="left")
        parts.append(_one(setting, alerts[rule], mine, view))
    said = pl.concat(parts).sort("base", "place")
    also = pl.col("line").filter(pl.col("place") > 0)
    whole = said.group_by("base", maintain_order=True).agg(
        pl.col("account_id", "rule", "severity", "subject", "body").first(),
        pl.col("due_at").min(),
        also.str.join("\n- ").alias("also"),
    )
    more = pl.when(pl.col("also") != "").then(pl.format("{}\n\nAlso:\n- {}", "body", "also"))
    return whole.with_columns(
        pl.coalesce(more, "body").alias("body"), priority(setting).alias("priority")
    )


def priority(setting: Setting) -> pl.Expr:
    """The CRM's own word for how urgent a task is, of `severity`."""
    words = setting.config.mapping.write.task.priorities
    return pl.col("severity").replace_strict(words, return_dtype=pl.String)


def _one(setting: Setting, alert: Alert, mine: pl.DataFrame, view: pl.DataFrame) -> pl.DataFrame:
    """What one alert says of each of its accounts, as the subject of a task and as a line."""
    empty = pl.lit(None, pl.String)
    told_of = alert.task
    due = setting.calendar.add_days(setting.day, alert.due_days)
    return mine.with_columns(
        (subject(setting, told_of.subject, view) if told_of else empty).alias("subject"),
        (text(setting, told_of.body, view) if told_of else empty).alias("body"),
        line(setting, alert, view).alias("line"),
        pl.lit(due, _WHEN).alias("due_at"),
    )


def line(setting: Setting, alert: Alert, view: pl.DataFrame) -> pl.Series:
    """What an alert says in one line of each account."""
    if alert.says is not None:
        return text(setting, alert.says, view)
    # The subject, and of whom it is said stands elsewhere.
    template = alert.task.subject if alert.task else ""
    bare = template.removeprefix("{account}").lstrip(":,- ")
    said = text(setting, bare, view)
    return pl.DataFrame({"said": said}).select(
        pl.concat_str(
            pl.col("said").str.slice(0, 1).str.to_uppercase(), pl.col("said").str.slice(1)
        ).alias("line")
    )["line"]
