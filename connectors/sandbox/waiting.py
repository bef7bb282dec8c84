"""Loaded values whose custom field or object does not exist yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class Waiting:
    """Data sets name custom fields that only `setup` creates: their values wait here."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Mapping[str, Any]]] = {}
        self._values: dict[tuple[str, str], dict[str, Any]] = {}

    def keep_rows(self, object_name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep the rows of an object that does not exist."""
        self._rows.setdefault(object_name.lower(), []).extend(rows)

    def keep_value(self, object_name: str, field: str, id18: str, value: Any) -> None:
        """Keep one value of a field that does not exist."""
        self._values.setdefault((object_name.lower(), field.lower()), {})[id18] = value

    def prefix(self, object_name: str) -> str | None:
        """The id prefix that waiting rows of an object already use."""
        rows = self._rows.get(object_name.lower())
        return str(rows[0]["Id"])[:3] if rows and rows[0].get("Id") else None

    def take_rows(self, object_name: str) -> list[Mapping[str, Any]]:
        """The waiting rows of an object, which wait no more."""
        return self._rows.pop(object_name.lower(), [])

    def take_values(self, object_name: str, field: str) -> dict[str, Any]:
        """Id -> waiting value of a field, which wait no more."""
        return self._values.pop((object_name.lower(), field.lower()), {})

    def copy(self) -> Waiting:
        """An independent copy."""
        twin = Waiting()
        twin._rows = {name: list(rows) for name, rows in self._rows.items()}
        twin._values = {key: dict(held) for key, held in self._values.items()}
        return twin
