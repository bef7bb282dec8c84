"""The seller panel: one row a seller and active quarter, as accounts, usage, answers and cases."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import polars as pl

from connectors.sandbox.story.rows import Rows

#: Read by name, so that no other column, the outcome least of all, can reach a record.
COLUMNS = (
    "year", "quarter", "seller_id", "n_orders", "n_orders_late_to_carrier", "sales",
    "n_orders_late_to_customer", "median_review_score", "tenure_months",
    "last_month_active_quarter", "n_months_active_quarter", "seller_city", "seller_state",
)  # fmt: skip
#: Usage metric: column of the panel.
_METRICS = {
    "orders": "n_orders",
    "sales": "sales",
    "active_months": "n_months_active_quarter",
}
_FAILURES = {
    "n_orders_late_to_carrier": "Order handed to the carrier late",
    "n_orders_late_to_customer": "Order delivered to the customer late",
}
_LOWEST_REVIEW = 1.0
# The evening of a quarter's days: after what happened on them, before the next one.
_EVENING = time(22)


def add(panel: pl.DataFrame, rows: Rows) -> list[str]:
    """Add the panel's records; returns notes on what was done."""
    dated = _dated(panel)
    pool = rows.add(
        "User",
        _at(dated.select(pl.col("since").min()).item()),
        FirstName="Seller",
        LastName="Success",
        Name="Seller Success",
        Alias="sellsuc",
        Username="seller.success@vendor.example.com",
        Email="seller.success@vendor.example.com",
        IsActive=True,
        UserType="Standard",
        TimeZoneSidKey="America/Sao_Paulo",
    )
    accounts = _accounts(dated, rows, pool)
    for row in dated.iter_rows(named=True):
        account = accounts[row["seller_id"]]
        active = _at(row["active"])
        for metric, column in _METRICS.items():
            rows.add(
                "Health_Usage__c",
                active,
                Account__c=account,
                Metric__c=metric,
                Day__c=row["active"],
                Value__c=float(row[column]),
            )
        if row["median_review_score"] >= _LOWEST_REVIEW:
            rows.add(
                "Health_Survey__c",
                _at(row["ends"]),
                Account__c=account,
                Contact__c=None,
                Kind__c="csat",
                Points__c=(row["median_review_score"] - 1) * 25,
                Answered_On__c=row["ends"],
            )
        for column, subject in _FAILURES.items():
            for _ in range(row[column]):
                rows.add(
                    "Case",
                    active,
                    CaseNumber=f"{len(rows.records['Case']) + 1:08d}",
                    Subject=subject,
                    Status="Closed",
                    Priority="Medium",
                    Origin="Web",
                    IsClosed=True,
                    ClosedDate=active,
                    AccountId=account,
                    ContactId=None,
                    OwnerId=pool,
                    Health_SLA_Due__c=None,
                )
    blank = dated.filter(pl.col("median_review_score") < _LOWEST_REVIEW).height
    late = len(rows.records["Case"])
    return [
        (
            f"{len(accounts)} sellers as customers, {dated.height} active quarters as usage: "
            "orders, sales, active months. There are no seats, contracts, renewal dates, contacts "
            "or conversations."
        ),
        (
            "A quarter is dated on the last day of its last active month, the nearest the panel "
            "tells; with a row a quarter, measures that look back 28 days see one day at most."
        ),
        (
            f"{blank} quarters carry a review median below 1, off the scale: no review, so no "
            "answer. Other medians may count unreviewed orders as 0, and reviews written just "
            "after the quarter."
        ),
        (
            f"{late} late hand-overs and deliveries as closed cases of medium priority, opened and "
            "closed on that same day: neither their own dates nor how they ended are known."
        ),
    ]


def _dated(panel: pl.DataFrame) -> pl.DataFrame:
    """The panel with dates: `ends` of the quarter, `active` month's end, `since` when a seller."""
    quarter_month = (pl.col("quarter") - 1) * 3
    month = quarter_month + pl.col("last_month_active_quarter")
    ends = pl.date(pl.col("year"), pl.col("quarter") * 3, 1).dt.month_end()
    active = pl.date(pl.col("year"), month, 1)
    # Tenure counts the last active month as its last: one month of tenure began in that month.
    back = pl.format("{}mo", 1 - pl.col("tenure_months"))
    return panel.with_columns(
        ends=ends,
        active=active.dt.month_end(),
        since=active.dt.offset_by(back).min().over("seller_id"),
    ).sort("year", "quarter", "seller_id")


def _accounts(dated: pl.DataFrame, rows: Rows, owner: str) -> dict[str, str]:
    """Add one account a seller; returns account ids by seller id."""
    sellers = dated.group_by("seller_id", maintain_order=True).agg(
        pl.col("since", "seller_city", "seller_state").first()
    )
    return {
        row["seller_id"]: rows.add(
            "Account",
            _at(row["since"]),
            Name=row["seller_id"].replace("_", " ").capitalize(),
            Type="Customer - Direct",
            Industry="Retail",
            BillingCity=row["seller_city"],
            BillingState=row["seller_state"],
            BillingCountry="Brazil",
            OwnerId=owner,
            ParentId=None,
            LastActivityDate=None,
            Health_CSM__c=owner,
            Health_Renewal_Date__c=None,
            Health_Contract_Value__c=None,
        )
        for row in sellers.iter_rows(named=True)
    }


def _at(day: date) -> datetime:
    """The evening of a day."""
    return datetime.combine(day, _EVENING, UTC)
