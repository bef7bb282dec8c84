"""A plan in the making: its rows go to the table as they are derived, and count only once fixed.

What a run that died left here is read by nobody and dropped by the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import polars as pl
from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, select, update

from crm_health.errors import BrokenInvariant
from crm_health.store import bulk
from crm_health.store.database import Database
from crm_health.store.plans import (
    DRAFTED,
    HELD,
    PLAN_SCHEMA,
    PLANNED,
    Group,
    groups,
    refused_rows,
)
from crm_health.store.runs import Run
from crm_health.store.tables import PLAN_ROWS

#: Rows that are numbered at a time.
_AT_ONCE = 20_000


class Drafts:
    """Rows that a run derives, before it is known which of them are its plan."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def drop(self) -> None:
        """Forget all drafts: those of runs that died, for there is one run at a time."""
        with self._database.write() as connection:
            connection.execute(delete(PLAN_ROWS).where(PLAN_ROWS.c.status == DRAFTED))

    def add(self, run: Run, frame: pl.DataFrame) -> None:
        """Commit some rows, in any order.

        Shapes:
            frame: columns of `PLAN_SCHEMA`, those left out are null; each row has a record id or
                a key.
        """
        if frame.is_empty():
            return
        whole = frame.with_columns(pl.lit(None).alias(n) for n in PLAN_SCHEMA if n not in frame)
        rows = whole.select(pl.col(n).cast(t) for n, t in PLAN_SCHEMA.items()).with_columns(
            pl.lit(run.id).alias("run_id"),
            pl.lit(DRAFTED).alias("status"),
            pl.coalesce("record_id", "key").alias("target"),
        )
        if rows.get_column("target").has_nulls():
            raise BrokenInvariant("a plan row has neither a record id nor a key")
        with self._database.write() as connection:
            lowest = select(func.coalesce(func.min(PLAN_ROWS.c.seq), 0))
            used = connection.execute(lowest.where(PLAN_ROWS.c.run_id == run.id)).scalar_one()
            # Below zero, so that the final numbers are free whatever is drafted.
            numbers = pl.int_range(used - 1, used - 1 - rows.height, step=-1, dtype=pl.Int64)
            bulk.insert(connection, PLAN_ROWS, rows.with_columns(numbers.alias("seq")))

    def leave_out(
        self, run: Run, kind: str, keys: pl.Series, column: Literal["key", "record_id"] = "key"
    ) -> None:
        """Drop the drafted rows of a kind that have one of the keys, or of the records' ids."""
        if keys.is_empty():
            return
        with self._database.write() as connection, bulk.picked(connection, keys) as gone:
            mine = (*_drafted(run), PLAN_ROWS.c.kind == kind)
            these = PLAN_ROWS.c[column].in_(select(gone.c.id))
            connection.execute(delete(PLAN_ROWS).where(*mine, these))

    def leave_out_refused(self, run: Run, since: datetime, held: str | None = None) -> pl.DataFrame:
        """Drop what the CRM refused since then with the very same content.

        Args:
            run: Whose draft it is.
            since: Earlier refusals don't count.
            held: A held plan that a person approved: what its rows say stays.

        Returns:
            `kind`, `key`, `account_id` and `record_id` of each row that was dropped.
        """
        # A basis says which object and record it is about.
        refused = refused_rows(("basis",), since)
        same = [*_drafted(run), PLAN_ROWS.c.basis.in_(refused)]
        if held is not None:
            same.append(~_said_in(held))
        with self._database.write() as connection:
            names = ("kind", "key", "account_id", "record_id")
            query = select(*(PLAN_ROWS.c[name] for name in names)).where(*same)
            found = bulk.fetch(connection, query, dict.fromkeys(names, pl.String))
            if found.height:
                connection.execute(delete(PLAN_ROWS).where(*same))
        return found

    def keep_approved(self, run: Run, held: str) -> None:
        """Drop all that does not say what a row of the held plan says."""
        with self._database.write() as connection:
            connection.execute(delete(PLAN_ROWS).where(*_drafted(run), ~_said_in(held)))

    def kinds(self, run: Run) -> dict[str, int]:
        """How many rows of each kind are drafted."""
        kind = PLAN_ROWS.c.kind
        query = select(kind, func.count()).where(*_drafted(run)).group_by(kind)
        with self._database.read() as connection:
            return {name: int(number) for name, number in connection.execute(query).all()}

    def fix(self, run: Run, kinds: Sequence[str]) -> None:
        """Make the draft the run's plan: planned, and numbered in the order of application.

        Args:
            kinds: All kinds of rows, the first to be applied first. Within a kind rows that can
                share a batch stand together, by account.
        """
        with self._database.write() as connection:
            found = groups(connection, run.id, DRAFTED)
            found.sort(key=lambda g: (kinds.index(g.kind), g.op, g.object, g.shape))
            before = 0
            for group in found:
                _number(connection, run, group, before)
                before += group.rows


def _said_in(held: str) -> ColumnElement[bool]:
    """Whether a row of the held plan says what a plan row says."""
    mine, theirs = PLAN_ROWS.c, PLAN_ROWS.alias("theirs").c
    # The first three find the row by an index; `basis` says what it says.
    same = ("object", "target", "kind", "account_id", "basis")
    return exists().where(
        theirs.run_id == held,
        theirs.status == HELD,
        *(theirs[name] == mine[name] for name in same),
    )


def _number(connection: Connection, run: Run, group: Group, before: int) -> None:
    """Plan the drafted rows of a group, numbered by account, after so many others.

    Row by row: SQLite would keep the pages that one statement for all of them changes in memory.
    """
    row = PLAN_ROWS.c
    query = select(row.seq).where(
        *_drafted(run),
        row.kind == group.kind,
        row.op == group.op,
        row.object == group.object,
        row.shape == group.shape,
    )
    order = (func.coalesce(row[name], "") for name in ("account_id", "key", "record_id"))
    placed = bulk.fetch(connection, query.order_by(*order, row.seq.desc()), {"of_seq": pl.Int64})
    placed = placed.with_row_index("new_seq", before + 1).with_columns(
        pl.col("new_seq").cast(pl.Int64),
        pl.lit(run.id).alias("of_run"),
        pl.lit(PLANNED).alias("new_status"),
    )
    statement = (
        update(PLAN_ROWS)
        .where(row.run_id == bindparam("of_run"), row.seq == bindparam("of_seq"))
        .values(seq=bindparam("new_seq"), status=bindparam("new_status"))
    )
    for start in range(0, placed.height, _AT_ONCE):
        bulk.execute_many(connection, statement, placed.slice(start, _AT_ONCE))


def _drafted(run: Run) -> tuple[ColumnElement[bool], ...]:
    return (PLAN_ROWS.c.run_id == run.id, PLAN_ROWS.c.status == DRAFTED)
