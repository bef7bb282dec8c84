"""What hung on a record that a merge ate hangs on its survivor.

A CRM may move such rows without a new date of change: then no read of what changed tells it.
"""

from __future__ import annotations

import polars as pl
from sqlalchemy import Connection, select

from crm_health.store import bulk, dirty, shapes
from crm_health.store.catalog import Catalog

#: Entities that others hang on, and the column by which they do.
PARENTS = {shapes.ACCOUNT: shapes.ACCOUNT_ID, shapes.CONTACT: shapes.CONTACT_ID}


def move(connection: Connection, catalog: Catalog, parent: str, merged: pl.DataFrame) -> pl.Series:
    """Hang rows of all entities on survivors; gives the accounts that got or lost some.

    Shapes:
        merged: `id`, `merged_into`, without nulls.
    """
    column = PARENTS[parent]
    contacts = catalog.contacts(connection)
    touched = [pl.Series("account_id", [], pl.String)]
    for entity in sorted(catalog.known(connection)):
        table, columns = catalog.get(connection, entity)
        if column not in columns or entity == parent:
            continue
        names = [shapes.ID, shapes.FEED, shapes.GENERATION, *columns]
        kinds = {n: shapes.PHYSICAL[kind] for n, kind in columns.items()}
        own = {shapes.ID: pl.String, shapes.FEED: pl.String, shapes.GENERATION: pl.Int64}
        with bulk.picked(connection, merged["id"]) as ids:
            query = select(*(table.c[n] for n in names)).join(ids, ids.c.id == table.c[column])
            rows = bulk.fetch(connection, query, {**own, **kinds})
        if rows.is_empty():
            continue
        moved = rows.with_columns(
            pl.col(column).replace(merged["id"], merged["merged_into"]).alias(column)
        )
        bulk.upsert(connection, table, shapes.with_own_columns(moved, entity, columns))
        both = pl.concat([dirty.links_of(some, entity, columns) for some in (rows, moved)])
        touched.append(dirty.accounts(connection, contacts, both))
    return pl.concat(touched).unique()
