"""The pyramid of customers, and what a review would change, for people and as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
from rich.console import RenderableType

from crm_health.config.tiers import Tiers
from crm_health.programmes.reviewing import MOVES
from crm_health.report.tables import table
from crm_health.report.words import counted, number

#: The most rows of moves that people are shown; JSON has all.
_MOST = 100


def standing(config: Tiers, whole: pl.DataFrame | None) -> list[dict[str, Any]]:
    """How many customers are in each tier, from the top, and what they are worth.

    Args:
        config: The tiers.
        whole: `tier_now`, and `value_now` where the model knows it; None: no customers.
    """
    found: list[dict[str, Any]] = []
    everybody = max(whole.height, 1) if whole is not None else 1
    for step in config.steps:
        mine = whole.filter(pl.col("tier_now") == step.name) if whole is not None else None
        known = mine is not None and "value_now" in mine.columns
        found.append(
            {
                "tier": step.name,
                "label": step.label,
                "customers": 0 if mine is None else mine.height,
                "percent": 100 * mine.height / everybody if mine is not None else 0.0,
                "share": step.share,
                "value": float(mine["value_now"].sum()) if known and mine is not None else None,
                "contact": step.contact,
                "accounts_per_csm": step.accounts_per_csm,
                "retention_goal": step.retention_goal,
            }
        )
    return found


def tiers(day: date, standing: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """The pyramid as a table."""
    rows = [
        (
            row["label"],
            number(row["customers"]),
            f"{row['percent']:.1f} %",
            "the rest" if row["share"] is None else f"{number(row['share'])} %",
            number(row["value"]),
            row["contact"],
        )
        for row in standing
    ]
    headings = ("tier", ">customers", ">percent", ">share", ">value", "contact")
    everybody = sum(int(row["customers"]) for row in standing)
    return [table(headings, rows), f"{counted(everybody, 'customer')} on {day}."]


def moves(
    config: Tiers, found: pl.DataFrame, names: Mapping[str, str], most: int
) -> list[RenderableType]:
    """Who would move, widest gap first, and who would not and why.

    Args:
        config: The tiers.
        found: As `reviewing.review` gives it.
        names: Account to its name.
        most: How many may move in one review.
    """
    labels = {step.name: step.label for step in config.steps}
    moving = found.filter(pl.col("verdict") == MOVES).height
    if found.is_empty():
        return ["", "A review today would move nobody: everybody is where their rank puts them."]
    rows = [
        (
            row["account_id"],
            names.get(row["account_id"]) or "",
            f"{labels[row['tier']]} -> {labels[row['to']]}",
            f"{row['gap']:.1f}",
            row["verdict"],
        )
        for row in found.head(_MOST).iter_rows(named=True)
    ]
    headings = ("account", "name", "move", ">points from the edge", "verdict")
    end = (
        f"A review today would move {counted(moving, 'customer')} of at most {most:,}; "
        f"{found.height - moving:,} more rank higher or lower than their tier."
    )
    if found.height > _MOST:
        end += f" The first {_MOST} are shown; --json has all."
    return ["", table(headings, rows), end]


def values(found: pl.DataFrame, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The same as plain values."""
    return [row | {"name": names.get(row["account_id"])} for row in found.to_dicts()]
