"""Properties: list, read, create, change, archive, alone and in batches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.sandbox.hubspot import stamps
from connectors.sandbox.hubspot.definitions import MAX_UNIQUE, Option, Property
from connectors.sandbox.hubspot.errors import NOT_FOUND, VALIDATION, HubError, bad_request
from connectors.sandbox.hubspot.kinds import TASK, Kind
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.hubspot.wire import Call, Route
from connectors.sandbox.salesforce.wire import Answer

_USER = "5555888"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_FIELD_TYPES = {
    "string": {"text", "textarea", "html", "phonenumber", "file", "calculation_equation"},
    "number": {"number", "calculation_equation", "calculation_rollup"},
    "enumeration": {"select", "radio", "checkbox", "booleancheckbox", "calculation_equation"},
    "bool": {"booleancheckbox", "calculation_equation"},
    "date": {"date"},
    "datetime": {"date"},
    "phone_number": {"phonenumber"},
}
_MAX_BATCH = 100


def told(found: Property, *, brief: bool = False) -> dict[str, Any]:
    """A definition as the service tells it; the answer of a batch is brief."""
    body: dict[str, Any] = {
        "name": found.name,
        "label": found.label or found.name,
        "type": found.type,
        "fieldType": found.field_type,
        "description": found.description,
        "groupName": found.group,
        "options": [o.json() for o in found.options],
        "displayOrder": found.order,
        "calculated": found.calculated,
        "externalOptions": found.external,
        "hasUniqueValue": found.unique,
        "hidden": found.hidden,
        "modificationMetadata": {
            "archivable": True,
            "readOnlyDefinition": found.standard,
            "readOnlyValue": found.read_only,
        },
        "formField": found.form_field,
        "dataSensitivity": found.sensitivity,
    }
    if brief:
        return body
    body["updatedAt"], body["createdAt"] = stamps.text(found.updated), stamps.text(found.created)
    if found.referenced:
        body["referencedObjectType"] = found.referenced
    if found.currency:
        body["currencyPropertyName"] = found.currency
    if found.standard:
        body["hubspotDefined"] = True
    else:
        body |= {"createdUserId": found.user, "updatedUserId": found.user}
        body["archived"] = found.archived
    return body


def listing(call: Call) -> Answer:
    """GET properties/{type}: those of one sensitivity, archived ones on demand."""
    kind, wanted = call.kind(), call.param("dataSensitivity", "non_sensitive")
    found = call.portal.definitions.of(kind.type_id, archived=call.flag("archived"))
    shown = [p for p in found if p.sensitivity == wanted and shows(call.portal, p.created)]
    return Answer(200, {"results": [told(p) for p in shown]})


def shows(portal: Portal, created: datetime) -> bool:
    """Whether lists show by now what was made then."""
    return created <= portal.now() - timedelta(seconds=portal.settings.definition_lag)


def _need(call: Call, kind: Kind, name: str, *, archived: bool = False) -> Property:
    definitions = call.portal.definitions
    find = definitions.archived if archived else definitions.find
    found = find(kind.type_id, name)
    if found is None:
        raise missing(kind, name)
    return found


def missing(kind: Kind, name: str) -> HubError:
    """No property of that name."""
    return HubError(
        404,
        f"No property {name} exists for {kind.constant}",
        NOT_FOUND,
        context={"name": [name]},
        extra={"subCategory": "Properties.PROPERTY_NOT_FOUND"},
    )


def read(call: Call) -> Answer:
    """GET properties/{type}/{name}."""
    found = _need(call, call.kind(), call.arg("name"), archived=call.flag("archived"))
    return Answer(200, told(found))


def fresh(portal: Portal, kind: Kind, raw: Mapping[str, Any]) -> Property:
    """A new property from a body. Raises HubError for one that can't be."""
    wanted = ("name", "label", "type", "fieldType", "groupName")
    absent = [name for name in wanted if not raw.get(name)]
    if absent:
        raise bad_request(f"Some required fields were not set: [{', '.join(absent)}]")
    name, type_, field_type = str(raw["name"]), str(raw["type"]), str(raw["fieldType"])
    if not _NAME.fullmatch(name):
        raise bad_request(
            f"Property name {name} is not valid: it may hold lower-case letters, digits and "
            "underscores, and begins with a letter"
        )
    if field_type not in _FIELD_TYPES.get(type_, ()):
        raise bad_request(f"Field type {field_type} does not fit type {type_} of {name}")
    known = portal.definitions.find(kind.type_id, name)
    if known is not None:
        raise HubError(
            409,
            f"A property named '{name}' already exists.",
            "OBJECT_ALREADY_EXISTS",
            context={"name": [name]},
            extra={"subCategory": "Properties.PROPERTY_WITH_NAME_EXISTS"},
        )
    if portal.definitions.group(kind.type_id, str(raw["groupName"])) is None:
        raise bad_request(f"No property group {raw['groupName']} exists for {kind.constant}")
    external, referenced = _elsewhere(raw, name, type_)
    options = read_options(name, type_, raw.get("options") or ())
    unique = bool(raw.get("hasUniqueValue", False))
    if unique:
        _check_unique(portal, kind, name, type_)
    now = portal.now()
    old = portal.definitions.archived(kind.type_id, name)
    if old is not None:  # the name is taken for ever: creating it brings the old one back
        return replace(old, archived=False, label=str(raw["label"]), options=options, updated=now)
    return Property(
        name,
        type_,
        field_type,
        str(raw["label"]),
        str(raw["groupName"]),
        str(raw.get("description") or ""),
        options,
        unique=unique,
        external=external,
        referenced=referenced,
        order=int(raw.get("displayOrder", -1)),
        hidden=bool(raw.get("hidden", False)),
        form_field=bool(raw.get("formField", False)),
        sensitivity=str(raw.get("dataSensitivity") or "non_sensitive"),
        created=now,
        updated=now,
        user=_USER,
    )


def _elsewhere(raw: Mapping[str, Any], name: str, type_: str) -> tuple[bool, str]:
    """Whether a property's options stand elsewhere, and as what: of people's making, users only."""
    external, referenced = bool(raw.get("externalOptions")), raw.get("referencedObjectType")
    if not external and not referenced:
        return False, ""
    if (type_, external, referenced) != ("enumeration", True, "OWNER") or raw.get("options"):
        raise bad_request(
            f"Property {name}: externalOptions go with type enumeration, referencedObjectType "
            "OWNER, and no options"
        )
    return True, "OWNER"


def _check_unique(portal: Portal, kind: Kind, name: str, type_: str) -> None:
    if type_ not in ("string", "number"):
        raise bad_request(f"Property {name} of type {type_} can't hold unique values")
    if kind.type_id == TASK.type_id and not portal.settings.unique_tasks:
        raise bad_request(f"Object type {kind.type_id} does not support unique properties")
    if len(portal.definitions.unique(kind.type_id)) >= MAX_UNIQUE:
        raise bad_request(f"{kind.constant} has {MAX_UNIQUE} unique properties already")


def read_options(name: str, type_: str, raw: Any) -> tuple[Option, ...]:
    """The options of a property from a body, in full. Raises HubError."""
    if type_ not in ("enumeration", "bool"):
        return ()
    try:
        made = tuple(
            Option(
                str(one["value"]),
                str(one["label"]),
                int(one.get("displayOrder", n)),
                bool(one.get("hidden", False)),
                str(one.get("description") or ""),
            )
            for n, one in enumerate(raw)
        )
    except (KeyError, TypeError, ValueError):
        raise bad_request(f"Options of {name} need a label and a value") from None
    values, labels = {o.value for o in made}, {o.label.casefold() for o in made}
    if len(values) < len(made) or len(labels) < len(made):
        raise bad_request(f"Options of {name} need values and labels that differ")
    if type_ == "bool" and values != {"true", "false"}:
        raise bad_request(f"Property {name} of type bool needs the options true and false")
    return made


def create(call: Call) -> Answer:
    """POST properties/{type}."""
    kind = call.kind()
    made = fresh(call.portal, kind, call.request.fields)
    call.portal.definitions.put(kind.type_id, made)
    return Answer(201, told(made))


def update(call: Call) -> Answer:
    """PATCH properties/{type}/{name}: options are replaced as a whole; types may not change."""
    kind, raw = call.kind(), call.request.fields
    old = _need(call, kind, call.arg("name"))
    if old.standard and set(raw) - {"label", "description", "options", "displayOrder"}:
        raise bad_request(f"The definition of {old.name} is read only")
    if "hasUniqueValue" in raw and bool(raw["hasUniqueValue"]) != old.unique:
        raise bad_request(f"hasUniqueValue of {old.name} can't be changed")
    if raw.get("type", old.type) != old.type:
        raise bad_request(f"The type of {old.name} can't be changed from {old.type}")
    field_type = str(raw.get("fieldType", old.field_type))
    if field_type not in _FIELD_TYPES.get(old.type, {field_type}):
        raise bad_request(f"Field type {field_type} does not fit type {old.type} of {old.name}")
    group = str(raw.get("groupName", old.group))
    if call.portal.definitions.group(kind.type_id, group) is None:
        raise bad_request(f"No property group {group} exists for {kind.constant}")
    options = old.options
    if "options" in raw:
        options = read_options(old.name, old.type, raw["options"])
    new = replace(
        old,
        label=str(raw.get("label", old.label)),
        description=str(raw.get("description", old.description)),
        field_type=field_type,
        group=group,
        options=options,
        order=int(raw.get("displayOrder", old.order)),
        hidden=bool(raw.get("hidden", old.hidden)),
        form_field=bool(raw.get("formField", old.form_field)),
        updated=call.portal.now(),
    )
    call.portal.definitions.put(kind.type_id, new)
    return Answer(200, told(new))


def archive(call: Call) -> Answer:
    """DELETE properties/{type}/{name}."""
    kind = call.kind()
    _archive(call, kind, call.arg("name"))
    return Answer(204)


def _archive(call: Call, kind: Kind, name: str) -> None:
    found = _need(call, kind, name)
    if found.standard:
        raise bad_request(f"Property {name} is HubSpot's own and can't be archived")
    call.portal.definitions.archive(kind.type_id, name)


def _inputs(call: Call) -> list[dict[str, Any]]:
    inputs = call.request.fields.get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(i, dict) for i in inputs):
        raise bad_request("Invalid input JSON: inputs must be a list of objects")
    if not 0 < len(inputs) <= _MAX_BATCH:
        raise bad_request(f"The batch holds {len(inputs)} inputs: 1 to {_MAX_BATCH} may be")
    return inputs


def _many(
    call: Call, status: int, results: list[dict[str, Any]], errors: list[dict[str, Any]]
) -> Answer:
    now = stamps.text(call.portal.now())
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": now,
        "completedAt": now,
    }
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return Answer(207 if errors else status, body)


def batch_create(call: Call) -> Answer:
    """POST properties/{type}/batch/create: names that exist are told apart, the others made."""
    kind, results, errors = call.kind(), [], []
    made = []
    for raw in _inputs(call):
        try:
            made.append(fresh(call.portal, kind, raw))
        except HubError as error:
            if error.category == VALIDATION:
                raise
            errors.append(error.entry())
    for one in made:
        call.portal.definitions.put(kind.type_id, one)
        results.append(told(one, brief=True))
    return _many(call, call.status(201, 200), results, errors)


def batch_read(call: Call) -> Answer:
    """POST properties/{type}/batch/read {inputs: [{name}], archived}."""
    kind, results, errors = call.kind(), [], []
    archived = bool(call.request.fields.get("archived", False))
    for raw in _inputs(call):
        try:
            results.append(told(_need(call, kind, str(raw.get("name")), archived=archived)))
        except HubError as error:
            errors.append(error.entry())
    return _many(call, 200, results, errors)


def batch_archive(call: Call) -> Answer:
    """POST properties/{type}/batch/archive {inputs: [{name}]}."""
    kind = call.kind()
    for raw in _inputs(call):
        if call.portal.definitions.find(kind.type_id, str(raw.get("name"))) is not None:
            _archive(call, kind, str(raw["name"]))
    return Answer(204)


_TYPE = r"properties/(?P<type>[^/]+)"
ROUTES = (
    Route("GET", _TYPE, listing),
    Route("POST", _TYPE, create),
    Route("POST", rf"{_TYPE}/batch/create", batch_create),
    Route("POST", rf"{_TYPE}/batch/read", batch_read),
    Route("POST", rf"{_TYPE}/batch/archive", batch_archive),
    Route("GET", rf"{_TYPE}/(?P<name>[^/]+)", read),
    Route("PATCH", rf"{_TYPE}/(?P<name>[^/]+)", update),
    Route("DELETE", rf"{_TYPE}/(?P<name>[^/]+)", archive),
)
