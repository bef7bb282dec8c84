"""What became of each row of a batch: answers name their rows, in an order of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from connectors.hubspot.errors import NO_PROPERTY, Fault, fault_in
from crm_health.connector import RECEIPT_SCHEMA, Outcome
from crm_health.errors import CrmHealthError, RateLimited

#: Categories of the errors of single rows whose cause passes.
PASSING = frozenset(
    {"RATE_LIMITS", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT", "LOCKED", "RETRY"}
)
_TRACE = "objectWriteTraceId"


@dataclass(frozen=True)
class Receipt:
    """One row's outcome, as `RECEIPT_SCHEMA` has it."""

    outcome: Outcome
    id: str | None = None
    created: bool | None = None
    code: str | None = None
    field: str | None = None
    message: str | None = None
    retry_after: float | None = None

    @property
    def done(self) -> bool:
        """Whether the CRM has it."""
        return self.outcome is Outcome.DONE


Receipts = dict[int, Receipt]

UNANSWERED = Receipt(
    Outcome.UNKNOWN, code="CH-HS-MATCH", message="The answer says nothing about this record."
)


@dataclass(frozen=True)
class Sent:
    """What of a row was sent by which its answer is known again."""

    seq: int
    #: The record's id, where the row has one.
    id: str | None = None
    #: Its value of the unique property.
    key: str | None = None


def matched(answer: Mapping[str, Any], sent: Sequence[Sent], key: str | None = None) -> Receipts:
    """A receipt for each row of a batch that was answered well (2xx).

    Args:
        answer: the parsed body.
        sent: its rows; the trace id of each was its `seq`.
        key: the unique property of an upsert.

    A row is done where a result names it by trace id, id or key; refused where an error does.
    One error without a name is taken for the one row that nothing else is said of.
    """
    by_trace = {str(one.seq): one.seq for one in sent}
    by_id = {one.id: one.seq for one in sent if one.id is not None}
    by_key = {one.key.casefold(): one.seq for one in sent if one.key is not None}
    found: Receipts = {}
    for result in _dicts(answer.get("results")):
        seq = by_trace.get(str(result.get(_TRACE)))
        seq = by_id.get(str(result.get("id"))) if seq is None else seq
        if seq is None and key is not None:
            held = result.get("properties")
            value = held.get(key) if isinstance(held, dict) else None
            seq = by_key.get(str(value).casefold())
        if seq is not None and result.get("id"):
            new = result.get("new")
            found[seq] = Receipt(
                Outcome.DONE, str(result["id"]), None if new is None else bool(new)
            )
    nameless = []
    for error in _dicts(answer.get("errors")):
        fault = fault_in(error)
        seqs = [by_trace[t] for t in fault.context.get(_TRACE, ()) if t in by_trace]
        seqs = seqs or [by_id[i] for i in fault.context.get("ids", ()) if i in by_id]
        if not seqs:
            nameless.append(fault)
        for seq in seqs:
            found[seq] = refused(fault)
    open_ = [one.seq for one in sent if one.seq not in found]
    if len(nameless) == 1 and len(open_) == 1:
        found[open_[0]] = refused(nameless[0])
    return {one.seq: found.get(one.seq, UNANSWERED) for one in sent}


def refused(fault: Fault) -> Receipt:
    """The receipt of a row that HubSpot refused."""
    if fault.category == "OBJECT_NOT_FOUND":
        outcome, said = Outcome.GONE, "HubSpot has no such record: it was deleted."
    elif fault.category in PASSING:
        outcome, said = Outcome.RETRY, "HubSpot could not save the record for now."
    else:
        outcome, said = Outcome.REJECTED, "HubSpot refused the record for its content."
    field = ", ".join(fault.fields)[:200] or None
    return Receipt(outcome, code=fault.code, field=field, message=said)


def lacks_property(receipt: Receipt) -> bool:
    """Whether the row was refused because the account lacks a property."""
    return receipt.code == NO_PROPERTY


def from_error(error: CrmHealthError, outcome: Outcome) -> Receipt:
    """A receipt for a row whose whole request failed."""
    return Receipt(
        outcome,
        code=error.code or None,
        field=getattr(error, "field", "") or None,
        message=error.message,
        retry_after=error.retry_after if isinstance(error, RateLimited) else None,
    )


def frame(receipts: Mapping[int, Receipt]) -> pl.DataFrame:
    """Receipts by `seq` as `RECEIPT_SCHEMA`."""
    return pl.DataFrame(
        [
            {
                "seq": seq,
                "outcome": r.outcome.value,
                "id": r.id,
                "created": r.created,
                "code": r.code,
                "field": r.field,
                "message": r.message,
                "retry_after": r.retry_after,
            }
            for seq, r in receipts.items()
        ],
        schema=RECEIPT_SCHEMA,
    )


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
