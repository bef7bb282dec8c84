"""Subscribers of a telephone and internet company: fictitious data of IBM's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tests.ranking.scene import MODELS, Scene, Study, model, read_just_now

_AS_OF = datetime(2020, 1, 1, tzinfo=UTC)
_MONTHS = {"Month-to-Month": 1.0, "One Year": 12.0, "Two Year": 24.0}
_SERVICES = (
    "Phone Service", "Multiple Lines", "Internet Service", "Online Security", "Online Backup",
    "Device Protection Plan", "Premium Tech Support", "Streaming TV", "Streaming Movies",
    "Streaming Music",
)  # fmt: skip


def study(folder: Path) -> Study:
    """Read two tables. The planted leaks (satisfaction, churn score) are not used."""
    path = folder / "ibm_telco"
    services = pl.read_csv(path / "telco_services.csv.gz", infer_schema_length=None)
    status = pl.read_csv(path / "telco_status.csv.gz", infer_schema_length=None)
    rows = services.join(
        # Who joined in the quarter itself could hardly leave in it.
        status.filter(pl.col("Customer Status") != "Joined").select("Customer ID", "Churn Value"),
        on="Customer ID",
    ).with_columns(
        account_id=pl.col("Customer ID"),
        services=pl.sum_horizontal((pl.col(name) == "Yes").cast(pl.Float64) for name in _SERVICES),
        traffic=pl.col("Avg Monthly GB Download").cast(pl.Float64),
        contract_months=pl.col("Contract").replace_strict(_MONTHS, return_dtype=pl.Float64),
        referrals=pl.col("Number of Referrals").cast(pl.Float64),
        left=pl.col("Churn Value") == 1,
    )
    columns = ["account_id", "services", "traffic", "contract_months", "referrals"]
    accounts = rows.select(columns)
    scene = Scene(
        accounts=accounts,
        sources={"account": read_just_now(accounts, _AS_OF)},
        as_of=_AS_OF,
        left=rows.select("account_id", "left"),
        naive=accounts.rename({"contract_months": "contract"}),
    )
    return Study(
        name="IBM's telephone company, fictitious",
        real=False,
        account="a private subscriber who had not just joined",
        leaving="left in the quarter",
        model=model(MODELS / "telco.yaml"),
        scenes=[scene],
        first="contract",
    )
