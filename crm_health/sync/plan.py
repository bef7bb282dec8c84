"""The plan: rows that would close the difference between what the CRM should say and says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from crm_health.connector import Connector, Op
from crm_health.store import PLAN_SCHEMA, Group, text_hash

#: The kinds of rows, in the order in which they are applied: people's work first. Leadership's task
#: goes before the record's date of it: a run that dies in between has told, and tells nobody again.
KINDS: tuple[str, ...] = (
    "escalation",
    "errand",
    "time_escalation",
    "task",
    "touch",
    "tell_task",
    "note_episode",
    "fields",
    "memory",
    "context",
    "close_escalation",
    "clear_escalation",
    "clear_episode",
    "close_task",
)


def rows(frame: pl.DataFrame, **constants: str | None) -> pl.DataFrame:
    """Plan rows from some of their columns; the others are empty.

    `basis` is a checksum of what a row says, and where. Two rows with the same basis are the
    same to a person who approves, and to the CRM that refused it before; so what moves with the
    clock alone (when it is due, the memory) is left out of `stable`, the JSON text it is made
    of. Without that column it is made of `fields`.
    """
    have = frame.with_columns(pl.lit(v, pl.String).alias(k) for k, v in constants.items())
    said = "stable" if "stable" in have.columns else "fields"
    where = [n for n in ("kind", "op", "object", "record_id", "key", said) if n in have.columns]
    if where:
        parts = [pl.col(n).cast(pl.String).fill_null("") for n in where]
        texts = have.select(pl.concat_str(parts, separator="\x1f")).to_series()
        have = have.with_columns(text_hash(texts).alias("basis"))
    return have.select(
        (pl.col(name) if name in have.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in PLAN_SCHEMA.items()
    )


def updates(
    frame: pl.DataFrame,
    fields: Mapping[str, pl.Expr],
    kind: str,
    crm_object: str,
    why: str,
    *,
    by_values: bool = False,
) -> pl.DataFrame:
    """Plan rows that change records.

    Args:
        frame: `account_id`, `id`, `key`, and what the fields read.
        fields: CRM field to value.
        kind: Of `KINDS`.
        crm_object: Whose records they are.
        why: For people.
        by_values: Other values are another request; else which record it is says it all, for the
            rest are the day and the hour.
    """
    return rows(
        frame.select(
            "account_id",
            pl.col("id").alias("record_id"),
            "key",
            (as_json(fields) if frame.height else pl.lit(None, pl.String)).alias("fields"),
            *([] if by_values else [pl.lit("").alias("stable")]),
        ),
        kind=kind,
        op=Op.UPDATE,
        object=crm_object,
        shape=shape(fields),
        why=why,
    )


def as_json(fields: Mapping[str, pl.Expr]) -> pl.Expr:
    """One JSON object a row: CRM field to value."""
    named: list[Any] = [expr.alias(name) for name, expr in fields.items()]
    return pl.struct(named).struct.json_encode()


def shape(fields: Iterable[str]) -> str:
    """What rows with the same fields have in common: they can share a batch."""
    return ",".join(fields)


def calls(groups: Iterable[Group], connector: Connector) -> int:
    """API calls that writing the plan takes, retries and look-ups apart."""
    return sum(connector.calls_for(Op(group.op), group.rows) for group in groups)
