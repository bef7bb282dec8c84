"""Weights as whole numbers, and sums that are shared out without a remainder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import gcd, lcm

import polars as pl

from crm_health.config.model import Model, ModelDef
from crm_health.health.evaluate import with_expressions

#: Above this the products with points could leave 64 bits.
_LARGEST = 10**9
#: Weights that are worked out for each account count in millionths, up to a million.
_STEPS, _MOST = 10**6, 10.0**6
#: Columns of such weights: as worked out, and whole.
_GIVEN, _WHOLE = "g@", "w@"


@dataclass(frozen=True)
class Weights:
    """What each measure weighs in one kind of account, in the order of the model's measures."""

    #: Whole numbers (Int64, 0: leave it out) of the measures that are on, in the right ratios.
    counted: dict[str, pl.Expr]
    #: The same as the model says them (Float64).
    given: dict[str, pl.Expr]
    #: The sum of all whole weights, those of measures that are off as well.
    total: pl.Expr


def with_weights(
    model: Model, kind: ModelDef | None, frame: pl.DataFrame
) -> tuple[pl.DataFrame, Weights]:
    """The weights of one kind of account, and the frame with the columns that they need."""
    given = kind.weights if kind is not None else {}
    texts = {n: w for n, w in given.items() if isinstance(w, str) and n in model.measures}
    numbers = {n: w for n, w in given.items() if not isinstance(w, str) and n in model.measures}
    if texts:
        scaled = {n: round(min(w, _MOST) * _STEPS) for n, w in numbers.items() if w > 0}
        frame = with_expressions(frame, {f"{_GIVEN}{n}": text for n, text in texts.items()})
        frame = frame.with_columns(_from_text(name) for name in texts)
    else:
        scaled = whole(numbers)
    whole_ones = {n: pl.lit(number, dtype=pl.Int64) for n, number in scaled.items()}
    whole_ones |= {n: pl.col(f"{_WHOLE}{n}") for n in texts}
    as_given = {n: pl.lit(float(w)) for n, w in numbers.items()}
    as_given |= {n: pl.col(f"{_GIVEN}{n}").cast(pl.Float64) for n in texts}
    on = [n for n in model.measures if n in whole_ones and n not in model.off]
    return frame, Weights(
        counted={n: whole_ones[n] for n in on},
        given={n: as_given[n] for n in on},
        total=total(whole_ones),
    )


def total(weights: Mapping[str, pl.Expr]) -> pl.Expr:
    """The sum of whole weights, 0 of none."""
    return pl.sum_horizontal(pl.lit(0, dtype=pl.Int64), *weights.values()).cast(pl.Int64)


def _from_text(name: str) -> pl.Expr:
    """A weight that was worked out, as a whole number; missing and negative ones as 0."""
    number = pl.col(f"{_GIVEN}{name}").cast(pl.Float64).fill_null(0.0).clip(0.0, _MOST)
    return (number * _STEPS).round(0).cast(pl.Int64).alias(f"{_WHOLE}{name}")


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
