"""Which names stand where: an expression reads only what comes before it.

Account columns, then facts, derived facts in their order, measures, `<dimension>_points`, caps,
and last the score, its band and its trend.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crm_health.config.expressions import ColumnKind
from crm_health.config.yaml import Document
from crm_health.entities import Kind

#: What alerts may read of the score, beside everything before it.
OUTCOMES: dict[str, ColumnKind] = {
    "score": Kind.NUMBER,
    "computed": Kind.NUMBER,
    "override_apart_since": Kind.DATE,
    "override_apart_days": Kind.NUMBER,
    "score_change_30": Kind.NUMBER,
    "band": Kind.TEXT,
    "band_before": Kind.TEXT,
    "band_since": Kind.DATE,
    "band_since_days": Kind.NUMBER,
    "trend": Kind.TEXT,
}


def dimension_points(dimension: str) -> str:
    """The name of a dimension's points, as caps and alerts read them."""
    return f"{dimension}_points"


def raw_keys(document: Document | None, *path: str) -> list[str]:
    """The keys that a file has at `path`, whatever else is wrong with it."""
    node: Any = document.data if document is not None else None
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return list(node) if isinstance(node, dict) else []


def raw_extra(document: Document | None, entity: str) -> dict[str, ColumnKind]:
    """Extra columns that a broken mapping names: known, but of any kind."""
    node: Any = document.data if document is not None else None
    for step in ("read", entity):
        node = node.get(step) if isinstance(node, dict) else None
    feeds: Iterable[Any] = node if isinstance(node, list) else [node]
    found: dict[str, ColumnKind] = {}
    for feed in feeds:
        extra = feed.get("extra") if isinstance(feed, dict) else None
        found |= dict.fromkeys(extra if isinstance(extra, dict) else (), "any")
    return found
