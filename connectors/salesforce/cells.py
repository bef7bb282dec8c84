"""Cells as they came become what the mapping wants: one set of conversions for JSON and CSV.

Works on whole columns, and takes the forms that the service uses before those it could use.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from connectors.salesforce.describe import Shape
from crm_health.connector import BAD_SCHEMA, FieldRead, Stream
from crm_health.entities import POLARS, Kind

#: How instants come, in JSON and in CSV.
_USUAL = ("%Y-%m-%dT%H:%M:%S.000+0000", "%Y-%m-%dT%H:%M:%S.000Z")
_INSTANT, _DAY = "%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d"
#: The years that Python has, as the service has them; Polars reads others, too.
_YEARS = (1, 9999)


def system_reads(shape: Shape) -> list[FieldRead]:
    """What every read of the object needs beside the mapping's fields: the id, then the others."""
    wanted = {
        "Id": Kind.TEXT,
        shape.stamp: Kind.INSTANT,
        "IsDeleted": Kind.BOOLEAN,
        "MasterRecordId": Kind.TEXT,
    }
    return [
        FieldRead(name, kind)
        for name, kind in wanted.items()
        if name and (name == "Id" or shape.has(name))
    ]


def typed(
    wire: pl.DataFrame, stream: Stream, shape: Shape, odd: list[dict[str, str]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the mapping wants from what came.

    Args:
        wire: the system fields and the stream's paths, as they came.
        stream: what the mapping wants.
        shape: the object's description.
        odd: cells that were found to be unreadable before.

    Returns:
        rows: `_id`, `_deleted`, `_merged_into`, `_stamp`, then the stream's paths, typed, in the
            order of `wire`. No Salesforce name begins with an underscore.
        bad: `BAD_SCHEMA`, the cells whose value is lost.
    """
    system = {read.path: f"_{read.path}" for read in system_reads(shape)}
    wanted = [(system[read.path], read) for read in system_reads(shape)]
    wanted += [(read.path, read) for read in stream.fields]
    rows = wire.select(_usual(wire[read.path], read).alias(name) for name, read in wanted)
    empty = wire.null_count().row(0, named=True)
    lost = [
        (name, read)
        for (name, read), count in zip(wanted, rows.null_count().row(0), strict=True)
        if count > empty[read.path]
    ]
    bad = [pl.DataFrame(odd, schema=BAD_SCHEMA)]
    if lost:
        again = wire.select(_convert(wire[read.path], read).alias(name) for name, read in lost)
        rows = rows.with_columns(again)
        bad += [_bad(wire, again[name], read) for name, read in lost if name == read.path]
    paths = (read.path for read in stream.fields)
    return rows.select(*_system(system, shape), *paths), pl.concat(bad)


def _system(system: dict[str, str], shape: Shape) -> list[pl.Expr]:
    deleted = pl.lit(False)
    if "IsDeleted" in system:
        deleted = pl.col("_IsDeleted").fill_null(False)
    merged = pl.lit(None, pl.String)
    if "MasterRecordId" in system:
        merged = pl.when(deleted).then(pl.col("_MasterRecordId"))
    stamp = pl.lit(None, POLARS[Kind.INSTANT])
    if shape.stamp:
        stamp = pl.col(f"_{shape.stamp}")
    return [
        pl.col("_Id").alias("_id"),
        deleted.alias("_deleted"),
        merged.alias("_merged_into"),
        stamp.alias("_stamp"),
    ]


def _bad(wire: pl.DataFrame, made: pl.Series, read: FieldRead) -> pl.DataFrame:
    return wire.filter(wire[read.path].is_not_null() & made.is_null()).select(
        id=pl.col("Id"), path=pl.lit(read.path), problem=pl.lit(f"not a {read.kind.value}")
    )


def finish(rows: pl.DataFrame, stream: Stream) -> pl.DataFrame:
    """The rows as the contract wants them: ids once, deleted rows bare."""
    if rows["_id"].is_duplicated().any():
        rows = rows.unique("_id", keep="last", maintain_order=True)
    paths = [read.path for read in stream.fields]
    if rows["_deleted"].any():
        live = pl.when(~pl.col("_deleted"))
        rows = rows.with_columns(live.then(pl.col(path)).alias(path) for path in paths)
    return rows.select(
        pl.col("_id").alias("id"),
        pl.col("_deleted").alias("deleted"),
        pl.col("_merged_into").alias("merged_into"),
        *paths,
    )


def last_position(rows: pl.DataFrame) -> tuple[datetime | None, str]:
    """Stamp and id of the last row of a page as it came."""
    return rows["_stamp"][-1], rows["_id"][-1]


def _usual(column: pl.Series, read: FieldRead) -> pl.Expr:
    """The conversion, taking instants and dates to be written as the service writes them."""
    form = {Kind.INSTANT: _USUAL[0], Kind.DATE: _DAY}.get(read.kind)
    if form is None or column.dtype != pl.String:
        return _convert(column, read)
    first = column.first(ignore_nulls=True)
    if read.kind is Kind.INSTANT and isinstance(first, str) and first.endswith("Z"):
        form = _USUAL[1]
    # A cache of texts would cost more than it saves: stamps rarely repeat.
    text = pl.col(read.path).str
    if read.kind is Kind.DATE:
        return _in_years(text.to_date(form, strict=False, cache=False))
    moment = text.to_datetime(form, time_unit="ms", strict=False, cache=False)
    return _in_years(moment).dt.replace_time_zone("UTC")


def _convert(came: pl.Series, read: FieldRead) -> pl.Expr:
    """The column in the type that the mapping wants; what does not fit is null."""
    column = pl.col(read.path)
    match read.kind:
        case Kind.TEXT:
            return column.cast(pl.String)
        case Kind.NUMBER if came.dtype != pl.Boolean:  # a checkbox is no number
            number = column.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number)
        case Kind.BOOLEAN if came.dtype == pl.Boolean:
            return column
        case Kind.BOOLEAN if came.dtype == pl.String:
            return pl.when(column.is_in(["true", "false"])).then(column == "true")
        case Kind.DATE | Kind.INSTANT if came.dtype == pl.String:
            zoned = column.str.replace("Z$", "+0000")
            moment = zoned.str.to_datetime(_INSTANT, time_unit="ms", time_zone="UTC", strict=False)
            day = column.str.to_date(_DAY, strict=False)
            if read.kind is Kind.DATE:
                return _in_years(pl.coalesce(day, moment.dt.date()))
            first = day.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
            return _in_years(pl.coalesce(moment, first))
    return pl.when(column.is_null()).then(pl.lit(None, POLARS[read.kind]))


def _in_years(column: pl.Expr) -> pl.Expr:
    return pl.when(column.dt.year().is_between(*_YEARS)).then(column)
