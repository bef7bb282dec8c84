"""Records that are made once, by either kind of key.

HubSpot can't save two objects at once. Where the key is unique, the record bears its claim itself:
a second one is refused, whatever the words, and the first is found by its key. Where the account
takes no unique property, the key is claimed in a property of the company first, and the record is
sent once and never again: what was not answered is looked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from connectors.hubspot.claiming import Claimer
from connectors.hubspot.client import Client
from connectors.hubspot.errors import Refused
from connectors.hubspot.linking import Linker
from connectors.hubspot.properties import links_in, properties
from connectors.hubspot.receipts import (
    UNANSWERED,
    Receipt,
    Receipts,
    Sent,
    from_error,
    refused,
)
from connectors.hubspot.seeking import Want, seek
from connectors.hubspot.sending import Sender
from crm_health.connector import Batch, Ledger, Outcome
from crm_health.errors import BrokenInvariant, CrmHealthError, SetupError

_UNKNOWN = (Outcome.UNKNOWN,)
_REFUSED = (Outcome.REJECTED, Outcome.GONE)


class Creator:
    """Makes records with their claims."""

    def __init__(self, client: Client, sender: Sender, linker: Linker) -> None:
        self._client = client
        self._sender = sender
        self._linker = linker
        self._claimer = Claimer(client, sender)
        #: Whether an object's property is unique, once that was asked.
        self._unique: dict[tuple[str, str], bool] = {}

    @property
    def claims_by_hand(self) -> bool:
        """Whether a claim takes calls of its own; true as well while nobody knows."""
        return not all(self._unique.values()) or not self._unique

    def check(self, batch: Batch) -> None:
        """Find out how to claim.

        Raises:
            SetupError: nothing would keep off a second record.
        """
        name, key = batch.object, _key(batch)
        if (name, key) not in self._unique:
            found = self._client.get(self._client.paths.one_property(name, key)).json()
            self._unique[name, key] = found.get("hasUniqueValue") is True
        if not self._unique[name, key] and batch.ledger is None:
            raise SetupError(
                f"The property {key} of {name} is not unique, so nothing would keep off a second "
                "task: let the mapping name a property for `claims`, or another key, and run "
                "`crm-health setup`.",
                code="CH-HS-UNIQUE",
            )

    def create(self, batch: Batch, rows: pl.DataFrame) -> Receipts:
        """Make the records of rows that `check` has passed; `rows` hold their claims as well."""
        making = _Making(batch, rows)
        if self._unique[batch.object, making.key]:
            return self._sender.settled(rows, lambda some: self._by_key(making, some))
        assert batch.ledger is not None  # checked
        try:
            return self._by_claim(making, batch.ledger, rows)
        except Refused as error:
            # A look-up was refused: nothing was made.
            return dict.fromkeys(rows["seq"], refused(error.fault))

    # -- a unique key ------------------------------------------------------------------------

    def _by_key(self, making: _Making, rows: pl.DataFrame) -> Receipts:
        receipts = self._make(making, rows)
        doubted = [one for one in making.sent(rows) if _doubted(receipts[one.seq])]
        there = self._there(making, doubted)
        if not there:
            return receipts
        mine = rows.filter(pl.col("seq").is_in(list(there)))
        return receipts | self._linker.linked(making.name, mine, there, making.spare)

    def _there(self, making: _Making, sent: Sequence[Sent]) -> Receipts:
        """Of rows that were refused, those whose claim stands already."""
        if not sent:
            return {}
        key = making.key
        body = {
            "idProperty": key,
            "properties": [key],
            "inputs": [{"id": one.key} for one in sent],
        }
        try:
            answer = self._client.post(self._client.paths.batch(making.name, "read"), body).json()
        except CrmHealthError as error:
            # What was written is written: without this answer it is only unproven.
            return {one.seq: from_error(error, Outcome.UNKNOWN) for one in sent}
        held = {
            str((one.get("properties") or {}).get(key)).casefold(): str(one["id"])
            for one in answer.get("results") or ()
        }
        return {
            one.seq: Receipt(Outcome.DONE, held[one.key.casefold()], created=False)
            for one in sent
            if one.key is not None and one.key.casefold() in held
        }

    # -- a claim at the account --------------------------------------------------------------

    def _by_claim(self, making: _Making, ledger: Ledger, rows: pl.DataFrame) -> Receipts:
        wants = [Want(*row) for row in rows.select("seq", ledger.by, making.key).iter_rows()]
        if not all(want.parent for want in wants):
            raise BrokenInvariant(f"A row to be claimed has no {ledger.by}.")
        receipts = self._found(making, ledger, wants, rows)
        taken = self._claimer.take(ledger, [want for want in wants if want.seq not in receipts])
        receipts |= taken.receipts
        if not taken.mine:
            return receipts
        mine = rows.filter(pl.col("seq").is_in(taken.mine))
        made = self._sender.settled(
            mine, lambda some: self._make(making, some, before=taken.before)
        )
        lost = [w for w in wants if w.seq in made and made[w.seq].outcome in _UNKNOWN]
        if lost:
            # What is not to be seen yet stays unknown: the next sync looks again.
            try:
                made |= self._found(making, ledger, lost, rows)
            except CrmHealthError as error:
                self._client.ports.log("hubspot.unproven", rows=len(lost), code=error.code)
        return receipts | made

    def _found(
        self, making: _Making, ledger: Ledger, wants: Sequence[Want], rows: pl.DataFrame
    ) -> Receipts:
        """Rows whose records are there, hung where they should."""
        ids = seek(self._client, ledger, making.name, making.key, wants)
        there = {seq: Receipt(Outcome.DONE, i, created=False) for seq, i in ids.items()}
        mine = rows.filter(pl.col("seq").is_in(list(there)))
        return self._linker.linked(making.name, mine, there, making.spare)

    # -- both --------------------------------------------------------------------------------

    def _make(
        self, making: _Making, rows: pl.DataFrame, *, before: float | None = None
    ) -> Receipts:
        """Make records together with their associations.

        One that is refused for the sake of an association that may be spared is made without.
        """
        receipts = self._send(making, rows, making.links, before=before)
        spared = [end for column, end in making.links.items() if column in making.spare]
        if not spared:
            return receipts
        has_spare = pl.any_horizontal(pl.col(column).is_not_null() for column in making.spare)
        nameless = [s for s, r in receipts.items() if r.outcome in _REFUSED and r.field is None]
        again = rows.filter(has_spare & pl.col("seq").is_in(nameless))
        if again.is_empty():
            return receipts
        needed = {c: end for c, end in making.links.items() if c not in making.spare}
        without = self._send(making, again, needed, before=before)
        done = {seq: receipt for seq, receipt in without.items() if receipt.done}
        mine = again.filter(pl.col("seq").is_in(list(done)))
        # Of those that stay refused the first answer says more.
        unsure = {s: r for s, r in without.items() if r.outcome not in _REFUSED}
        return receipts | unsure | self._linker.linked(making.name, mine, done, making.spare)

    def _send(
        self,
        making: _Making,
        rows: pl.DataFrame,
        links: Mapping[str, str],
        *,
        before: float | None,
    ) -> Receipts:
        hung = rows.select(pl.col(c).alias(end) for c, end in links.items()).to_dicts()
        inputs: list[dict[str, Any]] = []
        for n, values in enumerate(properties(rows)):
            given = {end: i for end, i in hung[n].items() if i is not None} if links else {}
            # HubSpot clears with an empty text; in a new record there is nothing to clear.
            one: dict[str, Any] = {"properties": {p: value for p, value in values.items() if value}}
            if given:
                one["associations"] = self._linker.new(making.name, given)
            inputs.append(one)
        path = self._client.paths.batch(making.name, "create")
        receipts = self._sender.batched(path, inputs, making.sent(rows), making.key, before=before)
        return {s: replace(r, created=True) if r.done else r for s, r in receipts.items()}


class _Making:
    """What is the same for all rows of a batch."""

    def __init__(self, batch: Batch, rows: pl.DataFrame) -> None:
        assert batch.claim is not None  # checked by the writer
        self.name = batch.object
        self.key = _key(batch)
        self.links = links_in(rows)
        needed = frozenset(links_in(batch.claim.rows))
        #: Associations without which a record is still worth having: not those of its claim.
        self.spare = frozenset(self.links) - needed if needed else frozenset()

    def sent(self, rows: pl.DataFrame) -> list[Sent]:
        """What names each row."""
        return [Sent(s, key=k) for s, k in rows.select("seq", self.key).iter_rows()]


def _key(batch: Batch) -> str:
    assert batch.claim is not None  # checked by the writer
    return str(batch.claim.key_field)


def _doubted(receipt: Receipt) -> bool:
    """Whether the record may be there although this request did not make it."""
    return receipt.outcome in _REFUSED or receipt == UNANSWERED
