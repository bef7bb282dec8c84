"""Records in the order of their ids, page by page."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connectors.sandbox.tables import Row


@dataclass
class Page:
    """Some records in the order of their ids."""

    rows: list[Row]
    after: int | None
    """Where the next page starts; None after the last one."""


class Ids:
    """The ids of one object type as numbers, in order. May hold ids that are gone."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._sorted = sorted(map(int, ids))
        self._in_order = True

    def add(self, record_id: str) -> None:
        """Note a new id."""
        number = int(record_id)
        if self._sorted and number < self._sorted[-1]:
            self._in_order = False
        self._sorted.append(number)

    def start(self, first: int) -> Iterator[str]:
        """Ids from a number on."""
        if not self._in_order:
            self._sorted = sorted(set(self._sorted))
            self._in_order = True
        found = self._sorted
        return (str(found[n]) for n in range(bisect_left(found, first), len(found)))
