"""The story told forwards: from how everything ends, what each record was before.

The story knows two years of events with their days, and of some things only how they ended. Those
are taken back here: an account is a prospect until its first contract is won; a renewal date is a
year nearer for each renewal that is still to be won, and rolls on when it is; a deal goes from
stage to stage between its first and its last day; a case is new until it is closed; who has left
was there; a contact is there as soon as anybody speaks to them. In a group of companies the parent
holds the contract of all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from connectors.sandbox.ids import sf_id
from connectors.sandbox.story import Story
from connectors.sandbox.story.deals import NEW, RENEWAL, STAGES
from tests.year.records import Record, Row

_YEAR = timedelta(days=365)
_OPEN = ("Prospecting", "Qualification", "Proposal/Price Quote", "Negotiation/Review")
#: Fields of an account that only a customer has.
_OF_CUSTOMERS = ("Health_CSM__c", "Health_Renewal_Date__c", "Health_Contract_Value__c")
#: Where a record names a contact.
_NAMES = {"Case": "ContactId", "Task": "WhoId", "Event": "WhoId", "Health_Survey__c": "Contact__c"}
#: Chance that a champion or sponsor leaves in a year, beside those of the story, and that somebody
#: takes the place, so many days later.
_LEAVES, _FOLLOWED, _FOLLOWS = 0.08, 0.7, (20, 60)
_SUCCESSORS = 900_000
#: Nothing reads what contacts are on deals.
_LEFT_OUT = "OpportunityContactRole"


def lives(story: Story, start: datetime, seed: int) -> dict[str, list[Record]]:
    """Every record's life, by object."""
    found = {
        name: [Record(name, dict(row), row["CreatedDate"]) for row in rows]
        for name, rows in story.records.items()
        if name != _LEFT_OUT
    }
    told = {name: {row["Id"]: row for row in rows} for name, rows in story.records.items()}
    for record in found["Case"]:
        _case(record)
    for record in found["Opportunity"]:
        _deal(record, told["Opportunity"][record.id])
    _accounts(found, told)
    _contacts(found)
    _leavers(found, start, story.now, seed)
    return found


def _case(record: Record) -> None:
    closed = record.row["ClosedDate"]
    if closed is not None:
        record.row |= {"Status": "New", "IsClosed": False, "ClosedDate": None}
        record.save(closed, Status="Closed", IsClosed=True, ClosedDate=closed)


def _stage(name: str) -> Row:
    chance, forecast = STAGES[name]
    closed = name.startswith("Closed")
    return {
        "StageName": name,
        "Probability": float(chance),
        "ForecastCategory": forecast,
        "IsClosed": closed,
        "IsWon": name == "Closed Won",
    }


def _deal(record: Record, told: Row) -> None:
    """From one stage to the next in equal stretches."""
    end = told["StageName"]
    path = [*_OPEN[: _OPEN.index(end)], end] if end in _OPEN else [*_OPEN, end]
    # What is still open has been in its last stage for a while.
    due = told["CloseDate"]
    last = told["SystemModstamp"] if told["IsClosed"] else _noon(due, record.made)
    stretch = max(last - record.made, timedelta(0)) / len(path)
    record.row |= _stage(path[0])
    for place, name in enumerate(path[1:], 1):
        at = last if name == end and told["IsClosed"] else record.made + place * stretch
        record.save(at, **_stage(name))


def _noon(day: date, like: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=like.tzinfo)


def _accounts(found: dict[str, list[Record]], told: dict[str, dict[str, Row]]) -> None:
    deals = defaultdict(list)
    for deal in told["Opportunity"].values():
        deals[deal["AccountId"]].append(deal)
    users = told["User"]
    grouped = families(told["Account"].values())
    for record in found["Account"]:
        mine = deals[record.id]
        record.made = min([record.made, *(deal["CreatedDate"] for deal in mine)])
        record.row["LastActivityDate"] = None
        first = next((d for d in mine if d["Type"] == NEW and d["IsWon"]), None)
        if first is None:
            continue
        record.row["Health_CSM__c"] = _looked_after(record.row, users)
        if record.id in grouped:
            record.row["Health_Contract_Value__c"] = None
        wins = sorted(d["SystemModstamp"] for d in mine if d["Type"] == RENEWAL and d["IsWon"])
        ends = record.row["Health_Renewal_Date__c"]
        if ends is not None:
            _rolls(record, "Health_Renewal_Date__c", ends, wins)
        _prospect(record, first["SystemModstamp"])
        for asset in found["Asset"]:
            if asset.row["AccountId"] == record.id and asset.row["UsageEndDate"] == ends:
                _rolls(asset, "UsageEndDate", ends, [w for w in wins if w > asset.made])


def _looked_after(row: Row, users: dict[str, Row]) -> str | None:
    """Who is named as its manager: HubSpot knows no bosses, so here they are named in both."""
    named: str | None = row["Health_CSM__c"]
    owner = users[row["OwnerId"]]
    if named is not None or owner["IsActive"]:
        return named
    boss: str | None = owner["ManagerId"]
    return boss


def _rolls(record: Record, name: str, ends: date | None, wins: list[datetime]) -> None:
    """A date that each renewal won moves on by a year."""
    if ends is None:
        return
    record.row[name] = ends - len(wins) * _YEAR
    for number, at in enumerate(wins, 1):
        record.save(at, **{name: ends - (len(wins) - number) * _YEAR})


def _prospect(record: Record, won: datetime) -> None:
    """No customer before the first contract."""
    became = {"Type": record.row["Type"], **{name: record.row[name] for name in _OF_CUSTOMERS}}
    record.row |= {"Type": "Prospect", **dict.fromkeys(_OF_CUSTOMERS)}
    record.saves = [(at, fields) for at, fields in record.saves if at > won]
    record.save(won, **became)


def _joins(record: Record, made: dict[str, Record]) -> None:
    """A parent that is not there yet is named when it comes."""
    parent = record.row["ParentId"]
    if parent and made[parent].made > record.made:
        record.row["ParentId"] = None
        record.save(made[parent].made, ParentId=parent)


def _contacts(found: dict[str, list[Record]]) -> None:
    named: dict[str, datetime] = {}
    for name, field in _NAMES.items():
        for record in found[name]:
            who = record.row[field]
            if who:
                named[who] = min(named.get(who, record.made), record.made)
    accounts = {record.id: record.made for record in found["Account"]}
    for record in found["Contact"]:
        record.made = min(record.made, named.get(record.id, record.made))
        accounts[record.row["AccountId"]] = min(accounts[record.row["AccountId"]], record.made)
        left = record.row.setdefault("EmailBouncedDate", None)
        if left is not None:
            why = record.row["EmailBouncedReason"]
            record.row |= {"EmailBouncedDate": None, "EmailBouncedReason": None}
            record.save(left, EmailBouncedDate=left, EmailBouncedReason=why)
    for record in found["Account"]:
        record.made = accounts[record.id]
    made = {record.id: record for record in found["Account"]}
    for record in found["Account"]:
        _joins(record, made)


def _leavers(found: dict[str, list[Record]], start: datetime, end: datetime, seed: int) -> None:
    days = (end - start).days
    for number, record in enumerate(list(found["Contact"])):
        rng = Random(f"{seed}/leaves/{record.id}")
        if record.row["Health_Role__c"] not in ("Champion", "Sponsor") or record.saves:
            continue
        left = start + timedelta(days=rng.randrange(1, max(days, 2)), hours=6)
        if rng.random() > _LEAVES * days / 365 or left < record.made + timedelta(days=60):
            continue
        record.save(left, EmailBouncedDate=left, EmailBouncedReason="550 5.1.1 no such mailbox")
        if rng.random() < _FOLLOWED:
            comes = left + timedelta(days=rng.randint(*_FOLLOWS))
            row: dict[str, Any] = {
                **record.row,
                "Id": sf_id("003", _SUCCESSORS + number),
                "FirstName": record.row["LastName"],
                "LastName": record.row["FirstName"],
                "Name": f"{record.row['LastName']} {record.row['FirstName']}",
                "Email": f"next.{record.row['Email']}",
            }
            if comes < end:
                found["Contact"].append(Record("Contact", row, comes))


def families(accounts: Collection[Row]) -> dict[str, str]:
    """Account to the account that holds its contract, for those of groups."""
    value = {row["Id"]: row["Health_Contract_Value__c"] for row in accounts}
    return {row["Id"]: row["ParentId"] for row in accounts if value.get(row["ParentId"])}
