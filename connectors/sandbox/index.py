"""Equality indexes over the rows of one object, built when first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


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
