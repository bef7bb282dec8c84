"""The sandbox's Metadata API: components and calls that are refused, and change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from soap_calls import (
    MD,
    OBJECT,
    envelope,
    errors,
    faultcode,
    field,
    granted,
    ok,
    permission_set,
    rights,
    text,
)

from connectors.sandbox import people
from connectors.sandbox.records import Records
from connectors.sandbox.salesforce.metadata import session_id


@pytest.fixture
def records() -> Records:
    """An org with the recorded calls' custom object."""
    store = Records()
    ok(store, f"<upsertMetadata>{OBJECT}</upsertMetadata>")
    return store


def state(records: Records) -> object:
    """Everything a call could have changed."""
    saved = records.snapshot()
    return saved.objects, {name: table for name, table in saved.rows.tables.items() if table}


NUMBER = "<precision>3</precision><scale>0</scale>"


@pytest.mark.parametrize(
    ("component", "code", "message"),
    [
        (
            field("Account.A__c", "Text", "<length>256</length>"),
            "FIELD_INTEGRITY_EXCEPTION",
            "Invalid length, maximum is: 255",
        ),
        (
            field("Account.A__c", "Text"),
            "FIELD_INTEGRITY_EXCEPTION",
            "Must specify 'length' for a CustomField of type Text",
        ),
        (
            field("Account.A__c", "Number", "<scale>0</scale>"),
            "FIELD_INTEGRITY_EXCEPTION",
            "Must specify 'precision' for a CustomField of type Number",
        ),
        (
            field("Account.A__c", "Number", "<precision>19</precision><scale>0</scale>"),
            "FIELD_INTEGRITY_EXCEPTION",
            "precision must be 1 to 18",
        ),
        (
            field("Account.A__c", "Date", "<unique>true</unique>"),
            "FIELD_INTEGRITY_EXCEPTION",
            "Can not specify 'unique'",
        ),
        (
            field("Account.A__c", "Url", "<externalId>true</externalId>"),
            "FIELD_INTEGRITY_EXCEPTION",
            "Can not specify 'externalId'",
        ),
        (field("Account.A__c", "Picklist"), "FIELD_INTEGRITY_EXCEPTION", "Must specify 'valueSet'"),
        (
            field("Account.A__c", "Lookup", "<referenceTo>Nope__c</referenceTo>"),
            "FIELD_INTEGRITY_EXCEPTION",
            "does not resolve to a valid sObject type",
        ),
        (field("Account.A__c", "Hologram"), "FIELD_INTEGRITY_EXCEPTION", "Hologram"),
        (field("Account.A", "Date"), "FIELD_INTEGRITY_EXCEPTION", "end in __c"),
        (field("Account.A__b__c", "Date"), "FIELD_INTEGRITY_EXCEPTION", "The name 'A__b__c'"),
        (field("Nope__c.A__c", "Date"), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Nope__c"),
        (
            field("Account.A__c", "Date").replace("<label>L</label>", ""),
            "REQUIRED_FIELD_MISSING",
            "[label]",
        ),
        (
            field("TestObject15__c.Old__c", "Number", NUMBER),
            "FIELD_INTEGRITY_EXCEPTION",
            "from Text to Number",
        ),
        (OBJECT.replace("AutoNumber", "Text"), "FIELD_INTEGRITY_EXCEPTION", "name field"),
        (
            OBJECT.replace("TestObject15__c", "Account"),
            "FIELD_INTEGRITY_EXCEPTION",
            "standard object",
        ),
        (
            OBJECT.replace("TestObject15__c", "New__c")
            .replace("nameField>", "x>")
            .replace("<x>", "<!--")
            .replace("</x>", "-->"),
            "REQUIRED_FIELD_MISSING",
            "nameField",
        ),
        (
            permission_set("P", granted("TestObject15__c.Must__c")),
            "FIELD_INTEGRITY_EXCEPTION",
            "You cannot deploy to a required field: TestObject15__c.Must__c",
        ),
        (
            permission_set("P", granted("Account.Name")),
            "FIELD_INTEGRITY_EXCEPTION",
            "You cannot deploy to a required field: Account.Name",
        ),
        (
            permission_set("P", granted("Account.Nope__c")),
            "INVALID_CROSS_REFERENCE_KEY",
            "no CustomField named Account.Nope__c found",
        ),
        (
            permission_set("P", granted("Account.Industry", readable="false")),
            "FIELD_INTEGRITY_EXCEPTION",
            "editable needs readable",
        ),
        (
            permission_set("P", rights("Account", "allowEdit")),
            "FIELD_INTEGRITY_EXCEPTION",
            "depends on permission(s): allowRead",
        ),
        (
            permission_set("P", rights("Nope__c", "allowRead")),
            "INVALID_CROSS_REFERENCE_KEY",
            "no CustomObject named Nope__c found",
        ),
        (
            permission_set("P", "<license>API</license>" + rights("Account", "allowRead")),
            "FIELD_INTEGRITY_EXCEPTION",
            "user license doesn't allow",
        ),
        (
            permission_set("P", "").replace("<label>L</label>", ""),
            "REQUIRED_FIELD_MISSING",
            "[label]",
        ),
    ],
)
def test_refused_components(records: Records, component: str, code: str, message: str) -> None:
    """Each mistake is an error of its component, and changes nothing."""
    must = text("Must__c").replace("<length>", "<required>true</required><length>")
    ok(records, f"<upsertMetadata>{text('Old__c')}{must}</upsertMetadata>")
    before = state(records)
    [(found, said)] = errors(records, f"<upsertMetadata>{component}</upsertMetadata>")
    assert found == code
    assert message in said
    assert state(records) == before


def test_create_and_update_mind_what_exists(records: Records) -> None:
    """createMetadata refuses an existing component, updateMetadata a missing one."""
    assert errors(records, f"<updateMetadata>{text('K__c')}</updateMetadata>")[0][0] == (
        "INVALID_CROSS_REFERENCE_KEY"
    )
    assert ok(records, f"<createMetadata>{text('K__c')}</createMetadata>") == []
    assert errors(records, f"<createMetadata>{text('K__c')}</createMetadata>")[0][0] == (
        "DUPLICATE_DEVELOPER_NAME"
    )


def test_whole_calls_that_are_refused(records: Records) -> None:
    """Session, rights, size, mixture, unknown elements, types and calls each end in a fault."""
    good = envelope(f"<upsertMetadata>{text('K__c')}</upsertMetadata>")
    assert faultcode(records, good, None).startswith("sf:INVALID_SESSION_ID INVALID_SESSION_ID:")
    assert faultcode(records, good, people.SYNC).startswith("sf:INSUFFICIENT_ACCESS")
    many = "".join(text(f"K{n}__c") for n in range(11))
    for body, code in (
        (f"<upsertMetadata>{many}</upsertMetadata>", "sf:LIMIT_EXCEEDED"),
        (f"<upsertMetadata>{text('K__c')}{OBJECT}</upsertMetadata>", "sf:INVALID_TYPE"),
        ("<readMetadata><type>Layout</type></readMetadata>", "sf:INVALID_TYPE"),
        (
            f"<upsertMetadata>{text('K__c').replace('length', 'lenght')}</upsertMetadata>",
            f"soapenv:Client Element {{{MD}}}lenght invalid at this location in type CustomField",
        ),
        (
            (
                "<deleteMetadata><type>CustomObject</type><fullNames>TestObject15__c</fullNames>"
                "</deleteMetadata>"
            ),
            "soapenv:Client Deleting a CustomObject",
        ),
        ("<deploy/>", "soapenv:Client Operation deploy"),
        ("", "soapenv:Client"),
    ):
        assert faultcode(records, envelope(body)).startswith(code)
    assert records.need("TestObject15__c").field("K0__c") is None


def test_entities_and_dtds_are_refused(records: Records, tmp_path: Path) -> None:
    """An entity is never resolved: neither a file's content nor a bomb reaches the org."""
    secret = tmp_path / "secret"
    secret.write_text("hush")
    for start in (
        b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file://" + str(secret).encode() + b"'>]>",
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>",
    ):
        request = start + envelope(
            f"<upsertMetadata>{text('K__c').replace('>L<', '>&a;<')}</upsertMetadata>"
        )
        assert "DOCTYPE" in faultcode(records, request)
    assert faultcode(records, b"not xml").startswith("soapenv:Client")
    assert session_id(b"not xml") is None
