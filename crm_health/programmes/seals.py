"""Seals: short checksums of what we wrote, kept beside it, so that a person's edit shows."""

from __future__ import annotations

import zlib
from functools import cache

import polars as pl

#: A checksum has two halves of four hex digits each.
_HALF = 0x10000
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


@cache
def _hex() -> pl.Series:
    return pl.Series([f"{number:04x}" for number in range(_HALF)])


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
    sums = numbers(texts)
    high, low = (_hex().gather(part) for part in (sums // _HALF, sums % _HALF))
    return pl.select(pl.concat_str(high, low).str.slice(0, digits).alias("seal")).to_series()


def numbers(texts: pl.Series) -> pl.Series:
    """The crc32 of each text in UTF-8, as a whole number; none may be null."""
    known = texts.unique()
    if len(known) * 2 >= len(texts):
        return pl.Series(map(zlib.crc32, texts.cast(pl.Binary)), dtype=pl.UInt32)
    # Bands, dates and whole scores: few values, told once each.
    found = pl.DataFrame({"text": known, "sum": numbers(known)})
    rows = texts.alias("text").to_frame()
    return rows.join(found, on="text", how="left", maintain_order="left").get_column("sum")
