"""The record store: saving, deriving, rights, uniqueness, undo."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sandbox_help import contract, custom_key

from connectors.sandbox import ids, people, schema
from connectors.sandbox.clock import Clock
from connectors.sandbox.errors import WireError
from connectors.sandbox.records import Records
from connectors.sandbox.saving import AmbiguousError
from connectors.sandbox.standard import standard_objects

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SYNC = people.SYNC


@pytest.fixture
def records() -> Records:
    """An empty org whose clock stands at NOW."""
    clock = Clock()
    clock.freeze()
    clock.set(NOW)
    return Records(clock)


def _row(records: Records, name: str, id18: str) -> dict[str, Any]:
    row = records.get(name, id18)
    assert row is not None
    return row


def test_ids_carry_the_services_suffix_and_sort_by_number() -> None:
    """A 15-character id gets the recorded suffix; later numbers sort later; typos are noticed."""
    assert ids.to18("0017e00001W4GYR") == "0017e00001W4GYRAA3"
    made = [ids.sf_id("001", n) for n in (1, 9, 10, 61, 62, 4_000)]
    assert made == sorted(made)
    assert all(map(ids.valid, made))
    assert not ids.valid("0017e00001W4GYRAA4")
    assert not ids.valid("short")
    assert ids.number_of(ids.sf_id("001", 123_456)) == 123_456


def test_create_fills_what_the_service_fills(records: Records) -> None:
    """Owner, stamps, authors and defaults are set; names are taken in any case."""
    row = records.get("Case", records.create("case", {"SUBJECT": "Down"}, SYNC))
    assert row is not None
    assert (row["Subject"], row["Status"], row["Priority"]) == ("Down", "New", "Medium")
    assert (row["OwnerId"], row["CreatedById"]) == (SYNC, SYNC)
    assert row["CreatedDate"] == row["SystemModstamp"] == NOW
    assert row["IsClosed"] is False
    assert row["CaseNumber"] == "00000001"


def test_every_save_moves_both_stamps_changed_or_not(records: Records) -> None:
    """An update with the same value counts as a save."""
    account = records.create("Account", {"Name": "Acme"}, SYNC)
    records.clock.advance(90)
    records.update("Account", account, {"Name": "Acme"}, people.PERSON)
    row = _row(records, "Account", account)
    assert row["SystemModstamp"] == row["LastModifiedDate"] == NOW + timedelta(seconds=90)
    assert row["LastModifiedById"] == people.PERSON
    assert row["CreatedDate"] == NOW


def test_activities_find_their_account_and_touch_it(records: Records) -> None:
    """A task takes its account from its subject, else its contact; its account's stamp moves."""
    account = records.create("Account", {"Name": "Acme"}, SYNC)
    contact = records.create("Contact", {"LastName": "Ng", "AccountId": account}, SYNC)
    case = records.create("Case", {"AccountId": account}, SYNC)
    records.clock.advance(60)
    task = records.create("Task", {"WhatId": case, "WhoId": contact}, SYNC)
    alone = records.create("Task", {"WhatId": case}, SYNC)
    assert _row(records, "Task", task)["AccountId"] == account
    assert _row(records, "Task", alone)["AccountId"] is None
    row = _row(records, "Account", account)
    assert row["SystemModstamp"] == NOW + timedelta(seconds=60)
    assert row["LastModifiedDate"] == NOW
    assert row["LastActivityDate"] is None
    done = {"WhatId": account, "Status": "Completed", "ActivityDate": "2026-02-20"}
    records.create("Task", done, SYNC)
    assert _row(records, "Account", account)["LastActivityDate"] == date(2026, 2, 20)


def test_stage_and_status_decide_what_follows_from_them(records: Records) -> None:
    """An opportunity's and a case's derived fields follow stage and status, both ways."""
    deal = {"Name": "R", "StageName": "Closed Won", "CloseDate": "2026-05-05", "Amount": 80}
    won = _row(records, "Opportunity", records.create("Opportunity", deal, SYNC))
    assert (won["IsClosed"], won["IsWon"], won["Probability"]) == (True, True, 100.0)
    assert (won["ExpectedRevenue"], won["Fiscal"]) == (80.0, "2026 2")
    case = records.create("Case", {"Status": "Closed"}, SYNC)
    assert _row(records, "Case", case)["ClosedDate"] == NOW
    records.update("Case", case, {"Status": "Working"}, SYNC)
    row = _row(records, "Case", case)
    assert row["IsClosed"] is False
    assert row["ClosedDate"] is None


@pytest.mark.parametrize(
    ("fields", "code", "named"),
    [
        ({}, "REQUIRED_FIELD_MISSING", ["Name"]),
        ({"Name": "x" * 256}, "STRING_TOO_LONG", ["Name"]),
        ({"Name": "a", "AnnualRevenue": 1e18}, "NUMBER_OUTSIDE_VALID_RANGE", ["AnnualRevenue"]),
        ({"Name": "a", "CleanStatus": "Odd"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", None),
        ({"Name": "a", "Nope": 1}, "INVALID_FIELD", []),
        ({"Name": "a", "LastActivityDate": "2026-01-01"}, "INVALID_FIELD_FOR_INSERT_UPDATE", None),
        ({"Name": "a", "ParentId": "xyz"}, "MALFORMED_ID", ["ParentId"]),
        ({"Name": "a", "ParentId": ids.sf_id("003", 1)}, "MALFORMED_ID", ["ParentId"]),
        ({"Name": "a", "ParentId": ids.sf_id("001", 1)}, "INVALID_CROSS_REFERENCE_KEY", None),
        ({"Name": "a", "NumberOfEmployees": "many"}, "JSON_PARSER_ERROR", []),
        ({"Name": "a", "AnnualRevenue": float("nan")}, "JSON_PARSER_ERROR", []),
    ],
)
def test_bad_values_are_refused_with_the_services_code(
    records: Records, fields: dict[str, object], code: str, named: list[str] | None
) -> None:
    """Each kind of mistake has its code, and nothing is saved."""
    with pytest.raises(WireError) as caught:
        records.create("Account", fields, SYNC)
    assert caught.value.code == code
    assert named is None or caught.value.fields == named
    assert records.count("Account") == 0


def test_numbers_are_rounded_and_texts_trimmed(records: Records) -> None:
    """Scale rounds half up, numbers may come as text, blanks around text go."""
    fields = {"Name": "  Acme ", "AnnualRevenue": 10.5, "NumberOfEmployees": "10000", "Site": " "}
    row = _row(records, "Account", records.create("Account", fields, SYNC))
    assert (row["Name"], row["AnnualRevenue"], row["NumberOfEmployees"]) == ("Acme", 11.0, 10_000)
    assert row["Site"] is None


def test_a_custom_field_is_hidden_until_granted(records: Records) -> None:
    """Even an administrator gets `No such column`; read without edit gives the other refusal."""
    account = records.create("Account", {"Name": "Acme"}, SYNC)
    field = schema.Field("Score__c", "double", "Score", precision=3, scale=0, custom=True)
    records.add_field("Account", field)
    for user in (people.ADMIN, SYNC):
        with pytest.raises(WireError, match="No such column 'Score__c' on sobject of type Account"):
            records.update("Account", account, {"Score__c": 5}, user)
    records.grant("Health", "Account", "Score__c", read=True, edit=False)
    records.assign("Health", SYNC)
    with pytest.raises(WireError, match="Unable to create/update fields: Score__c"):
        records.update("Account", account, {"Score__c": 5}, SYNC)
    records.grant("Health", "Account", "Score__c", read=True, edit=True)
    records.update("Account", account, {"Score__c": 5}, SYNC)
    assert _row(records, "Account", account)["Score__c"] == 5.0
    kind = records.need("Account")
    assert not records.readable(kind, field, people.ADMIN)


def test_a_checkbox_needs_its_grant_though_it_is_never_null(records: Records) -> None:
    """Only fields that are required to be filled are open without a grant."""
    flag = schema.Field("Flag__c", "boolean", "Flag", nillable=False, default=False, custom=True)
    must = schema.Field("Must__c", "string", "Must", 9, nillable=False, custom=True)
    kind = records.need("Account").with_field(flag).with_field(must)
    assert not records.readable(kind, flag, SYNC)
    assert records.readable(kind, must, SYNC)


def test_only_an_administrator_writes_setup_objects(records: Records) -> None:
    """The integration user cannot give itself rights; the administrator's rows count at once."""
    custom_key(records)
    fields = {"PermissionSetId": records.permission_set("Keys"), "AssigneeId": people.SYNC}
    with pytest.raises(WireError, match="insufficient access rights"):
        records.create("PermissionSetAssignment", fields, SYNC)
    other = schema.Field("Other__c", "string", "Other", 9, custom=True)
    records.add_field("Account", other)
    right = {
        "ParentId": records.permission_set("Keys"),
        "SobjectType": "Account",
        "Field": "Account.Other__c",
        "PermissionsRead": True,
    }
    records.create("FieldPermissions", right, people.ADMIN)
    assert records.readable(records.need("Account"), other, SYNC)
    assert not records.editable(records.need("Account"), other, SYNC)


def test_a_unique_key_ignores_case(records: Records) -> None:
    """A second value that differs in case only is a duplicate, worded as the service words it."""
    custom_key(records)
    first = records.create("Account", {"Name": "A", "Key__c": "ch1:a"}, SYNC)
    with pytest.raises(WireError) as caught:
        records.create("Account", {"Name": "B", "Key__c": "CH1:A"}, SYNC)
    assert caught.value.code == "DUPLICATE_VALUE"
    assert caught.value.message == (
        f"duplicate value found: Key__c duplicates value on record with id: {first[:15]}"
    )
    assert records.upsert("Account", "Key__c", "Ch1:a", {"Name": "C"}, SYNC) == (first, False)
    records.delete("Account", first, SYNC)
    assert records.upsert("Account", "Key__c", "ch1:a", {"Name": "D"}, SYNC)[1] is True


def test_an_upsert_by_a_key_that_is_not_unique_can_be_ambiguous(records: Records) -> None:
    """Two matches are refused with both ids."""
    custom_key(records, unique=False)
    both = [records.create("Account", {"Name": n, "Key__c": "k"}, SYNC) for n in "ab"]
    with pytest.raises(AmbiguousError) as caught:
        records.upsert("Account", "Key__c", "k", {}, SYNC)
    assert caught.value.matches == both


def test_a_transaction_undoes_everything(records: Records) -> None:
    """Creates, updates, deletes and index entries are as before; a nested one undoes its part."""
    custom_key(records)
    kept = records.create("Account", {"Name": "A", "Key__c": "one"}, SYNC)
    before = records.saves
    with pytest.raises(RuntimeError), records.transaction():  # noqa: PT012  # what is undone
        records.update("Account", kept, {"Key__c": "two"}, SYNC)
        records.create("Account", {"Name": "B", "Key__c": "three"}, SYNC)
        records.delete("Account", kept, SYNC)
        raise RuntimeError
    assert [r["Key__c"] for r in records.rows("Account")] == ["one"]
    assert records.by_reference("Account", "Key__c", "three") == []
    assert records.by_reference("Account", "Key__c", "one")[0]["Id"] == kept
    assert records.saves == before
    with records.transaction():
        with pytest.raises(RuntimeError), records.transaction():  # noqa: PT012  # the same
            records.update("Account", kept, {"Key__c": "two"}, SYNC)
            raise RuntimeError
        records.update("Account", kept, {"Rating": "Hot"}, SYNC)
    row = _row(records, "Account", kept)
    assert (row["Key__c"], row["Rating"]) == ("one", "Hot")


def test_a_snapshot_brings_everything_back(records: Records) -> None:
    """Rows, fields and rights return; what came later is gone."""
    account = records.create("Account", {"Name": "A"}, SYNC)
    saved = records.snapshot()
    custom_key(records)
    records.update("Account", account, {"Key__c": "x", "Name": "Z"}, SYNC)
    records.delete("Account", account, SYNC)
    records.restore(saved)
    row = _row(records, "Account", account)
    assert row["Name"] == "A"
    assert row["IsDeleted"] is False
    assert records.need("Account").field("Key__c") is None
    assert records.count("PermissionSet") == 0


def test_a_held_save_appears_late_with_its_old_stamp(records: Records) -> None:
    """Until released it is invisible, and keeps back how far the org can be trusted."""
    account = records.create("Account", {"Name": "A"}, SYNC)
    records.clock.advance(60)
    held = records.hold("Account", account, {"Name": "Late"}, people.PERSON)
    records.clock.advance(600)
    assert _row(records, "Account", account)["Name"] == "A"
    assert records.covered_until() == NOW + timedelta(seconds=60)
    records.release(held)
    row = _row(records, "Account", account)
    assert row["Name"] == "Late"
    assert row["SystemModstamp"] == NOW + timedelta(seconds=60)
    assert records.covered_until() == NOW + timedelta(seconds=660)


def test_old_activities_leave_the_reach_of_a_plain_query(records: Records) -> None:
    """A year after its day a closed task is archived; an open one never is."""
    for status in ("Completed", "Not Started"):
        records.create("Task", {"Status": status, "ActivityDate": "2026-03-01"}, SYNC)
    assert len(list(records.rows("Task", include_archived=False))) == 2
    records.clock.advance(365 * 86_400)
    left = list(records.rows("Task", include_archived=False))
    assert [r["Status"] for r in left] == ["Not Started"]
    assert len(list(records.rows("Task"))) == 2


def test_loaded_values_wait_for_their_custom_field(records: Records) -> None:
    """Fields and objects that setup makes later find the values that were loaded before."""
    account = ids.sf_id("001", 7)
    usage = {"Id": ids.sf_id("a07", 1), "Account__c": account, "Value__c": 3}
    waiting = records.load(
        {
            "Health_Usage__c": [usage],
            "Account": [{"Id": account, "Name": "A", "Health_Day__c": "2026-01-02"}],
        }
    )
    assert waiting == {"Account": ["Health_Day__c"], "Health_Usage__c": []}
    records.add_field("Account", schema.Field("Health_Day__c", "date", "Day", custom=True))
    assert _row(records, "Account", account)["Health_Day__c"] == date(2026, 1, 2)
    system = schema.by_name(schema.system_fields())
    made = records.add_object(
        schema.ObjectType("Health_Usage__c", "Usage", "Usage", "a00", system, custom=True)
    )
    assert made.key_prefix == "a07"
    number = schema.Field("Value__c", "double", "Value", precision=18, scale=2, custom=True)
    records.add_field("Health_Usage__c", number)
    assert [r["Value__c"] for r in records.rows("Health_Usage__c")] == [3.0]


def test_a_merge_moves_the_children_and_marks_the_loser(records: Records) -> None:
    """Contacts of the loser belong to the winner; the loser names its master."""
    one, two = (records.create("Account", {"Name": n}, SYNC) for n in "ab")
    contact = records.create("Contact", {"LastName": "Ng", "AccountId": two}, SYNC)
    records.merge("Account", one, two, people.PERSON)
    assert _row(records, "Contact", contact)["AccountId"] == one
    loser = _row(records, "Account", two)
    assert loser["IsDeleted"]
    assert loser["MasterRecordId"] == one


_APEX = {
    "id": {"Id"},
    "reference": {"Id"},
    "boolean": {"Boolean"},
    "int": {"Integer"},
    "double": {"Decimal", "Double"},
    "currency": {"Decimal"},
    "percent": {"Decimal"},
    "date": {"Date"},
    "datetime": {"Datetime"},
}


def test_every_declared_standard_field_exists_with_that_type() -> None:
    """Names and types agree with the published list of standard fields."""
    lines = contract("standard-fields-v67.tsv").read_text().splitlines()[1:]
    known = {(o, f): t for o, f, t in (line.split("\t") for line in lines)}
    wrong = [
        f"{kind.name}.{field.name}"
        for kind in standard_objects().values()
        for field in kind.fields.values()
        if known.get((kind.name, field.name)) not in _APEX.get(field.type, {"String"})
        # The list leaves out the permissions of a permission set.
        and not (kind.name == "PermissionSet" and field.name.startswith("Permissions"))
    ]
    assert wrong == []
