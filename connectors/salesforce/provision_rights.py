"""The permission set of the integration user: what it must grant, and what it grants.

It reads what the mapping reads and edits what the mapping writes: nothing can be deleted, and
fields that people own stay read-only, whatever the profile of that user allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.salesforce import provision_soap as soap
from connectors.salesforce.client import COMPOSITE_MAX, Client
from connectors.salesforce.provision_wanted import Wanted
from crm_health.errors import Unavailable

NAME = "Crm_Health"
_LABEL = "CRM Health"
_DESCRIPTION = "What crm-health reads and writes."
#: Rights on these come from the user's licence, or from a user permission.
_ACTIVITIES = frozenset({"Task", "Event"})
_NO_OBJECT_RIGHTS = _ACTIVITIES | {"User"}
#: A set that is tied to a licence grants nothing on standard objects: so this one is not.
_RIGHTS = (
    "allowCreate",
    "allowDelete",
    "allowEdit",
    "allowRead",
    "modifyAllRecords",
    "viewAllRecords",
)


@dataclass
class Rights:
    """Fields with whether they may be edited, objects with the names of their rights, and more.

    `user` holds user permissions, which stand for the object rights that activities lack.
    """

    fields: dict[str, bool] = field(default_factory=dict)
    objects: dict[str, frozenset[str]] = field(default_factory=dict)
    user: frozenset[str] = frozenset()

    def lacking(self, there: Rights) -> list[str]:
        """What is not granted, or granted otherwise, over there."""
        fields = [name for name, edit in self.fields.items() if there.fields.get(name) != edit]
        objects = [name for name, has in self.objects.items() if there.objects.get(name) != has]
        return sorted(self.user - there.user) + sorted(objects) + sorted(fields)


def needed(client: Client, wanted: Wanted) -> Rights:
    """The rights that the mapping needs, as far as the org has what it names."""
    rights = Rights()
    for new in wanted.fields:
        rights.fields[new.shown] = (new.object, new.name) in wanted.writes
    described = _described(client, sorted(wanted.read_objects | wanted.edit | wanted.create))
    for object_name, path in sorted(wanted.reads | wanted.writes):
        found = _field(described.get(object_name), path)
        # Fields that can't be hidden must not be named: the whole set would be refused.
        if found and found.get("permissionable") and _optional(found):
            name = f"{object_name}.{found['name']}"
            edits = (object_name, path) in wanted.writes and bool(found.get("updateable"))
            rights.fields[name] = rights.fields.get(name, False) or edits
    for object_name in wanted.read_objects - _NO_OBJECT_RIGHTS:
        if object_name in described or object_name in wanted.objects:
            # Without "view all" the org's sharing would hide rows, and the score be silently wrong.
            has = {"allowRead", "viewAllRecords"}
            has |= {"allowEdit"} if object_name in wanted.edit else set()
            has |= {"allowCreate"} if object_name in wanted.create else set()
            rights.objects[object_name] = frozenset(has)
    if wanted.read_objects & _ACTIVITIES:
        rights.user |= {"ActivitiesAccess"}
    if "Task" in wanted.create | wanted.edit:
        rights.user |= {"EditTask"}
    _join_activities(rights.fields)
    return rights


def _join_activities(fields: dict[str, bool]) -> None:
    """Tasks and events share their fields: what is granted on one, the service grants on both.

    Asked for apart, an event's field that we only read would come back as one we may edit, and
    the set would never look as it should.
    """
    for name in [name for name in fields if name.startswith("Task.")]:
        twin = f"Event.{name.removeprefix('Task.')}"
        if twin in fields:
            fields[name] = fields[twin] = fields[name] or fields[twin]


def granted(client: Client) -> Rights | None:
    """What the permission set grants now; None where there is none."""
    held = soap.read(client, "PermissionSet", [NAME]).get(NAME)
    if held is None:
        return None
    fields = {
        str(f["field"]): f.get("editable") == "true"
        for f in held.get("fieldPermissions", [])
        if f.get("readable") == "true"
    }
    objects = {
        str(o["object"]): frozenset(right for right in _RIGHTS if o.get(right) == "true")
        for o in held.get("objectPermissions", [])
    }
    user = {str(u["name"]) for u in held.get("userPermissions", []) if u.get("enabled") == "true"}
    return Rights(fields, objects, frozenset(user))


def component(rights: Rights) -> soap.Component:
    """The permission set as the Metadata API takes it; it replaces the one that is there."""
    elements: dict[str, Any] = {
        "description": _DESCRIPTION,
        "fieldPermissions": [
            {"editable": _bool(edit), "field": name, "readable": "true"}
            for name, edit in sorted(rights.fields.items())
        ],
        "hasActivationRequired": "false",
        "label": _LABEL,
        "objectPermissions": [
            {right: _bool(right in has) for right in _RIGHTS} | {"object": name}
            for name, has in sorted(rights.objects.items())
        ],
    }
    if rights.user:
        elements["userPermissions"] = [
            {"enabled": "true", "name": name} for name in sorted(rights.user)
        ]
    return soap.Component("PermissionSet", NAME, elements)


def _described(client: Client, objects: list[str]) -> dict[str, Mapping[str, Any]]:
    """Describe answers, whole, of those objects that the org has."""
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(objects), COMPOSITE_MAX):
        names = objects[start : start + COMPOSITE_MAX]
        parts = client.composite(
            [(name, f"{client.data}/sobjects/{name}/describe") for name in names]
        )
        for name in names:
            part = parts.get(name)
            if part is not None and part.ok and isinstance(part.body, dict):
                found[name] = part.body
            elif part is None or part.status != 404:
                raise part.error("describe") if part else _unanswered(name)
    return found


def _unanswered(name: str) -> Unavailable:
    return Unavailable(f"Salesforce did not describe {name}.", code="CH-SF-DESCRIBE")


def _field(described: Mapping[str, Any] | None, path: str) -> Mapping[str, Any] | None:
    """The described field of a path; of a path through a lookup, the lookup's field."""
    first, dot, _ = path.partition(".")
    wanted, name = ("relationshipName", first) if dot else ("name", first)
    for one in described.get("fields", []) if described else []:
        if one.get(wanted) == name and isinstance(one, dict):
            return one
    return None


def _optional(described: Mapping[str, Any]) -> bool:
    return bool(described.get("nillable")) or described.get("type") == "boolean"


def _bool(value: object) -> str:
    return "true" if value else "false"
