"""Property groups."""

from __future__ import annotations

from dataclasses import replace

from connectors.sandbox.hubspot.definitions import Group
from connectors.sandbox.hubspot.errors import NOT_FOUND, HubError, bad_request
from connectors.sandbox.hubspot.kinds import Kind
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer


def listing(call: Call) -> Answer:
    """GET properties/{type}/groups."""
    groups = call.portal.definitions.groups(call.kind().type_id)
    return Answer(200, {"results": [g.json() for g in groups]})


def _need(call: Call, kind: Kind) -> Group:
    found = call.portal.definitions.group(kind.type_id, call.arg("name"))
    if found is None:
        message = f"No property group {call.arg('name')} exists for {kind.constant}"
        raise HubError(404, message, NOT_FOUND)
    return found


def read(call: Call) -> Answer:
    """GET properties/{type}/groups/{name}."""
    return Answer(200, _need(call, call.kind()).json())


def create(call: Call) -> Answer:
    """POST properties/{type}/groups {name, label, displayOrder?}."""
    kind, raw, definitions = call.kind(), call.request.fields, call.portal.definitions
    name, label = str(raw.get("name") or ""), str(raw.get("label") or "")
    if not name or not label:
        raise bad_request("A property group needs a name and a label")
    if definitions.group(kind.type_id, name) is not None:
        message = f"A property group named '{name}' already exists."
        raise HubError(409, message, "OBJECT_ALREADY_EXISTS", context={"name": [name]})
    order = int(raw.get("displayOrder", len(definitions.groups(kind.type_id))))
    made = Group(name, label, order)
    definitions.put_group(kind.type_id, made)
    return Answer(201, made.json())


def update(call: Call) -> Answer:
    """PATCH properties/{type}/groups/{name} {label?, displayOrder?}."""
    kind, raw = call.kind(), call.request.fields
    old = _need(call, kind)
    new = replace(
        old,
        label=str(raw.get("label", old.label)),
        order=int(raw.get("displayOrder", old.order)),
    )
    call.portal.definitions.put_group(kind.type_id, new)
    return Answer(200, new.json())


def archive(call: Call) -> Answer:
    """DELETE properties/{type}/groups/{name}: refused while properties stand in it."""
    kind = call.kind()
    old = _need(call, kind)
    if any(p.group == old.name for p in call.portal.definitions.of(kind.type_id)):
        raise bad_request(f"Property group {old.name} still holds properties")
    call.portal.definitions.put_group(kind.type_id, replace(old, archived=True))
    return Answer(204)


_GROUPS = r"properties/(?P<type>[^/]+)/groups"
ROUTES = (
    Route("GET", _GROUPS, listing),
    Route("POST", _GROUPS, create),
    Route("GET", rf"{_GROUPS}/(?P<name>[^/]+)", read),
    Route("PATCH", rf"{_GROUPS}/(?P<name>[^/]+)", update),
    Route("DELETE", rf"{_GROUPS}/(?P<name>[^/]+)", archive),
)
