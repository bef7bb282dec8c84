"""What the demo prints."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]

_WIDTH = 120
_BANDS = ("red", "yellow", "green", "unknown")
#: Rows of each band in the first table.
_SHOWN = {"red": 4, "yellow": 3, "green": 4, "unknown": 1}
#: Kind of plan row: what was done to one record, to several.
_DONE = {
    "escalation": ("escalation opened", "escalations opened"),
    "time_escalation": ("escalation's clock", "escalations' clocks"),
    "errand": ("escalation's task created", "escalations' tasks created"),
    "task": ("task created", "tasks created"),
    "fields": ("account's health fields", "accounts' health fields"),
    "memory": ("account's memory", "accounts' memories"),
    "context": ("case's context", "cases' context"),
    "close_escalation": ("escalation resolved", "escalations resolved"),
    "clear_escalation": ("escalation's cause over", "escalations' causes over"),
    "clear_episode": ("episode ended", "episodes ended"),
    "close_task": ("task completed", "tasks completed"),
}


#: Where the default mappings put what a task or an escalation is about, and when it is due.
_SUBJECTS = ("Subject", "Reason__c", "hs_task_subject", "health_reason")
_DUES = ("ActivityDate", "Due_At__c", "hs_timestamp", "health_due_at")


class Screen:
    """Stdout, plain and of one width where it is no terminal."""

    def __init__(self) -> None:
        width = None if sys.stdout.isatty() else _WIDTH
        self._console = Console(highlight=False, markup=False, emoji=False, width=width)

    def say(self, text: str = "") -> None:
        """One paragraph."""
        self._console.print(Text(text))

    def command(self, text: str) -> None:
        """A command, as it could be typed."""
        self._console.print(Text(f"\n$ {text}", style="bold"))

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A plain table; `>` before a heading aligns right."""
        made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for heading in headings:
            right = heading.startswith(">")
            made.add_column(
                heading.removeprefix(">"), justify="right" if right else "left", no_wrap=right
            )
        for row in rows:
            made.add_row(*(Text(cell, style=_style(cell)) for cell in row))
        self._console.print(made)


def _style(cell: str) -> str:
    word = cell.rpartition(" ")[2].lower()
    return word if word in ("red", "yellow", "green") else ""


def selection(accounts: Sequence[Row]) -> list[Row]:
    """A dozen accounts that stand for all: of each band some, evenly from worst to best."""
    chosen: list[Row] = []
    for band in _BANDS:
        members = [row for row in accounts if row["band"] == band]
        wanted = min(_SHOWN[band], len(members))
        step = len(members) / wanted if wanted else 0
        chosen += [members[int(step * place + step / 2)] for place in range(wanted)]
    return chosen


def bands(accounts: Sequence[Row]) -> str:
    """`190 green, 51 yellow, 41 red, 18 unknown`."""
    counts = {band: sum(row["band"] == band for row in accounts) for band in reversed(_BANDS)}
    ordered = ("green", "yellow", "red", "unknown")
    return ", ".join(f"{counts[band]} {band}" for band in ordered)


def account_line(row: Row) -> tuple[str, ...]:
    """A row of the table of accounts."""
    return (
        row["account_id"],
        row["name"] or "",
        plain(row["score"]),
        (row["band"] or "").title(),
        row["trend"] or "",
        row["top_reason"] or "",
    )


def written(result: Row) -> str:
    """What a sync wrote, and with how many calls."""
    parts = []
    for kind, words in _DONE.items():
        count = result["kinds"].get(kind, {}).get("done", 0)
        if count:
            parts.append(f"{count:,} {words[count != 1]}")
    calls = f"{result['calls_used']} API calls"
    total = result["counts"].get("done", 0)
    if not total:
        return f"0 writes. The CRM says what it should ({calls})."
    return f"{total:,} writes: {', '.join(parts)} ({calls})."


def change_line(row: Row) -> tuple[str, ...]:
    """A row of the table of changes."""
    return (
        row["name"] or row["account_id"] or "",
        _moved(*row["score"]),
        _moved(*row["band"]),
        row["why"] or "",
        row["reason"] or "",
    )


def work_line(row: Row) -> str:
    """An escalation or task that was opened or closed."""
    fields = row["fields"]
    told = str(_first(fields, _SUBJECTS) or row["why"])
    if row["name"] and not told.startswith(row["name"]):
        told = f"{row['name']}: {told}"
    due = str(_first(fields, _DUES) or "")[:10]
    until = f", due {due}" if due else ""
    return f"  {_DONE[row['kind']][0]}: {told}{until}"


def _first(fields: Row, names: Sequence[str]) -> Any:
    return next((fields[name] for name in names if fields.get(name)), None)


def plain(value: Any) -> str:
    """A score or nothing."""
    return "-" if value is None else f"{value:.0f}" if isinstance(value, int | float) else value


def _moved(before: Any, after: Any) -> str:
    if before is None or before == after:
        return plain(after)
    return f"{plain(before)} -> {plain(after)}"
