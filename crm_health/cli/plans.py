"""Plan rows as plain values: what the reports and `--json` show of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import polars as pl

from crm_health.config.mapping import Write
from crm_health.report.changes import WORK, Shown
from crm_health.report.words import top_reason
from crm_health.store import Scope, Store

#: Rows read at a time: a plan may be far longer than what anybody looks at.
SLICE = 1_000
#: The most rows of a table.
LIMIT = 40
#: What the table of changes compares: the key of a row, and the output it shows.
_PAIRS = ("score", "band", "trend")
_COLUMNS = ("seq", "kind", "op", "object", "account_id", "record_id", "key", "why", "status")
_RECEIPT = ("receipt_id", "created", "code", "field")
_READ = (*_COLUMNS, *_RECEIPT, "fields", "before")


def plan_rows(store: Store, run_id: str, outputs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """All rows of a run's plan, with names of accounts and the pairs that changed.

    Args:
        store: The open database.
        run_id: Whose plan.
        outputs: Output of ours to its CRM field (`write.account` of the mapping).
    """
    for found in _slices(store, run_id):
        yield from _plain(store, found, outputs)


def shown(store: Store, run_id: str, write: Write) -> Shown:
    """The rows of a run's plan that a person sees first, and how many there are besides."""
    outputs, task, escalation = write.account, write.task, write.escalation
    told = (
        task.subject,
        escalation.reason,
        escalation.severity,
        escalation.department,
        task.due,
        escalation.due,
    )
    counts = {kind: sum(states.values()) for kind, states in store.plans.kinds(run_id).items()}
    work = store.plans.rows(run_id, kinds=WORK, columns=_READ, limit=LIMIT)
    fields = _farthest(store, run_id, outputs.get("score", ""))
    return Shown(
        _plain(store, work, outputs),
        _plain(store, fields, outputs),
        sum(counts.get(kind, 0) for kind in WORK) - work.height,
        counts.get("fields", 0) - fields.height,
        told,
    )


def account_names(store: Store, ids: pl.Series) -> dict[str, str]:
    """Names of some accounts, as the mirror has them."""
    if "name" not in store.mirror.entities().get("account", {}):
        return {}
    frame = store.mirror.load("account", ["name"], Scope.accounts(ids))
    return dict(frame.select("id", "name").drop_nulls().iter_rows())


def _slices(store: Store, run_id: str, *kinds: str) -> Iterator[pl.DataFrame]:
    after = 0
    while True:
        found = store.plans.rows(run_id, kinds=kinds, columns=_READ, after=after, limit=SLICE)
        if found.is_empty():
            return
        yield found
        after = found["seq"][-1]


def _farthest(store: Store, run_id: str, score: str) -> pl.DataFrame:
    """The field rows whose score moves farthest; of equal moves the worst scores."""
    was, now = (
        pl.col(column).str.json_path_match(f"$.{score}").cast(pl.Float64, strict=False)
        for column in ("before", "fields")
    )
    kept = store.plans.rows(run_id, columns=_READ, limit=0)
    for found in _slices(store, run_id, "fields"):
        order = [-(now - was).abs().fill_null(0), now.fill_null(101), pl.col("account_id")]
        kept = pl.concat([kept, found]).sort(order).head(LIMIT)
    return kept


def _plain(store: Store, found: pl.DataFrame, outputs: Mapping[str, str]) -> list[dict[str, Any]]:
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


def _reason(why: str | None) -> str | None:
    return None if why is None else str(pl.select(top_reason(pl.lit(why))).item())
