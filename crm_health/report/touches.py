"""How the touch plan is kept, and what conversations were about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl
from rich.console import RenderableType

from crm_health.programmes.touch_figures import MIX, REACTIVE_DAYS, kept
from crm_health.report.tables import table
from crm_health.sync.touch_book import Kept


def tables(
    found: Kept,
    by: str,
    labels: Mapping[str, str],
    names: Mapping[str, str],
    day: date,
    days: int,
) -> list[RenderableType]:
    """One row a group and touch, then the mix.

    Args:
        found: How the plan is kept.
        by: `tier` or `csm`.
        labels: Touch to what it is called.
        names: Of groups that are users, by id.
        day: Of the last assessment.
        days: The window.
    """
    if found.asked.is_empty():
        return [f"The touch plan asks for nothing on {day}: nobody is in its tiers yet."]
    rows = [
        (
            names.get(row["group"], row["group"]) or "nobody",
            "all" if row["touch"] is None else labels.get(row["touch"], row["touch"]),
            f"{row['due']:,}",
            f"{row['overdue']:,}",
            f"{100 * row['on_plan']:.0f} %",
            "-" if row["done"] is None else f"{row['done']:,}",
        )
        for row in kept(found.asked, by).to_dicts()
    ]
    headings = (by, "touch", ">asked", ">overdue", ">on plan", f">done in {days} d")
    what = "On plan: the share of the customers asked whose day has not passed."
    parts: list[RenderableType] = [f"The touch plan on {day}. {what}", table(headings, rows)]
    if found.untold:
        parts.append(f"Left out, for they rest on the score: {', '.join(found.untold)}.")
    return parts + _mix(found.talks, days)


def _mix(talks: pl.DataFrame, days: int) -> list[RenderableType]:
    if talks.is_empty():
        return [f"No conversation is on record in the last {days} days."]
    rows = [
        (
            row["tier"],
            f"{row['talks']:,}",
            *(f"{row[name]:,} ({100 * row[name] / row['talks']:.0f} %)" for name in MIX),
        )
        for row in talks.to_dicts()
    ]
    what = (
        f"Conversations of {days} days. Reactive: within {REACTIVE_DAYS} days of a case, a risk's "
        "task or an escalation; expansion: while a deal to buy more was open; planned: the others."
    )
    return [
        what,
        table(("tier", ">conversations", *(f">{name}" for name in MIX)), rows),
    ]


def values(found: Kept, by: str, day: date, days: int) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "as_of": day,
        "days": days,
        "by": by,
        "plan": kept(found.asked, by).to_dicts(),
        "conversations": found.talks.to_dicts(),
        "left_out": list(found.untold),
    }


def csv(found: Kept, by: str) -> str:
    """The rows of the plan as comma-separated values; those without a touch are of all."""
    return kept(found.asked, by).rename({"group": by}).write_csv(float_precision=4)
