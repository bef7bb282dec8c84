"""Writing: batches of a hundred, each row with a trace id by which its answer is known again.

Every call here may be repeated without harm: an update sets the same values again, an upsert and a
create meet their unique property, and so does an association. So a lost answer is simply asked for
again; what stays unanswered is `unknown`, and the next read settles it.

HubSpot can't save two objects at once. A record that is made once therefore bears its claim itself:
the claim is of the same object, and its unique property is what refuses a second one. A refusal is
looked up by that property, so that it does not matter how it is worded. Nothing is overwritten
then: what a person has changed in the meantime stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from connectors.http import LostAnswer, pause
from connectors.hubspot.client import BATCH, Client
from connectors.hubspot.errors import NO_PROPERTY, Refused, fault_in
from connectors.hubspot.linking import Linker
from connectors.hubspot.properties import links_in, properties
from connectors.hubspot.receipts import (
    PASSING,
    UNANSWERED,
    Receipt,
    Receipts,
    Sent,
    frame,
    from_error,
    lacks_property,
    matched,
    refused,
)
from crm_health.connector import Batch, Op, Outcome
from crm_health.errors import (
    AuthError,
    BrokenInvariant,
    CrmHealthError,
    QuotaExhausted,
    SetupError,
    Unavailable,
)

#: Halving 100 rows down to one takes 7 levels of 2 calls; twice that, then no more.
HALVING_CALLS = 28
RETRY_ROUNDS = 2
_ENDS = (Unavailable, QuotaExhausted, AuthError, SetupError)
_Sender = Callable[[pl.DataFrame], Receipts]


class Writer:
    """Writes batches and gives one receipt a row."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._linker = Linker(client)
        #: Object and property that were seen to be unique.
        self._unique: set[tuple[str, str]] = set()

    def write(self, batch: Batch) -> pl.DataFrame:
        """See `Connector.write`."""
        _check(batch)
        rows = _whole_records(batch)
        if rows.height and batch.op is Op.CREATE_ONCE:
            assert batch.claim is not None  # checked above
            self._need_unique(batch.object, str(batch.claim.key_field))
        properties(rows)  # what can't be sent is found before anything is
        send = self._sender(batch)
        receipts: Receipts = {}
        for start in range(0, rows.height, BATCH):
            chunk = rows.slice(start, BATCH)
            try:
                receipts |= self._settled(chunk, send)
            except _ENDS as error:
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
        """See `Connector.calls_for`: an upsert is followed by its associations."""
        return -(-rows // BATCH) * (2 if op is Op.UPSERT else 1)

    def _sender(self, batch: Batch) -> _Sender:
        if batch.op is Op.CREATE_ONCE:
            claim = batch.claim
            assert claim is not None  # checked by `_check`
            key = str(claim.key_field)
            return lambda rows: self._create(batch.object, key, rows)
        if batch.op is Op.UPSERT:
            return lambda rows: self._linked(batch.object, rows, self._upsert(batch, rows))
        return lambda rows: self._linked(batch.object, rows, self._update(batch.object, rows))

    def _settled(self, rows: pl.DataFrame, send: _Sender) -> Receipts:
        """Send rows, then again those that a passing cause held back."""
        receipts = send(rows)
        _raise_if_schema(receipts.values())
        for round_number in range(1, RETRY_ROUNDS + 1):
            again = [s for s, r in receipts.items() if r.code in PASSING]
            if not again:
                break
            pause(self._client.ports, round_number)
            try:
                receipts |= send(rows.filter(pl.col("seq").is_in(again)))
            except _ENDS:
                # The receipts in hand say `retry`; the next call meets the cause again.
                break
        return receipts

    def _batched(
        self,
        path: str,
        inputs: Sequence[Mapping[str, Any]],
        sent: Sequence[Sent],
        key: str | None = None,
    ) -> Receipts:
        """Send inputs; where HubSpot refuses them all for one, halve until it stands alone."""
        receipts: Receipts = {}
        groups, calls = [(list(inputs), list(sent))], 0
        while groups:
            some, named = groups.pop()
            try:
                answer = self._client.post(path, {"inputs": some}).json()
                receipts |= matched(answer, named, key)
            except LostAnswer as error:
                receipts |= _all(named, from_error(error, Outcome.UNKNOWN))
            except Refused as error:
                if len(named) == 1 or calls >= HALVING_CALLS:
                    receipts |= _all(named, refused(error.fault))
                    continue
                middle = len(named) // 2
                groups += [(some[middle:], named[middle:]), (some[:middle], named[:middle])]
                calls += 2
            except _ENDS as error:
                if not receipts:
                    raise
                left = [*named, *(one for _, others in groups for one in others)]
                return receipts | _all(left, from_error(error, Outcome.RETRY))
        return receipts

    def _update(self, name: str, rows: pl.DataFrame) -> Receipts:
        sent = [Sent(s, i) for s, i in rows.select("seq", "id").iter_rows()]
        inputs = [
            {"id": one.id, "properties": values, **_trace(one)}
            for one, values in zip(sent, properties(rows), strict=True)
        ]
        receipts = self._batched(self._client.paths.batch(name, "update"), inputs, sent)
        # An update never creates, and its rows are known.
        return {s.seq: replace(receipts[s.seq], id=s.id, created=False) for s in sent}

    def _upsert(self, batch: Batch, rows: pl.DataFrame) -> Receipts:
        key = str(batch.key_field)
        sent = [Sent(s, key=k) for s, k in rows.select("seq", key).iter_rows()]
        inputs = [
            {"idProperty": key, "id": one.key, "properties": values, **_trace(one)}
            for one, values in zip(sent, properties(rows), strict=True)
        ]
        return self._batched(self._client.paths.batch(batch.object, "upsert"), inputs, sent, key)

    def _create(self, name: str, key: str, rows: pl.DataFrame) -> Receipts:
        sent = [Sent(s, key=k) for s, k in rows.select("seq", key).iter_rows()]
        targets = links_in(rows)
        hung = rows.select(pl.col(c).alias(end) for c, end in targets.items()).to_dicts()
        inputs = []
        for n, (one, values) in enumerate(zip(sent, properties(rows), strict=True)):
            given = {end: i for end, i in hung[n].items() if i is not None} if targets else {}
            # HubSpot clears with an empty text; in a new record there is nothing to clear.
            kept = {p: value for p, value in values.items() if value}
            links = {"associations": self._linker.new(name, given)} if given else {}
            inputs.append({"properties": kept, **links, **_trace(one)})
        path = self._client.paths.batch(name, "create")
        receipts = self._batched(path, inputs, sent, key)
        receipts = {s: replace(r, created=True) if r.done else r for s, r in receipts.items()}
        doubted = [one for one in sent if _doubted(receipts[one.seq])]
        there = self._there(name, key, doubted)
        if not there:
            return receipts
        mine = rows.filter(pl.col("seq").is_in(list(there)))
        return receipts | self._linked(name, mine, there)

    def _there(self, name: str, key: str, sent: Sequence[Sent]) -> Receipts:
        """Of rows that were refused, those whose claim stands already."""
        if not sent:
            return {}
        body = {
            "idProperty": key,
            "properties": [key],
            "inputs": [{"id": one.key} for one in sent],
        }
        try:
            answer = self._client.post(self._client.paths.batch(name, "read"), body).json()
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

    def _linked(self, name: str, rows: pl.DataFrame, receipts: Receipts) -> Receipts:
        """A row is done when its record is there and hangs where it should."""
        for column, end in links_in(rows).items():
            wanted = {
                seq: (str(receipts[seq].id), other)
                for seq, other in rows.select("seq", column).iter_rows()
                if other is not None and receipts[seq].done
            }
            if wanted:
                receipts |= self._associated(name, end, wanted, receipts)
        return receipts

    def _associated(
        self, name: str, end: str, wanted: Mapping[int, tuple[str, str]], receipts: Receipts
    ) -> Receipts:
        """New receipts of those rows that could not be associated."""
        failed: Receipts = {}
        groups = [list(wanted)]
        calls = 0
        while groups:
            seqs = groups.pop()
            try:
                made, answer = self._linker.associate(name, end, [wanted[s] for s in seqs])
            except LostAnswer as error:
                failed |= {s: from_error(error, Outcome.UNKNOWN) for s in seqs}
                continue
            except Refused as error:
                made, answer = set(), {"errors": [{"category": error.fault.category}]}
            except _ENDS as error:
                rest = [*seqs, *(s for group in groups for s in group)]
                failed |= {s: from_error(error, Outcome.RETRY) for s in rest}
                break
            left = [s for s in seqs if wanted[s] not in made]
            if len(seqs) == 1 or calls + len(left) > HALVING_CALLS:
                failed |= {s: _unlinked(answer, alone=len(seqs) == 1) for s in left}
            else:
                # The errors do not name their pair: each of the others is asked for alone.
                groups += [[s] for s in left]
                calls += len(left)
        return {s: replace(r, id=receipts[s].id) for s, r in failed.items()}

    def _need_unique(self, name: str, key: str) -> None:
        """Nothing is made once unless the property that keeps off a second one is unique."""
        if (name, key) in self._unique:
            return
        found = self._client.get(self._client.paths.one_property(name, key)).json()
        if found.get("hasUniqueValue") is not True:
            raise SetupError(
                f"The property {key} of {name} is not unique, so nothing would keep off a second "
                "task: name another one in the mapping, and run `crm-health setup`.",
                code="CH-HS-UNIQUE",
            )
        self._unique.add((name, key))


def _all(sent: Iterable[Sent], receipt: Receipt) -> Receipts:
    return dict.fromkeys((one.seq for one in sent), receipt)


def _trace(one: Sent) -> dict[str, str]:
    return {"objectWriteTraceId": str(one.seq)}


def _doubted(receipt: Receipt) -> bool:
    """Whether the record may be there although this request did not make it."""
    return receipt.outcome in (Outcome.REJECTED, Outcome.GONE) or receipt == UNANSWERED


def _unlinked(answer: Mapping[str, Any], *, alone: bool) -> Receipt:
    errors = [e for e in answer.get("errors") or () if isinstance(e, dict)]
    if not errors or not alone:
        return UNANSWERED
    told = refused(fault_in(errors[0]))
    message = "HubSpot saved the record but did not associate it."
    return replace(told, outcome=_not_gone(told.outcome), message=message)


def _not_gone(outcome: Outcome) -> Outcome:
    # It is the other record that is not there.
    return Outcome.REJECTED if outcome is Outcome.GONE else outcome


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


def _check_key(rows: pl.DataFrame, key: str | None) -> None:
    if key is None or key not in rows.columns:
        raise BrokenInvariant("A batch has no key.")
    if rows[key].null_count() or rows[key].str.to_lowercase().is_duplicated().any():
        raise BrokenInvariant("A row lacks its key, or two share one.")


def _raise_if_schema(receipts: Iterable[Receipt]) -> None:
    """A property that every row was refused for is a matter of setup, not of rows."""
    listed = list(receipts)
    if listed and all(lacks_property(r) for r in listed):
        names = sorted({r.field for r in listed if r.field})
        raise SetupError(
            f"HubSpot has no property {', '.join(names)}: run `crm-health setup`.",
            code=NO_PROPERTY,
        )
