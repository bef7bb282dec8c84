"""Who may see and change what: permission sets, and what the control API hides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from connectors.sandbox.schema import Field, ObjectType

PERMISSION_OBJECTS = frozenset(
    {
        "PermissionSetAssignment",
        "FieldPermissions",
        "ObjectPermissions",
        "PermissionSet",
    }
)
_SETUP_OBJECTS = PERMISSION_OBJECTS | {"User", "Organization"}
_RIGHTS = {
    "read": "PermissionsRead",
    "create": "PermissionsCreate",
    "edit": "PermissionsEdit",
    "delete": "PermissionsDelete",
}


class Rows(Protocol):
    """The part of the record store that rights are read from."""

    def rows(self, object_name: str) -> Iterable[Mapping[str, Any]]:
        """The live rows of an object."""
        ...


class Access:
    """Rights of every user, worked out from the permission rows when they change.

    Field rights follow the service: a custom field is hidden from everybody, administrators
    too, until a permission set of that user grants it. Standard fields are open unless the
    control API hid them or the user is in `bare`. A custom object needs object rights, except
    for an administrator; only one of those writes setup objects. Activities have no object
    rights: user permissions stand for them.
    """

    def __init__(self) -> None:
        self.hidden: dict[tuple[str, str], str] = {}
        """(object, field), both lower-case -> `hidden` or `readonly`."""
        self.bare: frozenset[str] = frozenset()
        """Users with a profile that grants nothing, as integration users have in a real org:
        standard objects and fields then need a permission set like custom ones."""
        self._fields: dict[str, dict[str, bool]] | None = None
        self._objects: dict[str, dict[str, set[str]]] = {}

    def forget(self) -> None:
        """The permission rows changed: work the rights out again when next asked."""
        self._fields = None

    def _load(self, store: Rows) -> dict[str, dict[str, bool]]:
        holders: dict[str, list[str]] = defaultdict(list)
        for row in store.rows("PermissionSetAssignment"):
            holders[row["PermissionSetId"]].append(row["AssigneeId"])
        fields: dict[str, dict[str, bool]] = defaultdict(dict)
        for row in store.rows("FieldPermissions"):
            if row.get("PermissionsRead"):
                for user in holders.get(row["ParentId"], ()):
                    key = row["Field"].lower()
                    edit = bool(row.get("PermissionsEdit"))
                    fields[user][key] = fields[user].get(key, False) or edit
        objects: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for row in store.rows("ObjectPermissions"):
            for user in holders.get(row["ParentId"], ()):
                granted = {right for right, column in _RIGHTS.items() if row.get(column)}
                objects[user][row["SobjectType"].lower()] |= granted
        for row in store.rows("PermissionSet"):
            for user in holders.get(row["Id"], ()):
                if row.get("PermissionsActivitiesAccess"):
                    objects[user]["task"] |= {"read"}
                    objects[user]["event"] |= {"read"}
                if row.get("PermissionsEditTask"):
                    objects[user]["task"] |= {"create", "edit", "delete"}
        self._fields, self._objects = dict(fields), dict(objects)
        return self._fields

    def field(
        self,
        store: Rows,
        kind: ObjectType,
        field: Field,
        user_id: str,
        *,
        edit: bool = False,
    ) -> bool:
        """Whether the user may read the field, or with `edit` write it."""
        key = (kind.name.lower(), field.name.lower())
        mode = self.hidden.get(key)
        if mode == "hidden" or (edit and mode == "readonly"):
            return False
        required = not field.nillable and field.type != "boolean"
        shown = user_id not in self.bare or kind.name in _SETUP_OBJECTS
        open_to_all = not field.custom and shown
        if open_to_all or not field.permissionable or required:
            return True
        fields = self._fields if self._fields is not None else self._load(store)
        granted = fields.get(user_id, {}).get(f"{key[0]}.{key[1]}")
        return granted is not None and (granted or not edit)

    def object(
        self, store: Rows, kind: ObjectType, user_id: str, right: str, *, admin: bool
    ) -> bool:
        """Whether the user has `read`, `create`, `edit` or `delete` on the object."""
        if admin:
            return True
        if kind.name in _SETUP_OBJECTS:
            return right == "read"
        if not kind.custom and user_id not in self.bare:
            return True
        if self._fields is None:
            self._load(store)
        return right in self._objects.get(user_id, {}).get(kind.name.lower(), ())
