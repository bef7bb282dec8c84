"""Properties and their groups: what a portal's records may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

#: When the standard properties were made.
BIRTH = datetime(2020, 6, 30, 15, 57, 38, 191000, tzinfo=UTC)
#: Unique properties that people may add to an object type.
MAX_UNIQUE = 10


@dataclass(frozen=True)
class Option:
    """One choice of an enumeration."""

    value: str
    label: str = ""
    order: int = -1
    hidden: bool = False
    description: str = ""

    def json(self) -> dict[str, Any]:
        """As the service tells it."""
        return {
            "label": self.label or self.value,
            "value": self.value,
            "description": self.description,
            "displayOrder": self.order,
            "hidden": self.hidden,
        }


@dataclass(frozen=True)
class Property:
    """One property. `type` decides how a value is read; `field_type` is how people see it."""

    name: str
    type: str = "string"
    field_type: str = "text"
    label: str = ""
    group: str = ""
    description: str = ""
    options: tuple[Option, ...] = ()
    unique: bool = False
    calculated: bool = False
    read_only: bool = False
    """Whether values are the service's own and a write is refused."""
    external: bool = False
    """Whether the options stand elsewhere: owners, pipelines, stages."""
    standard: bool = False
    referenced: str = ""
    order: int = -1
    hidden: bool = False
    form_field: bool = False
    sensitivity: str = "non_sensitive"
    archived: bool = False
    currency: str = ""
    """The property that holds this one's currency."""
    created: datetime = BIRTH
    updated: datetime = BIRTH
    user: str = ""

    @property
    def many(self) -> bool:
        """Whether it holds several options, joined by semicolons."""
        return self.type == "enumeration" and self.field_type == "checkbox"

    @property
    def values(self) -> frozenset[str]:
        """The values of its options."""
        return frozenset(o.value for o in self.options)


@dataclass(frozen=True)
class Group:
    """A heading under which people find properties."""

    name: str
    label: str
    order: int = -1
    archived: bool = False

    def json(self) -> dict[str, Any]:
        """As the service tells it."""
        return {
            "name": self.name,
            "label": self.label,
            "displayOrder": self.order,
            "archived": self.archived,
        }


@dataclass
class Definitions:
    """The properties and groups of every object type, by type id and name. Archived ones stay."""

    _properties: dict[str, dict[str, Property]] = field(default_factory=dict)
    _groups: dict[str, dict[str, Group]] = field(default_factory=dict)

    def find(self, type_id: str, name: str) -> Property | None:
        """The live property of that name."""
        found = self._properties.get(type_id, {}).get(name)
        return None if found is None or found.archived else found

    def archived(self, type_id: str, name: str) -> Property | None:
        """The archived property of that name."""
        found = self._properties.get(type_id, {}).get(name)
        return found if found is not None and found.archived else None

    def of(self, type_id: str, *, archived: bool = False) -> Iterator[Property]:
        """The live properties of an object type, or the archived ones."""
        found = list(self._properties.get(type_id, {}).values())
        return (p for p in found if p.archived == archived)

    def put(self, type_id: str, *properties: Property) -> None:
        """Add properties, or replace those of their names."""
        self._properties.setdefault(type_id, {}).update({p.name: p for p in properties})

    def archive(self, type_id: str, name: str) -> None:
        """Take a property out of use; its definition and its values stay."""
        held = self._properties.get(type_id, {})
        if name in held:
            held[name] = replace(held[name], archived=True)

    def groups(self, type_id: str) -> list[Group]:
        """The live groups of an object type."""
        return [g for g in self._groups.get(type_id, {}).values() if not g.archived]

    def group(self, type_id: str, name: str) -> Group | None:
        """The live group of that name."""
        found = self._groups.get(type_id, {}).get(name)
        return None if found is None or found.archived else found

    def put_group(self, type_id: str, *groups: Group) -> None:
        """Add groups, or replace those of their names."""
        self._groups.setdefault(type_id, {}).update({g.name: g for g in groups})

    def unique(self, type_id: str) -> list[Property]:
        """The live properties whose values are unique."""
        return [p for p in self.of(type_id) if p.unique]

    def copy(self) -> Definitions:
        """An independent copy."""
        return Definitions(
            {i: dict(held) for i, held in self._properties.items()},
            {i: dict(held) for i, held in self._groups.items()},
        )

    def add_all(self, type_id: str, properties: Iterable[Property], *groups: Group) -> None:
        """The properties and groups that an object type is born with."""
        self.put_group(type_id, *groups)
        self.put(type_id, *properties)
