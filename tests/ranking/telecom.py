"""Subscribers of an Iranian telephone company: a year of use, and who left in the next quarter."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from tests.ranking.scene import MODELS, Scene, Study, model, read_just_now

_AS_OF = datetime(2020, 1, 1, tzinfo=UTC)


def study(folder: Path) -> Study:
    """Read the table. Its `Status` says who is inactive already, so it is not used."""
    table = pl.read_csv(folder / "iranian_telecom" / "customer_churn.csv")
    table = table.rename({name: " ".join(name.split()) for name in table.columns})
    rows = table.unique(maintain_order=True).with_row_index("n").with_columns(
        account_id=pl.format("s{}", pl.col("n").cast(pl.String).str.zfill(5)),
        calls=pl.col("Frequency of use").cast(pl.Float64),
        numbers=pl.col("Distinct Called Numbers").cast(pl.Float64),
        failures=pl.col("Call Failure").cast(pl.Float64),
        complaints=pl.col("Complains").cast(pl.Float64),
        left=pl.col("Churn") == 1,
    )  # fmt: skip
    accounts = rows.select("account_id", "calls", "numbers", "failures", "complaints")
    scene = Scene(
        accounts=accounts,
        sources={"account": read_just_now(accounts, _AS_OF)},
        as_of=_AS_OF,
        left=rows.select("account_id", "left"),
        naive=rows.select(
            "account_id", "calls", "numbers", -pl.col("failures"), -pl.col("complaints")
        ),
    )
    return Study(
        name="Iranian telephone company",
        real=True,
        account="a private subscriber (300 exact duplicates left out)",
        leaving="left in the three months after",
        model=model(MODELS / "telecom.yaml"),
        scenes=[scene],
        first="calls",
    )
