"""Properties that the service works out from associations, fresh at every read.

They move no modified date, and search knows nothing of them: it goes by what was loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from connectors.sandbox.hubspot.kinds import COMPANY, CONTACT, DEAL, LINE_ITEM, Kind
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.tables import Row

Rollup = Callable[[Portal, Row], str | None]


def of(kind: Kind, wanted: Iterable[str]) -> list[tuple[str, Rollup]]:
    """The properties among those wanted that associations fill, and how."""
    return [(name, found) for name in wanted if (found := _ALL.get((kind.type_id, name)))]


def _primary_company(portal: Portal, row: Row) -> str | None:
    primary = portal.links.kinds.primary(CONTACT.type_id, COMPANY.type_id)
    links = portal.links.of(CONTACT.type_id, row["Id"], COMPANY.type_id)
    found = (to for to, types in links if primary is not None and primary.type_id in types)
    return next(found, row["associatedcompanyid"])


def _count(kind: Kind, target: Kind, name: str) -> Rollup:
    def count(portal: Portal, row: Row) -> str | None:
        number = len(portal.links.of(kind.type_id, row["Id"], target.type_id))
        return str(number) if number else row[name]

    return count


def _open_deals(portal: Portal, row: Row) -> str | None:
    deals = portal.tables.of(DEAL.type_id)
    links = portal.links.of(COMPANY.type_id, row["Id"], DEAL.type_id)
    if not links:
        stored: str | None = row["hs_num_open_deals"]
        return stored
    return str(sum(1 for i, _ in links if i in deals and deals[i]["hs_is_closed"] != "true"))


_COUNTED = (
    (COMPANY, CONTACT, "num_associated_contacts"),
    (COMPANY, DEAL, "num_associated_deals"),
    (CONTACT, DEAL, "num_associated_deals"),
    (DEAL, CONTACT, "num_associated_contacts"),
    (DEAL, LINE_ITEM, "hs_num_of_associated_line_items"),
)
_ALL: dict[tuple[str, str], Rollup] = {
    (CONTACT.type_id, "associatedcompanyid"): _primary_company,
    (COMPANY.type_id, "hs_num_open_deals"): _open_deals,
    **{(k.type_id, name): _count(k, target, name) for k, target, name in _COUNTED},
}
