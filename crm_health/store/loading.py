"""The queries that load an entity's rows with the account that each one reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    func,
    select,
    true,
    union_all,
)

from crm_health.entities import Kind
from crm_health.store import bulk, dirty, shapes
from crm_health.store.catalog import Catalog
from crm_health.store.scope import Scope


class Reach:
    """An entity's table joined to what leads from its rows to their accounts."""

    def __init__(
        self,
        table: Table,
        entity: str,
        columns: shapes.Columns,
        contacts: tuple[Table, shapes.Columns] | None,
    ) -> None:
        self.table = table
        self.columns = columns
        #: False for an entity like user, whose rows belong to no account.
        self.has_account = (
            shapes.account_column(entity, columns) is not None or shapes.CONTACT_ID in columns
        )
        self.has_contact = shapes.CONTACT_ID in columns
        self._own, self._contact = dirty.link_columns(table, entity, columns)
        self._contacts = contacts if self.has_contact else None

    @property
    def _leads_on(self) -> bool:
        """Whether a row without account may reach one through its contact."""
        return self._contacts is not None and shapes.ACCOUNT_ID in self._contacts[1]

    def account(self) -> ColumnElement[str | None]:
        """The account that a row reaches."""
        if self._contacts is None or not self._leads_on:
            return self._own
        return func.coalesce(self._own, self._contacts[0].c[shapes.ACCOUNT_ID])

    def accounts(self) -> list[Select[Any]]:
        """Queries for the accounts that any row reaches, each by an index of its own."""
        if not self.has_account:
            return []
        found = [select(self._own).where(self._own.is_not(None))]
        if self._leads_on:
            through = self.account()
            found.append(self.select(through).where(self._own.is_(None), through.is_not(None)))
        return found

    def role(self) -> ColumnElement[str | None]:
        """The role of the row's contact."""
        if self._contacts is None or "role" not in self._contacts[1]:
            return dirty.nothing()
        return self._contacts[0].c.role

    def select(self, *wanted: ColumnElement[Any]) -> Select[Any]:
        """A query over the table, joined to the contacts where there are any."""
        query = select(*wanted).select_from(self.table)
        if self._contacts is None:
            return query
        contacts = self._contacts[0]
        return query.outerjoin(contacts, contacts.c.id == self._contact)

    @contextmanager
    def limits(self, connection: Connection, scope: Scope) -> Iterator[list[ColumnElement[bool]]]:
        """Conditions whose rows, taken together, are those of the scope, each row once.

        They are apart because each has an index of its own.
        """
        if not self.has_account or (scope.bucket_range is None and scope.ids is None):
            yield [true()]
        elif scope.bucket_range is not None:
            own = self.table.c[shapes.BUCKET].between(*scope.bucket_range)
            parts: list[ColumnElement[bool]] = [own]
            if self._contacts is not None and self._leads_on:
                through = self._contacts[0].c[shapes.BUCKET].between(*scope.bucket_range)
                parts.append(and_(self._own.is_(None), through))
            yield parts
        else:
            ids = pl.Series("id", [], pl.String) if scope.ids is None else scope.ids
            with bulk.picked(connection, ids) as picked:
                parts = [self._own.in_(select(picked.c.id))]
                if self._contacts is not None and self._leads_on:
                    their = self._contacts[0].c[shapes.ACCOUNT_ID].in_(select(picked.c.id))
                    parts.append(and_(self._own.is_(None), their))
                yield parts


def reach(connection: Connection, catalog: Catalog, entity: str) -> Reach:
    """The entity's rows and what leads from them to their accounts."""
    table, columns = catalog.get(connection, entity)
    contacts = None
    if shapes.CONTACT in catalog.known(connection):
        contacts = catalog.get(connection, shapes.CONTACT)
    return Reach(table, entity, columns, contacts)


def load(
    connection: Connection,
    reach: Reach,
    columns: Sequence[str],
    scope: Scope,
    true: str | None = None,
) -> pl.DataFrame:
    """See `Mirror.load`."""
    wanted: list[ColumnElement[Any]] = [reach.table.c.id]
    kinds: dict[str, Kind] = {shapes.ID: Kind.TEXT}
    if reach.has_account:
        wanted.append(reach.account().label(shapes.ACCOUNT_ID))
        kinds[shapes.ACCOUNT_ID] = Kind.TEXT
    for name in columns:
        if name not in kinds and name != shapes.CONTACT_ROLE:
            wanted.append(reach.table.c[name])
            kinds[name] = reach.columns[name]
    if reach.has_contact:
        wanted.append(reach.role().label(shapes.CONTACT_ROLE))
        kinds[shapes.CONTACT_ROLE] = Kind.TEXT
    with reach.limits(connection, scope) as parts:
        only = [] if true is None else [reach.table.c[true] == 1]
        queries = [reach.select(*wanted).where(part, *only) for part in parts]
        query = union_all(*queries) if len(queries) > 1 else queries[0]
        schema = {name: shapes.PHYSICAL[kind] for name, kind in kinds.items()}
        return shapes.decode(bulk.fetch(connection, query, schema), kinds)
