"""Lists of BottleCRM, page by page, with proof that no row slipped from one page into another.

Pages go by offset: a record that is made or deleted meanwhile moves all that stand behind it. So
each page begins with the last row of the page before, and where another row stands there the list
is read again from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from connectors.bottlecrm.client import Client
from connectors.bottlecrm.cursor import Place
from connectors.bottlecrm.objects import CrmObject
from connectors.bottlecrm.wire import Listed, Wanted
from crm_health.errors import Unavailable

#: How often a list is begun again because it moved.
BEGINNINGS = 5


@dataclass(frozen=True)
class Found:
    """One page: rows of text, and where the next page begins; None behind the last."""

    rows: pl.DataFrame
    following: Place | None


class _MovedError(Exception):
    """Rows before this page were made or deleted since the page before was read."""


class Listing:
    """Reads lists of one CRM."""

    def __init__(self, client: Client, page_rows: int) -> None:
        self._client = client
        self._page_rows = page_rows

    def pages(
        self,
        crm_object: CrmObject,
        wanted: Wanted,
        place: Place | None = None,
        query: Sequence[tuple[str, str]] = (),
    ) -> Iterator[Found]:
        """A list from a place on. Where it moved, rows come again.

        Raises:
            Unavailable: it moves faster than it can be read.
        """
        start = Place.load(None, len(crm_object.parts))
        place = place or start
        for _ in range(BEGINNINGS):
            try:
                yield from self._from(crm_object, wanted, place, query)
            except _MovedError:
                self._client.ports.log("bottlecrm.moved", object=crm_object.name)
                place = replace(start, account=place.account, begun=place.begun)
            else:
                return
        raise Unavailable(
            f"The list of {crm_object.name} changes faster than it can be read.", code="CH-BC-MOVED"
        )

    def _from(
        self,
        crm_object: CrmObject,
        wanted: Wanted,
        place: Place,
        query: Sequence[tuple[str, str]],
    ) -> Iterator[Found]:
        at: Place | None = place
        met: list[pl.Series] = []
        while at is not None:
            overlap = 1 if at.offset else 0
            paging = [
                ("limit", str(self._page_rows + overlap)),
                ("offset", str(at.offset - overlap)),
            ]
            body = self._client.get(crm_object.path, [*crm_object.query, *query, *paging]).body
            found = _page(at, wanted.page(body))
            met.append(found.rows["id"])
            if found.following is None and pl.concat(met).is_duplicated().any():
                # Contacts made at one instant stand in no certain order: where one comes twice,
                # another one is lacking.
                raise _MovedError
            yield found
            at = found.following


def _page(place: Place, parts: list[Listed]) -> Found:
    """What is new in a page, once it is sure that it follows the page before."""
    seen, last, fresh = [], [], []
    for part, known, before in zip(parts, place.seen, place.last, strict=True):
        rows = part.rows
        if 0 < known == place.offset:
            if rows.is_empty() or rows["id"][0] != before:
                raise _MovedError
            rows = rows.slice(1)
        if known + rows.height > part.count or (rows.is_empty() and known < part.count):
            raise _MovedError
        fresh.append(rows)
        seen.append(known + rows.height)
        last.append(str(rows["id"][-1]) if rows.height else before)
    ended = all(n >= part.count for n, part in zip(seen, parts, strict=True))
    following = None if ended else replace(place, seen=tuple(seen), last=tuple(last))
    return Found(pl.concat(fresh), following)
