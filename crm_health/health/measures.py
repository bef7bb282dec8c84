"""Measures: values turned into points, with the date and the freshness of their evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

import polars as pl

from crm_health.config.model import MeasureDef, Model
from crm_health.health.days import local_day
from crm_health.health.evaluate import with_expressions
from crm_health.health.evidence import blocked, oldest
from crm_health.health.facts import Facts

#: Points are integers of tenths: 1000 is the full mark.
FULL = 1000


@dataclass(frozen=True)
class Points:
    """Wide frames with account_id and one column a measure, in the order of `Facts.values`."""

    values: pl.DataFrame  #: Float64, missing where nothing is known
    tenths: pl.DataFrame  #: Int64, 0 to 1000; missing where value or fresh evidence is
    dates: pl.DataFrame  #: pl.Date of the evidence
    stale: pl.DataFrame  #: Boolean: there is a value, but its evidence is too old


def on_curve(value: pl.Expr, curve: Mapping[float, float], *, steps: bool = False) -> pl.Expr:
    """Points in integer tenths: straight lines between the curve's corners, flat beyond.

    With `steps` the points of a corner hold until the next one is reached.
    """
    corners = sorted(curve.items())
    first, last = corners[0], corners[-1]
    clipped = value.clip(first[0], last[0])
    points = pl.lit(float(last[1]))
    for (x0, y0), (x1, y1) in reversed(list(pairwise(corners))):
        if steps:
            points = pl.when(clipped < x1).then(pl.lit(float(y0))).otherwise(points)
            continue
        between = y0 + (clipped - x0) * (y1 - y0) / (x1 - x0)
        points = pl.when(clipped <= x1).then(between).otherwise(points)
    # To six digits first: 65.05 must not fall to 65.0 because of the noise of a division.
    tenths = ((points * 10.0).round(6) + 0.5).floor().cast(pl.Int64)
    return pl.when(value.is_not_null()).then(tenths.clip(0, FULL))


def points(model: Model, facts: Facts, as_of: datetime) -> Points:
    """All measures that are not off, as points of each account."""
    on = {name: measure for name, measure in model.measures.items() if name not in model.off}
    # A measure may bear the name of a fact it reads, so its value gets a name of its own.
    valued = with_expressions(facts.values, {f"@{name}": m.value for name, m in on.items()})
    read = facts.values.select("account_id").with_columns(
        pl.lit(None, dtype=pl.Float64).alias(name)
        if blocked(measure.value, facts.known.missing)
        else valued[f"@{name}"].cast(pl.Float64).alias(name)
        for name, measure in on.items()
    )
    dates = facts.dates.select(
        "account_id", *(oldest(facts.dates, m.value).alias(name) for name, m in on.items())
    )
    # Two frames side by side: value as `name`, its date as `@name`.
    both = read.hstack(dates.drop("account_id").rename({name: f"@{name}" for name in on}))
    day = local_day(as_of, model.time_zone)
    stale = both.select("account_id", *(_stale(name, m, day) for name, m in on.items()))
    tenths = both.hstack(stale.drop("account_id").rename({name: f"!{name}" for name in on})).select(
        "account_id",
        *(
            pl.when(~pl.col(f"!{name}"))
            .then(on_curve(pl.col(name), m.curve, steps=m.between == "steps"))
            .alias(name)
            for name, m in on.items()
        ),
    )
    dates = both.select(
        "account_id",
        *(pl.when(pl.col(name).is_not_null()).then(pl.col(f"@{name}")).alias(name) for name in on),
    )
    return Points(read, tenths, dates, stale)


def _stale(name: str, measure: MeasureDef, day: date) -> pl.Expr:
    """Whether a value is there, but nothing shows that its evidence is young enough."""
    if measure.stale_after_days is None:
        return pl.lit(False).alias(name)
    oldest_day = day - timedelta(days=measure.stale_after_days)
    young = (pl.col(f"@{name}") >= oldest_day).fill_null(False)
    return (pl.col(name).is_not_null() & ~young).alias(name)
