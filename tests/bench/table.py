"""What was measured, next to the targets: as a table for people, as JSON for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

LIBRARIES = ("polars", "sqlalchemy", "psycopg", "simple-salesforce", "hubspot-api-client")


@dataclass(frozen=True)
class Result:
    """One measure. Without a limit it is told for its own sake."""

    target: str
    measured: float
    unit: str
    how: str
    limit: float | None = None
    #: Figures behind it.
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`ok`, `missed`, or nothing."""
        if self.limit is None:
            return ""
        return "ok" if self.measured <= self.limit else "missed"


def machine() -> dict[str, str]:
    """What the figures were taken on."""
    return {
        "python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        **{name: version(name) for name in LIBRARIES},
    }


def as_dict(results: Iterable[Result], **about: Any) -> dict[str, Any]:
    """For `--json`."""
    rows = [{**asdict(result), "verdict": result.verdict} for result in results]
    return {**about, "machine": machine(), "results": rows}


def text(results: Sequence[Result]) -> str:
    """A Markdown table: target, measured, limit, verdict, how."""
    head = ("target", "measured", "limit", "", "how")
    rows = [head, tuple("---" for _ in head)]
    rows += [
        (
            result.target,
            figure(result.measured, result.unit),
            "-" if result.limit is None else figure(result.limit, result.unit),
            result.verdict,
            result.how,
        )
        for result in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def figure(value: float, unit: str) -> str:
    """A figure for people."""
    number = f"{value:,.0f}" if value == int(value) and unit not in ("x",) else f"{value:,.2f}"
    return f"{number} {unit}".strip()
