"""The incidents of an IT company's ServiceNow, 2016 and 2017: its audit log as cases.

An incident is the last of its events, by time and number of changes; `?` is no value, so the last
known one holds. The location is the account, for there is no customer. It ended when it was
resolved: `Closed` comes by itself days later. Whether a promise was kept is known at the end only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from connectors.sandbox.datasets import cases, incident_findings, texts
from connectors.sandbox.datasets.dataset import Dataset, Source

FILES = ("events.csv.gz",)
KNOWN_BY = ("number", "incident_state", "sys_mod_count", "made_sla")
TIMES = ("opened_at", "sys_updated_at", "resolved_at", "closed_at")
COLUMNS = (
    "number", "incident_state", "reopen_count", "sys_mod_count", "made_sla", "caller_id",
    "contact_type", "location", "category", "subcategory", "priority", *TIMES,
)  # fmt: skip
_ZONE = "UTC"
_PRIORITIES = {"1": "Critical", "2": "High", "3": "Medium", "4": "Low"}
_NEW, _OVER = "New", ("Resolved", "Closed")


def load(folder: Path) -> Dataset:
    """Read the log from a folder that holds `FILES`.

    Raises:
        polars.exceptions.PolarsError: a file is not the CSV that it should be.
        OSError: a file cannot be read.
    """
    table = texts.read(folder / FILES[0], COLUMNS, missing=["?"])
    events = typed(table.frame)
    folded = fold(events)
    last = events["sys_updated_at"].max()
    as_of = cases.after(last if isinstance(last, datetime) else datetime(2017, 3, 1, tzinfo=UTC))
    made = cases.build(folded, "Location", as_of, _ZONE)
    used = texts.count(events, pl.col("number").is_not_null() & pl.col("opened_at").is_not_null())
    became = f"{len(made['Case']):,} Case, {len(made['Account']):,} Account"
    notes = [
        (
            "Internal IT: a location stands for a customer. Callers are not loaded: a contact has "
            "one account, and some call from several locations."
        ),
        (
            "An incident ended when it was resolved, else when it was closed. Times carry no zone "
            "and are taken for UTC."
        ),
        (
            "Resolution and closing times stand in every event from the first on: the log was "
            "filled in afterwards, and a reader of half of it would know its future."
        ),
    ]
    return Dataset(
        made,
        as_of,
        notes,
        [Source("events", events.height, used, became)],
        cases.CONFIG,
        findings=incident_findings.of(table, events, folded),
        schema=cases.declared(promises=True),
    )


def typed(events: pl.DataFrame) -> pl.DataFrame:
    """The events with instants, counts and booleans, in the order of the file; null where none."""
    return events.with_columns(
        pl.col(*TIMES).str.to_datetime(
            "%d/%m/%Y %H:%M", strict=False, time_unit="ms", time_zone="UTC"
        ),
        pl.col("reopen_count", "sys_mod_count").cast(pl.Int64, strict=False),
        pl.col("made_sla").replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        ),
    ).with_row_index("row")


def fold(events: pl.DataFrame) -> pl.DataFrame:
    """One row an incident (see `cases`), with what the findings count.

    Args:
        events: As `typed` gives them, in any order; those without a number or an opening time are
            left out.
    """
    ordered = events.filter(pl.col("number").is_not_null(), pl.col("opened_at").is_not_null()).sort(
        "sys_updated_at", "sys_mod_count", "row", nulls_last=False
    )
    state = pl.col("incident_state")
    last_known = [
        pl.col(name).drop_nulls().last()
        for name in ("location", "caller_id", "category", "subcategory", "contact_type")
    ]
    folded = ordered.group_by("number", maintain_order=True).agg(
        *last_known,
        priority=pl.col("priority").drop_nulls().last().replace(_PRIORITIES),
        opened=pl.col("opened_at").first(),
        first_event=pl.col("sys_updated_at").first(),
        touched=pl.col("sys_updated_at").last(),
        first_state=state.first(),
        state=state.last(),
        resolved=pl.col("resolved_at").last(),
        closed=pl.col("closed_at").last(),
        taken=pl.col("sys_updated_at").filter(state != _NEW).first(),
        reopens=pl.col("reopen_count").last(),
        made=pl.col("made_sla").last(),
        made_before=pl.col("made_sla").shift().last(),
        locations=pl.col("location").drop_nulls().n_unique(),
        priorities=pl.col("priority").drop_nulls().n_unique(),
    )
    over = pl.col("state").is_in(_OVER)
    return folded.with_columns(
        account=pl.col("location"),
        subject=pl.format(
            "Category {}, {}",
            pl.col("category").fill_null("unknown"),
            pl.col("subcategory").fill_null("unknown"),
        ),
        origin=pl.col("contact_type"),
        touched=pl.col("touched").fill_null(pl.col("opened")),
        ended=pl.when(over).then(pl.coalesce("resolved", "closed", "touched")),
        # A log that begins later has lost the first answer.
        response_hours=pl.when(pl.col("first_state") == _NEW).then(cases.hours("taken", "opened")),
        missed=~pl.col("made"),
    )
