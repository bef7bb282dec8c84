"""Plan rows as plain values: what the reports and `--json` show of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl

from crm_health.report.words import top_reason
from crm_health.store import Scope, Store

#: What the table of changes compares: the key of a row, and the output it shows.
_PAIRS = ("score", "band", "trend")
_COLUMNS = ("seq", "kind", "op", "object", "account_id", "record_id", "key", "why", "status")
_RECEIPT = ("receipt_id", "created", "code", "field")


def plan_rows(store: Store, run_id: str, outputs: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of a run's plan, with names of accounts and the pairs that changed.

    Args:
        store: The open database.
        run_id: Whose plan.
        outputs: Output of ours to its CRM field (`write.account` of the mapping).
    """
    found = store.plans.rows(run_id)
    names = account_names(store, found["account_id"].drop_nulls().unique())
    rows = []
    for raw in found.iter_rows(named=True):
        fields = orjson.loads(raw["fields"]) if raw["fields"] else {}
        before = orjson.loads(raw["before"]) if raw["before"] else {}
        row: dict[str, Any] = {name: raw[name] for name in (*_COLUMNS, *_RECEIPT)}
        row |= {"name": names.get(raw["account_id"]), "fields": fields, "before": before}
        for output in _PAIRS:
            path = outputs.get(output, "")
            row[output] = [before.get(path), fields.get(path)]
        row["reason"] = _reason(fields.get(outputs.get("why", "")))
        rows.append(row)
    return rows


def account_names(store: Store, ids: pl.Series) -> dict[str, str]:
    """Names of some accounts, as the mirror has them."""
    if "name" not in store.mirror.entities().get("account", {}):
        return {}
    frame = store.mirror.load("account", ["name"], Scope.accounts(ids))
    return dict(frame.select("id", "name").drop_nulls().iter_rows())


def _reason(why: str | None) -> str | None:
    return None if why is None else str(pl.select(top_reason(pl.lit(why))).item())
