"""Associations that come with a new record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.sandbox.hubspot.errors import bad_request
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.portal import Portal


@dataclass(frozen=True)
class Attached:
    """One record that a new one will be associated with, and by which types."""

    target: Kind
    id: str
    types: tuple[int, ...]


def check_links(portal: Portal, kind: Kind, sent: Any) -> list[Attached]:
    """The associations that a body asks for. Raises HubError for one that can't be.

    Args:
        portal: where the other records are.
        kind: the object type of the new record.
        sent: `[{to: {id}, types: [{associationCategory, associationTypeId}]}]`; the numbers of
            the types tell what the others are.
    """
    if not isinstance(sent, Sequence) or isinstance(sent, str):
        raise bad_request("Invalid input JSON: associations must be a list")
    return [_read(portal, kind, one) for one in sent]


def _read(portal: Portal, kind: Kind, sent: Mapping[str, Any]) -> Attached:
    try:
        raw = str(sent["to"]["id"])
        types = [
            (int(one["associationTypeId"]), str(one.get("associationCategory", "")))
            for one in sent["types"]
        ]
    except (KeyError, TypeError, ValueError):
        raise bad_request("An association needs to.id and types with associationTypeId") from None
    target = _target(portal, kind, types)
    if target is None:
        raise bad_request(f"No association types {[n for n, _ in types]} from {kind.type_id}")
    other = portal.survivor(target, raw) or raw
    if portal.get(target, other) is None:
        raise bad_request(f"{target.constant}={raw} is not valid")
    return Attached(target, other, tuple(number for number, _ in types))


def _target(portal: Portal, kind: Kind, types: Sequence[tuple[int, str]]) -> Kind | None:
    """The object type to which all of these association types lead."""
    known = portal.links.kinds
    for type_id in known.targets(kind.type_id):
        if types and all(known.find(kind.type_id, type_id, *one) for one in types):
            return portal.kinds.find(type_id)
    return None


def attach(portal: Portal, kind: Kind, record_id: str, links: Iterable[Attached]) -> None:
    """Associate a new record."""
    for one in links:
        portal.link(kind.type_id, record_id, one.target.type_id, one.id, one.types)
