"""Up to a hundred records at a time: read, create, update, upsert, archive.

One bad input refuses the whole batch, unless every input has an `objectWriteTraceId` of its own:
then the others are written and the answer is a 207. Results come in no particular order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox.faults import ROWS
from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.attach import Attached, attach, check_links
from connectors.sandbox.hubspot.errors import (
    NOT_FOUND,
    VALIDATION,
    HubError,
    Problem,
    bad_request,
    invalid_values,
)
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.objects import check_key, no_history, sent_properties
from connectors.sandbox.hubspot.project import Reader, written
from connectors.sandbox.hubspot.values import read_all
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.hubspot.writing import check_new, conflict, keys
from connectors.sandbox.salesforce.wire import Answer
from connectors.sandbox.tables import Row

MAX_INPUTS = 100


@dataclass
class Input:
    """One input of a batch on its way to being written."""

    raw: Mapping[str, Any]
    position: int
    values: dict[str, str] = field(default_factory=dict)
    links: Sequence[Attached] = ()
    row: Row | None = None
    problems: Sequence[Problem] = ()
    refusal: HubError | None = None
    missing: bool = False
    """Whether no record has its id."""
    silent: bool = False
    """Whether the service says nothing about it at all: its record was merged away."""

    @property
    def id(self) -> str:
        """Its id, or the value of its `idProperty`."""
        return str(self.raw.get("id", ""))

    @property
    def trace(self) -> str | None:
        """The client's name for it."""
        found = self.raw.get("objectWriteTraceId")
        return None if found is None else str(found)

    @property
    def bad(self) -> bool:
        """Whether it can't be written."""
        return self.refusal is not None

    def refuse(self, error: HubError) -> None:
        """It can't be written, for this reason; the first one counts."""
        self.refusal = self.refusal or error


def _inputs(call: Call) -> list[Mapping[str, Any]]:
    inputs = call.request.fields.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(i, dict) for i in inputs):
        raise bad_request("Invalid input JSON: inputs must be a list of objects")
    if not inputs:
        raise bad_request("The batch holds no inputs")
    if len(inputs) > MAX_INPUTS:
        raise bad_request(f"The batch holds {len(inputs)} inputs: the limit is {MAX_INPUTS}")
    return inputs


def _check_distinct(ids: Sequence[str]) -> None:
    twice = [i for i, count in Counter(ids).items() if count > 1]
    if twice:
        message = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. IDs must be unique"
        raise bad_request(message, ids=twice)


def _answer(
    call: Call, status: int, results: list[dict[str, Any]], errors: Sequence[Mapping[str, Any]]
) -> Answer:
    """The envelope of a batch: 207 where anything went wrong, by either form of address.

    Dated specifications declare no 207; the servers send it all the same.
    """
    call.portal.dice.shuffle(results)
    now = stamps.text(call.portal.now())
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": now,
        "completedAt": now,
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": list(errors)}
    return Answer(207 if errors else status, body)


def _not_found(kind: Kind, inputs: Sequence[Input]) -> list[Mapping[str, Any]]:
    """What is said of ids that no record has: one error for them all, or one a trace id."""
    missing = [i for i in inputs if i.missing]
    message = (
        f"Could not get some {kind.constant} objects, they may be deleted or not exist. "
        "Check that ids are valid."
    )
    told = {"status": "error", "category": NOT_FOUND, "message": message}
    if any(i.trace is None for i in missing):
        return [{**told, "context": {"ids": [i.id for i in missing]}}]
    return [{**told, "context": {"objectWriteTraceId": [i.trace], "ids": [i.id]}} for i in missing]


def read(call: Call) -> Answer:
    """POST objects/{type}/batch/read {properties, idProperty?, inputs: [{id}]}."""
    kind, portal, body = call.kind(), call.portal, call.request.fields
    no_history(call)
    if body.get("propertiesWithHistory"):
        raise HubError(501, "The sandbox keeps no history of property values", "NOT_IMPLEMENTED")
    inputs = [Input(raw, n) for n, raw in enumerate(_inputs(call))]
    key = body.get("idProperty")
    if key:
        check_key(call, kind, key)
    reader = Reader(portal, kind, body.get("properties") or ())
    rows: dict[str, Row] = {}
    for one in inputs:
        if key:
            row = portal.by_value(kind, key, one.id)
        else:
            asked = portal.survivor(kind, one.id) or one.id
            row = portal.get(kind, asked, archived=call.flag("archived"))
        if row is None:
            one.missing = True
        else:
            rows[row["Id"]] = row
    results = [reader.record(row) for row in rows.values()]
    return _answer(call, 200, results, _not_found(kind, inputs))


def _write(
    call: Call,
    kind: Kind,
    inputs: Sequence[Input],
    status: int,
    save: Callable[[Input], dict[str, Any]],
) -> Answer:
    """Write what can be written, or refuse it all."""
    for one in inputs:
        _spoil(call, one)
    refused = [i for i in inputs if i.bad]
    traces = [i.trace for i in inputs]
    partial = None not in traces and len(set(traces)) == len(traces)
    if refused and not partial:
        raise _whole(refused)
    errors = [
        *(_not_found(kind, inputs) if any(i.missing for i in inputs) else ()),
        *(_entry(i) for i in refused),
    ]
    kept = [i for i in inputs if not (i.bad or i.missing or i.silent)]
    return _answer(call, status, [save(one) for one in kept], errors)


def _spoil(call: Call, one: Input) -> None:
    """What the fault rules of this call hold for one input."""
    for rule in call.rules:
        if rule.kind in ROWS and rule.takes_row(one.position, one.id or None):
            message = rule.message or "A validation rule of this account refused the record."
            one.refuse(HubError(400, message, rule.code or VALIDATION))


def _whole(refused: Sequence[Input]) -> HubError:
    """One refusal for the batch: the values that are wrong, or the first other reason."""
    problems = [p for i in refused for p in i.problems]
    first = refused[0].refusal
    if problems or first is None:
        return invalid_values(problems)
    return first


def _entry(one: Input) -> Mapping[str, Any]:
    assert one.refusal is not None  # only refused inputs come here
    entry = one.refusal.entry()
    entry["context"] = {"objectWriteTraceId": [one.trace], **entry["context"]}
    if one.refusal.errors:
        entry["errors"] = one.refusal.errors
    return entry


def _read_values(call: Call, kind: Kind, one: Input) -> None:
    """Fill an input's values, or say what is wrong with them."""
    one.values, one.problems = read_all(call.portal, kind, sent_properties(kind, one.raw))
    if one.problems:
        one.refuse(invalid_values(one.problems))


def _check_taken(call: Call, kind: Kind, inputs: Sequence[Input]) -> None:
    """Refuse unique values that other records hold, or other inputs before this one."""
    claimed: set[tuple[str, str]] = set()
    unique = list(keys(call.portal, kind))
    for one in inputs:
        if one.bad or one.missing or one.silent:
            continue
        own = one.row["Id"] if one.row is not None else ""
        taken = conflict(call.portal, kind, one.values, own, tell_id=one.trace is not None)
        mine = {(n, one.values[n].casefold()) for n in unique if one.values.get(n)}
        if taken is None and mine & claimed:
            name = next(iter(mine & claimed))[0]
            taken = bad_request(f"Two inputs of the batch hold the same value of {name}")
        if taken is not None:
            one.refuse(taken)
        else:
            claimed |= mine


def create(call: Call) -> Answer:
    """POST objects/{type}/batch/create {inputs: [{properties, associations?}]}."""
    kind, portal = call.kind(), call.portal
    inputs = [Input(raw, n) for n, raw in enumerate(_inputs(call))]
    for one in inputs:
        _read_values(call, kind, one)
        try:
            check_new(portal, kind, one.values)
            one.links = check_links(portal, kind, one.raw.get("associations") or ())
        except HubError as error:
            one.refuse(error)
    _check_taken(call, kind, inputs)

    def save(one: Input) -> dict[str, Any]:
        row = portal.create(kind, one.values)
        attach(portal, kind, row["Id"], one.links)
        return written(kind, row, None, one.trace)

    return _write(call, kind, inputs, 201, save)


def update(call: Call) -> Answer:
    """POST objects/{type}/batch/update {inputs: [{id, idProperty?, properties}]}."""
    kind, portal = call.kind(), call.portal
    inputs = [Input(raw, n) for n, raw in enumerate(_inputs(call))]
    _check_distinct([i.id for i in inputs])
    for one in inputs:
        _find(call, kind, one)
        one.missing = one.row is None and not one.silent
        _read_values(call, kind, one)
    _check_taken(call, kind, inputs)

    def save(one: Input) -> dict[str, Any]:
        assert one.row is not None  # missing ones are not saved
        row = portal.update(kind, one.row, one.values)
        return written(kind, row, one.values, one.trace)

    return _write(call, kind, inputs, 200, save)


def _find(call: Call, kind: Kind, one: Input) -> None:
    """The record of an input. That of a merged id is passed over in silence."""
    key = one.raw.get("idProperty")
    if key and key != "hs_object_id":
        check_key(call, kind, key)
        one.row = call.portal.by_value(kind, key, one.id)
        return
    one.silent = call.portal.survivor(kind, one.id) is not None
    one.row = call.portal.get(kind, one.id)


def upsert(call: Call) -> Answer:
    """POST objects/{type}/batch/upsert {inputs: [{id, idProperty, properties}]}."""
    kind, portal = call.kind(), call.portal
    inputs = [Input(raw, n) for n, raw in enumerate(_inputs(call))]
    by = {str(i.raw.get("idProperty") or "hs_object_id") for i in inputs}
    if len(by) > 1:
        raise bad_request("All inputs of an upsert must have the same idProperty")
    key = by.pop()
    _check_distinct([i.id if key == "hs_object_id" else i.id.casefold() for i in inputs])
    for one in inputs:
        _find(call, kind, one)
        _read_values(call, kind, one)
        if one.row is None and key == "hs_object_id":
            one.missing = not one.silent
        elif one.row is None:
            one.values.setdefault(key, one.id)
            _check_new(call, kind, one)
    _check_taken(call, kind, inputs)

    def save(one: Input) -> dict[str, Any]:
        if one.row is None:
            row = portal.create(kind, one.values)
            return {**written(kind, row, None, one.trace), "new": True}
        row = portal.update(kind, one.row, one.values)
        return {**written(kind, row, one.values, one.trace), "new": False}

    return _write(call, kind, inputs, 200, save)


def _check_new(call: Call, kind: Kind, one: Input) -> None:
    try:
        check_new(call.portal, kind, one.values)
    except HubError as error:
        one.refuse(error)


def archive(call: Call) -> Answer:
    """POST objects/{type}/batch/archive {inputs: [{id}]}: 204 whether or not they were there."""
    kind, portal = call.kind(), call.portal
    sent_properties(kind, {})
    for raw in _inputs(call):
        row = portal.get(kind, str(raw.get("id", "")))
        if row is not None:
            portal.archive(kind, row)
    return Answer(204)


_BATCH = r"objects/(?P<type>[^/]+)/batch"
ROUTES = (
    Route("POST", rf"{_BATCH}/read", read),
    Route("POST", rf"{_BATCH}/create", create),
    Route("POST", rf"{_BATCH}/update", update),
    Route("POST", rf"{_BATCH}/upsert", upsert),
    Route("POST", rf"{_BATCH}/archive", archive),
)
