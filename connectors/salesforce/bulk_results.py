"""What an ingest job says of its rows, as receipts: by id or key, never by order.

A row is done where the job says so, or where every other row of a complete job is accounted for.
All else is unknown, and the next read settles it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from connectors.salesforce.bulk_jobs import Job, State
from connectors.salesforce.errors import Fault
from connectors.salesforce.receipts import (
    UNANSWERED,
    Receipt,
    comes_again,
    from_faults,
    meeting_again,
)
from crm_health.connector import RECEIPT_SCHEMA, Op, Outcome

#: Receipts, and whether the row is to be sent again at once, by Collections.
ANSWERED: dict[str, Any] = {**RECEIPT_SCHEMA, "again": pl.Boolean}
#: A file of results: the row's key as it was sent, and what the service added.
RESULTS: dict[str, Any] = {
    "key": pl.String,
    "id": pl.String,
    "created": pl.String,
    "error": pl.String,
}
_SAID: dict[str, Any] = {
    "error": pl.String,
    **{name: ANSWERED[name] for name in ("outcome", "code", "field", "message", "again")},
}
_ADDED = {"sf__id": "id", "sf__created": "created", "sf__error": "error"}
_ERROR = re.compile(r"\s*([A-Za-z][\w-]*)\s*:(.*):([^:]*?)--\s*", re.DOTALL)
UNPROCESSED = Receipt(
    Outcome.RETRY, code="CH-SF-UNPROCESSED", message="The job ended before it came to this row."
)
UNENDED = Receipt(
    Outcome.UNKNOWN, code="CH-SF-JOB-SLOW", message="The job did not end, nor could it be stopped."
)
Fetch = Callable[[str], pl.DataFrame | None]


@dataclass(frozen=True)
class Sent:
    """The rows of one job.

    Shapes:
        rows: `seq`, and `key`: the text by which the job's results name a row.
    """

    op: Op
    object: str
    #: The field that `key` is the value of.
    key_field: str
    rows: pl.DataFrame


def parse(body: bytes, key_field: str) -> pl.DataFrame | None:
    """A file of results as `RESULTS`; None where it is not one."""
    empty = pl.DataFrame(schema=RESULTS)
    if not body.strip():
        return empty
    try:
        table = pl.read_csv(body, infer_schema=False).fill_null("")
    except PolarsError:
        return None
    names = {_ADDED.get(name.casefold(), name): name for name in table.columns}
    key = next((n for n in table.columns if n.casefold() == key_field.casefold()), None)
    if key is None:
        return None
    return table.select(
        pl.col(key).alias("key"),
        *(
            pl.col(names[name]).alias(name) if name in names else pl.lit("").alias(name)
            for name in ("id", "created", "error")
        ),
    )


def receipts(sent: Sent, job: Job, fetch: Fetch) -> pl.DataFrame:
    """Receipts of a job that has ended, as `ANSWERED`: one for each row sent.

    Args:
        sent: what was uploaded.
        job: as it ended.
        fetch: gets `failedResults`, `unprocessedrecords` or `successfulResults`; None where its
            answer could not be had.
    """
    failed, left = fetch("failedResults"), fetch("unprocessedrecords")
    told = []
    if failed is not None:
        told.append(_failed(sent, failed))
    if left is not None:
        # What a job left that failed can still be written; one that was stopped is not outdone.
        told.append(_all(left, UNPROCESSED, again=job.state is State.FAILED))
    found = _found(sent, told)
    whole = (
        job.state is State.COMPLETE
        and failed is not None
        and left is not None
        and failed.height == job.failed
        and job.processed + left.height == sent.rows.height
        and found.height == failed.height + left.height
    )
    if sent.op is Op.UPDATE and whole:
        return _by_row(sent, found, Receipt(Outcome.DONE))
    done = fetch("successfulResults") if job.processed > job.failed else None
    if done is not None:
        found = _found(sent, [*told, _done(done)])
    return _by_row(sent, found, UNANSWERED)


def nothing_known(sent: Sent, receipt: Receipt) -> pl.DataFrame:
    """The same receipt for every row of a job, as `ANSWERED`."""
    return _by_row(sent, _found(sent, []), receipt)


def fault_of(text: str) -> Fault:
    """One `sf__Error`: `CODE:message:FIELDS --`, where the message may have colons of its own."""
    found = _ERROR.fullmatch(text)
    if found is None:
        code, _, message = text.partition(":")
        return Fault(code.strip(), message)
    fields = (name.strip() for name in re.split(r"[,;\s]", found.group(3)))
    return Fault(found.group(1), found.group(2), tuple(name for name in fields if name))


def _failed(sent: Sent, failed: pl.DataFrame) -> pl.DataFrame:
    # One look a wording, not a row: ten thousand rows mostly fail for one cause.
    said = [_said(sent, text) for text in failed["error"].unique()]
    table = pl.DataFrame(said, schema=_SAID)
    return failed.join(table, on="error").drop("error", "created")


def _said(sent: Sent, text: str) -> dict[str, Any]:
    receipt = from_faults([fault_of(text)]) if text.strip() else UNANSWERED
    if sent.op is Op.UPSERT:
        receipt = meeting_again(receipt, sent.key_field)
    # Collections can send the header that lets a duplicate pass, and can halve its way to the
    # one row that a customer's automation can't take.
    duplicate = receipt.code == "DUPLICATES_DETECTED" and sent.op is Op.UPDATE
    automation = receipt.rule is not None and receipt.rule.automation
    again = comes_again(receipt) or automation or (duplicate and sent.object == "Account")
    return {"error": text, **_columns(receipt), "again": again}


def _done(done: pl.DataFrame) -> pl.DataFrame:
    proven = pl.col("id") != ""
    return done.select(
        "key",
        "id",
        pl.when(proven)
        .then(pl.lit(Outcome.DONE.value))
        .otherwise(pl.lit(Outcome.UNKNOWN.value))
        .alias("outcome"),
        (pl.col("created").str.to_lowercase() == "true").alias("created"),
        pl.lit(False).alias("again"),
    )


def _all(rows: pl.DataFrame, receipt: Receipt, *, again: bool) -> pl.DataFrame:
    return rows.select(
        "key",
        *(pl.lit(value, pl.String).alias(name) for name, value in _columns(receipt).items()),
        pl.lit(again).alias("again"),
    )


def _columns(receipt: Receipt) -> dict[str, str | None]:
    return {
        "outcome": receipt.outcome.value,
        "code": receipt.code,
        "field": receipt.field,
        "message": receipt.message,
    }


def _found(sent: Sent, told: list[pl.DataFrame]) -> pl.DataFrame:
    """What was said, by `seq`: of keys that were sent and that it was said of only once."""
    empty = pl.DataFrame(schema={"key": pl.String, **ANSWERED}).drop("seq")
    said = pl.concat([empty, *told], how="diagonal")
    rows = sent.rows
    if sent.op is Op.UPDATE:
        # The last three of 18 characters are only a checksum.
        said, rows = (f.with_columns(pl.col("key").str.slice(0, 15)) for f in (said, rows))
    return rows.join(said.unique("key", keep="none"), on="key").drop("key")


def _by_row(sent: Sent, found: pl.DataFrame, otherwise: Receipt) -> pl.DataFrame:
    """Every row with what was found of it, `otherwise` where nothing was."""
    silent = pl.col("outcome").is_null()
    filled = sent.rows.join(found, on="seq", how="left", maintain_order="left").with_columns(
        *(
            pl.when(silent).then(pl.lit(value, pl.String)).otherwise(name).alias(name)
            for name, value in _columns(otherwise).items()
        ),
        pl.col("again").fill_null(False),
        pl.when(pl.col("id") != "").then("id").alias("id"),
    )
    if sent.op is Op.UPDATE:
        # An update never creates, and its record is known.
        filled = filled.with_columns(pl.col("key").alias("id"), created=pl.lit(False))
    return filled.select(pl.col(name).cast(kind) for name, kind in ANSWERED.items())
