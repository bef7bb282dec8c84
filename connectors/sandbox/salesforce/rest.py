"""Single records: create, read, update, delete, and upsert by an external id."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.sandbox import values
from connectors.sandbox.errors import WireError
from connectors.sandbox.salesforce.errors import not_found
from connectors.sandbox.salesforce.spoil import spoil
from connectors.sandbox.salesforce.wire import Answer, Call
from connectors.sandbox.saving import AmbiguousError
from connectors.sandbox.schema import Field, ObjectType
from connectors.sandbox.soql import wire_value
from connectors.sandbox.tables import Row


def sobject(call: Call) -> ObjectType:
    """The object type that the path names, if this user may see it."""
    kind = call.org.records.need(call.arg("object"))
    if not call.org.records.allowed(kind, call.user_id, "read"):
        raise not_found()
    return kind


def visible(call: Call, kind: ObjectType) -> list[Field]:
    """The fields of the object that the user may read."""
    records = call.org.records
    return [f for f in kind.fields.values() if records.readable(kind, f, call.user_id)]


def record_body(call: Call, kind: ObjectType, row: Row, names: str | None = None) -> dict[str, Any]:
    """One record as the wire shows it; `names` is a comma-separated choice of fields."""
    fields = visible(call, kind)
    if names:
        wanted = [n.strip().lower() for n in names.split(",")]
        by_name = {f.name.lower(): f for f in fields}
        for name in wanted:
            if name not in by_name:
                raise WireError(
                    400,
                    "INVALID_FIELD",
                    f"No such column '{name}' on sobject of type {kind.name}",
                )
        fields = [by_name[n] for n in ["id", *(n for n in wanted if n != "id")]]
    url = call.url(f"sobjects/{kind.name}/{row['Id']}")
    body: dict[str, Any] = {"attributes": {"type": kind.name, "url": url}}
    return body | {f.name: wire_value(f, row.get(f.name)) for f in fields}


def create(call: Call) -> Answer:
    """POST sobjects/X."""
    kind = sobject(call)
    fields = _without_attributes(call.request.fields)
    spoil(call, 0, None)
    id18 = call.org.records.create(kind.name, fields, call.user_id)
    location = call.url(f"sobjects/{kind.name}/{id18}")
    return Answer(201, {"id": id18, "success": True, "errors": []}, {"Location": location})


def read(call: Call) -> Answer:
    """GET sobjects/X/id."""
    kind = sobject(call)
    row = _row(call, kind)
    return Answer(200, record_body(call, kind, row, call.request.query.get("fields")))


def update(call: Call) -> Answer:
    """PATCH sobjects/X/id; honours If-Unmodified-Since."""
    kind = sobject(call)
    row = _row(call, kind)
    since = call.request.headers.get("if-unmodified-since")
    if since and row["LastModifiedDate"] > parsedate_to_datetime(since):
        raise WireError(
            412,
            "PRECONDITION_FAILED",
            "One or more conditional headers in the request failed",
        )
    fields = _without_attributes(call.request.fields)
    if any(name.lower() == "id" for name in fields):
        raise WireError(
            400,
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        )
    spoil(call, 0, row["Id"])
    call.org.records.update(kind.name, row["Id"], fields, call.user_id)
    return Answer(204)


def delete(call: Call) -> Answer:
    """DELETE sobjects/X/id."""
    kind = sobject(call)
    row = _row(call, kind)
    spoil(call, 0, row["Id"])
    call.org.records.delete(kind.name, row["Id"], call.user_id)
    return Answer(204)


def _row(call: Call, kind: ObjectType) -> Row:
    id18 = call.arg("id")
    row = call.org.records.get(kind.name, id18)
    if row is None:
        raise WireError(
            404,
            "NOT_FOUND",
            f"Provided external ID field does not exist or is not accessible: {id18}",
        )
    if row.get("IsDeleted"):
        raise WireError(404, "ENTITY_IS_DELETED", "entity is deleted")
    return row


def _matches(call: Call, kind: ObjectType) -> list[Row]:
    field = call.org.records.upsert_key(kind, call.arg("key"), call.user_id)
    value = values.read(field, call.arg("value"))
    rows = call.org.records.by_reference(kind.name, field.name, value, include_deleted=False)
    if len(rows) > 1:
        raise AmbiguousError(kind.name, [r["Id"] for r in rows])
    return rows


def read_by_key(call: Call) -> Answer:
    """GET sobjects/X/Field/value: 200, 300 when several match, 404 when none does."""
    kind = sobject(call)
    rows = _matches(call, kind)
    if not rows:
        raise not_found()
    return Answer(200, record_body(call, kind, rows[0], call.request.query.get("fields")))


def upsert_by_key(call: Call) -> Answer:
    """PATCH sobjects/X/Field/value: 201 created, 200 updated (204 before v46), 300, 404."""
    kind = sobject(call)
    fields = _without_attributes(call.request.fields)
    rows = _matches(call, kind)
    if any(name.lower() in ("id", call.arg("key").lower()) for name in fields):
        raise WireError(
            400,
            "INVALID_FIELD",
            f"The {call.arg('key')} field should not be specified in the sobject data.",
        )
    spoil(call, 0, rows[0]["Id"] if rows else None)
    id18, created = call.org.records.upsert(
        kind.name, call.arg("key"), call.arg("value"), fields, call.user_id
    )
    if not created and call.number < 46:
        return Answer(204)
    body = {"id": id18, "success": True, "errors": [], "created": created}
    return Answer(201 if created else 200, body)


def delete_by_key(call: Call) -> Answer:
    """DELETE sobjects/X/Field/value."""
    kind = sobject(call)
    rows = _matches(call, kind)
    if not rows:
        raise not_found()
    spoil(call, 0, rows[0]["Id"])
    call.org.records.delete(kind.name, rows[0]["Id"], call.user_id)
    return Answer(204)


def _without_attributes(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if k != "attributes"}
