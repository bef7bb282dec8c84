"""The sandbox's Metadata API, spoken to by a SOAP client that others wrote, from the real WSDL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import simple_salesforce

from connectors.sandbox import people
from connectors.sandbox.records import Records
from connectors.sandbox.salesforce.metadata import handle

zeep = pytest.importorskip("zeep", reason="zeep comes with simple-salesforce")
transports = pytest.importorskip("zeep.transports")

WSDL = Path(simple_salesforce.__file__).parent / "metadata.wsdl"


class Answer:
    """What zeep reads of an HTTP answer."""

    encoding = "utf-8"

    def __init__(self, status: int, content: bytes) -> None:
        self.status_code = status
        self.content = content
        self.text = content.decode()
        self.headers = {"Content-Type": "text/xml"}


@pytest.fixture
def records() -> Records:
    """An empty org."""
    return Records()


@pytest.fixture
def client(records: Records) -> Any:
    """A zeep service whose calls end in `handle`, and its factory of types."""

    class Transport(transports.Transport):  # type: ignore[misc, name-defined]  # zeep is untyped
        def post(self, address: str, message: bytes, headers: Any) -> Answer:
            return Answer(*handle(message, people.ADMIN, records))

    # strict: an answer that the WSDL does not allow is an error.
    found = zeep.Client(str(WSDL), transport=Transport(), settings=zeep.Settings(strict=True))
    found.set_default_soapheaders({"SessionHeader": {"sessionId": "S1"}})
    return found


def test_zeep_provisions_and_reads_back(records: Records, client: Any) -> None:
    """Object, fields and permission set are created, found again unchanged, and read."""
    new = client.type_factory("http://soap.sforce.com/2006/04/metadata")
    components = [
        new.CustomObject(
            fullName="Health_Episode__c",
            label="Episode",
            pluralLabel="Episodes",
            deploymentStatus="Deployed",
            sharingModel="ReadWrite",
            nameField=new.CustomField(type="AutoNumber", label="No", displayFormat="E-{00000}"),
        ),
        new.CustomField(
            fullName="Health_Episode__c.Key__c",
            label="Key",
            type="Text",
            length=80,
            unique=True,
            externalId=True,
        ),
        new.PermissionSet(
            fullName="Health",
            label="Health",
            hasActivationRequired=False,
            fieldPermissions=[
                new.PermissionSetFieldPermissions(
                    field="Health_Episode__c.Key__c", editable=True, readable=True
                )
            ],
        ),
    ]
    for expected in (True, False):
        for component in components:
            [result] = client.service.upsertMetadata([component])
            assert (result.success, result.created, result.errors) == (True, expected, [])
    field = records.need("Health_Episode__c").fields["key__c"]
    assert (field.type, field.length, field.unique, field.external_id) == ("string", 80, True, True)
    [read] = client.service.readMetadata("CustomField", ["Health_Episode__c.Key__c"])
    assert (read.type, read.length, read.unique) == ("Text", 80, True)
    [read] = client.service.readMetadata("CustomObject", ["Health_Episode__c"])
    assert [f.fullName for f in read.fields] == ["Key__c"]
    assert read.nameField.displayFormat == "E-{00000}"
    [read] = client.service.readMetadata("PermissionSet", ["Health"])
    assert read.fieldPermissions[0].field == "Health_Episode__c.Key__c"
    described = client.service.describeMetadata(59.0)
    assert [o.xmlName for o in described.metadataObjects] == ["CustomObject", "PermissionSet"]
    [deleted] = client.service.deleteMetadata("CustomField", ["Health_Episode__c.Key__c"])
    assert deleted.success is True


def test_zeep_sees_errors_and_faults(client: Any) -> None:
    """An error of a component is in its result; a refused call is a Fault with its code."""
    new = client.type_factory("http://soap.sforce.com/2006/04/metadata")
    bad = new.CustomField(
        fullName="Account.A__c", label="A", type="LongTextArea", length=30, visibleLines=3
    )
    [result] = client.service.upsertMetadata([bad])
    assert result.success is False
    assert result.errors[0].statusCode == "FIELD_INTEGRITY_EXCEPTION"
    with pytest.raises(zeep.exceptions.Fault) as caught:
        client.service.readMetadata("Layout", ["X"])
    assert caught.value.code == "sf:INVALID_TYPE"
