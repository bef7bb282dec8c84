"""A CRM that takes every write and tells of what was made: a run's other side, without a wire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from crm_health.config.mapping import Mapping
from crm_health.connector import (
    RECEIPT_SCHEMA,
    Batch,
    Identity,
    ObjectInfo,
    Op,
    Outcome,
    Page,
    Request,
    Stream,
    Usage,
)
from crm_health.entities import POLARS, Kind
from crm_health.testing.clock import FixedClock
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.memory_crm import MemoryCrm
from crm_health.testing.memory_schema import define_for
from crm_health.testing.ports import make_ports

ORG = "00D000000000000001"
_BATCH = 10_000


@dataclass
class Echo:
    """Satisfies `Connector`. Accounts and cases are not told of again: the mirror knows them."""

    mapping: Mapping
    now: datetime
    #: What was made and not told of yet, by object: columns are CRM fields.
    made: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    _count: int = 0

    def identity(self) -> Identity:
        """A test org: guards are silent there."""
        return Identity(ORG, self.now, is_sandbox=True, time_zone="UTC")

    def settle(self) -> None:
        """Nothing outlasts a call here."""

    def describe(self, objects: Sequence[str]) -> dict[str, ObjectInfo]:
        """All that the mapping names."""
        crm = MemoryCrm(FixedClock(self.now))
        define_for(crm, self.mapping)
        return InMemoryConnector(crm, make_ports(crm.clock)).describe(objects)

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """What was made since the last time."""
        for request in requests:
            rows = [_typed(request.stream, f) for f in self.made.pop(request.stream.object, [])]
            empty = pl.DataFrame(schema=request.stream.schema())
            yield Page(request.stream, pl.concat([empty, *rows]), self.now.isoformat(), last=True)

    def ids(self, object: str) -> Iterator[pl.Series]:
        """Nobody asks within a week of the last time."""
        raise NotImplementedError(object)

    def write(self, batch: Batch) -> pl.DataFrame:
        """Everything is done."""
        ids = batch.rows["id"] if batch.op is Op.UPDATE else self._make(batch)
        seqs, done = batch.rows["seq"], pl.lit(Outcome.DONE.value)
        answer = pl.DataFrame({"seq": seqs, "id": ids}).with_columns(
            done.alias("outcome"), pl.lit(batch.op is not Op.UPDATE).alias("created")
        )
        return pl.concat([pl.DataFrame(schema=RECEIPT_SCHEMA), answer], how="diagonal")

    def batch_size(self, op: Op, rows: int) -> int:
        """The same for every kind of write."""
        return _BATCH

    def calls_for(self, op: Op, rows: int) -> int:
        """One call a batch."""
        return -(-rows // _BATCH)

    def usage(self) -> Usage:
        """Nothing is counted."""
        return Usage(0, {})

    def close(self) -> None:
        """There is nothing to close."""

    def _make(self, batch: Batch) -> pl.Series:
        task, found = self.mapping.write.task, []
        for part in filter(None, (batch.claim, batch)):
            start = self._count
            self._count += part.rows.height
            numbers = pl.int_range(start, self._count, eager=True).cast(pl.String).str.zfill(14)
            # Each day's own: a second one would take the first one's place.
            found = (f"a{self.now:%j}" + numbers).alias("id")
            rows = part.rows.drop("seq").with_columns(found)
            if part.object == task.object and task.is_closed:
                rows = rows.with_columns(pl.lit(value=False).alias(task.is_closed))
            self.made.setdefault(part.object, []).append(rows)
        return found


def _typed(stream: Stream, made: pl.DataFrame) -> pl.DataFrame:
    cells = [_cell(made, read.path, read.kind).alias(read.path) for read in stream.fields]
    told = made.select(
        "id",
        pl.lit(value=False).alias("deleted"),
        pl.lit(None, pl.String).alias("merged_into"),
        *cells,
    )
    return told.select(list(stream.schema()))


def _cell(made: pl.DataFrame, name: str, kind: Kind) -> pl.Expr:
    if name not in made.columns:
        return pl.lit(None, POLARS[kind])
    if made.schema[name] == pl.String and kind is Kind.DATE:
        return pl.col(name).str.to_date("%Y-%m-%d")
    if made.schema[name] == pl.String and kind is Kind.INSTANT:
        instant = pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="ms")
        return instant.dt.replace_time_zone("UTC")
    return pl.col(name).cast(POLARS[kind])
