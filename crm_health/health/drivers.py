"""Drivers: what each measure gives to the score, and what moved it."""

from __future__ import annotations

import polars as pl

from crm_health.config.model import Model
from crm_health.health.base import DATE, LOST, POINTS, SHARE, VALUE
from crm_health.health.weights import Weights

#: One present measure of an account.
DRIVER = pl.Struct(
    {
        "measure": pl.String,
        "dimension": pl.String,
        "value": pl.Float64,
        "points": pl.Int64,  # tenths, 0 to 1000
        "weight": pl.Float64,  # as the model says it, for this account
        "share": pl.Int64,  # hundredths of a point in the score
        "lost": pl.Int64,  # hundredths of a point short of the full mark
        "evidence": pl.Date,
    }
)
#: What is not a measure, by its column.
OTHERS: dict[str, str] = {
    "cap_h": "cap",
    "override_h": "override",
    "clamp_h": "clamp",
    "rounding_h": "rounding",
}


def with_drivers(model: Model, frame: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """Add `drivers`: the measures that count as a list of `DRIVER`, in the order of `weights`."""
    # By rows and grouped: a list built from columns of structs took twenty times as long.
    frame = frame.with_row_index("@row")
    long = [
        frame.select(
            "@row",
            pl.lit(name).alias("measure"),
            pl.lit(model.measures[name].dimension).alias("dimension"),
            pl.col(f"{VALUE}{name}").alias("value"),
            pl.col(f"{POINTS}{name}").alias("points"),
            weights.given[name].alias("weight"),
            pl.col(f"{SHARE}{name}").alias("share"),
            pl.col(f"{LOST}{name}").alias("lost"),
            pl.col(f"{DATE}{name}").alias("evidence"),
            (weight > 0).alias("@counts"),
        )
        for name, weight in weights.counted.items()
    ]
    columns = {field.name: field.dtype for field in DRIVER.fields}
    none = pl.DataFrame(schema={"@row": pl.UInt32, **columns, "@counts": pl.Boolean})
    lists = (
        pl.concat([none, *long])
        .filter(pl.col("points").is_not_null() & pl.col("@counts"))
        .select("@row", pl.struct(list(columns)).cast(DRIVER).alias("drivers"))
        .group_by("@row", maintain_order=True)
        .agg("drivers")
    )
    found = frame.join(lists, on="@row", how="left", maintain_order="left").drop("@row")
    empty = pl.lit([], dtype=pl.List(DRIVER))
    return found.with_columns(
        pl.when(pl.col("drivers").is_null()).then(empty).otherwise("drivers").alias("drivers")
    )


def parts(assessed: pl.DataFrame) -> pl.DataFrame:
    """All parts of each score as rows: account_id, part, share (hundredths of a point).

    The shares of an account add up to 100 times its score (see `score.assess`).
    """
    measures = (
        assessed.select("account_id", "drivers")
        .explode("drivers", empty_as_null=True)
        .filter(pl.col("drivers").is_not_null())
        .select(
            "account_id",
            pl.col("drivers").struct.field("measure").alias("part"),
            pl.col("drivers").struct.field("share"),
        )
    )
    others = [
        assessed.select(
            "account_id", pl.lit(name).alias("part"), pl.col(column).cast(pl.Int64).alias("share")
        )
        for column, name in OTHERS.items()
    ]
    return pl.concat([measures, *others])


def compare(now: pl.DataFrame, then: pl.DataFrame) -> pl.DataFrame:
    """What moved the scores between two assessments, for accounts that are in both.

    Returns:
        account_id, part, now, then, change (hundredths of a point), strongest first; an
        account's changes add up to 100 times the change of its score. A part that is in one
        of them only counts as 0 in the other: evidence that came or went moves a score too.
    """
    both = now.select("account_id").join(then.select("account_id"), on="account_id")
    joined = (
        parts(now)
        .rename({"share": "now"})
        .join(
            parts(then).rename({"share": "then"}),
            on=["account_id", "part"],
            how="full",
            coalesce=True,
        )
        .join(both, on="account_id", how="semi")
        .with_columns(pl.col("now", "then").fill_null(0))
        .with_columns((pl.col("now") - pl.col("then")).alias("change"))
        .filter(pl.col("change") != 0)
    )
    return joined.sort(
        "account_id", pl.col("change").abs(), "part", descending=[False, True, False]
    )
