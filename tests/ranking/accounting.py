"""Customers of an accounting software: almost surely simulated data."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tests.ranking.scene import MODELS, Scene, Study, model, read_just_now

_AS_OF = datetime(2020, 1, 1, tzinfo=UTC)
_PRODUCTS = ("product_travel_expense", "product_payroll", "product_accounting")


def study(folder: Path) -> Study:
    """Read the table. `months_active` ends with the churn itself, so it is not used."""
    rows = (
        pl.read_csv(folder / "pysurvival_saas" / "churn.csv", infer_schema_length=None)
        .with_row_index("n")
        .with_columns(
            account_id=pl.format("c{}", pl.col("n").cast(pl.String).str.zfill(5)),
            products=pl.sum_horizontal(
                (pl.col(name) == "Active").cast(pl.Int64) for name in _PRODUCTS
            ).cast(pl.Float64),
            articles=pl.col("articles_viewed").cast(pl.Float64),
            minutes=pl.col("minutes_customer_support").cast(pl.Float64),
            csat=pl.col("csat_score").cast(pl.Float64),
            left=pl.col("churned") == 1,
        )
    )
    accounts = rows.select("account_id", "products", "articles", "minutes", "csat")
    scene = Scene(
        accounts=accounts,
        sources={"account": read_just_now(accounts, _AS_OF)},
        as_of=_AS_OF,
        left=rows.select("account_id", "left"),
        naive=rows.select("account_id", "products", "articles", -pl.col("minutes"), "csat"),
    )
    return Study(
        name="Accounting software (pysurvival)",
        real=False,
        account="a customer company",
        leaving="churned, at whatever time",
        model=model(MODELS / "accounting.yaml"),
        scenes=[scene],
        first="csat",
    )
