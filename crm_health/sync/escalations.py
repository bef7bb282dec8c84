"""The escalations of some accounts: what their records should say, which end, and their errands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_health.connector import Op
from crm_health.entities import POLARS, Kind
from crm_health.programmes import errands, escalation_log
from crm_health.programmes.escalation_reasons import department, grade, slugs
from crm_health.programmes.escalations import (
    CLOSED,
    IN_PROGRESS,
    OPEN,
    WANTED,
    Clocks,
    wanted,
)
from crm_health.programmes.seals import canonical, seal
from crm_health.store import PLAN_SCHEMA
from crm_health.sync.clearing import iso
from crm_health.sync.plan import as_json, rows, shape, updates
from crm_health.sync.records import BASELINE, Records
from crm_health.sync.setting import Setting

#: What a person may change on an escalation of ours, which then is left alone.
SEALED = ["reason", "severity", "department", "owner_id", "status", "due_at"]
#: What of it says that a person took it up.
HANDLED = ["owner_id", "status"]
#: Why a row is planned.
_OVER = "the cause is over"
#: How the seal of a record ends that stood there when its account was first synced.
SILENT = ".s"
#: The same of one that keeps a number, whole.
_KEPT = rf"({BASELINE})"
#: Who has it where neither the record nor its reason names a department.
NOBODY = "No department"
_INSTANT = POLARS[Kind.INSTANT]


def sealed(frame: pl.DataFrame, kept: pl.Series) -> pl.Series:
    """The seal of escalations as they stand: of all that people change, and of who took it up.

    Args:
        frame: Columns `SEALED`.
        kept: What each ends in: a number (`BASELINE`), `SILENT`, or nothing.
    """
    parts = [seal(frame, SEALED), pl.lit("."), seal(frame, HANDLED, 4), kept]
    return pl.select(pl.concat_str(parts).alias("seal")).to_series()


def is_untouched(found: pl.DataFrame) -> pl.Series:
    """Of escalations as read back, which of ours nobody changed since we sealed them."""
    ours = (found["source"] == "rule").fill_null(value=False)
    return ours & (found["seal"].str.slice(0, 8) == seal(found, SEALED)).fill_null(value=False)


def clocks(setting: Setting) -> Clocks:
    """What times the escalations of a run."""
    playbook = setting.config.playbook
    return Clocks(
        playbook.severities, playbook.waiting_days, setting.calendar, setting.as_of, setting.day
    )


@dataclass(frozen=True)
class Escalated:
    """The escalations there are, as they stand and as they should be."""

    #: The records, with what `view` adds and `now_<column>` for what the clock wants.
    records: pl.DataFrame
    #: Ids of those that we end now.
    ending: pl.Series

    @property
    def going(self) -> pl.DataFrame:
        """The open ones that stay open."""
        stays = ~pl.col("id").is_in(self.ending.implode())
        return self.records.filter((pl.col("state") != CLOSED) & stays)


def view(setting: Setting, found: pl.DataFrame, first: pl.Series) -> pl.DataFrame:
    """Escalations as read back, with what their clock and their errands go by.

    Args:
        setting: Of the run.
        found: Columns of the entity; those that the CRM has no field for may be missing.
        first: Accounts that were never synced before.

    Returns:
        The same with `slug`, `stem`, `state`, `grade`, `holder`, `handled`, `untouched`, `silent`.
    """
    playbook, out = setting.config.playbook, setting.config.mapping.write.escalation
    lacking: dict[str, Any] = {"actions": pl.String, "tier": pl.String}
    found = found.with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in lacking.items()
        if name not in found.columns
    )
    words: dict[str, str] = {text.casefold(): word for word, text in out.statuses.items()}
    words |= dict.fromkeys((text.casefold() for text in out.closed_statuses), CLOSED)
    status = pl.col("status").str.strip_chars().str.to_lowercase()
    state = status.replace_strict(words, default=IN_PROGRESS, return_dtype=pl.String)
    slug = slugs(found, playbook.escalations, playbook.alerts)
    part = seal(found, HANDLED, 4)
    ours = (pl.col("source") == "rule").fill_null(False)
    unseen = pl.col("seal").is_null() & pl.col("log").is_null()
    return found.with_columns(
        slug.alias("slug"),
        errands.stem(pl.col("key"), pl.col("id")).alias("stem"),
        pl.when(pl.col("status").is_null()).then(pl.lit(OPEN)).otherwise(state).alias("state"),
    ).with_columns(
        grade(playbook.escalations).alias("grade"),
        department(playbook.escalations).fill_null(NOBODY).alias("holder"),
        # A seal of an earlier version says nothing of who took it up.
        (pl.col("seal").str.slice(9, 4) != part)
        .and_(pl.col("seal").str.len_chars() > 8)
        .fill_null(False)
        .alias("handled"),
        is_untouched(found).alias("untouched"),
        (
            pl.col("seal").str.ends_with(SILENT).fill_null(False)
            | (unseen & ~ours & pl.col("account_id").is_in(first.implode()))
        ).alias("silent"),
    )


def escalated(
    setting: Setting, records: Records, clears: pl.DataFrame, first: pl.Series
) -> Escalated:
    """What the escalations should say, and which of them we end.

    Those whose cause is over, and all but one of several for one reason, as a merge leaves them;
    both only where a rule opened them and nobody touched them.

    Args:
        setting: Of the run.
        records: What there is.
        clears: Of `records.known`, what is over.
        first: Accounts that were never synced before.
    """
    found = view(setting, records.escalations, first)
    now = wanted(found, clocks(setting))
    names = {name: f"now_{name}" for name in WANTED}
    zone = setting.calendar.time_zone
    seen = pl.col("first_since").dt.convert_time_zone(zone).dt.date()
    # The day from which it asks for something: a person may say that it opened long ago.
    since = pl.when(pl.col("key").is_null()).then(seen).otherwise("now_opened_at")
    both = found.join(now.rename(names), on="id", maintain_order="left").with_columns(
        since.alias("since")
    )
    standing = both.filter(pl.col("state") != CLOSED)
    over = pl.col("key").is_in(clears["key"].implode()).fill_null(False)
    # The one that people work on stays, else the first.
    folded = (
        standing.filter(pl.col("slug").is_not_null())
        .sort("untouched", "now_opened_at", "id")
        .with_columns(pl.int_range(pl.len()).over("account_id", "slug").alias("place"))
        .filter(pl.col("place") > 0)["id"]
    )
    ending = standing.filter(pl.col("untouched") & (over | pl.col("id").is_in(folded.implode())))
    return Escalated(both, ending["id"])


def timing_rows(setting: Setting, found: Escalated, actions: pl.DataFrame) -> pl.DataFrame:
    """Plan rows that bring the clock's fields of records up to date.

    Only what differs is sent: people work on these records at the same time.

    Args:
        setting: Of the run.
        found: See there.
        actions: `id`, `now_actions`, `now_owner_id`: what else should stand there.
    """
    out = setting.config.mapping.write.escalation
    frame = (
        found.records.filter(~pl.col("id").is_in(found.ending.implode()))
        .join(actions, on="id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("now_owner_id", "owner_id").alias("now_owner_id"))
    )
    if frame.is_empty():
        return rows(frame.head(0).select("account_id"))
    frame = frame.with_columns(_seals(frame).alias("now_seal"))
    paths = {
        "opened_at": out.opened,
        "acknowledged_at": out.acknowledged,
        "due_at": out.due,
        "next_update_at": out.next_update,
        "breached": out.breached,
        "told_at": out.told,
        "resolved_at": out.resolved,
        "log": out.log,
        "seal": out.seal,
        "owner_id": out.owner,
        **({"actions": out.actions} if out.actions else {}),
    }
    marks = [_differs(frame, name).alias(f"_{name}") for name in paths]
    frame = frame.with_columns(marks).with_columns(
        pl.concat_str([pl.col(f"_{name}").cast(pl.Int8) for name in paths]).alias("_shape")
    )
    parts = [pl.DataFrame(schema=PLAN_SCHEMA)]
    for mask in frame["_shape"].unique(maintain_order=True):
        changed = [name for name, bit in zip(paths, mask, strict=True) if bit == "1"]
        if not changed:
            continue
        fields = {paths[name]: _value(frame, f"now_{name}") for name in changed}
        made = frame.filter(pl.col("_shape") == mask).select(
            "account_id",
            pl.col("id").alias("record_id"),
            "key",
            as_json(fields).alias("fields"),
            # What moves with the clock alone is no other request.
            pl.concat_str(
                pl.lit(mask),
                pl.col("state"),
                pl.col("now_breached").cast(pl.String),
                separator="|",
                ignore_nulls=True,
            ).alias("stable"),
            _says(changed).alias("why"),
        )
        kind = "time_escalation"
        parts.append(rows(made, kind=kind, op=Op.UPDATE, object=out.object, shape=shape(fields)))
    return pl.concat(parts)


def ending_rows(setting: Setting, found: Escalated) -> pl.DataFrame:
    """Plan rows that resolve escalations."""
    out = setting.config.mapping.write.escalation
    now = pl.lit(setting.as_of).cast(_INSTANT)
    text = f"Cleared on {setting.day.day} {setting.day:%b %Y}: the cause is over"
    entry = escalation_log.entry(pl.lit(escalation_log.CLOSED), now, setting.calendar)
    frame = found.records.filter(pl.col("id").is_in(found.ending.implode()))
    fields = {
        out.status: pl.lit(out.statuses["resolved"]),
        out.resolved: iso(now),
        out.cleared: pl.lit(setting.day),
        out.acknowledged: iso(pl.coalesce("acknowledged_at", now)),
        out.log: escalation_log.appended(pl.col("log"), entry),
        **({out.resolution: pl.lit(text)} if out.resolution else {}),
    }
    return updates(frame, fields, "close_escalation", out.object, _OVER)


def clearing_rows(setting: Setting, found: Escalated, clears: pl.DataFrame) -> pl.DataFrame:
    """Plan rows that note on other escalations of ours that their cause is over."""
    out = setting.config.mapping.write.escalation
    cleared = found.records.join(clears.select("key"), on="key", how="semi").filter(
        ~pl.col("id").is_in(found.ending.implode())
    )
    day = {out.cleared: pl.lit(setting.day)}
    return updates(cleared, day, "clear_escalation", out.object, _OVER)


def open_after(accounts: pl.DataFrame, found: Escalated, opens: pl.DataFrame) -> pl.DataFrame:
    """Open escalations as they will be: else the next sync would write the count again."""
    counts = pl.concat([found.going.select("account_id"), opens.select("account_id")])
    tally = counts.group_by("account_id").len("open_after")
    return (
        accounts.select("account_id")
        .join(tally, on="account_id", how="left", maintain_order="left")
        .with_columns(pl.col("open_after").fill_null(0).cast(pl.Int64))
    )


def _seals(frame: pl.DataFrame) -> pl.Series:
    """The seals as they should stand: new for what we see first, and what we change ourselves."""
    as_now = frame.with_columns(pl.col("now_owner_id").alias("owner_id"))
    end = pl.when("silent").then(pl.lit(SILENT)).otherwise(pl.col("seal").str.extract(_KEPT))
    fresh = sealed(as_now, frame.select(end.fill_null("").alias("end"))["end"])
    ours = frame["untouched"] & (frame["owner_id"].ne_missing(frame["now_owner_id"]))
    # A person's record is sealed as we saw it first, its due as we fill it in.
    unseen = frame["seal"].is_null() & (frame["state"] != CLOSED)
    return pl.DataFrame({"new": fresh, "old": frame["seal"], "set": ours | unseen}).select(
        pl.when("set").then("new").otherwise("old").alias("seal")
    )["seal"]


def _differs(frame: pl.DataFrame, name: str) -> pl.Expr:
    now = f"now_{name}"
    return canonical(now, frame.schema[now]) != canonical(name, frame.schema[name])


def _value(frame: pl.DataFrame, name: str) -> pl.Expr:
    return iso(pl.col(name)) if isinstance(frame.schema[name], pl.Datetime) else pl.col(name)


def _says(changed: list[str]) -> pl.Expr:
    """In words, what happened to an escalation."""
    if "told_at" in changed:
        return (
            pl.when("overdue")
            .then(pl.lit("is past its due"))
            .otherwise(pl.lit("leadership is told"))
        )
    if "breached" in changed:
        return pl.lit("is past its due")
    if "log" in changed:
        return pl.concat_str(pl.lit("is with "), pl.col("now_log").str.extract(_LAST))
    return pl.lit("its clock goes on")


#: The holder in the last entry of a log.
_LAST = r"([^>]*?) \d{4}-\d{2}-\d{2} \d{2}:\d{2}$"
