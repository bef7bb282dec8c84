"""The record store: objects, rows, rights, and the org as a whole. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from connectors.sandbox import ids, people, values
from connectors.sandbox.access import Access
from connectors.sandbox.clock import Clock
from connectors.sandbox.errors import WireError
from connectors.sandbox.loading import Loading
from connectors.sandbox.schema import Field, ObjectType
from connectors.sandbox.standard import standard_objects
from connectors.sandbox.tables import Row, Saved, Tables
from connectors.sandbox.waiting import Waiting


@dataclass(frozen=True)
class Snapshot:
    """Everything a test may want back: rows, schema, rights, counters and waiting data."""

    rows: Saved
    objects: dict[str, ObjectType]
    features: frozenset[str]
    hidden: dict[tuple[str, str], str]
    counters: dict[str, int]
    waiting: Waiting


class Records(Loading):
    """One org. Thread-safe: every call that changes something holds `lock`."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self.reset()

    def add_object(self, kind: ObjectType) -> ObjectType:
        """Add an object type, or replace the one of that name. Rows that waited for it appear."""
        with self.lock:
            old = self._objects.get(kind.name.lower())
            prefix = old.key_prefix if old else self._waiting.prefix(kind.name) or kind.key_prefix
            kind = replace(kind, key_prefix=prefix or self._free_prefix())
            self._objects[kind.name.lower()] = kind
            self.tables.forget_index(kind.name)
            self._schema_changed()
            waiting = self._waiting.take_rows(kind.name)
            if waiting:
                self.load({kind.name: waiting})
            return kind

    def add_field(self, object_name: str, field: Field) -> Field:
        """Add a field to an object, or replace it. Loaded values that waited for it appear."""
        with self.lock:
            kind = self.need(object_name).with_field(field)
            self._objects[kind.name.lower()] = kind
            self.tables.forget_index(kind.name)
            self._schema_changed()
            table = self.tables.of(kind.name)
            for id18, raw in self._waiting.take_values(kind.name, field.name).items():
                if id18 in table:
                    row = Row(table[id18])
                    row[field.name] = values.read(field, raw)
                    self.tables.put(kind.name, row)
            return field

    def remove_field(self, object_name: str, name: str) -> None:
        """Take a field away, as an admin would: its values go too."""
        with self.lock:
            kind = self.need(object_name)
            field = kind.field(name)
            if field is None:
                return
            self._objects[kind.name.lower()] = kind.without_field(name)
            self.tables.forget_index(kind.name)
            self._schema_changed()
            for row in list(self.tables.of(kind.name).values()):
                self.tables.put(kind.name, Row({k: v for k, v in row.items() if k != field.name}))

    def permission_set(self, name: str, label: str | None = None) -> str:
        """The id of the permission set of that name, made if there is none."""
        with self.lock:
            for row in self.rows("PermissionSet"):
                if str(row["Name"]).lower() == name.lower():
                    return str(row["Id"])
            fields = {"Name": name, "Label": label or name}
            return self.create("PermissionSet", fields, people.ADMIN, enforce=False)

    def grant(
        self, permission_set: str, object_name: str, field: str, *, read: bool, edit: bool
    ) -> None:
        """Let a permission set (by name) read, and perhaps edit, a field."""
        with self.lock:
            kind = self.need(object_name)
            found = kind.field(field)
            if found is None:
                raise WireError(400, "INVALID_FIELD", f"no field {object_name}.{field}")
            self._permit(
                "FieldPermissions",
                permission_set,
                {"SobjectType": kind.name, "Field": f"{kind.name}.{found.name}"},
                {"PermissionsRead": read or edit, "PermissionsEdit": edit},
            )

    def grant_object(self, permission_set: str, object_name: str, rights: Iterable[str]) -> None:
        """Let a permission set (by name) `read`, `create`, `edit`, `delete` an object's rows."""
        with self.lock:
            kind = self.need(object_name)
            granted = {f"Permissions{r.capitalize()}": True for r in rights}
            self._permit("ObjectPermissions", permission_set, {"SobjectType": kind.name}, granted)

    def _permit(
        self,
        table: str,
        permission_set: str,
        key: dict[str, Any],
        rights: dict[str, Any],
    ) -> None:
        parent = self.permission_set(permission_set)
        for row in self.by_reference(table, "ParentId", parent, include_deleted=False):
            if all(row.get(k) == v for k, v in key.items()):
                self.update(table, row["Id"], rights, people.ADMIN, enforce=False)
                return
        fields = {"ParentId": parent, **key, **rights}
        self.create(table, fields, people.ADMIN, enforce=False)

    def assign(self, permission_set: str, user_id: str) -> None:
        """Give a user a permission set (by name), if it is not theirs yet."""
        with self.lock:
            parent = self.permission_set(permission_set)
            held = self.by_reference("PermissionSetAssignment", "AssigneeId", user_id)
            live = (row for row in held if not row.get("IsDeleted"))
            if not any(row["PermissionSetId"] == parent for row in live):
                fields = {"AssigneeId": user_id, "PermissionSetId": parent}
                self.create("PermissionSetAssignment", fields, people.ADMIN, enforce=False)

    def purge(self, object_name: str, id18: str) -> None:
        """Erase a record for good, leaving nothing in the recycle bin."""
        with self.lock:
            self.tables.drop(self.need(object_name).name, ids.canonical(id18))

    def merge(self, object_name: str, winner: str, loser: str, user_id: str) -> None:
        """Merge two records: children move to the winner, the loser goes to the recycle bin."""
        with self.lock:
            kind = self.need(object_name)
            for child in self.objects():
                for field in child.fields.values():
                    if kind.name in field.reference_to and field.updateable:
                        for row in self.by_reference(
                            child.name, field.name, loser, include_deleted=False
                        ):
                            moved = {field.name: winner}
                            self.update(child.name, row["Id"], moved, user_id, enforce=False)
            row = Row(self._live(kind, loser), MasterRecordId=winner)
            self.tables.put(kind.name, row)
            self.delete(kind.name, loser, user_id, enforce=False)
            self.update(kind.name, winner, {}, user_id, enforce=False)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside are undone when the block raises."""
        saves = self.saves
        try:
            with self.tables.transaction():
                yield
        except BaseException:
            self.saves = saves
            self.access.forget()
            raise

    def hide(self, object_name: str, field: str, mode: str = "hidden") -> None:
        """Take a field from everybody: `hidden`, `readonly`, or `visible` to give it back."""
        with self.lock:
            key = (object_name.lower(), field.lower())
            if mode == "visible":
                self.access.hidden.pop(key, None)
            else:
                self.access.hidden[key] = mode
            self._schema_changed()

    def enable(self, *features: str) -> None:
        """Switch org features on, such as `entitlements`; their objects and fields appear."""
        with self.lock:
            self.features |= set(features)
            self._schema_changed()

    def reset(self) -> None:
        """An empty org: only its own row and its users."""
        with self.lock:
            self.tables = Tables()
            self.access = Access()
            self.features = frozenset()
            self.admins = frozenset({people.ADMIN})
            self._objects = standard_objects()
            self._counters = {}
            self._waiting = Waiting()
            self._held = {}
            self.load({"Organization": [_ORGANIZATION], "User": people.USERS})

    def snapshot(self) -> Snapshot:
        """The whole org, to come back to. Takes milliseconds: rows are shared, not copied."""
        with self.lock:
            return Snapshot(
                self.tables.save(),
                dict(self._objects),
                self.features,
                dict(self.access.hidden),
                dict(self._counters),
                self._waiting.copy(),
            )

    def restore(self, snapshot: Snapshot) -> None:
        """Back to a snapshot. Held transactions are forgotten."""
        with self.lock:
            self.tables.restore(snapshot.rows)
            self._objects = dict(snapshot.objects)
            self.features = snapshot.features
            self.access.hidden = dict(snapshot.hidden)
            self._schema_changed()
            self._counters = dict(snapshot.counters)
            self._waiting = snapshot.waiting.copy()
            self._held = {}
            self._archived_on = {}


_ORGANIZATION: dict[str, Any] = {
    "Id": people.ORG_ID,
    "Name": "Sandbox Company",
    "Country": "US",
    "OrganizationType": "Developer Edition",
    "InstanceName": "SBX1",
    # An org as in production: what an admin tries here, guards included, is what comes later.
    "IsSandbox": False,
    "TimeZoneSidKey": "GMT",
    "FiscalYearStartMonth": 1,
}
