"""What became of each row of a write: answers are matched to rows, never by place alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from connectors.http import redact
from connectors.salesforce.errors import Fault, Rule, faults_in, rule_for
from crm_health.connector import RECEIPT_SCHEMA, Outcome
from crm_health.errors import CrmHealthError, RateLimited


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
    #: Why it failed; not part of what crosses the contract.
    rule: Rule | None = None


_DUPLICATE = re.compile(r"duplicate value found: (\w+) duplicates")

UNANSWERED = Receipt(
    Outcome.UNKNOWN, code="CH-SF-MATCH", message="The answer did not match the request."
)


def from_result(result: Mapping[str, Any]) -> Receipt:
    """A receipt from one result of a Collections call."""
    row_id = result.get("id")
    if result.get("success") is True:
        return Receipt(Outcome.DONE, id=row_id and str(row_id), created=bool(result.get("created")))
    return from_faults(faults_in(result.get("errors") or []))


def from_faults(faults: Sequence[Fault]) -> Receipt:
    """A receipt from the errors of one row; a passing cause among them decides."""
    if not faults:
        return UNANSWERED
    rules = [rule_for(fault) for fault in faults]
    passing = [n for n, rule in enumerate(rules) if rule.row is Outcome.RETRY]
    first = passing[0] if passing else 0
    fault, rule = faults[first], rules[first]
    return Receipt(
        rule.row,
        code=redact(fault.code, 80),
        field=redact(fault.fields[0], 80) if fault.fields else None,
        message=redact(fault.message),
        rule=rule,
    )


def from_error(error: CrmHealthError, outcome: Outcome) -> Receipt:
    """A receipt for a row whose whole request failed."""
    return Receipt(
        outcome,
        code=error.code or None,
        message=error.message,
        retry_after=error.retry_after if isinstance(error, RateLimited) else None,
    )


def match(
    results: object, expected: Sequence[str | None], *, by_place: bool = False
) -> list[Receipt]:
    """Results in the order of the rows sent.

    Args:
        results: the parsed answer of a Collections call.
        expected: the record id of each row sent, where it is known.
        by_place: the ids are not known before the answer (single rows of an upsert).

    Place counts only where the answer has as many results as rows, and each id that it names
    stands where that id was sent. Otherwise only what an id proves is taken.
    """
    listed = [r for r in results if isinstance(r, dict)] if isinstance(results, list) else []
    same_size = len(listed) == len(expected)
    if same_size and by_place:
        return [from_result(result) for result in listed]
    named = [_id18(result.get("id")) for result in listed]
    wanted = [_id18(row_id) for row_id in expected]
    if same_size and all(n is None or n == w for n, w in zip(named, wanted, strict=True)):
        return [
            from_result(result)
            # A success that names no record, on a row that is not known, proves nothing.
            if result.get("success") is not True or want is not None
            else UNANSWERED
            for result, want in zip(listed, wanted, strict=True)
        ]
    found = {n: r for n, r in zip(named, listed, strict=True) if n is not None}
    return [
        from_result(found[want]) if want is not None and want in found else UNANSWERED
        for want in wanted
    ]


def comes_again(receipt: Receipt) -> bool:
    """Whether the row is worth sending again at once: its cause is known, and passes."""
    return receipt.outcome is Outcome.RETRY and receipt.rule is not None


def meeting_again(receipt: Receipt, key: str) -> Receipt:
    """An upsert that lost a race for its key finds the record when it is repeated."""
    fault = Fault(receipt.code or "", receipt.message or "")
    if receipt.outcome is Outcome.REJECTED and is_duplicate(fault, key):
        return replace(receipt, outcome=Outcome.RETRY, rule=rule_for(Fault("UNABLE_TO_LOCK_ROW")))
    return receipt


def is_duplicate(fault: Fault, key_field: str | None) -> bool:
    """Whether a record with that key is there already; another unique field is another matter."""
    if fault.code != "DUPLICATE_VALUE":
        return False
    named = _DUPLICATE.search(fault.message)
    # The service says <unknown> where the user may not see the other record, and words its
    # messages in the user's language.
    if named is None or key_field is None:
        return True
    return named.group(1).casefold() == key_field.casefold()


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


def _id18(value: object) -> str | None:
    """An id in a form that compares: the last three of 18 characters are only a checksum."""
    return str(value)[:15] if value else None
