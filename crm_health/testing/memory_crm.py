"""A CRM in dictionaries: the service's side of `InMemoryConnector`, and the test's hands on it.

It behaves like a real one where that matters to a sync: every save moves the row's stamp, also
one that changes nothing; rows share stamps; a row may become visible after later stamps were
read; deletes leave a tombstone and purges nothing; unique fields are unique whatever their case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from crm_health.connector import FieldInfo, ObjectInfo
from crm_health.entities import Kind
from crm_health.testing.clock import FixedClock

T = TypeVar("T")

#: What describe calls our kinds.
WIRE: dict[Kind, str] = {
    Kind.TEXT: "string",
    Kind.NUMBER: "double",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.INSTANT: "datetime",
}


class Fault(StrEnum):
    """What can go wrong with one call."""

    LOGIN_EXPIRED = "login_expired"  #: a new login mends it
    LOGIN_REFUSED = "login_refused"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"  #: nothing was applied
    GARBLED = "garbled"  #: applied, but the answer can't be read (HTML, cut short)
    LOST = "lost"  #: applied, then the connection broke
    QUOTA = "quota"  #: the org's allowance for the day


class Refusal(Exception):
    """A call that failed, as its caller sees it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass
class Row:
    """One stored record. `held` ones are saved, but not visible yet."""

    id: str
    values: dict[str, Any]
    stamp: datetime
    deleted: bool = False
    merged_into: str | None = None
    held: bool = False


@dataclass
class Planned:
    """A fault that waits for its calls."""

    fault: Fault
    times: int
    kind: str | None = None
    #: Calls that go well before.
    after: int = 0


@dataclass
class Table:
    """One object: what describe says of it, and its rows by id."""

    info: ObjectInfo
    rows: dict[str, Row] = field(default_factory=dict)


class MemoryCrm:
    """The state of one org; several connectors may share it.

    `calls` lists the kind of every call served, in order. Times come from `clock`.
    """

    def __init__(self, clock: FixedClock | None = None, *, org_id: str = "ORG1") -> None:
        self.clock = clock or FixedClock()
        self.org_id = org_id
        self.is_sandbox = True
        self.time_zone: str | None = "UTC"
        self.tables: dict[str, Table] = {}
        self.calls: list[str] = []
        self.writes = 0
        #: Rows that refuse their next saves: (object, id or key) to (code, field, message).
        self.refusals: dict[tuple[str, str], tuple[str, str, str]] = {}
        #: Rows that another transaction holds: (object, id or key) to the saves still to fail.
        self.locks: dict[tuple[str, str], int] = {}
        #: Changes the next write answers, e.g. `reversed` or `lambda answers: answers[1:]`.
        self.mangle: Callable[[list[Any]], list[Any]] | None = None
        self._faults: list[Planned] = []
        self._made = 0

    # The test's hands

    def define(
        self,
        name: str,
        fields: Mapping[str, Kind | FieldInfo],
        parents: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """Add an object, or fields to one. Texts are 255 long unless a FieldInfo says more."""
        old = self.tables.get(name)
        infos = dict(old.info.fields) if old else {}
        for path, given in fields.items():
            infos[path] = given if isinstance(given, FieldInfo) else _info(path, given)
        lookups = {**(old.info.parents if old else {}), **(parents or {})}
        info = ObjectInfo(name, infos, parents=lookups)
        self.tables[name] = Table(info, old.rows if old else {})

    def put(
        self,
        name: str,
        values: Mapping[str, Any],
        *,
        at: datetime | None = None,
        held: bool = False,
    ) -> str:
        """Save a row as a person would: its `id` is taken or made; returns it.

        Args:
            at: stamp of the save; now unless given.
            held: saved by a transaction that has not ended: invisible until `release`.
        """
        given = dict(values)
        row_id = str(given.pop("id", None) or self._new_id(name))
        given.pop("Id", None)
        old = self._table(name).rows.get(row_id)
        merged = {**(old.values if old and not old.deleted else {}), **given}
        self._table(name).rows[row_id] = Row(row_id, merged, self._stamp(at), held=held)
        return row_id

    def edit(self, name: str, row_id: str, values: Mapping[str, Any]) -> None:
        """Change fields of a row as a person would."""
        row = self._table(name).rows[row_id]
        row.values.update(values)
        row.stamp = self._stamp(None)

    def delete(self, name: str, row_id: str, *, merged_into: str | None = None) -> None:
        """Put a row into the recycle bin, as the loser of a merge where a winner is given."""
        row = self._table(name).rows[row_id]
        row.deleted, row.merged_into, row.stamp = True, merged_into, self._stamp(None)

    def restore(self, name: str, row_id: str) -> None:
        """Take a row out of the recycle bin."""
        row = self._table(name).rows[row_id]
        row.deleted, row.merged_into, row.stamp = False, None, self._stamp(None)

    def purge(self, name: str, row_id: str) -> None:
        """Remove a row without a trace: only `ids` can tell."""
        del self._table(name).rows[row_id]

    def release(self) -> list[str]:
        """End the transactions that held rows: they appear with the stamps they were saved at.

        Returns:
            Their ids.
        """
        rows = [row for table in self.tables.values() for row in table.rows.values() if row.held]
        for row in rows:
            row.held = False
        return [row.id for row in rows]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Every live row with its `id`, by id: the truth that a test compares with."""
        live = (row for row in self._table(name).rows.values() if not row.deleted)
        return [{"id": row.id, **row.values} for row in sorted(live, key=lambda row: row.id)]

    def fail_next(
        self, fault: Fault, times: int = 1, *, kind: str | None = None, after: int = 0
    ) -> None:
        """Let calls go wrong: of one kind (identity, describe, read, ids, write) or any.

        Args:
            after: how many of these calls go well first.
        """
        self._faults.append(Planned(fault, times, kind, after))

    def heal(self) -> None:
        """Forget all faults, refusals, locks and mangling still to come."""
        self._faults.clear()
        self.refusals.clear()
        self.locks.clear()
        self.mangle = None

    # The service

    def serve(self, kind: str, work: Callable[[], T]) -> T:
        """Answer one call, or fail it as planned.

        Raises:
            Refusal: the call failed; after GARBLED and LOST its work is done all the same.
        """
        self.calls.append(kind)
        fault = self._next_fault(kind)
        if fault is not None and fault not in (Fault.GARBLED, Fault.LOST):
            raise Refusal(fault)
        answer = work()
        if fault is not None:
            raise Refusal(fault)
        return answer

    def covered(self) -> datetime:
        """The instant up to which nothing can still appear: before every open transaction."""
        held = [
            row.stamp for table in self.tables.values() for row in table.rows.values() if row.held
        ]
        return min([*held, self._stamp(None)])

    def page(
        self, name: str, after: tuple[datetime, str] | None, size: int
    ) -> tuple[list[Row], bool]:
        """Visible rows, tombstones included, by (stamp, id) behind `after`; and if more follow."""
        visible = (row for row in self._table(name).rows.values() if not row.held)
        behind = [row for row in visible if after is None or (row.stamp, row.id) > after]
        behind.sort(key=lambda row: (row.stamp, row.id))
        return behind[:size], len(behind) > size

    def live_ids(self, name: str, after: str, size: int) -> list[str]:
        """Ids of live rows behind one id."""
        rows = self._table(name).rows.values()
        return sorted(r.id for r in rows if not r.deleted and not r.held and r.id > after)[:size]

    def value(self, name: str, row: Row, path: str) -> Any:
        """The value at a path: of the row, or through its lookups; None where there is none."""
        if path == "Id":
            return row.id
        if path == "SystemModstamp":
            return row.stamp
        if path in row.values or "." not in path:
            return row.values.get(path)
        lookup, rest = path.split(".", 1)
        reference = lookup[:-1] + "c" if lookup.endswith("__r") else f"{lookup}Id"
        targets = self._table(name).info.parents.get(lookup, ())
        for target in targets:
            table = self.tables.get(target)
            parent = table.rows.get(row.values.get(reference) or "") if table else None
            if parent is not None:
                # A lookup to several objects knows which one it leads to.
                several = len(targets) > 1 and rest == "Type"
                return target if several else self.value(target, parent, rest)
        return None

    def create(self, name: str, values: Mapping[str, Any]) -> str:
        """Save a new row of the connector's; returns its id."""
        return self.put(name, {k: v for k, v in values.items() if v is not None})

    def _table(self, name: str) -> Table:
        if name not in self.tables:
            raise KeyError(f"the test's CRM has no object {name}: define() it")
        return self.tables[name]

    def _new_id(self, name: str) -> str:
        self._made += 1
        return f"{name[:3].lower()}{self._made:08d}"

    def _stamp(self, at: datetime | None) -> datetime:
        moment = at or self.clock.now()
        return moment - timedelta(microseconds=moment.microsecond % 1000)

    def _next_fault(self, kind: str) -> Fault | None:
        for planned in self._faults:
            # A login is never what expires.
            if kind == "login" and planned.fault is not Fault.LOGIN_REFUSED:
                continue
            if planned.kind in (None, kind):
                if planned.after > 0:
                    planned.after -= 1
                    continue
                planned.times -= 1
                if planned.times <= 0:
                    self._faults.remove(planned)
                return planned.fault
        return None


def _info(name: str, kind: Kind) -> FieldInfo:
    return FieldInfo(name, WIRE[kind], length=255 if kind is Kind.TEXT else 0)
