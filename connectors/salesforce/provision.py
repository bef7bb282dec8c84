"""`crm-health setup` for Salesforce: objects, fields, one permission set and its assignment.

Runs as an administrator. What is there is read through the Metadata API and not from describe:
a field that no permission set grants yet is hidden from describe, also for administrators.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from connectors.salesforce import provision_rights as rights
from connectors.salesforce import provision_soap as soap
from connectors.salesforce.client import Client
from connectors.salesforce.fields import FieldType, fits
from connectors.salesforce.provision_wanted import NewField, Wanted, wanted
from connectors.salesforce.settings import PREFIX, Settings, load
from connectors.salesforce.soql import is_id, literal, record_id, select
from crm_health.config.mapping import Mapping
from crm_health.connector import Ports, Step
from crm_health.errors import Rejected, SetupError, Unavailable


@dataclass
class _Org:
    """What the org has of what is wanted, and what it lacks."""

    objects: list[str]
    fields: list[NewField]
    #: Lists that lack words of ours: by full name, as they should be.
    lists: dict[str, dict[str, Any]]
    rights: rights.Rights
    #: Rights that the set does not grant, or grants otherwise.
    lacking: list[str]
    #: Whether the sync user has the permission set.
    assigned: bool
    user: str


class SalesforceProvisioner:
    """Satisfies `Provisioner`. `apply` run twice makes no metadata change the second time."""

    def __init__(self, admin: Client, sync: Client, mapping: Mapping, sync_user: str = "") -> None:
        self._admin, self._sync = admin, sync
        self._sync_user = sync_user
        self._wanted: Wanted = wanted(mapping)

    def missing(self) -> list[Step]:
        """Everything that is needed, in the order of making; `done` where it is there.

        Raises:
            SetupError: a field is there with another type.
        """
        return self._steps(self._look())

    def apply(self) -> list[Step]:
        """Make what is missing; every step is done.

        Raises:
            SetupError: a field is there with another type (nothing is changed then), or the org
                refuses a part.
        """
        org = self._look()
        soap.upsert(self._admin, [_object(name) for name in org.objects])
        soap.upsert(self._admin, [_field(new) for new in org.fields])
        soap.upsert(
            self._admin,
            [soap.Component("CustomField", name, whole) for name, whole in org.lists.items()],
        )
        if org.lacking:
            soap.upsert(self._admin, [rights.component(org.rights)])
        if not org.assigned:
            self._assign(org.user)
        org.objects, org.fields, org.lists, org.lacking, org.assigned = [], [], {}, [], True
        return self._steps(org)

    def close(self) -> None:
        """Drop both sessions."""
        self._admin.close()
        self._sync.close()

    def _look(self) -> _Org:
        there = soap.read(self._admin, "CustomField", [f.full_name for f in self._wanted.fields])
        wrong = [_mismatch(new, there[new.full_name]) for new in self._wanted.fields
                 if new.full_name in there]  # fmt: skip
        if any(wrong):
            raise SetupError(
                f"{'; '.join(text for text in wrong if text)}. Nothing was changed: name other "
                "fields in the mapping, or change these by hand.",
                code="CH-SF-TYPE",
            )
        objects = soap.read(self._admin, "CustomObject", self._wanted.objects)
        needed = rights.needed(self._admin, self._wanted)
        granted = rights.granted(self._admin)
        user = self._user()
        return _Org(
            objects=[name for name in self._wanted.objects if name not in objects],
            fields=[new for new in self._wanted.fields if new.full_name not in there],
            lists={
                new.full_name: longer
                for new in self._wanted.fields
                if (longer := _with_words(new, there.get(new.full_name, {})))
            },
            rights=needed,
            lacking=needed.lacking(granted or rights.Rights()),
            assigned=granted is not None and self._assignment(user) is not None,
            user=user,
        )

    def _steps(self, org: _Org) -> list[Step]:
        absent = {new.full_name for new in org.fields} | org.lists.keys()
        steps = [Step("object", name, name not in org.objects) for name in self._wanted.objects]
        steps += [
            Step(_what(new), new.shown, new.full_name not in absent) for new in self._wanted.fields
        ]
        what = f"permission set with {len(org.rights.fields)} fields"
        what += f", {len(org.lacking)} rights to change" if org.lacking else ""
        steps.append(Step(what, rights.NAME, not org.lacking))
        steps.append(Step(f"assignment to user {org.user}", rights.NAME, org.assigned))
        return steps

    def _user(self) -> str:
        """The id of the user who syncs: the one named in the settings, or who logs in to sync."""
        if not self._sync_user:
            # Not from `userinfo`: that wants another OAuth scope than the data API.
            found = self._sync.get(f"{self._sync.data}/").json()
            user = str(found.get("identity")).rpartition("/")[2]
            if is_id(user):
                return user
            raise SetupError(
                "Salesforce does not say who the user is that syncs: name the user in "
                f"{PREFIX}SYNC_USER.",
                code="CH-SF-USER",
            )
        rows = self._query(select(["Id"], "User", [f"Username = {literal(self._sync_user)}"]))
        if not rows:
            raise SetupError(
                f"The org has no user with the name in {PREFIX}SYNC_USER.", code="CH-SF-USER"
            )
        return str(rows[0]["Id"])

    def _assignment(self, user: str) -> str | None:
        query = select(
            ["Id"],
            "PermissionSetAssignment",
            [f"PermissionSet.Name = {literal(rights.NAME)}", f"AssigneeId = {record_id(user)}"],
        )
        rows = self._query(query)
        return str(rows[0]["Id"]) if rows else None

    def _assign(self, user: str) -> None:
        rows = self._query(select(["Id"], "PermissionSet", [f"Name = {literal(rights.NAME)}"]))
        if not rows:
            raise SetupError(f"The permission set {rights.NAME} was made but is not there.")
        body = orjson.dumps({"PermissionSetId": rows[0]["Id"], "AssigneeId": user})
        path = f"{self._admin.data}/sobjects/PermissionSetAssignment"
        try:
            self._admin.send("POST", path, body)
        except Rejected as error:
            # Somebody else, or an answer of ours that was lost, has assigned it.
            if error.code == "DUPLICATE_VALUE":
                return
            raise SetupError(
                f"Salesforce refused to give the permission set {rights.NAME} to user {user}: "
                "does the user's licence allow all of it? An integration user needs the "
                "permission set license Salesforce API Integration first.",
                code=error.code,
            ) from None

    def _query(self, query: str) -> list[dict[str, Any]]:
        answer = self._admin.get(f"{self._admin.data}/query", {"q": query}).json()
        rows = answer.get("records") if isinstance(answer, dict) else None
        if not isinstance(rows, list):
            raise Unavailable("Salesforce's answer to a query of setup makes no sense.")
        return rows


def provisioner(ports: Ports, api_version: str, mapping: Mapping) -> SalesforceProvisioner:
    """A provisioner with settings from the environment.

    Raises:
        ConfigError: naming each variable that is missing or wrong.
    """
    admin: Settings = load(api_version, admin=True)
    sync = load(api_version)
    return SalesforceProvisioner(
        Client(admin, ports, api_version),
        Client(sync, ports, api_version),
        mapping,
        admin.sync_user,
    )


def _object(name: str) -> soap.Component:
    label = name.removesuffix("__c").replace("_", " ")
    plural = label if label.endswith("Usage") else f"{label}s"
    letters = "".join(word[0] for word in label.split())
    return soap.Component(
        "CustomObject",
        name,
        {
            "deploymentStatus": "Deployed",
            "description": "Made by crm-health.",
            "enableActivities": "true",
            "enableReports": "true",
            "label": label,
            "nameField": {
                "displayFormat": f"{letters}-{{000000}}",
                "label": f"{label} Number",
                "type": "AutoNumber",
            },
            "pluralLabel": plural,
            # People work escalations that others own.
            "sharingModel": "ReadWrite",
        },
    )


def _field(new: NewField) -> soap.Component:
    elements: dict[str, Any] = {"label": new.label, "type": new.type.name, **new.type.elements}
    if new.help:
        elements["inlineHelpText"] = new.help
    if new.type.values:
        elements["valueSet"] = {
            "restricted": "false",
            "valueSetDefinition": {"sorted": "false", "value": _values(new.type.values)},
        }
    return soap.Component("CustomField", new.full_name, elements)


def _values(words: Iterable[str]) -> list[dict[str, str]]:
    return [{"fullName": word, "default": "false", "label": word} for word in words]


def _with_words(new: NewField, there: dict[str, Any]) -> dict[str, Any]:
    """A list that is there, with all words that it must have; empty where it has them.

    All that was read goes along: what is left out would be taken away. A list whose words stand
    elsewhere, in a global one, stays as it is.
    """
    none: list[dict[str, Any]] = [{}]
    (listed,) = there.get("valueSet") or none
    (held,) = listed.get("valueSetDefinition") or none
    # The service takes no two that differ in case alone.
    known = {value["fullName"].casefold() for value in held.get("value") or ()}
    lacking = [word for word in new.type.values if word.casefold() not in known]
    if not held or not lacking:
        return {}
    longer = {**held, "value": [*held.get("value", ()), *_values(lacking)]}
    whole = {**there, "valueSet": {**listed, "valueSetDefinition": longer}}
    return {name: value for name, value in whole.items() if name != "fullName"}


def _what(new: NewField) -> str:
    return f"field of type {new.type}{' with its words' if new.type.values else ''}"


def _mismatch(new: NewField, there: dict[str, Any]) -> str:
    """What is wrong with a field that is there, for a person; empty where it serves."""
    plain = {name: value for name, value in there.items() if isinstance(value, str)}
    found = FieldType(str(plain.get("type")), plain)
    why = fits(new.type, found)
    if not why:
        return ""
    unique = ", unique" if new.type.elements.get("unique") == "true" else ""
    return f"{new.shown} is {_shown(found)} and must be {new.type}{unique}: {why}"


def _shown(found: FieldType) -> str:
    try:
        return str(found)
    except KeyError:
        return found.name
