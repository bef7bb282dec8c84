"""Buyers of CDs, who came early in 1997, half a year later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from tests.ranking import retail
from tests.ranking.scene import MODELS, Study, model

_AS_OF = datetime(1997, 10, 1, tzinfo=UTC)
_SILENCE = timedelta(weeks=39)


def study(folder: Path) -> Study:
    """The wholesaler's model without its returns, which nobody recorded."""
    rows = pl.read_csv(folder / "cdnow" / "purchases.csv.gz").select(
        pl.col("customer_id").cast(pl.String).alias("account_id"),
        pl.col("date").cast(pl.String).str.to_date("%Y%m%d").alias("day"),
        pl.lit("sales").alias("metric"),
        pl.col("dollar_value").cast(pl.Float64).alias("value"),
        pl.col("number_of_cds").cast(pl.Float64).alias("units"),
        pl.lit(0.0).alias("returns"),
    )
    scene = retail.scene(rows, _AS_OF, _SILENCE)
    made = model(MODELS / "retail.yaml").model_copy(update={"off": ("returns",)})
    return Study(
        name="CDNOW, buyers of CDs",
        real=True,
        account="a private buyer with an order in the half-year before October 1997",
        leaving="no order in the 39 weeks after",
        model=made,
        scenes=[scene],
        first="recency",
    )
