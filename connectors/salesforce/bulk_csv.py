"""A page of a Bulk job's results becomes a typed frame: no Python object per row."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from polars.exceptions import PolarsError

from connectors.http import redact
from connectors.salesforce.cells import typed
from connectors.salesforce.describe import Shape
from connectors.salesforce.wire import NUMBERS
from crm_health.connector import Stream
from crm_health.entities import Kind
from crm_health.errors import Unavailable

#: Fits 128 bits; the service itself keeps 18 digits.
_LARGEST = 1e30


class BadResults(Unavailable):
    """The results of a Bulk job are not what was asked for."""


def parse_results(
    body: bytes, columns: Sequence[str], stream: Stream, shape: Shape
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read one page.

    Args:
        body: CSV with a header, LF or CRLF, quoted where it must be.
        columns: what the job selected, in any order; the last one is never empty where the
            object has a field of that kind.
        stream: what the mapping wants of it.
        shape: the object's description.

    Returns:
        `rows` and `bad`, as `cells.typed` gives them.

    Raises:
        BadResults: it is not a page of this query, or it was cut.
    """
    name = stream.object
    try:
        # Only the empty cell is null: NA, #N/A and null are texts like others.
        wire = pl.read_csv(body, infer_schema=False, null_values="")
    except PolarsError:
        raise BadResults(
            f"Salesforce's results of {name} are not CSV, or were cut.", code="CH-SF-CSV"
        ) from None
    wire = _in_order(wire, columns, name)
    if wire["Id"].null_count() or _cut(wire, columns[-1], shape):
        raise BadResults(f"Salesforce answered a cut row of {name}.", code="CH-SF-ROW")
    plain = [
        _plain(pl.col(read.path)).alias(read.path)
        for read in stream.fields
        if read.kind is Kind.TEXT and shape.type_of(read.path) in NUMBERS
    ]
    return typed(wire.with_columns(plain), stream, shape, [])


def _in_order(wire: pl.DataFrame, columns: Sequence[str], name: str) -> pl.DataFrame:
    """The columns that were selected, spelled as they were selected.

    Names compare without case, as the service does: it answers with its own spelling.
    """
    found = {column.casefold(): column for column in wire.columns}
    missing = [column for column in columns if column.casefold() not in found]
    extra = set(found) - {column.casefold() for column in columns}
    if missing or extra or len(found) != wire.width:
        told = "; ".join(
            redact(f"{what}: {', '.join(sorted(names))}", 200)
            for what, names in (("missing", missing), ("not asked for", extra))
            if names
        )
        raise BadResults(
            f"Salesforce's results of {name} have other columns ({told or 'one twice'}).",
            code="CH-SF-COLUMNS",
        )
    return wire.select(pl.col(found[column.casefold()]).alias(column) for column in columns)


def _cut(wire: pl.DataFrame, last: str, shape: Shape) -> bool:
    """Whether a row has fewer cells than the header: the reader fills them up with nulls."""
    return last in (shape.stamp, "IsDeleted") and wire[last].null_count() > 0


def _plain(column: pl.Expr) -> pl.Expr:
    """Numbers as texts, written as they come in JSON: `3.0` is 3 and `1.0E7` is 10000000.

    So that a row's texts don't depend on the way it came.
    """
    number = column.cast(pl.Float64, strict=False)
    whole = (number == number.round()) & (number.abs() < _LARGEST)
    return (
        pl.when(column.str.contains(r"^-?\d+$") | number.is_null())
        .then(column)
        .when(whole)
        .then(number.cast(pl.Int128, strict=False).cast(pl.String))
        .otherwise(number.cast(pl.String))
    )
