"""The mirror: the local copy of the CRM's mapped columns, with cursors and dirty accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, Text, func, literal, select

from crm_health.entities import Kind
from crm_health.errors import BrokenInvariant
from crm_health.store import bulk, dirty, loading, quarantine, shapes, sightings
from crm_health.store.catalog import Catalog
from crm_health.store.database import Database
from crm_health.store.page import PageTx
from crm_health.store.scope import Scope
from crm_health.store.tables import FEEDS, STREAMS, to_days, to_ms


@dataclass(frozen=True)
class LastRead:
    """The last complete read of a CRM object."""

    complete_at: datetime
    rows: int


class Mirror:
    """Tables by entity. Readers need no mapping: the database knows its own shape."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._catalog = Catalog()
        #: What `newest` found last, of each column: every part of a run asks for the same.
        self._newest: dict[tuple[str, str], tuple[datetime | None, date | datetime | None]] = {}

    def prepare(
        self,
        shapes: dict[str, dict[str, Kind]],
        streams: dict[str, str],
        feeds: Mapping[str, Iterable[str]] | None = None,
    ) -> set[str]:
        """Make the tables fit the mapping; the CRM objects that must be read from the beginning.

        A table whose columns changed is dropped, made anew and read again. An entity or object
        that is no longer mapped leaves nothing behind.

        Args:
            shapes: entity to its columns (without `id`) and their kinds.
            streams: CRM object to the fingerprint of its stream's shape; rows of a changed one
                stay until its full read sweeps them.
            feeds: entity to the objects that feed it, where known. Without it, a new table
                makes every object be read again, unless pages have told what feeds it.
        """
        with self._database.write() as connection:
            return self._catalog.prepare(connection, shapes, streams, feeds or {})

    def entities(self) -> dict[str, dict[str, Kind]]:
        """The entities that the mirror holds, and their columns."""
        with self._database.read() as connection:
            return {name: cols for name, (_, cols) in self._catalog.known(connection).items()}

    def cursor(self, crm_object: str) -> str | None:
        """Where the next read of the object goes on; None from the beginning."""
        query = select(STREAMS.c.cursor).where(STREAMS.c.object == crm_object)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def last_read(self, crm_object: str) -> LastRead | None:
        """The last complete read, None where none counts any more."""
        query = select(STREAMS).where(STREAMS.c.object == crm_object)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None or row["complete_at"] is None:
            return None
        return LastRead(row["complete_at"], row["rows"] or 0)

    def full_reads(self) -> set[str]:
        """Objects whose full read has begun and not ended: it goes on from their cursor."""
        with self._database.read() as connection:
            return set(connection.execute(select(STREAMS.c.object).where(STREAMS.c.full)).scalars())

    @contextmanager
    def page(self) -> Iterator[PageTx]:
        """One transaction: rows, cursor, dirty accounts and quarantine, together or not at all."""
        with self._database.write() as connection:
            page = PageTx(connection, self._catalog)
            yield page
            page.flush()
        self._newest.clear()

    def load(
        self, entity: str, columns: Sequence[str], scope: Scope, *, true: str | None = None
    ) -> pl.DataFrame:
        """The rows of the accounts in scope, in no particular order; with `true` where it is so.

        Shapes:
            `id`, then `account_id` (for all but user: the row's own, else its contact's), the
            columns asked for, and `contact_role` where rows have a contact. Typed by kind. Rows
            that reach no account come only with `Scope.all()`.

        Raises:
            BrokenInvariant: the mirror has no such entity or column.
        """
        with self._database.read() as connection:
            reach = loading.reach(connection, self._catalog, entity)
            known = {shapes.ID, shapes.ACCOUNT_ID, shapes.CONTACT_ROLE, *reach.columns}
            unknown = sorted(set(columns) - known | {true or ""} - {"", *reach.columns})
            if unknown:
                raise BrokenInvariant(f"the mirror's {entity} has no {', '.join(unknown)}")
            return loading.load(connection, reach, columns, scope, true)

    def count(self, entity: str, *, present: str | None = None, true: str | None = None) -> int:
        """How many rows the entity has: all, with a value in `present`, or where `true` is."""
        with self._database.read() as connection:
            table, _ = self._catalog.get(connection, entity)
            query = select(func.count()).select_from(table)
            if present is not None:
                query = query.where(table.c[present].is_not(None))
            if true is not None:
                query = query.where(table.c[true] == 1)
            return connection.execute(query).scalar_one()

    def account_ids(self, scope: Scope | None = None) -> pl.Series:
        """Ids of the mirrored accounts, sorted."""
        loaded = self.load(shapes.ACCOUNT, [], scope or Scope.all())
        return loaded.get_column(shapes.ID).sort()

    def known(self, crm_object: str) -> int:
        """How many rows came from the CRM object, one that feeds several entities once."""
        with self._database.read() as connection:
            return sightings.known(connection, self._catalog, crm_object)

    def vanished(self, crm_object: str, pages: Iterable[pl.Series]) -> tuple[pl.Series, int]:
        """Ids of the object's rows that are in none of the pages, sorted, and how many are known.

        The pages are kept in the database while they come, each in a transaction of its own, so
        that neither memory nor a lock has to hold them all.
        """
        seen = sightings.Sightings(self._database)
        for page in pages:
            seen.add(page)
        return seen.missing(self._catalog, crm_object)

    def astray(self, entity: str, prefix: str, columns: Sequence[str]) -> pl.DataFrame:
        """Rows of any account whose `key` does not begin with the prefix and their own account.

        Shapes:
            `id` and the columns asked for, which the entity has; typed by kind.
        """
        with self._database.read() as connection:
            table, known = self._catalog.get(connection, entity)
            kinds = {name: known[name] for name in columns if name != shapes.ID}
            start = literal(prefix, Text()) + table.c.account_id
            query = select(table.c.id, *(table.c[name] for name in kinds)).where(
                func.substr(table.c.key, 1, func.length(start)) != start
            )
            schema = {name: shapes.PHYSICAL[kind] for name, kind in kinds.items()}
            found = bulk.fetch(connection, query, {shapes.ID: pl.String, **schema})
        return shapes.decode(found, {shapes.ID: Kind.TEXT, **kinds})

    def write_through(self, entity: str, frame: pl.DataFrame) -> None:
        """Note what the CRM has just accepted, so that its echo is no change.

        Shapes:
            frame: `id` and the columns written; the row's others stay, or are null in a new row.
        """
        with self._database.write() as connection:
            table, columns = self._catalog.get(connection, entity)
            given = {name: columns[name] for name in frame.columns if name in columns}
            if given.keys() != set(frame.columns) - {shapes.ID}:
                raise BrokenInvariant(f"a column is not of the mirror's {entity}")
            new = shapes.encode(frame.unique(shapes.ID, keep="last", maintain_order=True), given)
            physical = {name: shapes.PHYSICAL[kind] for name, kind in columns.items()}
            own = {shapes.FEED: pl.String, shapes.GENERATION: pl.Int64}
            schema = {shapes.ID: pl.String, **own, **physical}
            with bulk.picked(connection, new.get_column(shapes.ID)) as ids:
                query = select(*(table.c[name] for name in schema))
                stored = bulk.fetch(connection, query.join(ids, ids.c.id == table.c.id), schema)
            rows = new.join(stored.drop(list(given)), on=shapes.ID, how="left")
            rows = rows.with_columns(
                pl.col(shapes.FEED).fill_null(pl.lit(_only_feed(connection, entity), pl.String)),
                pl.col(shapes.GENERATION).fill_null(0),
            )
            bulk.upsert(connection, table, shapes.with_own_columns(rows, entity, columns))

    def dirty(self) -> pl.Series:
        """Ids of the accounts to assess again, those waiting longest first.

        Ask `dirty_token` before this, and hand it to `clear_dirty` when they are assessed.
        """
        with self._database.read() as connection:
            return dirty.listed(connection)

    def dirty_token(self) -> int:
        """A number that later marks exceed."""
        with self._database.read() as connection:
            return dirty.token(connection)

    def clear_dirty(self, ids: pl.Series, upto: int) -> None:
        """Forget the marks of these accounts, but for those made after the token was taken."""
        with self._database.write() as connection:
            dirty.clear(connection, ids, upto)

    def mark_dirty(self, ids: pl.Series) -> None:
        """Have these accounts assessed again."""
        with self._database.write() as connection:
            dirty.mark(connection, ids.cast(pl.String).drop_nulls())

    def due_between(self, entity: str, column: str, after: datetime, upto: datetime) -> pl.Series:
        """Ids of the accounts with a row whose `column` lies in (after, upto], sorted.

        For a date column the calendar days of the two count as given: pass them in the org's
        time zone.
        """
        with self._database.read() as connection:
            reach = loading.reach(connection, self._catalog, entity)
            low, high = _bounds(reach, column, after, upto)
            due = reach.table.c[column]
            account = reach.account().label(shapes.ACCOUNT_ID)
            query = reach.select(account).where(due > low, due <= high).distinct()
            found = bulk.fetch(connection, query, {shapes.ACCOUNT_ID: pl.String})
        return found.to_series().drop_nulls().sort()

    def newest(
        self, entity: str, column: str, upto: datetime | None = None
    ) -> date | datetime | None:
        """The latest date or instant in a column, none of those after `upto`.

        Looks at every row, but once only until rows come in or another `upto` is asked for.
        """
        known = self._newest.get((entity, column))
        if known is not None and known[0] == upto:
            return known[1]
        with self._database.read() as connection:
            reach = loading.reach(connection, self._catalog, entity)
            value = reach.table.c[column]
            query = select(func.max(value).label(column))
            if upto is not None:
                query = query.where(value <= _bounds(reach, column, upto, upto)[1])
            kind = {column: reach.columns[column]}
            found = bulk.fetch(connection, query, {column: pl.Int64})
        last: Any = shapes.decode(found, kind).item()
        newest = last if isinstance(last, date) else None
        self._newest[entity, column] = (upto, newest)
        return newest

    def quarantined(self) -> pl.DataFrame:
        """Examples of what could not be used: `object`, `id`, `path`, `problem`."""
        with self._database.read() as connection:
            return quarantine.listed(connection)

    def quarantine_counts(self) -> pl.DataFrame:
        """How many rows each problem has: `object`, `problem`, `rows`; see `quarantine.counts`."""
        with self._database.read() as connection:
            return quarantine.counts(connection)


def _only_feed(connection: Connection, entity: str) -> str | None:
    objects = connection.execute(select(FEEDS.c.object).where(FEEDS.c.entity == entity))
    found = objects.scalars().all()
    return found[0] if len(found) == 1 else None


def _bounds(reach: loading.Reach, column: str, low: datetime, high: datetime) -> tuple[int, int]:
    kind = reach.columns.get(column)
    if kind is Kind.DATE:
        return to_days(low.date()), to_days(high.date())
    if kind is Kind.INSTANT:
        return to_ms(low), to_ms(high)
    raise BrokenInvariant(f"{column} is not a date or instant of {reach.table.name}")
