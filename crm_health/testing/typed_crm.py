"""An in-memory CRM that takes what a connector's JSON body would hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from crm_health.connector import FieldInfo
from crm_health.testing.memory_crm import MemoryCrm


class TypedCrm(MemoryCrm):
    """Takes dates and instants as texts as well, as real ones do."""

    def put(self, name: str, values: Mapping[str, Any], **how: Any) -> str:
        """Save a row, its texts typed."""
        return super().put(name, self._typed(name, values), **how)

    def edit(self, name: str, row_id: str, values: Mapping[str, Any]) -> None:
        """Change a row, its texts typed."""
        super().edit(name, row_id, self._typed(name, values))

    def _typed(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        fields = self.tables[name].info.fields
        return {path: _wire(fields.get(path), value) for path, value in values.items()}


def _wire(info: FieldInfo | None, value: Any) -> Any:
    if info is None or not isinstance(value, str):
        return value
    if info.type == "date":
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if info.type == "datetime" else value
