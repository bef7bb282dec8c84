"""Writing: one call a record, for BottleCRM has no batches.

An update may come twice. A creation may not, and nothing in the CRM refuses a second one: it has no
unique custom fields. So the key is looked for first, in a list that is never behind (one database
answers both), and again after a creation: an answer that was lost is found there, and a task's
creation does not even tell its id. Whoever looks and creates has the turn (`turn.py`), so that no
two do so at once, from whatever machine, as long as they are one user of the CRM.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from connectors.bottlecrm import closed
from connectors.bottlecrm.bodies import bodies, named_apart
from connectors.bottlecrm.client import Client
from connectors.bottlecrm.describe import Describer
from connectors.bottlecrm.errors import Absent
from connectors.bottlecrm.objects import CUSTOM, MARK, MARK_VALUE, CrmObject, Held
from connectors.bottlecrm.receipts import Receipt, Receipts, failed, frame
from connectors.bottlecrm.turn import HORIZON, Turn
from connectors.bottlecrm.wire import Wanted
from connectors.http import Hopeless, LostAnswer
from crm_health.connector import Batch, Op, Outcome
from crm_health.errors import (
    AuthError,
    BrokenInvariant,
    QuotaExhausted,
    Rejected,
    SetupError,
    Unavailable,
)

#: Rows of a batch: the more, the later a lost answer of the first is known.
BATCH = 50
#: Calls that a row takes at most: look, create, look again; and those for a turn.
CALLS = {Op.UPDATE: 1, Op.UPSERT: 3, Op.CREATE_ONCE: 3}
TURN_CALLS = {Op.UPDATE: 0, Op.UPSERT: 2, Op.CREATE_ONCE: 2}
NOT_OUR_TURN = Receipt(
    Outcome.RETRY,
    code="CH-BC-TURN",
    message="Another sync creates records in BottleCRM just now, or one died doing so: the next "
    "sync will do it.",
    retry_after=HORIZON,
)
#: Perhaps its owner alone may see it, or its key's field is gone: sent again it would be a second.
UNSEEN = Receipt(
    Outcome.UNKNOWN,
    code="CH-BC-UNSEEN",
    message="BottleCRM saved the record, but does not list it for this token.",
)
AFTER_UNSEEN = Receipt(
    Outcome.RETRY,
    code="CH-BC-UNSEEN",
    message="Not sent: a record that was saved before it is not listed for this token.",
)
#: Answers that did not come, or that something in between gave up waiting for. A proxy says 502 (or
#: 520, 522, 524) of a server that died over it, whose database works on what it was told.
_AT_WORK = frozenset({"CH-NET", "CH-TIME", *(f"HTTP-{n}" for n in (408, 502, 504, 520, 522, 524))})
_ENDS = (AuthError, QuotaExhausted, SetupError)
#: How many rows in a row may fail before it is an outage. A lost answer was long waited for.
_LOST, _BLOCKED = 2, 4


class Writer:
    """Writes batches and gives one receipt a row."""

    def __init__(self, client: Client, describer: Describer) -> None:
        self._client = client
        self._describer = describer
        self._turn = Turn(client)

    def write(self, batch: Batch) -> pl.DataFrame:
        """See `Connector.write`."""
        crm_object = self._describer.need(batch.object)
        _check(batch)
        rows = _whole_records(batch, crm_object)
        sent = bodies(rows, crm_object)  # what can't be sent is found before anything is
        if rows.is_empty():
            return frame({})
        self._need_fields(batch, [name for name in rows.columns if name not in ("seq", "id")])
        if batch.op is Op.UPDATE:
            closed.forget(self._client.ports.notes, rows["id"])
        save = self._saver(batch, crm_object, rows)
        try:
            return frame(self._saved(rows, sent, save, takes_turns=batch.op is not Op.UPDATE))
        finally:
            self._turn.give()

    def _saved(
        self,
        rows: pl.DataFrame,
        sent: list[dict[str, Any]],
        save: Callable[[int, dict[str, Any]], Receipt],
        *,
        takes_turns: bool,
    ) -> Receipts:
        receipts: Receipts = {}
        stopped: Receipt | None = None
        failures = 0
        for n, (seq, body) in enumerate(zip(rows["seq"], sent, strict=True)):
            if stopped is not None:
                receipts[seq] = stopped
                continue
            try:
                if takes_turns and not self._turn.is_ours and not self._turn.take():
                    stopped = receipts[seq] = NOT_OUR_TURN
                    continue
                receipts[seq] = save(n, body)
                if receipts[seq] is UNSEEN:
                    stopped = AFTER_UNSEEN
            except (LostAnswer, Hopeless) as error:
                receipts[seq] = failed(error)
                # One record may be more than the CRM can take, or a firewall before it.
                failures += 1
                if failures >= (_LOST if isinstance(error, LostAnswer) else _BLOCKED):
                    stopped = replace(receipts[seq], outcome=Outcome.RETRY)
            except (Unavailable, *_ENDS) as error:
                if not isinstance(error, Unavailable) and not receipts:
                    raise
                # What came before was answered, and its receipts must not be lost.
                stopped = receipts[seq] = failed(error)
            else:
                failures = 0
        return receipts

    def batch_size(self, _op: Op, _rows: int) -> int:
        """See `Connector.batch_size`."""
        return BATCH

    def calls_for(self, op: Op, rows: int) -> int:
        """See `Connector.calls_for`: a batch begins with a look at the custom fields."""
        return -(-rows // BATCH) * (1 + TURN_CALLS[op]) + rows * CALLS[op]

    def _saver(
        self, batch: Batch, crm_object: CrmObject, rows: pl.DataFrame
    ) -> Callable[[int, dict[str, Any]], Receipt]:
        if batch.op is Op.UPDATE:
            ids = rows["id"].to_list()
            return lambda n, body: self._update(crm_object, ids[n], body)
        key = _key_field(batch)
        keys = rows[key].to_list()
        once = batch.op is Op.CREATE_ONCE
        return lambda n, body: self._keyed(crm_object, key, keys[n], body, once=once)

    def _update(self, crm_object: CrmObject, row_id: str, body: Mapping[str, Any]) -> Receipt:
        try:
            self._client.save("PATCH", f"{crm_object.path}{row_id}/", body)
        except Rejected as error:
            return failed(error, row_id)
        return Receipt(Outcome.DONE, row_id, created=False)

    def _keyed(
        self, crm_object: CrmObject, key: str, value: str, body: dict[str, Any], *, once: bool
    ) -> Receipt:
        """Find the record of a key, or make it."""
        there = self._find(crm_object, key, value)
        if there is None:
            return self._make(crm_object, key, value, body)
        given = _belonging(body, crm_object) if once else body
        if not given:
            return Receipt(Outcome.DONE, there, created=False)
        closed.forget(self._client.ports.notes, [there])
        return replace(self._update(crm_object, there, given), created=False)

    def _make(
        self, crm_object: CrmObject, key: str, value: str, body: Mapping[str, Any]
    ) -> Receipt:
        """Make the record of a key that was just looked for in vain."""
        if not self._turn.is_ours:
            # The look took so long that another one may look and create by now.
            return NOT_OUR_TURN
        given = {name: told for name, told in body.items() if told is not None}
        lost: LostAnswer | None = None
        try:
            self._client.create(crm_object.path, {**crm_object.made_with, **given})
        except Absent as error:
            # It is what the record hangs on that is not there.
            return replace(failed(error), outcome=Outcome.REJECTED)
        except Rejected as error:
            return failed(error)
        except LostAnswer as error:
            lost = error
        try:
            made_id = self._find(crm_object, key, value)
        except (Unavailable, *_ENDS) as error:
            # Whether it was made is for the next read to tell.
            self._doubt(lost)
            return replace(failed(error), outcome=Outcome.UNKNOWN)
        if lost is None:
            return UNSEEN if made_id is None else Receipt(Outcome.DONE, made_id, created=True)
        if made_id is None:
            self._doubt(lost)
            raise lost
        # The CRM saves a record first and its people after, each for itself: what broke off in
        # between is finished.
        return replace(self._update(crm_object, made_id, given), created=None)

    def _doubt(self, lost: LostAnswer | None) -> None:
        """Let nobody look and create while the CRM may still be at work on a creation."""
        if lost is not None and lost.code in _AT_WORK:
            self._turn.keep()

    def _find(self, crm_object: CrmObject, key: str, value: str) -> str | None:
        query = [*crm_object.query, (key, value), ("limit", "2")]
        parts = Wanted(crm_object, ()).page(self._client.get(crm_object.path, query).body)
        ids = [one for part in parts for one in part.rows["id"]]
        if len(ids) > 1:
            self._client.ports.log("bottlecrm.double", object=crm_object.name, ids=sorted(ids))
        return min(ids, default=None)

    def _need_fields(self, batch: Batch, names: list[str]) -> None:
        """The CRM takes a field that it does not know, says all is well, and forgets it."""
        lacking = self._describer.lacking(batch.object, names, anew=True)
        if lacking:
            raise SetupError(
                f"BottleCRM's {batch.object} have no field {', '.join(lacking)}: run "
                "`crm-health setup`. Nothing of this batch was written.",
                code="CH-BC-FIELD",
            )


def _whole_records(batch: Batch, crm_object: CrmObject) -> pl.DataFrame:
    """The rows, together with what their claims add, and our mark where lists need it."""
    rows = batch.rows
    if batch.claim is not None:
        more = [c for c in batch.claim.rows.columns if c == "seq" or c not in rows.columns]
        rows = rows.join(batch.claim.rows.select(more), on="seq", maintain_order="left")
    if batch.op is Op.UPDATE:
        return rows
    name = crm_object.told_apart_by
    if name in rows.columns:
        rows = rows.with_columns(named_apart(rows[name], rows[_key_field(batch)], crm_object))
    if not crm_object.shows_custom:
        rows = rows.with_columns(pl.lit(MARK_VALUE).alias(MARK))
    return rows


def _key_field(batch: Batch) -> str:
    return str(batch.key_field if batch.claim is None else batch.claim.key_field)


def _belonging(body: Mapping[str, Any], crm_object: CrmObject) -> dict[str, Any]:
    """What a record that is made once is known by: what it hangs on, and our mark.

    Anything else a person may have changed, and it stays. Without these the read does not find the
    record, so that every sync would want it made.
    """
    links = {
        name: value
        for name, value in body.items()
        if value is not None
        and name in crm_object.fields
        and crm_object.fields[name].held is Held.RECORD
    }
    mark = MARK.removeprefix(CUSTOM)
    marked = {mark: MARK_VALUE} if mark in body.get("custom_fields", {}) else {}
    return {**links, "custom_fields": marked} if marked else links


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
                f"BottleCRM can't save {batch.object} and {claim.object} at once: let `episode` "
                "and `task` name the same object in the mapping.",
                code="CH-BC-CLAIM",
            )
        _check_key(claim.rows, claim.key_field)


def _check_key(rows: pl.DataFrame, key: str | None) -> None:
    if key is None or key not in rows.columns:
        raise BrokenInvariant("A batch has no key.")
    if not key.startswith(CUSTOM):
        raise SetupError(
            f"BottleCRM can look records up by custom fields only, not by {key}: name a field "
            f"{CUSTOM}... as key in the mapping.",
            code="CH-BC-KEY",
        )
    if rows[key].null_count() or rows[key].is_duplicated().any():
        raise BrokenInvariant("A row lacks its key, or two share one.")
