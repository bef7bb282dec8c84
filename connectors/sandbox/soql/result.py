"""What a query answers, before it is cut into pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """One selected thing, for clients that ask for column metadata.

    ``joins`` holds the columns of a parent path's far end or of a child subquery.
    """

    name: str
    label: str
    type: str
    aggregate: bool = False
    custom: bool = False
    joins: tuple[ResultColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of a query, in the wire's shape.

    Attributes:
        columns: what was selected, in order.
        rows: JSON-ready records. Empty for ``COUNT()``.
        total: ``totalSize``: the number of rows, or what ``COUNT()`` counted.
        aggregate: whether rows are AggregateResults: these have no id, and no second page.
        long_text_columns: long text fields selected; two or more shrink a page to 200 rows.
    """

    columns: tuple[ResultColumn, ...]
    rows: list[dict[str, Any]] = field(default_factory=list)
    total: int = 0
    aggregate: bool = False
    long_text_columns: int = 0
