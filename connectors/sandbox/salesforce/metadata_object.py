"""CustomObject: a new object type, with its name field and any fields that come inside."""

from __future__ import annotations

from dataclasses import replace

from lxml import etree

from connectors.sandbox.errors import WireError
from connectors.sandbox.records import Records
from connectors.sandbox.salesforce import metadata_field
from connectors.sandbox.salesforce.metadata_kind import (
    Kind,
    Plan,
    api_name,
    integrity,
    names,
    required,
)
from connectors.sandbox.salesforce.metadata_xml import add, children, find, text_of
from connectors.sandbox.schema import Field, ObjectType, by_name, system_fields

_SHARING = frozenset({"Private", "Read", "ReadWrite", "ControlledByParent"})
_NAME_TYPES = frozenset({"Text", "AutoNumber"})


def _exists(records: Records, full_name: str) -> bool:
    return records.object(full_name) is not None


def _plan(records: Records, component: etree._Element, full_name: str) -> Plan:
    old = records.object(full_name)
    if old is not None and not old.custom:
        raise integrity(f"this sandbox does not change the standard object {old.name}")
    api_name(full_name, custom=True)
    required(component, "label", "pluralLabel", "deploymentStatus", "sharingModel")
    sharing = text_of(component, "sharingModel")
    if sharing not in _SHARING:
        raise integrity(f"'{sharing}' is not a valid value for the enum 'SharingModel'")
    name_field = _name_field(component)
    if old is not None:
        before = old.fields["name"]
        if (before.auto_number is None) != (name_field.auto_number is None):
            raise integrity("Cannot change the type of the name field")
    inner = [_inner_field(records, child) for child in children(component, "fields")]
    owned = sharing != "ControlledByParent"
    kept = list(old.fields.values()) if old else system_fields(owned=owned, beside="Group")
    object_ = ObjectType(
        name=old.name if old else full_name,
        label=text_of(component, "label") or "",
        label_plural=text_of(component, "pluralLabel") or "",
        key_prefix=old.key_prefix if old else "",
        fields=by_name([*kept, name_field]),
        custom=True,
    )
    activities = text_of(component, "enableActivities") == "true"

    def save() -> None:
        records.add_object(object_)
        for field in inner:
            records.add_field(object_.name, field)
        if activities:
            _let_activities_point_at(records, object_.name)

    return save


def _name_field(component: etree._Element) -> Field:
    element = find(component, "nameField", missing_ok=True)
    if element is None:
        raise WireError(200, "REQUIRED_FIELD_MISSING", "Required fields are missing: [nameField]")
    type_ = text_of(element, "type") or "Text"
    label = text_of(element, "label") or "Name"
    if type_ not in _NAME_TYPES:
        raise integrity("The name field must be of type Text or AutoNumber")
    if type_ == "Text":
        return Field(
            "Name", "string", label, length=80, nillable=False, permissionable=False, id_lookup=True
        )
    pattern = text_of(element, "displayFormat")
    if pattern is None:
        raise integrity("Must specify 'displayFormat' for a CustomField of type AutoNumber")
    return Field(
        "Name",
        "string",
        label,
        length=80,
        nillable=False,
        createable=False,
        updateable=False,
        permissionable=False,
        id_lookup=True,
        defaulted=True,
        auto_number=pattern,
    )


def _inner_field(records: Records, element: etree._Element) -> Field:
    name = text_of(element, "fullName")
    if name is None:
        raise WireError(200, "REQUIRED_FIELD_MISSING", "Required fields are missing: [fullName]")
    return metadata_field.build(records, element, name)


def _let_activities_point_at(records: Records, name: str) -> None:
    """Tasks and events may hang on the new object: WhatId names it as a target."""
    for activity in ("Task", "Event"):
        field = records.need(activity).field("WhatId")
        if field is not None and name not in field.reference_to:
            wider = replace(field, reference_to=(*field.reference_to, name))
            records.add_field(activity, wider)


def _read(records: Records, full_name: str, record: etree._Element) -> None:
    object_ = records.need(full_name)
    add(record, "fullName", object_.name)
    add(record, "deploymentStatus", "Deployed")
    what = records.need("Task").field("WhatId")
    add(record, "enableActivities", what is not None and object_.name in what.reference_to)
    for field in object_.fields.values():
        if field.custom:
            metadata_field.write(field, field.name, add(record, "fields"))
    add(record, "label", object_.label)
    name = object_.field("Name")
    if name is not None:
        element = add(record, "nameField")
        if name.auto_number is not None:
            add(element, "displayFormat", name.auto_number)
        add(element, "label", name.label)
        add(element, "type", "Text" if name.auto_number is None else "AutoNumber")
    add(record, "pluralLabel", object_.label_plural)
    owned = object_.field("OwnerId") is not None
    add(record, "sharingModel", "ReadWrite" if owned else "ControlledByParent")


KIND = Kind(
    name="CustomObject",
    elements=names(
        "actionOverrides allowInChatterGroups businessProcesses compactLayoutAssignment "
        "compactLayouts customHelp customHelpPage customSettingsType deploymentStatus deprecated "
        "description enableActivities enableBulkApi enableDataTranslation enableDivisions "
        "enableEnhancedLookup enableFeeds enableHistory enableLicensing enableReports enableSearch "
        "enableSharing enableStreamingApi eventType externalDataSource externalName "
        "externalRepository externalSharingModel fieldSets fields fullName gender household "
        "indexes label listViews nameField pluralLabel publishBehavior recordTypeTrackFeedHistory "
        "recordTypeTrackHistory recordTypes searchLayouts sharingModel sharingReasons startsWith "
        "validationRules visibility webLinks"
    ),
    missing="This custom object does not exist or is not accessible",
    exists=_exists,
    plan=_plan,
    read=_read,
)
