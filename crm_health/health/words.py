"""Figures as words: rounded so that a text stays the same while little changes."""

from __future__ import annotations

import polars as pl

MISSING = "unknown"
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def count_word(number: int) -> str:
    """`two` for 2; figures from ten."""
    return _COUNTS[number] if 0 <= number < len(_COUNTS) else str(number)


def date_text(value: pl.Expr) -> pl.Expr:
    """`4 Jan 2027`; dates beyond the year 9999 or before 1000 are shown as they are."""
    return value.dt.strftime("%-d %b %Y")


def percent_text(value: pl.Expr) -> pl.Expr:
    """A ratio as percent, rounded to 5: 0.31 is `30 %`."""
    steps = (value * 20.0).round(6) + 0.5
    return pl.format("{} %", _whole(steps.floor() * 5.0))


def number_text(value: pl.Expr) -> pl.Expr:
    """At most one decimal, and three digits from 1,000."""
    rounded = pl.when(value.abs() < 1000).then(value.round(1)).otherwise(value.round_sig_figs(3))
    whole = rounded == rounded.floor()
    return pl.when(whole).then(_whole(rounded)).otherwise(rounded.cast(pl.String))


def money_text(value: pl.Expr) -> pl.Expr:
    """Two digits, in thousands and millions, in the currency of the field: `120k`, `1.2M`."""
    two = value.round_sig_figs(2)
    size = two.abs()
    return (
        pl.when(size >= 1e6)
        .then(pl.format("{}M", number_text(two / 1e6)))
        .when(size >= 1e4)
        .then(pl.format("{}k", number_text(two / 1e3)))
        .otherwise(number_text(two))
    )


def _whole(value: pl.Expr) -> pl.Expr:
    """A number without decimals as text; huge ones in powers of ten."""
    small = value.abs() < 1e15
    digits = pl.when(small).then(value).cast(pl.Int64, strict=False).cast(pl.String)
    return pl.when(small).then(digits).otherwise(value.cast(pl.String))


def one_line(text: pl.Expr) -> pl.Expr:
    """Without line ends, control characters and a full stop at the end."""
    return text.str.replace_all(r"[\s\p{C}]+", " ").str.strip_chars().str.strip_chars_end(".")


def cut(text: pl.Expr, length: pl.Expr | int) -> pl.Expr:
    """At most so many characters, cut at a word and marked with an ellipsis."""
    most = pl.lit(length) if isinstance(length, int) else length
    head = text.str.slice(0, most.cast(pl.Int64) - 1)
    # A text without a blank near its end is cut where it must be.
    whole = head.str.replace(r"\s+\S{0,60}$", "")
    return (
        pl.when(text.str.len_chars() > most)
        .then(pl.concat_str(whole, pl.lit("\N{HORIZONTAL ELLIPSIS}")))
        .otherwise(text)
    )
