"""Reading: everything by list, what changed by search; values never from a search.

A search is asked inside a fixed window of modified dates and goes on behind the last id, so that
any number of records of one moment ends and comes once. It lags: each window begins an hour before
the last one ended, and what it does not find proves nothing. What no search can tell (archived
records, associations that changed) is read on a schedule of its own.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import polars as pl

from connectors.hubspot.client import Client
from connectors.hubspot.cursor import Cursor, is_place
from connectors.hubspot.describe import OWNERS, Describer
from connectors.hubspot.errors import not_json
from connectors.hubspot.records import LIST_MAX, Found, Records
from connectors.hubspot.related import BATCH as LINKS_MAX
from connectors.hubspot.wire import Unread
from crm_health.connector import Page, Request, Stream
from crm_health.errors import CrmHealthError, Unavailable

#: Rows of a page that the core gets from a list: typing and storing them costs by the page more
#: than by the row. A run that ends early reads at most so many again.
PAGE_ROWS = 10_000
#: Bytes after which such a page is full, however few rows it has.
PAGE_BYTES = 64 * 1024 * 1024
#: Hits of one search.
SEARCH_MAX = 200
#: Where a search stops answering.
HITS_MAX = 10_000
#: Seconds after which the service's clock, as last heard, is asked for again.
STALE = 120.0


@dataclass(frozen=True)
class Hits:
    """Ids that a search found, in their order."""

    ids: list[str]
    total: int
    #: Whether the service says that more follow.
    more: bool


class Reader:
    """Reads objects page by page."""

    def __init__(self, client: Client, describer: Describer, page_rows: int = PAGE_ROWS) -> None:
        """A reader of one account; pages of a list have about `page_rows` rows, 100 to a call."""
        self._page_rows = page_rows
        self._client = client
        self._describer = describer
        self._settings = client.settings

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """See `Connector.changes`."""
        for request in requests:
            yield from self._stream(request)

    def ids(self, object_name: str) -> Iterator[pl.Series]:
        """Ids of all live rows; of owners the archived ones too, which are rows all the same."""
        records = self._records(Stream(object_name, ()))
        for archived in (False, True) if object_name == OWNERS else (False,):
            for found in self._list(records, "", archived=archived):
                yield found.rows["id"]

    def _records(self, stream: Stream) -> Records:
        shape = self._describer.need(stream.object)
        return Records(self._client, self._describer, stream, shape)

    def _now(self) -> datetime:
        if self._client.now is None or self._client.silent_for > STALE:
            self._client.get(self._client.paths.account)
        if self._client.now is None:
            raise Unavailable("HubSpot's answers carry no date.", code="CH-HS-DATE")
        # The header tells whole seconds: what changes in the rest of this one comes again.
        return self._client.now

    def _stream(self, request: Request) -> Iterator[Page]:
        records, cursor = self._records(request.stream), Cursor.load(request.cursor)
        if request.stream.object == OWNERS:
            yield from self._owners(records)
            return
        now = self._now()
        if cursor.midway and not cursor.listing and cursor.start(now) is None:
            cursor = Cursor()  # from a time when the service's clock was wrong
        if cursor.end is not None and cursor.end < now:
            # What was left unfinished ends at the moment it began at: what came since follows.
            cursor = yield from self._read(records, cursor, last=False)
        if not cursor.midway:
            listing = cursor.start(now) is None or _due(
                cursor.listed, now, self._settings.list_days
            )
            cursor = cursor.begun(now, listing=listing)
        yield from self._read(records, cursor, last=True)

    def _read(
        self, records: Records, cursor: Cursor, *, last: bool
    ) -> Generator[Page, None, Cursor]:
        """The read that is under way, to its end; gives the cursor of the end."""
        if cursor.archiving:
            return (yield from self._archived(records, cursor, last=last))
        if not cursor.listing:
            cursor = yield from self._by_search(records, cursor, last=last)
            if not cursor.midway:
                return cursor
        return (yield from self._by_list(records, cursor, last=last))

    def _by_list(
        self, records: Records, cursor: Cursor, *, last: bool
    ) -> Generator[Page, None, Cursor]:
        for found in self._list(records, cursor.place):
            if found.after is None:
                return (yield from self._end(records, cursor, found, last=last))
            cursor = cursor.at(found.after, found.rows.height)
            yield _page(records, found, cursor)
        raise AssertionError("a list has a last page")

    def _list(self, records: Records, after: str, *, archived: bool = False) -> Iterator[Found]:
        """A list in groups of pages; `after` of each is where the next goes on."""
        seen = {after}
        pages: list[Unread] = []
        while True:
            try:
                page = records.page(after, archived=archived)
            except CrmHealthError:
                if pages:
                    # Paid for: a budget of fewer calls than a page takes must get on all the same.
                    yield records.found(pages, archived=archived)
                raise
            pages.append(page)
            if page.after is None:
                yield records.found(pages, archived=archived)
                return
            after = page.after
            if after in seen or not is_place(after):
                raise Unavailable(
                    f"The pages of {records.stream.object} do not end.", code="CH-HS-PAGES"
                )
            seen.add(after)
            size = sum(len(one.body) for one in pages)
            if len(pages) * LIST_MAX >= self._page_rows or size > PAGE_BYTES:
                yield records.found(pages, archived=archived)
                pages = []

    def _by_search(
        self, records: Records, cursor: Cursor, *, last: bool
    ) -> Generator[Page, None, Cursor]:
        """Pages of what changed; gives the cursor of the end, or of a list to be read instead."""
        assert cursor.end is not None  # a read is under way
        start = cursor.start(cursor.end)
        assert start is not None  # else it would be a list
        while True:
            ids: list[str] = []
            place, more = cursor.place, True
            while more and len(ids) < LINKS_MAX:
                hits = self._search(records, start, cursor.end, place)
                if not cursor.place and not ids and self._many(hits.total, cursor):
                    return cursor.begun(cursor.end, listing=True)
                ids += hits.ids
                place, more = (hits.ids[-1] if hits.ids else place), hits.more
            found = records.by_id(ids)
            if not more:
                return (yield from self._end(records, cursor, found, last=last))
            cursor = cursor.at(place, found.rows.height)
            yield _page(records, found, cursor)

    def _many(self, changed: int, cursor: Cursor) -> bool:
        """Whether so many changed that the list is quicker."""
        return changed > LINKS_MAX and changed > self._settings.list_from * cursor.size

    def _search(self, records: Records, start: datetime, end: datetime, last: str) -> Hits:
        """The next hits behind the id `last`.

        Where all of a page's hits were archived meanwhile it comes back empty although more
        follow: then the next page of the same search is asked for.
        """
        stamp = records.shape.stamp
        filters = [
            {"propertyName": stamp, "operator": "GTE", "value": _millis(start)},
            {"propertyName": stamp, "operator": "LTE", "value": _millis(end)},
        ]
        if last:
            filters.append({"propertyName": "hs_object_id", "operator": "GT", "value": last})
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": ["hs_object_id"],
            "limit": SEARCH_MAX,
        }
        path = self._client.paths.search(records.stream.object)
        for offset in range(0, HITS_MAX, SEARCH_MAX):
            told = self._client.post(path, body | ({"after": str(offset)} if offset else {})).json()
            results, total = told.get("results"), told.get("total")
            if not isinstance(results, list) or not isinstance(total, int):
                raise not_json("search")
            ids = [str(one["id"]) for one in results]
            more = bool((told.get("paging") or {}).get("next"))
            if any(int(b) <= int(a) for a, b in zip([last or "0", *ids], ids, strict=False)):
                raise Unavailable(
                    f"A search of {records.stream.object} came out of order.", code="CH-HS-ORDER"
                )
            if ids or not more:
                return Hits(ids, total, more)
        raise Unavailable(f"A search of {records.stream.object} does not end.", code="CH-HS-PAGES")

    def _end(
        self, records: Records, cursor: Cursor, found: Found, *, last: bool
    ) -> Generator[Page, None, Cursor]:
        """The last page, or what was archived after it, where that is due."""
        assert cursor.end is not None  # a read is under way
        if cursor.stamp is not None and _due(
            cursor.archived, cursor.end, self._settings.archived_days
        ):
            cursor = replace(cursor.at("", found.rows.height), archiving=True)
            yield _page(records, found, cursor)
            return (yield from self._archived(records, cursor, last=last))
        ended = cursor.finished(found.rows.height)
        if cursor.stamp is None:
            # Nothing is stored yet that could have been archived.
            ended = replace(ended, archived=cursor.end)
        yield _page(records, found, ended, last=last)
        return ended

    def _archived(
        self, records: Records, cursor: Cursor, *, last: bool
    ) -> Generator[Page, None, Cursor]:
        for found in self._list(records, cursor.place, archived=True):
            if found.after is None:
                ended = cursor.finished(0)
                yield _page(records, found, ended, last=last)
                return ended
            cursor = cursor.at(found.after, 0)
            yield _page(records, found, cursor)
        raise AssertionError("a list has a last page")

    def _owners(self, records: Records) -> Iterator[Page]:
        """Owners have no modified date to search by: they are few, and read whole."""
        cursor = Cursor()
        for archived in (False, True):
            for found in self._list(records, "", archived=archived):
                last = archived and found.after is None
                yield _page(records, found, cursor, last=last)


def _page(records: Records, found: Found, cursor: Cursor, *, last: bool = False) -> Page:
    return Page(records.stream, found.rows, cursor.dump(), last, found.bad)


def _due(before: datetime | None, now: datetime, days: float) -> bool:
    # A date ahead was taken while the service's clock was wrong.
    return before is None or before > now or now - before >= timedelta(days=days)


def _millis(instant: datetime) -> str:
    return str(round(instant.timestamp() * 1000))
