"""A connector to `MemoryCrm`: the contract without a wire, for tests of the core."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import polars as pl

from crm_health.connector import (
    BAD_SCHEMA,
    RECEIPT_SCHEMA,
    Batch,
    Identity,
    ObjectInfo,
    Op,
    Outcome,
    Page,
    Ports,
    Request,
    Stream,
    Usage,
)
from crm_health.entities import Kind
from crm_health.errors import (
    AuthError,
    BrokenInvariant,
    QuotaExhausted,
    RateLimited,
    SetupError,
    Unavailable,
)
from crm_health.testing.memory_crm import Fault, MemoryCrm, Refusal, Row
from crm_health.testing.memory_saves import Answer, ref, save

T = TypeVar("T")
ATTEMPTS = 4
_RETRY = {"LOCKED"}


class Lost(Unavailable):
    """An answer was lost: whether the call was applied is not known."""


class InMemoryConnector:
    """Satisfies `Connector` over a `MemoryCrm`, one call a page or batch.

    Args:
        page: rows in a page.
        batch: rows in a write call.
        overlap: how far behind its cursor a read starts, against saves within one millisecond.
    """

    def __init__(
        self,
        crm: MemoryCrm,
        ports: Ports,
        *,
        page: int = 200,
        batch: int = 200,
        overlap: timedelta = timedelta(minutes=10),
    ) -> None:
        self._crm, self._ports = crm, ports
        self._page, self._batch, self._overlap = page, batch, overlap
        self._kinds: dict[str, int] = {}

    def identity(self) -> Identity:
        """Which org this is, and its time."""
        crm = self._crm
        return self._call(
            "identity", lambda: Identity(crm.org_id, crm.clock.now(), crm.is_sandbox, crm.time_zone)
        )

    def settle(self) -> None:
        """Nothing outlasts a call here."""

    def describe(self, objects: Sequence[str]) -> dict[str, ObjectInfo]:
        """The objects that exist, with the fields that may be read."""
        return self._call("describe", lambda: self._described(objects))

    def changes(self, requests: Sequence[Request]) -> Iterator[Page]:
        """Rows by (stamp, id) behind each cursor, a little of what stands before it again."""
        for request in requests:
            yield from self._read(request)

    def ids(self, object: str) -> Iterator[pl.Series]:
        """Ids of all live rows, in order."""
        after = ""
        while True:
            found = self._call("ids", partial(self._crm.live_ids, object, after, self._page))
            yield pl.Series("id", found, dtype=pl.String)
            if len(found) < self._page:
                return
            after = found[-1]

    def write(self, batch: Batch) -> pl.DataFrame:
        """Send a batch in calls of `batch_size`; see the contract for its receipts."""
        _refuse_bugs(batch)
        receipts: list[dict[str, Any]] = []
        rows = batch.rows.to_dicts()
        for start in range(0, len(rows), self._batch):
            part = rows[start : start + self._batch]
            try:
                receipts += self._send(batch, part)
            except (AuthError, QuotaExhausted, SetupError):
                if not receipts:
                    raise
                # What was sent has its receipts: the next call says why the rest was not.
                receipts += [_receipt(row, Outcome.RETRY) for row in rows[start:]]
                break
        return pl.DataFrame(receipts, schema=RECEIPT_SCHEMA)

    def batch_size(self, op: Op, rows: int) -> int:  # noqa: ARG002 - the contract has them
        """The same for every kind of write."""
        return self._batch

    def calls_for(self, op: Op, rows: int) -> int:  # noqa: ARG002 - the contract has it
        """One call a batch."""
        return -(-rows // self._batch)

    def usage(self) -> Usage:
        """Calls so far."""
        return Usage(sum(self._kinds.values()), dict(self._kinds))

    def close(self) -> None:
        """There is nothing to close."""

    def _described(self, objects: Sequence[str]) -> dict[str, ObjectInfo]:
        found = {}
        for name in objects:
            table = self._crm.tables.get(name)
            if table is not None:
                info = table.info
                seen = {path: f for path, f in info.fields.items() if f.readable}
                found[name] = ObjectInfo(name, seen, info.createable, info.updateable, info.parents)
        return found

    def _read(self, request: Request) -> Iterator[Page]:
        name = request.stream.object
        if name not in self._crm.tables:
            raise SetupError(f"the CRM has no object {name}", code="INVALID_TYPE")
        reached = _cursor(request.cursor)
        position = (reached[0] - self._overlap, "") if reached else None
        while True:
            # The watermark is asked for before the rows: what ends in between comes again.
            (covered, now), (rows, more) = self._call("read", partial(self._answer, name, position))
            if position is not None and position[0] > now:
                self._ports.log("cursor_in_future", object=name)
                position = reached = None
                continue
            if rows:
                position = (rows[-1].stamp, rows[-1].id)
                reached = max(reached, position) if reached else position
            # At the watermark itself a row with a smaller id may still appear.
            safe = (covered, "") if reached is None or reached[0] >= covered else reached
            frame, bad = self._typed(request.stream, rows)
            yield Page(request.stream, frame, _text(safe), not more, bad)
            if not more:
                return

    def _answer(
        self, name: str, after: tuple[datetime, str] | None
    ) -> tuple[tuple[datetime, datetime], tuple[list[Row], bool]]:
        crm = self._crm
        return (crm.covered(), crm.clock.now()), crm.page(name, after, self._page)

    def _typed(self, stream: Stream, rows: list[Row]) -> tuple[pl.DataFrame, pl.DataFrame]:
        out: list[dict[str, Any]] = []
        bad: list[dict[str, str]] = []
        for row in rows:
            typed: dict[str, Any] = {"id": row.id, "deleted": row.deleted}
            if row.deleted:
                out.append({**typed, "merged_into": row.merged_into})
                continue
            for wanted in stream.fields:
                value = self._crm.value(stream.object, row, wanted.path)
                typed[wanted.path], problem = _as(wanted.kind, value)
                if problem:
                    bad.append({"id": row.id, "path": wanted.path, "problem": problem})
            out.append(typed)
        return pl.DataFrame(out, schema=stream.schema()), pl.DataFrame(bad, schema=BAD_SCHEMA)

    def _send(self, batch: Batch, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        try:
            answers = self._call("write", lambda: save(self._crm, batch, rows))
        except Lost:
            return [_receipt(row, Outcome.UNKNOWN) for row in rows]
        except RateLimited as error:
            return [_receipt(row, Outcome.RETRY, wait=error.retry_after) for row in rows]
        except Unavailable:
            return [_receipt(row, Outcome.RETRY, wait=60.0) for row in rows]
        by_ref = {answer.ref: answer for answer in answers}
        return [_settled(row, by_ref.get(ref(batch, row))) for row in rows]

    def _call(self, kind: str, work: Callable[[], T]) -> T:
        """One call with its repeats: one new login, a few more attempts for passing faults."""
        lost = renewed = False
        fault = Fault.UNAVAILABLE
        for attempt in range(ATTEMPTS):
            try:
                return self._once(kind, work)
            except Refusal as refusal:
                fault = refusal.fault
            except QuotaExhausted as error:
                # The budget ends, but what was sent may have been applied.
                if lost:
                    raise Lost(code=fault.value) from error
                raise
            if fault is Fault.QUOTA:
                raise QuotaExhausted(code="DAILY")
            if fault is Fault.LOGIN_REFUSED or (fault is Fault.LOGIN_EXPIRED and renewed):
                raise AuthError(code=fault.value)
            lost = lost or fault in (Fault.LOST, Fault.GARBLED)
            if fault is Fault.LOGIN_EXPIRED:
                renewed = True
                self._login()
            elif attempt < ATTEMPTS - 1:
                self._ports.sleep(2.0**attempt)
        if lost:
            raise Lost(code=fault.value)
        if fault is Fault.RATE_LIMITED:
            raise RateLimited(retry_after=60.0, code=fault.value)
        raise Unavailable(code=fault.value)

    def _login(self) -> None:
        try:
            self._once("login", lambda: None)
        except Refusal as refusal:
            raise AuthError(code=refusal.fault.value) from None

    def _once(self, kind: str, work: Callable[[], T]) -> T:
        self._ports.budget.spend()
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        return self._crm.serve(kind, work)


def _text(position: tuple[datetime, str]) -> str:
    return json.dumps({"t": position[0].astimezone(UTC).isoformat(), "id": position[1]})


def _cursor(text: str | None) -> tuple[datetime, str] | None:
    if text is None:
        return None
    held = json.loads(text)
    return datetime.fromisoformat(held["t"]), str(held["id"])


def _as(kind: Kind, value: Any) -> tuple[Any, str]:
    """The value as its kind, and what is wrong with it: empty where nothing is."""
    if value is None:
        return None, ""
    if kind is Kind.NUMBER and isinstance(value, int | float) and not isinstance(value, bool):
        return (float(value), "") if math.isfinite(value) else (None, "not a finite number")
    if kind is Kind.INSTANT and isinstance(value, datetime):
        return (value, "") if value.tzinfo else (None, "no time zone")
    if kind is Kind.DATE and isinstance(value, date) and not isinstance(value, datetime):
        return value, ""
    if (kind is Kind.TEXT and isinstance(value, str)) or (
        kind is Kind.BOOLEAN and isinstance(value, bool)
    ):
        return value, ""
    return None, f"not a {kind.value}"


def _refuse_bugs(batch: Batch) -> None:
    if batch.op is Op.UPDATE and batch.rows["id"].is_duplicated().any():
        raise BrokenInvariant("an update names a record twice: nothing was sent")
    for part in (batch, batch.claim):
        for column in part.rows.iter_columns() if part else ():
            if column.dtype.is_float() and not column.drop_nulls().is_finite().all():
                raise BrokenInvariant(f"{column.name} holds NaN or infinity: nothing was sent")


def _settled(row: dict[str, Any], answer: Answer | None) -> dict[str, Any]:
    """The receipt that an answer means; none means that nothing is known."""
    if answer is None:
        return _receipt(row, Outcome.UNKNOWN)
    if not answer.code or answer.code == "CLAIMED":
        return _receipt(row, Outcome.DONE, answer)
    if answer.code in _RETRY:
        return _receipt(row, Outcome.RETRY, answer, wait=1.0)
    gone = answer.code == "ENTITY_IS_DELETED"
    return _receipt(row, Outcome.GONE if gone else Outcome.REJECTED, answer)


def _receipt(
    row: dict[str, Any],
    outcome: Outcome,
    answer: Answer | None = None,
    *,
    wait: float | None = None,
) -> dict[str, Any]:
    said = answer or Answer("")
    return {
        "seq": row["seq"],
        "outcome": outcome.value,
        "id": said.id or row.get("id"),
        "created": said.created,
        "code": said.code,
        "field": said.field,
        "message": said.message,
        "retry_after": wait,
    }
