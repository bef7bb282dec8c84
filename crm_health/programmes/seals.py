"""Seals: short checksums of what we wrote, kept beside it, so that a person's edit shows."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import polars as pl

#: So few texts are told faster than their doubles are found.
_FEW = 100
#: What HTML spells out; the ampersand last, as it begins all the others.
_SPELLED = {
    "&nbsp;": " ",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#34;": '"',
    "&#39;": "'",
    "&#x27;": "'",
    "&amp;": "&",
}


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
    texts = [canonical(c, frame.schema[c]) for c in columns]
    return checksums(frame.select(pl.concat_str(texts, separator="\x1f")).to_series(), digits)


def text_sums(texts: pl.Series) -> pl.Series:
    """A checksum of each long text, blind to its layout; null where there is none.

    Rich-text fields bring a plain text back as paragraphs, with some characters spelled out.
    """
    plain = pl.col("text")
    for spelled, character in _SPELLED.items():
        plain = plain.str.replace_all(spelled, character, literal=True)
    plain = plain.str.replace_all(r"</?[a-zA-Z][^<>]*>|[\s\u00a0]+", "")
    bare = texts.cast(pl.String).alias("text").to_frame().select(plain).to_series()
    summed = pl.DataFrame({"text": bare, "sum": checksums(bare.fill_null(""))})
    return summed.select(pl.when(pl.col("text") != "").then("sum").alias(texts.name)).to_series()


def checksums(texts: pl.Series, digits: int = 8) -> pl.Series:
    """A checksum of each text, as hex text of `digits` (at most 8); none may be null."""
    # Python's crc32, because Polars' hashes may change with its version: a new version must
    # not look like a person's edit of every account.
    return _each_once(texts, lambda text: f"{zlib.crc32(text):08x}"[:digits], pl.String)


def numbers(texts: pl.Series) -> pl.Series:
    """The crc32 of each text in UTF-8, as a whole number; none may be null."""
    return _each_once(texts, zlib.crc32, pl.UInt32)


def _each_once(
    texts: pl.Series, sum_of: Callable[[bytes], Any], dtype: type[pl.DataType]
) -> pl.Series:
    """What `sum_of` says of each text. Bands, dates and whole scores: few values, told once."""
    known = texts if len(texts) < _FEW else texts.unique()
    if len(known) * 2 >= len(texts):
        return pl.Series(map(sum_of, texts.cast(pl.Binary)), dtype=dtype)
    told = pl.Series("sum", map(sum_of, known.cast(pl.Binary)), dtype=dtype)
    found = pl.DataFrame({"text": known, "sum": told})
    rows = texts.alias("text").to_frame()
    return rows.join(found, on="text", how="left", maintain_order="left").get_column("sum")
