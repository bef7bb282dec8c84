"""Figures over the whole book of customers, worked out once a day and fixed for the day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import polars as pl

from crm_health.config import figures as naming
from crm_health.config.figures import Figure, figure
from crm_health.config.model import Model
from crm_health.health.evaluate import tidy

#: Name to its cohorts' figures by label ("" where all customers are one): the median alone, or
#: what ranks are read from, the values in order. Plain JSON, so that it can be kept.
Figures = Mapping[str, Mapping[str, Sequence[float]]]
#: Fewer accounts than this make no book, and no cohort.
MIN_ACCOUNTS = 20
#: Of so many values at most the places are kept, evenly spaced: ranks to half a percent.
_GRID = 201
#: The largest cohorts of a figure; more would be names, not cohorts.
_COHORTS = 200
_ALL = ""


def names(model: Model) -> tuple[str, ...]:
    """The figures that the model reads, by the names it reads them under, sorted."""
    return tuple(sorted(naming.names_in(naming.texts(model))))


def parts(names: Iterable[str]) -> frozenset[str]:
    """Whatever facts and labels figures of these names may rest on."""
    read = [found for name in names for found in naming.readings(name)]
    return frozenset(part for found in read for part in (found.of, found.by) if part)


def rests_on(names: Iterable[str], known: Collection[str]) -> frozenset[str]:
    """The names, a rank by what is ranked; medians are yardsticks and left out."""
    found = set()
    for name in names:
        about = figure(name, known) if name not in known else None
        if about is not None and about.kind == "rank":
            found.add(about.of)
        elif not (about or naming.is_figure(name)) or name in known:
            found.add(name)
    return frozenset(found)


def figures(model: Model, values: pl.DataFrame) -> dict[str, dict[str, list[float]]]:
    """The model's figures over the accounts; none of fewer than 20 accounts with a value.

    Args:
        model: Checked model.
        values: `Facts.values` of all customers, computed with an empty book.
    """
    return {name: _over(values, figure(name, values.columns)) for name in names(model)}


def _over(values: pl.DataFrame, about: Figure | None) -> dict[str, list[float]]:
    """One figure's cohorts."""
    if about is None or not values.schema[about.of].is_numeric():
        return {}
    known = values.select(_label(values, about).alias("label"), pl.col(about.of).alias("value"))
    cohorts = (
        known.drop_nulls()
        .group_by("label")
        .agg(
            pl.len().alias("accounts"),
            pl.col("value").median().alias("median"),
            *([pl.col("value").sort()] if about.kind == "rank" else []),
        )
        .filter(pl.col("accounts") >= MIN_ACCOUNTS)
        .sort("accounts", "label", descending=[True, False])
        .head(_COHORTS)
        .sort("label")
    )
    cohorts = tidy(cohorts, ["median"])
    column = "value" if about.kind == "rank" else "median"
    found = zip(cohorts["label"], cohorts[column].to_list(), strict=True)
    return {label: _places(v) if isinstance(v, list) else [v] for label, v in found}


def _places(ordered: list[float]) -> list[float]:
    last = len(ordered) - 1
    if last < _GRID:
        return ordered
    # Whole numbers, halves up: the same places on every machine.
    steps = _GRID - 1
    return [ordered[(2 * k * last + steps) // (2 * steps)] for k in range(_GRID)]


def _label(frame: pl.DataFrame, about: Figure) -> pl.Expr:
    """The cohort of each account as text; missing where it is in none."""
    if about.by is None:
        return pl.lit(_ALL)
    label = pl.col(about.by)
    if frame.schema[about.by].is_numeric():
        label = pl.when(label == label.round()).then(label.cast(pl.Int64, strict=False))
    return label.cast(pl.String)


def with_figures(frame: pl.DataFrame, names: Iterable[str], book: Figures) -> pl.DataFrame:
    """Add a column a figure; missing where the book has none for the account's cohort."""
    known = frame.columns
    for name in names:
        about = figure(name, known)
        cohorts = book.get(name) or {}
        if about is None or not cohorts:
            column = pl.lit(None, dtype=pl.Float64)
        elif about.kind == "median":
            medians = {label: values[0] for label, values in cohorts.items()}
            column = _label(frame, about).replace_strict(
                medians, default=None, return_dtype=pl.Float64
            )
        else:
            column = pl.lit(_ranks(frame, about, cohorts))
        frame = frame.with_columns(column.alias(name))
    return frame


def _ranks(frame: pl.DataFrame, about: Figure, cohorts: Mapping[str, Sequence[float]]) -> pl.Series:
    """0 for the lowest of the cohort, 1 for the highest; equal values share the middle."""
    rows = frame.select(
        _label(frame, about).alias("label"), pl.col(about.of).cast(pl.Float64).alias("value")
    )
    found = pl.repeat(None, frame.height, dtype=pl.Float64, eager=True)
    for label, ordered in cohorts.items():
        mine = (rows["label"] == label).fill_null(False) & rows["value"].is_not_null()
        places = mine.arg_true()
        if places.is_empty():
            continue
        values, grid = rows["value"].gather(places), pl.Series(ordered, dtype=pl.Float64)
        below = grid.search_sorted(values, "left").cast(pl.Float64)
        upto = grid.search_sorted(values, "right").cast(pl.Float64)
        share = ((below + upto - 1) / (2 * (len(ordered) - 1))).clip(0.0, 1.0).round(9)
        found = found.scatter(places, share)
    return found
