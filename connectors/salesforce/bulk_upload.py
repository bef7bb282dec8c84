"""Rows as the CSV of an ingest job: in the service's texts, cut to what one upload may hold."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

#: Bytes of one upload: the service takes 150 MB, counted after it has coded them as base64.
UPLOAD_MAX = 100_000_000
#: What clears a field. An empty cell would leave it as it is.
CLEAR = "#N/A"
#: Whole numbers up to here are exact in a float.
_EXACT = 2.0**53


def carried(rows: pl.DataFrame, key: str) -> pl.Series:
    """Which rows CSV can carry and its results can be matched to, as a Boolean a row.

    A text that is itself `#N/A` would clear its field, a NUL would break the whole file, and two
    rows of one key could not be told apart.
    """
    texts = [pl.col(name) for name, kind in rows.schema.items() if kind == pl.String]
    odd = [(text == CLEAR) | text.str.contains("\0", literal=True) for text in texts]
    twice = pl.col(key).str.to_lowercase().is_duplicated()
    return rows.select(~pl.any_horizontal(twice, *odd).fill_null(False)).to_series()


def uploads(
    rows: pl.DataFrame, most: int, limit: int = UPLOAD_MAX
) -> Iterator[tuple[pl.DataFrame, bytes]]:
    """The rows in parts, each with its CSV: `most` rows and `limit` bytes at most.

    A single row above the limit comes alone; it is for the service to refuse.
    """
    waiting = [rows.slice(first, most) for first in reversed(range(0, rows.height, most))]
    while waiting:
        part = waiting.pop()
        body = csv(part)
        if len(body) <= limit or part.height == 1:
            yield part, body
            continue
        middle = part.height // 2
        waiting += [part[middle:], part[:middle]]


def csv(rows: pl.DataFrame) -> bytes:
    """Rows without their `seq`: LF, commas, every value quoted, `#N/A` for null and empty.

    Args:
        rows: as `wire.prepared` gives them.
    """
    shown = rows.drop("seq").rename({"id": "Id"}, strict=False)
    texts = shown.select(_text(pl.col(name), kind) for name, kind in shown.schema.items())
    # Quoted wherever it is not null, so that no line end or blank inside a text can be mistaken.
    return texts.write_csv(null_value=CLEAR, quote_style="non_numeric").encode()


def _text(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind.is_float():
        # The service reads integers strictly: 7.0 is none.
        whole = (column == column.round(0)) & (column.abs() <= _EXACT)
        return (
            pl.when(whole)
            .then(column.cast(pl.Int64, strict=False).cast(pl.String))
            .otherwise(column.cast(pl.String))
        )
    text = column.cast(pl.String)
    return pl.when(text != "").then(text)
