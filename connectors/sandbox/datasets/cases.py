"""Cases folded from a log of events, as CRM records: the same for each help desk.

A folded case is a row of: `number`, `account` (null where unknown), `subject`, `origin`,
`priority`, `opened`, `ended` (null while it is open), `touched` (the last event),
`reopens`, `response_hours` (null where it can't be told) and, where the desk promised anything,
`missed`: whether it broke its promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from connectors.sandbox.datasets.frames import linked, numbered, records, staff

#: The mapping reads the fields declared here; the model asks what a log of cases can answer.
CONFIG = Path(__file__).parent / "caselog_config"


def declared(*, promises: bool) -> list[Mapping[str, Any]]:
    """Fields that such an org would keep on its cases."""
    number: dict[str, Any] = {"type": "double", "precision": 18, "scale": 2}
    fields: list[dict[str, Any]] = [
        {"name": "First_Response_Hours__c", "label": "First Response Hours", **number},
        {"name": "Reopen_Count__c", "label": "Reopen Count", **number},
    ]
    if promises:
        fields.append({"name": "SLA_Missed__c", "label": "SLA Missed", "type": "boolean"})
    return [{"name": "Case", "fields": fields}]


def after(last: datetime) -> datetime:
    """The first whole minute after the last event: what the CRM's clock is set to."""
    return last.replace(second=0, microsecond=0) + timedelta(minutes=1)


def build(
    cases: pl.DataFrame, called: str, as_of: datetime, zone: str
) -> dict[str, list[dict[str, Any]]]:
    """Records of users, accounts and cases.

    Args:
        cases: Folded cases, as above.
        called: What an account is called before its key, such as `Customer`.
        as_of: The instant that the log ends at.
        zone: The time zone of the people who work there.
    """
    cases = cases.sort("opened", "number")
    accounts = (
        cases.drop_nulls("account")
        .group_by("account", maintain_order=True)
        .agg(created=pl.col("opened").min())
    )
    accounts = numbered(accounts.with_columns(modified="created"), "Account")
    users = staff(cases["opened"].min() or as_of, as_of, "Service Desk", zone)  # type: ignore[arg-type]  # a column's minimum has the column's type
    owner = pl.lit(users[0]["Id"])
    linked_cases = numbered(linked(cases, "account", accounts, "account", "AccountId"), "Case")
    stamped = linked_cases.with_columns(created="opened", modified="touched")
    closed = pl.col("ended").is_not_null()
    missed = {"SLA_Missed__c": pl.col("missed")} if "missed" in cases.columns else {}
    return {
        "User": users,
        "Account": records(
            accounts,
            as_of,
            Name=pl.format("{} {}", pl.lit(called), "account"),
            AccountNumber=pl.col("account"),
            Type=pl.lit("Customer - Direct"),
            OwnerId=owner,
            Health_CSM__c=owner,
        ),
        "Case": records(
            stamped,
            as_of,
            CaseNumber=pl.col("number"),
            Subject=pl.col("subject"),
            Status=pl.when(closed).then(pl.lit("Closed")).otherwise(pl.lit("Working")),
            Priority=pl.col("priority"),
            Origin=pl.col("origin"),
            IsClosed=closed,
            ClosedDate=pl.col("ended"),
            AccountId=pl.col("AccountId"),
            ContactId=pl.lit(None, pl.String),
            OwnerId=owner,
            First_Response_Hours__c=pl.col("response_hours").round(2),
            Reopen_Count__c=pl.col("reopens").cast(pl.Float64),
            **missed,
        ),
    }


def hours(later: str, earlier: str) -> pl.Expr:
    """Hours between two instants; null where they are the wrong way round."""
    span = (pl.col(later) - pl.col(earlier)).dt.total_seconds() / 3600
    return pl.when(span >= 0).then(span)
