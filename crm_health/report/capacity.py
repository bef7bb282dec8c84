"""Who looks after how many customers, and how many people the plan needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
from rich.console import RenderableType

from crm_health.programmes.capacity import at_work, headcount
from crm_health.report.tables import table
from crm_health.report.words import counted, number

#: The most rows of people that are shown; JSON and CSV have all.
_MOST = 100


def tables(
    day: date, needed: Sequence[dict[str, Any]], loads: pl.DataFrame, names: Mapping[str, str]
) -> list[RenderableType]:
    """What each tier asks for, and what each person has.

    Args:
        day: Of the last assessment.
        needed: As `capacity.needed` gives it.
        loads: As `capacity.loads` gives it.
        names: Of people, by id.
    """
    tiers = [
        (
            row["label"],
            number(row["customers"]),
            number(row["value"]),
            "nobody" if row["accounts_per_csm"] is None else number(row["accounts_per_csm"]),
            "-" if row["posts"] is None else f"{row['posts']:.2f}",
            "-" if row["unassigned"] is None else number(row["unassigned"]),
        )
        for row in needed
    ]
    columns = [str(row["tier"]) for row in needed]
    people = [
        (
            names.get(row["person"], row["person"]),
            *(number(row[name]) for name in columns),
            number(row["customers"]),
            number(row["value"]),
            f"{100 * row['load']:.0f} %",
        )
        for row in loads.head(_MOST).to_dicts()
    ]
    wanted, there = headcount(needed), at_work(loads)
    labels = [f">{row['label']}" for row in needed]
    parts: list[RenderableType] = [
        f"What the plan needs, on {day}",
        table(("tier", ">customers", ">value", ">a person", ">posts", ">with nobody"), tiers),
        _headcount(wanted, there),
        "Who has how many (100 % is full)",
        table(("person", *labels, ">customers", ">value", ">load"), people),
    ]
    if loads.height > _MOST:
        parts.append(f"The first {_MOST} of {loads.height:,} are shown; --format json has all.")
    return parts


def values(day: date, needed: Sequence[dict[str, Any]], loads: pl.DataFrame) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "as_of": day,
        "tiers": list(needed),
        "people": loads.to_dicts(),
        "people_needed": headcount(needed),
        "people_there": at_work(loads),
    }


def csv(loads: pl.DataFrame) -> str:
    """What each person has, as comma-separated values."""
    return loads.write_csv(float_precision=4)


def _headcount(wanted: int, there: int) -> str:
    said = f"It needs {counted(wanted, 'person', 'people')}; {there:,} have such customers now"
    if wanted > there:
        return f"{said}: {wanted - there:,} too few."
    return f"{said}: {there - wanted:,} more than it needs." if there > wanted else f"{said}."
