"""The work of an ingest job: rows of text through the same saving as any other call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.sandbox import ids, values
from connectors.sandbox.errors import WireError
from connectors.sandbox.faults import ROWS
from connectors.sandbox.jobs import Failure, Job
from connectors.sandbox.org import Org
from connectors.sandbox.salesforce.spoil import BatchBrokenError, spoil
from connectors.sandbox.salesforce.wire import Call, Request
from connectors.sandbox.schema import Field, ObjectType

CHUNK = 200
NULL = "#N/A"
_XSD = {
    "date": "date",
    "datetime": "dateTime",
    "int": "int",
    "boolean": "boolean",
    **dict.fromkeys(("double", "currency", "percent"), "double"),
}
_TRUE = frozenset({"true", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "no", "n", "off", "0"})


@dataclass(frozen=True)
class Column:
    """Where the cells of one column go: a field, or a parent named by its external id."""

    position: int
    name: str
    field: Field | None = None
    relationship: str = ""


Save = Callable[[int, dict[str, Any]], tuple[str, bool]]


def load(org: Org, job: Job, upto: int) -> str:
    """Save the job's rows before that number, those not tried yet, in chunks of 200.

    Returns:
        Why the whole job fails, or nothing. Rows that were saved before stay.
    """
    if job.unreadable:
        return job.unreadable
    kind = org.records.need(job.object)
    columns: list[Column] = []
    for position, name in enumerate(job.names):
        column = _column(org, job, kind, position, name)
        if column is None:
            return f"InvalidBatch : Field name not found : {name}"
        columns.append(column)
    problem = _header_problem(job)
    if problem:
        return f"InvalidBatch : {problem}"
    loading = _Loading(org, job, kind, columns)
    while job.next < upto:
        loading.chunk(min(job.next + CHUNK - job.next % CHUNK, upto))
    return ""


def _column(org: Org, job: Job, kind: ObjectType, position: int, name: str) -> Column | None:
    """What a header names, if this user may see it."""
    field = kind.field(name)
    if field is not None and org.records.readable(kind, field, job.user_id):
        return Column(position, field.name, field)
    relationship, dot, key = name.rpartition(":")[2].partition(".")
    for reference in kind.fields.values():
        if dot and (reference.relationship_name or "").lower() == relationship.lower():
            return Column(position, key, relationship=relationship)
    return None


def _header_problem(job: Job) -> str:
    """What is wrong with the columns as a whole. These texts were not recorded."""
    names = [name.lower() for name in job.names]
    key = job.external_id if job.operation == "upsert" else "Id"
    if len(set(names)) < len(names):
        return "Duplicate field name in the header"
    if job.operation == "delete" and names != ["id"]:
        return "The 'delete' batch must contain only 'Id'"
    if job.operation != "insert" and key.lower() not in names:
        return f"The '{job.operation}' batch must contain '{key}'"
    return ""


class _Loading:
    """One job's way of saving a row."""

    def __init__(self, org: Org, job: Job, kind: ObjectType, columns: list[Column]) -> None:
        self._records = org.records
        self._job = job
        self._kind = kind
        self._columns = columns
        rules = tuple(r for r in job.rules if r.kind in ROWS)
        request = Request("POST", "")
        self._call = Call(org, request, job.user_id, f"v{job.version}", row_faults=rules)
        self._save: Save = {
            "insert": self._insert,
            "update": self._update,
            "upsert": self._upsert,
            "delete": self._delete,
        }[job.operation]
        self._seen: set[str] = set()

    def chunk(self, end: int) -> None:
        """One transaction: a trigger that breaks takes every row of it."""
        job = self._job
        start, job.next = job.next, end
        self._seen = set()
        saved: list[tuple[int, str, bool]] = []
        refused: list[Failure] = []
        try:
            with self._records.transaction():
                for number in range(start, end):
                    try:
                        with self._records.transaction():
                            saved.append((number, *self._row(number)))
                    except WireError as error:
                        refused.append(Failure(number, self._sent_id(number), worded(error)))
        except BatchBrokenError as broken:
            saved, text = [], worded(broken.error)
            refused = [Failure(n, self._sent_id(n), text) for n in range(start, end)]
        job.saved += saved
        job.refused += refused

    def _row(self, number: int) -> tuple[str, bool]:
        """Save one row: empty cells are left alone, `#N/A` clears."""
        fields: dict[str, Any] = {}
        cells = self._job.rows[number]
        for column in self._columns:
            cell = cells[column.position]
            if cell == "":
                continue
            if column.field is None:
                fields[column.relationship] = {column.name: cell}
            else:
                fields[column.name] = _value(column, column.field, cell)
        return self._save(number, fields)

    def _insert(self, number: int, fields: dict[str, Any]) -> tuple[str, bool]:
        spoil(self._call, number, None)
        return self._records.create(self._kind.name, fields, self._job.user_id), True

    def _update(self, number: int, fields: dict[str, Any]) -> tuple[str, bool]:
        id18 = self._id(fields, "an update call")
        spoil(self._call, number, id18)
        self._records.update(self._kind.name, id18, fields, self._job.user_id)
        return id18, False

    def _upsert(self, number: int, fields: dict[str, Any]) -> tuple[str, bool]:
        key = self._job.external_id
        value = fields.pop(key, None)
        if isinstance(value, str):
            self._once(value.casefold(), f"Duplicate external id specified: {value}", [key])
        spoil(self._call, number, None)
        return self._records.upsert(self._kind.name, key, value, fields, self._job.user_id)

    def _delete(self, number: int, fields: dict[str, Any]) -> tuple[str, bool]:
        id18 = self._id(fields, "a delete call")
        spoil(self._call, number, id18)
        self._records.delete(self._kind.name, id18, self._job.user_id)
        return id18, False

    def _id(self, fields: dict[str, Any], where: str) -> str:
        id18 = fields.pop("Id", None)
        if not id18:
            raise WireError(400, "MISSING_ARGUMENT", f"Id not specified in {where}")
        id18 = str(id18)
        id18 = ids.canonical(id18) if ids.valid(id18) else id18
        self._once(id18, f"duplicate id specified: {id18}", [])
        return id18

    def _once(self, key: str, message: str, fields: list[str]) -> None:
        if key in self._seen:
            raise WireError(400, "DUPLICATE_VALUE", message, fields)
        self._seen.add(key)

    def _sent_id(self, number: int) -> str:
        named = (c.position for c in self._columns if c.name == "Id" and c.field is not None)
        position = next(named, None)
        return "" if position is None else self._job.rows[number][position]


def _value(column: Column, field: Field, cell: str) -> Any:
    """A cell as the saving path takes it. Typed cells are not trimmed: a blank spoils them."""
    if cell == NULL:
        return None
    if field.type not in _XSD:
        return cell
    if field.type == "boolean" and cell.lower() in _TRUE | _FALSE:
        return cell.lower() in _TRUE
    if cell != cell.strip():
        raise _unfit(column, field, cell)
    try:
        return values.read(field, cell)
    except WireError as error:
        if error.code != "JSON_PARSER_ERROR":
            raise
        raise _unfit(column, field, cell) from None


def _unfit(column: Column, field: Field, cell: str) -> WireError:
    return WireError(
        400,
        "INVALID_FIELD",
        f"Failed to deserialize field at col {column.position}. Due to, '{cell}' is not a valid "
        f"value for the type xsd:{_XSD[field.type]}",
        [field.name],
    )


def worded(error: WireError) -> str:
    """The error cell of a row: `CODE:message:fields --`."""
    return f"{error.code}:{error.message}:{' '.join([*error.fields, '--'])}"
