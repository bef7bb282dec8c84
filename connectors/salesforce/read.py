"""Reading: what changed since a cursor, in the order (stamp, Id), with deletes.

Objects that have no stamp are read whole each time, and their deletes are found by `ids` only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

import orjson
import polars as pl

from connectors.http import Hopeless
from connectors.salesforce import soql
from connectors.salesforce.client import COMPOSITE_QUERIES, Client, Part
from connectors.salesforce.cursor import Cursor
from connectors.salesforce.describe import Describer, Shape
from connectors.salesforce.errors import QueryLost
from connectors.salesforce.wire import (
    Parsed,
    finish,
    last_position,
    parse_page,
    system_fields,
)
from crm_health.connector import Page, Request, Stream
from crm_health.errors import SetupError, Unavailable

#: Longer queries travel in a body: the service cuts URL and headers at 16,384 bytes.
URL_MAX = 14_000
EMPTY_PAGES_MAX = 10
#: How often a query that the service dropped is asked again before the run gives up.
RESTARTS_MAX = 3
#: The stretch asked of `/updated`: only its `latestDateCovered` is of interest.
COVERED = timedelta(minutes=10)
#: Seconds after which the service's clock, as last heard, is asked for again.
STALE = 120.0

_NEXT = re.compile(r"/services/data/v\d{2,3}\.0/query(?:All)?/[A-Za-z0-9_-]{1,120}", re.ASCII)


@dataclass(frozen=True)
class _Read:
    """One stream on its way, from `cursor` on."""

    stream: Stream
    shape: Shape
    cursor: Cursor
    now: datetime

    @property
    def query(self) -> str:
        shape, cursor = self.shape, self.cursor
        wanted = [*system_fields(shape), *(f.path for f in self.stream.fields)]
        where = []
        if cursor.full and shape.has("IsDeleted"):
            where.append(soql.live())
        start = cursor.start(self.now)
        if shape.stamp is None:
            if cursor.midway:
                where.append(soql.after_id(cursor.last_id))
        elif cursor.midway and cursor.stamp:
            where.append(soql.after(shape.stamp, cursor.stamp, cursor.last_id))
        elif start:
            where.append(soql.since(shape.stamp, start))
        order = [shape.stamp, "Id"] if shape.stamp else ["Id"]
        return soql.select(list(dict.fromkeys(wanted)), self.stream.object, where, order)

    @property
    def incremental(self) -> bool:
        return self.shape.stamp is not None and not self.cursor.full


class Reader:
    """Reads objects page by page."""

    def __init__(self, client: Client, describer: Describer, page_rows: int | None = None) -> None:
        self._client = client
        self._describer = describer
        # A wish: the service may still choose another size.
        self._headers = {"Sforce-Query-Options": f"batchSize={page_rows}"} if page_rows else None

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """See `Connector.changes`. Several streams share calls where that saves any."""
        shapes = self._shapes([request.stream.object for request in requests])
        now = self._now()
        reads = [
            _Read(
                request.stream,
                shapes[request.stream.object],
                Cursor.load(request.cursor),
                now,
            )
            for request in requests
        ]
        for first in range(0, len(reads), COMPOSITE_QUERIES):
            group = reads[first : first + COMPOSITE_QUERIES]
            watermarks, bodies = self._openings(group)
            for read in group:
                name = read.stream.object
                watermark = watermarks.get(name, now) if read.shape.stamp else None
                yield from self._pages(read, watermark, bodies.get(id(read)))

    def ids(self, object_name: str) -> Iterator[pl.Series]:
        """Ids of all live rows, in order."""
        shape = replace(self._shapes([object_name])[object_name], stamp=None)
        read = _Read(Stream(object_name, ()), shape, Cursor(), self._now())
        for page in self._pages(read, None, None):
            yield page.rows["id"]

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

    def _openings(self, group: Sequence[_Read]) -> tuple[dict[str, datetime], dict[int, bytes]]:
        """Watermarks by object, and first pages by read, in one call for the whole group.

        The watermarks stand before the queries: what is covered when they are taken is seen by
        the queries that follow.
        """
        covered = {
            read.stream.object: f"c{n}"
            for n, read in enumerate(group)
            if read.shape.stamp and read.shape.replicateable
        }
        asked = {id(read): f"q{n}" for n, read in enumerate(group) if read.incremental}
        parts = [
            (reference, self._covered_path(name, group[0].now))
            for name, reference in covered.items()
        ]
        parts += [
            (asked[id(read)], self._query_path(read.query)) for read in group if id(read) in asked
        ]
        answers = self._client.composite(parts, self._headers) if parts else {}
        watermarks = {}
        for name, reference in covered.items():
            found = self._watermark(name, answers.get(reference))
            if found:
                watermarks[name] = min(found, group[0].now)
        bodies = {}
        for read in group:
            part = answers.get(asked.get(id(read), ""))
            if part is not None and part.ok:
                bodies[id(read)] = orjson.dumps(part.body)
        # A part that failed is asked again on its own, where errors get their full treatment.
        return watermarks, bodies

    def _covered_path(self, name: str, now: datetime) -> str:
        end = now.replace(second=0, microsecond=0)
        span = "&".join(
            f"{key}={quote(value.isoformat(), safe='')}"
            for key, value in (("start", end - COVERED), ("end", end))
        )
        return f"{self._client.data}/sobjects/{soql.object_name(name)}/updated/?{span}"

    def _watermark(self, name: str, part: Part | None) -> datetime | None:
        if part is not None and part.ok and isinstance(part.body, dict):
            try:
                covered = datetime.fromisoformat(str(part.body.get("latestDateCovered")))
            except ValueError:
                covered = None
            if covered is not None and covered.tzinfo is not None:
                return covered
        # Then only the overlap guards against rows that become visible late.
        self._client.ports.log(
            "salesforce.no_watermark", object=name, status=part.status if part else None
        )
        return None

    def _query_path(self, query: str) -> str:
        return f"{self._client.data}/queryAll?q={quote(query, safe='')}"

    def _first_body(self, query: str) -> bytes:
        path = self._query_path(query)
        if len(path) <= URL_MAX:
            return self._client.get(path, headers=self._headers).body
        part = self._client.composite([("q0", path)], self._headers).get("q0")
        if part is None:
            raise Unavailable("Salesforce left a query unanswered.", code="CH-SF-PART")
        if not part.ok:
            raise part.error("query")
        return orjson.dumps(part.body)

    def _pages(self, read: _Read, watermark: datetime | None, body: bytes | None) -> Iterator[Page]:
        restarts = 0
        while True:
            try:
                for parsed, last in self._query(read, body):
                    read = self._advanced(read, parsed, watermark)
                    yield Page(
                        stream=read.stream,
                        rows=finish(parsed.rows, read.stream),
                        cursor=(read.cursor.finished() if last else read.cursor).dump(),
                        last=last,
                        bad=parsed.bad,
                    )
            except QueryLost as lost:
                restarts += 1
                if restarts > RESTARTS_MAX:
                    raise Unavailable(
                        f"Salesforce kept dropping the query of {read.stream.object}.",
                        code=lost.code,
                    ) from None
                body = None
            except SetupError as error:
                raise SetupError(
                    f"Reading {read.stream.object}: {error.message}", code=error.code
                ) from None
            else:
                return

    @staticmethod
    def _advanced(read: _Read, parsed: Parsed, watermark: datetime | None) -> _Read:
        if not parsed.rows.height:
            # Nothing delivered, so only the end of the read may move the cursor.
            kept = read.cursor.watermark if read.cursor.midway else watermark
            return replace(read, cursor=replace(read.cursor, watermark=kept))
        stamp, last_id = last_position(parsed.rows)
        if read.shape.stamp and stamp is None:
            raise Unavailable(
                f"Salesforce answered a row of {read.stream.object} without its stamp.",
                code="CH-SF-ROW",
            )
        return replace(read, cursor=read.cursor.at(stamp, last_id, watermark))

    def _query(self, read: _Read, body: bytes | None) -> Iterator[tuple[Parsed, bool]]:
        """Pages of one query; the last one only once all rows are there."""
        name = read.stream.object
        body = self._first_body(read.query) if body is None else body
        seen: set[str] = set()
        total: int | None = None
        rows = empty = 0
        while True:
            parsed = parse_page(body, read.stream, read.shape)
            total = parsed.total if total is None else total
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


def _next_path(url: str | None) -> str:
    if url is None or not _NEXT.fullmatch(url):
        raise Hopeless("Refused a link to the next page that leads elsewhere.", code="CH-SF-LINK")
    return url
