"""The help desk of an Italian software company, 2010 to 2014: its log of events as cases.

A case belongs to the customer and the product of its last event. It was opened by its first event
and ended by its last `Resolve ticket`: `Closed` comes by itself weeks later and says nothing. Work
after a resolution reopens the case. The first answer is the first `Take in charge ticket`. What was
promised to whom is not in the log, and its severities are names without an order.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from connectors.sandbox.datasets import cases, helpdesk_findings, texts
from connectors.sandbox.datasets.dataset import Dataset, Source

FILES = ("events.csv.gz",)
KNOWN_BY = ("Case ID", "Complete Timestamp", "seriousness_2")
COLUMNS = (
    "Case ID", "Activity", "Complete Timestamp", "seriousness", "customer", "product",
    "seriousness_2",
)  # fmt: skip
_ZONE = "Europe/Rome"
_RESOLVED, _CLOSED, _TAKEN = "Resolve ticket", "Closed", "Take in charge ticket"
#: Activities that mean that somebody still works on the case, or waits to.
_WORK = (
    "Assign seriousness", _TAKEN, "Wait", "Require upgrade", "Insert ticket", "Create SW anomaly",
    "Schedule intervention",
)  # fmt: skip


def load(folder: Path) -> Dataset:
    """Read the log from a folder that holds `FILES`.

    Raises:
        polars.exceptions.PolarsError: a file is not the CSV that it should be.
        OSError: a file cannot be read.
    """
    table = texts.read(folder / FILES[0], COLUMNS)
    events = typed(table.frame)
    folded = fold(events)
    last = events["at"].max()
    as_of = cases.after(last if isinstance(last, datetime) else datetime(2014, 1, 1, tzinfo=UTC))
    made = cases.build(folded, "Customer", as_of, _ZONE)
    used = texts.count(events, pl.col("at").is_not_null() & pl.col("Case ID").is_not_null())
    became = f"{len(made['Case']):,} Case, {len(made['Account']):,} Account"
    notes = [
        "A case ended with its last resolution. Times carry no zone and are taken for UTC.",
        (
            "Severities are names without an order (Value 1 to 4), so no case counts for more than "
            "another; no promise is in the log, so none is kept or missed."
        ),
        "There is nothing but cases: no contacts, contracts, usage or answers.",
    ]
    return Dataset(
        made,
        as_of,
        notes,
        [Source("events", events.height, used, became)],
        cases.CONFIG,
        findings=helpdesk_findings.of(table, events, folded),
        schema=cases.declared(promises=False),
    )


def typed(events: pl.DataFrame) -> pl.DataFrame:
    """The events with their instant `at`, in the order of the file; null where it is none."""
    at = pl.col("Complete Timestamp").str.to_datetime(
        "%Y/%m/%d %H:%M:%S%.f", strict=False, time_unit="ms", time_zone="UTC"
    )
    return events.with_columns(at=at).with_row_index("row")


def fold(events: pl.DataFrame) -> pl.DataFrame:
    """One row a case (see `cases`), with `resolved`, `closed` and counts for the findings.

    Args:
        events: As `typed` gives them, in any order; those without an instant or case are left out.
    """
    ordered = events.filter(pl.col("at").is_not_null(), pl.col("Case ID").is_not_null()).sort(
        "at", "row"
    )
    # Of the events that move a case to resolved or back to work, each with the one before it.
    activity = pl.col("Activity")
    moves = ordered.filter(activity.is_in([_RESOLVED, *_WORK])).with_columns(
        back=(activity != _RESOLVED) & (activity.shift().over("Case ID") == _RESOLVED),
    )
    back = moves.group_by("Case ID").agg(
        reopens=pl.col("back").fill_null(value=False).sum(),
        standing=activity.last() == _RESOLVED,
    )
    taken = pl.col("at").filter(activity == _TAKEN).first()
    folded = ordered.group_by("Case ID", maintain_order=True).agg(
        opened=pl.col("at").first(),
        touched=pl.col("at").last(),
        taken=taken,
        resolved=pl.col("at").filter(activity == _RESOLVED).last(),
        closed=pl.col("at").filter(activity == _CLOSED).last(),
        resolutions=(activity == _RESOLVED).sum(),
        closings=(activity == _CLOSED).sum(),
        account=pl.col("customer").drop_nulls().last().str.strip_prefix("Value "),
        product=pl.col("product").drop_nulls().last(),
        priority=pl.col("seriousness_2").drop_nulls().last(),
        customers=pl.col("customer").drop_nulls().n_unique(),
        severities=pl.col("seriousness_2").drop_nulls().n_unique(),
    )
    standing = pl.col("standing").fill_null(value=False)
    return folded.join(back, on="Case ID", how="left").with_columns(
        number=pl.col("Case ID"),
        subject=pl.format(
            "Product {}", pl.col("product").str.strip_prefix("Value ").fill_null("unknown")
        ),
        origin=pl.lit(None, pl.String),
        # Resolved and left alone, or shut by itself: then it had ended with its last resolution.
        ended=pl.when(standing | pl.col("closed").is_not_null()).then(
            pl.coalesce("resolved", "closed")
        ),
        reopens=pl.col("reopens").fill_null(0),
        response_hours=cases.hours("taken", "opened"),
    )
