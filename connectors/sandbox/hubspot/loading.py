"""Putting records and associations in as another portal had them, without a check or a trace."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from typing import Any

from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.waiting import SHORT

Body = Mapping[str, Any]
#: Records that are worth hiding from the garbage collector.
_MANY = 100_000


def load_records(
    portal: Portal,
    records: Mapping[str, Iterable[Body]],
    links: Iterable[Body] = (),
) -> dict[str, int]:
    """Put records and associations in as they are; returns how many by object type.

    Those of a custom object `p_<name>` that is not there yet wait until it is made.

    Args:
        portal: where to.
        records: object type -> flat records: `id`, and property values as the service writes
            them, the created and modified dates perhaps among them.
        links: `{from, to, types, pairs}`: two object types, the association type ids as read
            from the first (none: the plain one), and pairs of record ids.
    """
    # Looking for garbage among millions of new objects takes longer than making them.
    gc.disable()
    try:
        loaded = {}
        for name, rows in records.items():
            if _absent(portal, name):
                portal.waiting.keep_rows(name, rows)
                continue
            kind = portal.kinds.need(name)
            loaded[kind.plural] = portal.load(kind, rows)
        for one in links:
            if _absent(portal, one["from"]):
                portal.waiting.keep_links(one)
            else:
                _load_links(portal, one)
    finally:
        gc.enable()
    if sum(loaded.values()) > _MANY:
        gc.freeze()  # none of them is garbage: collections need not walk them each time
    return loaded


def arrive(portal: Portal, kind: Kind) -> None:
    """Load what was loaded before this custom object was there."""
    rows, links = portal.waiting.take(kind.singular)
    portal.load(kind, rows)
    for one in links:
        _load_links(portal, one)


def _absent(portal: Portal, name: str) -> bool:
    return name.startswith(SHORT) and portal.kinds.find(name) is None


def _load_links(portal: Portal, one: Body) -> None:
    start, end = (portal.kinds.need(str(one[name])).type_id for name in ("from", "to"))
    pairs = ((str(a), str(b)) for a, b in one["pairs"])
    types = one["types"]
    if not types:
        plain = portal.links.kinds.plain(start, end)
        if plain is None:
            raise ValueError(f"records of {one['from']} can't be associated with {one['to']}")
        types = [plain.type_id]
    portal.links.load(start, end, pairs, types)
