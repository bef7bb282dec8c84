"""What is asked of one stream: the rows from its cursor on, as a query for either API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import polars as pl

from connectors.salesforce import soql
from connectors.salesforce.cells import system_reads
from connectors.salesforce.cursor import Cursor, Place
from connectors.salesforce.describe import Shape
from crm_health.connector import Page, Stream


@dataclass(frozen=True)
class Window:
    """One stream on its way, from `cursor` on."""

    stream: Stream
    shape: Shape
    cursor: Cursor
    now: datetime

    @property
    def query(self) -> str:
        """For REST: in the order of the cursor, so that any row is a place to go on from."""
        order = [self.shape.stamp, "Id"] if self.shape.stamp else ["Id"]
        wanted = [f.path for f in (*system_reads(self.shape), *self.stream.fields)]
        return self._select(wanted, order)

    @property
    def bulk_columns(self) -> list[str]:
        """What a Bulk job selects: a field that is never empty comes last.

        A row that was cut is then known by it.
        """
        first, *others = (f.path for f in system_reads(self.shape))
        tail = others[::-1]
        middle = [f.path for f in self.stream.fields if f.path not in (first, *tail)]
        return list(dict.fromkeys([first, *middle, *tail]))

    @property
    def bulk_query(self) -> str:
        """For Bulk: without an order, which would keep the service from working in chunks."""
        return self._select(self.bulk_columns, [])

    def digest(self, version: str) -> str:
        """Tells jobs of this query apart from others; their results keep to one API version."""
        return sha256(f"{version} {self.bulk_query}".encode()).hexdigest()[:16]

    @property
    def name(self) -> str:
        """The object's name."""
        return self.stream.object

    @property
    def incremental(self) -> bool:
        """Whether only what changed is asked for."""
        return self.shape.stamp is not None and not self.cursor.full

    @property
    def whole(self) -> bool:
        """Whether all rows are asked for, so that their number in the org tells how many come."""
        return not self.cursor.midway and self._start is None

    def begun(self, place: Place, watermark: datetime | None) -> Window:
        """With the rest of this window in a job."""
        return replace(self, cursor=self.cursor.begun(place, watermark))

    def at(self, place: Place) -> Window:
        """With the results of its job read that far."""
        return replace(self, cursor=replace(self.cursor, place=place))

    def restarted(self) -> Window:
        """As it was before it had a job."""
        return replace(self, cursor=replace(self.cursor, place=None))

    def empty_page(self) -> Page:
        """A page without rows, that makes the cursor durable."""
        rows = pl.DataFrame(schema=self.stream.schema())
        return Page(self.stream, rows, self.cursor.dump(), last=False)

    @property
    def _start(self) -> datetime | None:
        return self.cursor.start(self.now) if self.shape.stamp else None

    def _select(self, wanted: list[str], order: list[str]) -> str:
        shape, cursor, start = self.shape, self.cursor, self._start
        where = []
        if cursor.full and shape.has("IsDeleted"):
            where.append(soql.live())
        if shape.stamp is None:
            if cursor.midway:
                where.append(soql.after_id(cursor.last_id))
        elif cursor.midway and cursor.stamp:
            where.append(soql.after(shape.stamp, cursor.stamp, cursor.last_id))
        elif start:
            where.append(soql.since(shape.stamp, start))
        return soql.select(list(dict.fromkeys(wanted)), self.stream.object, where, order)
