"""Records as the service tells them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.sandbox.hubspot import rollups, stamps
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.links import Link
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.service import PORTAL_ID
from connectors.sandbox.tables import Row


def names(portal: Portal, kind: Kind, asked: Sequence[str]) -> list[str]:
    """The properties that come: those asked for that exist, or the usual ones; sorted."""
    known = [n for n in asked if portal.definitions.find(kind.type_id, n) is not None]
    shown = known if asked else kind.shown
    return sorted({*shown, *kind.system})


class Reader:
    """Tells records with the properties that a request wants; what was never set is null."""

    def __init__(self, portal: Portal, kind: Kind, asked: Iterable[str]) -> None:
        self._portal = portal
        self._kind = kind
        self._wanted = names(portal, kind, list(asked))
        self._rollups = rollups.of(kind, self._wanted)

    def record(self, row: Row) -> dict[str, Any]:
        """One record."""
        modified = stamps.text(row["SystemModstamp"])
        properties: dict[str, str | None] = {name: row[name] for name in self._wanted}
        properties["hs_object_id"] = row["Id"]
        properties[self._kind.modified] = modified
        for name, rollup in self._rollups:
            properties[name] = rollup(self._portal, row)
        return envelope(self._kind, row, properties, modified)


def written(
    kind: Kind, row: Row, sent: Iterable[str] | None, trace: str | None = None
) -> dict[str, Any]:
    """A record as the answer to a write shows it: nothing that is null.

    Args:
        kind: its object type.
        row: the record after the write.
        sent: the properties of an update; None for a new record, which is told in full.
        trace: the client's name for the input, echoed.
    """
    modified = stamps.text(row["SystemModstamp"])
    told = row if sent is None else [*sent, kind.created]
    properties: dict[str, str | None] = {
        name: row[name] for name in sorted(told) if name[0].islower() and row[name] is not None
    }
    properties["hs_object_id"] = row["Id"]
    properties[kind.modified] = modified
    body = envelope(kind, row, properties, modified)
    if trace is not None:
        body["objectWriteTraceId"] = trace
    return body


def envelope(
    kind: Kind, row: Row, properties: dict[str, str | None], modified: str
) -> dict[str, Any]:
    """What stands around the properties."""
    body: dict[str, Any] = {
        "id": row["Id"],
        "properties": properties,
        "createdAt": row[kind.created],
        "updatedAt": modified,
        "archived": bool(row["ArchivedAt"]),
    }
    if row["ArchivedAt"]:
        body["archivedAt"] = stamps.text(row["ArchivedAt"])
    if kind.page:
        body["url"] = (
            f"https://app.hubspot.com/contacts/{PORTAL_ID}/record/{kind.type_id}/{row['Id']}"
        )
    return body


class Inline:
    """Writes the associations of records into them, as a list or a read asks for."""

    def __init__(self, portal: Portal, kind: Kind, asked: Iterable[str]) -> None:
        self._portal = portal
        self._kind = kind
        self._targets = list({k.type_id: k for k in map(portal.kinds.need, asked)}.values())
        self._words: dict[tuple[str, tuple[int, ...]], list[str]] = {}

    def add(self, row: Row, body: dict[str, Any]) -> None:
        """Add the `associations` of one record; one that has none gets no such member."""
        found: dict[str, Any] = {}
        for target in self._targets:
            links = self._portal.links.of(self._kind.type_id, row["Id"], target.type_id)
            if links:
                found[target.plural.replace("_", " ")] = self._listed(target, row["Id"], links)
        if found:
            body["associations"] = found

    def _listed(self, target: Kind, from_id: str, links: Sequence[Link]) -> dict[str, Any]:
        """The first records linked to; one with several types comes once for each."""
        size = self._portal.settings.association_page
        if len(links) > 1:
            links = sorted(links, key=lambda link: int(link[0]))
        results = [
            {"id": to_id, "type": word}
            for to_id, types in links[:size]
            for word in self._named(target, types)
        ]
        if len(links) <= size:
            return {"results": results}
        after, kind = links[size][0], self._kind
        path = f"/crm/v4/objects/{kind.type_id}/{from_id}/associations/{target.type_id}"
        link = f"{self._portal.base_url}{path}?portalId={PORTAL_ID}&after={after}"
        return {"results": results, "paging": {"next": {"after": after, "link": link}}}

    def _named(self, target: Kind, types: tuple[int, ...]) -> list[str]:
        """Names of association types, as lists and reads have them."""
        key = (target.type_id, types)
        if key not in self._words:
            self._words[key] = _names_of(self._portal, self._kind, target, types)
        return self._words[key]


def _names_of(portal: Portal, kind: Kind, target: Kind, types: tuple[int, ...]) -> list[str]:
    """`ticket_to_company` is the primary one where there is such a type, else the plain one."""
    known = portal.links.kinds
    pair = (kind.type_id, target.type_id)
    both = (known.primary(*pair), known.primary(*reversed(pair)))
    word, found = f"{kind.singular}_to_{target.singular}", []
    for one in (known.find(*pair, number) for number in types):
        if one is not None:
            plain = f"{word}_unlabeled" if any(both) and one.label is None else word
            found.append(one.name or plain)
    return found
