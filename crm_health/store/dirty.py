"""Accounts to assess again: which rows lead to which, and marking them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Table,
    cast,
    delete,
    func,
    literal,
    null,
    select,
)

from crm_health.entities import Kind
from crm_health.store import bulk, shapes
from crm_health.store.tables import COUNTERS, DIRTY, TEXT

#: How a row reaches its account: its own column, else its contact.
LINKS = {"account_id": pl.String, "contact_id": pl.String}
_COUNTER = "dirty"


def link_columns(
    table: Table, entity: str, columns: Mapping[str, Kind]
) -> tuple[ColumnElement[str | None], ColumnElement[str | None]]:
    """The row's own account and its contact, null where the table has no such column."""
    account = shapes.account_column(entity, columns)
    contact = shapes.CONTACT_ID if shapes.CONTACT_ID in columns else None
    return (
        nothing() if account is None else table.c[account],
        nothing() if contact is None else table.c[contact],
    )


def nothing() -> ColumnElement[str | None]:
    """A text that is always null."""
    return cast(null(), TEXT)


def links(
    connection: Connection,
    table: Table,
    entity: str,
    columns: Mapping[str, Kind],
    where: ColumnElement[bool],
) -> pl.DataFrame:
    """The links of the stored rows that the condition picks."""
    query = select(*link_columns(table, entity, columns)).where(where).distinct()
    return bulk.fetch(connection, query, LINKS)


def links_of(rows: pl.DataFrame, entity: str, columns: Mapping[str, Kind]) -> pl.DataFrame:
    """The links of rows in hand."""
    account = shapes.account_column(entity, columns)
    contact = shapes.CONTACT_ID if shapes.CONTACT_ID in columns else None
    none = pl.lit(None, pl.String)
    return rows.select(
        (none if account is None else pl.col(account)).alias("account_id"),
        (none if contact is None else pl.col(contact)).alias("contact_id"),
    )


def accounts(connection: Connection, contacts: Table | None, rows: pl.DataFrame) -> pl.Series:
    """Ids of the accounts that rows with `account_id` and `contact_id` reach."""
    own = rows.get_column("account_id").drop_nulls()
    through = rows.filter(pl.col("account_id").is_null()).get_column("contact_id").drop_nulls()
    if contacts is None or through.is_empty():
        return own.unique()
    with bulk.picked(connection, through) as ids:
        query = select(contacts.c.account_id).join(ids, ids.c.id == contacts.c.id).distinct()
        found = bulk.fetch(connection, query, {"account_id": pl.String})
    return pl.concat([own, found.to_series().drop_nulls()]).unique()


def mark(connection: Connection, ids: pl.Series) -> None:
    """Note the accounts under a number greater than all that readers have seen."""
    if ids.is_empty():
        return
    number = bulk.next_number(connection, COUNTERS, _COUNTER)
    marks = ids.unique().sort().alias("account_id").to_frame()
    bulk.upsert(connection, DIRTY, marks.with_columns(pl.lit(number, pl.Int64).alias("seq")))


def mark_reached(connection: Connection, queries: Sequence[Select[Any]]) -> None:
    """Note the accounts that the queries find, without bringing their ids here."""
    number = bulk.next_number(connection, COUNTERS, _COUNTER)
    for query in queries:
        marks = query.add_columns(literal(number, BigInteger())).distinct()
        bulk.upsert_selected(connection, DIRTY, ["account_id", "seq"], marks)


def token(connection: Connection) -> int:
    """The greatest number given to a mark so far."""
    query = select(func.coalesce(func.max(COUNTERS.c.value), 0))
    return int(connection.execute(query.where(COUNTERS.c.name == _COUNTER)).scalar_one())


def clear(connection: Connection, ids: pl.Series, upto: int) -> None:
    """Drop the marks of these accounts that are not newer than the token."""
    with bulk.picked(connection, ids.cast(pl.String)) as done:
        connection.execute(
            delete(DIRTY).where(DIRTY.c.seq <= upto, DIRTY.c.account_id.in_(select(done.c.id)))
        )


def listed(connection: Connection) -> pl.Series:
    """Ids of the accounts to assess again, those marked longest ago first."""
    query = select(DIRTY.c.account_id).order_by(DIRTY.c.seq, DIRTY.c.account_id)
    return bulk.fetch(connection, query, {"account_id": pl.String}).to_series()
