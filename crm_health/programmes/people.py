"""Who is told: the CSM, else the account's owner, else a manager, else the one named person."""

from __future__ import annotations

import polars as pl


def owners(accounts: pl.DataFrame, users: pl.DataFrame | None, fallback: str | None) -> pl.Series:
    """One user id an account, never an inactive one; null where nobody can be told.

    Args:
        accounts: `csm_id`, `owner_id`.
        users: `id`, `is_active`, `manager_id`; None where users can't be read: then the ids on
            the account are taken as they are.
        fallback: The person who gets what nobody else can.
    """
    if users is None:
        return accounts.select(
            pl.coalesce("csm_id", "owner_id", pl.lit(fallback, pl.String)).alias("owner")
        )["owner"]
    people = users.select("id", pl.col("is_active").fill_null(False), "manager_id")
    active = people.filter("is_active")["id"].implode()
    managers = people.select("id", pl.col("manager_id"))
    frame = (
        accounts.select("csm_id", "owner_id")
        .join(
            managers.rename({"id": "csm_id", "manager_id": "csm_boss"}),
            on="csm_id",
            how="left",
            maintain_order="left",
        )
        .join(
            managers.rename({"id": "owner_id", "manager_id": "owner_boss"}),
            on="owner_id",
            how="left",
            maintain_order="left",
        )
    )
    steps = [
        pl.when(pl.col(name).is_in(active)).then(pl.col(name))
        for name in ("csm_id", "owner_id", "csm_boss", "owner_boss")
    ]
    return frame.select(pl.coalesce(*steps, pl.lit(fallback, pl.String)).alias("owner"))["owner"]
