"""describe: what objects and fields there are, as this user sees them."""

from __future__ import annotations

from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from connectors.sandbox.salesforce.rest import sobject, visible
from connectors.sandbox.salesforce.wire import Answer, Call
from connectors.sandbox.schema import Field, ObjectType

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
}
_NUMBERS = ("double", "currency", "percent")


def everything(call: Call) -> Answer:
    """GET sobjects: every object, without its fields."""
    records = call.org.records
    seen = [k for k in records.objects() if records.allowed(k, call.user_id, "read")]
    entries = [_summary(call, kind) for kind in seen]
    return _cached(call, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries})


def one(call: Call) -> Answer:
    """GET sobjects/X/describe."""
    kind = sobject(call)
    body = _summary(call, kind) | _EXTRA
    body["fields"] = [_field(call, kind, f) for f in visible(call, kind)]
    body["childRelationships"] = _children(call, kind)
    body["supportedScopes"] = [{"label": f"All {kind.label_plural}", "name": "everything"}]
    body["sobjectDescribeOption"] = "FULL"
    body["recordTypeInfos"] = [_master_type(call, kind)]
    return _cached(call, body)


def basic(call: Call) -> Answer:
    """GET sobjects/X: the object without its fields, and nothing recent."""
    kind = sobject(call)
    return Answer(200, {"objectDescribe": _summary(call, kind), "recentItems": []})


def _cached(call: Call, body: dict[str, Any]) -> Answer:
    changed = call.org.records.schema_at()
    headers = {"Last-Modified": format_datetime(changed, usegmt=True)}
    since = call.request.headers.get("if-modified-since")
    if since and changed <= parsedate_to_datetime(since):
        return Answer(304, None, headers)
    return Answer(200, body, headers)


def _summary(call: Call, kind: ObjectType) -> dict[str, Any]:
    records = call.org.records
    create, edit, delete = (
        records.allowed(kind, call.user_id, right) for right in ("create", "edit", "delete")
    )
    path = call.url(f"sobjects/{kind.name}")
    return {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": create,
        "custom": kind.custom,
        "customSetting": False,
        "deepCloneable": False,
        "deletable": delete,
        "deprecatedAndHidden": False,
        "feedEnabled": False,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": kind.key_prefix,
        "label": kind.label,
        "labelPlural": kind.label_plural,
        "layoutable": True,
        "mergeable": kind.name in ("Account", "Contact", "Case"),
        "mruEnabled": False,
        "name": kind.name,
        "queryable": True,
        "replicateable": kind.replicateable,
        "retrieveable": True,
        "searchable": True,
        "triggerable": True,
        "undeletable": True,
        "updateable": edit,
        "urls": {
            "sobject": path,
            "describe": f"{path}/describe",
            "rowTemplate": f"{path}/{{ID}}",
        },
    }


_EXTRA: dict[str, Any] = {
    "actionOverrides": [],
    "compactLayoutable": True,
    "defaultImplementation": None,
    "extendedBy": None,
    "extendsInterfaces": None,
    "implementedBy": None,
    "implementsInterfaces": None,
    "listviewable": None,
    "lookupLayoutable": None,
    "namedLayoutInfos": [],
    "networkScopeFieldName": None,
    "searchLayoutable": True,
}


def _field(call: Call, kind: ObjectType, field: Field) -> dict[str, Any]:
    editable = call.org.records.editable(kind, field, call.user_id)
    text = field.type not in (*_NUMBERS, "int", "boolean", "date", "datetime")
    name_field = field.name == ("CaseNumber" if kind.name == "Case" else "Name")
    return {
        "aggregatable": field.type != "boolean" and field.filterable,
        "aiPredictionField": False,
        "autoNumber": field.auto_number is not None,
        "byteLength": (field.length if field.type in ("id", "reference") else field.length * 3)
        if text
        else 0,
        "calculated": field.calculated,
        "calculatedFormula": None,
        "cascadeDelete": False,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": None,
        "controllerName": None,
        "createable": field.createable and editable,
        "custom": field.custom,
        "defaultValue": field.default,
        "defaultValueFormula": None,
        "defaultedOnCreate": field.defaulted or field.default is not None,
        "dependentPicklist": False,
        "deprecatedAndHidden": False,
        "digits": field.length if field.type == "int" else 0,
        "displayLocationInDecimal": False,
        "encrypted": False,
        "externalId": field.external_id,
        "extraTypeInfo": "plaintextarea" if field.type == "textarea" else None,
        "filterable": field.filterable,
        "filteredLookupInfo": None,
        "formulaTreatNullNumberAsZero": False,
        "groupable": field.filterable and field.type not in (*_NUMBERS, "datetime"),
        "highScaleNumber": False,
        "htmlFormatted": False,
        "idLookup": field.id_lookup or field.external_id,
        "inlineHelpText": None,
        "label": field.label,
        "length": field.length if text else 0,
        "mask": None,
        "maskType": None,
        "name": field.name,
        "nameField": name_field,
        "namePointing": len(field.reference_to) > 1,
        "nillable": field.nillable,
        "permissionable": field.permissionable,
        "picklistValues": [_choice(field, value) for value in field.picklist],
        "polymorphicForeignKey": len(field.reference_to) > 1,
        "precision": field.precision,
        "queryByDistance": False,
        "referenceTargetField": None,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": None,
        "restrictedDelete": False,
        "restrictedPicklist": field.restricted,
        "scale": field.scale,
        "searchPrefilterable": False,
        "soapType": _SOAP.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable and editable,
        "writeRequiresMasterRead": False,
    }


def _choice(field: Field, value: str) -> dict[str, Any]:
    return {
        "active": True,
        "defaultValue": value == field.default,
        "label": value,
        "validFor": None,
        "value": value,
    }


def _children(call: Call, kind: ObjectType) -> list[dict[str, Any]]:
    records = call.org.records
    return [
        {
            "cascadeDelete": False,
            "childSObject": child.name,
            "deprecatedAndHidden": False,
            "field": field.name,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": field.child_relationship,
            "restrictedDelete": False,
        }
        for child in records.objects()
        for field in child.fields.values()
        if kind.name in field.reference_to
        and records.allowed(child, call.user_id, "read")
        and records.readable(child, field, call.user_id)
    ]


def _master_type(call: Call, kind: ObjectType) -> dict[str, Any]:
    master = "012000000000000AAA"
    layout = call.url(f"sobjects/{kind.name}/describe/layouts/{master}")
    return {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": master,
        "urls": {"layout": layout},
    }
