"""Texts of a CRM become what the mapping wants: whole columns at a time.

For CRMs whose values come as text or null: a cleared one may be `""`, which is no value either.
"""

from __future__ import annotations

import polars as pl

from crm_health.connector import BAD_SCHEMA, FieldRead
from crm_health.entities import POLARS, Kind

#: How instants come, and how they may come.
_USUAL, _INSTANT = "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%M:%S%.f%z"
_DAY = "%Y-%m-%d"
_MILLIS = r"^-?\d{10,14}$"


def typed(wire: pl.DataFrame, reads: tuple[FieldRead, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What the mapping wants from what came.

    Args:
        wire: `id`, and each path as text.
        reads: what the mapping wants.

    Returns:
        rows: one typed column a path.
        bad: `BAD_SCHEMA`, the cells whose value is lost.
    """
    wire = wire.with_columns(
        pl.when(pl.col(r.path) != "").then(pl.col(r.path)).alias(r.path) for r in reads
    )
    rows = wire.select(_usual(read) for read in reads)
    bad = [pl.DataFrame(schema=BAD_SCHEMA)]
    for read in reads:
        if rows[read.path].null_count() > wire[read.path].null_count():
            rows = rows.with_columns(wire.select(_convert(read)))
            lost = wire[read.path].is_not_null() & rows[read.path].is_null()
            problem = pl.lit(f"not a {read.kind.value}").alias("problem")
            bad.append(wire.filter(lost).select("id", pl.lit(read.path).alias("path"), problem))
    return rows, pl.concat(bad)


def _usual(read: FieldRead) -> pl.Expr:
    """The conversion, taking instants and days to be written as they usually are."""
    text = pl.col(read.path).str
    # A cache of texts would cost more than it saves: stamps rarely repeat.
    if read.kind is Kind.INSTANT:
        moment = text.to_datetime(_USUAL, time_unit="ms", strict=False, cache=False)
        return moment.dt.replace_time_zone("UTC")
    if read.kind is Kind.DATE:
        return text.to_date(_DAY, strict=False, cache=False)
    return _convert(read)


def _convert(read: FieldRead) -> pl.Expr:
    text = pl.col(read.path)
    match read.kind:
        case Kind.NUMBER:
            number = text.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number).alias(read.path)
        case Kind.BOOLEAN:
            word = text.str.to_lowercase()
            return pl.when(word.is_in(["true", "false"])).then(word == "true").alias(read.path)
        case Kind.INSTANT:
            midnight = _day(text).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
            return pl.coalesce(_moment(text), midnight).alias(read.path)
        case Kind.DATE:
            return pl.coalesce(_day(text), _moment(text).dt.date()).alias(read.path)
    return text.cast(POLARS[read.kind]).alias(read.path)


def _moment(text: pl.Expr) -> pl.Expr:
    """An instant: ISO with or without milliseconds, or the milliseconds since 1970."""
    zoned = text.str.replace("Z$", "+0000")
    iso = zoned.str.to_datetime(_INSTANT, time_unit="ms", time_zone="UTC", strict=False)
    millis = pl.when(text.str.contains(_MILLIS)).then(text).cast(pl.Int64, strict=False)
    return pl.coalesce(iso, millis.cast(pl.Datetime("ms")).dt.replace_time_zone("UTC"))


def _day(text: pl.Expr) -> pl.Expr:
    return text.str.to_date(_DAY, strict=False)
