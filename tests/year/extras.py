"""What the story does not tell of: outages, bills and what was agreed on. Objects of one's own.

A vendor keeps these in objects of its own making: here are their fields in both CRMs, and what an
admin writes into the mapping to have them read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.ids import sf_id
from connectors.sandbox.story import Story
from connectors.sandbox.story.deals import NEW, RENEWAL
from connectors.sandbox.story.portal_fields import number
from tests.year.records import Record

#: Outages a year, the share of customers that one hits, and for how many minutes.
_OUTAGES, _HIT, _MINUTES = 4, 0.15, (10, 300)
#: Bills are due so many days after the contract begins; so many of a hundred are paid late, so
#: many very late.
_TERM, _LATE, _VERY_LATE = 30, 8, 3
#: Steps of setting up and of deploying after the contract: kind, days to its due date.
_STEPS = (("setup", 14), ("setup", 30), ("setup", 60), ("deployment", 45))
#: Chance that a step is late.
_STEP_LATE = 0.2
#: Goals reached a year, by archetype; nobody else reaches any.
_GOALS = {"thriving": 1.5, "noisy but growing": 1.5, "steady": 0.5, "seasonal": 0.5}

_LOOKUP = {
    "name": "Account__c",
    "type": "reference",
    "reference_to": ["Account"],
    "relationship_name": "Account__r",
    "length": 18,
}


@dataclass(frozen=True)
class Extra:
    """One object: its name in both CRMs, and by field its types there and how HubSpot writes it."""

    salesforce: str
    hubspot: str
    #: Entity of the mapping and column to field.
    entity: str
    columns: dict[str, str]
    fields: dict[str, tuple[dict[str, Any], dict[str, Any], Callable[[Any], str]]]

    @property
    def schema(self) -> dict[str, Any]:
        """As `Sandbox.load` takes it."""
        own = [{"name": name, **told[0]} for name, told in self.fields.items()]
        return {"name": self.salesforce, "fields": [_LOOKUP, *own]}

    @property
    def definition(self) -> dict[str, Any]:
        """As HubSpot's schemas take it."""
        return {
            "name": self.hubspot,
            "labels": {"singular": self.hubspot, "plural": f"{self.hubspot}s"},
            "primaryDisplayProperty": "name",
            "requiredProperties": [],
            "properties": [
                {"name": "name", "label": "Name", "type": "string", "fieldType": "text"},
                *(
                    {"name": _bare(name), "label": _bare(name), **told[1]}
                    for name, told in self.fields.items()
                ),
            ],
            "associatedObjects": ["companies"],
        }

    def properties(self, row: dict[str, Any]) -> dict[str, str]:
        """The fields of a row as HubSpot has them."""
        return {
            _bare(name): told[2](row[name]) if row[name] is not None else ""
            for name, told in self.fields.items()
            if name in row
        }

    def feed(self, crm: str) -> str:
        """What the mapping says of it."""
        hub = crm == "hubspot"
        lines = [
            f"  {self.entity}:",
            f"    object: {f'p_{self.hubspot}' if hub else self.salesforce}",
            "    columns:",
            f"      account_id: {'associations.companies' if hub else 'Account__c'}",
        ]
        for column, name in self.columns.items():
            lines.append(f"      {column}: {_bare(name) if hub else name}")
        return "\n".join(lines) + "\n"


def _bare(name: str) -> str:
    return name.removesuffix("__c").lower()


def _truth(value: bool) -> str:
    return "true" if value else "false"


_DAY = ({"type": "date"}, {"type": "date", "fieldType": "date"}, str)
_NUMBER = (
    {"type": "double", "precision": 18, "scale": 2},
    {"type": "number", "fieldType": "number"},
    number,
)
_TEXT = ({"type": "string", "length": 40}, {"type": "string", "fieldType": "text"}, str)
_INSTANT = ({"type": "datetime"}, {"type": "datetime", "fieldType": "date"}, stamps.text)
_FLAG = (
    {"type": "boolean"},
    {
        "type": "bool",
        "fieldType": "booleancheckbox",
        "options": [
            {"label": one, "value": one, "displayOrder": place}
            for place, one in enumerate(("true", "false"))
        ],
    },
    _truth,
)
EXTRAS: dict[str, Extra] = {
    extra.salesforce: extra
    for extra in (
        Extra(
            "Outage__c", "outage", "incident",
            {"happened_at": "Began__c", "minutes": "Minutes__c"},
            {"Began__c": _INSTANT, "Minutes__c": _NUMBER},
        ),
        Extra(
            "Bill__c", "bill", "invoice",
            {"is_open": "Open__c", "due_at": "Due__c", "amount": "Amount__c"},
            {"Open__c": _FLAG, "Due__c": _DAY, "Amount__c": _NUMBER},
        ),
        Extra(
            "Step__c", "step", "milestone",
            {"kind": "Kind__c", "due_at": "Due__c", "done_at": "Done__c"},
            {"Kind__c": _TEXT, "Due__c": _DAY, "Done__c": _DAY},
        ),
    )
}  # fmt: skip


class _Made:
    """Records of these objects, numbered."""

    def __init__(self) -> None:
        self.records: dict[str, list[Record]] = {name: [] for name in EXTRAS}

    def add(self, name: str, made: datetime, **fields: Any) -> Record:
        rows = self.records[name]
        prefix = {"Outage__c": "a10", "Bill__c": "a11", "Step__c": "a12"}[name]
        row = {"Id": sf_id(prefix, len(rows) + 1), "Name": f"{name[0]}-{len(rows) + 1}", **fields}
        rows.append(Record(name, row, made))
        return rows[-1]


def extras(story: Story, start: datetime, seed: int) -> dict[str, list[Record]]:
    """Outages of the year, a bill for each contract, steps after the first one, and goals."""
    made = _Made()
    deals = [
        row
        for row in story.records["Opportunity"]
        if row["IsWon"] and row["Type"] in (NEW, RENEWAL)
    ]
    began = {row["AccountId"]: row["SystemModstamp"] for row in deals if row["Type"] == NEW}
    _outages(made, sorted(story.labels), began, start, story.now, seed)
    for row in deals:
        if row["AccountId"] in story.labels:
            _bill(made, row, seed)
    for account, label in story.labels.items():
        _steps(made, account, began[account], Random(f"{seed}/steps/{account}"))
        if label in _GOALS:
            rng = Random(f"{seed}/goals/{account}")
            _goals(made, account, _GOALS[label], max(began[account], start), story.now, rng)
    return made.records


def _outages(
    made: _Made,
    accounts: Iterable[str],
    began: dict[str, datetime],
    start: datetime,
    end: datetime,
    seed: int,
) -> None:
    rng = Random(f"{seed}/outages")
    days = (end - start).days
    for _ in range(max(1, round(_OUTAGES * days / 365))):
        at = start + timedelta(days=rng.randrange(1, max(days - 1, 2)), minutes=rng.randrange(600))
        for account in accounts:
            minutes = float(rng.randint(*_MINUTES))
            if rng.random() < _HIT and began[account] < at:
                made.add(
                    "Outage__c", at + timedelta(minutes=minutes),
                    Account__c=account, Began__c=at, Minutes__c=minutes,
                )  # fmt: skip


def _bill(made: _Made, deal: dict[str, Any], seed: int) -> None:
    rng = Random(f"{seed}/bill/{deal['Id']}")
    at = deal["SystemModstamp"]
    due = at.date() + timedelta(days=_TERM)
    luck = rng.randrange(100)
    late = rng.randint(-20, 0)
    if luck < _LATE:
        late = rng.randint(65, 100) if luck < _VERY_LATE else rng.randint(10, 55)
    amount = deal["Amount"]
    bill = made.add(
        "Bill__c", at, Account__c=deal["AccountId"], Open__c=True, Due__c=due, Amount__c=amount
    )
    bill.save(at + timedelta(days=_TERM + late), Open__c=False)


def _steps(made: _Made, account: str, began: datetime, rng: Random) -> None:
    for kind, days in _STEPS:
        due = began.date() + timedelta(days=days)
        late = rng.randint(3, 30) if rng.random() < _STEP_LATE else rng.randint(-8, 0)
        step = made.add(
            "Step__c", began, Account__c=account, Kind__c=kind, Due__c=due, Done__c=None
        )
        step.save(began + timedelta(days=days + late), Done__c=due + timedelta(days=late))


def _goals(
    made: _Made, account: str, a_year: float, first: datetime, end: datetime, rng: Random
) -> None:
    days = (end - first).days
    count = int(a_year * days / 365 + rng.random())
    for _ in range(count):
        agreed = first + timedelta(days=rng.randrange(max(days, 1)))
        takes = rng.randint(30, 120)
        due = agreed.date() + timedelta(days=takes)
        goal = made.add(
            "Step__c", agreed, Account__c=account, Kind__c="goal", Due__c=due, Done__c=None
        )
        done = agreed + timedelta(days=takes + rng.randint(-10, 20))
        goal.save(done, Done__c=done.date())
