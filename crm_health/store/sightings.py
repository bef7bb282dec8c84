"""Which of an object's rows the mirror knows, and which of them a list of live ids lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl
from sqlalchemy import Column, Connection, MetaData, Select, Table, exists, func, select, union
from sqlalchemy.schema import CreateTable, DropTable

from crm_health.store import bulk, shapes
from crm_health.store.catalog import Catalog
from crm_health.store.database import Database
from crm_health.store.tables import FEEDS, TEXT

# Of the session, so it needs no lock that others would wait for.
_SEEN = Table("seen", MetaData(), Column("id", TEXT, primary_key=True), prefixes=["TEMPORARY"])


def known(connection: Connection, catalog: Catalog, crm_object: str) -> int:
    """See `Mirror.known`."""
    found = _ids(connection, catalog, crm_object)
    if not found:
        return 0
    # One that feeds two entities has its ids in both.
    ids = (union(*found) if len(found) > 1 else found[0]).subquery()
    return int(connection.execute(select(func.count()).select_from(ids)).scalar_one())


class Sightings:
    """The ids that were seen, in a temporary table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.read() as connection:
            connection.execute(DropTable(_SEEN, if_exists=True))
            connection.execute(CreateTable(_SEEN))

    def add(self, ids: pl.Series) -> None:
        """Note ids, some of them perhaps again."""
        rows = ids.cast(pl.String).drop_nulls().unique().alias("id").to_frame()
        with self._database.read() as connection:
            bulk.insert(connection, _SEEN, rows, ignore=True)

    def missing(self, catalog: Catalog, crm_object: str) -> tuple[pl.Series, int]:
        """The object's ids that were not seen, sorted, and how many ids it has; once."""
        with self._database.read() as connection:
            count = known(connection, catalog, crm_object)
            queries = _ids(connection, catalog, crm_object)
            # Not by NOT IN: PostgreSQL would look through all that was seen for each row.
            unseen = [
                q.where(~exists().where(_SEEN.c.id == q.selected_columns.id)) for q in queries
            ]
            lost = _fetched(connection, unseen)
            connection.execute(DropTable(_SEEN))
        return lost, count


def _fetched(connection: Connection, queries: Sequence[Select[Any]]) -> pl.Series:
    found = [bulk.fetch(connection, query, {shapes.ID: pl.String}).to_series() for query in queries]
    return pl.concat([pl.Series(shapes.ID, [], pl.String), *found]).unique().sort()


def _ids(connection: Connection, catalog: Catalog, crm_object: str) -> list[Select[Any]]:
    query = select(FEEDS.c.entity).where(FEEDS.c.object == crm_object).order_by(FEEDS.c.entity)
    mirrored = catalog.known(connection)
    tables = [
        catalog.get(connection, entity)[0]
        for entity in connection.execute(query).scalars().all()
        if entity in mirrored
    ]
    return [select(t.c.id).where(t.c[shapes.FEED] == crm_object) for t in tables]
