"""PermissionSet: rights on objects and fields, kept as the rows that REST shows as well.

Saving one replaces all its object and field rights: what the component leaves out is taken away.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from connectors.sandbox import people
from connectors.sandbox.errors import WireError
from connectors.sandbox.records import Records
from connectors.sandbox.salesforce.metadata_kind import (
    Kind,
    Plan,
    api_name,
    integrity,
    names,
    required,
)
from connectors.sandbox.salesforce.metadata_xml import add, children, flag_of, text_of
from connectors.sandbox.tables import Row

_RIGHTS = {
    "allowCreate": "PermissionsCreate",
    "allowDelete": "PermissionsDelete",
    "allowEdit": "PermissionsEdit",
    "allowRead": "PermissionsRead",
    "modifyAllRecords": "PermissionsModifyAllRecords",
    "viewAllRecords": "PermissionsViewAllRecords",
}
# Of the hundreds that there are, those that activities need.
_USER_PERMISSIONS = ("ActivitiesAccess", "EditTask")
_NEEDS = {
    "allowCreate": ("allowRead",),
    "allowEdit": ("allowRead",),
    "allowDelete": ("allowRead", "allowEdit"),
    "viewAllRecords": ("allowRead",),
    "modifyAllRecords": ("allowRead", "allowEdit", "allowDelete", "viewAllRecords"),
}


def _rows(records: Records, name: str) -> list[Row]:
    """The row of that permission set, if there is one."""
    return records.by_reference("PermissionSet", "Name", name)


def _exists(records: Records, full_name: str) -> bool:
    return bool(_rows(records, full_name))


def _plan(records: Records, component: etree._Element, full_name: str) -> Plan:
    api_name(full_name, custom=False)
    required(component, "label")
    fields: dict[tuple[str, str], dict[str, Any]] = {}
    for element in children(component, "fieldPermissions"):
        for key in _field_keys(records, element):
            readable = flag_of(element, "readable") or text_of(element, "readable") is None
            editable = flag_of(element, "editable")
            if editable and not readable:
                raise integrity(f"Field {key[1]}: editable needs readable")
            fields[key] = {"PermissionsRead": readable, "PermissionsEdit": editable}
    objects: dict[tuple[str, str], dict[str, Any]] = {}
    for element in children(component, "objectPermissions"):
        object_name, rights = _object_rights(records, element)
        objects[(object_name, "")] = rights
    _mirror(records, fields)
    label = text_of(component, "label")
    values: dict[str, Any] = {"Label": label, "Description": text_of(component, "description")}
    values |= _user_permissions(component)
    _check_license(records, component, objects)

    def save() -> None:
        id_ = records.permission_set(full_name, label)
        records.update("PermissionSet", id_, values, people.ADMIN, enforce=False)
        _replace(records, "FieldPermissions", id_, fields)
        _replace(records, "ObjectPermissions", id_, objects)

    return save


def _field_keys(records: Records, element: etree._Element) -> list[tuple[str, str]]:
    """(object, Object.Field) of a fieldPermissions element; Activity's stand for two."""
    required(element, "field", "editable")
    wanted = text_of(element, "field") or ""
    object_name, _, name = wanted.partition(".")
    keys = []
    for owner in ("Task", "Event") if object_name.lower() == "activity" else (object_name,):
        object_ = records.object(owner)
        field = object_.field(name) if object_ else None
        if object_ is None or field is None:
            message = f"In field: field - no CustomField named {wanted} found"
            raise WireError(200, "INVALID_CROSS_REFERENCE_KEY", message)
        if not field.permissionable or not (field.nillable or field.type == "boolean"):
            raise integrity(f"You cannot deploy to a required field: {object_.name}.{field.name}")
        keys.append((object_.name, f"{object_.name}.{field.name}"))
    return keys


def _object_rights(records: Records, element: etree._Element) -> tuple[str, dict[str, Any]]:
    required(element, "object", *_RIGHTS)
    wanted = text_of(element, "object") or ""
    object_ = records.object(wanted)
    if object_ is None:
        message = f"In field: object - no CustomObject named {wanted} found"
        raise WireError(200, "INVALID_CROSS_REFERENCE_KEY", message)
    for right, needs in _NEEDS.items():
        lacking = [need for need in needs if not flag_of(element, need)]
        if flag_of(element, right) and lacking:
            raise integrity(
                f"Permission {right} {object_.name} depends on permission(s): {', '.join(lacking)}"
            )
    return object_.name, {column: flag_of(element, name) for name, column in _RIGHTS.items()}


def _mirror(records: Records, fields: dict[tuple[str, str], dict[str, Any]]) -> None:
    """What is granted on a task's field the service grants on the event's of that name as well."""
    event = records.need("Event")
    for (object_name, full_name), rights in list(fields.items()):
        field = event.field(full_name.partition(".")[2]) if object_name == "Task" else None
        if field is not None and field.permissionable:
            own = fields.setdefault(("Event", f"Event.{field.name}"), {})
            for right, value in rights.items():
                own[right] = bool(own.get(right)) or value


def _user_permissions(component: etree._Element) -> dict[str, bool]:
    """Columns of the permission set: those it does not name are taken away."""
    wanted = dict.fromkeys(_USER_PERMISSIONS, False)
    for element in children(component, "userPermissions"):
        required(element, "enabled", "name")
        name = text_of(element, "name") or ""
        if name not in wanted:
            raise integrity(f"Unknown user permission for this sandbox: {name}")
        wanted[name] = flag_of(element, "enabled")
    return {f"Permissions{name}": value for name, value in wanted.items()}


def _check_license(
    records: Records, component: etree._Element, objects: dict[tuple[str, str], dict[str, Any]]
) -> None:
    """A set tied to a licence grants nothing on standard objects."""
    license_ = text_of(component, "license")
    for name, _ in objects:
        object_ = records.object(name)
        if license_ and object_ is not None and not object_.custom:
            raise integrity(f"The user license doesn't allow the permission: Read {name}")


def _replace(
    records: Records,
    table: str,
    permission_set: str,
    wanted: dict[tuple[str, str], dict[str, Any]],
) -> None:
    """Make the rights rows of a set exactly these: (object, field or nothing) -> columns."""
    for row in list(records.by_reference(table, "ParentId", permission_set)):
        rights = wanted.pop((row["SobjectType"], row.get("Field") or ""), None)
        if rights is None:
            records.delete(table, row["Id"], people.ADMIN, enforce=False)
        elif any(bool(row.get(column)) != value for column, value in rights.items()):
            records.update(table, row["Id"], rights, people.ADMIN, enforce=False)
    for (object_name, field), rights in wanted.items():
        key = {"ParentId": permission_set, "SobjectType": object_name}
        fields = key | ({"Field": field} if field else {}) | rights
        records.create(table, fields, people.ADMIN, enforce=False)


def _read(records: Records, full_name: str, record: etree._Element) -> None:
    row = _rows(records, full_name)[0]
    add(record, "fullName", row["Name"])
    if row["Description"]:
        add(record, "description", row["Description"])
    granted = records.by_reference("FieldPermissions", "ParentId", row["Id"])
    for right in sorted(granted, key=lambda found: str(found["Field"])):
        element = add(record, "fieldPermissions")
        add(element, "editable", bool(right["PermissionsEdit"]))
        add(element, "field", right["Field"])
        add(element, "readable", bool(right["PermissionsRead"]))
    add(record, "hasActivationRequired", False)
    add(record, "label", row["Label"])
    granted = records.by_reference("ObjectPermissions", "ParentId", row["Id"])
    for right in sorted(granted, key=lambda found: str(found["SobjectType"])):
        element = add(record, "objectPermissions")
        for name, column in _RIGHTS.items():
            if name == "modifyAllRecords":
                add(element, name, bool(right[column]))
                add(element, "object", right["SobjectType"])
            else:
                add(element, name, bool(right[column]))
    for name in _USER_PERMISSIONS:
        if row.get(f"Permissions{name}"):
            element = add(record, "userPermissions")
            add(element, "enabled", True)
            add(element, "name", name)


def _remove(records: Records, full_name: str) -> None:
    row = _rows(records, full_name)[0]
    for table, column in (
        ("FieldPermissions", "ParentId"),
        ("ObjectPermissions", "ParentId"),
        ("PermissionSetAssignment", "PermissionSetId"),
    ):
        for right in list(records.by_reference(table, column, row["Id"])):
            records.delete(table, right["Id"], people.ADMIN, enforce=False)
    records.delete("PermissionSet", row["Id"], people.ADMIN, enforce=False)


KIND = Kind(
    name="PermissionSet",
    elements=names(
        "applicationVisibilities classAccesses customMetadataTypeAccesses customPermissions "
        "customSettingAccesses description emailRoutingAddressAccesses "
        "externalCredentialPrincipalAccesses externalDataSourceAccesses fieldPermissions "
        "flowAccesses fullName hasActivationRequired label license objectPermissions pageAccesses "
        "recordTypeVisibilities tabSettings userPermissions"
    ),
    missing="This permission set does not exist or is not accessible",
    exists=_exists,
    plan=_plan,
    read=_read,
    remove=_remove,
)
