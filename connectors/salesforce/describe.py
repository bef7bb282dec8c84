"""What the org has, as the running user sees it: objects, fields, and how each can be followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.salesforce.client import COMPOSITE_MAX, Client, Part
from connectors.salesforce.errors import not_json
from connectors.salesforce.soql import object_name
from crm_health.connector import FieldInfo, ObjectInfo
from crm_health.errors import SetupError


@dataclass(frozen=True)
class Shape:
    """One object: what the core sees of it, and what reading it needs."""

    info: ObjectInfo
    #: The field that moves when a row changes, or, on history objects, when it is made.
    stamp: str | None
    #: Whether the service tells up to when its changes are complete.
    replicateable: bool

    def has(self, field: str) -> bool:
        """Whether the user can read that field of the object itself."""
        return field in self.info.fields

    def type_of(self, path: str) -> str:
        """The described type; empty for fields behind a lookup and for unknown ones."""
        field = self.info.fields.get(path)
        return field.type if field else ""


class Describer:
    """Describes objects once and remembers them for the life of the connector."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, Shape | None] = {}

    def shapes(self, objects: Sequence[str]) -> dict[str, Shape]:
        """The shapes of those objects that the org has and the user may see."""
        wanted = list(dict.fromkeys(object_name(name) for name in objects))
        fresh = [name for name in wanted if name not in self._known]
        for first in range(0, len(fresh), COMPOSITE_MAX):
            self._fetch(fresh[first : first + COMPOSITE_MAX])
        found = {name: self._known[name] for name in wanted}
        return {name: shape for name, shape in found.items() if shape is not None}

    def _fetch(self, names: Sequence[str]) -> None:
        paths = {name: f"{self._client.data}/sobjects/{name}/describe" for name in names}
        parts: dict[str, Part] = {}
        if len(names) > 1:
            parts = self._client.composite(list(paths.items()))
        for name, path in paths.items():
            part = parts.get(name)
            if part is not None and part.ok:
                self._known[name] = shape_of(part.body)
            elif part is not None and part.status == 404:
                self._known[name] = None
            else:
                self._known[name] = self._single(path)

    def _single(self, path: str) -> Shape | None:
        try:
            return shape_of(self._client.get(path).json())
        except SetupError as error:
            if error.code in ("NOT_FOUND", "INVALID_TYPE", "HTTP-404"):
                return None
            raise


def shape_of(body: Any) -> Shape:
    """Read one describe answer.

    Raises:
        Unavailable: it is not a describe answer.
    """
    if not isinstance(body, dict) or not isinstance(body.get("fields"), list):
        raise not_json("describe")
    fields: dict[str, FieldInfo] = {}
    parents: dict[str, tuple[str, ...]] = {}
    for field in body["fields"]:
        name = str(field["name"])
        fields[name] = FieldInfo(
            name=name,
            type=str(field.get("type") or ""),
            createable=bool(field.get("createable")),
            updateable=bool(field.get("updateable")),
            unique=bool(field.get("unique")),
            length=int(field.get("length") or 0),
            values=tuple(
                str(value["value"])
                for value in field.get("picklistValues") or ()
                if value.get("active", True)
            ),
            restricted=bool(field.get("restrictedPicklist")),
        )
        if field.get("relationshipName"):
            parents[str(field["relationshipName"])] = tuple(field.get("referenceTo") or ())
    name = str(body.get("name") or "")
    stamp = "SystemModstamp" if "SystemModstamp" in fields else None
    # Rows of a history object are made once and never change.
    if stamp is None and name.endswith("History") and "CreatedDate" in fields:
        stamp = "CreatedDate"
    return Shape(
        info=ObjectInfo(
            name=name,
            fields=fields,
            createable=bool(body.get("createable")),
            updateable=bool(body.get("updateable")),
            parents=parents,
        ),
        stamp=stamp,
        replicateable=bool(body.get("replicateable")),
    )
