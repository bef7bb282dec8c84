"""The base score: the weighted mean of the measures that are present."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crm_health.config.model import Model
from crm_health.health.weights import half_up, total, with_shares

#: A measure's points (tenths), value, evidence date, stale mark, share and lost, side by side.
POINTS, VALUE, DATE, STALE, SHARE, LOST = "p@", "v@", "e@", "s@", "h@", "l@"
#: Weight present, and the sum of weight times points.
WEIGHT, SUM = "@weight", "@sum"


def dimensions(model: Model) -> tuple[str, ...]:
    """The model's dimensions in the order they are first named."""
    return tuple(dict.fromkeys(measure.dimension for measure in model.measures.values()))


def with_base(model: Model, frame: pl.DataFrame, weights: Mapping[str, pl.Expr]) -> pl.DataFrame:
    """Add shares, `base_h`, `base_score`, `dimensions` and `<dimension>_points`."""
    frame = frame.with_columns(
        _present(weights).alias(WEIGHT),
        _weighted(weights).alias(SUM),
    )
    under = pl.when(pl.col(WEIGHT) > 0).then(pl.col(WEIGHT))
    points = {name: pl.col(f"{POINTS}{name}") for name in weights}
    kept = {f"{SHARE}{n}": 10 * w * points[n].fill_null(0) for n, w in weights.items()}
    gone = {f"{LOST}{n}": 10 * w * (1000 - points[n]).fill_null(0) for n, w in weights.items()}
    frame = with_shares(with_shares(frame, kept, under), gone, under, up=False)
    frame = frame.with_columns(half_up(10 * pl.col(SUM), under).alias("base_h"))
    in_dimension = {
        dimension: {n: w for n, w in weights.items() if model.measures[n].dimension == dimension}
        for dimension in dimensions(model)
    }
    return frame.with_columns(
        # Polars divides one row otherwise than many: without rounding 42.3 is 42.300000000000004.
        (pl.col("base_h") / 100.0).round(2).alias("base_score"),
        pl.sum_horizontal(
            pl.lit(0, dtype=pl.Int64),
            *((_present(group) > 0).cast(pl.Int64) for group in in_dimension.values()),
        ).alias("dimensions"),
        *(_mean(group).alias(f"{dimension}_points") for dimension, group in in_dimension.items()),
    )


def _present(weights: Mapping[str, pl.Expr]) -> pl.Expr:
    """The weight of the measures that have points."""
    return total({n: w * pl.col(f"{POINTS}{n}").is_not_null() for n, w in weights.items()})


def _weighted(weights: Mapping[str, pl.Expr]) -> pl.Expr:
    return total({n: w * pl.col(f"{POINTS}{n}").fill_null(0) for n, w in weights.items()})


def _mean(weights: Mapping[str, pl.Expr]) -> pl.Expr:
    """Points of a dimension, 0 to 100 in steps of 0.1; missing without evidence."""
    under = pl.when(_present(weights) > 0).then(_present(weights))
    return (half_up(_weighted(weights), under) / 10.0).round(1)
