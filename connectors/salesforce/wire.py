"""A page of JSON becomes a typed frame, and a frame becomes a body: no Python object per row.

Types come from the org's own description first, then turn into what the mapping asked for, so
that a checkbox asked for as text is `true`, not nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import polars as pl
from polars.datatypes import DataType, DataTypeClass
from polars.exceptions import PolarsError

from connectors.salesforce.describe import Shape
from connectors.salesforce.errors import not_json
from crm_health.connector import BAD_SCHEMA, FieldRead, Stream
from crm_health.entities import POLARS, Kind
from crm_health.errors import BrokenInvariant, Unavailable

_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_INSTANT = "%Y-%m-%dT%H:%M:%S%.f%z"
Tree = dict[str, Any]


@dataclass(frozen=True)
class Parsed:
    """One page of a query.

    Shapes:
        rows: `_id`, `_deleted`, `_merged_into`, `_stamp`, then the stream's paths, typed, in the
            order of the answer. No Salesforce name begins with an underscore.
        bad: `BAD_SCHEMA`.
    """

    rows: pl.DataFrame
    bad: pl.DataFrame
    total: int
    done: bool
    next_url: str | None


def system_fields(shape: Shape) -> list[str]:
    """Fields that every read of the object needs beside the mapping's."""
    wanted = ["Id", shape.stamp, "IsDeleted", "MasterRecordId"]
    return [f for f in wanted if f and (f == "Id" or shape.has(f))]


def parse_page(body: bytes, stream: Stream, shape: Shape) -> Parsed:
    """Read one page.

    Raises:
        Unavailable: it is not a page of this query.
    """
    reads = [*_system(shape), *stream.fields]
    types = {read.path: _wire_type(read, shape) for read in reads}
    tree = _tree(types)
    envelope: dict[str, DataType | DataTypeClass] = {
        "totalSize": pl.Int64,
        "done": pl.Boolean,
        "nextRecordsUrl": pl.String,
        "records": pl.List(_struct(tree)),
    }
    odd: list[dict[str, str]] = []
    try:
        page = pl.read_json(body, schema=envelope)
    except PolarsError:
        page = _tolerant(body, tree, envelope, odd)
    if page.height != 1 or page["totalSize"][0] is None or page["done"][0] is None:
        raise not_json("query")
    records = page["records"]
    if records[0] is None:
        raise not_json("query")
    structs = records.explode() if len(records[0]) else records.explode().clear()
    wire = structs.to_frame("r").select(_walk(pl.col("r"), path).alias(path) for path in types)
    if wire["Id"].null_count():
        raise Unavailable("Salesforce answered a row without an id.", code="CH-SF-ROW")
    return Parsed(
        *_typed(wire, stream, types, shape, odd),
        total=page["totalSize"][0],
        done=page["done"][0],
        next_url=page["nextRecordsUrl"][0],
    )


def _system(shape: Shape) -> list[FieldRead]:
    kinds = {shape.stamp: Kind.INSTANT, "IsDeleted": Kind.BOOLEAN}
    return [FieldRead(name, kinds.get(name, Kind.TEXT)) for name in system_fields(shape)]


def _wire_type(read: FieldRead, shape: Shape) -> Any:
    described = shape.type_of(read.path)
    if described == "boolean":
        return pl.Boolean
    if described in _NUMBERS and read.kind is not Kind.TEXT:
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


def _walk(column: pl.Expr, path: str) -> pl.Expr:
    for name in path.split("."):
        column = column.struct.field(name)
    return column


def _typed(
    wire: pl.DataFrame,
    stream: Stream,
    types: Mapping[str, Any],
    shape: Shape,
    odd: list[dict[str, str]],
) -> tuple[pl.DataFrame, pl.DataFrame]:
    deleted = pl.col("IsDeleted").fill_null(False) if "IsDeleted" in types else pl.lit(False)
    merged = pl.lit(None, pl.String)
    if "MasterRecordId" in types:
        merged = pl.when(deleted).then(pl.col("MasterRecordId"))
    stamp: pl.Expr = pl.lit(None, POLARS[Kind.INSTANT])
    if shape.stamp:
        stamp = _convert(pl.String, FieldRead(shape.stamp, Kind.INSTANT))
    frame = wire.select(
        pl.col("Id").alias("_id"),
        deleted.alias("_deleted"),
        merged.alias("_merged_into"),
        stamp.alias("_stamp"),
        *(_convert(types[read.path], read).alias(read.path) for read in stream.fields),
    )
    lost = [
        wire.filter(wire[read.path].is_not_null() & frame[read.path].is_null()).select(
            id=pl.col("Id"),
            path=pl.lit(read.path),
            problem=pl.lit(f"not a {read.kind.value}"),
        )
        for read in stream.fields
    ]
    bad = pl.concat([pl.DataFrame(odd, schema=BAD_SCHEMA), *lost])
    return frame, bad


def finish(frame: pl.DataFrame, stream: Stream) -> pl.DataFrame:
    """The rows as the contract wants them: ids once, deleted rows bare."""
    deleted = pl.col("_deleted")
    return frame.unique("_id", keep="last", maintain_order=True).select(
        pl.col("_id").alias("id"),
        deleted.alias("deleted"),
        pl.col("_merged_into").alias("merged_into"),
        *(pl.when(~deleted).then(pl.col(read.path)).alias(read.path) for read in stream.fields),
    )


def _convert(wire: Any, read: FieldRead) -> pl.Expr:
    column = pl.col(read.path)
    target = POLARS[read.kind]
    if read.kind is Kind.TEXT:
        if wire == pl.Boolean:
            return pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false"))
        return column if wire == pl.String else column.cast(pl.String)
    if read.kind in (Kind.DATE, Kind.INSTANT) and wire == pl.String:
        zoned = column.str.replace("Z$", "+0000")
        moment = zoned.str.to_datetime(_INSTANT, time_unit="ms", time_zone="UTC", strict=False)
        day = column.str.to_date("%Y-%m-%d", strict=False)
        if read.kind is Kind.INSTANT:
            return pl.coalesce(moment, day.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"))
        return pl.coalesce(day, moment.dt.date())
    if read.kind is Kind.NUMBER:
        if wire == pl.Boolean:
            return pl.lit(None, pl.Float64)  # a checkbox is no number
        number = column.cast(pl.Float64, strict=False)
        return pl.when(number.is_finite()).then(number)
    if wire == pl.String:
        return column.replace_strict(
            {"true": True, "false": False}, default=None, return_dtype=pl.Boolean
        )
    return column if wire == target else pl.lit(None, target)


def _tolerant(
    body: bytes, tree: Tree, envelope: Mapping[str, Any], odd: list[dict[str, str]]
) -> pl.DataFrame:
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
    row = {key: page.get(key) for key in envelope if key != "records"}
    try:
        return pl.DataFrame([{**row, "records": kept}], schema=dict(envelope))
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


def last_position(frame: pl.DataFrame) -> tuple[datetime | None, str]:
    """Stamp and id of the last row of a page as it came."""
    return frame["_stamp"][-1], frame["_id"][-1]
