"""What became of the alerts, as the mirror and the readings tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from crm_health.config.load import Config
from crm_health.config.touches import PREFIX
from crm_health.entities import Kind
from crm_health.programmes import episodes, quality, told
from crm_health.store import Scope, Store

#: So many occurrences of a noisy rule are looked up again, the latest ones.
_LOOKED_UP = 300
#: Contacts that took place: with people, by whatever way.
_CONTACTS = ("call", "meeting", "email_in", "email_out")
_SPONSORS = ("sponsor", "decision_maker")
#: A sponsor is silent after so many days.
_SILENT = 90


@dataclass(frozen=True)
class Quality:
    """How good the alerts of a stretch of time were."""

    first: date
    last: date
    #: As `quality.by_rule` gives it.
    rules: pl.DataFrame
    #: Noisy rule to the name, operator and number that it compares, and as `quality.proposed`.
    proposals: dict[str, tuple[str, str, float, dict[str, Any] | None]]
    #: As `quality.contacted` gives it.
    contacted: pl.DataFrame


def judge(store: Store, config: Config, first: date, last: date, zone: str) -> Quality:
    """Judge every alert that opened between two days, both included."""
    mapped = store.mirror.entities()
    bands = [band.name for band in config.model.bands]
    occurred = _occurred(store, mapped).filter(pl.col("opened_at").is_between(first, last))
    contacts = _contacts(store, mapped, last)
    found = quality.judged(
        occurred, _feedback(store, mapped), contacts, _falls(store, bands, first), last
    )
    rules = quality.by_rule(found)
    noisy = rules.filter("noisy")["rule"]
    proposals = {rule: p for rule in noisy if (p := _proposal(store, config, found, rule))}
    events = _events(store, mapped, zone, last).filter(pl.col("day").is_between(first, last))
    return Quality(first, last, rules, proposals, quality.contacted(events, _by_event(contacts)))


Mapped = dict[str, dict[str, Kind]]


def _occurred(store: Store, mapped: Mapped) -> pl.DataFrame:
    frames = [pl.DataFrame(schema=quality.OCCURRED)]
    for entity in ("episode", "escalation"):
        if entity not in mapped:
            continue
        names = [n for n in ("key", "opened_at", "told") if n in mapped[entity]]
        rows = store.mirror.load(entity, names, Scope.all())
        keyed = episodes.with_rule(rows).with_columns(pl.col("key").alias("base"))
        frames.append(keyed.select(*quality.OCCURRED))
        if "told" in names and entity == "episode":
            further = told.parse(rows.select(pl.col("key").alias("base"), "told"))
            own = pl.col("base").str.ends_with(pl.format(":{}:{}", "rule", "number"))
            accounts = rows.select(pl.col("key").alias("base"), "account_id").unique("base")
            named = further.filter(~own).join(accounts, on="base", maintain_order="left")
            frames.append(named.select(*quality.OCCURRED))
    # A touch that is due warns of nothing.
    return pl.concat(frames).filter(~pl.col("rule").str.starts_with(PREFIX))


def _feedback(store: Store, mapped: Mapped) -> pl.DataFrame:
    schema = {"base": pl.String, "feedback": pl.String}
    if "feedback" not in mapped.get("task", {}):
        return pl.DataFrame(schema=schema)
    tasks = store.mirror.load("task", ["key", "feedback"], Scope.all())
    return tasks.select(episodes.base(pl.col("key")).alias("base"), "feedback")


def _contacts(store: Store, mapped: Mapped, last: date) -> pl.DataFrame:
    """`account_id`, `day` and `contact_role` of each contact that took place."""
    schema = {"account_id": pl.String, "day": pl.Date, "contact_role": pl.String}
    shape = mapped.get("activity", {})
    if not {"kind", "happened_at"} <= shape.keys():
        return pl.DataFrame(schema=schema)
    names = [n for n in ("kind", "happened_at", "is_done") if n in shape]
    rows = store.mirror.load("activity", names, Scope.all())
    for name in ("is_done", "contact_role"):
        if name not in rows.columns:
            rows = rows.with_columns(pl.lit(None).alias(name))
    took_place = pl.col("is_done").cast(pl.Boolean).fill_null(True)
    return rows.filter(
        pl.col("kind").is_in(_CONTACTS) & took_place & (pl.col("happened_at") <= last)
    ).select(
        "account_id", pl.col("happened_at").alias("day"), pl.col("contact_role").cast(pl.String)
    )


def _falls(store: Store, bands: list[str], first: date) -> pl.DataFrame:
    """`account_id`, `day` on which a band was worse than on the day before it that is known."""
    series = store.history.series(first - timedelta(days=8), Scope.all())
    rank = pl.col("band").replace_strict(
        {name: place for place, name in enumerate(bands)}, default=None, return_dtype=pl.Int64
    )
    known = series.with_columns(rank.alias("rank")).filter(pl.col("rank").is_not_null())
    fell = pl.col("rank") < pl.col("rank").shift(1).over("account_id")
    return known.filter(fell.fill_null(False)).select("account_id", "day")


def _proposal(
    store: Store, config: Config, found: pl.DataFrame, rule: str
) -> tuple[str, str, float, dict[str, Any] | None] | None:
    """Another threshold for the first number that a noisy rule's condition compares."""
    alert = config.playbook.alerts.get(rule)
    held = quality.compared(alert.when) if alert is not None else []
    if not held:
        return None
    name, op, number = held[0]
    mine = found.filter((pl.col("rule") == rule) & pl.col("useful").is_not_null())
    rows = []
    for row in mine.sort("opened_at").tail(_LOOKED_UP).iter_rows(named=True):
        opened = row["opened_at"]
        receipt = store.history.receipt_between(
            row["account_id"], opened - timedelta(days=1), opened
        )
        value = (receipt or {}).get("facts", {}).get(name)
        if isinstance(value, int | float):
            rows.append((float(value), row["useful"]))
    seen = pl.DataFrame(rows, schema={"value": pl.Float64, "useful": pl.Boolean}, orient="row")
    return name, op, number, quality.proposed(seen, op)


def _events(store: Store, mapped: Mapped, zone: str, last: date) -> pl.DataFrame:
    """What a customer has to hear of soon: `account_id`, `event`, `day`.

    Outages, missed deadlines, poor answers, and sponsors whom nobody has talked to.
    """
    frames = [pl.DataFrame(schema={"account_id": pl.String, "event": pl.String, "day": pl.Date})]

    def add(entity: str, event: str, where: pl.Expr, day: pl.Expr) -> None:
        needs = [*where.meta.root_names(), *day.meta.root_names()]
        if set(needs) <= mapped.get(entity, {}).keys():
            rows = store.mirror.load(entity, list(dict.fromkeys(needs)), Scope.all()).filter(where)
            name = pl.lit(event).alias("event")
            frames.append(rows.select("account_id", name, _local(day, rows, zone).alias("day")))

    add("incident", "outage", pl.col("minutes") > 0, pl.col("happened_at"))
    late = pl.coalesce("done_at", pl.lit(last)) > pl.col("due_at")
    missed = (pl.col("kind") == "deployment") & late
    add("milestone", "missed deadline", missed, pl.col("due_at") + pl.duration(days=1))
    kind, points = pl.col("kind"), pl.col("points")
    poor = ((kind == "nps") & (points <= 60)) | ((kind == "csat") & (points <= 25))
    add("survey", "poor answer", poor, pl.col("answered_at"))
    frames.append(_silences(_contacts(store, mapped, last), last))
    return pl.concat(frames)


def _local(day: pl.Expr, rows: pl.DataFrame, zone: str) -> pl.Expr:
    names = day.meta.root_names()
    if isinstance(rows.schema[names[0]], pl.Datetime):
        return day.dt.convert_time_zone(ZoneInfo(zone).key).dt.date()
    return day


def _silences(contacts: pl.DataFrame, last: date) -> pl.DataFrame:
    """The days on which a sponsor had been silent for too long."""
    talks = (
        contacts.filter(pl.col("contact_role").is_in(_SPONSORS)).unique().sort("account_id", "day")
    )
    following = pl.col("day").shift(-1).over("account_id").fill_null(last)
    silent = (following - pl.col("day")).dt.total_days() > _SILENT
    return talks.filter(silent).select(
        "account_id",
        pl.lit("silent sponsor").alias("event"),
        pl.col("day") + pl.duration(days=_SILENT),
    )


def _by_event(contacts: pl.DataFrame) -> pl.DataFrame:
    """Any contact ends any wait, but only one with a sponsor ends a sponsor's silence."""
    sponsors = contacts.filter(pl.col("contact_role").is_in(_SPONSORS))
    kinds = ("outage", "missed deadline", "poor answer")
    frames = [contacts.with_columns(pl.lit(kind).alias("event")) for kind in kinds]
    frames.append(sponsors.with_columns(pl.lit("silent sponsor").alias("event")))
    return pl.concat(frames).select("account_id", "day", "event")
