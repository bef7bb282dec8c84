"""One page of the CRM's rows going into the mirror: all of it commits, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    delete,
    func,
    select,
    union,
    update,
)

from crm_health.errors import BrokenInvariant
from crm_health.store import bulk, dirty, loading, merging, quarantine, shapes
from crm_health.store.catalog import Catalog
from crm_health.store.tables import FEEDS, STREAMS

_OLD = "_old_hash"


@dataclass(frozen=True)
class _Reading:
    """How far a stream is: rows seen by its current full read bear its generation."""

    generation: int
    full: bool
    #: No full read has ended since the mirror held none of its rows.
    fresh: bool


class PageTx:
    """The transaction of one page; made by `Mirror.page`.

    Raises:
        BrokenInvariant: a frame lacks ids or has columns that the mirror does not know.
    """

    def __init__(self, connection: Connection, catalog: Catalog) -> None:
        self._connection = connection
        self._catalog = catalog
        self._touched: list[pl.Series] = []
        self._bad: list[pl.DataFrame] = []
        self._well: list[pl.DataFrame] = []
        self._fed: set[tuple[str, str]] = set()

    def upsert(self, entity: str, feed: str, frame: pl.DataFrame) -> int:
        """Store rows of a CRM object; how many were new or changed.

        A row equal to what is stored is not written. The accounts of the others become dirty,
        for a row that moved both the one it left and the one it went to; those of an object's
        first full read when that read ends.

        Shapes:
            frame: `id` and columns of the entity; those left out are null. Of rows with the same
                id the last one counts.
        """
        table, columns = self._catalog.get(self._connection, entity)
        self._note_feed(feed, entity)
        reading = self._reading(feed)
        rows = _as_stored(frame, entity, columns, feed, reading.generation)
        self._well.append(rows.select(pl.lit(feed).alias("object"), shapes.ID))
        if reading.full and reading.fresh and bulk.added(self._connection, table, rows):
            # `end_full` marks their accounts: looking for each page's would cost more than storing.
            return rows.height
        stored = self._stored(table, entity, columns, rows, reading)
        changed = rows.join(
            stored.select(shapes.ID, pl.col(shapes.HASH).alias(_OLD)), on=shapes.ID, how="left"
        ).filter(pl.col(_OLD).ne_missing(pl.col(shapes.HASH)))
        changed = changed.drop(_OLD)
        if changed.is_empty():
            return 0
        bulk.upsert(self._connection, table, changed)
        before = stored.join(changed, on=shapes.ID, how="semi").select(*dirty.LINKS)
        self._touch(pl.concat([before, dirty.links_of(changed, entity, columns)]))
        return changed.height

    def _stored(
        self,
        table: Table,
        entity: str,
        columns: shapes.Columns,
        rows: pl.DataFrame,
        reading: _Reading,
    ) -> pl.DataFrame:
        with bulk.picked(self._connection, rows.get_column(shapes.ID)) as ids:
            query = select(
                table.c.id, table.c[shapes.HASH], *dirty.link_columns(table, entity, columns)
            ).join(ids, ids.c.id == table.c.id)
            schema = {shapes.ID: pl.String, shapes.HASH: pl.Int64, **dirty.LINKS}
            stored = bulk.fetch(self._connection, query, schema)
            if reading.full and stored.height:
                self._see(table, ids, reading.generation)
        return stored

    def _see(self, table: Table, ids: FromClause, generation: int) -> None:
        self._connection.execute(
            update(table)
            .where(table.c.id.in_(select(ids.c.id)))
            .values({shapes.GENERATION: generation})
        )

    def remove(self, entity: str, ids: pl.Series) -> int:
        """Remove rows; their accounts become dirty. How many there were."""
        table, columns = self._catalog.get(self._connection, entity)
        # An object of which few rows are of this entity names all others at its first read.
        if ids.is_empty() or self._connection.execute(select(table.c.id).limit(1)).first() is None:
            return 0
        with bulk.picked(self._connection, ids.cast(pl.String)) as gone:
            return self._remove(entity, table, columns, table.c.id.in_(select(gone.c.id)))

    def _remove(
        self,
        entity: str,
        table: Table,
        columns: shapes.Columns,
        where: ColumnElement[bool],
    ) -> int:
        # Before the delete: a contact must still lead to its account.
        self._touch(dirty.links(self._connection, table, entity, columns, where))
        return self._connection.execute(delete(table).where(where)).rowcount

    def move(self, parent: str, merged: pl.DataFrame) -> None:
        """Hang on its survivor what hung on a record that a merge ate.

        Shapes:
            merged: `id`, `merged_into` of rows of the entity `parent`, without nulls.
        """
        if parent in merging.PARENTS and merged.height:
            moved = merging.move(self._connection, self._catalog, parent, merged)
            self._touched.append(moved)

    def begin_full(self, crm_object: str) -> None:
        """Start reading an object from its beginning: call once, with the first page.

        The read may span many transactions and survives a crash between them: it stays open,
        and goes on from the saved cursor, until `end_full`.
        """
        reading = self._reading(crm_object)
        held = any(self._holds(entity, crm_object) for entity in self._entities(crm_object))
        self._save_stream(
            crm_object,
            generation=reading.generation + 1,
            full=True,
            # Rows of a first read that never ended still owe their accounts' marks.
            fresh=reading.fresh or not held,
        )
        quarantine.begin(self._connection, crm_object)

    def _holds(self, entity: str, crm_object: str) -> bool:
        table, _ = self._catalog.get(self._connection, entity)
        query = select(table.c.id).where(table.c[shapes.FEED] == crm_object).limit(1)
        return self._connection.execute(query).one_or_none() is not None

    def unseen(self, crm_object: str) -> int:
        """How many records of the object `end_full` would remove now: for a guard to judge."""
        reading = self._reading(crm_object)
        if not reading.full:
            return 0
        found = []
        for entity in self._entities(crm_object):
            table, _ = self._catalog.get(self._connection, entity)
            found.append(select(table.c.id).where(_not_seen(table, crm_object, reading)))
        if not found:
            return 0
        # A record that feeds two entities is gone once, as `Mirror.known` knows it once.
        ids = (union(*found) if len(found) > 1 else found[0]).subquery()
        return int(self._connection.execute(select(func.count()).select_from(ids)).scalar_one())

    def end_full(self, crm_object: str) -> int:
        """End the full read and remove the rows it did not meet; how many.

        Their accounts become dirty. Without a full read under way it does nothing, so it may be
        called with every last page.
        """
        reading = self._reading(crm_object)
        if not reading.full:
            return 0
        removed = 0
        for entity in self._entities(crm_object):
            table, columns = self._catalog.get(self._connection, entity)
            if reading.fresh:
                reach = loading.reach(self._connection, self._catalog, entity)
                # Other objects' rows of the entity as well: picking ours out would read them all.
                dirty.mark_reached(self._connection, reach.accounts())
            removed += self._remove(entity, table, columns, _not_seen(table, crm_object, reading))
        self._save_stream(crm_object, full=False, fresh=False)
        return removed

    def save_cursor(
        self,
        crm_object: str,
        cursor: str,
        *,
        complete_at: datetime | None = None,
        rows: int | None = None,
    ) -> None:
        """Where the next read goes on; `complete_at` and `rows` when this one is whole."""
        values: dict[str, Any] = {"cursor": cursor}
        if complete_at is not None:
            values["complete_at"] = complete_at
        if rows is not None:
            values["rows"] = rows
        self._save_stream(crm_object, **values)

    def quarantine(self, frame: pl.DataFrame) -> None:
        """Note cells or rows that could not be used.

        They replace all that was noted of the same records; a record that comes without
        problems is struck off.

        Shapes:
            frame: `object`, `id`, `path`, `problem`; texts of ours, never the CRM's values.
        """
        self._bad.append(frame.select(pl.col(n).cast(t) for n, t in quarantine.SCHEMA.items()))

    def replace_problem(self, problem: str, frame: pl.DataFrame) -> None:
        """Note all records that have one problem, found by looking at many records together.

        Shapes:
            frame: as `quarantine` takes it.
        """
        rows = frame.select(pl.col(n).cast(t) for n, t in quarantine.SCHEMA.items())
        quarantine.replace(self._connection, problem, rows)

    def flush(self) -> None:
        """What is done once a page, just before the commit."""
        if self._touched:
            dirty.mark(self._connection, pl.concat(self._touched))
        seen = [*self._well, *(bad.select("object", "id") for bad in self._bad)]
        if seen:
            bad = pl.concat([pl.DataFrame(schema=quarantine.SCHEMA), *self._bad])
            bad = bad.unique(["object", "id", "path"], keep="last", maintain_order=True)
            bad = bad.drop_nulls(["object", "id", "path"])
            quarantine.note(self._connection, pl.concat(seen), bad)

    def _touch(self, rows: pl.DataFrame) -> None:
        contacts = self._catalog.contacts(self._connection)
        self._touched.append(dirty.accounts(self._connection, contacts, rows))

    def _note_feed(self, crm_object: str, entity: str) -> None:
        if (crm_object, entity) not in self._fed:
            pair = pl.DataFrame({"object": [crm_object], "entity": [entity]})
            bulk.insert(self._connection, FEEDS, pair, ignore=True)
            self._fed.add((crm_object, entity))

    def _entities(self, crm_object: str) -> Sequence[str]:
        query = select(FEEDS.c.entity).where(FEEDS.c.object == crm_object).order_by(FEEDS.c.entity)
        known = self._catalog.known(self._connection)
        return [entity for entity in self._connection.execute(query).scalars() if entity in known]

    def _reading(self, crm_object: str) -> _Reading:
        columns = (STREAMS.c.generation, STREAMS.c.full, STREAMS.c.fresh)
        row = self._connection.execute(
            select(*columns).where(STREAMS.c.object == crm_object)
        ).one_or_none()
        return _Reading(0, full=False, fresh=False) if row is None else _Reading(*row)

    def _save_stream(self, crm_object: str, **values: Any) -> None:
        none = {"object": [crm_object], "generation": [0], "full": [False], "fresh": [False]}
        start = pl.DataFrame(none)
        bulk.insert(self._connection, STREAMS, start, ignore=True)
        self._connection.execute(
            update(STREAMS).where(STREAMS.c.object == crm_object).values(**values)
        )


def _not_seen(table: Table, crm_object: str, reading: _Reading) -> ColumnElement[bool]:
    return (table.c[shapes.FEED] == crm_object) & (table.c[shapes.GENERATION] < reading.generation)


def _as_stored(
    frame: pl.DataFrame, entity: str, columns: shapes.Columns, feed: str, generation: int
) -> pl.DataFrame:
    """The rows with all columns of the table, physical."""
    unknown = set(frame.columns) - {shapes.ID, *columns}
    if unknown:
        raise BrokenInvariant(f"the mirror's {entity} has no {', '.join(sorted(unknown))}")
    if shapes.ID not in frame.columns or frame.get_column(shapes.ID).has_nulls():
        raise BrokenInvariant(f"a row of {entity} has no id")
    whole = frame.with_columns(pl.lit(None).alias(n) for n in columns if n not in frame.columns)
    rows = shapes.encode(whole.unique(shapes.ID, keep="last", maintain_order=True), columns)
    return shapes.with_own_columns(rows, entity, columns).with_columns(
        pl.lit(feed, pl.String).alias(shapes.FEED),
        pl.lit(generation, pl.Int64).alias(shapes.GENERATION),
    )
