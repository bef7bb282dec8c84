"""The sandbox's Metadata API: recorded calls get the recorded answers, and what they do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lxml import etree
from soap_calls import (
    MD,
    OBJECT,
    call,
    envelope,
    errors,
    field,
    granted,
    ok,
    permission_set,
    plain,
    rights,
    text,
)

from connectors.sandbox import people
from connectors.sandbox.errors import WireError
from connectors.sandbox.records import Records
from connectors.sandbox.salesforce.metadata import handle, session_id
from connectors.sandbox.soql import execute, parse

CONTRACT = Path(
    os.environ.get("CRM_HEALTH_CONTRACT", Path(__file__).parents[3] / "shared" / "contract")
)
RECORDED = CONTRACT / "salesforce" / "ampersand" / "metadata"


@pytest.fixture
def records() -> Records:
    """An org with the recorded calls' custom object."""
    store = Records()
    ok(store, f"<upsertMetadata>{OBJECT}</upsertMetadata>")
    return store


def recorded(name: str) -> bytes:
    """A recorded body."""
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"no recorded answers under {RECORDED}")
    return path.read_bytes()


def test_recorded_fields_are_created_as_recorded(records: Records) -> None:
    """Six fields of six types; where three exist already the answer is the recorded one."""
    request = recorded("write/object15/mix-of-many-fields-payload.xml")
    before = [
        field("TestObject15__c.Age__c", "Number", "<precision>3</precision><scale>2</scale>"),
        field("TestObject15__c.IsReady__c", "Checkbox", "<defaultValue>false</defaultValue>"),
        field(
            "TestObject15__c.Connection__c",
            "Lookup",
            "<referenceTo>Account</referenceTo><relationshipName>MyAccount</relationshipName>",
        ),
    ]
    assert ok(records, f"<upsertMetadata>{''.join(before)}</upsertMetadata>") == [True] * 3
    status, answer = handle(request, people.ADMIN, records)
    assert status == 200
    assert plain(answer) == plain(recorded("write/object15/mix-of-many-fields-response.xml"))
    assert session_id(request) == "TEST_ACCESS_TOKEN"
    fields = records.need("TestObject15__c").fields
    assert [(fields[n].type, fields[n].length) for n in ("birthday__c", "hobby__c")] == [
        ("string", 30),
        ("textarea", 444),
    ]
    assert fields["hobby__c"].filterable is False
    assert (fields["age__c"].precision, fields["age__c"].scale) == (3, 2)
    assert fields["age__c"].nillable is False
    assert fields["interests__c"].picklist == ("art", "travel", "swimming")
    assert fields["interests__c"].restricted is True
    assert fields["connection__c"].reference_to == ("Account",)
    assert fields["connection__c"].relationship_name == "Connection__r"
    assert fields["connection__c"].child_relationship == "MyAccount__r"


def test_recorded_success_of_an_upsert(records: Records) -> None:
    """One field is there already, two are new: created says which."""
    ok(records, f"<upsertMetadata>{text('Birthday__c')}</upsertMetadata>")
    body = text("Birthday__c") + text("Hobby__c") + text("Age__c")
    request = envelope(f"<upsertMetadata>{body}</upsertMetadata>")
    assert plain(handle(request, people.ADMIN, records)[1]) == plain(recorded("upsert-success.xml"))


def test_recorded_rollback_of_all_or_none(records: Records) -> None:
    """One bad length rolls back its innocent neighbours, and nothing is created."""
    bad = field(
        "TestObject15__c.Birthday__c",
        "LongTextArea",
        "<length>30</length><visibleLines>3</visibleLines>",
    )
    body = f"<upsertMetadata>{bad}{text('Hobby__c')}{text('Age__c')}</upsertMetadata>"
    answer = handle(envelope(body, all_or_none=True), people.ADMIN, records)[1]
    assert plain(answer) == plain(recorded("upsert-err-bad-request.xml"))
    assert records.need("TestObject15__c").field("Hobby__c") is None
    call(records, body)
    assert records.need("TestObject15__c").field("Hobby__c") is not None


def test_recorded_refusal_of_a_required_checkbox(records: Records) -> None:
    """A Checkbox can't be required."""
    more = "<required>true</required><defaultValue>true</defaultValue>"
    body = field("TestObject15__c.IsReady__c", "Checkbox", more)
    answer = handle(envelope(f"<upsertMetadata>{body}</upsertMetadata>"), people.ADMIN, records)[1]
    assert plain(answer) == plain(recorded("write/object15/bad-request.xml"))


def test_recorded_delete_and_delete_of_nothing(records: Records) -> None:
    """A deleted field is gone; deleting one that never was is an error of that component."""
    ok(records, f"<upsertMetadata>{text('Birthday__c')}</upsertMetadata>")
    request = recorded("delete/delete-fields-payload.xml")
    answer = handle(request, people.ADMIN, records)[1]
    assert plain(answer) == plain(recorded("delete/delete-fields-response.xml"))
    assert records.need("TestObject15__c").field("Birthday__c") is None
    body = (
        "<deleteMetadata><type>CustomField</type>"
        "<fullNames>TestObject15__c.NonExistent__c</fullNames></deleteMetadata>"
    )
    answer = handle(envelope(body), people.ADMIN, records)[1]
    assert plain(answer) == plain(recorded("delete/delete-field-not-found.xml"))


def test_recorded_permission_set_is_written_and_read_back(records: Records) -> None:
    """A second upsert answers created=false; reading gives back what was granted."""
    handle(recorded("write/object15/mix-of-many-fields-payload.xml"), people.ADMIN, records)
    request = recorded("write/write-field-permissions-payload.xml")
    assert b"<created>true</created>" in handle(request, people.ADMIN, records)[1]
    answer = handle(request, people.ADMIN, records)[1]
    assert plain(answer) == plain(recorded("write/write-field-permissions-response.xml"))
    only_hobby = permission_set(
        "IntegrationCustomFieldVisibility",
        granted("TestObject15__c.Hobby__c"),
        "Permissions for optional Custom Fields created by Ampersand connector",
    )
    ok(records, f"<upsertMetadata>{only_hobby}</upsertMetadata>")
    answer = handle(recorded("write/read-field-permissions-payload.xml"), people.ADMIN, records)[1]
    assert plain(answer) == plain(recorded("write/read-field-permissions-response.xml"))


def test_a_field_is_invisible_until_granted_and_assigned(records: Records) -> None:
    """Not even the administrator sees a new field; a permission set of the user opens it."""
    query = parse("SELECT Score__c FROM Account")
    body = field("Account.Score__c", "Number", "<precision>3</precision><scale>0</scale>")
    ok(records, f"<upsertMetadata>{body}</upsertMetadata>")
    for user in (people.ADMIN, people.SYNC):
        with pytest.raises(WireError, match="No such column"):
            execute(query, records, user)
    body = permission_set("Health", granted("Account.Score__c", editable=False))
    ok(records, f"<upsertMetadata>{body}</upsertMetadata>")
    records.assign("Health", people.SYNC)
    assert execute(query, records, people.SYNC).total == 0
    account = records.need("Account")
    score = account.fields["score__c"]
    assert records.editable(account, score, people.SYNC) is False
    with pytest.raises(WireError, match="No such column"):
        execute(query, records, people.ADMIN)


def test_object_rights_open_a_custom_object(records: Records) -> None:
    """Without object rights a custom object does not exist for a user; saving replaces them."""
    query = parse("SELECT Name FROM TestObject15__c")
    with pytest.raises(WireError) as caught:
        execute(query, records, people.SYNC)
    assert caught.value.code == "INVALID_TYPE"
    body = permission_set("Health", rights("TestObject15__c", "allowRead allowCreate"))
    ok(records, f"<upsertMetadata>{body}</upsertMetadata>")
    records.assign("Health", people.SYNC)
    records.create("TestObject15__c", {}, people.SYNC)
    assert execute(query, records, people.SYNC).rows[0]["Name"] == "T-0001"
    ok(records, f"<upsertMetadata>{permission_set('Health', '')}</upsertMetadata>")
    with pytest.raises(WireError):
        execute(query, records, people.SYNC)


def test_tasks_can_hang_on_an_object_with_activities(records: Records) -> None:
    """enableActivities makes the object a target of WhatId."""
    what = records.need("Task").fields["whatid"]
    assert "TestObject15__c" in what.reference_to


def test_activity_fields_belong_to_tasks_and_events(records: Records) -> None:
    """A custom field of Activity appears on both; it can't be made on Task itself."""
    body = field("Activity.Key__c", "Text", "<length>80</length>")
    assert ok(records, f"<upsertMetadata>{body}</upsertMetadata>") == [True]
    assert ok(records, f"<upsertMetadata>{body}</upsertMetadata>") == [False]
    assert records.need("Task").field("Key__c") == records.need("Event").field("Key__c")
    body = field("Task.Key2__c", "Text", "<length>80</length>")
    [(code, _)] = errors(records, f"<upsertMetadata>{body}</upsertMetadata>")
    assert code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_object_and_fields_read_back_as_they_can_be_written(records: Records) -> None:
    """readMetadata answers components that upsertMetadata takes again, unchanged."""
    values = (
        "<valueSet><restricted>true</restricted><valueSetDefinition><sorted>false</sorted>"
        "<value><fullName>red</fullName><default>false</default><label>red</label></value>"
        "<value><fullName>green</fullName><default>true</default><label>green</label></value>"
        "</valueSetDefinition></valueSet>"
    )
    made = [
        text("Key__c").replace(
            "<length>",
            "<unique>true</unique><externalId>true</externalId>"
            "<caseSensitive>true</caseSensitive><length>",
        ),
        field("TestObject15__c.Band__c", "Picklist", values),
        field("TestObject15__c.On__c", "Checkbox", "<defaultValue>true</defaultValue>"),
        field("TestObject15__c.At__c", "DateTime"),
    ]
    ok(records, f"<upsertMetadata>{''.join(made)}</upsertMetadata>")
    before = records.need("TestObject15__c")
    names = ("Key__c", "Band__c", "On__c", "At__c")
    asked = "".join(f"<fullNames>TestObject15__c.{name}</fullNames>" for name in names)
    for body in (
        f"<readMetadata><type>CustomField</type>{asked}</readMetadata>",
        (
            "<readMetadata><type>CustomObject</type><fullNames>TestObject15__c</fullNames>"
            "</readMetadata>"
        ),
    ):
        [result] = call(records, body)
        again = b"".join(
            etree.tostring(record).replace(b"records", b"metadata") for record in result
        ).decode()
        created = ok(records, f"<upsertMetadata>{again}</upsertMetadata>")
        assert not any(created)
        assert records.need("TestObject15__c") == before
    [nothing] = call(
        records,
        "<readMetadata><type>CustomField</type><fullNames>Account.No__c</fullNames></readMetadata>",
    )[0]
    assert nothing.get("{http://www.w3.org/2001/XMLSchema-instance}nil") == "true"


def test_describe_names_what_the_sandbox_knows(records: Records) -> None:
    """describeMetadata lists objects with their fields, and permission sets."""
    [result] = call(records, "<describeMetadata><asOfVersion>59.0</asOfVersion></describeMetadata>")
    assert [e.text for e in result.iter(f"{{{MD}}}xmlName")] == ["CustomObject", "PermissionSet"]
