"""The sandbox's answers have the shapes that were recorded from the real service."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sandbox_help import NOW, Client, contract, custom_key, recorded

from connectors.sandbox import ids
from connectors.sandbox.handle import Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread, its clock standing still."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        yield running


@pytest.fixture
def crm(box: Sandbox) -> Client:
    """A client logged in as the integration user."""
    return Client(box)


_ID = re.compile(r"\b[0-9a-zA-Z]{15}(?:[A-Z0-5]{3})?\b")


def shape(value: Any) -> Any:
    """A body with its ids, versions and names of the moment taken out."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(v) for v in value]
    if isinstance(value, str):
        return _ID.sub("<id>", re.sub(r"/v(xx|\d+)\.\w+/", "/vNN/", value))
    return value


def exchange(uri: str, method: str = "GET") -> list[dict[str, Any]]:
    """Recorded exchanges whose address contains `uri`."""
    lines = contract("recorded/cumulusci_rest.jsonl").read_text().splitlines()
    found = [json.loads(line) for line in lines]
    return [e for e in found if uri in e["uri"] and e["method"] == method]


@pytest.mark.parametrize("name", ["Account", "Contact", "Case", "Opportunity", "Event"])
def test_describe_has_the_recorded_keys(crm: Client, name: str) -> None:
    """The 42 keys of an object, the 57 of a field, and those of its parts are all there."""
    real = recorded(f"describe/{name}.json")
    ours = crm.send("GET", f"sobjects/{name}/describe").json()
    newer = {"associateEntityType", "associateParentEntity", "sobjectDescribeOption"}
    assert set(ours) - newer == set(real) - newer
    assert ours["keyPrefix"] == real["keyPrefix"]
    for part in ("fields", "recordTypeInfos", "supportedScopes", "childRelationships"):
        if ours[part]:
            assert set(ours[part][0]) == set(real[part][0]), part


@pytest.mark.parametrize(
    "name", ["Account", "Contact", "Case", "Opportunity", "OpportunityContactRole", "Event"]
)
def test_describe_agrees_with_the_recorded_fields(crm: Client, name: str) -> None:
    """What decides how a client may use a field is as recorded, field by field."""
    real = {f["name"]: f for f in recorded(f"describe/{name}.json")["fields"]}
    ours = crm.send("GET", f"sobjects/{name}/describe").json()["fields"]
    told = (
        "type", "length", "precision", "scale", "nillable", "createable", "updateable",
        "filterable", "sortable", "restrictedPicklist", "relationshipName", "idLookup",
        "permissionable", "polymorphicForeignKey",
    )  # fmt: skip
    differ = [
        (f["name"], key, f[key], real[f["name"]][key])
        for f in ours
        if f["name"] in real
        for key in told
        if f[key] != real[f["name"]][key]
    ]
    assert differ == []


@pytest.mark.parametrize("name", ["Account", "Contact", "Case", "Opportunity", "Event"])
def test_owners_are_of_the_recorded_kinds(crm: Client, name: str) -> None:
    """Queues own cases and calendars own events; accounts and the like belong to users."""
    real = next(f for f in recorded(f"describe/{name}.json")["fields"] if f["name"] == "OwnerId")
    fields = crm.send("GET", f"sobjects/{name}/describe").json()["fields"]
    assert next(f["referenceTo"] for f in fields if f["name"] == "OwnerId") == real["referenceTo"]


def test_child_relationships_have_the_recorded_names(crm: Client) -> None:
    """Cases, Contacts, Opportunities and the rest hang on the account by their real names."""
    real = recorded("describe/Account.json")["childRelationships"]
    known = {(c["childSObject"], c["field"]): c["relationshipName"] for c in real}
    ours = crm.send("GET", "sobjects/Account/describe").json()["childRelationships"]
    pairs = {(c["childSObject"], c["field"]): c["relationshipName"] for c in ours}
    shared = set(pairs) & set(known)
    assert {k: pairs[k] for k in shared} == {k: known[k] for k in shared}
    assert len(shared) >= 10


def test_the_global_describe_has_the_recorded_keys(crm: Client) -> None:
    """The list of objects, and an entry of it."""
    real, ours = recorded("describe/Global.json"), crm.send("GET", "sobjects").json()
    assert set(ours) == set(real)
    assert set(ours["sobjects"][0]) == set(real["sobjects"][0])


def test_login_answers_and_refuses_as_recorded(box: Sandbox, crm: Client) -> None:
    """A token has the recorded keys and no expiry; a bad secret gives error and description."""
    form = {"grant_type": "client_credentials", "client_id": "sandbox-sync"}
    url = f"{box.url}/services/oauth2/token"
    good = crm.http.post(url, data={**form, "client_secret": "sandbox-sync"}, timeout=5)
    assert set(recorded("restforce/auth_success_response.json")) <= set(good.json())
    assert "expires_in" not in good.json()
    bad = crm.http.post(url, data={**form, "client_secret": "wrong"}, timeout=5)
    assert bad.status_code == 400
    assert set(bad.json()) == set(recorded("restforce/auth_error_response.json"))


def test_an_expired_token_is_refused_as_recorded(box: Sandbox, crm: Client) -> None:
    """401 with the recorded body, after two hours of the sandbox's clock or when told to."""
    box.advance(7200)
    answer = crm.send("GET", "limits")
    assert answer.status_code == 401
    assert answer.json() == recorded("restforce/expired_session_response.json")


def test_create_update_and_delete_answer_as_recorded(crm: Client) -> None:
    """201 with the id, 204 without a body, and the recorded word for what is deleted."""
    made = crm.send("POST", "sobjects/Account", {"Name": "Smith Corp."})
    assert made.status_code == 201
    assert shape(made.json()) == shape(recorded("ampersand/create-ok.json"))
    address = f"sobjects/Account/{made.json()['id']}"
    patched = crm.send("PATCH", address, {"Rating": "Hot"})
    assert (patched.status_code, patched.content) == (204, b"")
    assert crm.send("DELETE", address).status_code == 204
    gone = crm.send("PATCH", address, {"Rating": "Cold"})
    assert (gone.status_code, gone.json()) == (404, recorded("ampersand/crm/delete/not-found.json"))


def test_single_record_refusals_are_worded_as_recorded(crm: Client) -> None:
    """Unknown column, read-only column, unknown object: the recorded bodies."""
    address = f"sobjects/Account/{crm.account()}"
    readonly = crm.send("PATCH", address, {"MasterRecordId": crm.account()})
    assert readonly.status_code == 400
    assert readonly.json() == recorded("ampersand/invalid-field-upsert.json")
    unknown = crm.send("PATCH", address, {"foo": 1}).json()
    real = json.dumps(recorded("restforce/write_error_response.json")).replace("Bar", "Account")
    assert unknown == json.loads(real)
    missing = crm.send("GET", "sobjects/Foo/describe")
    assert missing.status_code == 404
    assert missing.json() == recorded("restforce/sobject_describe_error_response.json")


def test_queries_have_the_recorded_shapes(crm: Client) -> None:
    """Rows with attributes, an empty result, a bare count, an aggregate, an empty child list."""
    assert crm.query("SELECT Id FROM Account") == recorded("restforce/query_empty_response.json")
    crm.account(Name="Sitwell-Bluth")
    real = exchange("query/?q=select+Name+from+Account")[0]["response_body"]
    assert shape(crm.query("select Name from Account", "query/")) == shape(real)
    counted = exchange("query/?q=select+count%28Id%29+from+Account")[0]["response_body"]
    counted["records"][0]["expr0"] = 1
    assert crm.query("select count(Id) from Account") == counted
    crm.send("POST", "sobjects/Contact", {"FirstName": "Lindsay", "LastName": "S"})
    real = exchange("select+FirstName%2C%28select+Name+from+Opportunities")[0]["response_body"]
    nested = crm.query("select FirstName,(select Name from Opportunities) from Contact")
    assert shape(nested["records"][0]) == shape(real["records"][0])


def test_query_refusals_are_worded_as_recorded(crm: Client) -> None:
    """An unknown object's text, with its row and column."""
    real = exchange("/composite", "POST")
    body = next(e for e in real if "XYZZY" in json.dumps(e["request_body"]))
    failed = body["response_body"]["compositeResponse"][1]
    answer = crm.send("GET", "query", params={"q": "select count() from XYZZY"})
    assert (answer.status_code, answer.json()) == (failed["httpStatusCode"], failed["body"])


def test_a_composite_mixes_results_as_recorded(crm: Client) -> None:
    """HTTP 200 outside, each part's own status inside."""
    crm.account()
    real = next(
        e for e in exchange("/composite", "POST") if "XYZZY" in json.dumps(e["request_body"])
    )
    asked = json.loads(json.dumps(real["request_body"]).replace("vxx.0", "v67.0"))
    answer = crm.send("POST", "composite", asked)
    real["response_body"]["compositeResponse"][0]["body"]["totalSize"] = 1
    assert answer.status_code == 200
    assert shape(answer.json()) == shape(real["response_body"])
    foo = next(
        e for e in exchange("/composite", "POST") if "sobjects/Foo" in json.dumps(e["request_body"])
    )
    asked = json.loads(json.dumps(foo["request_body"]).replace("vxx.0", "v67.0"))
    assert crm.send("POST", "composite", asked).json() == foo["response_body"]


def test_a_composite_undone_as_a_whole_names_the_culprit(crm: Client) -> None:
    """allOrNone: the innocent part says PROCESSING_HALTED in the recorded words."""
    real = recorded("camel/composite_response_example_failure.json")["compositeResponse"]
    parts = [
        {"method": "POST", "url": "/services/data/v67.0/sobjects/Account", "referenceId": ref,
         "body": body}
        for ref, body in (("NewPayment1", {"Name": "A"}), ("NewPayment2", {"Nope": 1}))
    ]  # fmt: skip
    answer = crm.send("POST", "composite", {"allOrNone": True, "compositeRequest": parts}).json()
    assert answer["compositeResponse"][0] == real[0]
    assert answer["compositeResponse"][1]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert crm.query("SELECT Id FROM Account")["totalSize"] == 0


def test_collections_answer_as_recorded(crm: Client) -> None:
    """Create and update, the empty request, missing ids, and both kinds of failure."""
    contacts = recorded("ampersand/batch/create/contacts/payload.json")
    made = crm.send("POST", "composite/sobjects", contacts).json()
    assert shape(made) == shape(recorded("ampersand/batch/create/contacts/success.json"))
    nothing = crm.send("POST", "composite/sobjects", {"allOrNone": False, "records": []})
    assert nothing.status_code == 400
    assert nothing.json() == recorded("ampersand/batch/create/contacts/err-bad-request.json")
    without = crm.send("PATCH", "composite/sobjects", contacts).json()
    assert without == recorded("ampersand/batch/update/contacts/err-each-no-ids.json")
    rows = [
        {"attributes": {"type": "Contact"}, "FirstName": "No Last Name"},
        {"attributes": {"type": "Contact"}, "LastName": "Good"},
    ]
    undone = crm.send("POST", "composite/sobjects", {"allOrNone": True, "records": rows}).json()
    real = recorded("ampersand/batch/create/contacts/partial-but-allOrNone.json")
    assert undone == real
    rows = [
        {"attributes": {"type": "Contact"}, "id": made[0]["id"], "FirstName": "Siena"},
        {"attributes": {"type": "Contact"}, "id": made[1]["id"], "unknownField_LastName": "x"},
    ]
    undone = crm.send("PATCH", "composite/sobjects", {"allOrNone": True, "records": rows}).json()
    assert undone == recorded("ampersand/batch/update/contacts/partial-but-allOrNone.json")


def test_a_collection_names_an_id_of_the_wrong_type_as_recorded(crm: Client) -> None:
    """MALFORMED_ID on the record, success for its neighbour."""
    real = recorded("official-docs/collections_partial_failure_allOrNone_false.json")
    good, wrong = crm.account(), crm.account()
    rows = [
        {"attributes": {"type": "Account"}, "id": good, "Rating": "Hot"},
        {"attributes": {"type": "Contact"}, "id": wrong, "LastName": "x"},
    ]
    answer = crm.send("PATCH", "composite/sobjects", {"allOrNone": False, "records": rows}).json()
    assert shape(answer) == shape(real)


def test_a_collection_upsert_tells_what_it_created(box: Sandbox, crm: Client) -> None:
    """`created` is true, then false; a standard id-lookup field and Id with null serve as keys."""
    real = exchange("composite/sobjects/Contact/Email", "PATCH")
    first = real[0]["request_body"]
    answer = crm.send("PATCH", "composite/sobjects/Contact/Email", first).json()
    assert shape(answer) == shape(real[0]["response_body"])
    second = crm.send("PATCH", "composite/sobjects/Contact/Email", real[1]["request_body"]).json()
    assert [r["created"] for r in second] == [r["created"] for r in real[1]["response_body"]]
    by_id = exchange("composite/sobjects/Account/Id", "PATCH")[0]
    made = crm.send("PATCH", "composite/sobjects/Account/Id", by_id["request_body"]).json()
    assert shape(made) == shape(by_id["response_body"])


def test_numbers_sent_as_text_are_taken_as_recorded(crm: Client) -> None:
    """The recorded update of six accounts, one number in quotes."""
    real = exchange("composite/sobjects", "PATCH")
    update = next(e for e in real if "BillingStreet" in json.dumps(e["request_body"]))
    rows = [{**r, "Id": crm.account()} for r in update["request_body"]["records"]]
    sent = {"allOrNone": False, "records": rows}
    answer = crm.send("PATCH", "composite/sobjects", sent).json()
    assert shape(answer) == shape(update["response_body"])


def test_an_upsert_by_key_has_its_four_answers(box: Sandbox, crm: Client) -> None:
    """201, 200, 300 with addresses, 404 in the recorded words."""
    assert box.org is not None
    custom_key(box.org.records, unique=False)
    address = "sobjects/Account/Key__c/k%2F1"
    made = crm.send("PATCH", address, {"Name": "A"})
    again = crm.send("PATCH", address, {"Name": "B"})
    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == {**made.json(), "created": False}
    crm.account(Key__c="k/1")
    many = crm.send("PATCH", address, {"Name": "C"})
    assert many.status_code == 300
    real = recorded("restforce/upsert_multiple_error_response.json")
    assert len(many.json()) == len(real)
    assert all(url.startswith("/services/data/v67.0/sobjects/Account/001") for url in many.json())
    lost = crm.send("PATCH", "sobjects/Account/Namez/x", {"Name": "C"})
    assert lost.status_code == 404
    assert lost.json() == recorded("restforce/upsert_error_response.json")


def test_the_documented_graph_request_gives_the_documented_answer(crm: Client) -> None:
    """Two graphs with references, ids apart."""
    asked = recorded("official-docs/composite_graph_request.json")
    answer = crm.send("POST", "composite/graph", asked)
    real = recorded("official-docs/composite_graph_response.json")
    assert shape(answer.json()) == shape(real)
    deal = crm.query("SELECT Account.Name FROM Opportunity")["records"][0]
    assert deal["Account"]["Name"] == "Cloudy Consulting"


def test_replication_answers_have_the_recorded_keys(box: Sandbox, crm: Client) -> None:
    """updated and deleted, with instants in the recorded notation."""
    account = crm.account()
    gone = crm.account()
    crm.send("DELETE", f"sobjects/Account/{gone}")
    now = box.clock()
    window = {
        "start": now.replace(hour=0, minute=0).isoformat(),
        "end": now.replace(hour=23, minute=59).isoformat(),
    }
    updated = crm.send("GET", "sobjects/Account/updated/", params=window).json()
    deleted = crm.send("GET", "sobjects/Account/deleted/", params=window).json()
    real = recorded("restforce/get_deleted_success_response.json")
    assert set(updated) == set(recorded("restforce/get_updated_success_response.json"))
    assert updated["ids"] == [account]
    assert set(deleted) == set(real)
    assert set(deleted["deletedRecords"][0]) == set(real["deletedRecords"][0])
    for text in (updated["latestDateCovered"], deleted["deletedRecords"][0]["deletedDate"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000", text)


def test_limits_and_counts_have_the_recorded_shapes(crm: Client) -> None:
    """Every limit named is a real one with its keys; empty objects are left out of the counts."""
    real, ours = recorded("official-docs/limits.json"), crm.send("GET", "limits").json()
    assert {k: set(v) for k, v in ours.items()} == {k: set(real[k]) for k in ours}
    empty = exchange("limits/recordCount?sObjects=Opportunity")[0]["response_body"]
    assert crm.send("GET", "limits/recordCount?sObjects=Opportunity").json() == empty
    crm.account()
    one = exchange("limits/recordCount?sObjects=Account")[0]["response_body"]
    assert crm.send("GET", "limits/recordCount?sObjects=Account").json() == one


def test_a_permission_set_is_assigned_once(box: Sandbox) -> None:
    """The second assignment is refused in the recorded words."""
    assert box.org is not None
    admin = Client(box, "sandbox-admin")
    fields = {
        "PermissionSetId": box.org.records.permission_set("Health"),
        "AssigneeId": admin.query("SELECT Id FROM User LIMIT 1")["records"][0]["Id"],
    }
    first = admin.send("POST", "sobjects/PermissionSetAssignment", fields)
    second = admin.send("POST", "sobjects/PermissionSetAssignment", fields)
    assert (first.status_code, second.status_code) == (201, 400)
    real = recorded("ampersand/metadata/write/err-duplicate-permission-assignment.json")
    assert shape(second.json()) == shape(real)


def test_the_error_codes_used_exist_in_the_published_lists() -> None:
    """Codes of per-record refusals are in the WSDL's list of status codes."""
    known = recorded("api-enums.json")
    codes = set(known["partner_wsdl_v47"]["StatusCode"]) | set(
        known["metadata_wsdl_v63"]["StatusCode"]
    )
    used = {
        "DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID", "STRING_TOO_LONG", "ENTITY_IS_DELETED",
        "NUMBER_OUTSIDE_VALID_RANGE", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY", "INACTIVE_OWNER_OR_USER", "INVALID_EMAIL_ADDRESS",
        "INVALID_TYPE_ON_FIELD_IN_RECORD", "UNABLE_TO_LOCK_ROW", "REQUIRED_FIELD_MISSING",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "INVALID_FIELD_FOR_INSERT_UPDATE", "INSUFFICIENT_ACCESS_OR_READONLY", "MISSING_ARGUMENT",
    }  # fmt: skip
    assert used - codes == set()
    assert ids.valid("0017e00001W4GYRAA3")
