"""Runs: who syncs the org now, who did before, and small state that goes with it."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection, delete, func, select, update

from crm_health.errors import Busy, LeaseLost, WrongOrgError
from crm_health.store import bulk
from crm_health.store.database import Database
from crm_health.store.tables import ORG, RUNS, VALUES, to_ms

CRASHED = "crashed"
_STARTED = "start"
_ID_DIGITS = 12


@dataclass(frozen=True)
class Run:
    """One sync of one org."""

    #: Twelve hex digits that grow with time.
    id: str
    #: Grows by one with each run: who holds the greatest may write.
    fence: int
    org_id: str
    kind: str
    #: Fingerprint of the configuration.
    digest: str
    started_at: datetime
    as_of: datetime
    heartbeat: datetime
    #: None while it runs.
    finished_at: datetime | None
    phase: str
    #: None while it runs; `crashed` for one that died.
    outcome: str | None
    exit_code: int | None
    counts: Mapping[str, int]
    calls: Mapping[str, int]
    message: str
    pid: int
    host: str


class Runs:
    """The runs of the org; at most one is active."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = database.lock

    def start(self, *, org_id: str, as_of: datetime, now: datetime, digest: str, kind: str) -> Run:
        """Take the org's lock and open a run.

        Runs that still say they are active have died, for the lock was free: they are closed as
        crashed.

        Raises:
            Busy: another run is active.
            WrongOrgError: the database is pinned to another org.
        """
        if not self._lock.take():
            raise Busy(self._busy(), code="CH-BUSY")
        try:
            with self._database.write() as connection:
                _check_org(connection, org_id)
                _close_crashed(connection)
                run_id, fence = _next(connection, now)
                connection.execute(
                    RUNS.insert().values(
                        id=run_id,
                        fence=fence,
                        org_id=org_id,
                        kind=kind,
                        digest=digest,
                        started_at=now,
                        as_of=as_of,
                        heartbeat=now,
                        phase=_STARTED,
                        counts={},
                        calls={},
                        message="",
                        pid=os.getpid(),
                        host=socket.gethostname(),
                    )
                )
                return _one(connection, run_id)
        except BaseException:
            self._lock.release()
            raise

    def _busy(self) -> str:
        active = self.active()
        if active is None:
            return "another run of this org has just started: try again when it has ended"
        return (
            f"run {active.id} of this org is active since {active.started_at:%Y-%m-%d %H:%M} UTC "
            f"(process {active.pid} on {active.host}): try again when it has ended"
        )

    def active(self) -> Run | None:
        """The newest run without an outcome: active, or dead and not yet found to be."""
        query = select(RUNS).where(RUNS.c.outcome.is_(None)).order_by(RUNS.c.fence.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else Run(**row)

    def check(self, run: Run, now: datetime | None = None) -> None:
        """See that the run still owns the org; with `now`, note that it lives.

        Raises:
            LeaseLost: a later run has taken over, or this one was closed.
        """
        with self._database.write() as connection:
            newest = connection.execute(select(func.max(RUNS.c.fence))).scalar()
            mine = select(RUNS.c.outcome).where(RUNS.c.id == run.id, RUNS.c.fence == run.fence)
            found = connection.execute(mine).one_or_none()
            if found is None or found.outcome is not None or newest != run.fence:
                raise LeaseLost(
                    f"run {run.id} was overtaken by another one and stopped before its next "
                    "write: run again",
                    code="CH-LEASE",
                )
            if now is not None:
                connection.execute(update(RUNS).where(RUNS.c.id == run.id).values(heartbeat=now))

    def identify(self, run: Run, *, org_id: str, as_of: datetime) -> None:
        """Note what the CRM said: which org it is, and what time it has."""
        with self._database.write() as connection:
            values = {"org_id": org_id, "as_of": as_of}
            connection.execute(update(RUNS).where(RUNS.c.id == run.id).values(values))

    def phase(self, run: Run, name: str) -> None:
        """Note which step the run has come to."""
        with self._database.write() as connection:
            connection.execute(update(RUNS).where(RUNS.c.id == run.id).values(phase=name))

    def finish(
        self,
        run: Run,
        *,
        outcome: str,
        exit_code: int,
        counts: dict[str, int],
        calls: dict[str, int],
        message: str = "",
        now: datetime | None = None,
    ) -> None:
        """Close the run and let go of the org; without `now` its last heartbeat is its end."""
        ended: Any = RUNS.c.heartbeat if now is None else now
        try:
            with self._database.write() as connection:
                connection.execute(
                    update(RUNS)
                    # What a later run closed as crashed stays so.
                    .where(RUNS.c.id == run.id, RUNS.c.outcome.is_(None))
                    .values(
                        outcome=outcome,
                        exit_code=exit_code,
                        counts=counts,
                        calls=calls,
                        message=message,
                        finished_at=ended,
                    )
                )
        finally:
            self._lock.release()

    def release(self) -> None:
        """Let go of the lock without closing the run: the next one will find it crashed."""
        self._lock.release()

    def list(self, limit: int = 20) -> Sequence[Run]:
        """The newest runs, newest first."""
        query = select(RUNS).order_by(RUNS.c.fence.desc()).limit(limit)
        with self._database.read() as connection:
            return [Run(**row) for row in connection.execute(query).mappings()]

    def get(self, run_id: str) -> Run | None:
        """The run with this id."""
        with self._database.read() as connection:
            found = connection.execute(select(RUNS).where(RUNS.c.id == run_id))
            row = found.mappings().one_or_none()
        return None if row is None else Run(**row)

    def set_value(self, key: str, value: str | None) -> None:
        """Keep a small text under a name; None forgets it."""
        with self._database.write() as connection:
            if value is None:
                connection.execute(delete(VALUES).where(VALUES.c.key == key))
            else:
                bulk.upsert(connection, VALUES, pl.DataFrame({"key": [key], "value": [value]}))

    def get_value(self, key: str) -> str | None:
        """The text kept under a name."""
        query = select(VALUES.c.value).where(VALUES.c.key == key)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()


def _check_org(connection: Connection, org_id: str) -> None:
    pinned = connection.execute(select(ORG.c.org_id)).scalar_one_or_none()
    if pinned is not None and pinned != org_id:
        raise WrongOrgError(f"the state belongs to org {pinned}, not to {org_id}", code="CH-ORG")


def _close_crashed(connection: Connection) -> None:
    connection.execute(
        update(RUNS)
        .where(RUNS.c.outcome.is_(None))
        .values(outcome=CRASHED, finished_at=RUNS.c.heartbeat)
    )


def _next(connection: Connection, now: datetime) -> tuple[str, int]:
    """The next id, greater than all before even where the clock stands still or jumped back."""
    query = select(func.max(RUNS.c.id), func.coalesce(func.max(RUNS.c.fence), 0))
    last_id, last_fence = connection.execute(query).one()
    number = max(to_ms(now), 0 if last_id is None else int(last_id, 16) + 1)
    return f"{number:0{_ID_DIGITS}x}", int(last_fence) + 1


def _one(connection: Connection, run_id: str) -> Run:
    return Run(**connection.execute(select(RUNS).where(RUNS.c.id == run_id)).mappings().one())
