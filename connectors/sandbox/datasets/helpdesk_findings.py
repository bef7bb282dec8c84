"""What is odd in the help desk's log, counted from it."""

from __future__ import annotations

import polars as pl

from connectors.sandbox.datasets.dataset import Finding
from connectors.sandbox.datasets.texts import Texts, count, held, unread


def of(table: Texts, events: pl.DataFrame, folded: pl.DataFrame) -> list[Finding]:
    """Findings on the file, its events and the cases folded from them (see `helpdesk.fold`)."""
    whole, total = table.frame, folded.height
    stamps = ["Complete Timestamp"]
    times = unread(whole, events.with_columns(pl.col("at").alias(stamps[0])), stamps)
    same = whole.height - whole.unique().height
    steady = whole["seriousness"].drop_nulls().n_unique() <= 1
    wait = (pl.col("closed") - pl.col("resolved")).dt.total_days() >= 1
    never = pl.col("closed").is_null()
    unsolved = pl.col("resolved").is_null()
    names = ", ".join(table.twice)
    return [
        Finding(f"columns stand twice in the header: {names}", len(table.twice), len(table.twice),
                "not read"),
        Finding("severities (seriousness) are one and the same", whole.height if steady else 0,
                whole.height, "seriousness_2 is read instead"),
        Finding("timestamps that are none", times, held(whole, stamps), "events left out"),
        Finding("events repeat another one in all columns read", same, whole.height,
                "they change nothing"),
        Finding("cases were closed a day or more after they were resolved", count(folded, wait),
                total, "they end with the last resolution"),
        Finding("cases were never closed", count(folded, never), total,
                "closed where resolved, else open"),
        Finding("cases were never resolved", count(folded, unsolved), total, "open"),
        Finding("cases were resolved more than once", count(folded, pl.col("resolutions") > 1),
                total, "the last one counts"),
        Finding("cases were worked on after a resolution", count(folded, pl.col("reopens") > 0),
                total, "reopened"),
        Finding("cases saw more after they were closed, or were closed twice",
                count(folded, (pl.col("closed") < pl.col("touched")) | (pl.col("closings") > 1)),
                total, "the last closing counts"),
        Finding("cases changed their customer", count(folded, pl.col("customers") > 1), total,
                "the last one owns the case"),
        Finding("cases changed their severity", count(folded, pl.col("severities") > 1), total,
                "the last one counts"),
        Finding("cases were never taken in charge", count(folded, pl.col("taken").is_null()),
                total, "no first answer"),
        Finding("cases name no customer", count(folded, pl.col("account").is_null()), total,
                "loaded without an account: for the quarantine"),
    ]  # fmt: skip
