"""Fingerprints of rows, ids and texts: the same in every process and on every machine."""

from __future__ import annotations

from hashlib import blake2b

import polars as pl

#: Accounts fall into this many buckets.
BUCKETS = 256

# 2 to the 64 over the golden ratio: its multiples spread over the whole range.
_SPREAD = 0x9E3779B97F4A7C15


def bucket(account_ids: pl.Series) -> pl.Series:
    """Each account's bucket, 0 to 255, as Int64; null for a null id.

    From the last eight bytes of the id: those of one CRM differ there. Never to be changed: rows
    of one account that are stored years apart must meet in one bucket.
    """
    padded = pl.concat_str(pl.lit("\0" * 8), account_ids.cast(pl.String)).cast(pl.Binary)
    number = padded.bin.tail(8).bin.reinterpret(dtype=pl.UInt64, endianness="little")
    top = (number * pl.lit(_SPREAD, pl.UInt64)) // (2**64 // BUCKETS)
    return pl.select(top.cast(pl.Int64).alias("bucket")).to_series()


def row_hash(frame: pl.DataFrame) -> pl.Series:
    """A fingerprint of each row of physical values: 64 bits, as signed Int64.

    The columns' order does not matter, and a null differs from an empty text. It is Polars' own:
    the same in every process and on every machine, though a later Polars may give another one.
    Rows that come again then seem changed once, and their accounts are assessed once too often.
    """
    if not frame.width:
        return pl.zeros(frame.height, dtype=pl.Int64, eager=True)
    whole = pl.struct(sorted(frame.columns)).hash()
    return frame.select(whole.reinterpret(dtype=pl.Int64).alias("hash")).to_series()


def text_hash(texts: pl.Series) -> pl.Series:
    """A fingerprint of each text: 16 hex digits; null for null."""
    return pl.Series(
        texts.name,
        [None if t is None else blake2b(t.encode(), digest_size=8).hexdigest() for t in texts],
        dtype=pl.String,
    )
