"""The Metadata API over SOAP: its synchronous calls, for objects, fields and permission sets.

A call is planned as a whole before anything changes, so that AllOrNone needs no undo.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from connectors.sandbox.errors import WireError
from connectors.sandbox.records import Records
from connectors.sandbox.salesforce import metadata_field, metadata_object, metadata_permissions
from connectors.sandbox.salesforce.metadata_kind import Kind, Plan
from connectors.sandbox.salesforce.metadata_xml import (
    METADATA,
    SoapFaultError,
    add,
    envelope,
    fault,
    find,
    local,
    read_request,
    text_of,
    type_of,
)

MAX_COMPONENTS = 10  # of one type, in one call

_KINDS: dict[str, Kind] = {
    "CustomObject": metadata_object.KIND,
    "CustomField": metadata_field.KIND,
    "PermissionSet": metadata_permissions.KIND,
}
_ROLLED_BACK = WireError(
    200,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone "
    "header",
)


@dataclass(slots=True)
class _Outcome:
    """What became of one component. ``created`` is None where the answer has no such element."""

    full_name: str
    plan: Plan | None = None
    error: WireError | None = None
    created: bool | None = None


@dataclass(frozen=True, slots=True)
class _Request:
    """One call: its element, the response to fill, and the org."""

    call: etree._Element
    response: etree._Element
    records: Records
    all_or_none: bool


def session_id(request_xml: bytes) -> str | None:
    """The session id in a request's SOAP header, for the server to look up."""
    try:
        return _session_id(read_request(request_xml))
    except SoapFaultError:
        return None


def handle(request_xml: bytes, user_id: str | None, records: Records) -> tuple[int, bytes]:
    """Answer one SOAP call.

    Args:
        request_xml: the whole envelope.
        user_id: whose session it is; None if the session id is not (or no longer) valid.
        records: the store to read and change.

    Returns:
        HTTP status (200, or 500 for a SOAP fault) and the answer's XML.
    """
    try:
        request = read_request(request_xml)
        _admit(user_id, records)
        with records.lock:
            return 200, _call(request, records)
    except SoapFaultError as refused:
        return 500, fault(refused)


def _admit(user_id: str | None, records: Records) -> None:
    if user_id is None:
        message = (
            "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader: Illegal Session. "
            "Session not found"
        )
        raise SoapFaultError("sf:INVALID_SESSION_ID", message)
    if user_id not in records.admins:
        message = (
            "INSUFFICIENT_ACCESS: use of the Metadata API requires a user with the "
            "ModifyAllData or ModifyMetadata permissions"
        )
        raise SoapFaultError("sf:INSUFFICIENT_ACCESS", message)


def _call(request: etree._Element, records: Records) -> bytes:
    body = find(request, "Body")
    call = next((child for child in body if isinstance(child.tag, str)), None)
    if call is None:
        raise SoapFaultError("soapenv:Client", "The SOAP body holds no call.")
    name = local(call)
    if name not in _CALLS:
        raise SoapFaultError(
            "soapenv:Client", f"Operation {name} is not supported by this sandbox."
        )
    reply, response = envelope(f"{name}Response")
    _CALLS[name](_Request(call, response, records, _all_or_none(request)))
    return etree.tostring(reply, xml_declaration=True, encoding="UTF-8")


def _save(request: _Request) -> None:
    """Answer createMetadata, updateMetadata and upsertMetadata."""
    verb = local(request.call).removesuffix("Metadata")
    components = _limited([child for child in request.call if local(child) == "metadata"])
    kind = _one_kind({type_of(component) for component in components})
    outcomes = [_plan(verb, kind, component, request.records) for component in components]
    _apply(outcomes, request)


def _plan(verb: str, kind: Kind, component: etree._Element, records: Records) -> _Outcome:
    for child in component:
        if isinstance(child.tag, str) and local(child) not in kind.elements:
            message = (
                f"Element {{{METADATA}}}{local(child)} invalid at this location in type {kind.name}"
            )
            raise SoapFaultError("soapenv:Client", message)
    full_name = text_of(component, "fullName") or ""
    outcome = _Outcome(full_name, created=False if verb == "upsert" else None)
    exists = bool(full_name) and kind.exists(records, full_name)
    try:
        _check_presence(verb, kind, full_name, exists=exists)
        outcome.plan = kind.plan(records, component, full_name)
    except WireError as error:
        outcome.error = error
    else:
        outcome.created = not exists if verb == "upsert" else None
    return outcome


def _check_presence(verb: str, kind: Kind, full_name: str, *, exists: bool) -> None:
    if not full_name:
        raise WireError(200, "REQUIRED_FIELD_MISSING", "Required fields are missing: [fullName]")
    if verb == "create" and exists:
        message = f"There is already a component named {full_name}."
        raise WireError(200, "DUPLICATE_DEVELOPER_NAME", message)
    if verb == "update" and not exists:
        raise WireError(200, "INVALID_CROSS_REFERENCE_KEY", kind.missing)


def _delete(request: _Request) -> None:
    """Answer deleteMetadata."""
    kind, names = _kind_and_names(request.call)
    outcomes = []
    for full_name in names:
        outcome = _Outcome(full_name)
        if kind.exists(request.records, full_name):
            outcome.plan = _removal(kind, request.records, full_name)
        else:
            outcome.error = WireError(200, "INVALID_CROSS_REFERENCE_KEY", kind.missing)
        outcomes.append(outcome)
    _apply(outcomes, request)


def _removal(kind: Kind, records: Records, full_name: str) -> Plan:
    if kind.remove is None:
        message = f"Deleting a {kind.name} is not supported by this sandbox."
        raise SoapFaultError("soapenv:Client", message)
    remove = kind.remove
    return lambda: remove(records, full_name)


def _apply(outcomes: list[_Outcome], request: _Request) -> None:
    if request.all_or_none and any(outcome.error for outcome in outcomes):
        for outcome in outcomes:
            outcome.error = outcome.error or _ROLLED_BACK
    for outcome in outcomes:
        if outcome.error is None and outcome.plan is not None:
            try:
                outcome.plan()
            except WireError as error:
                outcome.error = error
        result = add(request.response, "result")
        if outcome.created is not None:
            add(result, "created", outcome.created and outcome.error is None)
        if outcome.error is not None:
            errors = add(result, "errors")
            add(errors, "message", outcome.error.message)
            add(errors, "statusCode", outcome.error.code)
        add(result, "fullName", outcome.full_name)
        add(result, "success", outcome.error is None)


def _read(request: _Request) -> None:
    """Answer readMetadata: an empty (nil) record stands for a component that does not exist."""
    kind, names = _kind_and_names(request.call)
    result = add(request.response, "result")
    for full_name in names:
        if kind.exists(request.records, full_name):
            record = add(result, "records", type_=kind.name)
            kind.read(request.records, full_name, record)
        else:
            add(result, "records", nil=True)


def _describe(request: _Request) -> None:
    """Answer describeMetadata: the types this sandbox knows."""
    result = add(request.response, "result")
    for name, folder, suffix, children in (
        ("CustomObject", "objects", "object", ("CustomField",)),
        ("PermissionSet", "permissionsets", "permissionset", ()),
    ):
        described = add(result, "metadataObjects")
        for child in children:
            add(described, "childXmlNames", child)
        add(described, "directoryName", folder)
        add(described, "inFolder", False)
        add(described, "metaFile", False)
        add(described, "suffix", suffix)
        add(described, "xmlName", name)
    add(result, "organizationNamespace", "")
    add(result, "partialSaveAllowed", True)
    add(result, "testRequired", False)


_CALLS: dict[str, Callable[[_Request], None]] = {
    "createMetadata": _save,
    "updateMetadata": _save,
    "upsertMetadata": _save,
    "deleteMetadata": _delete,
    "readMetadata": _read,
    "describeMetadata": _describe,
}


def _kind_and_names(call: etree._Element) -> tuple[Kind, list[str]]:
    kind = _one_kind({text_of(call, "type") or ""})
    found = _limited([child for child in call if local(child) == "fullNames"])
    return kind, [(child.text or "").strip() for child in found]


def _one_kind(names: set[str]) -> Kind:
    if len(names) != 1:
        raise SoapFaultError("sf:INVALID_TYPE", "INVALID_TYPE: a call takes components of one type")
    name = names.pop()
    if name not in _KINDS:
        message = f"INVALID_TYPE: metadata type {name or '(none)'} is not supported by this sandbox"
        raise SoapFaultError("sf:INVALID_TYPE", message)
    return _KINDS[name]


def _limited(components: list[etree._Element]) -> list[etree._Element]:
    if len(components) > MAX_COMPONENTS:
        message = (
            "LIMIT_EXCEEDED: record limit reached. cannot submit more than "
            f"{MAX_COMPONENTS} records into this operation"
        )
        raise SoapFaultError("sf:LIMIT_EXCEEDED", message)
    return components


def _session_id(request: etree._Element) -> str | None:
    header = find(request, "Header", missing_ok=True)
    session = None if header is None else find(header, "SessionHeader", missing_ok=True)
    return None if session is None else text_of(session, "sessionId")


def _all_or_none(request: etree._Element) -> bool:
    header = find(request, "Header", missing_ok=True)
    wanted = None if header is None else find(header, "AllOrNoneHeader", missing_ok=True)
    return wanted is not None and text_of(wanted, "allOrNone") == "true"
