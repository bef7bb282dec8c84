"""Create, update, delete and upsert, with the checks and side effects of the real service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.sandbox import derive, ids, values
from connectors.sandbox.access import PERMISSION_OBJECTS
from connectors.sandbox.clock import Clock
from connectors.sandbox.errors import WireError
from connectors.sandbox.reading import Reading
from connectors.sandbox.schema import Field, ObjectType
from connectors.sandbox.tables import Row

_ACTIVITIES = ("Task", "Event")
_NO_ROW = Row()


class AmbiguousError(WireError):
    """An upsert found more than one record: HTTP 300 with their addresses."""

    def __init__(self, object_name: str, matches: list[str]) -> None:
        super().__init__(
            300,
            "DUPLICATE_EXTERNAL_ID",
            f"More than one record found for external id field: [{', '.join(matches)}]",
        )
        self.object_name = object_name
        self.matches = matches


@dataclass(frozen=True)
class Held:
    """A save inside a transaction that is still open: its stamp is old when it appears."""

    stamp: datetime
    object_name: str
    id18: str | None
    values: Mapping[str, Any]
    user_id: str


class Saving(Reading):
    """Every way to change a row."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__(clock)
        self._held: dict[int, Held] = {}
        self._holds = 0

    # `enforce=False` is for people and admins who act through the control API: they are not
    # bound by the field rights of an integration user.

    def create(
        self,
        object_name: str,
        fields: Mapping[str, Any],
        user_id: str,
        *,
        enforce: bool = True,
        at: datetime | None = None,
    ) -> str:
        """Insert a record; returns its id. Raises WireError when the service would refuse."""
        with self.lock:
            kind = self.need(object_name)
            if enforce and not self.allowed(kind, user_id, "create"):
                raise _no_access()
            now = at or self.clock.stamp()
            row = Row(self._read(kind, fields, user_id, enforce=enforce, creating=True))
            row["Id"] = self._next(kind.key_prefix)
            self._fill_new(kind, row)
            row["IsDeleted"] = False
            row["CreatedDate"], row["CreatedById"] = now, user_id
            if "ownerid" in kind.fields and row.get("OwnerId") is None:
                row["OwnerId"] = user_id
            self._finish(kind, row, _NO_ROW, user_id, now)
            return str(row["Id"])

    def update(
        self,
        object_name: str,
        id18: str,
        fields: Mapping[str, Any],
        user_id: str,
        *,
        enforce: bool = True,
        at: datetime | None = None,
    ) -> None:
        """Change a record. Every save moves both stamps, changed or not."""
        with self.lock:
            kind = self.need(object_name)
            old = self._live(kind, id18)
            if enforce and not self.allowed(kind, user_id, "edit"):
                raise _no_access()
            row = Row(old)
            row.update(self._read(kind, fields, user_id, enforce=enforce, creating=False))
            self._finish(kind, row, old, user_id, at or self.clock.stamp())

    def delete(self, object_name: str, id18: str, user_id: str, *, enforce: bool = True) -> None:
        """Move a record to the recycle bin; setup records, which have none, go for good.

        Children stay where they are, a simplification.
        """
        with self.lock:
            kind = self.need(object_name)
            old = self._live(kind, id18)
            if enforce and not self.allowed(kind, user_id, "delete"):
                raise _no_access()
            now = self.clock.stamp()
            if kind.field("IsDeleted") is None:
                self.tables.drop(kind.name, old["Id"])
                self.saves += 1
                self._schema_changed()
                return
            self._put(kind, Row(old, IsDeleted=True, LastModifiedById=user_id), old, now)

    def undelete(self, object_name: str, id18: str, user_id: str) -> None:
        """Bring a record back from the recycle bin."""
        with self.lock:
            kind = self.need(object_name)
            old = self.tables.of(kind.name).get(ids.canonical(id18))
            if old is None or not old.get("IsDeleted"):
                raise WireError(400, "UNDELETE_FAILED", "Entity is not in the recycle bin")
            row = Row(old, IsDeleted=False, LastModifiedById=user_id)
            self._put(kind, row, old, self.clock.stamp())

    def upsert(
        self,
        object_name: str,
        key: str,
        value: Any,
        fields: Mapping[str, Any],
        user_id: str,
    ) -> tuple[str, bool]:
        """Insert or update by an external id, or by Id; returns (id, created)."""
        with self.lock:
            kind = self.need(object_name)
            field = self.upsert_key(kind, key, user_id)
            if field.type == "id":
                if value is None:
                    return self.create(kind.name, fields, user_id), True
                self.update(kind.name, str(value), fields, user_id)
                return ids.canonical(str(value)), False
            value = values.read(field, value)
            if value is None:
                raise WireError(
                    400, "MISSING_ARGUMENT", f"{field.name} not specified", [field.name]
                )
            matches = self.by_reference(kind.name, field.name, value, include_deleted=False)
            if len(matches) > 1:
                raise AmbiguousError(kind.name, [r["Id"] for r in matches])
            if matches:
                self.update(kind.name, matches[0]["Id"], fields, user_id)
                return str(matches[0]["Id"]), False
            return self.create(kind.name, {**fields, field.name: value}, user_id), True

    def upsert_key(self, kind: ObjectType, key: str, user_id: str) -> Field:
        """The field that an upsert may go by. Raises WireError NOT_FOUND when it may not."""
        field = kind.field(key)
        if (
            field is None
            or not (field.external_id or field.id_lookup)
            or not self.readable(kind, field, user_id)
        ):
            raise WireError(
                404,
                "NOT_FOUND",
                f"Provided external ID field does not exist or is not accessible: {key}",
            )
        return field

    def hold(
        self,
        object_name: str,
        id18: str | None,
        fields: Mapping[str, Any],
        user_id: str,
    ) -> int:
        """Begin a long transaction: this save is stamped now and seen only when released."""
        with self.lock:
            self._holds += 1
            self._held[self._holds] = Held(
                self.clock.stamp(), object_name, id18, dict(fields), user_id
            )
            return self._holds

    def release(self, number: int | None = None) -> list[str]:
        """Commit one held save, or all; returns the ids of their records."""
        with self.lock:
            done = []
            for n in [number] if number is not None else list(self._held):
                held = self._held.pop(n)
                if held.id18 is None:
                    done.append(
                        self.create(
                            held.object_name,
                            held.values,
                            held.user_id,
                            enforce=False,
                            at=held.stamp,
                        )
                    )
                else:
                    self.update(
                        held.object_name,
                        held.id18,
                        held.values,
                        held.user_id,
                        enforce=False,
                        at=held.stamp,
                    )
                    done.append(held.id18)
            return done

    def covered_until(self) -> datetime:
        """Nothing with an older stamp can still appear: held transactions keep this back."""
        return min([self.clock.stamp(), *(h.stamp for h in self._held.values())])

    # -- the steps of a save -----------------------------------------------------------------

    def _live(self, kind: ObjectType, id18: str) -> Row:
        if not ids.valid(id18):
            raise WireError(400, "MALFORMED_ID", f"malformed id {id18}")
        if id18[:3] != kind.key_prefix:
            raise WireError(
                400,
                "MALFORMED_ID",
                f"{kind.label} ID: id value of incorrect type: {id18}",
                ["Id"],
            )
        row = self.tables.of(kind.name).get(ids.canonical(id18))
        if row is None:
            raise WireError(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if row.get("IsDeleted"):
            raise WireError(404, "ENTITY_IS_DELETED", "entity is deleted")
        return row

    def _finish(self, kind: ObjectType, row: Row, old: Row, user_id: str, now: datetime) -> None:
        missing = [f.name for f in kind.fields.values() if f.required and row.get(f.name) is None]
        if missing:
            raise WireError(
                400,
                "REQUIRED_FIELD_MISSING",
                f"Required fields are missing: [{', '.join(missing)}]",
                missing,
            )
        self._derive(kind, row, old, now)
        self._check_unique(kind, row)
        row["LastModifiedDate"], row["LastModifiedById"] = now, user_id
        self._put(kind, row, old, now)
        if kind.name in _ACTIVITIES:
            self._touch_account(kind.name, row, now)

    def _put(self, kind: ObjectType, row: Row, old: Row, now: datetime) -> None:
        row["SystemModstamp"] = now
        if row.get("IsDeleted") != old.get("IsDeleted"):
            row["LastModifiedDate"] = now
        self.tables.put(kind.name, row)
        self.saves += 1
        if kind.name in PERMISSION_OBJECTS:
            self._schema_changed()

    def _check_unique(self, kind: ObjectType, row: Row) -> None:
        if kind.name == "PermissionSetAssignment":
            return self._check_assignment(row)
        for field in kind.fields.values():
            if not field.unique or row.get(field.name) is None:
                continue
            for other in self.by_reference(kind.name, field.name, row[field.name]):
                if other["Id"] != row["Id"] and not other.get("IsDeleted"):
                    raise WireError(
                        400,
                        "DUPLICATE_VALUE",
                        f"duplicate value found: {field.name} duplicates value on record with "
                        f"id: {other['Id'][:15]}",
                    )
        return None

    def _check_assignment(self, row: Row) -> None:
        held = self.by_reference("PermissionSetAssignment", "AssigneeId", row["AssigneeId"])
        for other in (r for r in held if not r.get("IsDeleted")):
            if other["PermissionSetId"] == row["PermissionSetId"] and other["Id"] != row["Id"]:
                raise WireError(
                    400,
                    "DUPLICATE_VALUE",
                    f"Duplicate PermissionSetAssignment.  Assignee: {row['AssigneeId'][:15]}; "
                    f"Permission Set: {row['PermissionSetId'][:15]}",
                    ["AssigneeId", "PermissionSetId"],
                )

    def _touch_account(self, name: str, activity: Row, now: datetime) -> None:
        """An activity moves its account's system stamp, and its last activity day if later.

        The service is known to move the stamp when that day changes; here it moves with every
        activity saved, so that a client which fails to converge on its own echo shows it.
        """
        account = self.get("Account", activity.get("AccountId") or "")
        if account is None or account.get("IsDeleted"):
            return
        day = derive.touch_date(name, activity)
        last = account.get("LastActivityDate")
        if day is not None and (last is None or day > last):
            last = day
        self.tables.put("Account", Row(account, LastActivityDate=last, SystemModstamp=now))


def _no_access() -> WireError:
    return WireError(
        403,
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "insufficient access rights on object id",
    )
