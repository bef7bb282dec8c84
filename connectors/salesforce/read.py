"""Reading: what changed since a cursor, with deletes; large windows by Bulk, the others by REST.

REST gives rows in the order (stamp, Id), Bulk in none. Objects that have no stamp are read whole
each time, and their deletes are found by `ids` only.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import orjson
import polars as pl

from connectors.http import Hopeless
from connectors.salesforce.bulk_csv import BadResults
from connectors.salesforce.bulk_jobs import JobGone
from connectors.salesforce.bulk_read import BulkReader, JobFailed
from connectors.salesforce.cells import finish, last_position
from connectors.salesforce.client import Client
from connectors.salesforce.cursor import Cursor
from connectors.salesforce.describe import Describer, Shape
from connectors.salesforce.errors import QueryLost
from connectors.salesforce.openings import Opener, Opening, query_path
from connectors.salesforce.window import Window
from connectors.salesforce.wire import Parsed, parse_page
from crm_health.connector import Page, Request, Stream
from crm_health.errors import SetupError, Unavailable

#: Longer queries travel in a body: the service cuts URL and headers at 16,384 bytes.
URL_MAX = 14_000
EMPTY_PAGES_MAX = 10
#: How often a query that the service dropped is asked again before the run gives up.
RESTARTS_MAX = 3
#: Seconds after which the service's clock, as last heard, is asked for again.
STALE = 120.0

_NEXT = re.compile(r"/services/data/v\d{2,3}\.0/query(?:All)?/[A-Za-z0-9_-]{1,120}", re.ASCII)
#: Pages, and in the end the window whose rest a job should read, if any.
_Pages = Generator[Page, None, Window | None]


class _Large(Exception):
    """A query turned out to have so many rows that a job should read them."""


class Reader:
    """Reads objects page by page."""

    def __init__(
        self,
        client: Client,
        describer: Describer,
        page_rows: int | None = None,
        *,
        bulk_from: int = 0,
        bulk_page: int = 50_000,
    ) -> None:
        """A reader of one org.

        Args:
            client: the org.
            describer: its objects.
            page_rows: rows of a REST page; a wish: the service may still choose another size.
            bulk_from: rows from which on an object is read by a job; 0 for never.
            bulk_page: rows of a page of a job's results.
        """
        self._client = client
        self._describer = describer
        self._headers = {"Sforce-Query-Options": f"batchSize={page_rows}"} if page_rows else None
        self._opener = Opener(client, self._headers)
        self._bulk = BulkReader(client, bulk_from, bulk_page)

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """See `Connector.changes`. Several streams share calls where that saves any."""
        shapes = self._shapes([request.stream.object for request in requests])
        now = self._now()
        return self._read(
            [
                Window(
                    request.stream,
                    shapes[request.stream.object],
                    Cursor.load(request.cursor),
                    now,
                )
                for request in requests
            ]
        )

    def ids(self, object_name: str) -> Iterator[pl.Series]:
        """Ids of all live rows."""
        shape = replace(self._shapes([object_name])[object_name], stamp=None)
        window = Window(Stream(object_name, ()), shape, Cursor(), self._now())
        # Held back until all are there: after a job that is lost halfway they come again.
        found = pl.concat([page.rows["id"] for page in self._read([window])])
        yield found.unique(maintain_order=True)

    def _shapes(self, names: Sequence[str]) -> dict[str, Shape]:
        shapes = self._describer.shapes(names)
        for name in names:
            if name not in shapes:
                raise SetupError(
                    f"Salesforce has no object {name}, or the integration user may not see it.",
                    code="INVALID_TYPE",
                )
        return shapes

    def _now(self) -> datetime:
        if self._client.now is None or self._client.silent_for > STALE:
            self._client.get(f"{self._client.data}/limits")
        if self._client.now is None:
            raise Unavailable("Salesforce's answers carry no date.", code="CH-SF-DATE")
        return self._client.now

    def _read(self, windows: Sequence[Window]) -> Iterator[Page]:
        """Makes all jobs, reads what is small by REST meanwhile, then the results of the jobs."""
        windows = [w if self._bulk.fits(w) else w.restarted() for w in windows]
        openings = self._opener.open(windows, count=self._bulk.on)
        running: list[tuple[Window, Opening]] = []
        small: list[tuple[Window, Opening]] = []
        for window, opening in zip(windows, openings, strict=True):
            begun = window if window.cursor.place else None
            if begun is None and self._bulk.suits(window, opening.rows or 0):
                begun = self._bulk.begin(window, opening.watermark)
                if begun:
                    yield begun.empty_page()
            if begun:
                # The first page is not needed any more.
                running.append((begun, replace(opening, body=None)))
            else:
                small.append((window, opening))
        for window, opening in small:
            left = yield from self._by_rest(window, opening)
            if left:
                running.append((left, replace(opening, body=None)))
        for window, opening in running:
            yield from self._by_bulk(window, opening)

    def _by_bulk(self, window: Window, opening: Opening) -> Iterator[Page]:
        """The pages of the window's job; one that is lost or spoilt is made again once.

        Then REST reads, which counts its rows by itself. Rows delivered before come again.
        """
        for again in (True, False):
            try:
                yield from self._bulk.pages(window)
            except (BadResults, JobGone, JobFailed) as error:
                window, begun = window.restarted(), None
                if not isinstance(error, JobFailed):
                    what = "gone" if isinstance(error, JobGone) else "unreadable"
                    self._client.ports.log(
                        f"salesforce.bulk_{what}", object=window.name, code=error.code
                    )
                    # Whatever ends this run: the next one must not come back to this job.
                    yield window.empty_page()
                    begun = self._bulk.begin(window, opening.watermark) if again else None
                if begun is None:
                    break
                window = begun
                yield window.empty_page()
            else:
                return
        yield from self._by_rest(window.restarted(), opening, large=False)

    def _by_rest(self, window: Window, opening: Opening, *, large: bool = True) -> _Pages:
        """The pages of the window in order.

        Args:
            window: what is to be read.
            opening: how it begins.
            large: whether to make a job where there are too many rows, or where the service can't
                answer in time; the window comes back with the job then.
        """
        watermark, body = opening.watermark, opening.body
        restarts = 0
        while True:
            large = large and self._bulk.allows(window)
            try:
                for parsed, last in self._query(window, body, large=large):
                    window = _advanced(window, parsed, watermark)
                    yield Page(
                        stream=window.stream,
                        rows=finish(parsed.rows, window.stream),
                        cursor=(window.cursor.finished() if last else window.cursor).dump(),
                        last=last,
                        bad=parsed.bad,
                    )
            except (QueryLost, _Large) as lost:
                body = None
                if isinstance(lost, _Large) or (large and lost.code == "QUERY_TIMEOUT"):
                    begun = self._bulk.begin(window, watermark)
                    if begun:
                        yield begun.empty_page()
                        return begun
                    continue
                restarts += 1
                if restarts > RESTARTS_MAX:
                    raise Unavailable(
                        f"Salesforce kept dropping the query of {window.name}.", code=lost.code
                    ) from None
            except SetupError as error:
                raise SetupError(
                    f"Reading {window.name}: {error.message}", code=error.code
                ) from None
            else:
                return None

    def _first_body(self, query: str) -> bytes:
        path = query_path(self._client, query)
        if len(path) <= URL_MAX:
            return self._client.get(path, headers=self._headers).body
        part = self._client.composite([("q0", path)], self._headers).get("q0")
        if part is None:
            raise Unavailable("Salesforce left a query unanswered.", code="CH-SF-PART")
        if not part.ok:
            raise part.error("query")
        return orjson.dumps(part.body)

    def _query(
        self, window: Window, body: bytes | None, *, large: bool
    ) -> Iterator[tuple[Parsed, bool]]:
        """Pages of one query; the last one only once all rows are there.

        Raises:
            _Large: `large` is set and a job suits the number of rows better.
        """
        name = window.name
        body = self._first_body(window.query) if body is None else body
        seen: set[str] = set()
        total: int | None = None
        rows = empty = 0
        while True:
            parsed = parse_page(body, window.stream, window.shape)
            if total is None:
                total = parsed.total
                if large and not parsed.done and self._bulk.suits(window, total):
                    raise _Large
            rows += parsed.rows.height
            empty = 0 if parsed.rows.height else empty + 1
            if parsed.done:
                if rows != total:
                    raise Unavailable(
                        f"Salesforce counted {total} rows of {name} but gave {rows}.",
                        code="CH-SF-COUNT",
                    )
                yield parsed, True
                return
            url = _next_path(parsed.next_url)
            if url in seen or empty >= EMPTY_PAGES_MAX or rows > total:
                raise Unavailable(f"The pages of {name} do not end.", code="CH-SF-PAGES")
            seen.add(url)
            if parsed.rows.height:
                yield parsed, False
            body = self._client.get(url, headers=self._headers).body


def _advanced(window: Window, parsed: Parsed, watermark: datetime | None) -> Window:
    if not parsed.rows.height:
        # Nothing delivered, so only the end of the read may move the cursor.
        kept = window.cursor.watermark if window.cursor.midway else watermark
        return replace(window, cursor=replace(window.cursor, watermark=kept))
    stamp, last_id = last_position(parsed.rows)
    if window.shape.stamp and stamp is None:
        raise Unavailable(
            f"Salesforce answered a row of {window.name} without its stamp.", code="CH-SF-ROW"
        )
    return replace(window, cursor=window.cursor.at(stamp, last_id, watermark))


def _next_path(url: str | None) -> str:
    if url is None or not _NEXT.fullmatch(url):
        raise Hopeless("Refused a link to the next page that leads elsewhere.", code="CH-SF-LINK")
    return url
