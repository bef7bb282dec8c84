"""Weights as whole numbers, and sums that are shared out without a remainder."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm

import polars as pl

#: Above this the products with points could leave 64 bits.
_LARGEST = 10**9


def whole(weights: Mapping[str, float]) -> dict[str, int]:
    """The same ratios as whole numbers, exact for any usual decimals.

    Weights of more digits than fit are rounded to a billionth of the greatest.
    """
    exact = {name: Fraction(Decimal(repr(weight))) for name, weight in weights.items()}
    exact = {name: weight for name, weight in exact.items() if weight > 0}
    if not exact:
        return {}
    scale = lcm(*(weight.denominator for weight in exact.values()))
    numbers = {name: int(weight * scale) for name, weight in exact.items()}
    divisor = gcd(*numbers.values())
    numbers = {name: number // divisor for name, number in numbers.items()}
    greatest = max(numbers.values())
    if greatest <= _LARGEST:
        return numbers
    return {name: max(1, n * _LARGEST // greatest) for name, n in numbers.items()}


def half_up(over: pl.Expr, under: pl.Expr) -> pl.Expr:
    """Divide whole numbers: over / under, rounded to the nearest, halves up."""
    return (2 * over + under) // (2 * under)


def half_down(over: pl.Expr, under: pl.Expr) -> pl.Expr:
    """Divide whole numbers: over / under, rounded to the nearest, halves down."""
    return (2 * over + under - 1) // (2 * under)


def with_shares(
    frame: pl.DataFrame, terms: Mapping[str, pl.Expr], under: pl.Expr, *, up: bool = True
) -> pl.DataFrame:
    """Add whole shares of sum(terms) / under that add up to its rounded value exactly.

    Each is the growth of the rounded running sum, so it is off by less than one unit, in a
    fixed order whatever the rows.
    """
    if not terms:
        return frame
    rounded = half_up if up else half_down
    running = frame.select(
        pl.cum_sum_horizontal(*(term.alias(name) for name, term in terms.items())).alias("sums"),
        under.alias("under"),
    ).unnest("sums")
    sums = running.select(rounded(pl.col(name), pl.col("under")).alias(name) for name in terms)
    names = list(terms)
    return frame.with_columns(
        sums[names[0]], *(sums[name] - sums[before] for before, name in pairwise(names))
    )
