"""The sales funnel: won deals as opportunities, each on an account of its own."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl

from connectors.sandbox.story.rows import Rows

DEAL_COLUMNS = (
    "mql_id", "seller_id", "sr_id", "won_date", "business_segment", "lead_type",
    "declared_monthly_revenue",
)  # fmt: skip
LEAD_COLUMNS = ("mql_id", "first_contact_date", "origin")
_WEEK = timedelta(weeks=1)


def add(deals: pl.DataFrame, leads: pl.DataFrame, rows: Rows, as_of: datetime) -> list[str]:
    """Add accounts, opportunities and sellers of the won deals; returns notes on what was done.

    The funnel begins when the panel ends. All its dates are moved back by one number of whole
    weeks, so that the two fit into one CRM: weekdays and the days between dates stay as they are.
    """
    won = (
        deals.join(leads, on="mql_id", how="left")
        .with_columns(
            won=pl.col("won_date").str.to_datetime(time_zone="UTC"),
            met=pl.col("first_contact_date").str.to_date(),
        )
        .sort("won", "mql_id")
    )
    if won.is_empty():
        return ["The sales funnel holds no won deals."]
    last: datetime = won.row(-1, named=True)["won"]
    weeks = max(0, math.ceil((last - as_of) / _WEEK))
    back = weeks * _WEEK
    reps = _reps(won, rows, back)
    for row in won.iter_rows(named=True):
        closed: datetime = (row["won"] - back).astimezone(UTC)
        # One deal is won before its first contact: then it was opened when it was won.
        met = row["met"] or row["won"].date()
        opened = min(closed, datetime.combine(met, closed.timetz()) - back)
        segment = (row["business_segment"] or "unknown").replace("_", " ")
        # Ids are cut for reading; the whole one would be no better a name.
        name = f"Funnel seller {row['seller_id'][:12]}"
        account = rows.add(
            "Account",
            opened,
            closed,
            Name=name,
            Type="Customer - Direct",
            Industry="Retail",
            Description=f"Segment: {segment}. Lead type: {row['lead_type'] or 'unknown'}.",
            BillingCountry="Brazil",
            OwnerId=reps[row["sr_id"]],
            ParentId=None,
            LastActivityDate=None,
            Health_CSM__c=None,
            Health_Renewal_Date__c=None,
            Health_Contract_Value__c=None,
        )
        revenue = row["declared_monthly_revenue"]
        rows.add(
            "Opportunity",
            opened,
            closed,
            AccountId=account,
            OwnerId=reps[row["sr_id"]],
            Name=f"{name} - First contract",
            Type="New Customer",
            StageName="Closed Won",
            CloseDate=closed.date(),
            # What the lead said it turns over, no price of ours; 0 is "did not say".
            Amount=None,
            Description=_said(row["won"], revenue),
            LeadSource=row["origin"],
            Probability=100.0,
            ForecastCategory="Closed",
            IsClosed=True,
            IsWon=True,
        )
    silent = won.filter(pl.col("declared_monthly_revenue") <= 0).height
    return [
        (
            f"{won.height} won deals on accounts of their own: their seller ids cannot be linked "
            "to the panel's, so these accounts have no usage and no answers."
        ),
        (
            f"The funnel's dates are moved back by {weeks} weeks, all alike: it begins when the "
            "panel ends. The date in the source stands in each opportunity's description."
        ),
        (
            f"No deal has a price. {silent} of {won.height} leads declared no turnover; where one "
            "did, it stands in the description and is nobody's contract value."
        ),
    ]


def _said(won: datetime, revenue: float | None) -> str:
    """What the source says of a deal that no field of ours holds."""
    text = f"Won on {won.date()} in the source."
    return f"{text} Declared monthly turnover: {revenue:.0f} BRL." if revenue else text


def _reps(won: pl.DataFrame, rows: Rows, back: timedelta) -> dict[str, str]:
    """Add one user a sales representative; returns user ids by representative id."""
    since = (won.row(0, named=True)["won"] - back).astimezone(UTC)
    reps: dict[str, str] = {}
    for number, rep in enumerate(sorted(won["sr_id"].unique()), 1):
        mail = f"sales.{number}@vendor.example.com"
        reps[rep] = rows.add(
            "User",
            since,
            FirstName="Sales",
            LastName=f"Representative {number}",
            Name=f"Sales Representative {number}",
            Alias=f"sales{number}",
            Username=mail,
            Email=mail,
            IsActive=True,
            UserType="Standard",
            TimeZoneSidKey="America/Sao_Paulo",
        )
    return reps
