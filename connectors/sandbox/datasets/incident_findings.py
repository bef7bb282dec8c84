"""What is odd in the incidents' audit log, counted from it."""

from __future__ import annotations

import polars as pl

from connectors.sandbox.datasets.dataset import Finding
from connectors.sandbox.datasets.texts import Texts, count, held, unread

_TIMES = ("opened_at", "sys_updated_at", "resolved_at", "closed_at")
_NUMBERS = ("reopen_count", "sys_mod_count")
#: Days from resolution to closing beyond which nobody closed it by hand.
_AUTOMATIC = 4


def of(table: Texts, events: pl.DataFrame, folded: pl.DataFrame) -> list[Finding]:
    """Findings on the file, its events and the incidents folded from them (see `incident.fold`)."""
    return [*_cells(table, events), *_events(events, folded), *_incidents(folded)]


def _cells(table: Texts, events: pl.DataFrame) -> list[Finding]:
    whole = table.frame
    cells = whole.height * whole.width
    dates = held(whole, _TIMES)
    day_first, early = (
        sum(count(whole, pl.col(name).str.contains(pattern)) for name in _TIMES)
        for pattern in (r"^\d{1,2}/\d{1,2}/\d{4} ", r"^(0?[1-9]|1[0-2])/\d{1,2}/\d{4} ")
    )
    zeros = count(whole, pl.col("number").str.starts_with("0"))
    names = ", ".join(table.twice)
    return [
        Finding(f"columns stand twice in the header: {names}", len(table.twice), len(table.twice),
                "the first one is read"),
        Finding("cells say ? (of the columns read)", cells - held(whole, whole.columns), cells,
                "missing: the last known value holds"),
        Finding("dates are written d/m/Y", day_first, dates, "read day first"),
        Finding("of these could be taken for m/d/Y", early, dates, "read day first"),
        Finding("dates that are none", unread(whole, events, _TIMES), dates, "left empty"),
        Finding("counts that are none", unread(whole, events, _NUMBERS), held(whole, _NUMBERS),
                "left empty"),
        Finding("numbers begin with a zero", zeros, whole.height, "kept as text"),
    ]  # fmt: skip


def _events(events: pl.DataFrame, folded: pl.DataFrame) -> list[Finding]:
    total = events.height
    numbered = events.drop_nulls("number")
    again = numbered.height - numbered.unique(["number", "sys_mod_count"]).height
    future = pl.col("closed_at") > pl.col("sys_updated_at")
    odd = pl.col("incident_state").str.contains(r"^-?\d+$")
    back = folded.filter(pl.col("made_before") & ~pl.col("made")).height
    missed = count(folded, pl.col("missed"))
    return [
        Finding("events know when their incident will be closed", count(events, future), total,
                "closing times are used at the end only"),
        Finding("events have a number for a state", count(events, odd), total,
                "the last state counts"),
        Finding("events repeat a number of changes of their incident", again, total,
                "the later row counts"),
        Finding("missed promises show in the very last event only", back, missed,
                "the last event counts"),
    ]  # fmt: skip


def _incidents(folded: pl.DataFrame) -> list[Finding]:
    total = folded.height
    lag = (pl.col("closed") - pl.col("resolved")).dt.total_days() >= _AUTOMATIC
    several = (
        folded.drop_nulls(["caller_id", "location"])
        .group_by("caller_id")
        .agg(pl.col("location").n_unique().alias("from"))
    )
    return [
        Finding("incidents missed their promise", count(folded, pl.col("missed")), total,
                "SLA Missed on the case"),
        Finding("incidents were reopened", count(folded, pl.col("reopens") > 0), total,
                "Reopen Count on the case"),
        Finding(f"incidents were closed {_AUTOMATIC} days or more after they were resolved",
                count(folded, lag), total, "they end with the resolution"),
        Finding("incidents have no resolution time", count(folded, pl.col("resolved").is_null()),
                total, "they end with the closing"),
        Finding("incidents enter the log after their first state",
                count(folded, pl.col("first_state") != "New"), total, "no first answer"),
        Finding("incidents have an event before they were opened",
                count(folded, pl.col("first_event") < pl.col("opened")), total,
                "no first answer where that would be negative"),
        Finding("incidents changed their location", count(folded, pl.col("locations") > 1), total,
                "the last known one owns the case"),
        Finding("incidents changed their priority", count(folded, pl.col("priorities") > 1), total,
                "the last one counts"),
        Finding("callers called from several locations", count(several, pl.col("from") > 1),
                several.height, "callers are not loaded"),
        Finding("incidents name no location", count(folded, pl.col("account").is_null()), total,
                "loaded without an account: for the quarantine"),
    ]  # fmt: skip
