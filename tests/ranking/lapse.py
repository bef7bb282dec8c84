"""Motor insurances at their renewal, with and without a rise of the price."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tests.ranking.scene import MODELS, Scene, Study, model, read_just_now

_AS_OF = datetime(2010, 1, 1, tzinfo=UTC)


def study(folder: Path) -> Study:
    """Read the table of one European insurer."""
    rows = (
        pl.read_csv(folder / "lapse" / "eudirectlapse.csv.gz", infer_schema_length=None)
        .with_row_index("n")
        .with_columns(
            account_id=pl.format("p{}", pl.col("n").cast(pl.String).str.zfill(6)),
            price=pl.col("prem_final").cast(pl.Float64),
            price_before=pl.col("prem_last").cast(pl.Float64),
            price_market=pl.col("prem_market").cast(pl.Float64),
            contracts=pl.col("policy_nbcontract").cast(pl.Float64),
            left=pl.col("lapse") == 1,
        )
    )
    accounts = rows.select("account_id", "price", "price_before", "price_market", "contracts")
    scene = Scene(
        accounts=accounts,
        sources={"account": read_just_now(accounts, _AS_OF)},
        as_of=_AS_OF,
        left=rows.select("account_id", "left"),
        naive=rows.select(
            "account_id",
            (-pl.col("price") / pl.col("price_before")).alias("rise"),
            (-pl.col("price") / pl.col("price_market")).alias("level"),
            "contracts",
        ),
    )
    return Study(
        name="European motor insurer",
        real=True,
        account="a private policy at its renewal",
        leaving="not renewed",
        model=model(MODELS / "lapse.yaml"),
        scenes=[scene],
        first="rise",
    )
