"""Associations between records: reading, making and ending them, one by one and in batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors.sandbox.faults import ROWS
from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.association_types import LinkType
from connectors.sandbox.hubspot.errors import (
    NOT_FOUND,
    VALIDATION,
    HubError,
    MissingPageError,
    bad_request,
)
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.links import Link
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer

_LISTED = ("/crm/v4/", "/crm/objects/2026-03/")
MOST_READ = 1_000
MOST_WRITTEN = 2_000


def batch_read(call: Call) -> Answer:
    """POST .../batch/read: `{id, after?}` each, a page of every record's associations."""
    start, end = call.kind("start"), call.kind("end")
    results, errors = [], []
    for sent in inputs(call, MOST_READ):
        record_id = _id(sent)
        found, paging = _page(call, start, record_id, end, str(sent.get("after") or ""))
        if not found:
            errors.append(_nothing(start, record_id, end))
            continue
        one: dict[str, Any] = {"from": {"id": record_id}, "to": found}
        results.append(one | ({"paging": paging} if paging else {}))
    return batch_answer(call, 200, 200, results[::-1], errors)


def listing(call: Call) -> Answer:
    """GET objects/{type}/{id}/associations/{to}: one record's, in pages.

    Version 3 told it in another form, and from 2026-09 on there is no such address.
    """
    if not call.request.path.startswith(_LISTED):
        raise HubError(501, f"The sandbox does not answer {call.request.path}", "NOT_IMPLEMENTED")
    start, end = call.kind("start"), call.kind("end")
    record_id = call.arg("id")
    if call.portal.get(start, record_id) is None:
        raise MissingPageError
    limit = min(max(call.number("limit", 500), 1), 500)
    found, paging = _page(call, start, record_id, end, call.param("after"), limit)
    body: dict[str, Any] = {"results": found}
    if paging:
        after = paging["next"]["after"]
        link = call.link(limit=limit, after=after)
        body["paging"] = {"next": {"after": after, "link": link}}
    return Answer(200, body)


def _page(
    call: Call, start: Kind, record_id: str, end: Kind, after: str, limit: int | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Associations from a cursor on, which is the id of the next record, and where to go on."""
    size = limit or call.portal.settings.association_page
    links: Sequence[Link] = call.portal.links.of(start.type_id, record_id, end.type_id)
    if len(links) > 1:
        links = sorted(links, key=lambda link: int(link[0]))
    if after:
        if not after.isdecimal():
            raise bad_request(f"{after} is not a valid paging cursor")
        links = [link for link in links if int(link[0]) >= int(after)]
    found = [_target(call, start, end, link) for link in links[:size]]
    paging = {"next": {"after": links[size][0]}} if len(links) > size else None
    return found, paging


def _target(call: Call, start: Kind, end: Kind, link: Link) -> dict[str, Any]:
    types = call.portal.links.kinds
    kinds = (types.find(start.type_id, end.type_id, number) for number in link[1])
    return {
        "toObjectId": int(link[0]),
        "associationTypes": [kind.spec() for kind in kinds if kind is not None],
    }


def _nothing(start: Kind, record_id: str, end: Kind) -> dict[str, Any]:
    """No error, whatever it looks like; a record that does not exist reads the same here."""
    return {
        "status": "error",
        "category": NOT_FOUND,
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {end.singular} is associated with {start.singular} {record_id}.",
        "context": {
            "fromObjectId": [record_id],
            "fromObjectType": [start.singular],
            "toObjectType": [end.singular],
        },
    }


class _RefusedPairError(Exception):
    """One pair of a batch that can't be associated: its entry of `errors`."""

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.entry = {"status": "error", "category": VALIDATION, "message": message, **more}


def batch_create(call: Call) -> Answer:
    """POST .../batch/create: pairs with their types; a bad pair is told, the others are made."""
    start, end = call.kind("start"), call.kind("end")
    results, errors = [], []
    for position, sent in enumerate(inputs(call, MOST_WRITTEN)):
        try:
            _spoil(call, position, _id(sent.get("from")))
            results.append(_associate(call, start, end, sent))
        except _RefusedPairError as refused:
            errors.append(refused.entry)
    return batch_answer(call, 201, 200, results[::-1], errors)


def _spoil(call: Call, position: int, record_id: str) -> None:
    """What the fault rules of this call hold for one pair."""
    for rule in call.rules:
        if rule.kind in ROWS and rule.takes_row(position, record_id):
            raise _RefusedPairError(rule.message or "A rule of this account refused the pair.")


def _associate(call: Call, start: Kind, end: Kind, sent: Mapping[str, Any]) -> dict[str, Any]:
    near, far = _ends(call, start, end, sent)
    kinds = types_of(call, start, end, sent.get("types"))
    call.portal.link(start.type_id, near, end.type_id, far, [k.type_id for k in kinds])
    return _labels(start, near, end, far, kinds)


def types_of(call: Call, start: Kind, end: Kind, sent: Any) -> list[LinkType]:
    """The types that a request names. Raises HubError for one that the pair does not have."""
    types = call.portal.links.kinds
    found = []
    for one in sent if isinstance(sent, list) else ():
        number, category = one.get("associationTypeId"), str(one.get("associationCategory", ""))
        digits = str(number)
        kind = (
            types.find(start.type_id, end.type_id, int(digits), category)
            if digits.isdecimal()
            else None
        )
        if kind is None:
            raise bad_request(
                f"Association type {number} of {category or 'no category'} does not exist "
                f"between {start.type_id} and {end.type_id}"
            )
        found.append(kind)
    if not found:
        raise bad_request("An association needs at least one type")
    return found


def _ends(call: Call, start: Kind, end: Kind, sent: Mapping[str, Any]) -> tuple[str, str]:
    ids = []
    for kind, name in ((start, "from"), (end, "to")):
        part = sent.get(name)
        raw = _id(part if isinstance(part, dict) else {})
        if not raw.isdecimal():
            raise _RefusedPairError(
                f"{raw} is not a valid ID",
                subCategory="crm.associations.INVALID_IDENTIFIER",
                context={"id": [raw]},
            )
        found = call.portal.survivor(kind, raw) or raw
        if call.portal.get(kind, found) is None:
            raise _RefusedPairError(f"{kind.constant}={raw} is not valid")
        ids.append(found)
    if start is end and ids[0] == ids[1]:
        raise _RefusedPairError(f"Object {ids[0]} cannot be associated to itself ({ids[1]})")
    return ids[0], ids[1]


def _labels(
    start: Kind, near: str, end: Kind, far: str, kinds: Iterable[LinkType]
) -> dict[str, Any]:
    return {
        "fromObjectTypeId": start.type_id,
        "fromObjectId": int(near),
        "toObjectTypeId": end.type_id,
        "toObjectId": int(far),
        "labels": [kind.label for kind in kinds if kind.label is not None],
    }


def batch_default(call: Call) -> Answer:
    """POST .../batch/associate/default: pairs by their plain type."""
    start, end = call.kind("start"), call.kind("end")
    results, errors = [], []
    for sent in inputs(call, MOST_WRITTEN):
        try:
            results.extend(_associate_plainly(call, start, end, sent))
        except _RefusedPairError as refused:
            errors.append(refused.entry)
    return batch_answer(call, 200, 200, results, errors)


def default(call: Call) -> Answer:
    """PUT objects/{type}/{id}/associations/default/{to}/{id}."""
    sent = {"from": {"id": call.arg("id")}, "to": {"id": call.arg("other")}}
    try:
        results = _associate_plainly(call, call.kind("start"), call.kind("end"), sent)
    except _RefusedPairError as refused:
        raise bad_request(str(refused)) from None
    return batch_answer(call, 200, 200, results, [])


def _associate_plainly(
    call: Call, start: Kind, end: Kind, sent: Mapping[str, Any]
) -> list[dict[str, Any]]:
    plain = call.portal.links.kinds.plain(start.type_id, end.type_id)
    if plain is None:
        raise bad_request(f"{start.singular} and {end.singular} can't be associated")
    near, far = _ends(call, start, end, sent)
    call.portal.link(start.type_id, near, end.type_id, far, [plain.type_id])
    return [
        {
            "from": {"id": first},
            "to": {"id": second},
            "associationSpec": {
                "associationCategory": plain.category,
                "associationTypeId": number,
            },
        }
        for first, second, number in ((near, far, plain.type_id), (far, near, plain.inverse))
    ]


def create(call: Call) -> Answer:
    """PUT objects/{type}/{id}/associations/{to}/{id} with a list of types."""
    start, end = call.kind("start"), call.kind("end")
    sent = {"from": {"id": call.arg("id")}, "to": {"id": call.arg("other")}}
    try:
        made = _associate(call, start, end, {**sent, "types": call.request.json})
    except _RefusedPairError as refused:
        raise bad_request(str(refused)) from None
    return Answer(201, made)


def archive(call: Call) -> Answer:
    """DELETE objects/{type}/{id}/associations/{to}/{id}: all of it; none there is no error."""
    start, end = call.kind("start"), call.kind("end")
    call.portal.unlink(start.type_id, call.arg("id"), end.type_id, call.arg("other"))
    return Answer(204)


def batch_archive(call: Call) -> Answer:
    """POST .../batch/archive: one record and the others each; none there is no error."""
    start, end = call.kind("start"), call.kind("end")
    for sent in inputs(call, MOST_WRITTEN):
        near = _id(sent.get("from") or {})
        others = sent.get("to") or []
        for other in others if isinstance(others, list) else [others]:
            call.portal.unlink(start.type_id, near, end.type_id, _id(other))
    return _void(call)


def batch_unlabel(call: Call) -> Answer:
    """POST .../batch/labels/archive: the named types only; the plain one keeps the pair."""
    start, end = call.kind("start"), call.kind("end")
    for sent in inputs(call, MOST_WRITTEN):
        near, far = _id(sent.get("from") or {}), _id(sent.get("to") or {})
        kinds = types_of(call, start, end, sent.get("types"))
        gone = [kind.type_id for kind in kinds]
        call.portal.unlink(start.type_id, near, end.type_id, far, gone)
    return _void(call)


def inputs(call: Call, most: int) -> list[Mapping[str, Any]]:
    """The `inputs` of a batch. Raises HubError when there are none or too many."""
    sent = call.request.fields.get("inputs")
    if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
        raise bad_request("Invalid input JSON: inputs must be a list of objects")
    if len(sent) > most:
        raise bad_request(f"The maximum number of inputs supported in a batch request is {most}")
    return sent


def _id(sent: Any) -> str:
    return str(sent.get("id", "")) if isinstance(sent, dict) else str(sent)


def batch_answer(
    call: Call,
    legacy: int,
    dated: int,
    results: list[dict[str, Any]],
    errors: list[dict[str, Any]],
) -> Answer:
    """What a batch is told: 207 where anything went wrong, by either form of address."""
    body: dict[str, Any] = {"status": "COMPLETE", "results": results}
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    status = 207 if errors else call.status(legacy, dated)
    return Answer(status, body | _times(call))


def _void(call: Call) -> Answer:
    """Done, with nothing to tell: no body by a legacy address, an empty result by a dated one."""
    return Answer(200, {"status": "COMPLETE", **_times(call)}) if call.dated else Answer(204)


def _times(call: Call) -> dict[str, str]:
    now = stamps.text(call.portal.now())
    return {"startedAt": now, "completedAt": now}


_PAIR = r"associations/(?P<start>[^/]+)/(?P<end>[^/]+)/batch"
_ONE = r"objects/(?P<start>[^/]+)/(?P<id>[^/]+)/associations"
ROUTES = (
    Route("POST", rf"{_PAIR}/read", batch_read),
    Route("POST", rf"{_PAIR}/create", batch_create),
    Route("POST", rf"{_PAIR}/associate/default", batch_default),
    Route("POST", rf"{_PAIR}/archive", batch_archive),
    Route("POST", rf"{_PAIR}/labels/archive", batch_unlabel),
    Route("GET", rf"{_ONE}/(?P<end>[^/]+)", listing),
    Route("PUT", rf"{_ONE}/default/(?P<end>[^/]+)/(?P<other>[^/]+)", default),
    Route("PUT", rf"{_ONE}/(?P<end>[^/]+)/(?P<other>[^/]+)", create),
    Route("DELETE", rf"{_ONE}/(?P<end>[^/]+)/(?P<other>[^/]+)", archive),
)
