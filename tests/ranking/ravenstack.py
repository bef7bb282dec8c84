"""RavenStack, a made-up SaaS company whose outcomes are drawn at random: the control."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from connectors.sandbox.datasets import ravenstack
from tests.ranking.scene import Scene, Study, model, read_just_now

_PRIORITIES = {"Critical": "p1", "High": "p2", "Medium": "p3", "Low": "p4"}


def study(folder: Path) -> Study:
    """The records that the demo loads, as entities; the model is the one that the demo uses."""
    found = ravenstack.load(folder / "ravenstack")
    as_of, tables = found.as_of, {name: _frame(rows) for name, rows in found.records.items()}
    ids = tables["Account"].select(pl.col("Id").alias("account_id"), "AccountNumber")
    accounts = ids.select("account_id")
    usage = tables["Health_Usage__c"].select(
        pl.col("Account__c").alias("account_id"),
        pl.col("Metric__c").alias("metric"),
        pl.col("Value__c").cast(pl.Float64).alias("value"),
        pl.col("Day__c").alias("day"),
    )
    cases = tables["Case"].select(
        pl.col("AccountId").alias("account_id"),
        pl.col("Priority").replace_strict(_PRIORITIES, default="p3").alias("priority"),
        (~pl.col("IsClosed")).alias("is_open"),
        pl.col("CreatedDate").cast(pl.Datetime("ms", "UTC")).alias("opened_at"),
    )
    answers = tables["Health_Survey__c"].select(
        pl.col("Account__c").alias("account_id"),
        pl.col("Points__c").cast(pl.Float64).alias("points"),
        pl.col("Answered_On__c").alias("answered_at"),
    )
    lines = tables["Asset"].select(
        pl.col("AccountId").alias("account_id"),
        (pl.col("Status") == "Installed").alias("is_active"),
        pl.col("InstallDate").alias("started_at"),
        pl.col("UsageEndDate").alias("ends_at"),
    )
    kinds = {
        "Existing Customer - Upgrade": "expansion",
        "Existing Customer - Downgrade": "downsell",
    }
    deals = tables["Opportunity"].select(
        pl.col("AccountId").alias("account_id"),
        pl.col("Type").replace_strict(kinds, default="other").alias("kind"),
        pl.col("IsWon").alias("is_won"),
        pl.col("CloseDate").alias("close_at"),
        pl.col("CreatedDate").cast(pl.Datetime("ms", "UTC")).alias("created_at"),
    )
    newest = usage["day"].max()
    scene = Scene(
        accounts=accounts,
        sources={
            "account": read_just_now(accounts, as_of),
            "usage": read_just_now(usage, as_of, newest),  # type: ignore[arg-type]  # a column of days
            "case": read_just_now(cases, as_of),
            "survey": read_just_now(answers, as_of),
            "subscription": read_just_now(lines, as_of),
            "opportunity": read_just_now(deals, as_of),
        },
        as_of=as_of,
        left=_left(folder, ids),
        naive=_plain(accounts, usage, cases, answers),
    )
    return Study(
        name="RavenStack, made up, outcomes at random",
        real=False,
        account="a customer company",
        leaving="churn flag of the account",
        model=model(found.config / "model.yaml"),
        scenes=[scene],
        first="recency",
    )


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None)


def _left(folder: Path, ids: pl.DataFrame) -> pl.DataFrame:
    """Read here, and nowhere in the demo."""
    path = folder / "ravenstack" / ravenstack.file("accounts")
    flags = pl.read_csv(path, encoding="utf8").select(
        pl.col("account_id").alias("AccountNumber"),
        pl.col("churn_flag").cast(pl.String).str.to_lowercase().eq("true").alias("left"),
    )
    return ids.join(flags, on="AccountNumber").select("account_id", "left")


def _plain(
    accounts: pl.DataFrame, usage: pl.DataFrame, cases: pl.DataFrame, answers: pl.DataFrame
) -> pl.DataFrame:
    """Recency and volume of use, urgent cases and answers, by account."""
    used = usage.filter(pl.col("metric") != "errors").group_by("account_id")
    parts = (
        used.agg(pl.col("day").max().to_physical().alias("recency"), pl.col("value").sum()),
        cases.group_by("account_id").agg((-(pl.col("priority") == "p1").mean()).alias("urgent")),
        answers.group_by("account_id").agg(pl.col("points").mean()),
    )
    found = accounts
    for part in parts:
        found = found.join(part, on="account_id", how="left")
    return found
