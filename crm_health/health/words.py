"""Figures as words: rounded so that a text stays the same while little changes."""

from __future__ import annotations

import polars as pl

from crm_health.health.evaluate import unsigned

MISSING = "unknown"
#: A date that is missing: mostly of what never took place.
MISSING_DATE = "none on record"
_BLANKS = r"[\s\p{C}]+"
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def count_word(number: int) -> str:
    """`two` for 2; figures from ten."""
    return _COUNTS[number] if 0 <= number < len(_COUNTS) else str(number)


def band_label(name: pl.Expr) -> pl.Expr:
    """A band as people read it, and as the CRM holds it: `At Risk` of `at_risk`."""
    return name.str.replace_all("_", " ", literal=True).str.to_titlecase()


def date_text(value: pl.Expr) -> pl.Expr:
    """`4 Jan 2027`; dates beyond the year 9999 or before 1000 are shown as they are."""
    return value.dt.strftime("%-d %b %Y")


def percent_text(value: pl.Expr) -> pl.Expr:
    """A ratio as percent, rounded to 5: 0.31 is `30 %`."""
    # To six digits first: 0.325 must not fall to 30 % because of the noise of a division.
    steps = ((value * 20.0).round(6) + 0.5).floor()
    return pl.format("{} %", _figure(steps * 5.0))


def number_text(value: pl.Expr) -> pl.Expr:
    """At most one decimal, and three digits from 1,000."""
    return _figure(
        pl.when(value.abs() < 1000).then(value.round(1)).otherwise(value.round_sig_figs(3))
    )


def money_text(value: pl.Expr) -> pl.Expr:
    """Two digits, in thousands and millions, in the currency of the field: `120k`, `1.2M`."""
    two = value.round_sig_figs(2)
    return (
        pl.when(value.abs() >= 995e3)
        .then(pl.format("{}M", _figure((two / 1e6).round(1))))
        .when(value.abs() >= 9950)
        .then(pl.format("{}k", _figure((two / 1e3).round(0))))
        .otherwise(_figure(two.round(1)))
    )


def _figure(value: pl.Expr) -> pl.Expr:
    """A number as text, without `.0` and without a sign on nought."""
    return unsigned(value).cast(pl.String).str.strip_suffix(".0")


def one_line(text: pl.Expr) -> pl.Expr:
    """Without line ends, control characters and a full stop at the end."""
    return text.str.replace_all(_BLANKS, " ").str.strip_chars().str.strip_chars_end(".")


def one_space(text: str) -> str:
    """A text of ours as `one_line` would leave its blanks and control characters."""
    return pl.select(pl.lit(text).str.replace_all(_BLANKS, " ")).item()  # type: ignore[no-any-return]  # a text


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
