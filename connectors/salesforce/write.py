"""Writing: Collections, ingest jobs for many rows alike, composite graphs for what is made once.

Every call here may be repeated without harm: an update sets the same values again, an upsert and
a graph meet their unique key. So a lost answer is simply asked for again; what stays unanswered
is `unknown`, and the next read settles it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from connectors.http import LostAnswer, NotSent, pause
from connectors.salesforce import soql
from connectors.salesforce.bulk_ingest import JOB_ROWS, Ingest
from connectors.salesforce.client import Client
from connectors.salesforce.errors import Fault, rule_for
from connectors.salesforce.graphs import GRAPHS_MAX, graph_receipts, graphs_body
from connectors.salesforce.receipts import (
    Receipt,
    comes_again,
    frame,
    from_error,
    match,
    meeting_again,
)
from connectors.salesforce.wire import records_json
from crm_health.connector import RECEIPT_SCHEMA, Batch, Op, Outcome
from crm_health.errors import (
    AuthError,
    BrokenInvariant,
    CrmHealthError,
    QuotaExhausted,
    RateLimited,
    Rejected,
    SetupError,
    Unavailable,
)

COLLECTION_MAX = 200
LOCK_ROUNDS = 5
#: Halving 200 rows down to one takes 8 levels of 2 calls; twice that, then no more.
HALVING_CALLS = 32
_NO_ASSIGNMENT = {"Sforce-Auto-Assign": "FALSE"}
_ALLOW_DUPLICATE = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
Receipts = dict[int, Receipt]
Sender = Callable[[pl.DataFrame], Receipts]


class Writer:
    """Writes batches and gives one receipt a row.

    Args:
        client: of the org.
        bulk_from: rows alike from which on they go by an ingest job; 0 for never.
    """

    def __init__(self, client: Client, bulk_from: int = 0) -> None:
        self._client = client
        self._ingest = Ingest(client, bulk_from)

    def write(self, batch: Batch) -> pl.DataFrame:
        """See `Connector.write`."""
        _check(batch)
        order = batch.rows.select("seq")
        if batch.op is Op.UPDATE:
            # In the order of ids two writers meet the same locks in the same order.
            batch = replace(batch, rows=batch.rows.sort("id"))
        answered, rows = pl.DataFrame(schema=RECEIPT_SCHEMA), batch.rows
        if self._ingest.takes(batch.op, rows.height):
            told = self._ingest.write(batch)
            answered = told.filter(~pl.col("again")).drop("again")
            rows = rows.join(answered, on="seq", how="anti", maintain_order="left")
            if rows.is_empty():
                _raise_if_schema(_kinds(answered))
        called = frame(self._by_calls(batch, rows, first=answered.is_empty()))
        return order.join(pl.concat([answered, called]), on="seq", maintain_order="left")

    def settle(self) -> None:
        """See `Connector.settle`."""
        self._ingest.settle()

    def batch_size(self, op: Op, rows: int) -> int:
        """See `Connector.batch_size`."""
        return JOB_ROWS if self._ingest.takes(op, rows) else call_size(op)

    def calls_for(self, op: Op, rows: int) -> int:
        """See `Connector.calls_for`."""
        # Batches are full but for the last, which may be too small for a job of its own.
        rest = rows % self.batch_size(op, rows) if self._ingest.takes(op, rows) else rows
        calls = self._ingest.calls_for(op, rows - rest)
        if self._ingest.takes(op, rest):
            return calls + self._ingest.calls_for(op, rest)
        return calls - (-rest // call_size(op))

    def _by_calls(self, batch: Batch, rows: pl.DataFrame, *, first: bool) -> Receipts:
        """Send rows of a batch in calls of their own.

        Args:
            batch: says how.
            rows: which of its rows.
            first: nothing of the batch was answered yet.
        """
        sender = self._sender(batch)
        receipts: Receipts = {}
        size = call_size(batch.op)
        for start in range(0, rows.height, size):
            chunk = rows.slice(start, size)
            try:
                receipts |= self._settle(chunk, sender)
            except (Unavailable, QuotaExhausted, AuthError, SetupError) as error:
                if not _is_passing(error) and first and not receipts:
                    raise
                # What came before was answered, and its receipts must not be lost.
                receipts |= _all(rows.slice(start), from_error(error, Outcome.RETRY))
                break
        return receipts

    def _sender(self, batch: Batch) -> Sender:
        if batch.op is Op.CREATE_ONCE:
            claim = batch.claim
            if claim is None:
                raise BrokenInvariant("A create has no claim.")
            return lambda rows: self._graphs(batch, claim, rows)
        if batch.op is Op.UPSERT:
            return lambda rows: self._upsert(batch, rows)
        return lambda rows: self._update(batch, rows)

    def _settle(self, rows: pl.DataFrame, send: Sender) -> Receipts:
        """Send rows, then again those that a lock or another row's failure held back."""
        receipts = self._whole(rows, send)
        _raise_if_schema(receipts.values())
        size = max(1, rows.height // 2)
        for round_number in range(1, LOCK_ROUNDS + 1):
            again = _seqs(receipts, comes_again)
            if not again:
                break
            if not all(r.rule and r.rule.bystander for s, r in receipts.items() if s in again):
                pause(self._client.ports, round_number)
            held = rows.filter(pl.col("seq").is_in(list(again)))
            try:
                for first in range(0, held.height, size):
                    receipts |= self._whole(held.slice(first, size), send)
            except (Unavailable, QuotaExhausted, AuthError, SetupError):
                # The receipts in hand say `retry`; the next call meets the cause again.
                break
            size = max(1, size // 2)
        return receipts

    def _whole(self, rows: pl.DataFrame, send: Sender) -> Receipts:
        """Send rows; where one of them makes all fail, halve until it stands alone."""
        receipts = self._once(rows, send)
        calls = 0
        suspects = [rows] if _all_failed_together(receipts) else []
        while suspects and calls < HALVING_CALLS:
            group = suspects.pop()
            middle = group.height // 2
            for half in (group[:middle], group[middle:]):
                try:
                    answered = self._once(half, send)
                except (Unavailable, QuotaExhausted, AuthError, SetupError):
                    return receipts
                calls += 1
                receipts |= answered
                if _all_failed_together(answered):
                    suspects.append(half)
        return receipts

    def _once(self, rows: pl.DataFrame, send: Sender) -> Receipts:
        try:
            return send(rows)
        except LostAnswer as error:
            return _all(rows, from_error(error, Outcome.UNKNOWN))
        except Rejected as error:
            rejected = from_error(error, Outcome.REJECTED)
            # As after a failed trigger, one of the rows may be the cause.
            rule = rule_for(Fault("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"))
            return _all(rows, replace(rejected, rule=rule))

    def _update(self, batch: Batch, rows: pl.DataFrame) -> Receipts:
        headers = dict(_NO_ASSIGNMENT)
        if batch.object == "Account":
            headers |= _ALLOW_DUPLICATE
        results = self._collection("composite/sobjects", batch.object, rows, headers)
        found = match(results, rows["id"].to_list())
        # An update never creates, whatever the answer leaves out.
        return {
            seq: replace(receipt, id=receipt.id or row_id, created=False)
            for seq, row_id, receipt in zip(rows["seq"], rows["id"], found, strict=True)
        }

    def _upsert(self, batch: Batch, rows: pl.DataFrame) -> Receipts:
        key = str(batch.key_field)
        path = f"composite/sobjects/{soql.object_name(batch.object)}/{soql.field_path(key)}"
        results = self._collection(path, batch.object, rows, dict(_NO_ASSIGNMENT))
        if rows.height == 1:
            found = match(results, [None], by_place=True)
        else:
            named = isinstance(results, list) and any(r.get("success") for r in results)
            ids = self._ids_by_key(batch.object, key, rows[key].to_list()) if named else {}
            expected = [ids.get(value.casefold()) for value in rows[key]]
            found = match(results, expected)
        return {
            seq: meeting_again(receipt, key)
            for seq, receipt in zip(rows["seq"], found, strict=True)
        }

    def _ids_by_key(self, name: str, key: str, values: Sequence[str]) -> dict[str, str]:
        """Record ids by key: an upsert's results do not say which row they are about."""
        found: dict[str, str] = {}
        path = f"{self._client.data}/query"
        for first in range(0, len(values), 50):
            query = soql.select(["Id", key], name, [soql.among(key, values[first : first + 50])])
            try:
                answer = self._client.get(path, {"q": query}).json()
            except CrmHealthError as error:
                # The rows are written by now: without this answer they are only unproven.
                self._client.ports.log("salesforce.unproven", object=name, code=error.code)
                break
            for record in answer.get("records") or []:
                found[str(record.get(key)).casefold()] = str(record.get("Id"))
        return found

    def _collection(self, path: str, name: str, rows: pl.DataFrame, headers: dict[str, str]) -> Any:
        body = records_json(rows.drop("seq"), soql.object_name(name))
        return self._client.send(
            "PATCH",
            f"{self._client.data}/{path}",
            b'{"allOrNone":false,"records":' + body + b"}",
            headers,
        ).json()

    def _graphs(self, batch: Batch, claim: Batch, rows: pl.DataFrame) -> Receipts:
        answer = self._client.send(
            "POST",
            f"{self._client.data}/composite/graph",
            graphs_body(self._client.data, batch, claim, rows),
            dict(_NO_ASSIGNMENT),
        ).json()
        return graph_receipts(answer, rows["seq"], claim.key_field)


def call_size(op: Op) -> int:
    """The most rows of one call, where no job takes them."""
    return GRAPHS_MAX if op is Op.CREATE_ONCE else COLLECTION_MAX


def _check(batch: Batch) -> None:
    rows = batch.rows
    if rows["seq"].is_duplicated().any():
        raise BrokenInvariant("A batch has two rows of one number.")
    if batch.op is Op.UPDATE and (rows["id"].null_count() or rows["id"].is_duplicated().any()):
        raise BrokenInvariant("An update names a record twice, or none.")
    if batch.op is Op.UPSERT:
        if batch.key_field is None or batch.key_field not in rows.columns:
            raise BrokenInvariant("An upsert has no key.")
        if rows[batch.key_field].null_count():
            raise BrokenInvariant("An upsert has a row without its key.")
    if batch.op is Op.CREATE_ONCE and (
        batch.claim is None or set(batch.claim.rows["seq"]) != set(rows["seq"])
    ):
        raise BrokenInvariant("A create has no claim for each of its rows.")


def _raise_if_schema(receipts: Iterable[Receipt]) -> None:
    """A field that every row was refused for is a matter of setup, not of rows."""
    listed = list(receipts)
    if listed and all(r.rule is not None and r.rule.request is SetupError for r in listed):
        raise SetupError(
            f"Salesforce takes no writes to {listed[0].field or 'a field'} ({listed[0].code}): "
            "run `crm-health setup`.",
            code=listed[0].code or "",
        )


def _kinds(answered: pl.DataFrame) -> list[Receipt]:
    """The different receipts in a frame, with their rules."""
    said = answered.select("outcome", "code", "field", "message").unique(maintain_order=True)
    return [
        Receipt(
            Outcome(outcome),
            code=code,
            field=field,
            message=message,
            rule=rule_for(Fault(code, message or "")) if code else None,
        )
        for outcome, code, field, message in said.iter_rows()
    ]


def _all(rows: pl.DataFrame, receipt: Receipt) -> Receipts:
    return dict.fromkeys(rows["seq"], receipt)


def _seqs(receipts: Receipts, wanted: Callable[[Receipt], bool]) -> set[int]:
    return {seq for seq, receipt in receipts.items() if wanted(receipt)}


def _all_failed_together(receipts: Receipts) -> bool:
    """Whether rows failed all alike, by automation or as a request: one may be the cause."""
    return len(receipts) > 1 and all(
        receipt.rule is not None and receipt.rule.automation for receipt in receipts.values()
    )


def _is_passing(error: CrmHealthError) -> bool:
    """Nothing of this chunk was carried out, and a later run may succeed."""
    return isinstance(error, (RateLimited, NotSent, Unavailable))
