"""Moving frames in and out of tables, past SQLAlchemy's rows.

SQLAlchemy writes the SQL for the dialect at hand; the rows go past it, because one Python object
a row more is what costs: executemany on SQLite, COPY on PostgreSQL (`copying`). Frames hold
physical values here: text, numbers, whole days and milliseconds. No text holds a NUL: PostgreSQL
can't keep one, so neither database does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
import polars.selectors as cs
import psycopg
from sqlalchemy import (
    Column,
    Connection,
    Delete,
    Executable,
    FromClause,
    Insert,
    MetaData,
    Select,
    SelectBase,
    Table,
    Text,
    Update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from crm_health.store import copying

Statement = Insert | Update | Delete

#: Fewer rows than this are not worth a COPY.
_FEW = 500


def insert(
    connection: Connection, table: Table, frame: pl.DataFrame, *, ignore: bool = False
) -> None:
    """Insert the frame's columns; `ignore` leaves rows that exist as they are."""
    if not ignore and _by_copy(connection, frame):
        copying.into(connection, table, clean(frame))
        return
    statement = _insert(connection, table)
    if ignore:
        statement = statement.on_conflict_do_nothing()
    _merge(connection, statement, frame)


def added(connection: Connection, table: Table, frame: pl.DataFrame) -> bool:
    """Insert `clean` rows if none of them is there yet; False, and nothing done, where one is."""
    try:
        with connection.begin_nested():
            if _by_copy(connection, frame):
                copying.into(connection, table, frame)
            else:
                _execute(connection, _insert(connection, table), frame)
    except (IntegrityError, psycopg.IntegrityError):
        return False
    return True


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
    _merge(connection, statement, frame)


def upsert_selected(
    connection: Connection, table: Table, names: Sequence[str], query: Select[Any]
) -> None:
    """Insert what the query finds, or update the row with the same primary key."""
    keys = [column.name for column in table.primary_key]
    statement = _insert(connection, table).from_select(list(names), query)
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if copying.spoken_by(connection):
        return postgresql.insert(table)
    return sqlite.insert(table)


def _by_copy(connection: Connection, frame: pl.DataFrame) -> bool:
    return frame.height >= _FEW and copying.spoken_by(connection)


def _merge(
    connection: Connection, statement: sqlite.Insert | postgresql.Insert, frame: pl.DataFrame
) -> None:
    if not _by_copy(connection, frame):
        execute_many(connection, statement, frame)
        return
    with copying.staged(connection, clean(frame)) as rows:
        connection.execute(statement.from_select(frame.columns, rows.select()))


def execute_many(connection: Connection, statement: Statement, frame: pl.DataFrame) -> None:
    """Run the statement once a row; its parameters are named as the frame's columns."""
    if isinstance(statement, Update | Delete) and _by_copy(connection, frame):
        with copying.staged(connection, clean(frame)) as staged:
            connection.execute(copying.joined(statement, staged))
    else:
        _execute(connection, statement, clean(frame))


def _execute(connection: Connection, statement: Statement, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        return
    compiled = statement.compile(dialect=connection.dialect, column_keys=rows.columns)
    values: list[Any]
    if compiled.positional:
        values = rows.select(compiled.positiontup or []).rows()
    else:
        values = rows.to_dicts()
    connection.exec_driver_sql(str(compiled), values)


def clean(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame without NULs in its texts."""
    texts = frame.select(cs.string().str.contains("\0", literal=True).any())
    if not any(texts.rows()[0] if texts.width else ()):
        return frame
    return frame.with_columns(cs.string().str.replace_all("\0", "", literal=True))


def fetch(connection: Connection, query: SelectBase, schema: Mapping[str, Any]) -> pl.DataFrame:
    """The query's rows as a frame of the given physical schema, in one fetch."""
    if copying.spoken_by(connection):
        return copying.out(connection, query, schema)
    assert isinstance(query, Executable)
    result = connection.execute(query)
    cursor = result.cursor
    # The driver's own tuples: wrapping each row and value costs more than reading it.
    rows = [] if cursor is None else cursor.fetchall()
    result.close()
    return pl.DataFrame(rows, schema=dict(schema), orient="row")


@contextmanager
def picked(connection: Connection, ids: pl.Series) -> Iterator[FromClause]:
    """A table whose column `id` holds the given texts, each once, without nulls."""
    wanted = ids.drop_nulls().unique().sort().alias("id")
    if copying.spoken_by(connection):
        yield copying.listed(wanted)
        return
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
    insert(connection, table, wanted.to_frame())
    yield table
    table.drop(connection, checkfirst=False)


def next_number(connection: Connection, counters: Table, name: str) -> int:
    """The next number of a counter: 1, 2, 3..."""
    query = counters.select().where(counters.c.name == name)
    row = connection.execute(query).one_or_none()
    number = 1 if row is None else int(row.value) + 1
    upsert(connection, counters, pl.DataFrame({"name": [name], "value": [number]}))
    return number
