"""Seals: short checksums of what we wrote, kept beside it, so that a person's edit shows."""

from __future__ import annotations

import zlib

import polars as pl


def canonical(column: str, dtype: pl.DataType) -> pl.Expr:
    """A value as the text that is sealed: blind to what a CRM does to it by itself.

    CRMs trim texts, turn line ends into CRLF and give whole numbers a decimal point.
    """
    expr = pl.col(column)
    if dtype.is_numeric():
        expr = expr.cast(pl.Float64).round(2).cast(pl.String)
    elif dtype == pl.Date:
        expr = expr.dt.strftime("%Y-%m-%d")
    elif isinstance(dtype, pl.Datetime):
        expr = expr.dt.epoch("s").cast(pl.String)
    else:
        expr = expr.cast(pl.String).str.replace_all("\r\n", "\n", literal=True).str.strip_chars()
    return expr.fill_null("")


def seal(frame: pl.DataFrame, columns: list[str], digits: int = 8) -> pl.Series:
    """One checksum a row over the columns, as hex text of `digits` (at most 8)."""
    joined = frame.select(
        pl.concat_str([canonical(c, frame.schema[c]) for c in columns], separator="\x1f")
    ).to_series()
    # Python's crc32, because Polars' hashes may change with its version: a new version must
    # not look like a person's edit of every account.
    return pl.Series(
        "seal", [f"{zlib.crc32(text.encode()):08x}"[:digits] for text in joined], pl.String
    )
