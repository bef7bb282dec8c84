"""The rows of a plan, for people: who changes from what to what, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from crm_health.report.tables import table
from crm_health.report.words import counted, moved

Row = Mapping[str, Any]

#: Kind of plan row: what it does to one record, to several.
WORDS: dict[str, tuple[str, str]] = {
    "escalation": ("escalation opens", "escalations open"),
    "time_escalation": ("escalation's clock goes on", "escalations' clocks go on"),
    "errand": ("task of an escalation is created", "tasks of escalations are created"),
    "task": ("task is created", "tasks are created"),
    "touch": ("touch is asked for", "touches are asked for"),
    "fields": ("account's health fields change", "accounts' health fields change"),
    "memory": ("account's memory alone changes", "accounts' memories alone change"),
    "context": ("case's context line changes", "cases' context lines change"),
    "close_escalation": ("escalation is resolved", "escalations are resolved"),
    "clear_escalation": ("escalation's cause is over", "escalations' causes are over"),
    "tell_task": ("task gets a further line", "tasks get a further line"),
    "note_episode": ("episode is noted", "episodes are noted"),
    "clear_episode": ("episode ends", "episodes end"),
    "close_task": ("task is completed", "tasks are completed"),
}
#: Kinds that open or close work for people.
WORK = (
    "escalation",
    "errand",
    "task",
    "touch",
    "tell_task",
    "close_escalation",
    "clear_escalation",
    "close_task",
)
#: An instant as plans hold it; what stands before its seconds is shown.
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)\S*Z")


@dataclass(frozen=True)
class Shown:
    """The rows of a plan that are shown (see `cli.plans`), and how many there are besides."""

    #: Rows of the kinds in `WORK`.
    work: Sequence[Row]
    #: Rows of the kind `fields`, with `score`, `band`, `trend` and `reason`.
    fields: Sequence[Row]
    more_work: int = 0
    more_fields: int = 0
    #: The CRM's fields that a row of `work` shows of its record, in this order, where it has them.
    told: Sequence[str] = ()


def changes(shown: Shown) -> list[RenderableType]:
    """A plan's rows as tables: people's work first, then the accounts whose fields change."""
    parts: list[RenderableType] = []
    if shown.work:
        headings: tuple[str, ...] = ("account", "name", "what", "record", "note")
        parts += [
            "Tasks and escalations",
            table(headings, [_work(row, shown.told) for row in shown.work]),
        ]
        parts += _rest(shown.more_work)
    if shown.fields:
        headings = ("account", "name", ">score", "band", "trend", "top reason now", "note")
        parts += ["Health fields", table(headings, [_fields(row) for row in shown.fields])]
        parts += _rest(shown.more_fields)
    return parts


def _rest(number: int) -> list[RenderableType]:
    if not number:
        return []
    return [f"... and {counted(number, 'more', 'more')}: crm-health runs show last --json has all."]


def _work(row: Row, names: Sequence[str]) -> tuple[str, ...]:
    fields = row["fields"]
    told = [_INSTANT.sub(r"\1 \2 UTC", str(fields[name])) for name in names if fields.get(name)]
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
