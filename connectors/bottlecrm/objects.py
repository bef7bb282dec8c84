"""BottleCRM's objects: where their lists are, and what their records hold.

The API describes its custom fields only; what else a record has is written down here, as the
release 1.35 answers it. A custom field `x` goes by the name `cf_x`, as in the API's own filters.

A value that is a record is its id; of a list of records the smallest id is the value, so that it
does not depend on the list's order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

CUSTOM = "cf_"
#: Our tasks bear this custom field with this value: a list of tasks does not show custom fields,
#: but can be asked for those that have a certain one.
MARK, MARK_VALUE = "cf_health_mark", "crm-health"


class Held(Enum):
    """How a value stands in a record."""

    PLAIN = "plain"
    RECORD = "record"  #: {"id": ...}
    RECORDS = "records"  #: [{"id": ...}, ...]
    NAMES = "names"  #: [{"name": ...}, ...], told as one text


@dataclass(frozen=True)
class Standard:
    """A field that every org has."""

    type: str
    held: Held = Held.PLAIN
    writable: bool = False
    #: Largest number of characters; 0 where there is none.
    length: int = 0
    #: Where it stands in the record, where not under its own name.
    at: tuple[str, ...] = ()
    #: Whether a list leaves it out, so that each record must be asked for.
    detail: bool = False


@dataclass(frozen=True)
class Part:
    """One of the lists that an answer has: its records, and how many there are in all."""

    rows: tuple[str, ...]
    count: tuple[str, ...]


@dataclass(frozen=True)
class CrmObject:
    """One kind of record."""

    name: str
    path: str
    parts: tuple[Part, ...]
    fields: Mapping[str, Standard]
    #: How custom fields name it; empty where it has none.
    target: str = ""
    #: Where the answer to a question for one record has it.
    one: tuple[str, ...] = ()
    #: What leaves forms' catalogues out of a list's answer.
    query: tuple[tuple[str, str], ...] = ()
    #: Whether a list shows custom fields.
    shows_custom: bool = True
    #: What creating one needs, besides what the caller gives.
    made_with: Mapping[str, str] = field(default_factory=dict)
    writable: bool = True
    #: Whether it can only be listed by account.
    by_account: bool = False
    #: A value that says a record is closed, and the field that has it.
    closed: tuple[str, str] | None = None
    #: The field whose text no two records may share.
    told_apart_by: str = ""


def _text(length: int = 255) -> Standard:
    return Standard("text", writable=True, length=length)


_ID = Standard("id")
_MADE = Standard("datetime")
_FLAG = Standard("boolean", writable=True)
_WORD = Standard("text", writable=True)
_LONG = Standard("textarea", writable=True)
_DAY = Standard("date", writable=True)
_NUMBER = Standard("number", writable=True)
_TOLD = Standard("text")
_PEOPLE = Standard("reference", Held.RECORDS, writable=True)
_LINK = Standard("reference", Held.RECORD, writable=True)
_TAGS = Standard("text", Held.NAMES)

ACCOUNTS = CrmObject(
    "accounts",
    "/api/accounts/",
    # Both halves are paged by one offset.
    (
        Part(("active_accounts", "open_accounts"), ("active_accounts", "open_accounts_count")),
        Part(("closed_accounts", "close_accounts"), ("closed_accounts", "close_accounts_count")),
    ),
    {
        "id": _ID, "name": _text(), "email": _text(254), "phone": _text(25),
        "website": _text(200), "industry": _WORD, "number_of_employees": _NUMBER,
        "annual_revenue": _NUMBER, "currency": _WORD, "city": _text(), "state": _text(),
        "country": _WORD, "description": _LONG, "assigned_to": _PEOPLE, "tags": _TAGS,
        "created_at": _MADE, "is_active": _FLAG,
        # The close date of the first deal won.
        "first_won_on": Standard("date", at=("rollups", "first_won_on")),
    },
    target="Account",
    one=("account_obj",),
)  # fmt: skip
CONTACTS = CrmObject(
    "contacts",
    "/api/contacts/",
    (Part(("results",), ("count",)),),
    {
        "id": _ID, "first_name": _text(), "last_name": _text(), "email": _text(254),
        "title": _text(), "department": _text(), "organization": _text(),
        "do_not_call": _FLAG, "description": _LONG, "assigned_to": _PEOPLE, "tags": _TAGS,
        # A contact has one account of its own, and may stand in the lists of others.
        "account": Standard("reference", writable=True),
        "linked_accounts": Standard("reference", Held.RECORDS),
        "created_at": _MADE, "is_active": _FLAG,
    },
    target="Contact",
    one=("contact_obj",),
)  # fmt: skip
CASES = CrmObject(
    "cases",
    "/api/cases/",
    (Part(("cases",), ("cases_count",)),),
    {
        "id": _ID, "name": _text(64), "status": _WORD, "priority": _WORD, "case_type": _WORD,
        "closed_on": _DAY, "description": _LONG, "account": _LINK,
        "contacts": Standard("reference", Held.RECORDS, writable=True),
        "assigned_to": _PEOPLE, "tags": _TAGS, "created_at": _MADE, "is_active": _FLAG,
        "first_response_at": _MADE, "resolved_at": _MADE,
        "first_response_sla_deadline": _MADE, "resolution_sla_deadline": _MADE,
        "escalation_count": Standard("number"),
    },
    target="Case",
    one=("cases_obj",),
    query=(("slim", "true"),),
    made_with={"status": "New", "priority": "Normal"},
    told_apart_by="name",
)  # fmt: skip
OPPORTUNITIES = CrmObject(
    "opportunities",
    "/api/opportunities/",
    (Part(("opportunities",), ("opportunities_count",)),),
    {
        "id": _ID, "name": _text(), "account": _LINK, "pipeline": _TOLD, "stage": _TOLD,
        "stage_label": _TOLD, "stage_kind": _TOLD, "opportunity_type": _WORD,
        "currency": _WORD, "amount": _NUMBER, "probability": _NUMBER, "closed_on": _DAY,
        "lead_source": _WORD, "assigned_to": _PEOPLE, "tags": _TAGS, "created_at": _MADE,
        "stage_changed_at": _MADE, "is_active": _FLAG,
    },
    target="Opportunity",
    one=("opportunity_obj",),
    query=(("slim", "true"),),
)  # fmt: skip
TASKS = CrmObject(
    "tasks",
    "/api/tasks/",
    (Part(("tasks",), ("tasks_count",)),),
    {
        "id": _ID, "title": _text(200), "status": _WORD, "priority": _WORD, "due_date": _DAY,
        "account": _LINK, "opportunity": _LINK, "case": _LINK, "assigned_to": _PEOPLE,
        "tags": _TAGS, "created_at": _MADE,
        "description": Standard("textarea", writable=True, detail=True),
        "contacts": Standard("reference", Held.RECORDS, writable=True, detail=True),
    },
    target="Task",
    one=("task_obj",),
    query=(("slim", "true"),),
    shows_custom=False,
    closed=("status", "Completed"),
    made_with={"title": "crm-health", "status": "New", "priority": "Medium"},
)  # fmt: skip
USERS = CrmObject(
    "users",
    "/api/users/",
    (
        Part(("active_users", "active_users"), ("active_users", "active_users_count")),
        Part(("inactive_users", "inactive_users"), ("inactive_users", "inactive_users_count")),
    ),
    {
        "id": _ID, "role": _TOLD, "is_active": Standard("boolean"), "created_at": _MADE,
        "name": Standard("text", at=("user_details", "name")),
        "email": Standard("text", at=("user_details", "email")),
    },
    writable=False,
)  # fmt: skip
INTERACTIONS = CrmObject(
    "interactions",
    "/api/interactions/",
    (Part(("interactions",), ("count",)),),
    {
        "id": _ID, "kind": _TOLD, "direction": _TOLD, "occurred_at": _MADE,
        "duration_seconds": Standard("number"), "outcome": _TOLD, "subject": _TOLD,
        "account": Standard("reference"), "contact": Standard("reference"),
        "opportunity": Standard("reference"), "case": Standard("reference"),
        "origin": _TOLD, "created_at": _MADE,
    },
    writable=False,
    by_account=True,
)  # fmt: skip

OBJECTS: dict[str, CrmObject] = {
    one.name: one for one in (ACCOUNTS, CONTACTS, CASES, OPPORTUNITIES, TASKS, USERS, INTERACTIONS)
}
