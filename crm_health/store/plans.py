"""Plans: the writes a run makes, what became of each, and plans kept for approval.

A plan row is committed before its batch leaves, for audit and undo. What the CRM holds is never
concluded from it, with one exception: an input that the CRM refused is not sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    exists,
    func,
    select,
    update,
)

from crm_health.connector import RECEIPT_SCHEMA, Outcome
from crm_health.errors import BrokenInvariant, GuardStopped
from crm_health.store import bulk
from crm_health.store.database import Database
from crm_health.store.runs import Run
from crm_health.store.tables import HOLDS, PLAN_ROWS, RUNS

DRAFTED = "drafted"
PLANNED = "planned"
SENT = "sent"
HELD = "held"

#: Rows that one statement changes.
_AT_ONCE = 5_000
#: How long a person may take to approve a plan.
APPROVAL = timedelta(hours=24)

#: Columns of a plan row as it is derived. `fields`, `before` and `claim_fields` are JSON objects;
#: `shape` names the fields of `fields`, separated by commas.
PLAN_SCHEMA: dict[str, Any] = dict.fromkeys(
    (
        "kind",
        "op",
        "object",
        "shape",
        "account_id",
        "record_id",
        "key_field",
        "key",
        "fields",
        "before",
        "claim_object",
        "claim_key_field",
        "claim_fields",
        "why",
        "basis",
    ),
    pl.String,
)
#: Columns of a plan row as it is read back.
ROW_SCHEMA: dict[str, Any] = {
    "seq": pl.Int64,
    **PLAN_SCHEMA,
    "status": pl.String,
    "receipt_id": pl.String,
    "created": pl.Boolean,
    "code": pl.String,
    "field": pl.String,
    "message": pl.String,
    "retry_after": pl.Float64,
}
REJECTED_SCHEMA: dict[str, Any] = dict.fromkeys(
    ("object", "record_id", "key", "kind", "basis", "code"), pl.String
)


@dataclass(frozen=True)
class Group:
    """Rows of a plan that can share a batch; `first` to `last` are their numbers."""

    kind: str
    op: str
    object: str
    shape: str
    rows: int
    first: int
    last: int


@dataclass(frozen=True)
class Hold:
    """A plan that a guard stopped."""

    run_id: str
    message: str
    expires_at: datetime
    #: The run that applied it, if any.
    used_by: str | None


class Plans:
    """Plan rows by run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(
        self,
        run_id: str,
        status: str | None = None,
        *,
        kinds: Collection[str] = (),
        columns: Collection[str] = tuple(ROW_SCHEMA),
        after: int = 0,
        upto: int | None = None,
        limit: int | None = None,
    ) -> pl.DataFrame:
        """Rows of the run's plan by `seq`: all, or some of them.

        Shapes:
            columns of `ROW_SCHEMA`, those asked for.

        Args:
            run_id: Whose plan.
            status: Only rows of this status.
            kinds: Only rows of these kinds; empty for all.
            columns: What is wanted of them.
            after: Only rows with a greater `seq`.
            upto: Only rows with no greater `seq`.
            limit: The most rows.
        """
        row = PLAN_ROWS.c
        conditions = [row.run_id == run_id, row.seq > after]
        if status is not None:
            conditions.append(row.status == status)
        if kinds:
            conditions.append(row.kind.in_(list(kinds)))
        if upto is not None:
            conditions.append(row.seq <= upto)
        query = _select(columns).where(*conditions).order_by(row.seq).limit(limit)
        return self._fetch(query, {name: ROW_SCHEMA[name] for name in columns})

    def groups(self, run_id: str, status: str = PLANNED) -> list[Group]:
        """The rows of one status by what they have in common, in the order of application."""
        with self._database.read() as connection:
            return groups(connection, run_id, status)

    def mark(self, run_id: str, seqs: pl.Series, status: str) -> None:
        """Commit a status of some rows: `sent` before their batch leaves."""
        frame = seqs.cast(pl.Int64).alias("of_seq").to_frame()
        statement = update(PLAN_ROWS).where(*_is_row()).values(status=bindparam("new_status"))
        self._execute(statement, _with_run(run_id, frame, new_status=status))

    def receipts(self, run_id: str, frame: pl.DataFrame) -> None:
        """Keep the CRM's answers (`RECEIPT_SCHEMA`); the outcome becomes the row's status."""
        answers = frame.select(pl.col(n).cast(t) for n, t in RECEIPT_SCHEMA.items())
        unknown = set(answers.get_column("outcome")) - set(Outcome)
        if unknown:
            raise BrokenInvariant(f"no such outcome of a write: {sorted(map(str, unknown))}")
        names = {
            "seq": "of_seq",
            "outcome": "new_status",
            "id": "new_id",
            "created": "new_created",
            "code": "new_code",
            "field": "new_field",
            "message": "new_message",
            "retry_after": "new_retry_after",
        }
        statement = (
            update(PLAN_ROWS)
            .where(*_is_row())
            .values(
                status=bindparam("new_status"),
                receipt_id=bindparam("new_id"),
                created=bindparam("new_created"),
                code=bindparam("new_code"),
                field=bindparam("new_field"),
                message=bindparam("new_message"),
                retry_after=bindparam("new_retry_after"),
            )
        )
        self._execute(statement, _with_run(run_id, answers.rename(names)))

    def counts(self, run_id: str) -> dict[str, int]:
        """How many rows of the run's plan have each status."""
        found: dict[str, int] = {}
        for states in self.kinds(run_id).values():
            for status, number in states.items():
                found[status] = found.get(status, 0) + number
        return dict(sorted(found.items()))

    def kinds(self, run_id: str) -> dict[str, dict[str, int]]:
        """How many rows of each kind have each status; drafts are no part of a plan."""
        kind, status = PLAN_ROWS.c.kind, PLAN_ROWS.c.status
        query = (
            select(kind, status, func.count())
            .where(PLAN_ROWS.c.run_id == run_id, status != DRAFTED)
            .group_by(kind, status)
            .order_by(kind, status)
        )
        found: dict[str, dict[str, int]] = {}
        with self._database.read() as connection:
            for name, state, number in connection.execute(query).all():
                found.setdefault(name, {})[state] = int(number)
        return found

    def refusals(self, run_id: str) -> list[tuple[str, str, str, int]]:
        """Status, code and field of rows with a code, and how many; the most frequent first."""
        row = PLAN_ROWS.c
        number = func.count()
        cause = (row.status, row.code, func.coalesce(row.field, ""))
        query = (
            select(*cause, number)
            .where(row.run_id == run_id, row.code.is_not(None), row.code != "")
            .group_by(*cause)
            .order_by(number.desc(), *cause)
        )
        with self._database.read() as connection:
            return [(s, c, f, int(n)) for s, c, f, n in connection.execute(query).all()]

    def pending(self, run_id: str) -> pl.Series:
        """Ids of the accounts with a row that is neither done nor gone, each once."""
        row = PLAN_ROWS.c
        open_ends = row.status.not_in([str(Outcome.DONE), str(Outcome.GONE)])
        query = select(row.account_id).where(row.run_id == run_id, open_ends).distinct()
        return self._fetch(query, {"account_id": pl.String}).to_series().drop_nulls()

    def rejected(self, since: datetime | None = None) -> pl.DataFrame:
        """What the CRM refused when it was last sent, by target and kind (`REJECTED_SCHEMA`).

        An equal `basis` would be refused again, unless someone changed the CRM: with `since`,
        older refusals are left out.
        """
        query = refused_rows(REJECTED_SCHEMA, since)
        return self._fetch(query, REJECTED_SCHEMA).sort("object", "record_id", "key", "kind")

    def hold(self, run_id: str, message: str) -> Hold:
        """Keep the run's planned rows for approval, for 24 hours from the run's start."""
        with self._database.write() as connection:
            started = connection.execute(
                select(RUNS.c.started_at).where(RUNS.c.id == run_id)
            ).scalar_one_or_none()
            if started is None:
                raise BrokenInvariant(f"there is no run {run_id}")
            row = {"run_id": run_id, "message": message, "expires_at": started + APPROVAL}
            connection.execute(HOLDS.insert().values(row))
            last = select(func.coalesce(func.max(PLAN_ROWS.c.seq), 0))
            rows = connection.execute(last.where(PLAN_ROWS.c.run_id == run_id)).scalar_one()
            # In slices: SQLite keeps the pages that a statement changes in memory.
            for first in range(1, rows + 1, _AT_ONCE):
                connection.execute(
                    update(PLAN_ROWS)
                    .where(PLAN_ROWS.c.run_id == run_id, PLAN_ROWS.c.status == PLANNED)
                    .where(PLAN_ROWS.c.seq.between(first, first + _AT_ONCE - 1))
                    .values(status=HELD)
                )
        return Hold(run_id, message, started + APPROVAL, None)

    def held(self, run_id: str) -> Hold | None:
        """The hold on the run's plan, used and expired ones included."""
        with self._database.read() as connection:
            found = connection.execute(select(HOLDS).where(HOLDS.c.run_id == run_id))
            row = found.mappings().one_or_none()
        return None if row is None else Hold(**row)

    def approved(self, run_id: str, now: datetime) -> Hold:
        """The hold on a plan that a person approves.

        Raises:
            GuardStopped: no such plan is held, it was applied, or its 24 hours are over.
        """
        hold = self.held(run_id)
        again = "nothing was written; `crm-health plan` shows what a sync would do now"
        if hold is None:
            raise GuardStopped(f"no plan {run_id} waits for approval: {again}", code="CH-PLAN")
        if hold.used_by is not None:
            raise GuardStopped(
                f"plan {run_id} was already applied by run {hold.used_by}: {again}", code="CH-PLAN"
            )
        if now >= hold.expires_at:
            raise GuardStopped(
                f"plan {run_id} expired at {hold.expires_at:%Y-%m-%d %H:%M} UTC: {again}",
                code="CH-PLAN",
            )
        return hold

    def use_hold(self, run_id: str, by: Run) -> None:
        """Note that a run applies the held plan: it can't be approved twice."""
        with self._database.write() as connection:
            connection.execute(update(HOLDS).where(HOLDS.c.run_id == run_id).values(used_by=by.id))

    def forget(self, before: datetime) -> int:
        """Erase the plans of runs begun before, with the CRM's own words; how many rows.

        Their `before` and `message` may hold customers' data: they are kept for audit, not for
        ever.
        """
        old = select(RUNS.c.id).where(RUNS.c.started_at < before)
        with self._database.write() as connection:
            connection.execute(delete(HOLDS).where(HOLDS.c.run_id.in_(old)))
            gone = delete(PLAN_ROWS).where(PLAN_ROWS.c.run_id.in_(old))
            return connection.execute(gone).rowcount

    def _fetch(self, query: Select[Any], schema: dict[str, Any]) -> pl.DataFrame:
        physical = {n: pl.Int64 if t == pl.Boolean else t for n, t in schema.items()}
        with self._database.read() as connection:
            found = bulk.fetch(connection, query, physical)
        return found.cast(pl.Schema(schema))

    def _execute(self, statement: bulk.Statement, frame: pl.DataFrame) -> None:
        with self._database.write() as connection:
            bulk.execute_many(connection, statement, frame)


def groups(connection: Connection, run_id: str, status: str) -> list[Group]:
    """See `Plans.groups`."""
    row = PLAN_ROWS.c
    alike = (row.kind, row.op, row.object, row.shape)
    first = func.min(row.seq)
    query = (
        select(*alike, func.count(), first, func.max(row.seq))
        .where(row.run_id == run_id, row.status == status)
        .group_by(*alike)
        .order_by(first)
    )
    return [Group(*found) for found in connection.execute(query).all()]


def refused_rows(columns: Iterable[str], since: datetime | None) -> Select[Any]:
    """A query of what the CRM refused when it was last sent; see `Plans.rejected`."""
    refused, later = PLAN_ROWS.alias("refused").c, PLAN_ROWS.alias("later").c
    # Ids of runs grow with time.
    answered_since = exists().where(
        later.object == refused.object,
        later.target == refused.target,
        later.kind == refused.kind,
        later.run_id > refused.run_id,
        later.status.in_([str(outcome) for outcome in Outcome]),
    )
    query = select(*(refused[name] for name in columns)).where(
        refused.status == str(Outcome.REJECTED), ~answered_since
    )
    if since is not None:
        query = query.join(RUNS, RUNS.c.id == refused.run_id).where(RUNS.c.started_at >= since)
    return query


def _select(names: Iterable[str]) -> Select[Any]:
    return select(*(PLAN_ROWS.c[name] for name in names))


def _is_row() -> tuple[ColumnElement[bool], ...]:
    return (PLAN_ROWS.c.run_id == bindparam("of_run"), PLAN_ROWS.c.seq == bindparam("of_seq"))


def _with_run(run_id: str, frame: pl.DataFrame, **same: str) -> pl.DataFrame:
    return frame.with_columns(
        pl.lit(run_id).alias("of_run"), *(pl.lit(v).alias(n) for n, v in same.items())
    )
