"""References to several object types: a query sees them as one pseudo-object called Name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connectors.sandbox.catalog import Catalog
from connectors.sandbox.schema import Field, ObjectType, by_name

Row = dict[str, Any]

NAME = ObjectType(
    name="Name",
    label="Name",
    label_plural="Names",
    key_prefix="",
    fields=by_name(
        [
            Field("Id", "id", "Name ID", length=18),
            Field("Name", "string", "Full Name", length=255),
            Field("Type", "picklist", "Type", length=40),
            Field("FirstName", "string", "First Name", length=40),
            Field("LastName", "string", "Last Name", length=80),
            Field("Title", "string", "Title", length=128),
            Field("Email", "email", "Email", length=80),
            Field("Phone", "phone", "Phone", length=40),
            Field("Username", "string", "Username", length=80),
            Field("Alias", "string", "Alias", length=8),
            Field("IsActive", "boolean", "Active"),
        ]
    ),
)

# What stands for the name of a record whose type has no Name field.
_INSTEAD = ("Name", "CaseNumber", "ContractNumber", "Subject")


class Lookup:
    """Finds the record behind an id by the id's prefix, and shows it as a Name."""

    def __init__(self, records: Catalog, targets: Iterable[str]) -> None:
        self._records = records
        self._names = {}
        for target in targets:
            object_ = records.object(target)
            if object_ is not None:
                self._names[object_.key_prefix] = object_.name

    def __call__(self, id_: str | None, visible: Callable[[Row | None], bool]) -> Row | None:
        """The Name row of an id; None if there is no such record, or it is not visible."""
        target = self._names.get(id_[:3]) if id_ else None
        if id_ is None or target is None:
            return None
        row = self._records.get(target, id_)
        if row is None or not visible(row):
            return None
        shown = {field.name: row.get(field.name) for field in NAME.fields.values()}
        shown["Type"] = target
        shown["Name"] = next((row[key] for key in _INSTEAD if row.get(key)), None)
        return shown
