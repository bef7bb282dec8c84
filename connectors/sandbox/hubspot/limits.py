"""What of the account's allowances is used: what a person looks at before setting things up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.sandbox.hubspot.kinds import DEAL, TICKET, Kind
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer

_CUSTOM = "2-"


def custom_properties(call: Call) -> Answer:
    """GET limits/custom-properties: the portal's own, by object type."""
    limit = call.portal.service.tier.properties
    rows = [
        _of(kind, sum(1 for p in call.portal.definitions.of(kind.type_id) if not p.standard), limit)
        for kind in call.portal.kinds
    ]
    return Answer(200, _overall(rows, limit * len(rows)))


def calculated_properties(call: Call) -> Answer:
    """GET limits/calculated-properties: the sandbox has none of the portal's own."""
    rows = [_type(kind) | {"usage": 0} for kind in call.portal.kinds]
    return Answer(200, _overall(rows, call.portal.service.tier.custom_objects * 5))


def custom_object_types(call: Call) -> Answer:
    """GET limits/custom-object-types."""
    service = call.portal.service
    return Answer(200, _share(len(service.schemas), service.tier.custom_objects))


def pipelines(call: Call) -> Answer:
    """GET limits/pipelines: of deals and tickets, and of custom objects together."""
    service = call.portal.service
    limit = service.tier.pipelines
    standard = [_of(kind, service.pipelines.count(kind.type_id), limit) for kind in (DEAL, TICKET)]
    custom = [
        _type(kind) | {"usage": service.pipelines.count(kind.type_id)} for kind in _custom(call)
    ]
    body = {
        "hubspotDefinedObjectTypes": standard,
        "customObjectTypes": _overall(custom, limit if service.tier.custom_objects else 0),
    }
    return Answer(200, body)


def records(call: Call) -> Answer:
    """GET limits/records."""
    service = call.portal.service
    limit = service.tier.records

    def count(kind: Kind) -> int:
        return sum(1 for _ in call.portal.rows(kind))

    standard = [
        _of(kind, count(kind), limit)
        for kind in call.portal.kinds
        if not kind.type_id.startswith(_CUSTOM)
    ]
    custom = [_type(kind) | {"usage": count(kind)} for kind in _custom(call)]
    most = limit if service.tier.custom_objects else 0
    body = {"hubspotDefinedObjectTypes": standard, "customObjectTypes": _overall(custom, most)}
    return Answer(200, body)


def labels(call: Call) -> Answer:
    """GET limits/associations/labels, of one pair with `fromObjectTypeId` and `toObjectTypeId`."""
    limit = call.portal.service.tier.labels
    asked = call.param("fromObjectTypeId"), call.param("toObjectTypeId")
    pairs: dict[tuple[str, str], list[str]] = {}
    for start, end, kind in call.portal.links.kinds.own():
        if asked[0] in ("", start) and asked[1] in ("", end):
            pairs.setdefault((start, end), []).append(kind.label or "")
    results = []
    for (start, end), words in pairs.items():
        first, second = call.portal.kinds.need(start), call.portal.kinds.need(end)
        row = {"fromObjectType": _type(first), "toObjectType": _type(second), "allLabels": words}
        results.append(row | _share(len(words), limit))
    return Answer(200, {"results": results})


def _custom(call: Call) -> Iterable[Kind]:
    return (kind for kind in call.portal.kinds if kind.type_id.startswith(_CUSTOM))


def _type(kind: Kind) -> dict[str, Any]:
    return {
        "objectTypeId": kind.type_id,
        "singularLabel": kind.singular.replace("_", " ").capitalize(),
        "pluralLabel": kind.plural.replace("_", " ").capitalize(),
    }


def _of(kind: Kind, usage: int, limit: int) -> dict[str, Any]:
    return _type(kind) | _share(usage, limit)


def _share(usage: int, limit: int) -> dict[str, Any]:
    return {"usage": usage, "limit": limit, "percentage": _percent(usage, limit)}


def _overall(rows: list[dict[str, Any]], limit: int) -> dict[str, Any]:
    usage = sum(row["usage"] for row in rows)
    return {
        "overallUsage": usage,
        "overallLimit": limit,
        "overallPercentage": _percent(usage, limit),
        "byObjectType": rows,
    }


def _percent(usage: int, limit: int) -> float:
    return round(100 * usage / limit, 2) if limit else 0.0


ROUTES = (
    Route("GET", r"limits/custom-properties", custom_properties),
    Route("GET", r"limits/calculated-properties", calculated_properties),
    Route("GET", r"limits/custom-object-types", custom_object_types),
    Route("GET", r"limits/pipelines", pipelines),
    Route("GET", r"limits/records", records),
    Route("GET", r"limits/associations/labels", labels),
)
