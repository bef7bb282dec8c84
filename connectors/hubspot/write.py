"""Writing: batches of a hundred, each row with a trace id by which its answer is known again.

Updates, upserts and associations may be repeated without harm: they set the same values again, or
meet their unique property. So a lost answer is simply asked for again; what stays unanswered is
`unknown`, and the next read settles it. What may be made only once is `creating`'s.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from connectors.hubspot.client import BATCH, Client
from connectors.hubspot.creating import Creator
from connectors.hubspot.linking import Linker
from connectors.hubspot.properties import links_in, properties
from connectors.hubspot.receipts import Receipts, Sent, frame, from_error
from connectors.hubspot.sending import ENDS, Sender
from crm_health.connector import Batch, Op, Outcome
from crm_health.errors import BrokenInvariant, SetupError, Unavailable


class Writer:
    """Writes batches and gives one receipt a row."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sender = Sender(client)
        self._linker = Linker(client)
        self._creator = Creator(client, self._sender, self._linker)

    def write(self, batch: Batch) -> pl.DataFrame:
        """See `Connector.write`."""
        _check(batch)
        rows = _whole_records(batch)
        if rows.height and batch.op is Op.CREATE_ONCE:
            self._creator.check(batch)
        properties(rows)  # what can't be sent is found before anything is
        receipts: Receipts = {}
        for start in range(0, rows.height, BATCH):
            try:
                receipts |= self._chunk(batch, rows.slice(start, BATCH))
            except ENDS as error:
                if not isinstance(error, Unavailable) and not receipts:
                    raise
                # What came before was answered, and its receipts must not be lost.
                left = rows.slice(start)
                receipts |= dict.fromkeys(left["seq"], from_error(error, Outcome.RETRY))
                break
        return frame(receipts)

    def batch_size(self, _op: Op, _rows: int) -> int:
        """See `Connector.batch_size`."""
        return BATCH

    def calls_for(self, op: Op, rows: int) -> int:
        """See `Connector.calls_for`.

        An upsert is followed by its associations. A claim is read, written and read again; until
        the first creation has shown whether it is needed, it counts.
        """
        calls = {Op.UPDATE: 1, Op.UPSERT: 2, Op.CREATE_ONCE: 1}[op]
        if op is Op.CREATE_ONCE and self._creator.claims_by_hand:
            calls += 3
        return -(-rows // BATCH) * calls

    def _chunk(self, batch: Batch, rows: pl.DataFrame) -> Receipts:
        if batch.op is Op.CREATE_ONCE:
            return self._creator.create(batch, rows)
        send = self._upsert if batch.op is Op.UPSERT else self._update
        return self._sender.settled(
            rows, lambda some: self._linker.linked(batch.object, some, send(batch, some))
        )

    def _update(self, batch: Batch, rows: pl.DataFrame) -> Receipts:
        sent = [Sent(s, i) for s, i in rows.select("seq", "id").iter_rows()]
        inputs = [
            {"id": one.id, "properties": values}
            for one, values in zip(sent, properties(rows), strict=True)
        ]
        path = self._client.paths.batch(batch.object, "update")
        receipts = self._sender.batched(path, inputs, sent)
        # An update never creates, and its rows are known.
        return {s.seq: replace(receipts[s.seq], id=s.id, created=False) for s in sent}

    def _upsert(self, batch: Batch, rows: pl.DataFrame) -> Receipts:
        key = str(batch.key_field)
        sent = [Sent(s, key=k) for s, k in rows.select("seq", key).iter_rows()]
        inputs = [
            {"idProperty": key, "id": one.key, "properties": values}
            for one, values in zip(sent, properties(rows), strict=True)
        ]
        path = self._client.paths.batch(batch.object, "upsert")
        return self._sender.batched(path, inputs, sent, key)


def _whole_records(batch: Batch) -> pl.DataFrame:
    """The rows, together with what their claims add."""
    if batch.claim is None:
        return batch.rows
    more = [c for c in batch.claim.rows.columns if c == "seq" or c not in batch.rows.columns]
    return batch.rows.join(batch.claim.rows.select(more), on="seq", maintain_order="left")


def _check(batch: Batch) -> None:
    rows = batch.rows
    if rows["seq"].is_duplicated().any():
        raise BrokenInvariant("A batch has two rows of one number.")
    if batch.op is Op.UPDATE and (rows["id"].null_count() or rows["id"].is_duplicated().any()):
        raise BrokenInvariant("An update names a record twice, or none.")
    if batch.op is Op.UPSERT:
        _check_key(rows, batch.key_field)
    if batch.op is Op.CREATE_ONCE:
        claim = batch.claim
        if claim is None or set(claim.rows["seq"]) != set(rows["seq"]):
            raise BrokenInvariant("A create has no claim for each of its rows.")
        if claim.object != batch.object:
            raise SetupError(
                f"HubSpot can't save {batch.object} and {claim.object} at once: let `episode` and "
                "`task` name the same object in the mapping.",
                code="CH-HS-CLAIM",
            )
        _check_key(claim.rows, claim.key_field)
        if batch.ledger is not None and batch.ledger.by not in links_in(claim.rows):
            raise BrokenInvariant("A claim does not say at which account it is made.")


def _check_key(rows: pl.DataFrame, key: str | None) -> None:
    if key is None or key not in rows.columns:
        raise BrokenInvariant("A batch has no key.")
    if rows[key].null_count() or rows[key].str.to_lowercase().is_duplicated().any():
        raise BrokenInvariant("A row lacks its key, or two share one.")
