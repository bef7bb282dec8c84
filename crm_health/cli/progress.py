"""Progress on a terminal: what is being read, assessed or written, and how many rows so far."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

#: What a phase of the pipeline is called; other names are CRM objects being read.
_WORDS = {
    "assess": "Assessing accounts",
    "escalation": "Writing escalations",
    "errand": "Writing the escalations' tasks",
    "task": "Writing tasks",
    "touch": "Writing the touch plan's tasks",
    "fields": "Writing health fields",
    "memory": "Writing memories",
    "context": "Writing cases' context",
}


def _silent(*_: object) -> None:
    return None


@contextmanager
def counting() -> Iterator[Callable[[str, int], None]]:
    """A function to tell a name and how many more rows are done; silent off a terminal."""
    if not sys.stderr.isatty():
        yield _silent
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:>9,.0f} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tick(name: str, rows: int) -> None:
            if name not in tasks:
                for earlier in tasks.values():
                    bars.stop_task(earlier)
                words = _WORDS.get(name) or (
                    f"Reading {name}" if name[:1].isupper() else f"Writing: {name}"
                )
                # No total: nobody knows how much a CRM will send.
                tasks[name] = bars.add_task(words, total=None)
            bars.update(tasks[name], advance=rows)

        yield tick
