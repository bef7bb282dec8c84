"""The escalations of the local database, as their report counts them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from crm_health.businesstime import OPENS, Calendar
from crm_health.config.load import Config
from crm_health.entities import ENTITIES, POLARS, Kind
from crm_health.programmes import escalation_log as logs
from crm_health.programmes.escalation_figures import By, Span, figures
from crm_health.programmes.escalation_reasons import department, grade, slugs
from crm_health.store import Scope, Store

#: The slug of the reason that is none.
OTHER = "other"
#: More of all escalations than this are no exception any more, but a reason that is missing.
OTHER_SHARE = 0.1
_INSTANT = POLARS[Kind.INSTANT]


@dataclass(frozen=True)
class Book:
    """What a report shows."""

    #: As `escalation_figures.figures` gives them.
    rows: pl.DataFrame
    #: `holder`, `escalations`, `hours`: who had those that opened in the period, longest first.
    held: pl.DataFrame
    #: The share of escalations whose reason is "Other" or unknown; null where there are none.
    other: float | None


def tell(
    store: Store,
    config: Config,
    customers: pl.DataFrame,
    by: By,
    now: Span,
    then: Span,
    zone: str,
    as_of: datetime,
) -> Book:
    """Count the escalations of a period, and of the one before.

    Args:
        store: The open database.
        config: Reasons and departments.
        customers: `account_id` and, where they are mapped, `tier`, `csm_id`, `owner_id`,
            `customer_since`, `created_at`.
        by: What to group by; tier and manager are the customer's of today.
        now: The period.
        then: The one before.
        zone: Of the organisation.
        as_of: Until when open ones have taken.
    """
    calendar = Calendar.of(zone, config.model.holidays)
    people = _people(customers, config.playbook.people.account_owner)
    records = _records(store, config, calendar, as_of).join(
        people.select("account_id", "tier", "csm"), on="account_id", how="left"
    )
    counted = records.with_columns(pl.col(by).alias("group"))
    book = people.with_columns(
        (pl.col(by) if by in people.columns else pl.lit(None, pl.String)).alias("group")
    )
    opened = pl.col("opened_at").is_between(now.first, now.last)
    mine = records.filter(opened & pl.col("account_id").is_in(people["account_id"].implode()))
    reasons = mine["slug"]
    odd = reasons.is_null() | (reasons == OTHER)
    return Book(
        figures(counted, book, now, then, by),
        _held(mine, calendar, as_of),
        int(odd.fill_null(True).sum()) / mine.height if mine.height else None,
    )


def _people(customers: pl.DataFrame, account_owner: str) -> pl.DataFrame:
    """Each customer with tier, manager and the day since when."""
    wanted = {
        **dict.fromkeys(("tier", "shown_tier", "csm_id", "owner_id"), pl.String),
        "customer_since": pl.Date,
        "created_at": _INSTANT,
    }
    whole = customers.with_columns(
        pl.lit(None, dtype).alias(name)
        for name, dtype in wanted.items()
        if name not in customers.columns
    )
    nobody_named = account_owner == "auto" and whole["csm_id"].is_null().all()
    # As for tasks: where some name a manager, an owner is a sales person.
    stands_in = account_owner == "always" or nobody_named
    return whole.select(
        "account_id",
        pl.coalesce("shown_tier", "tier").str.to_lowercase().alias("tier"),
        (pl.coalesce("csm_id", "owner_id") if stands_in else pl.col("csm_id")).alias("csm"),
        pl.coalesce("customer_since", pl.col("created_at").dt.date()).alias("since"),
    )


def _records(store: Store, config: Config, calendar: Calendar, as_of: datetime) -> pl.DataFrame:
    """Every escalation: reason, department, how long it lay and took, and whether it was late."""
    kinds = {column.name: POLARS[column.kind] for column in ENTITIES["escalation"].columns}
    shape = store.mirror.entities().get("escalation", {})
    there = [name for name in kinds if name in shape]
    frame = store.mirror.load("escalation", there, Scope.all()).with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in kinds.items() if name not in there
    )
    reasons = config.playbook.escalations
    slug = slugs(frame, reasons, config.playbook.alerts)
    texts = {name: reason.reason for name, reason in reasons.items()}
    known = frame.with_columns(slug.alias("slug")).join(
        logs.last(logs.entries(frame, calendar)).select("id", "first_since"),
        on="id",
        how="left",
        maintain_order="left",
    )
    morning = (
        (pl.col("opened_at").cast(pl.Datetime("ms")) + pl.duration(hours=OPENS))
        .dt.replace_time_zone(calendar.time_zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
    )
    is_open = pl.col("is_open").fill_null(True)
    began = pl.coalesce("first_since", morning)
    took = calendar.worked(began, pl.col("resolved_at"))
    lay = calendar.worked(began, pl.coalesce("acknowledged_at", pl.lit(as_of).cast(_INSTANT)))
    clocks = config.playbook.severities
    limit = grade(reasons).replace_strict(
        list(clocks), [clock.taken_up for clock in clocks.values()], default=None,
        return_dtype=pl.Float64,
    )  # fmt: skip
    late = pl.col("due_at") < pl.coalesce(pl.col("resolved_at"), pl.lit(as_of).cast(_INSTANT))
    return known.select(
        "id",
        "account_id",
        "log",
        "slug",
        pl.coalesce(
            pl.col("slug").replace_strict(texts, default=None, return_dtype=pl.String), "reason"
        ).alias("reason"),
        department(reasons).alias("department"),
        pl.coalesce(
            "opened_at",
            pl.col("first_since").dt.convert_time_zone(calendar.time_zone).dt.date(),
        ).alias("opened_at"),
        pl.when(~is_open).then(took).alias("hours"),
        is_open.alias("is_open"),
        (pl.col("breached").fill_null(False) | (is_open & late.fill_null(False))).alias("overdue"),
        # Of what was closed before we first looked nobody knows.
        ((is_open | pl.col("acknowledged_at").is_not_null()) & (lay > limit))
        .fill_null(False)
        .alias("slow"),
    )


def _held(records: pl.DataFrame, calendar: Calendar, as_of: datetime) -> pl.DataFrame:
    """Business hours that each department had them, and the customers."""
    upto = pl.lit(as_of).cast(_INSTANT)
    each = logs.held(logs.entries(records, calendar), calendar, upto)
    return (
        each.group_by("holder")
        .agg(pl.len().cast(pl.Int64).alias("escalations"), pl.col("hours").sum())
        .sort("hours", "holder", descending=[True, False])
    )
