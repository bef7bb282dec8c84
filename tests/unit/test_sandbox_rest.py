"""The emulated REST service: paging, rights, transactions, limits, and what it does not know."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sandbox_help import NOW, Client, custom_key

from connectors.sandbox import ids, people
from connectors.sandbox.handle import Sandbox
from connectors.sandbox.records import Records
from connectors.sandbox.schema import Field

OPTIONS = {"Sforce-Query-Options": "batchSize=200"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread, its clock standing still at NOW."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        yield running


@pytest.fixture
def crm(box: Sandbox) -> Client:
    """A client logged in as the integration user."""
    return Client(box)


def store(box: Sandbox) -> Records:
    """The records behind a sandbox in a thread."""
    assert box.org is not None
    return box.org.records


def contacts(box: Sandbox, count: int) -> None:
    """Load this many contacts, numbered."""
    box.load({"Contact": [{"LastName": f"{n:04}", "Title": "x"} for n in range(count)]})


def pages(crm: Client, soql: str, **options: Any) -> list[list[dict[str, Any]]]:
    """Every page of a query, by nextRecordsUrl."""
    body = crm.query(soql, **options)
    found = [body["records"]]
    while not body["done"]:
        assert body["nextRecordsUrl"].startswith("/services/data/v67.0/query/01g")
        body = crm.send("GET", body["nextRecordsUrl"]).json()
        found.append(body["records"])
    return found


def test_pages_hold_what_the_client_asked_for(box: Sandbox, crm: Client) -> None:
    """2,000 by default, batchSize within 200 and 2,000, totalSize on each page, all rows once."""
    contacts(box, 2_345)
    soql = "SELECT Id, LastName FROM Contact ORDER BY LastName"
    assert [len(p) for p in pages(crm, soql)] == [2_000, 345]
    small = pages(crm, soql, headers={"Sforce-Query-Options": "batchSize=10"})
    assert [len(p) for p in small] == [200] * 11 + [145]
    names = [r["LastName"] for page in small for r in page]
    assert names == [f"{n:04}" for n in range(2_345)]


def test_two_long_texts_in_a_select_shrink_the_page(box: Sandbox, crm: Client) -> None:
    """One keeps 2,000 rows a page, two cut it to 200."""
    store(box).add_field(
        "Contact", Field("Note__c", "textarea", "Note", 5_000, nillable=True, custom=True)
    )
    store(box).grant("Notes", "Contact", "Note__c", read=True, edit=True)
    store(box).assign("Notes", people.SYNC)
    contacts(box, 450)
    assert len(pages(crm, "SELECT Id, Description FROM Contact")) == 1
    both = pages(crm, "SELECT Id, Description, Note__c FROM Contact")
    assert [len(p) for p in both] == [200, 200, 50]


def test_a_lost_cursor_is_refused(box: Sandbox, crm: Client) -> None:
    """An unknown locator, and one that belongs to another user."""
    contacts(box, 300)
    url = crm.query("SELECT Id FROM Contact", headers=OPTIONS)["nextRecordsUrl"]
    for client, address in (
        (crm, "query/01g5g0000009999AAA-200"),
        (Client(box, "sandbox-admin"), url),
    ):
        answer = client.send("GET", address)
        assert answer.status_code == 400
        assert answer.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_deleted_rows_show_in_query_all_only(box: Sandbox, crm: Client) -> None:
    """And erased ones nowhere."""
    kept, gone, erased = (crm.account(Name=n) for n in ("kept", "gone", "erased"))
    crm.send("DELETE", f"sobjects/Account/{gone}")
    box.delete("Account", erased, purge=True)
    soql = "SELECT Id, IsDeleted FROM Account ORDER BY Name"
    assert [r["Id"] for r in crm.query(soql)["records"]] == [kept]
    everything = crm.query(soql, "queryAll")["records"]
    assert [(r["Id"], r["IsDeleted"]) for r in everything] == [(gone, True), (kept, False)]


def test_a_custom_object_is_closed_until_its_rights_are_granted(box: Sandbox, crm: Client) -> None:
    """The administrator may use it at once, the integration user after object rights."""
    box.call("POST", "schema", {"name": "Health_Episode__c", "label": "Episode"})
    admin = Client(box, "sandbox-admin")
    made = admin.send("POST", "sobjects/Health_Episode__c", {"Name": "e"})
    assert made.status_code == 201
    for held in list(store(box).rows("PermissionSetAssignment")):
        store(box).delete("PermissionSetAssignment", held["Id"], people.ADMIN)
    assert crm.query("SELECT Id FROM Health_Episode__c")[0]["errorCode"] == "INVALID_TYPE"
    assert crm.send("GET", "sobjects/Health_Episode__c/describe").status_code == 404
    assert "Health_Episode__c" not in {
        o["name"] for o in crm.send("GET", "sobjects").json()["sobjects"]
    }
    store(box).grant_object("Reading", "Health_Episode__c", ["read"])
    store(box).assign("Reading", people.SYNC)
    assert crm.query("SELECT Id FROM Health_Episode__c")["totalSize"] == 1
    refused = crm.send("POST", "sobjects/Health_Episode__c", {"Name": "f"})
    assert refused.json()[0]["errorCode"] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_describe_is_cached_until_something_changes(box: Sandbox, crm: Client) -> None:
    """304 for what the client knows; a new field shows even on a standing clock."""
    first = crm.send("GET", "sobjects/Account/describe")
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert crm.send("GET", "sobjects/Account/describe", headers=since).status_code == 304
    custom_key(store(box))
    again = crm.send("GET", "sobjects/Account/describe", headers=since)
    assert again.status_code == 200
    field = next(f for f in again.json()["fields"] if f["name"] == "Key__c")
    assert (field["unique"], field["externalId"], field["updateable"]) == (True, True, True)


def test_an_update_can_insist_on_what_was_read(box: Sandbox, crm: Client) -> None:
    """If-Unmodified-Since: 412 once somebody saved in between."""
    address = f"sobjects/Account/{crm.account()}"
    since = {"If-Unmodified-Since": "Mon, 02 Mar 2026 09:30:00 GMT"}
    assert crm.send("PATCH", address, {"Rating": "Hot"}, headers=since).status_code == 204
    box.advance(30)
    box.edit("Account", address.rsplit("/", 1)[1], {"Rating": "Cold"})
    assert crm.send("PATCH", address, {"Rating": "Hot"}, headers=since).status_code == 412


def test_a_graph_is_all_or_nothing(box: Sandbox, crm: Client) -> None:
    """A duplicate key takes the task of the same graph with it, and only that."""
    custom_key(store(box), "Case")
    asked = {
        "graphs": [
            {
                "graphId": str(n),
                "compositeRequest": [
                    {"method": "POST", "url": "/services/data/v67.0/sobjects/Case",
                     "referenceId": "episode", "body": {"Key__c": key}},
                    {"method": "POST", "url": "/services/data/v67.0/sobjects/Task",
                     "referenceId": "task", "body": {"WhatId": "@{episode.id}", "Subject": key}},
                ],
            }
            for n, key in enumerate(("a", "b", "A"))
        ]
    }  # fmt: skip
    graphs = crm.send("POST", "composite/graph", asked).json()["graphs"]
    assert [g["isSuccessful"] for g in graphs] == [True, True, False]
    failed = [p["body"][0]["errorCode"] for p in graphs[2]["graphResponse"]["compositeResponse"]]
    assert failed == ["DUPLICATE_VALUE", "PROCESSING_HALTED"]
    tasks = crm.query("SELECT Subject, WhatId FROM Task ORDER BY Subject")["records"]
    assert [t["Subject"] for t in tasks] == ["a", "b"]
    assert {t["WhatId"] for t in tasks} == {
        r["Id"] for r in crm.query("SELECT Id FROM Case")["records"]
    }
    assert box.calls()[-3]["writes"] == 4


def test_a_graph_has_its_limits(crm: Client) -> None:
    """75 graphs, 500 nodes, single-record addresses; a wrong reference fails its graph."""

    def node(n: int, **more: Any) -> dict[str, Any]:
        url = "/services/data/v67.0/sobjects/Account"
        return {"method": "POST", "url": url, "referenceId": f"r{n}", "body": {"Name": "x"}} | more

    def send(graphs: list[list[dict[str, Any]]]) -> Any:
        named = [{"graphId": str(n), "compositeRequest": g} for n, g in enumerate(graphs)]
        return crm.send("POST", "composite/graph", {"graphs": named})

    assert send([[node(1)]] * 76).json()[0]["errorCode"] == "LIMIT_EXCEEDED"
    assert send([[node(n) for n in range(501)]]).json()[0]["errorCode"] == "LIMIT_EXCEEDED"
    assert crm.query("SELECT COUNT() FROM Account")["totalSize"] == 0
    query = "/services/data/v67.0/query?q=SELECT+Id+FROM+Account"
    bad = send([[node(1, method="GET", url=query)], [node(1, body={"Name": "@{r9.id}"})]]).json()
    assert [g["isSuccessful"] for g in bad["graphs"]] == [False, False]
    assert len(send([[node(n) for n in range(500)]]).json()["graphs"]) == 1


def test_collections_have_their_limits(crm: Client) -> None:
    """200 records, 10 changes of type, a second time the same id."""
    account = crm.account()
    row = {"attributes": {"type": "Account"}, "id": account, "Rating": "Hot"}
    other = {"attributes": {"type": "Contact"}, "LastName": "x"}
    many = crm.send("PATCH", "composite/sobjects", {"records": [row] * 201})
    assert many.status_code == 400
    mixed = crm.send("POST", "composite/sobjects", {"records": [other, {**row}] * 6})
    assert mixed.status_code == 400
    twice = crm.send("PATCH", "composite/sobjects", {"records": [row, row]}).json()
    assert [r["success"] for r in twice] == [True, False]
    assert "duplicate id specified" in twice[1]["errors"][0]["message"]


def test_collections_delete_and_retrieve(crm: Client) -> None:
    """By ids in the address, or in a body; a missing row is null."""
    one, two = crm.account(Name="one"), crm.account(Name="two")
    body = {"ids": [two, ids.sf_id("001", 1), one], "fields": ["Name"]}
    found = crm.send("POST", "composite/sobjects/Account", body).json()
    assert [r and r["Name"] for r in found] == ["two", None, "one"]
    gone = crm.send("DELETE", f"composite/sobjects?ids={one},{two}&allOrNone=false").json()
    assert [r["success"] for r in gone] == [True, True]
    assert crm.query("SELECT Id FROM Account")["totalSize"] == 0


def test_a_batch_answers_each_request_for_itself(crm: Client) -> None:
    """hasErrors, and a result for each."""
    asked = [
        {"method": "POST", "url": "v67.0/sobjects/Account", "richInput": {"Name": "A"}},
        {"method": "GET", "url": "v67.0/sobjects/Nope"},
        {"method": "GET", "url": "v67.0/limits"},
    ]
    body = crm.send("POST", "composite/batch", {"batchRequests": asked}).json()
    assert body["hasErrors"] is True
    assert [r["statusCode"] for r in body["results"]] == [201, 404, 200]


def test_a_composite_passes_results_on(crm: Client) -> None:
    """A later part names what an earlier query found, in its address and in its body."""
    account = crm.account(Name="Parent")
    parts = [
        {"method": "GET", "referenceId": "q",
         "url": "/services/data/v67.0/query?q=SELECT Id, Name FROM Account"},
        {"method": "GET", "referenceId": "a",
         "url": "/services/data/v67.0/sobjects/Account/@{q.records[0].Id}"},
        {"method": "POST", "referenceId": "c", "url": "/services/data/v67.0/sobjects/Contact",
         "body": {"LastName": "of @{a.Name}", "AccountId": "@{q.records[0].Id}"}},
    ]  # fmt: skip
    answers = crm.send("POST", "composite", {"compositeRequest": parts}).json()
    assert [p["httpStatusCode"] for p in answers["compositeResponse"]] == [200, 200, 201]
    contact = crm.query("SELECT LastName, AccountId FROM Contact")["records"][0]
    assert (contact["LastName"], contact["AccountId"]) == ("of Parent", account)


def test_what_is_not_json_is_refused(crm: Client) -> None:
    """NaN, a broken body, a word for a number: nothing of the request is saved."""
    account = crm.account()
    for raw in (b'{"AnnualRevenue": NaN}', b'{"Rating": ', b'{"AnnualRevenue": "much"}'):
        answer = crm.http.patch(
            f"{crm.box.url}/services/data/v67.0/sobjects/Account/{account}", data=raw, timeout=5
        )
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    rows = [
        {"attributes": {"type": "Account"}, "id": account, "Rating": "Hot"},
        {"attributes": {"type": "Account"}, "id": crm.account(), "NumberOfEmployees": "many"},
    ]
    answer = crm.send("PATCH", "composite/sobjects", {"records": rows})
    assert answer.status_code == 400
    assert crm.query("SELECT Id FROM Account WHERE Rating = 'Hot'")["totalSize"] == 0


def test_gaps_are_loud(crm: Client) -> None:
    """501 for what is not emulated, 405 for a wrong method, 410 for a version that is gone."""
    assert crm.send("GET", "tooling/query").status_code == 501
    assert crm.send("GET", "/services/apexrest/x").status_code == 501
    assert crm.send("PUT", "limits").status_code == 405
    for version in ("v21.0", "v30.0"):
        gone = crm.send("GET", f"/services/data/{version}/limits")
        assert (gone.status_code, gone.json()[0]["errorCode"]) == (410, "UNSUPPORTED_API_VERSION")
    listed = crm.http.get(f"{crm.box.url}/services/data", timeout=5).json()
    assert {"version": "59.0", "url": "/services/data/v59.0", "label": "Winter '24"} in listed
    assert (listed[0]["version"], listed[-1]["label"]) == ("31.0", "Summer '26")


def test_answers_carry_the_sandboxes_time_and_the_usage(box: Sandbox, crm: Client) -> None:
    """Date is its clock's; the listing of versions is free."""
    answer = crm.send("GET", "limits")
    assert answer.headers["Date"] == "Mon, 02 Mar 2026 09:30:00 GMT"
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=1/100000"
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    crm.http.get(f"{box.url}/services/data", timeout=5)
    assert crm.send("GET", "limits").headers["Sforce-Limit-Info"] == "api-usage=2/100000"


def test_it_says_who_the_token_stands_for(crm: Client) -> None:
    """userinfo names the user and the org."""
    info = crm.send("GET", "/services/oauth2/userinfo").json()
    assert (info["user_id"], info["organization_id"]) == (people.SYNC, people.ORG_ID)


def test_one_connection_serves_many_requests(box: Sandbox, crm: Client) -> None:
    """Keep-alive works, also after a chunked body, which jsforce sends."""
    raw = http.client.HTTPConnection("127.0.0.1", int(box.url.rsplit(":", 1)[1]), timeout=5)
    raw.connect()
    socket = raw.sock
    headers = {"Authorization": f"Bearer {crm.token}", "Content-Type": "application/json"}
    body = json.dumps({"Name": "Chunked"}).encode()
    parts = iter([body[:5], body[5:]])
    path = "/services/data/v67.0/sobjects/Account"
    raw.request("POST", path, parts, headers, encode_chunked=True)
    answer = raw.getresponse()
    assert answer.status == 201
    answer.read()
    raw.request("GET", "/services/data/v67.0/query?q=SELECT+Name+FROM+Account", headers=headers)
    assert json.loads(raw.getresponse().read())["records"][0]["Name"] == "Chunked"
    assert raw.sock is socket
    raw.close()


def test_many_threads_lose_nothing(box: Sandbox) -> None:
    """Eight clients write at once: every record is there, every call is in the log."""
    failures: list[object] = []

    def work(n: int) -> None:
        client = Client(box)
        for m in range(10):
            answer = client.send("POST", "sobjects/Account", {"Name": f"{n}-{m}"})
            if answer.status_code != 201:
                failures.append(answer.text)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({r["Name"] for r in box.records("Account")}) == 80
    assert box.counters()["writes"] == 80


def test_a_long_address_is_refused(crm: Client) -> None:
    """16 KiB of address is the most: a wide SELECT must be split."""
    soql = f"SELECT Id FROM Account WHERE Name IN ('{'x' * 3_900}'"
    assert crm.send("GET", "query", params={"q": soql + ")"}).status_code == 200
    wide = soql + f", '{'y' * 3_900}'" * 4 + ")"
    assert crm.send("GET", "query", params={"q": wide}).status_code == 414


def test_the_log_keeps_the_services_own_headers(box: Sandbox, crm: Client) -> None:
    """So that a test can see what a write asked for."""
    crm.send("POST", "sobjects/Account", {"Name": "A"}, headers={"Sforce-Auto-Assign": "FALSE"})
    assert box.calls()[-1]["sforce"] == {"sforce-auto-assign": "FALSE"}


def test_a_bug_of_the_sandbox_is_no_lost_answer(
    box: Sandbox, crm: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It answers 500 and shows the traceback: a cut connection would pass for a fault."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Records, "covered_until", broken)
    window = {"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T09:10:00Z"}
    answer = crm.send("GET", "sobjects/Account/updated", params=window)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (500, "SANDBOX_BUG")
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_secrets_stay_out_of_the_log(box: Sandbox, crm: Client) -> None:
    """Even when a client puts them into the address."""
    form = "grant_type=client_credentials&client_id=sandbox-sync&client_secret=sandbox-sync"
    assert crm.send("POST", f"/services/oauth2/token?{form}").status_code == 200
    assert "client_secret" not in box.calls()[-1]["query"]
