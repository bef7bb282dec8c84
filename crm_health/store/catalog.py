"""Which mirror tables there are, and what becomes of them when the mapping changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, Table, delete, select, update

from crm_health.entities import Kind
from crm_health.errors import BrokenInvariant
from crm_health.store import dirty, shapes
from crm_health.store.tables import ENTITY_TABLES, FEEDS, QUARANTINE, STREAMS


class Catalog:
    """The mirror's tables as the database describes them, so that readers need no mapping."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Table] = {}

    def known(self, connection: Connection) -> dict[str, tuple[str, shapes.Columns]]:
        """Entity to its shape's fingerprint and its columns."""
        rows = connection.execute(select(ENTITY_TABLES)).mappings().all()
        return {
            row["entity"]: (row["shape"], {n: Kind(k) for n, k in row["columns"].items()})
            for row in rows
        }

    def get(self, connection: Connection, entity: str) -> tuple[Table, shapes.Columns]:
        """The entity's table and columns.

        Raises:
            BrokenInvariant: the mirror has no such entity.
        """
        found = self.known(connection).get(entity)
        if found is None:
            raise BrokenInvariant(f"the mirror has no entity {entity!r}: the mapping reads none")
        shape, columns = found
        return self._table(entity, shape, columns), columns

    def _table(self, entity: str, shape: str, columns: shapes.Columns) -> Table:
        key = (entity, shape)
        if key not in self._made:
            self._made[key] = shapes.table(entity, columns)
        return self._made[key]

    def prepare(
        self,
        connection: Connection,
        wanted: Mapping[str, Mapping[str, Kind]],
        streams: Mapping[str, str],
        feeds: Mapping[str, Iterable[str]],
    ) -> set[str]:
        """See `Mirror.prepare`."""
        known = self.known(connection)
        for entity in known.keys() - wanted.keys():
            self._drop(connection, entity, *known[entity])
        for entity, columns in wanted.items():
            shape = shapes.shape_hash(columns)
            if entity in known:
                if known[entity][0] == shape:
                    continue
                self._drop(connection, entity, *known[entity])
            self._make(connection, entity, shape, dict(columns))
            self._forget_feeding(connection, entity, feeds.get(entity, ()))
        return self._settle_streams(connection, streams)

    def _make(
        self, connection: Connection, entity: str, shape: str, columns: shapes.Columns
    ) -> None:
        self._table(entity, shape, columns).create(connection)
        kinds = {name: str(kind) for name, kind in columns.items()}
        row = {"entity": entity, "shape": shape, "columns": kinds}
        connection.execute(ENTITY_TABLES.insert().values(row))

    def _drop(
        self, connection: Connection, entity: str, shape: str, columns: shapes.Columns
    ) -> None:
        self._table(entity, shape, columns).drop(connection, checkfirst=True)
        connection.execute(delete(ENTITY_TABLES).where(ENTITY_TABLES.c.entity == entity))

    def _forget_feeding(self, connection: Connection, entity: str, named: Iterable[str]) -> None:
        seen = connection.execute(select(FEEDS.c.object).where(FEEDS.c.entity == entity))
        objects = {*seen.scalars(), *named}
        forget = update(STREAMS).values(cursor=None, complete_at=None, full=False)
        # Nobody knows what feeds the entity: reading all again is slow, missing rows is wrong.
        connection.execute(forget.where(STREAMS.c.object.in_(objects)) if objects else forget)

    def _settle_streams(self, connection: Connection, streams: Mapping[str, str]) -> set[str]:
        known = {row.object: row for row in connection.execute(select(STREAMS))}
        for name in known.keys() - streams.keys():
            self._unmap(connection, name)
        unread = set()
        for name, shape in streams.items():
            row = known.get(name)
            if row is None:
                start = {"generation": 0, "full": False, "fresh": False}
                connection.execute(STREAMS.insert().values(object=name, shape=shape, **start))
            elif row.shape != shape:
                connection.execute(
                    update(STREAMS)
                    .where(STREAMS.c.object == name)
                    .values(shape=shape, cursor=None, complete_at=None, full=False)
                )
            if row is None or row.shape != shape or not row.cursor:
                unread.add(name)
        return unread

    def _unmap(self, connection: Connection, name: str) -> None:
        """What an object no longer read has left behind goes: people unmap to be rid of it."""
        seen = connection.execute(select(FEEDS.c.entity).where(FEEDS.c.object == name))
        known = self.known(connection)
        for entity in sorted(set(seen.scalars()) & known.keys()):
            table, columns = self.get(connection, entity)
            from_it = table.c[shapes.FEED] == name
            rows = dirty.links(connection, table, entity, columns, from_it)
            dirty.mark(connection, dirty.accounts(connection, self.contacts(connection), rows))
            connection.execute(delete(table).where(from_it))
        connection.execute(delete(FEEDS).where(FEEDS.c.object == name))
        connection.execute(delete(QUARANTINE).where(QUARANTINE.c.object == name))
        connection.execute(delete(STREAMS).where(STREAMS.c.object == name))

    def contacts(self, connection: Connection) -> Table | None:
        """The contacts' table, where it can lead from a contact to an account."""
        known = self.known(connection)
        if shapes.CONTACT not in known or shapes.ACCOUNT_ID not in known[shapes.CONTACT][1]:
            return None
        return self.get(connection, shapes.CONTACT)[0]
