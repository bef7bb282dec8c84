"""The year's world: what is there when it begins, what happens on each day, and who is who."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.sandbox.story import Story, build_story
from connectors.sandbox.story.portal_fields import hub_id
from tests.year.extras import extras
from tests.year.lives import families, lives
from tests.year.records import Record, Row, Step

#: When the story is told: at the year's end, a Monday.
END = datetime(2026, 11, 16, 9, tzinfo=UTC)
#: Use is known by the day for as long before the year as any window looks closely.
_WINDOWS = 130
#: One customer success manager leaves so far into the year; the accounts wait so many days for
#: another one.
_LEAVES_AT, _WAIT = 0.55, 14
_SUCCESS = "Customer Success Manager"


@dataclass(frozen=True)
class World:
    """All of it. Accounts and users go by their ids on Salesforce, outside of here by HubSpot's."""

    start: datetime
    days: int
    seed: int
    #: Object to records, as they stand on the first morning; our own objects apart.
    before: dict[str, list[Row]]
    #: What happens after it, in order.
    steps: tuple[Step, ...]
    labels: dict[str, str]
    #: By HubSpot's ids: account to the account that holds its contract.
    holders: dict[str, str]
    #: HubSpot's id to Salesforce's, of accounts and users.
    named: dict[str, str]
    #: Account (Salesforce) to the lives of its contacts.
    contacts: dict[str, list[Record]]
    #: Account (Salesforce) to its deals.
    deals: dict[str, list[Record]]
    accounts: dict[str, Record]
    users: dict[str, Row]
    #: Who is told of what nobody else can take.
    head: str

    @property
    def customers(self) -> int:
        """How many are customers in the end."""
        return len(self.labels)

    def morning(self, day: int) -> datetime:
        """The instant of the n-th day's sync, 0 the first."""
        return self.start + timedelta(days=day)

    def people(self, account: str, at: datetime) -> list[Row]:
        """The contacts of an account who are there then, those with a role first."""
        found = [row for one in self.contacts.get(account, ()) if (row := one.at(at)) is not None]
        here = [row for row in found if row["EmailBouncedDate"] is None]
        return sorted(here, key=lambda row: (row["Health_Role__c"] is None, row["Id"]))

    def manager(self, account: str, at: datetime) -> str:
        """Who looks after an account then: its CSM, or its owner."""
        row = self.accounts[account].at(at)
        assert row is not None
        return str(row["Health_CSM__c"] or row["OwnerId"])


def world(
    customers: int, days: int, seed: int = 1, end: datetime = END, told: datetime | None = None
) -> World:
    """So many customers, a third as many others, and so many days up to the end.

    `told` is when the story is told, where that is after the end: what comes later is left out.
    """
    start, told = end - timedelta(days=days), told or end
    story = build_story(
        seed=seed,
        accounts=customers * 4 // 3,
        customers=customers,
        now=told,
        daily=(told - start).days + _WINDOWS,
    )
    _teams(story)
    found = {**lives(story, start, seed), **extras(story, start, seed)}
    _turnover(found, start, days)
    records = [record for rows in found.values() for record in rows]
    before: dict[str, list[Row]] = {name: [] for name in found}
    for record in records:
        row = record.at(start)
        if row is not None:
            before[record.object].append(row)
    order = {name: place for place, name in enumerate(("User", "Account", "Contact"))}
    steps = sorted(
        (step for record in records for step in record.steps(start) if step.at <= end),
        key=lambda step: (step.at, not step.comes, order.get(step.object, 9), step.id),
    )
    contacts = defaultdict(list)
    for record in found["Contact"]:
        contacts[record.row["AccountId"]].append(record)
    deals = defaultdict(list)
    for record in found["Opportunity"]:
        deals[record.row["AccountId"]].append(record)
    users = {row["Id"]: row for row in story.records["User"]}
    holders = families(story.records["Account"])
    return World(
        start=start,
        days=days,
        seed=seed,
        before=before,
        steps=tuple(steps),
        labels=story.labels,
        holders={hub_id(one): hub_id(other) for one, other in holders.items()},
        named={hub_id(one): one for one in (*users, *(r.id for r in found["Account"]))},
        contacts=dict(contacts),
        deals=dict(deals),
        accounts={record.id: record for record in found["Account"]},
        users=users,
        head=_head(story),
    )


def _teams(story: Story) -> None:
    """As many customer success managers as the customers need: the story has eight for 300."""
    csms = [row["Id"] for row in story.records["User"] if row["Title"] == _SUCCESS]
    share = len(story.labels) / 300
    heirs = {}
    for team, least in ((csms[:3], 1), (csms[3:6], 2), (csms[6:], 1)):
        size = min(len(team), max(least, round(len(team) * share)))
        heirs.update({one: team[place % size] for place, one in enumerate(team)})
    for row in story.records["Account"]:
        row["Health_CSM__c"] = heirs.get(row["Health_CSM__c"])


def _head(story: Story) -> str:
    """The director of customer success: most people's boss."""
    bosses: dict[str, int] = defaultdict(int)
    for row in story.records["User"]:
        if row["Title"] == _SUCCESS:
            bosses[row["ManagerId"]] += 1
    return max(bosses, key=lambda one: bosses[one])


def _turnover(found: dict[str, list[Record]], start: datetime, days: int) -> None:
    """One of the middle tier's managers leaves; the others share the customers some days later."""
    csms = [record for record in found["User"] if record.row["Title"] == _SUCCESS]
    named = {record.row["Health_CSM__c"] for record in found["Account"]}
    named |= {f.get("Health_CSM__c") for r in found["Account"] for _, f in r.saves}
    leaver, *others = (record for record in csms[3:6] if record.id in named)
    at = start + timedelta(days=round(days * _LEAVES_AT), hours=3)
    if others:
        leaver.save(at, IsActive=False)
    for place, record in enumerate(found["Account"] if others else ()):
        told: list[dict[str, Any]] = [record.row, *(fields for _, fields in record.saves)]
        last = next((f["Health_CSM__c"] for f in reversed(told) if f.get("Health_CSM__c")), None)
        if last != leaver.id:
            continue
        heir = others[place % len(others)].id
        since = at + timedelta(days=_WAIT)
        if record.row["Health_CSM__c"] or any(
            "Health_CSM__c" in fields and when <= since for when, fields in record.saves
        ):
            record.save(since, Health_CSM__c=heir)
        else:
            # Who comes later comes to somebody who is there.
            for _, fields in record.saves:
                if "Health_CSM__c" in fields:
                    fields["Health_CSM__c"] = heir
