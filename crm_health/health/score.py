"""The score: weighted mean of what is known, then caps, override, 1 to 100, rounding.

All sums are of whole numbers (points in tenths, shares in hundredths of a point), so the parts
add up to the score to the last digit, whatever the order or batching of the accounts:

    sum(drivers.share) + cap_h + override_h + clamp_h + rounding_h == 100 * score

Where the band is unknown the score is empty and the parts add up to 100 * computed; where
nothing could be measured both are empty and all parts are 0.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from crm_health.config.model import Model, ModelDef
from crm_health.health.base import DATE, POINTS, STALE, VALUE, WEIGHT, dimensions, with_base
from crm_health.health.drivers import with_drivers
from crm_health.health.evaluate import holds, names_in
from crm_health.health.evidence import Availability, blocked
from crm_health.health.facts import Facts
from crm_health.health.limits import FINAL, with_limits
from crm_health.health.measures import Points, points
from crm_health.health.weights import Weights, total, with_weights

UNKNOWN = "unknown"
#: The account's place in the One View.
_NUMBER = "@account"


def assess(model: Model, facts: Facts, as_of: datetime) -> pl.DataFrame:
    """Score every account of `facts`, ordered by account id.

    A person's override comes resolved in `facts.values` as column `override` (points or
    missing). It is the score even where the evidence would not do: somebody vouches for it.
    `computed` is the score with caps and without the override.

    Returns:
        account_id, model, computed, score, band_now, coverage (percent of the weight that is
        on), weight_on (percent of the model's weight), dimensions (number with evidence),
        capped (the cap that binds), override, drivers (list of `DRIVER`), missing and stale
        (lists of measures), cap_h, override_h, clamp_h, rounding_h (hundredths of a point),
        and `<dimension>_points` (0 to 100).
    """
    measured = points(model, facts, as_of)
    chosen = choose(model, facts.values)
    # Only what caps and weights look at goes along: the One View is wide.
    texts = [cap.when for cap in model.caps.values()]
    texts += [w for kind in model.models for w in kind.weights.values() if isinstance(w, str)]
    read = frozenset[str]().union(*map(names_in, texts))
    read |= {"account_id", "override"}
    values = facts.values.select(name for name in facts.values.columns if name in read)
    values = _with_override(values).with_row_index(_NUMBER).hstack(_beside(measured))
    kinds: list[tuple[ModelDef | None, pl.Series]] = [(None, chosen.is_null())]
    kinds += [(kind, chosen == number) for number, kind in enumerate(model.models)]
    # Without any account one kind still says which columns there are.
    held = [(kind, rows) for kind, rows in kinds if rows.any()] or kinds[:1]
    assessed = [_assess_kind(model, kind, facts.known, values, rows) for kind, rows in held]
    return pl.concat(assessed).sort(_NUMBER).drop(_NUMBER)


def choose(model: Model, values: pl.DataFrame) -> pl.Series:
    """The index of the first model whose condition holds, for each row; null where none does."""
    found = pl.repeat(None, values.height, dtype=pl.Int64, eager=True)
    for number, kind in enumerate(model.models):
        fits = holds(values, kind.when) & found.is_null()
        found = found.set(fits, number)
    return found


def band_of(model: Model, score: pl.Expr) -> pl.Expr:
    """The band that a score stands for; `unknown` where there is none."""
    band = pl.lit(model.bands[-1].name)
    for definition in reversed(model.bands[:-1]):
        band = pl.when(score < definition.below).then(pl.lit(definition.name)).otherwise(band)
    return pl.when(score.is_null()).then(pl.lit(UNKNOWN)).otherwise(band)


def _assess_kind(
    model: Model,
    kind: ModelDef | None,
    known: Availability,
    values: pl.DataFrame,
    rows: pl.Series,
) -> pl.DataFrame:
    """Assess the accounts of one model; kind None: of no model, so nothing is measured."""
    frame, weights = with_weights(model, kind, values.filter(rows))
    frame = with_limits(model, with_base(model, frame, weights.counted))
    frame = with_drivers(model, _with_sufficiency(model, frame, weights), weights)
    on = weights.counted
    source_stale = {name for name in on if blocked(model.measures[name].value, known.stale)}
    return frame.with_columns(band_of(model, pl.col("score")).alias("band_now")).select(
        _NUMBER,
        "account_id",
        pl.lit(kind.name if kind is not None else None, dtype=pl.String).alias("model"),
        "computed",
        "score",
        "band_now",
        "coverage",
        "weight_on",
        "dimensions",
        "capped",
        "override",
        "drivers",
        _listed(
            {
                n: (w > 0) & _absent(n) & ~pl.col(f"{STALE}{n}")
                for n, w in on.items()
                if n not in source_stale
            }
        ).alias("missing"),
        _listed(
            {
                n: (w > 0) & (_absent(n) if n in source_stale else pl.col(f"{STALE}{n}"))
                for n, w in on.items()
            }
        ).alias("stale"),
        "cap_h",
        "override_h",
        "clamp_h",
        "rounding_h",
        *(f"{dimension}_points" for dimension in dimensions(model)),
    )


def _beside(measured: Points) -> list[pl.Series]:
    """Points, values, dates and marks of all measures, named by kind."""
    frames = (
        (POINTS, measured.tenths),
        (VALUE, measured.values),
        (DATE, measured.dates),
        (STALE, measured.stale),
    )
    return [
        column.alias(f"{prefix}{column.name}")
        for prefix, frame in frames
        for column in frame.drop("account_id").get_columns()
    ]


def _with_override(values: pl.DataFrame) -> pl.DataFrame:
    given = pl.col("override") if "override" in values.columns else pl.lit(None)
    return values.with_columns(given.cast(pl.Float64).alias("override"))


def _with_sufficiency(model: Model, frame: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """Add coverage, weight_on, and the score where the evidence is enough for one."""
    limits = model.evidence
    frame = frame.with_columns(
        _percent(pl.col(WEIGHT), total(weights.counted)).alias("coverage"),
        _percent(total(weights.counted), weights.total).alias("weight_on"),
    )
    enough = (
        (pl.col(WEIGHT) > 0)
        & (pl.col("coverage") >= limits.min_coverage)
        & (pl.col("dimensions") >= limits.min_dimensions)
        & (pl.col("weight_on") >= limits.min_weight_on)
    )
    vouched = pl.col("override").is_not_null()
    return frame.with_columns(pl.when(enough | vouched).then(pl.col(FINAL)).alias("score"))


def _percent(over: pl.Expr, under: pl.Expr) -> pl.Expr:
    """A share in percent, 0 of nothing."""
    share = pl.when(under > 0).then(over * 100.0 / under).otherwise(0.0)
    return share.cast(pl.Float64).round(6)


def _absent(measure: str) -> pl.Expr:
    return pl.col(f"{POINTS}{measure}").is_null()


def _listed(flags: dict[str, pl.Expr]) -> pl.Expr:
    """The names whose flag is set, as a list."""
    named = [pl.when(flag).then(pl.lit(name)) for name, flag in flags.items()]
    # By way of a text: a list of columns, its nulls dropped, took fifteen times as long.
    text = pl.concat_str(pl.lit(None, pl.String), *named, separator=",", ignore_nulls=True)
    nothing = pl.lit([], dtype=pl.List(pl.String))
    return pl.when(text == "").then(nothing).otherwise(text.str.split(","))
