"""The shape of each input over the whole book, small enough to keep and to hold against another.

Sizes are counted in bins, 64 to a doubling, so that the parts of a book add up, memory stays flat,
and a quartile is right to half a percent.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

#: Fewer accounts than this with a value are no shape.
MIN_ACCOUNTS = 20
#: Bins in a doubling.
_OCTAVE = 64
_QUARTERS = (1, 2, 3)
_SIZES = {"name": pl.String, "bin": pl.Int64, "accounts": pl.Int64}


@dataclass(frozen=True)
class Shape:
    """One input over a book."""

    #: What it is made of: shapes of another definition say nothing of each other.
    definition: str
    #: Accounts of which it says something; a number other than 0, for what is no distance in days.
    told: int
    #: Quartiles of the sizes, as bins; empty where there are too few accounts, or no sizes.
    quartiles: tuple[int, ...] = ()

    @property
    def typical(self) -> float | None:
        """About the median size."""
        return 2.0 ** ((self.quartiles[1] + 0.5) / _OCTAVE) if self.quartiles else None


@dataclass(frozen=True)
class Profile:
    """A book on one day."""

    accounts: int
    shapes: Mapping[str, Shape]


class Profiler:
    """Counts a book part by part."""

    def __init__(self, definitions: Mapping[str, str], distances: Collection[str]) -> None:
        """Begin with nothing.

        Args:
            definitions: Input to what it is made of; columns of the One View.
            distances: Inputs that count days since something: time alone changes them.
        """
        self._definitions = definitions
        self._distances = distances
        self._accounts = 0
        self._told: dict[str, int] = {}
        self._sizes = pl.DataFrame(schema=_SIZES)

    def add(self, values: pl.DataFrame) -> None:
        """Count some accounts, one row each."""
        self._accounts += values.height
        names = [name for name in self._definitions if name in values.columns]
        told = values.select(self._says(values, name).sum().alias(name) for name in names)
        for name, number in zip(names, told.row(0), strict=True):
            self._told[name] = self._told.get(name, 0) + int(number or 0)
        sized = [n for n in names if self._sized(values, n)]
        if not sized:
            return
        bins = values.select(
            pl.when(self._says(values, name))
            .then((pl.col(name).cast(pl.Float64).abs().log(2) * _OCTAVE).floor())
            .cast(pl.Int64, strict=False)
            .alias(name)
            for name in sized
        )
        counted = (
            bins.unpivot(variable_name="name", value_name="bin")
            .drop_nulls()
            .group_by("name", "bin")
            .agg(pl.len().cast(pl.Int64).alias("accounts"))
        )
        both = pl.concat([self._sizes, counted])
        self._sizes = both.group_by("name", "bin").agg(pl.col("accounts").sum())

    def profile(self) -> Profile:
        """What was counted so far."""
        quartiles = {
            str(name): _quartiles(rows)
            for (name,), rows in self._sizes.sort("name", "bin").group_by(
                "name", maintain_order=True
            )
        }
        return Profile(
            self._accounts,
            {
                name: Shape(self._definitions[name], told, quartiles.get(name, ()))
                for name, told in sorted(self._told.items())
            },
        )

    def _sized(self, values: pl.DataFrame, name: str) -> bool:
        return values.schema[name].is_numeric() and name not in self._distances

    def _says(self, values: pl.DataFrame, name: str) -> pl.Expr:
        known, column = pl.col(name).is_not_null(), pl.col(name)
        if values.schema[name] == pl.Boolean:
            return column.fill_null(False)
        if not self._sized(values, name):
            return known
        number = column.cast(pl.Float64)
        return (number.is_finite() & (number != 0)).fill_null(False)


def _quartiles(rows: pl.DataFrame) -> tuple[int, ...]:
    """Bins by which a quarter, a half and three quarters of the accounts stand."""
    upto = rows["accounts"].cum_sum()
    total = int(upto[-1])
    if total < MIN_ACCOUNTS:
        return ()
    # Whole numbers: the same bins whatever the order of the parts.
    places = upto.search_sorted(pl.Series([-(-total * n // 4) for n in _QUARTERS]), "left")
    return tuple(int(rows["bin"][place]) for place in places)


@dataclass(frozen=True)
class Shift:
    """An input that is another one for most accounts, all at once."""

    name: str
    before: Shape
    now: Shape
    #: Its sizes moved; else whom it says something of.
    resized: bool


def resized(before: Profile, now: Profile, factor: float, percent: float) -> Iterable[Shift]:
    """Inputs all of whose quartiles grew, or shrank, by a factor.

    Args:
        before: The book as it was.
        now: As it is.
        factor: Above 1.
        percent: Of the accounts have to have the input, then and now.
    """
    limit = max(1, round(_OCTAVE * math.log2(factor)))
    for name, old, new in _comparable(before, now):
        steps = [b - a for a, b in zip(old.quartiles, new.quartiles, strict=False)]
        most = _share(old.told, before) >= percent and _share(new.told, now) >= percent
        if steps and most and (min(steps) >= limit or max(steps) <= -limit):
            yield Shift(name, old, new, resized=True)


def retold(before: Profile, now: Profile, percent: float) -> Iterable[Shift]:
    """Inputs that at least half of those who had them lost, or that twice as many have now.

    Args:
        before: The book as it was.
        now: As it is.
        percent: Of the accounts have to be concerned.
    """
    for name, old, new in _comparable(before, now):
        then, later = _share(old.told, before), _share(new.told, now)
        doubled = max(then, later) >= 2 * min(then, later)
        few = max(old.told, new.told) < MIN_ACCOUNTS
        if doubled and not few and abs(then - later) > percent:
            yield Shift(name, old, new, resized=False)


def _comparable(before: Profile, now: Profile) -> Iterable[tuple[str, Shape, Shape]]:
    for name, new in now.shapes.items():
        old = before.shapes.get(name)
        if old is not None and old.definition == new.definition:
            yield name, old, new


def _share(told: int, book: Profile) -> float:
    return 100 * told / book.accounts if book.accounts else 0.0
