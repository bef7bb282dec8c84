"""Association labels: the kinds of association between two object types."""

from __future__ import annotations

from connectors.sandbox.hubspot.errors import HubError, bad_request
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer


def listing(call: Call) -> Answer:
    """GET labels: the plain kind, the service's own labels and the portal's."""
    start, end = call.kind("start"), call.kind("end")
    kinds = call.portal.links.kinds.between(start.type_id, end.type_id)
    return Answer(200, {"results": [kind.spec() for kind in kinds]})


def create(call: Call) -> Answer:
    """POST labels {name, label, inverseLabel?}: one label, or a pair of them."""
    start, end, sent = call.kind("start"), call.kind("end"), call.request.fields
    label, name = str(sent.get("label") or ""), str(sent.get("name") or "")
    if not label or not name:
        raise bad_request("A label needs a name and a label")
    types = call.portal.links.kinds
    held = [k for k in types.between(start.type_id, end.type_id) if k.label is not None]
    if label in [k.label for k in held]:
        raise HubError(409, f"A label '{label}' exists between these objects", "CONFLICT")
    most = call.portal.service.tier.labels
    if sum(1 for k in held if k.category == "USER_DEFINED") >= most:
        raise bad_request(f"Two object types can have at most {most} labels")
    back = sent.get("inverseLabel")
    made = types.define(start.type_id, end.type_id, name, label, str(back) if back else None)
    return Answer(200, {"results": [kind.spec() for kind in made]})


def update(call: Call) -> Answer:
    """PUT labels {associationTypeId, label, inverseLabel?}."""
    start, end, sent = call.kind("start"), call.kind("end"), call.request.fields
    number, label, back = sent.get("associationTypeId"), sent.get("label"), sent.get("inverseLabel")
    if not isinstance(number, int) or not label:
        raise bad_request("A label needs an associationTypeId and a label")
    words = str(label), str(back) if back else None
    if not call.portal.links.kinds.relabel(start.type_id, end.type_id, number, *words):
        raise _none(number)
    return Answer(204)


def delete(call: Call) -> Answer:
    """DELETE labels/{associationTypeId}: the label; records stay associated."""
    start, end, number = call.kind("start"), call.kind("end"), int(call.arg("number"))
    if call.portal.links.kinds.remove(start.type_id, end.type_id, number) is None:
        raise _none(number)
    return Answer(204)


def _none(number: int) -> HubError:
    return HubError(404, f"No label of this portal has type {number}", "OBJECT_NOT_FOUND")


def configurations(_: Call) -> Answer:
    """GET definitions/configurations: limits that an admin set for associations. Here none."""
    return Answer(200, {"results": []})


_PAIR = r"associations/(?P<start>[^/]+)/(?P<end>[^/]+)/labels"
_LIMITS = r"associations/definitions/configurations"
ROUTES = (
    Route("GET", rf"{_LIMITS}/(?:all|[^/]+/[^/]+)", configurations),
    Route("GET", _PAIR, listing),
    Route("POST", _PAIR, create),
    Route("PUT", _PAIR, update),
    Route("DELETE", rf"{_PAIR}/(?P<number>\d+)", delete),
)
