"""What a client sends for a record, checked and turned into stored values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox import values
from connectors.sandbox.catalog import Catalog
from connectors.sandbox.errors import WireError
from connectors.sandbox.schema import Field, ObjectType

# Since Spring '15 these, and custom objects, may belong to a user who has left; tasks may not.
_ANY_OWNER = frozenset({"Account", "Opportunity"})


# Objects the sandbox does not keep, by the prefix of their ids: queues and leads.
_NOT_KEPT = {"00G": "Group", "00Q": "Lead"}


class Reading(Catalog):
    """The catalog, and the reading of what is sent for a record of it."""

    def _read(
        self,
        kind: ObjectType,
        sent: Mapping[str, Any],
        user_id: str,
        *,
        enforce: bool,
        creating: bool,
    ) -> dict[str, Any]:
        """What was sent, by canonical name and as stored values."""
        found: dict[str, Any] = {}
        refused: list[str] = []
        for name, value in sent.items():
            field, raw = kind.field(name), value
            if field is None and isinstance(raw, Mapping):
                field, raw = self._foreign_key(kind, name, raw)
            if field is None or (enforce and not self.readable(kind, field, user_id)):
                raise WireError(
                    400,
                    "INVALID_FIELD",
                    f"No such column '{name}' on sobject of type {kind.name}",
                )
            writable = field.createable if creating else field.updateable
            if not writable or (enforce and not self.editable(kind, field, user_id)):
                refused.append(field.name)
                continue
            found[field.name] = values.read(field, raw)
            if found[field.name] is not None and field.type == "reference":
                self._check_target(kind, field, found[field.name])
        if refused:
            raise WireError(
                400,
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {', '.join(refused)}. Please check the security "
                "settings of this field and verify that it is read/write for your profile or "
                "permission set.",
                refused,
            )
        return found

    def _foreign_key(
        self, kind: ObjectType, name: str, key: Mapping[str, Any]
    ) -> tuple[Field | None, str | None]:
        """`{"Account__r": {"Key__c": "x"}}`: a parent named by its external id."""
        field = next(
            (
                f
                for f in kind.fields.values()
                if (f.relationship_name or "").lower() == name.lower()
            ),
            None,
        )
        pairs = [(k, v) for k, v in key.items() if k != "attributes"]
        if field is None or len(pairs) != 1:
            return None, None
        column, value = pairs[0]
        for target in field.reference_to:
            matches = self.by_reference(target, column, value, include_deleted=False)
            if matches:
                return field, matches[0]["Id"]
        raise WireError(
            400,
            "INVALID_FIELD",
            f"Foreign key external ID: {value} not found for field {column} in entity "
            f"{field.reference_to[0]}",
        )

    def _check_target(self, kind: ObjectType, field: Field, id18: str) -> None:
        target = self.object_of(id18)
        name = target.name if target else _NOT_KEPT.get(id18[:3], field.reference_to[0])
        if name not in field.reference_to:
            raise WireError(
                400,
                "MALFORMED_ID",
                f"{field.label}: id value of incorrect type: {id18}",
                [field.name],
            )
        if target is None:
            return
        row = self.tables.of(target.name).get(id18)
        if row is None:
            raise WireError(
                400,
                "INVALID_CROSS_REFERENCE_KEY",
                "invalid cross reference id",
                [field.name],
            )
        if row.get("IsDeleted"):
            raise WireError(400, "ENTITY_IS_DELETED", "entity is deleted", [field.name])
        if field.name != "OwnerId" or kind.custom or kind.name in _ANY_OWNER:
            return
        if row.get("IsActive") is False:
            raise WireError(
                400,
                "INACTIVE_OWNER_OR_USER",
                f"operation performed with inactive user [{id18[:15]}] as owner of "
                f"{kind.name.lower()}",
                [field.name],
            )
