"""A company of any size, plain but plausible: for benchmarks, not for reading.

For N accounts 2N contacts, 10N cases, N/2 opportunities and 5N activities. Records are made as
they are asked for, each table from random numbers of its own; ids follow the order of creation,
stamps do not, and a mass edit leaves many records with one stamp, as in orgs that live.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from math import log
from random import Random
from typing import Any, TypeVar

from connectors.sandbox.ids import sf_id
from connectors.sandbox.story import names
from connectors.sandbox.story.rows import PREFIXES

T = TypeVar("T")
Record = dict[str, Any]
#: Records an account.
CONTACTS, CASES, OPPORTUNITIES, TASKS, EVENTS = 2, 10, 0.5, 3.5, 1.5
CUSTOMERS = 0.75
USERS = 50
_HISTORY_DAYS = 400
_HOUR, _DAY = 3_600, 86_400
_MASS_EDIT_DAYS_AGO, _MASS_EDIT_SHARE = 40, 0.03
#: Weight among cases, mean hours to a solution, hours of the promise.
_PRIORITIES: dict[str, tuple[int, float, int | None]] = {
    "Critical": (3, 9, 8),
    "High": (17, 20, 24),
    "Medium": (55, 45, 80),
    "Low": (25, 90, None),
}
_SUBJECTS = (
    "Export is empty", "Login fails", "Report differs", "How do I share a view?", "Import stops",
    "Slow dashboard", "Invoice question", "Alert did not fire",
)  # fmt: skip
_MEETINGS = (
    "Check-in meeting", "QBR: results and next quarter", "Training: dashboards", "Working session",
    "Value review", "On-site visit",
)  # fmt: skip
_TASKS = {"Call": 50, "Email": 40, "Task": 10}
_TASK_SUBJECTS = {
    "Call": "Call: check-in",
    "Email": "Email: release notes",
    "Task": "Prepare the next review",
}
_STAGES = {"Closed Won": 60, "Closed Lost": 20, "Negotiation/Review": 8, "Prospecting": 12}
_DEALS = {
    "New Customer": 40,
    "Existing Customer - Upgrade": 25,
    "Existing Customer - Replacement": 30,
    "Existing Customer - Downgrade": 5,
}
_ROLES = {"Champion": 15, "Sponsor": 8, "Decision Maker": 8, "Influencer": 14, None: 55}


#: The object of the usage rows, as setup would make it: their values need not wait for it.
USAGE: dict[str, Any] = {
    "name": "Health_Usage__c",
    "fields": [
        {"name": "Account__c", "type": "reference", "reference_to": ["Account"],
         "relationship_name": "Account__r", "length": 18},
        {"name": "Metric__c", "type": "string", "length": 255},
        {"name": "Value__c", "type": "double", "precision": 18, "scale": 4},
        {"name": "Day__c", "type": "date"},
    ],
}  # fmt: skip
_USAGE_DAYS = 56


@dataclass(frozen=True)
class Company:
    """What the tables share: who is there, and how each account is doing.

    Accounts go by their position; `mood` is theirs, from 0 bad to 1 well.
    """

    seed: int
    now: datetime
    accounts: list[str]
    contacts: list[str]
    users: list[str]
    customer: list[bool]
    mood: list[float]

    def rng(self, table: str) -> Random:
        """A table's own generator: what one draws cannot shift another."""
        return Random(f"{self.seed}/volume/{table}")

    def contact(self, account: int, rng: Random) -> str:
        """One of the contacts of an account."""
        return self.contacts[account + len(self.accounts) * rng.randrange(CONTACTS)]

    def ago(self, seconds: float) -> datetime:
        """An instant so many seconds before now, in whole seconds."""
        return self.now - timedelta(seconds=round(seconds))

    def saved(self, rng: Random, age: float, least: float) -> datetime:
        """When a row was last saved: mostly `age` seconds ago, now and then nearer to `least`."""
        chance = rng.random()
        if chance < _MASS_EDIT_SHARE and age > _MASS_EDIT_DAYS_AGO * _DAY:
            return self.ago(_MASS_EDIT_DAYS_AGO * _DAY)
        return self.ago(least + (age - least) * rng.random() if chance < 0.3 else age)

    def ages(self, rng: Random, count: int) -> list[float]:
        """Seconds since creation of so many rows, oldest first, the newest an hour old."""
        span = _HISTORY_DAYS * _DAY
        return sorted((_HOUR + span * rng.random() for _ in range(count)), reverse=True)

    def busy(self, rng: Random, count: int) -> list[int]:
        """An account for each of so many rows, unhappy customers more often than the rest."""
        weights = (
            0.3 + 2 * (1 - mood) ** 2 if customer else 0.05
            for customer, mood in zip(self.customer, self.mood, strict=True)
        )
        return rng.choices(
            range(len(self.accounts)), cum_weights=list(accumulate(weights)), k=count
        )


def volume(
    *, seed: int, accounts: int, now: datetime, usage: int = 0
) -> dict[str, Iterator[Record]]:
    """The company's records by object name, ready to be loaded; the same for the same arguments.

    Args:
        seed: Any whole number.
        accounts: How many; three in four are customers.
        now: An aware instant; nothing was saved in the hour before it.
        usage: Usage rows a customer. The default model scores nobody without any.

    Raises:
        ValueError: fewer than one account, or `now` without a time zone.
    """
    if accounts < 1 or now.tzinfo is None:
        raise ValueError("a company needs an account, and an instant with a time zone")
    rng = Random(f"{seed}/volume")
    company = Company(
        seed,
        now.astimezone(UTC).replace(microsecond=0),
        [sf_id(PREFIXES["Account"], n) for n in range(1, accounts + 1)],
        [sf_id(PREFIXES["Contact"], n) for n in range(1, CONTACTS * accounts + 1)],
        [sf_id(PREFIXES["User"], n) for n in range(1, USERS + 1)],
        [rng.random() < CUSTOMERS for _ in range(accounts)],
        [rng.random() for _ in range(accounts)],
    )
    return {
        "User": _users(company),
        "Account": _accounts(company),
        "Contact": _contacts(company),
        "Opportunity": _opportunities(company, round(OPPORTUNITIES * accounts)),
        "Case": _cases(company, round(CASES * accounts)),
        "Task": _tasks(company, round(TASKS * accounts)),
        "Event": _events(company, round(EVENTS * accounts)),
        **({"Health_Usage__c": _usage(company, usage)} if usage else {}),
    }


def edits(
    object_name: str, rows: Iterable[Mapping[str, Any]], *, share: float, seed: int
) -> list[tuple[str, Record]]:
    """What people save on a day: for a share (0 to 1) of the rows an id and the fields changed.

    Open cases move on, closed ones get another priority or are opened again. Rows of other
    objects are saved as they are.
    """
    rng = Random(f"{seed}/edits/{object_name}")
    found = list(rows)
    chosen = rng.sample(found, min(len(found), round(share * len(found))))
    if object_name != "Case":
        return [(row["Id"], {}) for row in chosen]
    changes = []
    for row in chosen:
        field, others = "Priority", list(_PRIORITIES)
        if not row["IsClosed"]:
            field, others = "Status", ["New", "Working", "Escalated", "Closed"]
        elif rng.random() < 0.1:
            field, others = "Status", ["Working"]
        value = rng.choice([other for other in others if other != row[field]])
        changes.append((row["Id"], {field: value}))
    return changes


def _pick(rng: Random, weights: Mapping[T, int], count: int) -> list[T]:
    return rng.choices(list(weights), list(weights.values()), k=count)


def _users(company: Company) -> Iterator[Record]:
    rng = company.rng("user")
    for n, user in enumerate(company.users):
        first, last = names.person(rng)
        mail = f"{first}.{last}.{n}@vendor.example.com".lower()
        stamp = company.ago(rng.uniform(_HISTORY_DAYS, 3 * _HISTORY_DAYS) * _DAY)
        yield {
            "Id": user,
            "FirstName": first,
            "LastName": last,
            "Username": mail,
            "Email": mail,
            "ManagerId": company.users[0] if n else None,
            "IsActive": n < USERS - 1,  # the last one has left the vendor
            "CreatedDate": stamp,
            "SystemModstamp": stamp,
        }


def _accounts(company: Company) -> Iterator[Record]:
    rng = company.rng("account")
    today = company.now.date()
    for n, account in enumerate(company.accounts):
        industry = rng.choice(names.INDUSTRIES)
        customer = company.customer[n]
        types = ("Customer - Direct", "Customer - Channel") if customer else ("Prospect", "Other")
        age = _HOUR + rng.random() * 3 * _HISTORY_DAYS * _DAY
        yield {
            "Id": account,
            "Name": names.company(n, industry),
            "Type": types[rng.random() < 0.2],
            "Industry": industry,
            "NumberOfEmployees": int(10 * 300 ** rng.random()),
            # A group now and then.
            "ParentId": company.accounts[n - n % 60] if 0 < n % 60 < 4 else None,
            "OwnerId": company.users[n % USERS],
            "Health_CSM__c": company.users[n % (USERS - 1)] if customer and n % 5 else None,
            "Health_Renewal_Date__c": today + timedelta(rng.randrange(365)) if customer else None,
            "Health_Contract_Value__c": round(2e3 * 200 ** rng.random()) if customer else None,
            "CreatedDate": company.ago(age),
            "SystemModstamp": company.saved(rng, age, min(age, _HOUR + rng.random() * 365 * _DAY)),
        }


def _contacts(company: Company) -> Iterator[Record]:
    rng = company.rng("contact")
    roles = _pick(rng, _ROLES, len(company.contacts))
    for n, (contact, role) in enumerate(zip(company.contacts, roles, strict=True)):
        account = n % len(company.accounts)
        first, last = names.person(rng)
        age = _HOUR + rng.random() * 2 * _HISTORY_DAYS * _DAY
        left = company.ago(_HOUR + (age - _HOUR) * rng.random()) if rng.random() < 0.03 else None
        yield {
            "Id": contact,
            "AccountId": company.accounts[account],
            "FirstName": first,
            "LastName": last,
            "Email": f"{first}.{last}.{n}@c{account}.example.com".lower(),
            "OwnerId": company.users[account % USERS],
            "Health_Role__c": role,
            "EmailBouncedDate": left,
            "CreatedDate": company.ago(age),
            "SystemModstamp": left or company.saved(rng, age, _HOUR),
        }


def _opportunities(company: Company, count: int) -> Iterator[Record]:
    rng = company.rng("opportunity")
    today = company.now.date()
    rows = zip(
        company.ages(rng, count),
        company.busy(rng, count),
        _pick(rng, _STAGES, count),
        _pick(rng, _DEALS, count),
        strict=True,
    )
    for n, (age, account, stage, kind) in enumerate(rows, 1):
        last = _HOUR + (age - _HOUR) * rng.random()
        closed = company.ago(last).date() if stage.startswith("Closed") else None
        yield {
            "Id": sf_id(PREFIXES["Opportunity"], n),
            "AccountId": company.accounts[account],
            "Name": f"{kind.split()[-1]} {n}",
            "StageName": stage,
            "Type": kind,
            "Amount": round(1_000 * 100 ** rng.random(), 2),
            "CloseDate": closed or today + timedelta(rng.randrange(1, 120)),
            "OwnerId": company.users[account % USERS],
            "CreatedDate": company.ago(age),
            "SystemModstamp": company.saved(rng, last, last),
        }


def _cases(company: Company, count: int) -> Iterator[Record]:
    rng = company.rng("case")
    chosen = _pick(rng, {name: weight for name, (weight, *_) in _PRIORITIES.items()}, count)
    rows = zip(company.ages(rng, count), company.busy(rng, count), chosen, strict=True)
    for n, (age, account, priority) in enumerate(rows, 1):
        _, hours, promised = _PRIORITIES[priority]
        took = -log(1 - rng.random()) * hours * _HOUR * (1.6 - company.mood[account])
        forgotten = age < 60 * _DAY and rng.random() < 0.04
        last = age - took  # seconds ago that it was closed
        is_open = forgotten or last < _HOUR
        opened = company.ago(age)
        yield {
            "Id": sf_id(PREFIXES["Case"], n),
            "CaseNumber": f"{n:08d}",
            "AccountId": company.accounts[account],
            "ContactId": company.contact(account, rng),
            "Priority": priority,
            "Status": rng.choice(("New", "Working", "Escalated")) if is_open else "Closed",
            "Subject": rng.choice(_SUBJECTS),
            "Origin": rng.choice(("Email", "Web", "Phone")),
            "ClosedDate": None if is_open else company.ago(last),
            "OwnerId": company.users[rng.randrange(USERS)],
            "Health_SLA_Due__c": opened + timedelta(hours=promised) if promised else None,
            "CreatedDate": opened,
            "SystemModstamp": company.saved(rng, age if is_open else last, _HOUR),
        }


def _tasks(company: Company, count: int) -> Iterator[Record]:
    rng = company.rng("task")
    kinds = _pick(rng, _TASKS, count)
    rows = zip(company.ages(rng, count), company.busy(rng, count), kinds, strict=True)
    for n, (age, account, kind) in enumerate(rows, 1):
        made = company.ago(age)
        done = kind != "Task" or rng.random() < 0.6
        yield {
            "Id": sf_id(PREFIXES["Task"], n),
            "Subject": _TASK_SUBJECTS[kind],
            "TaskSubtype": kind,
            "WhatId": company.accounts[account],
            "WhoId": company.contact(account, rng),
            "ActivityDate": made.date() if done else made.date() + timedelta(14),
            "Status": "Completed" if done else "Not Started",
            "CompletedDateTime": made if done else None,
            "CallDurationInSeconds": rng.randrange(2_400) if kind == "Call" else None,
            "OwnerId": company.users[account % USERS],
            "CreatedDate": made,
            "SystemModstamp": company.saved(rng, age, _HOUR),
        }


def _events(company: Company, count: int) -> Iterator[Record]:
    rng = company.rng("event")
    rows = zip(company.ages(rng, count), company.busy(rng, count), strict=True)
    for n, (age, account) in enumerate(rows, 1):
        made = company.ago(age)
        begins = made.replace(minute=0, second=0) + timedelta(rng.randrange(1, 12))
        yield {
            "Id": sf_id(PREFIXES["Event"], n),
            "Subject": rng.choice(_MEETINGS),
            "WhatId": company.accounts[account],
            "WhoId": company.contact(account, rng),
            "StartDateTime": begins,
            "EndDateTime": begins + timedelta(minutes=rng.choice((30, 60, 90))),
            "OwnerId": company.users[account % USERS],
            "CreatedDate": made,
            "SystemModstamp": company.saved(rng, age, _HOUR),
        }


def _usage(company: Company, each: int) -> Iterator[Record]:
    """Rows of a nightly feed, night after night: those of one night share a stamp."""
    rng = company.rng("usage")
    customers = [n for n, customer in enumerate(company.customer) if customer]
    ages = sorted((rng.randrange(1, _USAGE_DAYS) for _ in range(each)), reverse=True)
    for night, days_ago in enumerate(ages):
        fed = company.ago(days_ago * _DAY).replace(hour=4, minute=0, second=0)
        day = fed.date() - timedelta(1)
        for place, account in enumerate(customers, 1):
            share = 0.2 + 0.8 * company.mood[account] * rng.random()
            yield {
                "Id": sf_id(PREFIXES["Health_Usage__c"], night * len(customers) + place),
                "Account__c": company.accounts[account],
                "Metric__c": "active_users",
                "Value__c": float(round(share * 40)),
                "Day__c": day,
                "CreatedDate": fed,
                "SystemModstamp": fed,
            }
