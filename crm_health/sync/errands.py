"""Plan rows for the tasks that escalations ask for: leadership's, and those of departments."""

from __future__ import annotations

import polars as pl

from crm_health.config.escalations import LEADERSHIP
from crm_health.connector import Op
from crm_health.programmes import errands
from crm_health.programmes.seals import seal, text_sums
from crm_health.sync.escalations import Escalated
from crm_health.sync.plan import as_json, rows, shape, updates
from crm_health.sync.records import TASK_SEALED, Records
from crm_health.sync.setting import Setting
from crm_health.sync.staff import Staff
from crm_health.sync.tasks import priority
from crm_health.sync.texts import NAME, day_field, named, text, without

#: What required actions are called where they are done, and where they are not.
_DONE, _OPEN = "[x]", "[ ]"
#: Business days that leadership has for what it is told.
_LEADER_DAYS = 1
#: What a person's record is called that gives no reason, and the longest reason of one that does.
_NO_REASON, _REASON = "Unnamed issue", 80


def required(setting: Setting) -> pl.DataFrame:
    """What each reason asks for: `reason` (slug), `action`, `department`, `text`, `day`."""
    found = [
        (slug, name, action.department, action.text, action.day)
        for slug, reason in setting.config.playbook.escalations.items()
        for name, action in reason.actions.items()
    ]
    names = ("reason", "action", "department", "text")
    schema = {**dict.fromkeys(names, pl.String), "day": pl.Int64}
    return pl.DataFrame(found, schema=schema, orient="row")


def actions_text(setting: Setting, records: Records, going: pl.DataFrame) -> pl.DataFrame:
    """The required actions of escalations as text, with done marks: `id`, `now_actions`.

    Args:
        setting: Of the run.
        records: What there is.
        going: Open ones: `id`, `stem`, `slug`, `now_opened_at`.
    """
    shut = records.errands.filter(~pl.col("is_open").fill_null(True))["base"]
    off = list(setting.calendar.days_off)
    each = (
        going.select("id", "stem", pl.col("slug").alias("reason"), "now_opened_at")
        .join(required(setting), on="reason", how="left", maintain_order="left")
        .with_columns(
            pl.col("now_opened_at")
            .dt.add_business_days(pl.col("day"), holidays=off, roll="forward")
            .alias("due"),
            pl.concat_str(pl.lit(errands.PREFIX), "stem", pl.lit(":"), "action")
            .is_in(shut.implode())
            .alias("done"),
        )
    )
    mark = pl.when("done").then(pl.lit(_DONE)).otherwise(pl.lit(_OPEN))
    line = pl.format(
        "{} {}: {} ({})", mark, "department", "text", pl.col("due").dt.strftime("%-d %b")
    )
    whole = each.group_by("id", maintain_order=True).agg(line.str.join("; ").alias("now_actions"))
    room = _room(setting)
    return whole.with_columns(pl.col("now_actions").str.slice(0, room).str.strip_chars())


def _room(setting: Setting) -> int:
    out = setting.config.mapping.write.escalation
    return setting.reads.lengths.get((out.object, out.actions or ""), 255)


def asked(
    setting: Setting,
    records: Records,
    accounts: pl.DataFrame,
    there: Staff,
    going: pl.DataFrame,
    holding: pl.DataFrame,
) -> pl.DataFrame:
    """The tasks that are not there yet, each with its `owner_id`: null where nobody can take it.

    Args:
        setting: Of the run.
        records: What there is.
        accounts: `account_id`, `name`, `csm_id`, `owner_id`, and what `people.pooled` reads.
        there: Who can be told.
        going: Open escalations, new ones too: `id`, `account_id`, `stem`, `slug`, `reason`,
            `grade`, `holder`, `silent`, `owner_id`, `tell`, `overdue`, `since`, `now_opened_at`,
            `now_due_at`, `now_told_at`.
        holding: `account_id`, `rule` of the alerts that hold.
    """
    # A task whose episode is gone is there all the same, made who knows when.
    alone = records.errands.select(
        pl.col("base").alias("key"), pl.lit(setting.day).alias("opened_at")
    ).join(records.asked, on="key", how="anti")
    made = pl.concat([records.asked.select("key", "opened_at"), alone])
    zone = setting.calendar.time_zone
    texts = required(setting)
    found = errands.wanted(
        going.select(
            "id",
            "stem",
            pl.col("slug").alias("reason"),
            "silent",
            "tell",
            "overdue",
            pl.col("now_told_at").dt.convert_time_zone(zone).dt.date().alias("told_on"),
            pl.col("now_due_at").alias("due_at"),
            "since",
        ),
        texts.select("reason", "action"),
        made,
        setting.day,
    )
    wanted = (
        found.join(going.rename({"id": "escalation", "key": "_key"}), on="escalation")
        .join(
            texts.rename({"reason": "slug", "text": "asks", "department": "desk"}),
            on=["slug", "action"],
            how="left",
            maintain_order="left",
        )
        .drop("csm_id", "name", strict=False)
        .rename({"owner_id": "held_by"})
        .join(accounts, on="account_id", maintain_order="left")
        .with_columns(pl.col("desk").fill_null(LEADERSHIP))
    )
    evidence = _evidence(setting, wanted, accounts, holding)
    return wanted.with_columns(owners(there, wanted), _called(setting), evidence)


def _called(setting: Setting) -> pl.Expr:
    """The reason as texts name it; people may give none, or a story."""
    names = {slug: each.reason for slug, each in setting.config.playbook.escalations.items()}
    said = pl.col("reason").str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.coalesce(
        pl.when(said != "").then(said.str.slice(0, _REASON)),
        pl.col("slug").replace_strict(names, default=None, return_dtype=pl.String),
        pl.lit(_NO_REASON),
    ).alias("reason")


def _evidence(
    setting: Setting, wanted: pl.DataFrame, accounts: pl.DataFrame, holding: pl.DataFrame
) -> pl.Series:
    """What the rule sees that opened each escalation; null where it sees it no more.

    So also where a person opened it. And for a due that passed: what counts then is who is late.
    """
    alerts = setting.config.playbook.alerts
    now = ~pl.col("overdue") | ~pl.col("action").str.starts_with(errands.TOLD)
    rule = pl.when(now).then(pl.col("stem").str.extract(r":([a-z0-9_]+):\d+$")).alias("rule")
    still = holding.with_columns(pl.col("rule").alias("_sees"))
    view = (
        wanted.select("account_id", rule)
        .join(still, on=["account_id", "rule"], how="left", maintain_order="left")
        .select("account_id", "_sees")
        .join(accounts, on="account_id", how="left", maintain_order="left")
    )
    found = pl.lit(None, pl.String)
    for name in view["_sees"].unique(maintain_order=True).drop_nulls():
        says = alerts[name].escalation
        if says is not None:
            seen = pl.lit(
                text(setting, says.evidence, view).str.strip_chars().str.strip_suffix(".")
            )
            found = pl.when(pl.col("_sees") == name).then(seen).otherwise(found)
    return view.with_columns(found.alias("evidence"))["evidence"]


def owners(there: Staff, wanted: pl.DataFrame) -> pl.Series:
    """Who gets each errand: the department's desk, else who is told of the account.

    Args:
        there: Who can be told.
        wanted: `desk`, and columns of the account as `Staff.told` takes them.
    """
    told, boss, leader = (there.told(wanted, who) for who in ("csm", "manager", "retention_owner"))
    by_desk = pl.col("desk").replace_strict(there.desks(), default=None, return_dtype=pl.String)
    frame = wanted.select("desk").with_columns(
        told.alias("told"), boss.alias("boss"), leader.alias("leader")
    )
    return frame.select(
        pl.when(pl.col("desk") == LEADERSHIP)
        .then(pl.coalesce(by_desk, "leader", "boss"))
        .otherwise(pl.coalesce(by_desk, "told"))
        .alias("owner_id")
    )["owner_id"]


def _texts(setting: Setting, wanted: pl.DataFrame) -> pl.DataFrame:
    """With `subject`, `body`, `severity` and `due_at` of each task."""
    leads = pl.col("action").str.starts_with(errands.TOLD)
    off, today = list(setting.calendar.days_off), pl.lit(setting.day)
    asked = pl.col("now_opened_at").dt.add_business_days(
        pl.col("day"), holidays=off, roll="forward"
    )
    soon = today.dt.add_business_days(_LEADER_DAYS, holidays=off, roll="forward")
    zone = setting.calendar.time_zone
    due = pl.col("now_due_at").dt.convert_time_zone(zone).dt.strftime("%-d %b %Y %H:%M")
    since = pl.col("now_opened_at").dt.strftime("%-d %b %Y")
    what = pl.when(pl.col("action") == f"{errands.TOLD}open").then(pl.lit("is escalated"))
    wanted = wanted.with_columns(
        pl.when(leads)
        .then(pl.format("{} {}", "reason", what.otherwise(pl.lit("is past its due, step in"))))
        .otherwise("asks")
        .alias("says"),
        pl.when(leads).then(soon).otherwise(pl.max_horizontal(asked, today)).alias("due_task"),
    )
    wanted = wanted.with_columns(
        named(
            wanted.select(pl.format("{}: {}", pl.lit(NAME), "says").alias("subject"))["subject"],
            wanted["name"],
        ).alias("subject")
    )
    record = pl.format(
        "escalation {} ({}) is open since {} and due on {}. {} has it.",
        "reason",
        "grade",
        since,
        due,
        "holder",
    )
    seen = pl.coalesce(
        pl.format("What we saw: {}.\nThe {}", "evidence", record),
        pl.format("What we saw: the {}", record),
    )
    do = (
        pl.when(leads)
        .then(
            pl.lit(
                "Do: ask who has it what holds it up. A new date in its Due field is a new "
                "promise: you hear of it again when that passes."
            )
        )
        .otherwise(pl.format("Do: {}.", "asks"))
    )
    ends = {slug: r.ends_when for slug, r in setting.config.playbook.escalations.items()}
    end = pl.col("slug").replace_strict(ends, default=None, return_dtype=pl.String)
    body = pl.concat_str(
        [seen, do, pl.format("It ends when: {}.", end)], separator="\n", ignore_nulls=True
    )
    grave = pl.col("grade").is_in(["S1", "S2"])
    severity = pl.when(leads | grave).then(pl.lit("high")).otherwise(pl.lit("medium"))
    return wanted.with_columns(
        body.alias("body"), severity.alias("severity"), pl.col("due_task").alias("due_at")
    )


def errand_rows(setting: Setting, served: pl.DataFrame) -> pl.DataFrame:
    """Plan rows that create tasks: those of `asked` that somebody can take."""
    if served.is_empty():
        return rows(served.select("account_id"))
    made = _texts(setting, served)
    out, episode = setting.config.mapping.write.task, setting.config.mapping.write.episode
    made = made.with_columns(
        pl.lit(out.open_status).alias("status"), priority(setting).alias("priority")
    )
    summed = made.with_columns(text_sums(made["body"]).alias("body"))
    made = made.with_columns(
        pl.concat_str("key", pl.lit("#"), seal(summed, TASK_SEALED)).alias("sealed")
    )
    fields: dict[str, pl.Expr] = {
        out.key: pl.col("sealed"),
        out.subject: pl.col("subject"),
        out.body: pl.col("body"),
        out.due: day_field(setting, out.object, out.due, pl.col("due_at")),
        out.priority: pl.col("priority"),
        **({out.alert: pl.col("reason")} if out.alert else {}),
        out.owner: pl.col("owner_id"),
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
            without(fields, out.key, out.due).alias("stable"),
            as_json(claim).alias("claim_fields"),
            pl.when(pl.col("action").str.starts_with(errands.TOLD))
            .then(pl.lit("leadership is told"))
            .otherwise(pl.format("{}: {}", "reason", "asks"))
            .alias("why"),
        ),
        kind="errand",
        op=Op.CREATE_ONCE,
        object=out.object,
        key_field=out.key,
        claim_object=episode.object,
        claim_key_field=episode.key,
        shape=shape(fields),
    )


def ended_rows(
    setting: Setting, records: Records, found: Escalated, clears: pl.DataFrame
) -> pl.DataFrame:
    """Plan rows for errands whose escalation has ended: nobody needs what nobody touched.

    One that somebody deleted ends with its cause, and so do the episodes of its errands (`clears`).
    """
    out = setting.config.mapping.write
    ended = found.records.filter(~pl.col("id").is_in(found.going["id"].implode()))["stem"]
    over = errands.of(ended, records.asked).filter(pl.col("cleared_at").is_null())
    keyed = records.errands.with_columns(pl.col("base").alias("key"))
    lone = records.known.filter(pl.col("key").str.starts_with(errands.PREFIX)).filter(
        pl.col("cleared_at").is_not_null() | pl.col("key").is_in(clears["key"].implode())
    )
    gone = lone.select(errands.asking(pl.col("key"))).to_series()
    tasks = errands.of(pl.concat([ended, gone]), keyed).filter(
        pl.col("is_open").fill_null(False) & pl.col("untouched")
    )
    text = f"Cleared on {setting.day.day} {setting.day:%b %Y}: the escalation has ended"
    why = "its escalation has ended"
    done = {out.task.status: pl.lit(out.task.done_status), out.task.body: pl.lit(text)}
    clear = {out.episode.cleared: pl.lit(setting.day)}
    return pl.concat(
        [
            updates(over, clear, "clear_episode", out.episode.object, why),
            updates(tasks, done, "close_task", out.task.object, why),
        ]
    )
