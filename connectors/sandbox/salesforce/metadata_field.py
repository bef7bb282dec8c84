"""CustomField: checks, and the way between metadata and the schema's Field."""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

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
from connectors.sandbox.salesforce.metadata_xml import add, children, find, flag_of, text_of
from connectors.sandbox.schema import Field

_DESCRIBE = {
    "AutoNumber": "string",
    "Text": "string",
    "TextArea": "textarea",
    "LongTextArea": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Percent": "percent",
    "Checkbox": "boolean",
    "Date": "date",
    "DateTime": "datetime",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Lookup": "reference",
    "Url": "url",
    "Email": "email",
    "Phone": "phone",
}
_METADATA = {
    describe: kind for kind, describe in _DESCRIBE.items() if kind not in ("AutoNumber", "TextArea")
}
_LENGTHS = {"Text": (1, 255), "LongTextArea": (256, 131_072)}
_FIXED_LENGTH = {
    "AutoNumber": 30,
    "TextArea": 255,
    "Picklist": 255,
    "MultiselectPicklist": 4099,
    "Lookup": 18,
    "Url": 255,
    "Email": 80,
    "Phone": 40,
}
_NUMERIC = frozenset({"Number", "Currency", "Percent"})
_NEEDED = {
    "Text": ("length",),
    "LongTextArea": ("length", "visibleLines"),
    "Number": ("precision", "scale"),
    "Currency": ("precision", "scale"),
    "Percent": ("precision", "scale"),
    "Checkbox": ("defaultValue",),
    "Lookup": ("referenceTo",),
    "AutoNumber": ("displayFormat",),
    "MultiselectPicklist": ("visibleLines",),
}
_UNIQUE = frozenset({"Text", "Number", "Email"})
_EXTERNAL = _UNIQUE | {"AutoNumber"}


def _owners(records: Records, object_name: str) -> list[str]:
    """The objects a field of that owner belongs to: Activity's are both tasks' and events'."""
    if object_name.lower() == "activity":
        return ["Task", "Event"]
    if object_name.lower() in ("task", "event"):
        return []  # their custom fields live on Activity
    found = records.object(object_name)
    return [found.name] if found else []


def _exists(records: Records, full_name: str) -> bool:
    object_name, _, name = full_name.partition(".")
    owners = _owners(records, object_name)
    found = records.object(owners[0]) if owners else None
    field = found.field(name) if found else None
    return field is not None and field.custom


def _plan(records: Records, component: etree._Element, full_name: str) -> Plan:
    object_name, _, name = full_name.partition(".")
    owners = _owners(records, object_name)
    if not owners:
        message = (
            f"Entity Enumeration Or ID: bad value for restricted picklist field: {object_name}"
        )
        raise WireError(200, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message)
    field = build(records, component, name)
    kind = records.need(owners[0])
    old = kind.field(name)
    if old is not None and (old.type, old.auto_number is None) != (
        field.type,
        field.auto_number is None,
    ):
        raise integrity(
            f"Cannot change the type of field {full_name} from {_type_name(old)} to "
            f"{_type_name(field)}"
        )
    return lambda: [records.add_field(owner, field) for owner in owners]


def build(records: Records, component: etree._Element, name: str) -> Field:
    """The schema's field for a CustomField component.

    Raises:
        WireError: FIELD_INTEGRITY_EXCEPTION or REQUIRED_FIELD_MISSING, in the service's way.
    """
    api_name(name, custom=True)
    required(component, "type", "label")
    type_ = text_of(component, "type") or ""
    if type_ not in _DESCRIBE:
        raise integrity(f"a CustomField of type {type_} is not supported by this sandbox")
    for element in _NEEDED.get(type_, ()):
        if text_of(component, element) is None:
            raise integrity(f"Must specify '{element}' for a CustomField of type {type_}")
    _refuse(component, "required", type_, unfit=type_ in ("Checkbox", "AutoNumber"))
    _refuse(component, "unique", type_, unfit=type_ not in _UNIQUE)
    _refuse(component, "externalId", type_, unfit=type_ not in _EXTERNAL)
    values, default, restricted = _picklist(component, type_)
    precision, scale = _digits(component, type_)
    long_text = type_ == "LongTextArea"
    must = flag_of(component, "required")
    relation = text_of(component, "relationshipName")
    return Field(
        name=name,
        type=_DESCRIBE[type_],
        label=text_of(component, "label") or name,
        length=_length(component, type_),
        precision=precision,
        scale=scale,
        nillable=not must,
        createable=type_ != "AutoNumber",
        updateable=type_ != "AutoNumber",
        filterable=not long_text,
        sortable=not long_text and type_ != "MultiselectPicklist",
        unique=flag_of(component, "unique"),
        external_id=flag_of(component, "externalId"),
        case_sensitive=flag_of(component, "caseSensitive"),
        id_lookup=flag_of(component, "externalId"),
        reference_to=_target(records, component) if type_ == "Lookup" else (),
        relationship_name=f"{name.removesuffix('__c')}__r" if type_ == "Lookup" else None,
        child_relationship=f"{relation}__r" if type_ == "Lookup" and relation else None,
        picklist=values,
        restricted=restricted,
        default=default,
        custom=True,
        permissionable=not must,
        defaulted=type_ in ("Checkbox", "AutoNumber"),
        auto_number=text_of(component, "displayFormat") if type_ == "AutoNumber" else None,
    )


def _refuse(component: etree._Element, element: str, type_: str, *, unfit: bool) -> None:
    if unfit and flag_of(component, element):
        raise integrity(f"Can not specify '{element}' for a CustomField of type {type_}")


def _whole(component: etree._Element, element: str) -> int:
    text = text_of(component, element) or ""
    if not text.isdecimal():
        raise integrity(f"'{text}' is not a valid value for {element}")
    return int(text)


def _length(component: etree._Element, type_: str) -> int:
    if type_ not in _LENGTHS:
        return _FIXED_LENGTH.get(type_, 0)
    low, high = _LENGTHS[type_]
    length = _whole(component, "length")
    if length < low:
        raise integrity(f"Invalid length, minimum is: {low}")
    if length > high:
        raise integrity(f"Invalid length, maximum is: {high}")
    return length


def _digits(component: etree._Element, type_: str) -> tuple[int, int]:
    if type_ not in _NUMERIC:
        return 0, 0
    precision, scale = _whole(component, "precision"), _whole(component, "scale")
    if not 1 <= precision <= 18 or scale > precision:
        raise integrity("precision must be 1 to 18, and scale not greater than precision")
    return precision, scale


def _picklist(component: etree._Element, type_: str) -> tuple[tuple[str, ...], object, bool]:
    """The values, the default and whether the list is restricted; other types have a default."""
    default = text_of(component, "defaultValue")
    if type_ == "Checkbox":
        if default not in ("true", "false"):
            raise integrity("The default value of a Checkbox must be true or false")
        return (), default == "true", False
    if type_ in _NUMERIC:
        try:
            return (), None if default is None else float(default), False
        except ValueError:
            raise integrity("this sandbox takes plain numbers as default values only") from None
    if type_ not in ("Picklist", "MultiselectPicklist"):
        return (), default.strip("\"'") if default else None, False
    value_set = find(component, "valueSet", missing_ok=True)
    definition = (
        None if value_set is None else find(value_set, "valueSetDefinition", missing_ok=True)
    )
    if value_set is None or definition is None:
        raise integrity(f"Must specify 'valueSet' for a CustomField of type {type_}")
    required(definition, "sorted")
    listed = children(definition, "value")
    for value in listed:
        required(value, "fullName", "default", "label")
    texts = [text_of(value, "fullName") or "" for value in listed]
    if len({text.lower() for text in texts}) != len(texts):
        raise WireError(200, "DUPLICATE_VALUE", "Duplicate picklist value")
    chosen = [name for name, value in zip(texts, listed, strict=True) if flag_of(value, "default")]
    return tuple(texts), chosen[0] if chosen else None, flag_of(value_set, "restricted")


def _target(records: Records, component: etree._Element) -> tuple[str, ...]:
    name = text_of(component, "referenceTo") or ""
    found = records.object(name)
    if found is None:
        message = f"referenceTo value of '{name}' does not resolve to a valid sObject type"
        raise integrity(message)
    return (found.name,)


def _type_name(field: Field) -> str:
    if field.auto_number is not None:
        return "AutoNumber"
    if field.type == "textarea" and field.length <= 255:
        return "TextArea"
    return _METADATA[field.type]


def _read(records: Records, full_name: str, record: etree._Element) -> None:
    object_name, _, name = full_name.partition(".")
    owners = _owners(records, object_name)
    field = records.need(owners[0]).fields[name.lower()]
    shown = object_name if len(owners) > 1 else owners[0]
    write(field, f"{shown}.{field.name}", record)


def write(field: Field, full_name: str, record: etree._Element) -> None:
    """Write a field's metadata into an element, for readMetadata of fields and objects."""
    add(record, "fullName", full_name)
    for element, value in _elements(field):
        add(record, element, value)
    if field.picklist:
        _write_values(field, record)


def _elements(field: Field) -> Iterable[tuple[str, str | bool | int]]:
    """The plain elements of a field, in alphabetical order as the service has them."""
    type_ = _type_name(field)
    target = field.reference_to[0] if field.reference_to else ""
    relation = (field.child_relationship or "").removesuffix("__r")
    rows: list[tuple[str, str | bool | int, bool]] = [
        ("caseSensitive", True, field.case_sensitive),
        ("defaultValue", field.default is True, type_ == "Checkbox"),
        ("displayFormat", field.auto_number or "", field.auto_number is not None),
        ("externalId", field.external_id, True),
        ("label", field.label, True),
        ("length", field.length, type_ in _LENGTHS),
        ("precision", field.precision, type_ in _NUMERIC),
        ("referenceTo", target, bool(target)),
        ("relationshipName", relation, bool(relation)),
        ("required", not field.nillable, type_ != "Checkbox"),
        ("scale", field.scale, type_ in _NUMERIC),
        ("type", type_, True),
        ("unique", field.unique, type_ in _UNIQUE),
        # The schema keeps no layout: the service's usual height stands for what was sent.
        ("visibleLines", 3, type_ in ("LongTextArea", "MultiselectPicklist")),
    ]
    return ((element, value) for element, value, shown in rows if shown)


def _write_values(field: Field, record: etree._Element) -> None:
    value_set = add(record, "valueSet")
    add(value_set, "restricted", field.restricted)
    definition = add(value_set, "valueSetDefinition")
    add(definition, "sorted", False)
    for name in field.picklist:
        value = add(definition, "value")
        add(value, "fullName", name)
        add(value, "default", name == field.default)
        add(value, "label", name)


def _remove(records: Records, full_name: str) -> None:
    object_name, _, name = full_name.partition(".")
    for owner in _owners(records, object_name):
        records.remove_field(owner, name)


KIND = Kind(
    name="CustomField",
    elements=names(
        "businessOwnerGroup businessOwnerUser businessStatus caseSensitive complianceGroup "
        "customDataType defaultValue deleteConstraint deprecated description displayFormat "
        "encryptionScheme escapeMarkup externalDeveloperName externalId fieldManageability formula "
        "formulaTreatBlanksAs fullName indexed inlineHelpText isConvertLeadDisabled "
        "isFilteringDisabled isNameField isSortingDisabled label length lookupFilter maskChar "
        "maskType precision referenceTargetField referenceTo relationshipLabel relationshipName "
        "relationshipOrder reparentableMasterDetail required restrictedAdminField scale "
        "securityClassification startingNumber stripMarkup summarizedField summaryFilterItems "
        "summaryForeignKey summaryOperation trackFeedHistory trackHistory trackTrending "
        "translateData type unique valueSet visibleLines writeRequiresMasterRead"
    ),
    missing="This custom field does not exist or is not accessible",
    exists=_exists,
    plan=_plan,
    read=_read,
    remove=_remove,
)
