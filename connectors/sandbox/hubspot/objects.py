"""One record at a time: list, read, create, update, archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.sandbox.hubspot.attach import attach, check_links
from connectors.sandbox.hubspot.errors import (
    NOT_FOUND,
    HubError,
    MissingPageError,
    bad_request,
    invalid_values,
)
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.project import Inline, Reader, written
from connectors.sandbox.hubspot.values import read_all
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.hubspot.writing import check_new, conflict
from connectors.sandbox.salesforce.wire import Answer
from connectors.sandbox.tables import Row

_MAX_PAGE = 100


def no_history(call: Call) -> None:
    """The sandbox keeps no history of values, and says so loudly."""
    if call.params("propertiesWithHistory"):
        raise HubError(501, "The sandbox keeps no history of property values", "NOT_IMPLEMENTED")


def listing(call: Call) -> Answer:
    """GET objects/{type}: records in the order of their ids, with associations if asked."""
    kind, limit = call.kind(), call.number("limit", 10)
    no_history(call)
    if not 1 <= limit <= _MAX_PAGE:
        raise bad_request(f"Invalid limit {limit}: it must be between 1 and {_MAX_PAGE}")
    page = call.portal.page(kind, call.number("after", 0), limit, archived=call.flag("archived"))
    reader = Reader(call.portal, kind, call.params("properties"))
    inline = Inline(call.portal, kind, call.params("associations"))
    results = [reader.record(row) for row in page.rows]
    if not call.flag("archived"):
        for row, body in zip(page.rows, results, strict=True):
            inline.add(row, body)
    answer: dict[str, Any] = {"results": results}
    if page.after is not None:
        answer["paging"] = {"next": {"after": str(page.after), "link": call.link(after=page.after)}}
    return Answer(200, answer)


def find(call: Call, kind: Kind, *, archived: bool = False) -> Row:
    """The record that the path names, by its id or by `idProperty`.

    The id of a record that was merged away finds the survivor. Raises MissingPageError.
    """
    portal, record_id = call.portal, call.arg("id")
    key = call.param("idProperty")
    if key and key != "hs_object_id":
        check_key(call, kind, key)
        row = portal.by_value(kind, key, record_id)
    else:
        survivor = portal.survivor(kind, record_id)
        row = portal.get(kind, survivor or record_id, archived=archived)
    if row is None:
        raise MissingPageError
    return row


def check_key(call: Call, kind: Kind, key: str) -> None:
    """Raise HubError unless a property identifies records."""
    found = call.portal.definitions.find(kind.type_id, key)
    if found is None or not (found.unique or key == kind.key):
        raise bad_request(f"Property {key} is not a unique identifier of {kind.constant}")


def read(call: Call) -> Answer:
    """GET objects/{type}/{id}."""
    kind = call.kind()
    no_history(call)
    row = find(call, kind, archived=call.flag("archived"))
    body = Reader(call.portal, kind, call.params("properties")).record(row)
    if not call.flag("archived"):
        Inline(call.portal, kind, call.params("associations")).add(row, body)
    return Answer(200, body)


def sent_properties(kind: Kind, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The `properties` of a body. Raises HubError for what is no such thing."""
    if not kind.writable:
        raise HubError(405, f"{kind.constant} is read only", "METHOD_NOT_ALLOWED")
    properties = body.get("properties", {})
    if not isinstance(properties, dict):
        raise bad_request("Invalid input JSON: properties must be an object")
    return properties


def create(call: Call) -> Answer:
    """POST objects/{type} {properties, associations?}."""
    kind, body, portal = call.kind(), call.request.fields, call.portal
    values, problems = read_all(portal, kind, sent_properties(kind, body))
    if problems:
        raise invalid_values(problems)
    check_new(portal, kind, values)
    other = conflict(portal, kind, values)
    if other is not None:
        raise other
    links = check_links(portal, kind, body.get("associations") or ())
    row = portal.create(kind, values)
    attach(portal, kind, row["Id"], links)
    return Answer(201, written(kind, row, None))


def update(call: Call) -> Answer:
    """PATCH objects/{type}/{id} {properties}."""
    kind, portal = call.kind(), call.portal
    sent = sent_properties(kind, call.request.fields)
    row = find(call, kind)
    if not sent:
        raise HubError(
            400, "No properties found to update, please provide at least one.", "VALIDATION_ERROR"
        )
    values, problems = read_all(portal, kind, sent)
    if problems:
        raise invalid_values(problems)
    other = conflict(portal, kind, values, row["Id"])
    if other is not None:
        raise other
    return Answer(200, written(kind, portal.update(kind, row, values), values))


def archive(call: Call) -> Answer:
    """DELETE objects/{type}/{id}: 204, also for a record that is archived already."""
    kind, portal = call.kind(), call.portal
    sent_properties(kind, {})
    row = portal.get(kind, call.arg("id"))
    if row is not None:
        portal.archive(kind, row)
    return Answer(204)


def merge(call: Call) -> Answer:
    """POST objects/{type}/merge {primaryObjectId, objectIdToMerge}: the survivor."""
    kind, body, portal = call.kind(), call.request.fields, call.portal
    ids = [str(body.get(name, "")) for name in ("primaryObjectId", "objectIdToMerge")]
    missing = [i for i in ids if portal.get(kind, i) is None]
    if missing or ids[0] == ids[1]:
        raise HubError(404, f"{kind.constant} not found: {', '.join(missing)}", NOT_FOUND)
    survivor = portal.merge(kind, *ids)
    row = portal.tables.of(kind.type_id)[survivor]
    return Answer(200, written(kind, row, None))


_TYPE = r"objects/(?P<type>[^/]+)"
ROUTES = (
    Route("GET", _TYPE, listing),
    Route("POST", _TYPE, create),
    Route("POST", rf"{_TYPE}/merge", merge),
    Route("GET", rf"{_TYPE}/(?P<id>[^/]+)", read),
    Route("PATCH", rf"{_TYPE}/(?P<id>[^/]+)", update),
    Route("DELETE", rf"{_TYPE}/(?P<id>[^/]+)", archive),
)
