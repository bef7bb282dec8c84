"""Stable fingerprints of rows, ids and texts: the same in every process and on every machine."""

from __future__ import annotations

from hashlib import blake2b
from zlib import crc32

import polars as pl

#: Accounts fall into this many buckets.
BUCKETS = 256

_ABSENT = "-"
_BETWEEN = "\x1f"


def bucket(account_ids: pl.Series) -> pl.Series:
    """Each account's bucket, 0 to 255, as Int64; null for a null id."""
    ids = account_ids.unique()
    known = pl.DataFrame(
        {
            "id": ids,
            "bucket": pl.Series(
                [None if i is None else crc32(i.encode()) % BUCKETS for i in ids], dtype=pl.Int64
            ),
        },
        schema={"id": pl.String, "bucket": pl.Int64},
    )
    rows = account_ids.cast(pl.String).alias("id").to_frame()
    return rows.join(known, on="id", how="left", maintain_order="left").get_column("bucket")


def row_hash(frame: pl.DataFrame) -> pl.Series:
    """A fingerprint of each row of physical values: blake2b, 64 bits, as signed Int64.

    The columns' order does not matter, and a null differs from an empty text.
    """
    columns = [_canonical(name, frame.schema[name]) for name in sorted(frame.columns)]
    if not columns:
        return pl.zeros(frame.height, dtype=pl.Int64, eager=True)
    texts = frame.select(pl.concat_str(columns, separator=_BETWEEN)).to_series()
    return pl.Series(
        "hash",
        [
            int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
            for text in texts
        ],
        dtype=pl.Int64,
    )


def _canonical(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.String:
        # With its length, so that no text can pass for the end of another.
        text = pl.concat_str([column.str.len_bytes().cast(pl.String), column], separator=":")
    elif dtype == pl.Float64:
        # The bits: how a float is spelt may change between versions of Polars.
        text = column.reinterpret(dtype=pl.Int64).cast(pl.String)
    else:
        text = column.cast(pl.String)
    return text.fill_null(_ABSENT)


def text_hash(texts: pl.Series) -> pl.Series:
    """A fingerprint of each text: 16 hex digits; null for null."""
    return pl.Series(
        texts.name,
        [None if t is None else blake2b(t.encode(), digest_size=8).hexdigest() for t in texts],
        dtype=pl.String,
    )
