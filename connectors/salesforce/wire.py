"""A page becomes a typed frame, and a frame becomes a body: no Python object per row.

Types come from the org's own description first, then turn into what the mapping asked for (in
`cells`), so that a checkbox asked for as text is `true`, not nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl
from polars.exceptions import PolarsError

from connectors.salesforce.cells import system_reads, typed
from connectors.salesforce.describe import Shape
from connectors.salesforce.errors import not_json
from crm_health.connector import FieldRead, Stream
from crm_health.entities import Kind
from crm_health.errors import BrokenInvariant, Unavailable

#: Described types whose values are numbers.
NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
Tree = dict[str, Any]

_RECORDS = b'"records":['
#: What stands before and after the records is far shorter.
_ENVELOPE_MAX = 2_000


@dataclass(frozen=True)
class Parsed:
    """One page of a query.

    Shapes:
        rows, bad: as `cells.typed` gives them, in the order of the answer.
    """

    rows: pl.DataFrame
    bad: pl.DataFrame
    total: int
    done: bool
    next_url: str | None


def parse_page(body: bytes, stream: Stream, shape: Shape) -> Parsed:
    """Read one page.

    Raises:
        Unavailable: it is not a page of this query.
    """
    reads = [*system_reads(shape), *stream.fields]
    types = {read.path: _wire_type(read, shape) for read in reads}
    tree = _tree(types)
    odd: list[dict[str, str]] = []
    envelope, records = _parts(body)
    schema = pl.Schema(_struct(tree).to_schema())
    try:
        rows = pl.read_json(records, schema=schema) if records else None
    except PolarsError:
        rows = None
    if rows is None:
        envelope, rows = _tolerant(body, tree, schema, odd)
    total, done, url = (envelope.get(key) for key in ("totalSize", "done", "nextRecordsUrl"))
    if type(total) is not int or type(done) is not bool or not isinstance(url, str | None):
        raise not_json("query")
    wire = rows.select(_walk(path).alias(path) for path in types)
    if wire["Id"].null_count():
        raise Unavailable("Salesforce answered a row without an id.", code="CH-SF-ROW")
    return Parsed(*typed(wire, stream, shape, odd), total=total, done=done, next_url=url)


def _parts(body: bytes) -> tuple[Tree, bytes]:
    """What stands around the records of a page, and the records, to be read on their own.

    Nothing for a page that is written in another way than the service does.
    """
    start, end = body.find(_RECORDS, 0, _ENVELOPE_MAX), body.rfind(b"]") + 1
    if start < 0 or not start < end or len(body) - end > _ENVELOPE_MAX:
        return {}, b""
    try:
        envelope = orjson.loads(body[:start] + _RECORDS + b"]" + body[end:])
    except orjson.JSONDecodeError:
        return {}, b""
    return envelope, body[start + len(_RECORDS) - 1 : end]


def _wire_type(read: FieldRead, shape: Shape) -> Any:
    described = shape.type_of(read.path)
    if described == "boolean":
        return pl.Boolean
    if described in NUMBERS and read.kind is not Kind.TEXT:
        return pl.Float64
    if described:
        return pl.String
    # Behind a lookup the mapping's word is all there is; dates travel as text.
    return {Kind.NUMBER: pl.Float64, Kind.BOOLEAN: pl.Boolean}.get(read.kind, pl.String)


def _tree(types: Mapping[str, Any]) -> Tree:
    tree: Tree = {}
    for path, kind in types.items():
        node = tree
        *parents, leaf = path.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = kind
    return tree


def _struct(tree: Tree) -> pl.Struct:
    return pl.Struct({k: _struct(v) if isinstance(v, dict) else v for k, v in tree.items()})


def _walk(path: str) -> pl.Expr:
    first, *others = path.split(".")
    column = pl.col(first)
    for name in others:
        column = column.struct.field(name)
    return column


def _tolerant(
    body: bytes, tree: Tree, schema: pl.Schema, odd: list[dict[str, str]]
) -> tuple[Tree, pl.DataFrame]:
    """Read a page with cells of the wrong type: those become null and are reported."""
    try:
        page = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise not_json("query") from None
    records = page.get("records") if isinstance(page, dict) else None
    if not isinstance(records, list):
        raise not_json("query")
    kept = [
        _clean(record, tree, str(record.get("Id")), "", odd)
        for record in records
        if isinstance(record, dict)
    ]
    if len(kept) != len(records):
        raise not_json("query")
    try:
        return page, pl.DataFrame(kept, schema=schema)
    except (PolarsError, TypeError, OverflowError):
        raise not_json("query") from None


def _clean(
    record: Mapping[str, Any], tree: Tree, row: str, above: str, odd: list[dict[str, str]]
) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, kind in tree.items():
        value = record.get(name)
        path = f"{above}{name}"
        if value is None:
            cleaned[name] = None
        elif isinstance(kind, dict):
            inner = value if isinstance(value, dict) else {}
            if inner is not value:
                odd.append({"id": row, "path": path, "problem": "not a record"})
            cleaned[name] = _clean(inner, kind, row, f"{path}.", odd)
        else:
            cleaned[name] = _scalar(value, kind)
            if cleaned[name] is None:
                odd.append({"id": row, "path": path, "problem": "of another type"})
    return cleaned


def _scalar(value: Any, kind: Any) -> Any:
    if kind == pl.Boolean:
        return value if isinstance(value, bool) else None
    if kind == pl.Float64:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if number else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def records_json(rows: pl.DataFrame, object_name: str) -> bytes:
    """Rows as the `records` of a Collections call; nulls stay, to clear.

    Raises:
        BrokenInvariant: a number that JSON can't hold.
    """
    shown = prepared(rows).with_columns(attributes=pl.struct(type=pl.lit(object_name)))
    return shown.write_json().encode()


def prepared(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows with dates and instants as the service's texts.

    Raises:
        BrokenInvariant: a number that JSON can't hold.
    """
    columns = []
    for name, kind in rows.schema.items():
        column = pl.col(name)
        if kind.is_float():
            if not rows[name].is_finite().all():
                raise BrokenInvariant(f"A number that is none was about to be written to {name}.")
        elif kind == pl.Date:
            column = column.dt.strftime("%Y-%m-%d")
        elif isinstance(kind, pl.Datetime):
            column = column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        columns.append(column)
    return rows.select(columns)
