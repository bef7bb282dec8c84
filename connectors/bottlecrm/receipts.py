"""What became of each row of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import polars as pl

from connectors.bottlecrm.errors import Absent, Refused
from connectors.http import LostAnswer
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


Receipts = dict[int, Receipt]


def failed(error: CrmHealthError, row_id: str | None = None) -> Receipt:
    """The receipt of a row whose call failed.

    A record that is not there, and one that the token may not see, are answered alike.
    """
    match error:
        case Absent():
            outcome = Outcome.GONE
        case Refused():
            outcome = Outcome.REJECTED
        case LostAnswer():
            outcome = Outcome.UNKNOWN
        case _:
            outcome = Outcome.RETRY
    return Receipt(
        outcome,
        row_id,
        code=error.code or None,
        field=getattr(error, "field", "") or None,
        message=error.message,
        retry_after=error.retry_after if isinstance(error, RateLimited) else None,
    )


def frame(receipts: Mapping[int, Receipt]) -> pl.DataFrame:
    """Receipts by `seq` as `RECEIPT_SCHEMA`."""
    rows = [
        {"seq": seq, **asdict(receipt), "outcome": receipt.outcome.value}
        for seq, receipt in receipts.items()
    ]
    return pl.DataFrame(rows, schema=RECEIPT_SCHEMA)
