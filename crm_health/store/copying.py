"""Frames through PostgreSQL's COPY, as CSV that Polars writes and reads: no Python object a row.

Reading this way costs as much as ADBC (docs/adr/0007), and stays within the transaction.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import polars as pl
import psycopg
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Connection,
    Delete,
    Double,
    FromClause,
    LargeBinary,
    MetaData,
    SelectBase,
    Table,
    Text,
    Update,
    cast,
    column,
    func,
    literal,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.visitors import replacement_traverse

_SQL: dict[Any, Any] = {
    pl.String: Text,
    pl.Int64: BigInteger,
    pl.Float64: Double,
    pl.Boolean: Boolean,
    pl.Binary: LargeBinary,
}
# What COPY writes for a boolean.
_TRUE = "t"


def spoken_by(connection: Connection) -> bool:
    """Whether the database has COPY."""
    return connection.dialect.name == "postgresql"


def into(connection: Connection, table: Table, frame: pl.DataFrame) -> None:
    """Append the frame's columns to the table; a row that is there already is an error."""
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(name) for name in frame.columns)
    binary = [
        pl.concat_str(pl.lit("\\x"), pl.col(n).bin.encode("hex")).alias(n)
        for n in _of(frame, pl.Binary)
    ]
    # Texts are quoted and nulls are not: that is how COPY tells an empty text from none.
    rows = io.BytesIO()
    frame.with_columns(binary).write_csv(rows, include_header=False, quote_style="non_numeric")
    statement = f"COPY {quote(table.name)} ({names}) FROM STDIN (FORMAT csv)"
    # The name and the columns are quoted; COPY takes no parameters.
    with _cursor(connection) as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(rows.getbuffer())


def out(connection: Connection, query: SelectBase, schema: Mapping[str, Any]) -> pl.DataFrame:
    """The query's rows as a frame of the given physical schema."""
    # COPY takes no parameters.
    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    # SQLAlchemy doubles each percent sign, for a driver that would look for parameters there.
    written = compiled.string.replace("%%", "%")
    # A null alone in its line would be an empty line, which readers of CSV skip.
    lines = f"SELECT q.*, 0 FROM ({written}) AS q" if len(schema) == 1 else written
    buffer = io.BytesIO()
    statement = f"COPY ({lines}) TO STDOUT (FORMAT csv)".encode()
    with _cursor(connection) as cursor, cursor.copy(statement) as copy:
        for data in copy:
            buffer.write(data)
    if not buffer.tell():
        return pl.DataFrame(schema=dict(schema))
    buffer.seek(0)
    truths = [
        name
        for name, found in zip(schema, query.exported_columns, strict=True)
        if isinstance(found.type, Boolean)
    ]
    raw = {n: pl.String if n in truths or t == pl.Binary else t for n, t in schema.items()}
    if len(schema) == 1:
        raw["q"] = pl.Int64
    frame = pl.read_csv(buffer, has_header=False, schema=raw).select(list(schema))
    return frame.with_columns(
        *((pl.col(name) == _TRUE).cast(schema[name]) for name in truths),
        *(
            pl.col(name).str.strip_prefix("\\x").str.decode("hex")
            for name, dtype in schema.items()
            if dtype == pl.Binary
        ),
    )


@contextmanager
def staged(connection: Connection, frame: pl.DataFrame) -> Iterator[Table]:
    """A temporary table that holds the frame; the transaction's end empties it."""
    columns = [Column(name, _SQL[dtype]) for name, dtype in frame.schema.items()]
    shape = repr([(c.name, str(c.type)) for c in columns])
    table = Table(
        f"staged_{blake2b(shape.encode(), digest_size=8).hexdigest()}",
        MetaData(),
        *columns,
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DELETE ROWS",
    )
    # Once a session: making a table a page would bloat the server's catalogue.
    connection.execute(CreateTable(table, if_not_exists=True))
    into(connection, table, frame)
    yield table
    connection.exec_driver_sql(f"TRUNCATE {table.name}")


def joined(statement: Update | Delete, rows: Table) -> Update | Delete:
    """The statement for all rows at once: its parameters become the staged columns."""

    def instead(element: Any, **_: Any) -> Any:
        if isinstance(element, BindParameter) and element.key in rows.c:
            return rows.c[element.key]
        return None

    # Typed as anything that can be walked through.
    return replacement_traverse(statement, {}, instead)  # type: ignore[return-value]  # as given


def listed(ids: pl.Series) -> FromClause:
    """A table of one column `id` that holds these texts, as one parameter."""
    escaped = ids.str.replace_all("\0", "", literal=True).str.replace_all(r'(["\\])', r"\${1}")
    text = "{" + ",".join(f'"{i}"' for i in escaped) + "}"
    return func.unnest(cast(literal(text, Text()), ARRAY(Text))).table_valued(
        column("id", Text()), name="picked"
    ).render_derived()  # fmt: skip


def _of(frame: pl.DataFrame, dtype: Any) -> list[str]:
    return [name for name, found in frame.schema.items() if found == dtype]


def _cursor(connection: Connection) -> psycopg.Cursor[Any]:
    # Beneath SQLAlchemy's adapter, which has no COPY.
    session = connection.connection.driver_connection
    assert isinstance(session, psycopg.Connection)
    return session.cursor()
