"""What of the CRM's rows could not be used: some examples of each problem, and how many more.

A problem may have a million rows (the tasks on leads have no account): they are counted, and only
some are listed, so that neither the table nor who reads it grows with them.
"""

from __future__ import annotations

from typing import Any

import polars as pl
from sqlalchemy import Column, Connection, delete, func, select

from crm_health.connector import BAD_SCHEMA
from crm_health.store import bulk
from crm_health.store.tables import QUARANTINE, QUARANTINE_MORE

#: The most rows that are listed of one problem of one CRM object.
MOST = 100
SCHEMA = {"object": pl.String, **BAD_SCHEMA}
_COUNTS = {"object": pl.String, "problem": pl.String, "rows": pl.Int64}


def note(connection: Connection, seen: pl.DataFrame, bad: pl.DataFrame) -> None:
    """List problems of records that were just read, in place of all that was listed of them.

    Args:
        connection: A transaction.
        seen: `object` and `id` of every record read, the good ones too.
        bad: `object`, `id`, `path`, `problem`.
    """
    for (name,), ids in seen.group_by("object"):
        query = select(QUARANTINE.c.id, QUARANTINE.c.path, QUARANTINE.c.problem)
        listed = bulk.fetch(connection, query.where(QUARANTINE.c.object == name), BAD_SCHEMA)
        healed = listed.join(ids, on="id", how="semi")
        if healed.height:
            with bulk.picked(connection, healed.get_column("id")) as gone:
                these = QUARANTINE.c.id.in_(select(gone.c.id))
                connection.execute(delete(QUARANTINE).where(QUARANTINE.c.object == name, these))
        found = bad.filter(pl.col("object") == name)
        if found.height:
            _list(connection, found, listed.join(healed, on="id", how="anti"))


def _list(connection: Connection, found: pl.DataFrame, listed: pl.DataFrame) -> None:
    """List as many as there is room for, and count the others."""
    taken = listed.group_by("problem").agg(pl.len().cast(pl.Int64).alias("taken"))
    room = MOST - pl.col("taken").fill_null(0)
    placed = found.join(taken, on="problem", how="left", maintain_order="left").with_columns(
        (pl.int_range(pl.len()).over("object", "problem") < room).alias("fits")
    )
    bulk.upsert(connection, QUARANTINE, placed.filter("fits").select(list(SCHEMA)))
    rest = placed.filter(~pl.col("fits")).group_by("object", "problem").agg(pl.len().alias("rows"))
    if rest.height:
        old = bulk.fetch(connection, select(*_columns()), _COUNTS)
        both = pl.concat(
            [old.join(rest, on=["object", "problem"], how="semi"), rest.cast(pl.Schema(_COUNTS))]
        )
        bulk.upsert(
            connection, QUARANTINE_MORE, both.group_by("object", "problem").agg(pl.sum("rows"))
        )


def begin(connection: Connection, crm_object: str) -> None:
    """Forget how many more there were: the object is read again from its beginning."""
    connection.execute(delete(QUARANTINE_MORE).where(QUARANTINE_MORE.c.object == crm_object))


def replace(connection: Connection, problem: str, found: pl.DataFrame) -> None:
    """List all records that have one problem, found by looking at many records together."""
    for table in (QUARANTINE, QUARANTINE_MORE):
        connection.execute(delete(table).where(table.c.problem == problem))
    _list(connection, found, pl.DataFrame(schema=BAD_SCHEMA))


def listed(connection: Connection) -> pl.DataFrame:
    """The examples: `object`, `id`, `path`, `problem`."""
    query = select(*(QUARANTINE.c[name] for name in SCHEMA))
    return bulk.fetch(connection, query, SCHEMA).sort("object", "id", "path")


def counts(connection: Connection) -> pl.DataFrame:
    """How many rows each problem has: `object`, `problem`, `rows`.

    Exact up to `MOST`. Beyond, a row that changes counts again with each change, until its object
    is next read in full: only who was listed is known again.
    """
    query = select(QUARANTINE.c.object, QUARANTINE.c.problem, func.count())
    query = query.group_by(QUARANTINE.c.object, QUARANTINE.c.problem)
    few = bulk.fetch(connection, query, _COUNTS)
    more = bulk.fetch(connection, select(*_columns()), _COUNTS)
    both = pl.concat([few, more]).group_by("object", "problem").agg(pl.sum("rows"))
    return both.sort("object", "problem")


def _columns() -> list[Column[Any]]:
    return [QUARANTINE_MORE.c[name] for name in _COUNTS]
