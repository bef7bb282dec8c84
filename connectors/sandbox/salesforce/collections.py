"""sObject Collections: up to 200 records a request, each with its own result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.sandbox import ids
from connectors.sandbox.errors import WireError
from connectors.sandbox.salesforce.errors import (
    REQUEST_LEVEL,
    ROLLED_BACK,
    ROLLED_BACK_CODE,
    row_error,
)
from connectors.sandbox.salesforce.rest import record_body, sobject
from connectors.sandbox.salesforce.spoil import BatchBrokenError, spoil
from connectors.sandbox.salesforce.wire import Answer, Call
from connectors.sandbox.schema import ObjectType

MAX_RECORDS = 200
MAX_CHUNKS = 10

Result = dict[str, Any]
Step = Callable[[int], Result]


class _UndoError(Exception):
    """Leaves the transaction so that nothing of it stays."""


def create(call: Call) -> Answer:
    """POST composite/sobjects."""
    records = _records(call)

    def step(n: int) -> Result:
        fields = records[n]
        kind = _type(call, fields, n)
        spoil(call, n, None)
        id18 = call.org.records.create(kind.name, _plain(fields), call.user_id)
        return {"id": id18, "success": True, "errors": []}

    return _run(call, len(records), step, all_or_none=_all_or_none(call))


def update(call: Call) -> Answer:
    """PATCH composite/sobjects. A second record with the same id is refused."""
    records = _records(call)
    seen: set[str] = set()

    def step(n: int) -> Result:
        fields = records[n]
        kind = _type(call, fields, n)
        id18 = _id_of(fields)
        if not id18:
            raise WireError(400, "MISSING_ARGUMENT", "Id not specified in an update call")
        id18 = ids.canonical(id18) if ids.valid(id18) else id18
        if id18 in seen:
            # Not recorded from the real service: the code and the text are our best knowledge.
            raise WireError(400, "DUPLICATE_VALUE", f"duplicate id specified: {id18}")
        seen.add(id18)
        spoil(call, n, id18)
        call.org.records.update(kind.name, id18, _plain(fields), call.user_id)
        return {"id": id18, "success": True, "errors": []}

    return _run(call, len(records), step, all_or_none=_all_or_none(call))


def upsert(call: Call) -> Answer:
    """PATCH composite/sobjects/X/Field."""
    kind = sobject(call)
    field = call.org.records.upsert_key(kind, call.arg("key"), call.user_id)
    records = _records(call)
    seen: set[str] = set()

    def step(n: int) -> Result:
        fields = records[n]
        if _type(call, fields, n).name != kind.name:
            raise WireError(
                400,
                "INVALID_TYPE",
                f"all records must be of type {kind.name}",
                ["attributes"],
            )
        sent = {k: v for k, v in fields.items() if k.lower() == field.name.lower()}
        value = next(iter(sent.values()), None)
        if isinstance(value, str) and value.casefold() in seen:
            raise WireError(
                400,
                "DUPLICATE_VALUE",
                f"Duplicate external id specified: {value}",
                [field.name],
            )
        if isinstance(value, str):
            seen.add(value.casefold())
        spoil(call, n, None)
        rest = {k: v for k, v in _plain(fields).items() if k not in sent}
        id18, made = call.org.records.upsert(kind.name, field.name, value, rest, call.user_id)
        return {"id": id18, "success": True, "errors": [], "created": made}

    return _run(call, len(records), step, all_or_none=_all_or_none(call))


def delete(call: Call) -> Answer:
    """DELETE composite/sobjects?ids=...&allOrNone=..."""
    wanted = [i for i in call.request.query.get("ids", "").split(",") if i]
    _limit(wanted)

    def step(n: int) -> Result:
        kind = call.org.records.object_of(wanted[n])
        if kind is None:
            raise WireError(400, "MALFORMED_ID", f"malformed id {wanted[n]}")
        spoil(call, n, wanted[n])
        call.org.records.delete(kind.name, wanted[n], call.user_id)
        return {"id": ids.canonical(wanted[n]), "success": True, "errors": []}

    all_or_none = call.request.query.get("allOrNone", "false").lower() == "true"
    return _run(call, len(wanted), step, all_or_none=all_or_none)


def retrieve(call: Call) -> Answer:
    """GET or POST composite/sobjects/X: rows by id, null where there is none."""
    kind = sobject(call)
    if call.request.method == "POST":
        body = call.request.fields
        wanted, names = list(body.get("ids", ())), ",".join(body.get("fields", ()))
    else:
        wanted = [i for i in call.request.query.get("ids", "").split(",") if i]
        names = call.request.query.get("fields", "")
    rows = [call.org.records.get(kind.name, i) for i in wanted]
    live = [r if r is not None and not r.get("IsDeleted") else None for r in rows]
    return Answer(200, [record_body(call, kind, r, names) if r else None for r in live])


def _run(call: Call, count: int, step: Step, *, all_or_none: bool) -> Answer:
    """Every record in turn; with `all_or_none`, one failure undoes the others."""
    records = call.org.records
    results: list[Result] = []
    try:
        with records.transaction():
            for n in range(count):
                try:
                    with records.transaction():
                        results.append(step(n))
                except WireError as error:
                    if error.code in REQUEST_LEVEL:
                        raise
                    results.append(row_error(error.code, error.message, error.fields))
            _settle(results, all_or_none=all_or_none)
    except _UndoError:
        rolled = row_error(ROLLED_BACK_CODE, ROLLED_BACK)
        results = [r if not r["success"] else rolled for r in results]
    except BatchBrokenError as broken:
        cause = broken.error
        results = [row_error(cause.code, cause.message, cause.fields) for _ in range(count)]
    return Answer(200, results)


def _settle(results: list[Result], *, all_or_none: bool) -> None:
    if all_or_none and not all(r["success"] for r in results):
        raise _UndoError


def _all_or_none(call: Call) -> bool:
    return bool(call.request.fields.get("allOrNone", False))


def _records(call: Call) -> list[dict[str, Any]]:
    records = call.request.fields.get("records")
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        records = []
    _limit(records)
    chunks, last = 0, None
    for record in records:
        kind = (record.get("attributes") or {}).get("type")
        chunks += kind != last
        last = kind
    if chunks > MAX_CHUNKS:
        raise WireError(
            400,
            "LIMIT_EXCEEDED",
            f"Too many type changes in one request: {chunks}, at most {MAX_CHUNKS}",
        )
    return records


def _limit(records: list[Any]) -> None:
    if not records:
        raise WireError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
    if len(records) > MAX_RECORDS:
        raise WireError(
            400,
            "EXCEEDED_MAX_SIZE_REQUEST",
            f"The request can contain at most {MAX_RECORDS} records, found {len(records)}",
        )


def _type(call: Call, fields: Mapping[str, Any], position: int) -> ObjectType:
    name = (fields.get("attributes") or {}).get("type")
    if not name:
        raise WireError(
            400,
            "INVALID_FIELD",
            f"Include an entity type: record {position} has no attributes",
        )
    kind = call.org.records.object(str(name))
    if kind is None or not call.org.records.allowed(kind, call.user_id, "read"):
        raise WireError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return kind


def _id_of(fields: Mapping[str, Any]) -> str:
    return next((str(v) for k, v in fields.items() if k.lower() == "id" and v), "")


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in fields.items() if k != "attributes" and k.lower() != "id"}
