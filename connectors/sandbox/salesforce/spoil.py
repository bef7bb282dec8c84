"""Row faults: a record of a call is refused by somebody else's lock, rule or trigger."""

from __future__ import annotations

from connectors.sandbox.errors import WireError
from connectors.sandbox.faults import Rule
from connectors.sandbox.salesforce.wire import Call


class BatchBrokenError(Exception):
    """An Apex trigger failed: every record of the batch fails with the same error."""

    def __init__(self, error: WireError) -> None:
        super().__init__(error.message)
        self.error = error


def spoil(call: Call, position: int, id18: str | None) -> None:
    """Raise what the row faults of this call hold for one of its records.

    Args:
        call: its rules are tried in order.
        position: place of the record in the request, from 0.
        id18: the record's id, None on create.
    """
    for rule in call.row_faults:
        if not rule.takes_row(position, id18):
            continue
        if rule.kind == "batch_apex":
            raise BatchBrokenError(_apex(rule))
        if rule.kind == "row_lock":
            raise WireError(
                400,
                "UNABLE_TO_LOCK_ROW",
                rule.message
                or f"unable to obtain exclusive access to this record or 1 records: "
                f"{id18 or '001000000000000AAA'}",
            )
        raise WireError(
            400,
            rule.code or "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            rule.message or "A validation rule of this org refused the record.",
            rule.fields,
        )


def _apex(rule: Rule) -> WireError:
    return WireError(
        400,
        rule.code or "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        rule.message
        or "AccountTrigger: execution of BeforeUpdate caused by: System.NullPointerException: "
        "Attempt to de-reference a null object",
    )
