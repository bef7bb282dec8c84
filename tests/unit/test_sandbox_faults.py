"""Every kind of fault does to a call what it says, and the log tells the truth about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sandbox_help import NOW, Client

from connectors.sandbox.handle import ControlError, Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread, its clock standing still."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        yield running


@pytest.fixture
def crm(box: Sandbox) -> Client:
    """A client logged in as the integration user."""
    return Client(box)


def update(crm: Client, ids: list[str]) -> requests.Response:
    """A collection update of these accounts."""
    rows = [{"attributes": {"type": "Account"}, "id": i, "Rating": "Hot"} for i in ids]
    return crm.send("PATCH", "composite/sobjects", {"allOrNone": False, "records": rows})


def ratings(box: Sandbox) -> list[Any]:
    """What the accounts truly hold."""
    return [r.get("Rating") for r in box.records("Account")]


@pytest.mark.parametrize(
    ("rule", "status", "code", "text"),
    [
        ({"kind": "invalid_session"}, 401, "INVALID_SESSION_ID", "expired"),
        ({"kind": "daily_limit"}, 403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests"),
        ({"kind": "concurrent_limit"}, 403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests"),
        ({"kind": "too_many"}, 429, "REQUEST_LIMIT_EXCEEDED", "Too many"),
        ({"kind": "server_error"}, 500, "UNKNOWN_EXCEPTION", "unexpected"),
        (
            {"kind": "status", "status": 400, "code": "QUERY_TIMEOUT", "message": "too slow"},
            400,
            "QUERY_TIMEOUT",
            "too slow",
        ),
    ],
)
def test_an_error_is_given_once_and_nothing_is_applied(
    box: Sandbox, crm: Client, rule: dict[str, Any], status: int, code: str, text: str
) -> None:
    """The call fails as told, the org is unchanged, and the next call works."""
    account = crm.account()
    box.faults({**rule, "method": "PATCH"})
    failed = update(crm, [account])
    assert (failed.status_code, failed.json()[0]["errorCode"]) == (status, code)
    assert text in failed.json()[0]["message"]
    assert ratings(box) == [None]
    assert (
        box.calls()[-1] | {"applied": False, "writes": 0, "fault": rule["kind"]} == box.calls()[-1]
    )
    assert update(crm, [account]).status_code == 200
    assert ratings(box) == ["Hot"]


@pytest.mark.parametrize(("kind", "status"), [("unavailable", 503), ("html", 200)])
def test_a_page_of_html_comes_instead_of_json(
    box: Sandbox, crm: Client, kind: str, status: int
) -> None:
    """A maintenance page, or a proxy's sign-in page with status 200."""
    box.faults({"kind": kind})
    answer = crm.send("GET", "limits")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<html>")


@pytest.mark.parametrize(("kind", "applied"), [("cut_before", False), ("cut_after", True)])
def test_a_cut_connection_hides_whether_the_write_was_applied(
    box: Sandbox, crm: Client, kind: str, applied: bool
) -> None:
    """The client sees the same; only the org and the log know."""
    account = crm.account()
    box.faults({"kind": kind, "method": "PATCH"})
    with pytest.raises(requests.ConnectionError):
        update(crm, [account])
    assert ratings(box) == ["Hot" if applied else None]
    entry = box.calls()[-1]
    assert (entry["applied"], entry["writes"]) == (applied, int(applied))


def test_a_truncated_body_ends_before_its_length(box: Sandbox, crm: Client) -> None:
    """The client gets half the bytes and then the end of the connection."""
    box.faults({"kind": "truncate"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        crm.send("GET", "sobjects")


def test_a_slow_drip_takes_its_time_and_arrives_whole(box: Sandbox, crm: Client) -> None:
    """Few bytes at a time, with pauses; the body is complete."""
    box.faults({"kind": "drip", "bytes": 40, "seconds": 0.02})
    begun = time.monotonic()
    answer = crm.send("GET", "query", params={"q": "SELECT Id, Name FROM User"})
    assert answer.json()["totalSize"] == 3
    assert time.monotonic() - begun > 0.1


def test_row_faults_hit_their_rows_only(box: Sandbox, crm: Client) -> None:
    """A lock on one record, a validation rule on another: the rest is saved."""
    ids = [crm.account() for _ in range(4)]
    box.faults(
        {"kind": "row_lock", "ids": [ids[1]]},
        {"kind": "row_error", "rows": [2], "message": "No Friday edits", "fields": ["Rating"]},
    )
    results = update(crm, ids).json()
    assert [r["success"] for r in results] == [True, False, False, True]
    assert results[1]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert ids[1] in results[1]["errors"][0]["message"]
    assert results[2]["errors"][0]["message"] == "No Friday edits"
    assert ratings(box) == ["Hot", None, None, "Hot"]


def test_one_poisonous_record_fails_its_whole_batch(box: Sandbox, crm: Client) -> None:
    """As an Apex trigger does; without that record the batch goes through."""
    ids = [crm.account() for _ in range(3)]
    box.faults({"kind": "batch_apex", "ids": [ids[2]], "times": 0})
    results = update(crm, ids).json()
    assert [r["success"] for r in results] == [False] * 3
    assert {r["errors"][0]["statusCode"] for r in results} == {
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
    }
    assert ratings(box) == [None] * 3
    assert [r["success"] for r in update(crm, ids[:2]).json()] == [True, True]


def test_results_can_come_reordered_or_short(box: Sandbox, crm: Client) -> None:
    """The writes are done; the answer's list is turned round, then one short."""
    ids = [crm.account() for _ in range(3)]
    box.faults({"kind": "reorder", "method": "PATCH"})
    assert [r["id"] for r in update(crm, ids).json()] == ids[::-1]
    box.faults({"kind": "short", "method": "PATCH"})
    assert [r["id"] for r in update(crm, ids).json()] == ids[:2]
    assert box.calls()[-1]["writes"] == 3


def test_answers_can_point_to_another_host(box: Sandbox, crm: Client) -> None:
    """A redirect, and a next page elsewhere: what a client must not follow."""
    box.faults({"kind": "redirect", "to": "http://evil.example"})
    moved = crm.send("GET", "limits")
    assert moved.status_code == 302
    assert moved.headers["Location"].startswith("http://evil.example/")
    box.load({"Contact": [{"LastName": str(n)} for n in range(201)]})
    box.faults({"kind": "next_host", "to": "http://evil.example"})
    options = {"Sforce-Query-Options": "batchSize=200"}
    page = crm.query("SELECT Id FROM Contact", headers=options)
    assert page["nextRecordsUrl"].startswith("http://evil.example/services/data/")


def test_the_org_changes_under_a_call(box: Sandbox, crm: Client) -> None:
    """Tokens expire, a field vanishes, becomes read-only, a version retires."""
    account = crm.account()
    box.faults({"kind": "hide_field", "field": "Account.Rating"})
    assert update(crm, [account]).json()[0]["errors"][0]["statusCode"] == "INVALID_FIELD"
    names = {f["name"] for f in crm.send("GET", "sobjects/Account/describe").json()["fields"]}
    assert "Rating" not in names
    box.faults({"kind": "readonly_field", "field": "Account.Rating"})
    result = update(crm, [account]).json()[0]
    assert result["errors"][0]["statusCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    box.faults({"kind": "retire_version", "version": 67.0})
    retired = crm.send("GET", "limits")
    assert (retired.status_code, retired.json()[0]["errorCode"]) == (410, "UNSUPPORTED_API_VERSION")
    assert crm.send("GET", "/services/data/v66.0/limits").status_code == 200
    box.faults({"kind": "expire_tokens"})
    assert crm.send("GET", "/services/data/v66.0/limits").status_code == 401
    assert crm.send("GET", "/services/data/v66.0/limits").status_code == 401


def test_rules_pick_their_calls(box: Sandbox, crm: Client) -> None:
    """By object, by number, every n-th, by client, and by dice that a seed fixes."""
    box.faults({"kind": "too_many", "object": "Case"})
    assert crm.send("GET", "sobjects/Account/describe").status_code == 200
    assert crm.send("GET", "sobjects/Case/describe").status_code == 429
    box.clear_faults()
    box.faults({"kind": "too_many", "path": "limits$", "nth": 2})
    assert [crm.send("GET", "limits").status_code for _ in range(3)] == [200, 429, 200]
    box.clear_faults()
    box.faults({"kind": "too_many", "every": 3, "times": 0, "client": "sandbox-sync"})
    assert [crm.send("GET", "limits").status_code for _ in range(6)] == [200, 200, 429] * 2
    runs = []
    for _ in range(2):
        box.clear_faults()
        box.faults({"kind": "too_many", "probability": 0.5, "times": 0}, seed=7)
        runs.append([crm.send("GET", "limits").status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 429}


def test_a_wrong_rule_is_refused(box: Sandbox) -> None:
    """An unknown kind or parameter is an error that names it."""
    with pytest.raises(ControlError, match="unknown fault kind 'nope'"):
        box.faults({"kind": "nope"})
    with pytest.raises(ControlError, match="htp_status"):
        box.faults({"kind": "status", "htp_status": 500})


def test_the_daily_allowance_ends(box: Sandbox, crm: Client) -> None:
    """The limit header counts, and past the limit every call is refused."""
    box.call("POST", "limits", {"used": 98, "allowed": 100})
    answer = crm.send("GET", "limits")
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=99/100"
    assert answer.json()["DailyApiRequests"] == {"Max": 100, "Remaining": 1}
    assert [crm.send("GET", "limits").status_code for _ in range(2)] == [200, 403]


def test_a_late_commit_appears_behind_what_was_read(box: Sandbox, crm: Client) -> None:
    """The held save has an old stamp when it appears; latestDateCovered told so."""
    account = crm.account()
    box.advance(60)
    held = box.edit("Account", account, {"Rating": "Warm"}, hold=True)
    now = box.advance(600)
    window = {"start": box.clock().replace(hour=0).isoformat(), "end": now.isoformat()}
    covered = crm.send("GET", "sobjects/Account/updated", params=window).json()
    late = covered["latestDateCovered"]
    assert ratings(box) == [None]
    assert box.release(held) == [account]
    row = crm.query("SELECT Rating, SystemModstamp FROM Account")["records"][0]
    assert (row["Rating"], row["SystemModstamp"]) == ("Warm", late)


def test_the_clock_can_move_and_login_can_fail_in_the_middle(box: Sandbox, crm: Client) -> None:
    """A token that dies between two calls, and an app that is blocked when it logs in again."""
    box.faults({"kind": "advance_clock", "seconds": 7_200})
    assert crm.send("GET", "limits").status_code == 401
    blocked = '{"error":"invalid_grant","error_description":"user is inactive"}'
    box.faults({"kind": "status", "path": "oauth2/token", "status": 400, "body": blocked})
    with pytest.raises(KeyError, match="access_token"):
        Client(box)
    assert Client(box).send("GET", "limits").status_code == 200
