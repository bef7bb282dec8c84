"""The company of `volume`, as a portal holds it: companies, contacts and tickets of any number.

Records are translated one by one as they are asked for. Their ids keep the order that they had,
and associations go by the ids that the records went by, so they come last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.story import volume as plain
from connectors.sandbox.story.portal_fields import (
    BUYING_ROLES,
    PRIORITIES,
    SOURCES,
    TICKET_STAGES,
)

Record = dict[str, Any]
#: The first ids of each object type.
_COMPANIES, _CONTACTS, _TICKETS, _OWNERS = 1_000_000_000, 2_000_000_000, 3_000_000_000, 40_000_000
#: Type numbers as read from the first end, the primary one where there is such a thing.
_CONTACT_COMPANY, _TICKET_COMPANY, _TICKET_CONTACT = (1, 279), (26, 339), (16,)


@dataclass
class Company:
    """What is to be loaded, in this order: owners, records, links.

    `links` are as `hubspot.loading.load_records` wants them; their pairs are known once the
    records have been taken.
    """

    owners: list[Record] = field(default_factory=list)
    records: dict[str, Iterable[Record]] = field(default_factory=dict)
    links: list[Record] = field(default_factory=list)


def volume(*, seed: int, accounts: int, now: datetime) -> Company:
    """The company's records, the same for the same arguments.

    Args:
        seed: Any whole number.
        accounts: How many companies; three in four are customers. Each has two contacts, ten
            tickets on average, and if it is a customer a count of active users of yesterday.
        now: An aware instant; nothing was saved in the hour before it.

    Raises:
        ValueError: fewer than one account, or `now` without a time zone.
    """
    told = plain.volume(seed=seed, accounts=accounts, now=now)
    users = {user["Id"]: (str(_OWNERS + n), user) for n, user in enumerate(told["User"], 1)}
    book = _Book({sf_id: number for sf_id, (number, _) in users.items()}, now.date())
    rng = Random(f"{seed}/portal")
    return Company(
        [_owner(number, user) for number, user in users.values()],
        {
            "companies": book.companies(told["Account"], rng),
            "contacts": book.contacts(told["Contact"]),
            "tickets": book.tickets(told["Case"]),
        },
        [
            _links("contacts", "companies", _CONTACT_COMPANY, book.contact_company),
            _links("tickets", "companies", _TICKET_COMPANY, book.ticket_company),
            _links("tickets", "contacts", _TICKET_CONTACT, book.ticket_contact),
        ],
    )


def edited(priority: str | None, rng: Random) -> dict[str, str]:
    """What somebody saves who looks at a ticket of that priority again: another one."""
    others = [one for one in PRIORITIES.values() if one != priority]
    return {"hs_ticket_priority": rng.choice(others)}


class _Book:
    """Which record became which, and who belongs to whom."""

    def __init__(self, owners: Mapping[str, str], today: date) -> None:
        self._owners = owners
        self._today = today
        self._company: dict[str, str] = {}
        self._contact: dict[str, str] = {}
        self.contact_company: list[tuple[str, str]] = []
        self.ticket_company: list[tuple[str, str]] = []
        self.ticket_contact: list[tuple[str, str]] = []

    def companies(self, rows: Iterable[Record], rng: Random) -> Iterator[Record]:
        for number, row in enumerate(rows, _COMPANIES + 1):
            record_id = self._company[row["Id"]] = str(number)
            customer = row["Type"].startswith("Customer")
            seats = 5 * rng.randrange(1, 60) if customer else None
            yield {
                "id": record_id,
                "name": row["Name"],
                "domain": f"c{number - _COMPANIES}.example.com",
                "lifecyclestage": "customer" if customer else "lead",
                "hubspot_owner_id": self._owners[row["OwnerId"]],
                "health_csm": self._owners.get(row["Health_CSM__c"]),
                "hs_parent_company_id": self._company.get(row["ParentId"]),
                "numberofemployees": str(row["NumberOfEmployees"]),
                "health_renewal_date": _text(row["Health_Renewal_Date__c"]),
                "health_contract_value": _text(row["Health_Contract_Value__c"]),
                "health_seats": _text(seats),
                "health_active_users": _text(seats and rng.randrange(seats // 5, seats + 1)),
                "health_usage_day": _text(self._today - timedelta(1) if customer else None),
                "createdate": stamps.text(row["CreatedDate"]),
                "hs_lastmodifieddate": stamps.text(row["SystemModstamp"]),
            }

    def contacts(self, rows: Iterable[Record]) -> Iterator[Record]:
        for number, row in enumerate(rows, _CONTACTS + 1):
            record_id = self._contact[row["Id"]] = str(number)
            self.contact_company.append((record_id, self._company[row["AccountId"]]))
            left = row["EmailBouncedDate"]
            yield {
                "id": record_id,
                "firstname": row["FirstName"],
                "lastname": row["LastName"],
                "email": row["Email"],
                "hubspot_owner_id": self._owners[row["OwnerId"]],
                "hs_buying_role": BUYING_ROLES.get(row["Health_Role__c"]),
                "hs_email_hard_bounce_reason_enum": "UNKNOWN_USER" if left else None,
                "health_left_on": _text(left.date() if left else None),
                "createdate": stamps.text(row["CreatedDate"]),
                "lastmodifieddate": stamps.text(row["SystemModstamp"]),
            }

    def tickets(self, rows: Iterable[Record]) -> Iterator[Record]:
        for number, row in enumerate(rows, _TICKETS + 1):
            record_id = str(number)
            self.ticket_company.append((record_id, self._company[row["AccountId"]]))
            self.ticket_contact.append((record_id, self._contact[row["ContactId"]]))
            closed, due = row["ClosedDate"], row["Health_SLA_Due__c"]
            yield {
                "id": record_id,
                "hs_ticket_id": record_id,
                "subject": row["Subject"],
                "hs_pipeline": "0",
                "hs_pipeline_stage": TICKET_STAGES[row["Status"]],
                "hs_ticket_priority": PRIORITIES[row["Priority"]],
                "source_type": SOURCES[row["Origin"]],
                "hubspot_owner_id": self._owners[row["OwnerId"]],
                "hs_time_to_close_sla_at": stamps.text(due) if due else None,
                "closed_date": stamps.text(closed) if closed else None,
                "createdate": stamps.text(row["CreatedDate"]),
                "hs_lastmodifieddate": stamps.text(row["SystemModstamp"]),
            }


def _owner(number: str, user: Record) -> Record:
    return {
        "id": number,
        "email": user["Email"],
        "first": user["FirstName"],
        "last": user["LastName"],
        "user": int(number) - _OWNERS,
        "archived": not user["IsActive"],
    }


def _links(
    start: str, end: str, types: tuple[int, ...], pairs: list[tuple[str, str]]
) -> dict[str, Any]:
    return {"from": start, "to": end, "types": types, "pairs": pairs}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
