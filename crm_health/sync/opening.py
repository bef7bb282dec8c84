"""The escalations that open: their records, and the plan rows that create them."""

from __future__ import annotations

import polars as pl

from crm_health.connector import Op
from crm_health.entities import POLARS, Kind
from crm_health.health.words import band_label
from crm_health.programmes import errands
from crm_health.programmes.attention import VALUE
from crm_health.programmes.escalations import OPEN, RECORD, WANTED, wanted
from crm_health.programmes.told import number
from crm_health.sync.clearing import iso
from crm_health.sync.escalations import clocks, sealed
from crm_health.sync.plan import as_json, rows, shape
from crm_health.sync.setting import Setting
from crm_health.sync.texts import length, subject, text, without

_INSTANT = POLARS[Kind.INSTANT]


def opened(setting: Setting, accounts: pl.DataFrame, opens: pl.DataFrame) -> pl.DataFrame:
    """The records of what opens, as they will be read back.

    Args:
        setting: Of the run.
        accounts: What the texts may show, one row an account.
        opens: As `actions.Actions.escalates` has it.

    Returns:
        One row a record, `id` its key: the entity's columns, `slug`, `stem`, `grade`, `holder`,
        `evidence`, `title`, `score`, `band`, `tier`, `value`, `tell`, `overdue`.
    """
    playbook, out = setting.config.playbook, setting.config.mapping.write.escalation
    parts = []
    # The account's own owner is nobody's here.
    view_of = accounts.drop("owner_id")
    labels = {step.name: step.label for step in (playbook.tiers.steps if playbook.tiers else ())}
    tier = pl.col("tier_now").replace(labels) if labels else pl.col("tier_now")
    worth = pl.col(VALUE) if VALUE in accounts.columns else pl.lit(None)
    for rule in opens["rule"].unique(maintain_order=True):
        says = playbook.alerts[rule].escalation
        assert says is not None  # config check: an alert that escalates says how
        reason = playbook.escalations[says.reason]
        # A brace in it names no field.
        plain = reason.reason.replace("{", "(").replace("}", ")")
        names = ("account_id", "key", "owner_id", "baseline")
        mine = opens.filter(pl.col("rule") == rule).select(names)
        view = mine.join(view_of, on="account_id", maintain_order="left")
        room = length(setting, out.object, out.evidence)
        parts.append(
            view.select(
                "account_id",
                "key",
                pl.col("key").alias("id"),
                pl.lit(rule).alias("rule"),
                pl.lit(says.reason).alias("slug"),
                pl.lit(reason.reason).alias("reason"),
                pl.lit(reason.severity).alias("severity"),
                pl.lit(reason.severity).alias("grade"),
                pl.lit(reason.department).alias("department"),
                pl.lit(reason.department).alias("holder"),
                pl.lit(reason.ends_when).alias("ends_when"),
                "owner_id",
                number(pl.col("baseline")).alias("baseline"),
                pl.lit(out.statuses["open"]).alias("status"),
                pl.lit(OPEN).alias("state"),
                pl.lit(value=False).alias("handled"),
                pl.lit(value=False).alias("silent"),
                text(setting, says.evidence, view).str.slice(0, room).alias("evidence"),
                subject(setting, f"{{account}}: {plain}", view).alias("title"),
                pl.col("score").cast(pl.Float64),
                band_label(pl.col("band")),
                tier.alias("tier"),
                worth.cast(pl.Float64).alias("value"),
            )
        )
    if not parts:
        return pl.DataFrame(schema={"account_id": pl.String})
    made = pl.concat(parts).with_columns(
        errands.stem(pl.col("key"), pl.col("id")).alias("stem"),
        *(pl.lit(None, RECORD[name]).alias(name) for name in WANTED),
    )
    timed = wanted(made, clocks(setting))
    made = made.drop(*WANTED).join(timed, on="id", maintain_order="left")
    told = pl.when(pl.col("baseline") != "").then(pl.format(".b{}", "baseline"))
    end = made.select(told.fill_null("").alias("end"))["end"]
    return made.with_columns(sealed(made, end).alias("seal"))


def opening_rows(setting: Setting, made: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Plan rows that create escalations.

    Args:
        setting: Of the run.
        made: As `opened` gives it.
        actions: `id`, `now_actions`: the required actions as text.
    """
    if made.is_empty():
        return rows(made.select("account_id"))
    out = setting.config.mapping.write.escalation
    made = made.join(
        actions.select("id", "now_actions"), on="id", how="left", maintain_order="left"
    )
    tells = pl.col("told_at").is_not_null().any()
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
        out.opened: pl.col("opened_at"),
        out.due: iso(pl.col("due_at")),
        out.next_update: pl.col("next_update_at"),
        out.log: pl.col("log"),
        out.evidence: pl.col("evidence"),
        out.score: pl.col("score"),
        out.band: pl.col("band"),
        **({out.told: iso(pl.col("told_at"))} if made.select(tells).item() else {}),
        **({out.name: pl.col("title")} if out.name else {}),
        **({out.actions: pl.col("now_actions")} if out.actions else {}),
        **({out.ends_when: pl.col("ends_when")} if out.ends_when else {}),
        **({out.tier: pl.col("tier")} if out.tier else {}),
        **({out.value: pl.col("value").round(2)} if out.value else {}),
        **{name: pl.lit(value) for name, value in out.constants.items()},
    }
    moving = (out.seal, out.due, out.opened, out.next_update, out.log, out.told, out.actions or "")
    return rows(
        made.select(
            "account_id",
            "key",
            as_json(fields).alias("fields"),
            without(fields, *moving).alias("stable"),
            pl.format("{} opened", "rule").alias("why"),
        ),
        kind="escalation",
        op=Op.UPSERT,
        object=out.object,
        key_field=out.key,
        shape=shape(fields),
    )
