"""RavenStack's tables as CRM records, with all that is wrong in them and fits a typed field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from connectors.sandbox.datasets.frames import linked, numbered, records, staff

Records = dict[str, list[dict[str, Any]]]
#: The metric of errors met in a use; every other metric is a feature.
ERRORS = "errors"
_NOTHING = pl.lit(None, pl.String)


def build(tables: Mapping[str, pl.DataFrame], as_of: datetime) -> Records:
    """Records of the typed tables (see `ravenstack.TABLES`), by object name."""
    accounts = tables["accounts"]
    # An account without a readable sign-up has been there as long as the oldest.
    oldest = accounts["signup_date"].min()
    accounts = numbered(
        accounts.with_columns(pl.col("signup_date").fill_null(pl.lit(oldest))), "Account"
    )
    accounts = accounts.with_columns(created=_noon("signup_date"), modified=_noon("signup_date"))
    users = staff(accounts["created"].min() or as_of, as_of, "Customer Success", "UTC")  # type: ignore[arg-type]  # a column's minimum has the column's type
    lines = _dated(
        linked(tables["subscriptions"], "account_id", accounts, "account_id", "AccountId"),
        "start_date",
        as_of,
    )
    return {
        "User": users,
        "Account": _accounts(accounts, as_of, users[0]["Id"]),
        "Asset": _assets(lines, as_of),
        "Opportunity": _deals(lines, as_of, users[0]["Id"]),
        "Health_Usage__c": _usage(tables["feature_usage"], lines, as_of),
        **_support(tables["support_tickets"], accounts, as_of, users[0]["Id"]),
    }


def _noon(column: str) -> pl.Expr:
    """The middle of a day, where the data knows the day only."""
    return (pl.col(column).cast(pl.Datetime("ms")) + pl.duration(hours=12)).dt.replace_time_zone(
        "UTC"
    )


def _dated(frame: pl.DataFrame, column: str, as_of: datetime) -> pl.DataFrame:
    """The frame stamped by a day; a row without a readable one was saved just now."""
    stamp = _noon(column).fill_null(pl.lit(as_of))
    return frame.with_columns(created=stamp, modified=stamp)


def _accounts(accounts: pl.DataFrame, as_of: datetime, owner: str) -> list[dict[str, Any]]:
    kind = pl.when("is_trial").then(pl.lit("trial")).otherwise(pl.lit("paid"))
    return records(
        accounts,
        as_of,
        Name=pl.col("account_name"),
        AccountNumber=pl.col("account_id"),
        Type=pl.lit("Customer - Direct"),
        Industry=pl.col("industry"),
        BillingCountry=pl.col("country"),
        Description=pl.format(
            "Plan {}, {} seats, {}, as its own row says.",
            pl.col("plan_tier").fill_null("unknown"),
            pl.col("seats").cast(pl.Int64).cast(pl.String).fill_null("unknown"),
            kind,
        ),
        OwnerId=pl.lit(owner),
        Health_CSM__c=pl.lit(owner),
    )


def _assets(lines: pl.DataFrame, as_of: datetime) -> list[dict[str, Any]]:
    over = pl.col("end_date") < as_of.date()
    return records(
        numbered(lines, "Asset"),
        as_of,
        AccountId=pl.col("AccountId"),
        Name=pl.col("plan_tier"),
        SerialNumber=pl.col("subscription_id"),
        Quantity=pl.col("seats"),
        Price=pl.col("arr_amount"),
        Status=pl.when(over).then(pl.lit("Obsolete")).otherwise(pl.lit("Installed")),
        InstallDate=pl.col("start_date"),
        UsageEndDate=pl.col("end_date"),
    )


def _deals(lines: pl.DataFrame, as_of: datetime, owner: str) -> list[dict[str, Any]]:
    """Upgrades and downgrades; a subscription that claims to be both is one of each."""
    kinds = {"upgrade_flag": "Upgrade", "downgrade_flag": "Downgrade"}
    deals = pl.concat(
        lines.filter(flag).with_columns(pl.lit(kind).alias("deal")) for flag, kind in kinds.items()
    )
    return records(
        numbered(deals.sort("created", "subscription_id", "deal"), "Opportunity"),
        as_of,
        AccountId=pl.col("AccountId"),
        OwnerId=pl.lit(owner),
        Name=pl.format("{} {}", "subscription_id", pl.col("deal").str.to_lowercase()),
        Type=pl.format("Existing Customer - {}", "deal"),
        StageName=pl.lit("Closed Won"),
        # The data set has no date of the change but the subscription's first day.
        CloseDate=pl.col("start_date").fill_null(pl.lit(as_of.date())),
        Amount=pl.col("arr_amount"),
        Probability=pl.lit(100.0),
        ForecastCategory=pl.lit("Closed"),
        IsClosed=pl.lit(value=True),
        IsWon=pl.lit(value=True),
    )


def _usage(uses: pl.DataFrame, lines: pl.DataFrame, as_of: datetime) -> list[dict[str, Any]]:
    owned = lines.unique("subscription_id", keep="first", maintain_order=True)
    owned = owned.select("subscription_id", "AccountId")
    dated = _dated(
        uses.join(owned, on="subscription_id", how="left", maintain_order="left"),
        "usage_date",
        as_of,
    )
    counted = pl.concat(
        [
            dated.with_columns(metric=pl.col("feature_name"), value=pl.col("usage_count")),
            dated.filter(pl.col("error_count") > 0).with_columns(
                metric=pl.lit(ERRORS), value=pl.col("error_count")
            ),
        ]
    )
    return records(
        numbered(counted, "Health_Usage__c"),
        as_of,
        Account__c=pl.col("AccountId"),
        Contact__c=_NOTHING,
        Metric__c=pl.col("metric"),
        Day__c=pl.col("usage_date"),
        Value__c=pl.col("value"),
    )


def _support(
    tickets: pl.DataFrame, accounts: pl.DataFrame, as_of: datetime, owner: str
) -> dict[str, list[dict[str, Any]]]:
    cases = _dated(
        linked(tickets, "account_id", accounts, "account_id", "AccountId"), "submitted_at", as_of
    ).with_columns(
        # A ticket knows the day it came, and the hour it was closed: never closed before it came.
        created=pl.min_horizontal("created", "closed_at"),
        modified=pl.coalesce("closed_at", "modified"),
        closed=pl.col("closed_at").is_not_null(),
    )
    answers = cases.filter(pl.col("satisfaction_score").is_not_null())
    answers = answers.with_columns(
        created="modified",
        day=pl.coalesce(pl.col("closed_at").dt.date(), "submitted_at"),
    )
    return {
        "Case": records(
            numbered(cases, "Case"),
            as_of,
            CaseNumber=pl.col("ticket_id"),
            Subject=pl.format("Ticket {}", "ticket_id"),
            Status=pl.when("closed").then(pl.lit("Closed")).otherwise(pl.lit("New")),
            Priority=pl.col("priority").str.to_titlecase(),
            Origin=pl.lit("Web"),
            IsClosed=pl.col("closed"),
            ClosedDate=pl.col("closed_at"),
            IsEscalated=pl.col("escalation_flag").fill_null(value=False),
            AccountId=pl.col("AccountId"),
            ContactId=_NOTHING,
            OwnerId=pl.lit(owner),
            Health_SLA_Due__c=_NOTHING,
        ),
        "Health_Survey__c": records(
            numbered(answers, "Health_Survey__c"),
            as_of,
            Account__c=pl.col("AccountId"),
            Contact__c=_NOTHING,
            Kind__c=pl.lit("csat"),
            Points__c=(pl.col("satisfaction_score") - 1) * 25,
            Answered_On__c=pl.col("day"),
        ),
    }
