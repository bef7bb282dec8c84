"""What happens in the CRM between the demo's two days, as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from connectors.sandbox.story.company import Story

_SLA_HOURS = 4
# The window that "in use" looks back over, and a margin for the days the demo lets pass.
_SILENT_DAYS = 28 + 14
_HEALTHY = "thriving"


@dataclass(frozen=True)
class Change:
    """One save by somebody other than us; `id` is None for a new record, `account` whom it hits."""

    kind: Literal["create", "update"]
    object: str
    id: str | None
    fields: dict[str, Any]
    says: str
    account: str


def second_day(story: Story) -> list[Change]:
    """The saves to make before the second sync, each about another account.

    To be made at `story.now`, with a day to pass after them: the new case's promise is kept for
    some hours and broken on the next day. What the story has no account for is left out, so a
    story of a few accounts gives fewer changes.
    """
    names = {row["Id"]: row["Name"] for row in story.records["Account"]}
    return [
        *_breach(story, names),
        *_silence(story, names),
        *_relief(story, names),
        *_meddling(story, names),
    ]


def _labelled(story: Story, *labels: str) -> Iterator[str]:
    return (account for account, label in story.labels.items() if label in labels)


def _breach(story: Story, names: dict[str, str]) -> Iterator[Change]:
    """A champion of a green account opens a critical case that nobody will solve in time."""
    champions = {
        row["AccountId"]: row["Id"]
        for row in story.records["Contact"]
        if row["Health_Role__c"] == "Champion"
    }
    account = next((a for a in _labelled(story, _HEALTHY) if a in champions), None)
    if account is None:
        return
    fields = {
        "Subject": "Nobody can sign in since this morning",
        "Status": "New",
        "Priority": "Critical",
        "Origin": "Phone",
        "AccountId": account,
        "ContactId": champions[account],
        "Health_SLA_Due__c": story.now + timedelta(hours=_SLA_HOURS),
    }
    says = f"{names[account]}: the champion's critical case, its SLA ends in {_SLA_HOURS} hours"
    yield Change("create", "Case", None, fields, says, account)


def _silence(story: Story, names: dict[str, str]) -> Iterator[Change]:
    """The busiest of the ordinary accounts turns out to have used nothing for weeks."""
    first = story.now.date() - timedelta(days=_SILENT_DAYS)
    ordinary = {account: list[str]() for account in _labelled(story, "steady")}
    for row in story.records["Health_Usage__c"]:
        if row["Day__c"] >= first and row["Account__c"] in ordinary:
            ordinary[row["Account__c"]].append(row["Id"])
    if not any(ordinary.values()):
        return
    account = max(ordinary, key=lambda a: (len(ordinary[a]), a))
    says = f"{names[account]}: usage falls to nothing"
    for usage in ordinary[account]:
        yield Change("update", "Health_Usage__c", usage, {"Value__c": 0.0}, says, account)


def _relief(story: Story, names: dict[str, str]) -> Iterator[Change]:
    """The critical case that is past its SLA for longest closes."""
    late = [
        row
        for row in story.records["Case"]
        if row["Priority"] == "Critical"
        and not row["IsClosed"]
        and row["Health_SLA_Due__c"] < story.now
    ]
    if not late:
        return
    case = min(late, key=lambda row: (row["Health_SLA_Due__c"], row["Id"]))
    account = case["AccountId"]
    says = f"{names[account]}: the critical case past its SLA is solved"
    yield Change("update", "Case", case["Id"], {"Status": "Closed"}, says, account)


def _meddling(story: Story, names: dict[str, str]) -> Iterator[Change]:
    """A person turns the band of an account that is not green into Green."""
    declining, stuck = (_labelled(story, one) for one in ("silent decline", "stuck in adopt"))
    account = next(declining, next(stuck, None))
    if account is None:
        return
    says = f"{names[account]}: a person sets Health Band to Green"
    yield Change("update", "Account", account, {"Health_Band__c": "Green"}, says, account)
