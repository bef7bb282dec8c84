"""The touch that is due next at each customer, and the values that campaigns enrol on."""

from __future__ import annotations

from typing import Any

import polars as pl

from crm_health.config.touches import Campaigns, Digital, Touches
from crm_health.entities import shown

NEXT: dict[str, Any] = {"account_id": pl.String, "next_touch": pl.String, "next_touch_due": pl.Date}
#: Of one customer and touch.
DUE: dict[str, Any] = {
    "account_id": pl.String,
    "touch": pl.String,
    #: The place in the plan.
    "place": pl.Int64,
    "due": pl.Date,
}


def due(touches: Touches, accounts: pl.DataFrame) -> pl.DataFrame:
    """When each touch of the plan is due.

    Args:
        touches: The plan.
        accounts: `account_id`, `day`, and what the plan's expressions read.

    Returns:
        Columns of `DUE`, one row an account and touch that its tier asks for. Nothing of accounts
        of which nobody can tell what is planned: their activities can't be read.
    """
    frames = [pl.DataFrame(schema=DUE)]
    for place, (name, touch) in enumerate(touches.plan.items()):
        left = pl.sql_expr(touches.days_left(touch)).cast(pl.Float64).round().cast(pl.Int64)
        when = pl.when(pl.sql_expr(touches.planned).is_not_null()).then(
            pl.col("day") + pl.duration(days=left)
        )
        found = accounts.select(
            "account_id",
            pl.lit(name).alias("touch"),
            pl.lit(place, pl.Int64).alias("place"),
            when.cast(pl.Date).alias("due"),
        )
        frames.append(found.filter(pl.col("due").is_not_null()))
    return pl.concat(frames)


def following(touches: Touches, accounts: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """What is next at each customer.

    The date of a touch moves with the last contact only. Of the campaigns' values it is the day
    on which the value began: so the CRM itself says when another one may follow.

    Args:
        touches: The plan.
        accounts: Everything known of the accounts, and what the CRM shows as next.
        alerts: `account_id`, `rule`: the alerts that hold now, quiet ones as well.

    Returns:
        Columns of `NEXT`, one row an account, in their order.
    """
    labels = {name: touch.label for name, touch in touches.plan.items()}
    first = (
        due(touches, accounts)
        .sort("account_id", "due", "place")
        .unique("account_id", keep="first", maintain_order=True)
        .select(
            "account_id",
            pl.col("touch").replace_strict(labels, return_dtype=pl.String).alias("next_touch"),
            pl.col("due").alias("next_touch_due"),
        )
    )
    parts = [first]
    if touches.digital is not None:
        campaigns = touches.digital
        mine = accounts.filter(pl.col("tier_now").is_in(campaigns.tiers))
        parts = [first.join(mine, on="account_id", how="anti"), _enrolled(campaigns, mine, alerts)]
    return accounts.select("account_id").join(
        pl.concat(parts), on="account_id", how="left", maintain_order="left"
    )


def _enrolled(campaigns: Campaigns, accounts: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """Columns of `NEXT` for customers of campaigns: the value that they have now."""
    names = [value.label for value in campaigns.values]
    wanted, at_once = pl.lit(None, pl.String), pl.lit(value=False)
    for value in reversed(campaigns.values):
        holds = _holds(value, accounts, alerts)
        wanted = pl.when(holds).then(pl.lit(value.label)).otherwise(wanted)
        at_once = pl.when(holds).then(pl.lit(value.at_once)).otherwise(at_once)
    found = accounts.with_columns(wanted.alias("_wanted"), at_once.alias("_at_once"))
    then, began = pl.col(shown("next_touch")), pl.col(shown("next_touch_due"))
    # A touch of the plan, from another tier, is nobody's campaign.
    stands = then.is_in(names).fill_null(value=False) & began.is_not_null()
    waits = (pl.col("day") - began).dt.total_days() < campaigns.apart_days
    same = (then == pl.col("_wanted")).fill_null(value=False)
    keeps = stands & (same | (waits & ~pl.col("_at_once")))
    return found.select(
        "account_id",
        pl.when(keeps).then(then).otherwise("_wanted").alias("next_touch"),
        pl.when(keeps)
        .then(began)
        .when(pl.col("_wanted").is_not_null())
        .then("day")
        .alias("next_touch_due"),
    )


def _holds(value: Digital, accounts: pl.DataFrame, alerts: pl.DataFrame) -> pl.Expr:
    """Whether a value is for a customer; what nobody knows is not."""
    condition = pl.sql_expr(value.when).fill_null(value=False) if value.when else pl.lit(value=True)
    if not value.stages and not value.alerts:
        return condition
    told = alerts.filter(pl.col("rule").is_in(value.alerts))["account_id"]
    listed = pl.col("account_id").is_in(told.implode())
    if value.stages and "stage" in accounts.columns:
        listed = listed | pl.col("stage").is_in(value.stages).fill_null(value=False)
    return condition & listed
