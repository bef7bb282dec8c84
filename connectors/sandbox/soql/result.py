"""What a query answers, before it is cut into pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from connectors.sandbox.soql.scope import Get, Row

Record = dict[str, Any]


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
class Selected:
    """A selected field: its path such as ``Account.Name``, its describe type, its value in a row.

    The value is the stored one: None, bool, number, text, date or UTC datetime.
    """

    path: str
    type: str
    get: Get


class Found(Sequence[Record]):
    """The rows a query found, turned into JSON-ready records when asked for, slice by slice.

    Rows of the store are replaced, never changed: they stay as they were found. The parents and
    children that they lead to are read when a slice is asked for, so hold the store's lock.
    """

    def __init__(
        self,
        rows: Sequence[Row] = (),
        write: Callable[[Sequence[Row]], list[Record]] = list,
        selected: tuple[Selected, ...] = (),
    ) -> None:
        self._rows = rows
        self._write = write
        self.selected = selected
        """The selected fields in order, child subqueries and aggregates left out."""

    def __len__(self) -> int:
        """How many rows were found."""
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """One record, or a list of them."""
        if isinstance(index, slice):
            return self._write(self._rows[index])
        return self._write([self._rows[index]])[0]

    def reordered(self, places: Iterable[int]) -> Found:
        """The same rows in another order: first the one that stands on the first of `places`."""
        return Found([self._rows[n] for n in places], self._write, self.selected)

    def values(self, start: int, stop: int) -> list[list[Any]]:
        """Stored values of a slice of the rows: one list for each of `selected`."""
        rows = self._rows[start:stop]
        return [list(map(one.get, rows)) for one in self.selected]


@dataclass(frozen=True, slots=True)
class Result:
    """All rows of a query, in the wire's shape.

    Attributes:
        columns: what was selected, in order.
        rows: JSON-ready records, made slice by slice. Empty for ``COUNT()``.
        total: ``totalSize``: the number of rows, or what ``COUNT()`` counted.
        aggregate: whether rows are AggregateResults: these have no id, and no second page.
        long_text_columns: long text fields selected; two or more shrink a page to 200 rows.
    """

    columns: tuple[ResultColumn, ...]
    rows: Found = field(default_factory=Found)
    total: int = 0
    aggregate: bool = False
    long_text_columns: int = 0
