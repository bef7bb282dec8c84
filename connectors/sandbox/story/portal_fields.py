"""Where each Salesforce field of the story stands in a HubSpot portal, and in which words.

A row is a field, a property, and what makes the property's text of the field's value. Loaded
records and single saves go through the same rows, so that a change means in both what the record
did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.ids import number_of
from connectors.sandbox.story.rows import PREFIXES

Convert = Callable[[Any], str | None]
#: A portal's deal types are newbusiness and existingbusiness; its admin added these.
DEAL_TYPES = ("renewal", "downsell")
#: Faces of a satisfaction survey, as many steps as HubSpot's own answer groups.
_FACES = 50.0
# Of one length, so that ids sort as text in both CRMs alike.
_PLACES = {prefix: 101 + place for place, prefix in enumerate(PREFIXES.values())}


def hub_id(record: str) -> str:
    """The record's id in the portal. Ids of one object keep their order."""
    return f"{_PLACES[record[:3]]}{number_of(record):09d}"


def number(value: float) -> str:
    """`12` rather than `12.0`."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _text(value: Any) -> str:
    return str(value)


def _day(value: date) -> str:
    return value.isoformat()


def _noon(value: date) -> str:
    """A day in a property that holds instants: noon is that day in most of the world."""
    return f"{value.isoformat()}T12:00:00Z"


def _left(value: datetime) -> str:
    return value.date().isoformat()


def _words(words: Mapping[str, str], otherwise: str | None = None) -> Convert:
    return lambda value: words.get(value, otherwise)


def _lifecycle(type_: str) -> str:
    return "customer" if type_.startswith("Customer") else _STAGES_OF_LIFE.get(type_, "other")


def _host(site: str) -> str:
    return site.removeprefix("https://")


def _thousands(seconds: float) -> str:
    return number(seconds * 1000)


_STAGES_OF_LIFE = {"Prospect": "opportunity"}
_KINDS_OF_COMPANY = {
    "Prospect": "PROSPECT",
    "Channel Partner / Reseller": "RESELLER",
    "Technology Partner": "PARTNER",
    "Competitor": "OTHER",
}
_INDUSTRIES = {
    "Manufacturing": "MACHINERY",
    "Technology": "COMPUTER_SOFTWARE",
    "Healthcare": "HOSPITAL_HEALTH_CARE",
    "Finance": "FINANCIAL_SERVICES",
    "Insurance": "INSURANCE",
    "Retail": "RETAIL",
    "Transportation": "TRANSPORTATION_TRUCKING_RAILROAD",
    "Education": "EDUCATION_MANAGEMENT",
    "Energy": "OIL_ENERGY",
    "Construction": "CONSTRUCTION",
    "Hospitality": "HOSPITALITY",
    "Consulting": "MANAGEMENT_CONSULTING",
}
BUYING_ROLES = {
    "Champion": "CHAMPION",
    "Sponsor": "EXECUTIVE_SPONSOR",
    "Decision Maker": "DECISION_MAKER",
    "Influencer": "INFLUENCER",
}
#: Stages of the pipeline that every portal has; what is escalated waits for us.
TICKET_STAGES = {"New": "1", "Working": "2", "Escalated": "3", "Closed": "4"}
SOURCES = {"Email": "EMAIL", "Web": "FORM", "Phone": "PHONE"}
PRIORITIES = {"Critical": "URGENT", "High": "HIGH", "Medium": "MEDIUM", "Low": "LOW"}
_DEAL_KINDS = {
    "New Customer": "newbusiness",
    "Existing Customer - Upgrade": "existingbusiness",
    "Existing Customer - Replacement": "renewal",
    "Existing Customer - Downgrade": "downsell",
}
_DEAL_STAGES = {
    "Prospecting": "appointmentscheduled",
    "Qualification": "qualifiedtobuy",
    "Proposal/Price Quote": "presentationscheduled",
    "Negotiation/Review": "contractsent",
    "Closed Won": "closedwon",
    "Closed Lost": "closedlost",
}
_OWNER = ("OwnerId", "hubspot_owner_id", hub_id)
#: The instant where there is one, else the day.
_HAPPENED: tuple[tuple[str, str, Convert], ...] = (
    ("ActivityDate", "hs_timestamp", _noon),
    ("CompletedDateTime", "hs_timestamp", stamps.text),
)
#: Our own properties bear the same names in both CRMs, but for their style.
_HEALTH: tuple[tuple[str, str, Convert], ...] = (
    ("Health_CSM__c", "health_csm", hub_id),
    ("Health_Renewal_Date__c", "health_renewal_date", _day),
    ("Health_Contract_Value__c", "health_contract_value", number),
    ("Health_Override_Score__c", "health_override_score", number),
    ("Health_Override_Reason__c", "health_override_reason", _text),
    ("Health_Override_Until__c", "health_override_until", _day),
    ("Health_Score__c", "health_score", number),
    ("Health_Band__c", "health_band", _text),
    ("Health_Why__c", "health_why", _text),
)


@dataclass(frozen=True)
class Link:
    """An association that a lookup field stands for; types in the order plain, primary."""

    field: str
    end: str
    types: tuple[int, ...] = ()


@dataclass(frozen=True)
class Shape:
    """One object type of the portal."""

    fields: tuple[tuple[str, str, Convert], ...]
    links: tuple[Link, ...] = ()
    #: What every new record has.
    constants: tuple[tuple[str, str], ...] = ()


def _activity(company: int, contact: int) -> tuple[Link, ...]:
    return Link("WhatId", "companies", (company,)), Link("WhoId", "contacts", (contact,))


SHAPES: dict[str, Shape] = {
    "companies": Shape(
        (
            ("Name", "name", _text),
            ("Type", "lifecyclestage", _lifecycle),
            ("Type", "type", _words(_KINDS_OF_COMPANY)),
            ("Industry", "industry", _words(_INDUSTRIES)),
            ("NumberOfEmployees", "numberofemployees", number),
            ("BillingCity", "city", _text),
            ("BillingCountry", "country", _text),
            ("Website", "website", _text),
            ("Website", "domain", _host),
            ("ParentId", "hs_parent_company_id", hub_id),
            ("LastActivityDate", "notes_last_contacted", _noon),
            ("LastActivityDate", "notes_last_updated", _noon),
            _OWNER,
            *_HEALTH,
        ),
        (Link("ParentId", "companies", (450, 14)),),
    ),
    "contacts": Shape(
        (
            ("FirstName", "firstname", _text),
            ("LastName", "lastname", _text),
            ("Title", "jobtitle", _text),
            ("Email", "email", _text),
            ("Health_Role__c", "hs_buying_role", _words(BUYING_ROLES)),
            # The mailbox is gone: HubSpot knows why, and a person has noted the day.
            ("EmailBouncedDate", "hs_email_hard_bounce_reason_enum", lambda _: "UNKNOWN_USER"),
            ("EmailBouncedDate", "health_left_on", _left),
            _OWNER,
        ),
        (Link("AccountId", "companies", (279, 1)),),
    ),
    "tickets": Shape(
        (
            ("Subject", "subject", _text),
            ("Priority", "hs_ticket_priority", _words(PRIORITIES)),
            ("Status", "hs_pipeline_stage", _words(TICKET_STAGES)),
            ("Origin", "source_type", _words(SOURCES)),
            ("ClosedDate", "closed_date", stamps.text),
            ("Health_SLA_Due__c", "hs_time_to_close_sla_at", stamps.text),
            _OWNER,
        ),
        (Link("AccountId", "companies", (339, 26)), Link("ContactId", "contacts", (16,))),
        (("hs_pipeline", "0"),),
    ),
    "deals": Shape(
        (
            ("Name", "dealname", _text),
            ("Type", "dealtype", _words(_DEAL_KINDS)),
            ("StageName", "dealstage", _words(_DEAL_STAGES)),
            ("CloseDate", "closedate", _noon),
            ("Amount", "amount", number),
            _OWNER,
        ),
        (Link("AccountId", "companies", (341, 5)),),
        (("pipeline", "default"),),
    ),
    "calls": Shape(
        (
            ("Subject", "hs_call_title", _text),
            ("CallDurationInSeconds", "hs_call_duration", _thousands),
            ("CallType", "hs_call_direction", str.upper),
            *_HAPPENED,
            _OWNER,
        ),
        _activity(182, 194),
        (("hs_call_status", "COMPLETED"),),
    ),
    "emails": Shape(
        (
            ("Subject", "hs_email_subject", _text),
            *_HAPPENED,
            _OWNER,
        ),
        _activity(186, 198),
        (("hs_email_direction", "EMAIL"), ("hs_email_status", "SENT")),
    ),
    # Few people say what became of a meeting: it has no outcome.
    "meetings": Shape(
        (
            ("Subject", "hs_meeting_title", _text),
            ("StartDateTime", "hs_timestamp", stamps.text),
            ("StartDateTime", "hs_meeting_start_time", stamps.text),
            ("EndDateTime", "hs_meeting_end_time", stamps.text),
            _OWNER,
        ),
        _activity(188, 200),
    ),
    "tasks": Shape(
        (
            ("Subject", "hs_task_subject", _text),
            ("Status", "hs_task_status", _words({"Completed": "COMPLETED"}, "NOT_STARTED")),
            ("ActivityDate", "hs_timestamp", _noon),
            _OWNER,
        ),
        _activity(192, 204),
    ),
    # Custom objects, which setup makes: their association types are the portal's own.
    "p_health_subscription": Shape(
        (
            ("Name", "product", _text),
            ("Quantity", "quantity", number),
            ("Price", "annual_value", number),
            ("Status", "status", _words({"Obsolete": "ended"}, "active")),
            ("InstallDate", "started_on", _day),
            ("UsageEndDate", "ends_on", _day),
        ),
        (Link("AccountId", "companies"),),
    ),
    "p_health_usage": Shape(
        (
            ("Metric__c", "metric", _text),
            ("Value__c", "value", number),
            ("Day__c", "day", _day),
        ),
        (Link("Account__c", "companies"), Link("Contact__c", "contacts")),
    ),
    "feedback_submissions": Shape(
        (
            ("Kind__c", "hs_survey_type", str.upper),
            ("Answered_On__c", "hs_submission_timestamp", _noon),
        ),
        (Link("Account__c", "companies", (928,)), Link("Contact__c", "contacts", (98,))),
    ),
}
#: Salesforce object to object type; tasks depend on what they are.
OBJECTS: dict[str, str] = {
    "Account": "companies",
    "Contact": "contacts",
    "Case": "tickets",
    "Opportunity": "deals",
    "Event": "meetings",
    "Asset": "p_health_subscription",
    "Health_Usage__c": "p_health_usage",
    "Health_Survey__c": "feedback_submissions",
}
_TASKS = {"Call": "calls", "Email": "emails"}


def target(object_name: str, fields: Mapping[str, Any]) -> str:
    """The object type of the portal that holds such a record."""
    if object_name == "Task":
        return _TASKS.get(fields.get("TaskSubtype") or "", "tasks")
    return OBJECTS[object_name]


def rating(fields: Mapping[str, Any]) -> dict[str, str]:
    """A survey's answer: 0 to 10 where it asks for a recommendation, else one of three faces.

    Raises:
        ValueError: an answer between two faces.
    """
    points = fields["Points__c"]
    if fields["Kind__c"] == "nps":
        value = points / 10
        group = 0 if value <= 6 else 1 if value <= 8 else 2
    else:
        value = points / _FACES
        group = int(value)
        if group != value:
            raise ValueError(f"{points} points are none of three faces")
    return {"hs_value": number(value), "hs_response_group": str(group)}
