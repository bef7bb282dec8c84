"""The rows of a plan, for people: who changes from what to what, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from crm_health.report.tables import table
from crm_health.report.words import counted, moved

Row = Mapping[str, Any]

#: Kind of plan row: what it does to one record, to several.
WORDS: dict[str, tuple[str, str]] = {
    "escalation": ("escalation opens", "escalations open"),
    "task": ("task is created", "tasks are created"),
    "fields": ("account's health fields change", "accounts' health fields change"),
    "memory": ("account's memory alone changes", "accounts' memories alone change"),
    "close_escalation": ("escalation is resolved", "escalations are resolved"),
    "clear_escalation": ("escalation's cause is over", "escalations' causes are over"),
    "clear_episode": ("episode ends", "episodes end"),
    "close_task": ("task is completed", "tasks are completed"),
}
#: Kinds that open or close work for people.
WORK = ("escalation", "task", "close_escalation", "clear_escalation", "close_task")
#: What such a row shows of the record, in this order, where it has it.
_TOLD = ("Subject", "Reason__c", "Severity__c", "Department__c", "ActivityDate", "Due_At__c")


def changes(rows: Sequence[Row], limit: int = 40) -> list[RenderableType]:
    """The plan's rows as tables: people's work first, then the accounts whose fields change.

    Args:
        rows: Plan rows with `name`, `score`, `band`, `trend`, `reason` (see `cli.plans`).
        limit: The most rows of a table; 0 for all.
    """
    parts: list[RenderableType] = []
    work = [row for row in rows if row["kind"] in WORK]
    if work:
        parts.append("Tasks and escalations")
        parts += _cut(("account", "name", "what", "record", "note"), work, _work, limit)
    fields = sorted((row for row in rows if row["kind"] == "fields"), key=_weight)
    if fields:
        parts.append("Health fields")
        headings = ("account", "name", ">score", "band", "trend", "top reason now", "note")
        parts += _cut(headings, fields, _fields, limit)
    return parts


def _weight(row: Row) -> tuple[float, float, str]:
    """The farthest move first, then the worst score."""
    before, after = row["score"]
    far = abs(after - before) if None not in (before, after) else 0
    return (-far, after if after is not None else 101, row["account_id"] or "")


def _work(row: Row) -> tuple[str, ...]:
    fields = row["fields"]
    told = [str(fields[name]) for name in _TOLD if fields.get(name)]
    what = WORDS[row["kind"]][0]
    return (row["account_id"] or "", row["name"] or "", what, ", ".join(told), _status(row))


def _fields(row: Row) -> tuple[str, ...]:
    # The columns before it say already what moved from where to where.
    why = [
        part
        for part in (row["why"] or "").split(", ")
        if not part.startswith(("score ", "band ", "trend "))
    ]
    note = ", ".join([*why, *([_status(row)] if _status(row) else [])])
    return (
        row["account_id"] or "",
        row["name"] or "",
        moved(*row["score"]),
        moved(*row["band"]),
        moved(*row["trend"]),
        row["reason"] or "",
        note,
    )


def _status(row: Row) -> str:
    """The row's state where it is news; of a refusal its code, never the CRM's own words."""
    if row["status"] in ("planned", "done", "held"):
        return ""
    return f"{row['status']} {row['code']}" if row.get("code") else str(row["status"])


def _cut(
    headings: Sequence[str], rows: Sequence[Row], line: Any, limit: int
) -> list[RenderableType]:
    shown = rows[:limit] if limit else rows
    parts: list[RenderableType] = [table(headings, [line(row) for row in shown])]
    if len(shown) < len(rows):
        rest = counted(len(rows) - len(shown), "more", "more")
        parts.append(f"... and {rest}: crm-health runs show last --json has all.")
    return parts
