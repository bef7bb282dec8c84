"""Moving frames in and out of tables: driver-level executemany in, one fetch out.

SQLAlchemy writes the SQL for the dialect at hand; the rows go past it, because one Python object
a row more is what costs. Frames hold physical values here: text, numbers, whole days and
milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl
from sqlalchemy import Column, Connection, Delete, Executable, Insert, MetaData, Table, Text, Update
from sqlalchemy.dialects import postgresql, sqlite

Statement = Insert | Update | Delete


def insert(
    connection: Connection, table: Table, frame: pl.DataFrame, *, ignore: bool = False
) -> None:
    """Insert the frame's columns; `ignore` leaves rows that exist as they are."""
    statement = _insert(connection, table)
    if ignore:
        statement = statement.on_conflict_do_nothing()
    execute_many(connection, statement, frame)


def upsert(
    connection: Connection, table: Table, frame: pl.DataFrame, *, unless_older: str | None = None
) -> None:
    """Insert the frame's columns, or update those of the row with the same primary key.

    `unless_older` names a column: a row whose stored value is greater stays as it is.
    """
    keys = [column.name for column in table.primary_key]
    statement = _insert(connection, table)
    changed = {name: statement.excluded[name] for name in frame.columns if name not in keys}
    if not changed:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    else:
        where = None
        if unless_older is not None:
            where = statement.excluded[unless_older] >= table.c[unless_older]
        statement = statement.on_conflict_do_update(index_elements=keys, set_=changed, where=where)
    execute_many(connection, statement, frame)


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def execute_many(connection: Connection, statement: Statement, frame: pl.DataFrame) -> None:
    """Run the statement once a row; its parameters are named as the frame's columns."""
    if frame.is_empty():
        return
    compiled = statement.compile(dialect=connection.dialect, column_keys=frame.columns)
    rows: list[Any]
    if compiled.positional:
        rows = frame.select(compiled.positiontup or []).rows()
    else:
        rows = frame.to_dicts()
    connection.exec_driver_sql(str(compiled), rows)


def fetch(connection: Connection, query: Executable, schema: Mapping[str, Any]) -> pl.DataFrame:
    """The query's rows as a frame of the given physical schema, in one fetch."""
    result = connection.execute(query)
    cursor = result.cursor
    # The driver's own tuples: wrapping each row and value costs more than reading it.
    rows = [] if cursor is None else cursor.fetchall()
    result.close()
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


@contextmanager
def picked(connection: Connection, ids: pl.Series) -> Iterator[Table]:
    """A temporary table whose column `id` holds the given texts, each once, without nulls."""
    number = connection.info.get("picked", 0)
    connection.info["picked"] = number + 1
    table = Table(
        f"picked_{number}",
        MetaData(),
        Column("id", Text, primary_key=True),
        prefixes=["TEMPORARY"],
        sqlite_with_rowid=False,
    )
    table.create(connection, checkfirst=False)
    # A rollback takes the table along, so there is nothing to do when this is left by an error.
    insert(connection, table, ids.drop_nulls().unique().sort().alias("id").to_frame())
    yield table
    table.drop(connection, checkfirst=False)


def next_number(connection: Connection, counters: Table, name: str) -> int:
    """The next number of a counter: 1, 2, 3..."""
    query = counters.select().where(counters.c.name == name)
    row = connection.execute(query).one_or_none()
    number = 1 if row is None else int(row.value) + 1
    upsert(connection, counters, pl.DataFrame({"name": [name], "value": [number]}))
    return number
