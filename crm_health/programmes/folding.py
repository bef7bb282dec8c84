"""Several open risk tasks of one account, as a merge of accounts leaves them, become one."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crm_health.programmes import episodes
from crm_health.programmes.telling import carriers


@dataclass(frozen=True)
class Folded:
    """What becomes of those that do not stay."""

    #: The tasks that are closed, by the episodes that they were made with.
    bases: pl.Series
    #: Keys of the episodes that end with them.
    keys: pl.Series
    #: What the task that stays tells of from now on: as `Telling.joins`.
    joins: pl.DataFrame


def fold(standing: pl.DataFrame, going: pl.DataFrame, last: pl.DataFrame) -> Folded:
    """Fold them into the one that people work on, else into the first.

    What a person touched is never closed.

    Args:
        standing: Columns of `telling.OPEN`, of tasks about risks.
        going: Episodes that are not over: `account_id`, `rule`, `key`, `base`, `baseline`.
        last: `account_id`, `rule`, `number`: the highest numbers ever seen.
    """
    stays = carriers(standing).rename({"base": "into"})
    away = standing.join(stays, on="account_id").filter(
        pl.col("untouched") & (pl.col("base") != pl.col("into"))
    )
    mine = going.join(away.select("base", "into"), on="base", maintain_order="left")
    told = going.select(pl.col("base").alias("into"), "rule")
    number = pl.col("number") + 1
    joins = (
        mine.join(told, on=["into", "rule"], how="anti", maintain_order="left")
        .unique(["account_id", "rule"], keep="first", maintain_order=True)
        .join(
            last.select("account_id", "rule", "number"),
            on=["account_id", "rule"],
            maintain_order="left",
        )
        .select(
            "account_id",
            "rule",
            number.alias("number"),
            episodes.key(pl.col("account_id"), pl.col("rule"), number).alias("key"),
            "baseline",
            pl.col("into").alias("base"),
            pl.lit(value=False).alias("new"),
        )
    )
    return Folded(away["base"].unique(maintain_order=True), mine["key"], joins)
