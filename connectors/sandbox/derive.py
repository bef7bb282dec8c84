"""Fields that the service fills from others when a record is saved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

# Stage -> probability in percent, closed, won, forecast category: the defaults of a new org.
STAGES: dict[str, tuple[int, bool, bool, str]] = {
    "Prospecting": (10, False, False, "Pipeline"),
    "Qualification": (10, False, False, "Pipeline"),
    "Needs Analysis": (20, False, False, "Pipeline"),
    "Value Proposition": (50, False, False, "Pipeline"),
    "Id. Decision Makers": (60, False, False, "Pipeline"),
    "Perception Analysis": (70, False, False, "Pipeline"),
    "Proposal/Price Quote": (75, False, False, "Pipeline"),
    "Negotiation/Review": (90, False, False, "Pipeline"),
    "Closed Won": (100, True, True, "Closed"),
    "Closed Lost": (0, True, False, "Omitted"),
}
_UNKNOWN_STAGE = (10, False, False, "Pipeline")
CLOSED_CASE = frozenset({"closed", "resolved"})
DONE_TASK = "completed"
ARCHIVE_AFTER = timedelta(days=365)


class Lookup(Protocol):
    """The part of the record store that a derivation reads."""

    def get(self, object_name: str, id18: str) -> Mapping[str, Any] | None:
        """The row of that id, or None."""
        ...


def fill(
    store: Lookup, name: str, row: dict[str, Any], old: Mapping[str, Any], now: datetime
) -> None:
    """Complete a row about to be saved, in place. `old` is empty on create."""
    if name in ("Contact", "User"):
        row["Name"] = " ".join(p for p in (row.get("FirstName"), row.get("LastName")) if p)
    elif name == "Opportunity":
        _opportunity(row, old, now)
    elif name == "Case":
        _case(store, row, now)
    elif name == "Task":
        _task(store, row, now)
    elif name == "Event":
        _event(store, row)
    elif name == "Contract":
        _contract(row)
    elif name == "Asset" and row.get("AccountId") is None and row.get("ContactId"):
        row["AccountId"] = (store.get("Contact", row["ContactId"]) or {}).get("AccountId")


def _opportunity(row: dict[str, Any], old: Mapping[str, Any], now: datetime) -> None:
    stage = row.get("StageName")
    probability, closed, won, category = STAGES.get(str(stage), _UNKNOWN_STAGE)
    row["IsClosed"], row["IsWon"] = closed, won
    row["ForecastCategory"] = row["ForecastCategoryName"] = category
    moved = stage != old.get("StageName")
    if row.get("Probability") is None or (moved and row["Probability"] == old.get("Probability")):
        row["Probability"] = float(probability)
    if old and moved:
        row["LastStageChangeDate"] = now
    if row.get("Amount") is not None:
        row["ExpectedRevenue"] = round(row["Amount"] * row["Probability"] / 100, 2)
    close = row.get("CloseDate")
    if isinstance(close, date):
        row["FiscalYear"], row["FiscalQuarter"] = close.year, (close.month + 2) // 3
        row["Fiscal"] = f"{row['FiscalYear']} {row['FiscalQuarter']}"


def _case(store: Lookup, row: dict[str, Any], now: datetime) -> None:
    row["IsClosed"] = str(row.get("Status") or "").casefold() in CLOSED_CASE
    if not row["IsClosed"]:
        row["ClosedDate"] = None
    elif row.get("ClosedDate") is None:
        row["ClosedDate"] = now
    contact = store.get("Contact", row["ContactId"]) if row.get("ContactId") else None
    if contact is not None:
        row["ContactEmail"], row["ContactPhone"] = (
            contact.get("Email"),
            contact.get("Phone"),
        )
        if row.get("AccountId") is None:
            row["AccountId"] = contact.get("AccountId")


def _account_of(store: Lookup, row: Mapping[str, Any]) -> str | None:
    """WhatId's account when that is an account or a child of one, else the contact's.

    A case does not count as such a child: its tasks reach the account only by their contact.
    """
    what, who = row.get("WhatId"), row.get("WhoId")
    if what:
        if what.startswith("001"):
            return str(what)
        for parent in ("Opportunity", "Contract", "Asset"):
            found = store.get(parent, what)
            if found is not None:
                return found.get("AccountId")
    contact = store.get("Contact", who) if who else None
    return contact.get("AccountId") if contact is not None else None


def _task(store: Lookup, row: dict[str, Any], now: datetime) -> None:
    row["AccountId"] = _account_of(store, row)
    row["IsClosed"] = str(row.get("Status") or "").casefold() == DONE_TASK
    row["IsHighPriority"] = row.get("Priority") == "High"
    if not row["IsClosed"]:
        row["CompletedDateTime"] = None
    elif row.get("CompletedDateTime") is None:
        row["CompletedDateTime"] = now


def _event(store: Lookup, row: dict[str, Any]) -> None:
    row["AccountId"] = _account_of(store, row)
    start = row.get("StartDateTime") or row.get("ActivityDateTime")
    if isinstance(start, datetime):
        row["StartDateTime"] = row["ActivityDateTime"] = start
        row["ActivityDate"] = start.astimezone(UTC).date()
        end = row.get("EndDateTime")
        if isinstance(end, datetime):
            row["DurationInMinutes"] = int((end - start).total_seconds() // 60)
        else:
            row["DurationInMinutes"] = row.get("DurationInMinutes") or 60
            row["EndDateTime"] = start + timedelta(minutes=row["DurationInMinutes"])
        row["EndDate"] = row["EndDateTime"].astimezone(UTC).date()


def _contract(row: dict[str, Any]) -> None:
    row["StatusCode"] = {
        "Activated": "Activated",
        "In Approval Process": "InApproval",
    }.get(str(row.get("Status")), "Draft")
    start, term = row.get("StartDate"), row.get("ContractTerm")
    if isinstance(start, date) and term:
        months = start.year * 12 + start.month - 1 + term
        first = date(months // 12, months % 12 + 1, 1)
        row["EndDate"] = min(
            first + timedelta(days=start.day - 1),
            (first + timedelta(days=31)).replace(day=1) - timedelta(days=1),
        ) - timedelta(days=1)
    else:
        row["EndDate"] = None


def touch_date(name: str, row: Mapping[str, Any]) -> date | None:
    """The day that an activity counts for in LastActivityDate: events, and tasks once done."""
    day = row.get("ActivityDate")
    counts = name == "Event" or bool(row.get("IsClosed"))
    return day if counts and isinstance(day, date) else None


def archived(name: str, row: Mapping[str, Any], now: datetime) -> bool:
    """Whether an activity has left the reach of query(): a year old, and closed if a task."""
    if name == "Task" and not row.get("IsClosed"):
        return False
    day = row.get("ActivityDate") or row.get("CreatedDate")
    if isinstance(day, datetime):
        day = day.date()
    return isinstance(day, date) and day <= (now - ARCHIVE_AFTER).date()


def auto_number(pattern: str, n: int) -> str:
    """The n-th number of a display format: `E-{0000}` gives `E-0007`."""
    return re.sub(r"\{(0+)\}", lambda m: f"{n:0{len(m[1])}d}", pattern)
