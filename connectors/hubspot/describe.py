"""What the account has: object types and their properties, as the token sees them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.hubspot.client import Client
from connectors.hubspot.errors import not_json
from crm_health.connector import FieldInfo, ObjectInfo
from crm_health.errors import AuthError, SetupError

OWNERS = "owners"
#: Which the mapping may read as fields: the id of the one record that matters.
LINKS = {"associations.companies": "companies", "associations.contacts": "contacts"}
#: A text property holds no more.
TEXT_MAX = 65_536
#: Survivors of a merge carry the ids of what they ate.
MERGED = "hs_merged_object_ids"

_OWNER_FIELDS = {
    "id": "string",
    "email": "string",
    "type": "enumeration",
    "firstName": "string",
    "lastName": "string",
    "userId": "number",
    "archived": "bool",
    "createdAt": "datetime",
    "updatedAt": "datetime",
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_ID = re.compile(r"\w*_id|associatedcompanyid", re.ASCII)


@dataclass(frozen=True)
class Shape:
    """One object: what the core sees of it, and what reading it needs."""

    info: ObjectInfo
    #: The property that moves when a record changes; None for owners, which are read whole.
    stamp: str | None

    def has(self, name: str) -> bool:
        """Whether there is such a property."""
        return name in self.info.fields


class Describer:
    """Describes objects once and remembers them for the life of the connector."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Shape | None] = {}
        self._refused: dict[str, AuthError] = {}

    def shapes(self, objects: Sequence[str]) -> dict[str, Shape]:
        """The shapes of those objects that the account has and the token may see."""
        wanted = list(dict.fromkeys(objects))
        for name in wanted:
            if name not in self._known:
                self._known[name] = self._fetch(name)
        found = {name: self._known[name] for name in wanted}
        return {name: shape for name, shape in found.items() if shape is not None}

    def need(self, name: str) -> Shape:
        """The shape of one object.

        Raises:
            AuthError: the token lacks the scope for it.
            SetupError: the account does not have it.
        """
        shape = self.shapes([name]).get(name)
        if shape is not None:
            return shape
        if name in self._refused:
            raise self._refused[name]
        raise SetupError(f"HubSpot has no object {name}: correct the mapping.", code="CH-HS-OBJECT")

    def gone(self, name: str, properties: Sequence[str]) -> list[str]:
        """Which of these properties an object does not have any more; asks anew."""
        self._known.pop(name, None)
        shape = self.need(name)
        return [one for one in properties if not shape.has(one)]

    def _fetch(self, name: str) -> Shape | None:
        if name == OWNERS:
            return _owners()
        if not _NAME.fullmatch(name):
            return None
        try:
            body = self._client.get(self._client.paths.properties(name)).json()
        except AuthError as error:
            if error.code != "MISSING_SCOPES":
                raise
            self._refused[name] = error
            self._client.ports.log("hubspot.unseen", object=name, why=error.message)
            return None
        except SetupError:
            return None
        return shape_of(name, body)


def shape_of(name: str, body: Mapping[str, Any]) -> Shape:
    """Read the list of an object's properties.

    Raises:
        Unavailable: it is no such list.
    """
    results = body.get("results")
    if not isinstance(results, list):
        raise not_json("properties")
    fields = {str(one["name"]): _field(one) for one in results if isinstance(one, dict)}
    fields |= {
        path: FieldInfo(path, "reference", updateable=path != f"associations.{name}")
        for path in LINKS
    }
    # Whether a feedback submission may be written is not told by its properties: it may not.
    writable = name != "feedback_submissions"
    info = ObjectInfo(
        name=name,
        fields=fields,
        createable=writable,
        updateable=writable,
        parents={"associations": tuple(LINKS.values())},
    )
    return Shape(info, stamp="lastmodifieddate" if name == "contacts" else "hs_lastmodifieddate")


def _field(told: Mapping[str, Any]) -> FieldInfo:
    metadata = told.get("modificationMetadata")
    read_only = bool(metadata.get("readOnlyValue")) if isinstance(metadata, dict) else False
    kind = str(told.get("type") or "")
    if kind == "number" and _ID.fullmatch(str(told["name"])):
        # As numbers ids beyond 2^53 would lose digits.
        kind = "string"
    writable = not read_only and not told.get("calculated")
    return FieldInfo(
        name=str(told["name"]),
        type=kind,
        createable=writable,
        updateable=writable,
        unique=bool(told.get("hasUniqueValue")),
        length=TEXT_MAX if kind == "string" else 0,
        values=tuple(
            str(option.get("value"))
            for option in told.get("options") or ()
            if isinstance(option, dict)
        ),
    )


def _owners() -> Shape:
    fields = {
        name: FieldInfo(name, kind, createable=False, updateable=False)
        for name, kind in _OWNER_FIELDS.items()
    }
    return Shape(ObjectInfo(OWNERS, fields, createable=False, updateable=False), stamp=None)
