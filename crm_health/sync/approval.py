"""Applying a plan that a guard held, after a person looked at it."""

from __future__ import annotations

import polars as pl

from crm_health.store import Run, Store


def approved_only(store: Store, run_id: str, by: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of today's plan that say what the approved plan says.

    What changed since is left out: it comes with the next ordinary run.

    Raises:
        GuardStopped: there is no such held plan, it was applied, or it is older than 24 hours.
    """
    approved = store.plans.approved(run_id, by.started_at)
    where = ["kind", "object", "account_id", "basis"]
    return rows.join(approved.select(where), on=where, how="semi")
