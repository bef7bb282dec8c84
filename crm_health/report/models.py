"""The models that counted, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import RenderableType

from crm_health.report.tables import table


def history(kept: Sequence[Any]) -> list[RenderableType]:
    """A table of models (`sync.models.Kept`), the oldest first."""
    if not kept:
        return ["No model counted yet: the first sync keeps the one it scores with."]
    rows = [
        (
            entry.digest,
            str(entry.since),
            *((c.owner, c.approver, str(c.day), c.reason) if (c := entry.change) else ("-",) * 4),
        )
        for entry in kept
    ]
    return [table(("model", "since", "owner", "approved by", "on", "because"), rows)]


def value(entry: Any) -> dict[str, Any]:
    """One of them as plain values."""
    change = entry.change
    return {
        "digest": entry.digest,
        "since": entry.since,
        "change": change.model_dump(mode="json", by_alias=True) if change else None,
    }
