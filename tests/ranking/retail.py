"""The customers of a wholesaler in the United Kingdom, on three days of 2010."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from tests.ranking.scene import MODELS, Scene, Study, model, read_just_now

_FILE = "online_retail/invoices_2009-12_to_2010-12.csv.gz"
_DAYS = [datetime(2010, month, 1, 9, tzinfo=UTC) for month in (6, 8, 9)]
_HALF_YEAR, _SILENCE = timedelta(days=180), timedelta(days=90)


def study(folder: Path) -> Study:
    """Read the invoices."""
    rows = pl.read_csv(folder / _FILE, infer_schema_length=None).select(
        pl.col("customer_id").cast(pl.String).alias("account_id"),
        pl.col("invoice_time").str.to_datetime("%Y-%m-%d %H:%M:%S").dt.date().alias("day"),
        pl.lit("sales").alias("metric"),
        pl.col("sales").cast(pl.Float64).alias("value"),
        pl.col("units").cast(pl.Float64),
        pl.col("returns").cast(pl.Float64),
    )
    return Study(
        name="Online Retail II, customers of a wholesaler",
        real=True,
        account="a customer with an order in the half-year before (June, August, September 2010)",
        leaving="no order in the next 90 days",
        model=model(MODELS / "retail.yaml"),
        scenes=[scene(rows, as_of, _SILENCE) for as_of in _DAYS],
        first="recency",
    )


def scene(rows: pl.DataFrame, as_of: datetime, silence: timedelta) -> Scene:
    """Those who bought in the half-year before, and who of them was silent afterwards.

    Args:
        rows: account_id, day, metric, value (sales), units, returns: an order each.
        as_of: The instant.
        silence: For how long nobody who stayed is silent.
    """
    today = as_of.date()
    bought = pl.col("units") > 0
    past = rows.filter(pl.col("day") < today)
    next_ones = rows.filter(
        bought & pl.col("day").is_between(today, today + silence, closed="left")
    )
    recent = past.filter(bought & (pl.col("day") >= today - _HALF_YEAR))
    accounts = recent.select("account_id").unique(maintain_order=True)
    plain = recent.group_by("account_id").agg(
        (-(pl.lit(today) - pl.col("day").max()).dt.total_days()).alias("recency"),
        pl.col("day").n_unique().alias("orders"),
        pl.col("value").sum().alias("sales"),
        (-pl.col("returns").sum() / pl.col("units").sum()).alias("returns"),
    )
    return Scene(
        accounts=accounts,
        sources={
            "account": read_just_now(accounts, as_of),
            "usage": read_just_now(past, as_of, past["day"].max()),  # type: ignore[arg-type]  # a column of days
        },
        as_of=as_of,
        left=accounts.with_columns(
            (~pl.col("account_id").is_in(next_ones["account_id"].implode())).alias("left")
        ),
        naive=plain,
    )
