"""The sellers of Olist, at the end of each of two quarters."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from connectors.sandbox.datasets import olist
from tests.ranking.scene import Scene, Study, model, read_just_now

_FILE = "olist/seller_quarter_2017Q1_2017Q3.csv.gz"
_METRICS = {"orders": "n_orders", "sales": "sales", "active_months": "n_months_active_quarter"}
#: The quarters with one before them.
_ENDS = {2: datetime(2017, 7, 1, 2, tzinfo=UTC), 3: datetime(2017, 10, 1, 2, tzinfo=UTC)}


def study(folder: Path) -> Study:
    """Read the panel; the model is the one that the demo uses."""
    panel = _dated(pl.read_csv(folder / _FILE, infer_schema_length=None))
    return Study(
        name="Olist, sellers of a marketplace",
        real=True,
        account="a seller active in the quarter (second and third of 2017)",
        leaving="no approved order in the next quarter",
        model=model(Path(olist.__file__).parent / "olist_config" / "model.yaml"),
        scenes=[_scene(panel, quarter, as_of) for quarter, as_of in _ENDS.items()],
        first="orders",
    )


def _dated(panel: pl.DataFrame) -> pl.DataFrame:
    """With dates: a quarter stands on the last day of its last active month."""
    month = (pl.col("quarter") - 1) * 3 + pl.col("last_month_active_quarter")
    active = pl.date(pl.col("year"), month, 1)
    back = pl.format("{}mo", 1 - pl.col("tenure_months"))
    return panel.with_columns(
        account_id=pl.col("seller_id"),
        day=active.dt.month_end(),
        ends=pl.date(pl.col("year"), pl.col("quarter") * 3, 1).dt.month_end(),
        since=active.dt.offset_by(back).min().over("seller_id"),
    )


def _scene(panel: pl.DataFrame, quarter: int, as_of: datetime) -> Scene:
    known = panel.filter(pl.col("quarter") <= quarter)
    now = known.filter(pl.col("quarter") == quarter)
    accounts = now.select(
        "account_id",
        pl.col("since").cast(pl.Datetime("ms", "UTC")).alias("created_at"),
    )
    usage = pl.concat(
        known.select("account_id", "day", pl.lit(metric).alias("metric"),
                     pl.col(column).cast(pl.Float64).alias("value"))
        for metric, column in _METRICS.items()
    )  # fmt: skip
    answers = known.filter(pl.col("median_review_score") >= 1).select(
        "account_id",
        ((pl.col("median_review_score") - 1) * 25).alias("points"),
        pl.col("ends").alias("answered_at"),
    )
    late = pl.col("n_orders_late_to_carrier") + pl.col("n_orders_late_to_customer")
    cases = known.select(
        "account_id",
        pl.col("day").cast(pl.Datetime("ms", "UTC")).alias("opened_at"),
        late.alias("late"),
    )
    cases = cases.select(pl.all().repeat_by("late").explode()).drop_nulls("account_id")
    return Scene(
        accounts=accounts,
        sources={
            "account": read_just_now(accounts, as_of),
            "usage": read_just_now(usage, as_of, as_of.date()),
            "survey": read_just_now(answers, as_of),
            "case": read_just_now(cases.drop("late"), as_of),
        },
        as_of=as_of,
        left=now.select("account_id", pl.col("is_churn").alias("left")),
        naive=now.select(
            "account_id",
            pl.col("n_orders").alias("orders"),
            pl.col("n_months_active_quarter").alias("months"),
            "sales",
            pl.col("median_review_score").alias("reviews"),
            (-late / pl.col("n_orders")).alias("late"),
        ),
    )
