"""Batches on their way: a receipt for each row, whatever became of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from connectors.http import LostAnswer, pause, redact
from connectors.hubspot.client import Client
from connectors.hubspot.errors import NO_PROPERTY, Refused
from connectors.hubspot.receipts import (
    PASSING,
    Receipt,
    Receipts,
    Sent,
    from_error,
    lacks_property,
    matched,
    refused,
)
from crm_health.connector import Outcome
from crm_health.errors import AuthError, QuotaExhausted, SetupError, Unavailable

#: Halving 100 rows down to one takes 7 levels of 2 calls; twice that, then no more.
HALVING_CALLS = 28
RETRY_ROUNDS = 2
#: HubSpot's word for a choice that a property does not offer.
NO_OPTION = "INVALID_OPTION"
#: What ends a run: rows not yet answered are left for the next one.
ENDS = (Unavailable, QuotaExhausted, AuthError, SetupError)

Send = Callable[[pl.DataFrame], Receipts]


class Sender:
    """Sends inputs of one batch call, and again what a passing cause held back."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def settled(self, rows: pl.DataFrame, send: Send) -> Receipts:
        """Send rows, then again those that a passing cause held back.

        Raises:
            SetupError: the account lacks a property that every row names.
        """
        receipts = send(rows)
        _raise_if_schema(receipts.values())
        for round_number in range(1, RETRY_ROUNDS + 1):
            again = [s for s, r in receipts.items() if r.code in PASSING]
            if not again:
                break
            pause(self._client.ports, round_number)
            try:
                receipts |= send(rows.filter(pl.col("seq").is_in(again)))
            except ENDS:
                # The receipts in hand say `retry`; the next call meets the cause again.
                break
        return receipts

    def batched(
        self,
        path: str,
        inputs: Sequence[Mapping[str, Any]],
        sent: Sequence[Sent],
        key: str | None = None,
        *,
        before: float | None = None,
    ) -> Receipts:
        """Send inputs; where HubSpot refuses them all for one, halve until it stands alone.

        Args:
            path: of the batch call.
            inputs: without their trace ids.
            sent: what of each row names it.
            key: the unique property of an upsert.
            before: for what may be carried out only once, the time by the clock of the ports
                after which nothing more is sent.

        Raises:
            Unavailable, QuotaExhausted, AuthError, SetupError: before any row was answered.
        """
        receipts: Receipts = {}
        traced = [
            {**one, "objectWriteTraceId": str(named.seq)}
            for one, named in zip(inputs, sent, strict=True)
        ]
        groups, calls = [(traced, list(sent))], 0
        while groups:
            some, named = groups.pop()
            try:
                if before is not None and self._client.ports.clock() > before:
                    raise Unavailable("It took too long to be sent safely.", code="CH-HS-LATE")
                once = before is not None
                told = matched(self._post(path, some, once=once), named, key)
                receipts |= {
                    one.seq: _with_option(told[one.seq], sent_one)
                    for one, sent_one in zip(named, some, strict=True)
                }
            except LostAnswer as error:
                receipts |= _all(named, from_error(error, Outcome.UNKNOWN))
            except Refused as error:
                if len(named) == 1 or calls >= HALVING_CALLS:
                    alone = refused(error.fault)
                    alone = _with_option(alone, some[0]) if len(named) == 1 else alone
                    receipts |= _all(named, alone)
                    continue
                middle = len(named) // 2
                groups += [(some[middle:], named[middle:]), (some[:middle], named[:middle])]
                calls += 2
            except ENDS as error:
                if not receipts:
                    raise
                left = [*named, *(one for _, others in groups for one in others)]
                return receipts | _all(left, from_error(error, Outcome.RETRY))
        return receipts

    def _post(
        self, path: str, inputs: Sequence[Mapping[str, Any]], *, once: bool
    ) -> Mapping[str, Any]:
        answer = self._client.post(path, {"inputs": inputs}, once=once)
        try:
            return answer.json()
        except Unavailable as error:
            raise LostAnswer(error.message, code=error.code) from None


def _all(sent: Iterable[Sent], receipt: Receipt) -> Receipts:
    return dict.fromkeys((one.seq for one in sent), receipt)


def _with_option(receipt: Receipt, sent: Mapping[str, Any]) -> Receipt:
    """A refused choice by its name: it is a word of the mapping's, nothing of a customer's."""
    value = (sent.get("properties") or {}).get(receipt.field)
    if receipt.code != NO_OPTION or not value:
        return receipt
    said = f"{redact(str(value), 80)!r} is no option of {receipt.field}"
    return replace(receipt, message=f"HubSpot refused the record: {said}.")


def _raise_if_schema(receipts: Iterable[Receipt]) -> None:
    """A property that the account lacks is a matter of setup: all rows of a batch name it."""
    listed = list(receipts)
    if any(lacks_property(r) for r in listed) and not any(r.done for r in listed):
        names = sorted({r.field for r in listed if r.field and lacks_property(r)})
        raise SetupError(
            f"HubSpot has no property {', '.join(names)}: run `crm-health setup`.",
            code=NO_PROPERTY,
        )
