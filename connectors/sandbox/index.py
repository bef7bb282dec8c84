"""Indexes over the rows of one object, built when first asked for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby, islice
from typing import Any, TypeVar

R = TypeVar("R", bound=Mapping[str, Any])
_LAST = "~"  # behind every id


def fold(value: object, *, case_sensitive: bool = False) -> object:
    """What an index compares: text without its case, unless the case counts."""
    return value.casefold() if isinstance(value, str) and not case_sensitive else value


class Index:
    """Value of one field -> ids of the rows that hold it, in the order they came."""

    def __init__(
        self, name: str, *, case_sensitive: bool = False, rows: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        self._name = name
        self._case_sensitive = case_sensitive
        self._ids: dict[object, dict[str, None]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Note a row's value; nulls are not indexed."""
        value = row.get(self._name)
        if value is not None:
            self._ids.setdefault(fold(value, case_sensitive=self._case_sensitive), {})[
                row["Id"]
            ] = None

    def remove(self, row: Mapping[str, Any]) -> None:
        """Forget a row's value."""
        value = row.get(self._name)
        if value is not None:
            self._ids.get(fold(value, case_sensitive=self._case_sensitive), {}).pop(row["Id"], None)

    def find(self, value: object) -> list[str]:
        """Ids of the rows that hold the value."""
        return list(self._ids.get(fold(value, case_sensitive=self._case_sensitive), ()))


class StampIndex:
    """The rows of a table in the order (SystemModstamp, Id).

    A save only notes the row's new place. Its old one is recognised when it is walked over: the
    row that stands in the table has another stamp by then, or is gone.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._places = sorted((row["SystemModstamp"], row["Id"]) for row in rows)
        self._live = len(self._places)
        self._new: set[tuple[datetime, str]] = set()

    def note(self, row: Mapping[str, Any]) -> None:
        """A row was saved, and has this stamp now."""
        self._new.add((row["SystemModstamp"], row["Id"]))

    @property
    def worn(self) -> bool:
        """Whether so many places are old ones that it is better built anew."""
        return len(self._places) > 2 * self._live + 1_000

    def walk(
        self, table: Mapping[str, R], first: datetime | None, last: datetime | None
    ) -> Iterator[R]:
        """The rows from the first to the last stamp, both included; None is open."""
        self._settle()
        start = bisect_left(self._places, (first, "")) if first is not None else 0
        end = bisect_right(self._places, (last, _LAST)) if last is not None else None
        for stamp, id18 in islice(self._places, start, end):
            row = table.get(id18)
            if row is not None and row["SystemModstamp"] == stamp:
                yield row

    def _settle(self) -> None:
        if not self._new:
            return
        new = sorted(self._new)
        self._new.clear()
        in_place = not self._places or new[0] > self._places[-1]
        self._places.extend(new)
        if not in_place:  # an old stamp, seldom: a held save, or one that was undone
            self._places.sort()
            self._places = [place for place, _ in groupby(self._places)]
