"""Who is told: the CSM, a pool, a manager, else the one person who answers for retention."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crm_health.config.alerts import People
from crm_health.config.escalations import Department


def owners(
    accounts: pl.DataFrame,
    users: pl.DataFrame | None,
    fallback: str | None,
    *,
    people: People | None = None,
    told: str = "csm",
    stands_in: bool = True,
) -> pl.Series:
    """One user or queue id an account, never an inactive user; null where nobody can be told.

    Args:
        accounts: `csm_id`, `owner_id`, and what `people.pooled` reads.
        users: `id`, `is_active`, `manager_id`; None where users can't be read: then the ids on
            the account are taken as they are.
        fallback: The person who gets what nobody else can, where `people` names none.
        people: Of the playbook.
        told: As `Alert.told`.
        stands_in: The account's owner is told where it names no CSM.
    """
    people = people or People()
    left = gone(users)
    # Those whom nobody asks about: a queue is none of the users.
    pool_of, *last = (
        None if who in left else who for who in (people.pool, people.retention_owner, fallback)
    )
    frame = _bosses(accounts, users)
    active = users.filter(pl.col("is_active").fill_null(False))["id"] if users is not None else None

    def works(name: str) -> pl.Expr:
        if active is None:
            return pl.col(name)
        return pl.when(pl.col(name).is_in(active.implode())).then(pl.col(name))

    nobody = pl.lit(None, pl.String)
    pool, end = (
        pl.lit(who, pl.String) for who in (pool_of, next((who for who in last if who), None))
    )
    owner = works("owner_id") if stands_in else nobody
    managers = [works("csm_boss"), works("owner_boss") if stands_in else nobody]
    pooled = pl.sql_expr(people.pooled).fill_null(False) if people.pooled else pl.lit(False)
    steps = {
        "csm": [pl.when(pooled).then(pool), works("csm_id"), owner, *managers, pool, end],
        "pool": [pool, end],
        "manager": [*managers, works("csm_id"), owner, pool, end],
        "retention_owner": [end],
    }[told]
    # Not `select`: one fixed person is one value, however many rows there are.
    return frame.with_columns(pl.coalesce(steps).alias("owner"))["owner"]


def desks(departments: Mapping[str, Department], users: pl.DataFrame | None) -> dict[str, str]:
    """The user or queue of each department that names one; none that has left."""
    left, found = gone(users), departments.items()
    return {name: desk.owner for name, desk in found if desk.owner and desk.owner not in left}


def gone(users: pl.DataFrame | None) -> frozenset[str]:
    """The users who have left, as far as anybody knows."""
    if users is None:
        return frozenset()
    return frozenset(users.filter(~pl.col("is_active").fill_null(False))["id"])


def _bosses(accounts: pl.DataFrame, users: pl.DataFrame | None) -> pl.DataFrame:
    """The accounts with `csm_boss` and `owner_boss`, in their order."""
    if users is None:
        nobody = pl.lit(None, pl.String)
        return accounts.with_columns(nobody.alias("csm_boss"), nobody.alias("owner_boss"))
    frame = accounts
    for person, boss in (("csm_id", "csm_boss"), ("owner_id", "owner_boss")):
        named = users.select(pl.col("id").alias(person), pl.col("manager_id").alias(boss))
        frame = frame.join(named, on=person, how="left", maintain_order="left")
    return frame
