"""What stands between the base score and the score: caps, override, 1 to 100, rounding."""

from __future__ import annotations

import polars as pl

from crm_health.config.model import Model
from crm_health.health.base import SUM, WEIGHT
from crm_health.health.evaluate import expression
from crm_health.health.weights import half_up

#: The score with all limits, whether or not the evidence is enough to show it.
FINAL = "@final"
LOWEST_H, HIGHEST_H = 100, 10_000


def with_limits(model: Model, frame: pl.DataFrame) -> pl.DataFrame:
    """Add capped, computed, `FINAL`, override (whole), cap_h, override_h, clamp_h, rounding_h.

    The order is fixed: caps, override, 1 to 100, rounding half up from the exact mean.
    """
    frame = _with_cap(model, frame)
    base = pl.col("base_h")
    # Without any measure there is nothing to cap, and an override starts from nought, so that
    # the parts still add up.
    capped_h = pl.when(base.is_not_null()).then(pl.min_horizontal("base_h", "@cap_h")).fill_null(0)
    given = pl.col("override")
    given = (pl.when(given.is_finite()).then(given.clip(0, 100)) * 100.0).round(0).cast(pl.Int64)
    exact = pl.when(pl.col(WEIGHT) > 0).then(
        half_up(pl.col(SUM), pl.when(pl.col(WEIGHT) > 0).then(10 * pl.col(WEIGHT))).clip(1, 100)
    )
    frame = frame.with_columns(
        pl.when(base > pl.col("@cap_h")).then(pl.col("@cap")).alias("capped"),
        (capped_h - base.fill_null(0)).alias("cap_h"),
        capped_h.alias("@capped_h"),
        given.alias("@given_h"),
        pl.min_horizontal(exact, pl.when(pl.col(WEIGHT) > 0).then(pl.col("@cap_h") // 100)).alias(
            "computed"
        ),
    )
    value = pl.coalesce("@given_h", "@capped_h")
    clamped = value.clip(LOWEST_H, HIGHEST_H)
    final = pl.coalesce(half_up(clamped_or_null("@given_h"), pl.lit(100)), pl.col("computed"))
    frame = frame.with_columns(
        final.alias(FINAL),
        clamped.alias("@clamped_h"),
        (value - pl.col("@capped_h")).alias("override_h"),
        (clamped - value).alias("clamp_h"),
        half_up(clamped_or_null("@given_h"), pl.lit(100)).alias("override"),
    )
    nothing = pl.col(FINAL).is_null()
    return frame.with_columns(
        pl.when(nothing).then(0).otherwise(pl.col("clamp_h")).alias("clamp_h"),
        pl.when(nothing)
        .then(0)
        .otherwise(100 * pl.col(FINAL) - pl.col("@clamped_h"))
        .cast(pl.Int64)
        .alias("rounding_h"),
    )


def clamped_or_null(column: str) -> pl.Expr:
    """Hundredths within the scale; missing stays missing."""
    return pl.col(column).clip(LOWEST_H, HIGHEST_H)


def _with_cap(model: Model, frame: pl.DataFrame) -> pl.DataFrame:
    """Add `@cap` and `@cap_h`: the lowest cap whose condition holds, the first of equals."""
    none = pl.lit(None, dtype=pl.Int64)
    held = frame.with_columns(
        expression(cap.when).fill_null(False).alias(f"@c:{name}")
        for name, cap in model.caps.items()
    )
    lowest = pl.min_horizontal(
        none,
        *(
            pl.when(pl.col(f"@c:{name}")).then(pl.lit(100 * cap.at, dtype=pl.Int64))
            for name, cap in model.caps.items()
        ),
    )
    held = held.with_columns(lowest.alias("@cap_h"))
    first = pl.coalesce(
        pl.lit(None, dtype=pl.String),
        *(
            pl.when(pl.col(f"@c:{name}") & (pl.col("@cap_h") == 100 * cap.at)).then(pl.lit(name))
            for name, cap in model.caps.items()
        ),
    )
    return held.with_columns(first.alias("@cap"))
