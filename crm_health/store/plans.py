"""Plans: the writes a run would make, what became of each, and plans kept for approval.

A plan row is committed before its batch leaves, for audit and undo. What the CRM holds is never
concluded from it, with one exception: an input that the CRM refused is not sent again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Select, bindparam, delete, func, select, update

from crm_health.connector import RECEIPT_SCHEMA, Outcome
from crm_health.errors import BrokenInvariant, GuardStopped
from crm_health.store import bulk, hashing
from crm_health.store.database import Database
from crm_health.store.runs import Run
from crm_health.store.tables import HOLDS, PLAN_ROWS, RUNS

PLANNED = "planned"
SENT = "sent"
HELD = "held"

#: How long a person may take to approve a plan.
APPROVAL = timedelta(hours=24)

#: Columns of a plan; all text but `seq`. `fields`, `before` and `claim_fields` are JSON objects.
PLAN_SCHEMA: dict[str, Any] = {
    "seq": pl.Int64,
    **dict.fromkeys(
        (
            "kind",
            "op",
            "object",
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
    ),
}
#: Columns of a plan row as it is read back.
ROW_SCHEMA: dict[str, Any] = {
    **PLAN_SCHEMA,
    "fields_hash": pl.String,
    "status": pl.String,
    "receipt_id": pl.String,
    "created": pl.Boolean,
    "code": pl.String,
    "field": pl.String,
    "message": pl.String,
    "retry_after": pl.Float64,
}
REJECTED_SCHEMA: dict[str, Any] = dict.fromkeys(
    ("object", "record_id", "key", "kind", "fields_hash", "basis", "code"), pl.String
)


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

    def add(self, run: Run, frame: pl.DataFrame) -> None:
        """Commit rows of the run's plan, as `planned`.

        Shapes:
            frame: columns of `PLAN_SCHEMA`; `seq` unique in the run; each row has a record id or
                a key. Those left out are null.
        """
        whole = frame.with_columns(pl.lit(None).alias(n) for n in PLAN_SCHEMA if n not in frame)
        rows = whole.select(pl.col(n).cast(t) for n, t in PLAN_SCHEMA.items()).with_columns(
            pl.lit(run.id).alias("run_id"),
            pl.lit(PLANNED).alias("status"),
            pl.coalesce("record_id", "key").alias("target"),
            hashing.text_hash(whole.get_column("fields")).alias("fields_hash"),
        )
        if rows.get_column("target").has_nulls():
            raise BrokenInvariant("a plan row has neither a record id nor a key")
        with self._database.write() as connection:
            bulk.insert(connection, PLAN_ROWS, rows)

    def rows(self, run_id: str, status: str | None = None) -> pl.DataFrame:
        """The run's plan by `seq` (`ROW_SCHEMA`), all of it or the rows of one status."""
        conditions = [PLAN_ROWS.c.run_id == run_id]
        if status is not None:
            conditions.append(PLAN_ROWS.c.status == status)
        return self._fetch(_select(ROW_SCHEMA).where(*conditions).order_by(PLAN_ROWS.c.seq))

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
        """How many rows of the run have each status."""
        status = PLAN_ROWS.c.status
        query = select(status, func.count()).where(PLAN_ROWS.c.run_id == run_id).group_by(status)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(status)).all()
        return {name: int(number) for name, number in found}

    def rejected(self, since: datetime | None = None) -> pl.DataFrame:
        """What the CRM refused when it was last sent, by target and kind (`REJECTED_SCHEMA`).

        An equal `fields_hash` (`hashing.text_hash` of the JSON text) to the same target would be
        refused again, unless someone changed the CRM: with `since`, older refusals are left out.
        """
        answered = [str(outcome) for outcome in Outcome]
        last = (
            select(
                PLAN_ROWS.c.object,
                PLAN_ROWS.c.target,
                PLAN_ROWS.c.kind,
                func.max(RUNS.c.fence).label("fence"),
            )
            .join(RUNS, RUNS.c.id == PLAN_ROWS.c.run_id)
            .where(PLAN_ROWS.c.status.in_(answered))
            .group_by(PLAN_ROWS.c.object, PLAN_ROWS.c.target, PLAN_ROWS.c.kind)
            .subquery()
        )
        query = (
            _select(REJECTED_SCHEMA)
            .join(RUNS, RUNS.c.id == PLAN_ROWS.c.run_id)
            .join(
                last,
                (last.c.object == PLAN_ROWS.c.object)
                & (last.c.target == PLAN_ROWS.c.target)
                & (last.c.kind == PLAN_ROWS.c.kind)
                & (last.c.fence == RUNS.c.fence),
            )
            .where(PLAN_ROWS.c.status == str(Outcome.REJECTED))
        )
        if since is not None:
            query = query.where(RUNS.c.started_at >= since)
        query = query.order_by(PLAN_ROWS.c.object, PLAN_ROWS.c.target, PLAN_ROWS.c.kind)
        return self._fetch(query, REJECTED_SCHEMA)

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
            connection.execute(
                update(PLAN_ROWS)
                .where(PLAN_ROWS.c.run_id == run_id, PLAN_ROWS.c.status == PLANNED)
                .values(status=HELD)
            )
        return Hold(run_id, message, started + APPROVAL, None)

    def held(self, run_id: str) -> Hold | None:
        """The hold on the run's plan, used and expired ones included."""
        with self._database.read() as connection:
            found = connection.execute(select(HOLDS).where(HOLDS.c.run_id == run_id))
            row = found.mappings().one_or_none()
        return None if row is None else Hold(**row)

    def approved(self, run_id: str, now: datetime) -> pl.DataFrame:
        """The held rows that a person approves (`ROW_SCHEMA`): apply those still wanted.

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
        return self.rows(run_id, HELD)

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

    def _fetch(self, query: Select[Any], schema: dict[str, Any] | None = None) -> pl.DataFrame:
        types = schema or ROW_SCHEMA
        physical = {n: pl.Int64 if t == pl.Boolean else t for n, t in types.items()}
        with self._database.read() as connection:
            found = bulk.fetch(connection, query, physical)
        return found.cast(pl.Schema(types))

    def _execute(self, statement: bulk.Statement, frame: pl.DataFrame) -> None:
        with self._database.write() as connection:
            bulk.execute_many(connection, statement, frame)


def _select(names: Iterable[str]) -> Select[Any]:
    return select(*(PLAN_ROWS.c[name] for name in names))


def _is_row() -> tuple[ColumnElement[bool], ...]:
    return (PLAN_ROWS.c.run_id == bindparam("of_run"), PLAN_ROWS.c.seq == bindparam("of_seq"))


def _with_run(run_id: str, frame: pl.DataFrame, **same: str) -> pl.DataFrame:
    return frame.with_columns(
        pl.lit(run_id).alias("of_run"), *(pl.lit(v).alias(n) for n, v in same.items())
    )
