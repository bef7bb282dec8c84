"""The accounts that are no customers: prospects, partners, competitors."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from connectors.sandbox.story.deals import NEW, Deals
from connectors.sandbox.story.names import person, slug
from connectors.sandbox.story.rows import Rows
from connectors.sandbox.story.timeline import Timeline

_TYPES = (
    ("Prospect", "Channel Partner / Reseller", "Technology Partner", "Competitor"),
    (74, 12, 6, 8),
)
_OPEN = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review")


def kind(rng: Random) -> str:
    """The account type of an account that is no customer."""
    return rng.choices(*_TYPES)[0]


def court(
    account: str,
    name: str,
    type_: str,
    owner: str,
    rows: Rows,
    timeline: Timeline,
    rng: Random,
) -> date | None:
    """Add a contact, and a prospect's opportunities and first call; returns the day of the call."""
    if type_ == "Competitor":
        return None
    met = timeline.now - timedelta(days=rng.randrange(5, 400), hours=rng.randrange(24))
    first, last = person(rng)
    contact = rows.add(
        "Contact",
        met,
        AccountId=account,
        FirstName=first,
        LastName=last,
        Name=f"{first} {last}",
        Title=rng.choice(("Operations Manager", "Head of IT", "Partner Manager")),
        Email=f"{first}.{last}@{slug(name)}.example.com".lower(),
        OwnerId=owner,
        Health_Role__c=None,
    )
    if type_ != "Prospect":
        return None
    deals = Deals(account, owner, rows, timeline)
    amount = rng.randrange(4_000, 120_000, 500)
    if rng.random() < 0.7:
        due = rng.randrange(10, 120)
        lead = due + rng.randrange(5, 90)
        deals.opportunity(f"{name} - New", NEW, rng.choice(_OPEN), -due, amount, lead)
    else:
        lost = rng.randrange(20, 600)
        deals.opportunity(f"{name} - New", NEW, "Closed Lost", lost, amount, rng.randrange(20, 90))
    day = timeline.workday(max(met.date(), timeline.day(rng.randrange(1, 60))))
    done = timeline.stamp(day, rng)
    rows.add(
        "Task",
        done,
        Subject="Call: first conversation",
        Status="Completed",
        Priority="Normal",
        IsClosed=True,
        TaskSubtype="Call",
        CallDurationInSeconds=rng.randrange(120, 1800),
        CallType="Outbound",
        ActivityDate=day,
        CompletedDateTime=done,
        OwnerId=owner,
        AccountId=account,
        WhatId=account,
        WhoId=contact,
    )
    return day
