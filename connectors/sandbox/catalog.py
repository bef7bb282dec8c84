"""Objects and rows as they can be read. Saving stands on top of this."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from connectors.sandbox import derive, ids
from connectors.sandbox.access import Access
from connectors.sandbox.clock import Clock
from connectors.sandbox.errors import WireError
from connectors.sandbox.schema import Field, ObjectType
from connectors.sandbox.standard import standard_objects
from connectors.sandbox.tables import Row, Tables

# New ids start far above the numbers that loaded data uses.
_FIRST_NUMBER = 10_000_000
_ACTIVITIES = ("Task", "Event")
_PREFIX_CHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Catalog:
    """The org's object types and rows, without any way to save one."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.lock = threading.RLock()
        self.tables = Tables()
        self.access = Access()
        self.features: frozenset[str] = frozenset()
        self.admins: frozenset[str] = frozenset()
        self._objects = standard_objects()
        self._counters: dict[str, int] = {}
        self._archived_on: dict[str, date] = {}
        self._schema_at = self.clock.stamp()
        self.saves = 0
        """Rows changed so far, undone ones not counted: what a call log needs to know."""

    def object(self, name: str) -> ObjectType | None:
        """The object type of that name, in any case; None when unknown or switched off."""
        found = self._objects.get(name.lower())
        if found is None or (found.feature and found.feature not in self.features):
            return None
        return found

    def objects(self) -> list[ObjectType]:
        """Every object type that is switched on."""
        return [o for o in self._objects.values() if not o.feature or o.feature in self.features]

    def need(self, name: str) -> ObjectType:
        """The object type of that name. Raises WireError NOT_FOUND."""
        kind = self.object(name)
        if kind is None:
            raise WireError(404, "NOT_FOUND", "The requested resource does not exist")
        return kind

    def object_of(self, id18: str) -> ObjectType | None:
        """The object type that an id belongs to, by its first three characters."""
        return next((o for o in self.objects() if o.key_prefix == id18[:3]), None)

    def schema_at(self) -> datetime:
        """When an object, a field or a right last changed: describe's Last-Modified."""
        return self._schema_at

    def _schema_changed(self) -> None:
        """A second apart at least, so that a client's cache notices even on a frozen clock."""
        self._schema_at = max(self.clock.stamp(), self._schema_at + timedelta(seconds=1))
        self.access.forget()

    def _free_prefix(self) -> str:
        taken = {o.key_prefix for o in self._objects.values()}
        free = (f"a{a}{b}" for a in _PREFIX_CHARS for b in _PREFIX_CHARS)
        return next(prefix for prefix in free if prefix not in taken)

    def rows(
        self,
        object_name: str,
        *,
        include_deleted: bool = False,
        include_archived: bool = True,
    ) -> Iterable[Row]:
        """The rows of an object in the order they came; archived means old activities."""
        with self.lock:
            kind = self.object(object_name)
            if kind is None:
                return []
            if kind.name in _ACTIVITIES:
                self._archive(kind.name)
            found = list(self.tables.of(kind.name).values())
            if not include_deleted:
                found = [r for r in found if not r.get("IsDeleted")]
            if not include_archived and kind.name in _ACTIVITIES:
                found = [r for r in found if not r.get("IsArchived")]
            return found

    def stamped(
        self,
        object_name: str,
        first: datetime | None = None,
        last: datetime | None = None,
    ) -> Iterator[Row]:
        """Rows saved from the first to the last instant, both included, by stamp and Id.

        The recycle bin and archived activities are included. Hold the lock while you walk.
        """
        kind = self.object(object_name)
        if kind is None:
            return iter(())
        if kind.name in _ACTIVITIES:
            self._archive(kind.name)
        return self.tables.stamped(kind.name, first, last)

    def _archive(self, name: str) -> None:
        """Activities grow old by the clock: mark them once a day."""
        now = self.clock.now()
        if self._archived_on.get(name) == now.date():
            return
        self._archived_on[name] = now.date()
        for row in list(self.tables.of(name).values()):
            old = derive.archived(name, row, now)
            if bool(row.get("IsArchived")) != old:
                self.tables.put(name, Row(row, IsArchived=old))

    def get(self, object_name: str, id18: str) -> Row | None:
        """The row of that id (15 characters will do), the recycle bin included."""
        kind = self.object(object_name)
        if kind is None:
            return None
        table = self.tables.of(kind.name)
        found = table.get(id18)
        return found if found or not ids.valid(id18) else table.get(ids.canonical(id18))

    def by_reference(
        self, object_name: str, field: str, id18: Any, *, include_deleted: bool = True
    ) -> list[Row]:
        """Rows whose field holds the value, by index."""
        with self.lock:
            kind = self.object(object_name)
            found = kind.field(field) if kind else None
            if kind is None or found is None:
                return []
            if kind.name in _ACTIVITIES:
                self._archive(kind.name)
            rows = self.tables.find(
                kind.name, found.name, id18, case_sensitive=found.case_sensitive
            )
            return [r for r in rows if include_deleted or not r.get("IsDeleted")]

    def count(self, object_name: str) -> int:
        """How many live rows the object has."""
        return sum(1 for _ in self.rows(object_name))

    def readable(self, kind: ObjectType, field: Field, user_id: str) -> bool:
        """Whether the user sees the field at all."""
        return self.access.field(self, kind, field, user_id)

    def editable(self, kind: ObjectType, field: Field, user_id: str) -> bool:
        """Whether field security lets the user write the field."""
        return self.access.field(self, kind, field, user_id, edit=True)

    def allowed(self, kind: ObjectType, user_id: str, right: str) -> bool:
        """Whether the user has `read`, `create`, `edit` or `delete` on the object."""
        return self.access.object(self, kind, user_id, right, admin=user_id in self.admins)

    def _next(self, prefix: str) -> str:
        self._counters[prefix] = self._counters.get(prefix, _FIRST_NUMBER) + 1
        return ids.sf_id(prefix, self._counters[prefix])

    def _fill_new(self, kind: ObjectType, row: dict[str, Any]) -> None:
        """Defaults and automatic numbers of a row that is new."""
        for field in kind.filled:
            if row.get(field.name) is not None:
                continue
            if field.auto_number:
                key = f"{kind.name}.{field.name}"
                self._counters[key] = self._counters.get(key, 0) + 1
                row[field.name] = derive.auto_number(field.auto_number, self._counters[key])
            elif field.name not in row:
                row[field.name] = field.default

    def _derive(self, kind: ObjectType, row: Row, old: Row, now: datetime) -> None:
        derive.fill(self, kind.name, row, old, now)
        if kind.name in _ACTIVITIES:
            row["IsArchived"] = derive.archived(kind.name, row, now)
