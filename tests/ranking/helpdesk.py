"""The customers of a software company's help desk, on three days, told by cases alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from connectors.sandbox.datasets import cases, helpdesk, texts
from tests.ranking.scene import Scene, Study, model, read_just_now

_DAYS = [datetime(year, month, 1, tzinfo=UTC) for year, month in ((2012, 7), (2013, 1), (2013, 7))]
_YEAR, _SILENCE = timedelta(days=365), timedelta(days=180)


def study(folder: Path) -> Study:
    """Read the log; the model is the one that the demo uses."""
    table = texts.read(folder / "helpdesk" / helpdesk.FILES[0], helpdesk.COLUMNS)
    events = helpdesk.typed(table.frame)
    return Study(
        name="Help desk of an Italian software company",
        real=True,
        account="a customer with a case in the year before (July 2012, January and July 2013)",
        leaving="no case in the next 180 days",
        model=model(cases.CONFIG / "model.yaml"),
        scenes=[_scene(events, as_of) for as_of in _DAYS],
        first="recency",
    )


def _scene(events: pl.DataFrame, as_of: datetime) -> Scene:
    # What had happened by then, and nothing else: a case knows not how it will end.
    known = _cases(events.filter(pl.col("at") < as_of))
    later = _cases(events).filter(
        pl.col("opened_at").is_between(as_of, as_of + _SILENCE, closed="left")
    )
    recent = known.filter(pl.col("opened_at") >= as_of - _YEAR)
    accounts = recent.select("account_id").drop_nulls().unique(maintain_order=True)
    plain = recent.group_by("account_id").agg(
        (-(pl.lit(as_of) - pl.col("opened_at").max()).dt.total_days()).alias("recency"),
        (-pl.col("reopens").mean()).alias("reopens"),
        (-pl.col("first_response_hours").mean()).alias("answer"),
        (-(pl.col("closed_at") - pl.col("opened_at")).dt.total_hours().mean()).alias("solving"),
        (-pl.col("is_open").cast(pl.Int64).sum()).alias("open"),
    )
    return Scene(
        accounts=accounts,
        sources={
            "account": read_just_now(accounts, as_of),
            # The log knows of no promises.
            "case": read_just_now(known, as_of),
        },
        as_of=as_of,
        left=accounts.with_columns(
            (~pl.col("account_id").is_in(later["account_id"].implode())).alias("left")
        ),
        naive=plain,
    )


def _cases(events: pl.DataFrame) -> pl.DataFrame:
    stamp = pl.Datetime("ms", "UTC")
    return helpdesk.fold(events).select(
        pl.col("account").alias("account_id"),
        pl.col("priority"),
        pl.col("ended").is_null().alias("is_open"),
        pl.col("opened").cast(stamp).alias("opened_at"),
        pl.col("ended").cast(stamp).alias("closed_at"),
        pl.col("reopens").cast(pl.Float64),
        pl.col("response_hours").alias("first_response_hours"),
        pl.lit(None, pl.Boolean).alias("sla_missed"),
    )
