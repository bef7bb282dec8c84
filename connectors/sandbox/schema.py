"""Object types and their fields, as a describe call tells them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Field:
    """One field. Types are those of describe (`string`, `reference`, `datetime`, ...)."""

    name: str
    type: str
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    unique: bool = False
    external_id: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    reference_to: tuple[str, ...] = ()
    relationship_name: str | None = None
    child_relationship: str | None = None
    picklist: tuple[str, ...] = ()
    restricted: bool = False
    default: object = None
    calculated: bool = False
    custom: bool = False
    permissionable: bool = True
    defaulted: bool = False
    """The service fills it on create, so it is not asked for though it may not be null."""
    auto_number: str | None = None
    """Display format of an automatic number, such as `E-{00000}`."""

    @property
    def required(self) -> bool:
        """Whether a create must give it."""
        return self.createable and not self.nillable and not self.defaulted and self.default is None

    @property
    def long_text(self) -> bool:
        """Whether two of these in one SELECT shrink a query page."""
        return self.type == "textarea" and self.length > 255


@dataclass(frozen=True)
class ObjectType:
    """One object type; `fields` is keyed by lower-case name."""

    name: str
    label: str
    label_plural: str
    key_prefix: str
    fields: dict[str, Field] = field(default_factory=dict)
    custom: bool = False
    feature: str | None = None
    """The org feature that switches it on; None is always on."""
    replicateable: bool = True

    @cached_property
    def filled(self) -> tuple[Field, ...]:
        """The fields that a new record finds filled: automatic numbers and defaults."""
        found = self.fields.values()
        return tuple(f for f in found if f.auto_number or f.default is not None)

    def field(self, name: str) -> Field | None:
        """The field of that name, in any case."""
        return self.fields.get(name.lower())

    def with_field(self, new: Field) -> ObjectType:
        """A copy with the field added, or replaced."""
        return replace(self, fields={**self.fields, new.name.lower(): new})

    def without_field(self, name: str) -> ObjectType:
        """A copy without the field."""
        return replace(self, fields={k: f for k, f in self.fields.items() if k != name.lower()})


def by_name(fields: Iterable[Field]) -> dict[str, Field]:
    """Fields keyed as `ObjectType.fields` wants them."""
    return {f.name.lower(): f for f in fields}


def system_fields(*, owned: bool = False, beside: str = "") -> list[Field]:
    """The fields that every object has and nobody may write; with `owned`, OwnerId as well.

    `beside` names what may own a record beside users: `Group` where there are queues.
    """
    fixed: dict[str, Any] = {
        "nillable": False,
        "createable": False,
        "updateable": False,
        "permissionable": False,
    }
    user: dict[str, Any] = {"reference_to": ("User",), "length": 18}
    fields = [
        Field("Id", "id", "Record ID", 18, id_lookup=True, defaulted=True, **fixed),
        Field("IsDeleted", "boolean", "Deleted", default=False, defaulted=True, **fixed),
        Field("CreatedDate", "datetime", "Created Date", defaulted=True, **fixed),
        Field(
            "CreatedById",
            "reference",
            "Created By ID",
            relationship_name="CreatedBy",
            defaulted=True,
            **user,
            **fixed,
        ),
        Field(
            "LastModifiedDate",
            "datetime",
            "Last Modified Date",
            defaulted=True,
            **fixed,
        ),
        Field(
            "LastModifiedById",
            "reference",
            "Last Modified By ID",
            defaulted=True,
            relationship_name="LastModifiedBy",
            **user,
            **fixed,
        ),
        Field("SystemModstamp", "datetime", "System Modstamp", defaulted=True, **fixed),
    ]
    if owned:
        fields.append(
            Field(
                "OwnerId",
                "reference",
                "Owner ID",
                18,
                nillable=False,
                defaulted=True,
                reference_to=(beside, "User") if beside else ("User",),
                relationship_name="Owner",
                permissionable=False,
            )
        )
    return fields
