"""Expressions at work: text becomes columns that are finite, rounded and plainly typed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import polars as pl

#: Facts keep this many significant digits, so that every CRM and batching gives the same ones.
DIGITS = 9
#: Rounding to these first takes the noise off sums such as 12345678.949999999.
_QUIET_DIGITS = 12
#: Whole numbers under this have no more than the significant digits.
_WHOLE = 10.0**DIGITS


@lru_cache(maxsize=4096)
def expression(text: str) -> pl.Expr:
    """The Polars expression of a checked config text."""
    return pl.sql_expr(text)


@lru_cache(maxsize=4096)
def names_in(text: str) -> frozenset[str]:
    """The columns that an expression reads."""
    return frozenset(expression(text).meta.root_names())


def finite(frame: pl.DataFrame) -> pl.DataFrame:
    """NaN and infinity become missing."""
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    return frame.with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in floats
    )


def tidy(frame: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """Numbers in `names` as finite Float64 of nine significant digits; other kinds stay."""
    schema = frame.schema
    numbers = [name for name in names if schema[name].is_numeric() or schema[name] == pl.Null]
    if not numbers:
        return frame
    frame = frame.with_columns(pl.col(numbers).cast(pl.Float64))
    # Most are counts and days: whole numbers that rounding leaves as they are, and takes long to.
    short = frame.select(
        ((pl.col(name) == pl.col(name).round()) & (pl.col(name).abs() < _WHOLE)).all().alias(name)
        for name in numbers
    ).row(0, named=True)
    changed = []
    for name in numbers:
        number = pl.col(name)
        if not short[name]:
            number = pl.when(number.is_finite()).then(number)
            number = number.round_sig_figs(_QUIET_DIGITS).round_sig_figs(DIGITS)
            # Rounding the largest floats overflows.
            number = pl.when(number.is_finite()).then(number)
        changed.append(unsigned(number).alias(name))
    return frame.with_columns(changed)


def unsigned(number: pl.Expr) -> pl.Expr:
    """A number whose nought has no sign: -0.0 would differ from 0.0 in a text or a digest.

    Adding nought would do it, if Polars did not leave that out.
    """
    return pl.when(number == 0).then(0.0).otherwise(number)


def with_expressions(frame: pl.DataFrame, texts: Mapping[str, str]) -> pl.DataFrame:
    """Add one tidy column an expression; all of them see the frame as it was."""
    added = frame.with_columns(expression(text).alias(name) for name, text in texts.items())
    return tidy(added, texts)


def holds(frame: pl.DataFrame, text: str | None) -> pl.Series:
    """Where a condition holds: missing does not."""
    if text is None:
        return pl.repeat(True, frame.height, eager=True, dtype=pl.Boolean)
    return frame.with_columns(expression(text).alias("__holds"))["__holds"].fill_null(False)
