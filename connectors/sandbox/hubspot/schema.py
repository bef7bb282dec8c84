"""Custom objects: what a schema says beyond the object type and its properties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.sandbox.hubspot import stamps


@dataclass(frozen=True)
class Definition:
    """An association that a schema allows."""

    id: str
    start: str
    end: str
    name: str

    def json(self) -> dict[str, Any]:
        """As a schema lists it."""
        return {
            "fromObjectTypeId": self.start,
            "toObjectTypeId": self.end,
            "name": self.name,
            "cardinality": "ONE_TO_MANY",
            "inverseCardinality": "ONE_TO_MANY",
            "id": self.id,
            "createdAt": None,
            "updatedAt": None,
        }


@dataclass(frozen=True)
class Schema:
    """One custom object."""

    type_id: str
    name: str
    """Immutable: letters, digits and underscores."""
    singular: str
    plural: str
    created: datetime
    updated: datetime
    required: tuple[str, ...] = ()
    searchable: tuple[str, ...] = ()
    primary: str | None = None
    secondary: tuple[str, ...] = ()
    description: str | None = None
    definitions: tuple[Definition, ...] = ()

    def json(self, portal_id: int) -> dict[str, Any]:
        """As the service tells it, without the properties."""
        body: dict[str, Any] = {
            "labels": {"singular": self.singular, "plural": self.plural},
            "requiredProperties": list(self.required),
            "searchableProperties": list(self.searchable),
            "primaryDisplayProperty": self.primary,
            "secondaryDisplayProperties": list(self.secondary),
            "archived": False,
            "restorable": True,
            "metaType": "PORTAL_SPECIFIC",
            "allowsSensitiveProperties": False,
            "id": self.type_id.removeprefix("2-"),
            "fullyQualifiedName": qualified(portal_id, self.name),
            "createdAt": stamps.text(self.created),
            "updatedAt": stamps.text(self.updated),
            "objectTypeId": self.type_id,
            "associations": [d.json() for d in self.definitions],
            "name": self.name,
        }
        return body | ({"description": self.description} if self.description else {})


def qualified(portal_id: int, name: str) -> str:
    """The name of a custom object with its portal's number."""
    return f"p{portal_id}_{name}"


class Schemas:
    """The custom objects of a portal by type id."""

    def __init__(self) -> None:
        self._of: dict[str, Schema] = {}

    def __iter__(self) -> Iterator[Schema]:
        return iter(list(self._of.values()))

    def __len__(self) -> int:
        return len(self._of)

    def find(self, type_id: str) -> Schema | None:
        """The schema of that type id."""
        return self._of.get(type_id)

    def put(self, schema: Schema) -> None:
        """Add a schema, or replace the one of its type id."""
        self._of[schema.type_id] = schema

    def drop(self, type_id: str) -> None:
        """Take a schema away."""
        self._of.pop(type_id, None)

    def next_id(self) -> str:
        """The type id of the next one."""
        taken = [int(i.removeprefix("2-")) for i in self._of]
        return f"2-{max(taken, default=3_604_284) + 1}"

    def reset(self) -> None:
        """None, as in a new portal."""
        self._of = {}

    def save(self) -> dict[str, Schema]:
        """A copy of them all."""
        return dict(self._of)

    def restore(self, saved: dict[str, Schema]) -> None:
        """Back to a copy."""
        self._of = dict(saved)
