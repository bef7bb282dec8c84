"""What the account has: object types and their properties, as the token sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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
MISSING_SCOPES = "MISSING_SCOPES"
#: A custom object as a mapping names it: `p_name`, or with the account's number.
_CUSTOM = re.compile(r"p\d*_(\w+)", re.ASCII)
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
        #: Bare name of each custom object to its schema, or why the token may not see them.
        self._custom: dict[str, Mapping[str, Any]] | AuthError | None = None

    def shapes(self, objects: Sequence[str]) -> dict[str, Shape]:
        """The shapes of those objects that the account has and the token may see."""
        wanted = list(dict.fromkeys(objects))
        for name in wanted:
            if name not in self._known:
                self._known[name] = self._fetch(name)
        found = {name: self._known[name] for name in wanted}
        return {name: shape for name, shape in found.items() if shape is not None}

    def hidden(self, objects: Sequence[str]) -> dict[str, ObjectInfo]:
        """Those that the token may not see, with the scope that it lacks. `shapes` came before."""
        return {
            name: ObjectInfo(name, {}, False, False, hidden=self._refused[name].message)
            for name in objects
            if name in self._refused
        }

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
        self._custom = None
        shape = self.need(name)
        return [one for one in properties if not shape.has(one)]

    def _fetch(self, name: str) -> Shape | None:
        if name == OWNERS:
            return _owners()
        if not _NAME.fullmatch(name):
            return None
        try:
            if bare_name(name):
                return self._custom_shape(name)
            return shape_of(name, self._client.get(self._client.paths.properties(name)).json())
        except AuthError as error:
            if error.code != MISSING_SCOPES:
                raise
            self._refused[name] = error
            return None
        except SetupError:
            return None

    def _custom_shape(self, name: str) -> Shape | None:
        """From the list of schemas: asking for one that is not there would be a refused call."""
        if self._custom is None:
            try:
                body = self._client.get(self._client.paths.schemas).json()
                self._custom = by_bare_name(body.get("results") or ())
            except AuthError as error:
                self._custom = error
        if isinstance(self._custom, AuthError):
            raise self._custom
        schema = self._custom.get(bare_name(name))
        return shape_of(name, {"results": schema.get("properties")}) if schema else None


def bare_name(name: str) -> str:
    """The name of a custom object without its prefix; empty for any other object."""
    match = _CUSTOM.fullmatch(name)
    return match[1] if match else ""


def by_bare_name(schemas: Iterable[Any]) -> dict[str, Mapping[str, Any]]:
    """Schemas in use by the names that their objects were made with."""
    live = [one for one in schemas if isinstance(one, dict) and one.get("archived") is not True]
    return {
        str(one.get("name") or bare_name(str(one.get("fullyQualifiedName")))): one for one in live
    }


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
        restricted=kind == "enumeration" and not told.get("externalOptions"),
    )


def _owners() -> Shape:
    fields = {
        name: FieldInfo(name, kind, createable=False, updateable=False)
        for name, kind in _OWNER_FIELDS.items()
    }
    return Shape(ObjectInfo(OWNERS, fields, createable=False, updateable=False), stamp=None)
