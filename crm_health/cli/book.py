"""The customers and their last readings, as one frame."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from crm_health.entities import ACCOUNT_OUTPUTS, POLARS, shown
from crm_health.errors import StateError
from crm_health.health.facts import with_days
from crm_health.report.words import top_reason
from crm_health.store import Scope, Store
from crm_health.sync.due import DAY, INSTANT


def synced(store: Store) -> tuple[date, datetime]:
    """The day of the last full assessment, and the instant of the last one of any part.

    Raises:
        StateError: no sync has come to its end yet.
    """
    day, instant = store.runs.get_value(DAY), store.runs.get_value(INSTANT)
    if day is None or instant is None:
        raise StateError(
            "No sync has come to its end here yet: run `crm-health sync` first.", code="CH-STATE"
        )
    return date.fromisoformat(day), datetime.fromisoformat(instant)


def book(store: Store, time_zone: str) -> pl.DataFrame:
    """Every account with a reading of the last full assessment or later.

    Returns:
        `account_id`, `day`, `score`, `computed`, `band` of the reading, the account's mirrored
        columns with their days, `trend`, `top_reason`. Worst score first, unknown ones last.

    Raises:
        StateError: no sync has come to its end yet.
    """
    day, instant = synced(store)
    readings = store.history.series(day, Scope.all())
    last = readings.sort("account_id", "day").group_by("account_id", maintain_order=True).last()
    columns = [name for name in store.mirror.entities()["account"] if name != "account_id"]
    accounts = store.mirror.load("account", columns, Scope.accounts(last["account_id"]))
    accounts = accounts.with_columns(
        pl.lit(None, POLARS[kind]).alias(shown(name))
        for name, kind in ACCOUNT_OUTPUTS.items()
        if shown(name) not in accounts.columns
    )
    dated = with_days(accounts, "account", instant, time_zone)
    kept = dated.drop("id", shown("memory"), shown("programmes")).with_columns(
        pl.col(shown("trend")).alias("trend"), top_reason(pl.col(shown("why"))).alias("top_reason")
    )
    return last.join(kept, on="account_id", how="inner").sort(
        "score", "account_id", nulls_last=True
    )


def person_names(store: Store) -> dict[str, str]:
    """Of the CRM's users, for an admin's eyes: id to name. Namesakes bear their ids as well."""
    if "name" not in store.mirror.entities().get("user", {}):
        return {}
    named = store.mirror.load("user", ["name"], Scope.all()).select("id", "name").drop_nulls()
    alone = pl.when(pl.col("name").is_unique()).then("name")
    shown_as = pl.coalesce(alone, pl.format("{} ({})", "name", "id"))
    return dict(named.select("id", shown_as).iter_rows())
