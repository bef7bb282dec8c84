"""Custom objects: making their schemas, reading and changing them, associations between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.sandbox.hubspot.definitions import Group
from connectors.sandbox.hubspot.errors import NOT_FOUND, HubError, bad_request
from connectors.sandbox.hubspot.kinds import CALL, EMAIL, MEETING, NOTE, TASK, Kind
from connectors.sandbox.hubspot.loading import arrive
from connectors.sandbox.hubspot.properties import fresh, shows, told
from connectors.sandbox.hubspot.schema import Definition, Schema, qualified
from connectors.sandbox.hubspot.standard.common import common
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ALWAYS = (CALL, EMAIL, MEETING, NOTE, TASK)


def listing(call: Call) -> Answer:
    """GET schemas: the custom objects only."""
    found = [s for s in call.portal.service.schemas if shows(call.portal, s.created)]
    return Answer(
        200, {"results": [] if call.flag("archived") else [_json(call, s) for s in found]}
    )


def one(call: Call) -> Answer:
    """GET schemas/{type}."""
    return Answer(200, _json(call, _schema(call)))


def batch_read(call: Call) -> Answer:
    """POST schemas/batch/read {inputs: [{id}]}: those of them that there are."""
    results = []
    for sent in call.request.fields.get("inputs", ()):
        kind = call.portal.kinds.find(str(sent.get("id")))
        schema = call.portal.service.schemas.find(kind.type_id) if kind is not None else None
        if schema is not None:
            results.append(_json(call, schema))
    return Answer(200, {"status": "COMPLETE", "results": results})


def create(call: Call) -> Answer:
    """POST schemas: a custom object, its properties and associations, in accounts that may."""
    portal, sent = call.portal, call.request.fields
    tier, schemas = portal.service.tier, portal.service.schemas
    if not tier.custom_objects:
        # How the service words this is not known; that it refuses is.
        raise HubError(403, "This account may not have custom objects", "FORBIDDEN")
    if len(schemas) >= tier.custom_objects:
        raise bad_request(f"This account may have {tier.custom_objects} custom objects")
    name = str(sent.get("name") or "")
    if not _NAME.fullmatch(name):
        raise bad_request(f"'{name}' is no name of an object: letters, digits and underscores")
    if portal.kinds.find(name) is not None:
        raise HubError(409, f"An object type named '{name}' exists", "CONFLICT")
    labels = _labels(sent.get("labels"), Schema("", name, name, name, portal.now(), portal.now()))
    schema = replace(_read(sent, labels), type_id=schemas.next_id())
    kind = _kind(call, schema)
    group = Group(f"{name.lower()}_information", f"{schema.singular} Information")
    portal.definitions.put_group(kind.type_id, group)
    raw = [{"groupName": group.name, **one} for one in sent.get("properties", ())]
    made = [fresh(portal, kind, one) for one in raw]
    known = {p.name for p in made} | {"hs_object_id"}
    asked = {*schema.required, *schema.searchable, *schema.secondary}
    unknown = sorted((asked | ({schema.primary} if schema.primary else set())) - known)
    if unknown:
        raise bad_request(f"Properties of the schema that it does not define: {unknown}")
    ends = [portal.kinds.need(str(other)) for other in sent.get("associatedObjects", ())]
    portal.kinds.add(kind)
    portal.definitions.add_all(kind.type_id, [*common(group.name), *made], group)
    for end in {k.type_id: k for k in (*_ALWAYS, *ends)}.values():
        schema = _with_association(call, schema, kind, end, f"{name}_to_{end.singular}")
    schemas.put(schema)
    # Whatever was loaded before it was there.
    arrive(portal, kind)
    return Answer(201, _json(call, schema))


def update(call: Call) -> Answer:
    """PATCH schemas/{type}: labels and lists of properties; the name stays for ever."""
    schema, sent = _schema(call), call.request.fields
    changed = replace(_read(sent, _labels(sent.get("labels"), schema)), updated=call.portal.now())
    if sent.get("clearDescription"):
        changed = replace(changed, description=None)
    call.portal.service.schemas.put(changed)
    body = _json(call, changed)
    return Answer(200, {k: v for k, v in body.items() if k not in ("properties", "associations")})


def delete(call: Call) -> Answer:
    """DELETE schemas/{type}: only one without records."""
    schema = _schema(call)
    kind = call.portal.kinds.need(schema.type_id)
    if next(call.portal.rows(kind), None) is not None:
        raise bad_request(f"Object type {schema.type_id} still has records")
    call.portal.service.schemas.drop(schema.type_id)
    call.portal.kinds.remove(schema.type_id)
    return Answer(204)


def associate(call: Call) -> Answer:
    """POST schemas/{type}/associations {fromObjectTypeId, toObjectTypeId, name?}."""
    schema, sent = _schema(call), call.request.fields
    start = call.portal.kinds.need(str(sent.get("fromObjectTypeId", "")))
    end = call.portal.kinds.need(str(sent.get("toObjectTypeId", "")))
    if schema.type_id != start.type_id:
        raise bad_request(f"fromObjectTypeId is not {schema.type_id}")
    name = str(sent.get("name") or f"{schema.name}_to_{end.singular}")
    changed = _with_association(call, schema, start, end, name)
    call.portal.service.schemas.put(changed)
    return Answer(201, changed.definitions[-2].json())


def dissociate(call: Call) -> Answer:
    """DELETE schemas/{type}/associations/{id}."""
    schema = _schema(call)
    gone = [d for d in schema.definitions if d.id == call.arg("id")]
    if not gone:
        raise HubError(404, f"No association has the id '{call.arg('id')}'", NOT_FOUND)
    types = call.portal.links.kinds
    twin = types.remove(gone[0].start, gone[0].end, int(gone[0].id))
    ids = {gone[0].id, str(twin.inverse) if twin is not None else ""}
    kept = tuple(d for d in schema.definitions if d.id not in ids)
    call.portal.service.schemas.put(replace(schema, definitions=kept))
    return Answer(204)


def _with_association(call: Call, schema: Schema, start: Kind, end: Kind, name: str) -> Schema:
    """The schema with the two readings of a plain kind of association, numbered by the portal."""
    types = call.portal.links.kinds
    if types.plain(start.type_id, end.type_id) is not None:
        raise HubError(409, f"{start.singular} and {end.singular} are associated", "CONFLICT")
    kind = types.define(start.type_id, end.type_id, name, None)[0]
    there = Definition(str(kind.type_id), start.type_id, end.type_id, name)
    back = Definition(str(kind.inverse), end.type_id, start.type_id, name)
    return replace(schema, definitions=(*schema.definitions, there, back))


def _read(sent: Mapping[str, Any], schema: Schema) -> Schema:
    """The schema with what a body names of its lists and texts."""

    def names(key: str, old: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(str, sent[key])) if isinstance(sent.get(key), list) else old

    return replace(
        schema,
        required=names("requiredProperties", schema.required),
        searchable=names("searchableProperties", schema.searchable),
        secondary=names("secondaryDisplayProperties", schema.secondary),
        primary=sent.get("primaryDisplayProperty", schema.primary),
        description=sent.get("description", schema.description),
    )


def _labels(sent: Any, schema: Schema) -> Schema:
    labels = sent if isinstance(sent, dict) else {}
    return replace(
        schema,
        singular=str(labels.get("singular") or schema.singular),
        plural=str(labels.get("plural") or schema.plural),
    )


def _kind(call: Call, schema: Schema) -> Kind:
    full = qualified(call.portal.service.account.portal_id, schema.name)
    shown = (schema.primary,) if schema.primary else ()
    return Kind(
        schema.type_id,
        schema.name,
        schema.name,
        shown,
        created="hs_createdate",
        other_names=(full, f"p_{schema.name}"),
    )


def _schema(call: Call) -> Schema:
    kind = call.portal.kinds.find(call.arg("type"))
    found = call.portal.service.schemas.find(kind.type_id) if kind is not None else None
    if found is None:
        raise HubError(404, f"No schema for object type '{call.arg('type')}'", NOT_FOUND)
    return found


def _json(call: Call, schema: Schema) -> dict[str, Any]:
    body = schema.json(call.portal.service.account.portal_id)
    properties = call.portal.definitions.of(schema.type_id)
    return {**body, "properties": [told(p) for p in properties]}


_ONE = r"schemas/(?P<type>[^/]+)"
ROUTES = (
    Route("POST", r"schemas/batch/read", batch_read),
    Route("GET", r"schemas", listing),
    Route("POST", r"schemas", create),
    Route("GET", _ONE, one),
    Route("PATCH", _ONE, update),
    Route("DELETE", _ONE, delete),
    Route("POST", rf"{_ONE}/associations", associate),
    Route("DELETE", rf"{_ONE}/associations/(?P<id>[^/]+)", dissociate),
)
