"""Whether a model fits the customers at hand, for people and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import polars as pl
from rich.console import RenderableType

from crm_health.health.model_check import Finding
from crm_health.report.tables import table
from crm_health.report.words import counted, number


def tables(found: Sequence[Finding], spread: pl.DataFrame, customers: int) -> list[RenderableType]:
    """How each measure's values lie, then what to look at."""
    rows = [
        (
            row["model"] or "none",
            row["measure"],
            f"{row['known']:,} of {row['accounts']:,}",
            f"{number(row['lowest'])} to {number(row['highest'])}" if row["known"] else "-",
            f"{number(row['least'])} to {number(row['most'])}" if row["known"] else "-",
            number(row["mean"]),
        )
        for row in spread.iter_rows(named=True)
    ]
    headings = ("model", "measure", ">with evidence", ">values", ">points", ">mean")
    out: list[RenderableType] = [table(headings, rows)] if rows else []
    if found:
        lines = [(f.model, ", ".join(f.measures), f.text) for f in found]
        out.append(table(("model", "measure", "look at"), lines))
    out.append(
        f"{counted(len(found), 'thing')} to look at, on {counted(customers, 'customer')}."
        if found
        else f"Nothing to look at: the model fits {counted(customers, 'customer')}."
    )
    return out


def values(found: Sequence[Finding], spread: pl.DataFrame, customers: int) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "customers": customers,
        "findings": [asdict(finding) for finding in found],
        "measures": spread.to_dicts(),
    }
