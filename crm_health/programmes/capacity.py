"""Who looks after how many, and how many people the plan needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import polars as pl

from crm_health.config.tiers import Tier

#: Of each customer: who looks after it (null: nobody), its tier and what it is worth.
CUSTOMERS: dict[str, Any] = {
    "account_id": pl.String,
    "person": pl.String,
    "tier": pl.String,
    "value": pl.Float64,
}


def loads(customers: pl.DataFrame, steps: Sequence[Tier]) -> pl.DataFrame:
    """What each person has: `person`, a column a tier, `customers`, `value`, `load`.

    `load` is the share of a person's work that the customers are: each counts as one part of as
    many as a person of its tier can look after, so 1 is full. Customers of tiers that nobody looks
    after in person count as none. Most load first.

    Args:
        customers: Columns of `CUSTOMERS`.
        steps: The tiers.
    """
    per = {step.name: step.accounts_per_csm for step in steps}
    part = pl.lit(0.0)
    for name, most in per.items():
        if most is not None:
            part = part + (pl.col("tier") == name).sum() / most
    return (
        customers.filter(pl.col("person").is_not_null())
        .group_by("person")
        .agg(
            *((pl.col("tier") == step.name).sum().alias(step.name) for step in steps),
            pl.len().alias("customers"),
            pl.col("value").sum(),
            part.round(6).alias("load"),
        )
        .sort("load", "value", "person", descending=[True, True, False])
    )


def needed(customers: pl.DataFrame, steps: Sequence[Tier]) -> list[dict[str, Any]]:
    """What each tier asks for, from the top: so many people, in full posts.

    Args:
        customers: Columns of `CUSTOMERS`.
        steps: The tiers.
    """
    found = []
    for step in steps:
        mine = customers.filter(pl.col("tier") == step.name)
        most = step.accounts_per_csm
        found.append(
            {
                "tier": step.name,
                "label": step.label,
                "customers": mine.height,
                "value": float(mine["value"].sum()),
                "unassigned": int(mine["person"].is_null().sum()) if most is not None else None,
                "accounts_per_csm": most,
                "posts": round(mine.height / most, 2) if most is not None else None,
            }
        )
    return found


def headcount(tiers: Sequence[dict[str, Any]]) -> int:
    """People who have to be there for all of it, where one may share tiers."""
    return math.ceil(round(sum(row["posts"] or 0 for row in tiers), 6))


def at_work(found: pl.DataFrame) -> int:
    """People who look after customers of tiers that are looked after in person."""
    return found.filter(pl.col("load") > 0).height
