"""The same company in a HubSpot portal: its records, associations and owners, and what changes.

The story is told once, in Salesforce records; this is its translation. HubSpot knows no managers
of users: where nobody active is named on an account, the portal names the manager who would be
told on Salesforce as its customer success manager.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.handle import HubSpot
from connectors.sandbox.hubspot.kinds import STANDARD
from connectors.sandbox.ids import number_of
from connectors.sandbox.story.changes import Change
from connectors.sandbox.story.company import Story
from connectors.sandbox.story.portal_fields import (
    DEAL_TYPES,
    SHAPES,
    hub_id,
    rating,
    target,
)

Record = Mapping[str, Any]
_ROLES = "OpportunityContactRole"
_DEAL_TO_CONTACT = 3
#: Names of the created and the modified date, where they are not those of custom objects.
_STAMPS = {kind.plural: (kind.created, kind.modified) for kind in STANDARD}
_CUSTOM_STAMPS = ("hs_createdate", "hs_lastmodifieddate")


@dataclass(frozen=True)
class PortalStory:
    """What a portal holds of a story, as `HubSpot.load` takes it."""

    records: dict[str, list[dict[str, str]]]
    links: list[dict[str, Any]]
    owners: list[dict[str, Any]]


def translate(story: Story) -> PortalStory:
    """The story's records, associations and users as a portal holds them."""
    users = {row["Id"]: row for row in story.records.get("User", ())}
    records: dict[str, list[dict[str, str]]] = {name: [] for name in SHAPES}
    pairs: dict[tuple[str, str, tuple[int, ...]], list[tuple[str, str]]] = {}
    for name, rows in story.records.items():
        if name in ("User", _ROLES):
            continue
        for row in rows:
            if name == "Account":
                row = {**row, "Health_CSM__c": _told(row, users)}  # noqa: PLW2901  # one more field
            end = target(name, row)
            records[end].append(_record(name, end, row))
            for link in SHAPES[end].links:
                if row.get(link.field):
                    ends = hub_id(row["Id"]), hub_id(row[link.field])
                    pairs.setdefault((end, link.end, link.types), []).append(ends)
    for row in story.records.get(_ROLES, ()):
        ends = hub_id(row["OpportunityId"]), hub_id(row["ContactId"])
        pairs.setdefault(("deals", "contacts", (_DEAL_TO_CONTACT,)), []).append(ends)
    links = [
        {"from": start, "to": end, "types": types, "pairs": found}
        for (start, end, types), found in pairs.items()
    ]
    return PortalStory(records, links, [_owner(row) for row in users.values()])


def load(hub: HubSpot, story: Story) -> dict[str, int]:
    """Put a story into a portal that may have custom objects: theirs wait until setup made them.

    Returns how many records by object, those that wait among them.
    """
    told = translate(story)
    hub.settings(tier="increased")
    hub.options("deals", "dealtype", *DEAL_TYPES)
    hub.load(told.records, links=told.links, owners=told.owners)
    return {name: len(rows) for name, rows in (*told.records.items(), ("owners", told.owners))}


def save(hub: HubSpot, change: Change) -> str:
    """A person makes a change of the story in the portal; returns the record's id.

    Tasks are told apart by their `TaskSubtype`, which a change of one must name.
    """
    end = target(change.object, change.fields)
    record = hub_id(change.id) if change.id is not None else None
    sent = dict(_properties(change.object, end, change.fields, cleared=record is not None))
    if record is None:
        sent |= dict(SHAPES[end].constants)
    record = hub.edit(end, record, sent)
    for link in SHAPES[end].links:
        if change.fields.get(link.field):
            hub.associate(end, record, link.end, hub_id(change.fields[link.field]), link.types)
    return record


def _record(name: str, end: str, row: Record) -> dict[str, str]:
    made, modified = _STAMPS.get(end, _CUSTOM_STAMPS)
    record = {
        "id": hub_id(row["Id"]),
        **dict(SHAPES[end].constants),
        **dict(_properties(name, end, row)),
        made: stamps.text(row["CreatedDate"]),
        modified: stamps.text(row["SystemModstamp"]),
    }
    if end == "tickets":
        record["hs_ticket_id"] = record["id"]
    return record


def _properties(
    name: str, end: str, fields: Record, *, cleared: bool = False
) -> Iterator[tuple[str, str]]:
    """Properties and their texts; of an empty field nothing, or with `cleared` an empty one."""
    for field, prop, convert in SHAPES[end].fields:
        value = fields.get(field)
        text = convert(value) if value is not None else "" if cleared and field in fields else None
        if text is not None:
            yield prop, text
    if name == "Health_Survey__c":
        yield from rating(fields).items()


def _told(account: Record, users: Mapping[str, Record]) -> str | None:
    """Who is named as customer success manager: see the module."""
    csm, owner = (users.get(account[field] or "") for field in ("Health_CSM__c", "OwnerId"))
    named: str | None = account["Health_CSM__c"]
    if any(one is not None and one["IsActive"] for one in (csm, owner)):
        return named
    bosses = (users.get(one["ManagerId"] or "") for one in (csm, owner) if one is not None)
    return next((str(boss["Id"]) for boss in bosses if boss and boss["IsActive"]), named)


def _owner(user: Record) -> dict[str, Any]:
    return {
        "id": hub_id(user["Id"]),
        "email": user["Email"],
        "first": user["FirstName"],
        "last": user["LastName"],
        "user": number_of(user["Id"]),
        "archived": not user["IsActive"],
    }
