"""Query jobs of the sandbox: states, pages, cells, order, and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bulk_help import Bulk, table
from sandbox_help import NOW, Client

from connectors.sandbox.handle import Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread, its clock standing still."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        yield running


@pytest.fixture
def bulk(box: Sandbox) -> Bulk:
    """Jobs of the integration user."""
    return Bulk(Client(box))


def fill(box: Sandbox, count: int) -> list[str]:
    """So many accounts; returns their names in the order of id and stamp."""
    names = [f"Account {n:04}" for n in range(count)]
    box.load({"Account": [{"Name": name} for name in names]})
    return names


def test_every_page_has_its_header_and_the_last_locator_is_null(box: Sandbox, bulk: Bulk) -> None:
    """Pages of maxRecords rows, each whole CSV on its own; together every row once."""
    names = fill(box, 25)
    job = bulk.ask("SELECT Id, Name FROM Account")
    assert bulk.info(job)["numberRecordsProcessed"] == 25
    found: list[str] = []
    counts, locator = [], ""
    while locator != "null":
        answer = bulk.page(job, maxRecords=10, **({"locator": locator} if locator else {}))
        assert answer.headers["Content-Type"].startswith("text/csv")
        head, *rows = table(answer.text)
        assert head == ["Id", "Name"]
        counts.append(int(answer.headers["Sforce-NumberOfRecords"]))
        found += [row[1] for row in rows]
        locator = answer.headers["Sforce-Locator"]
    assert counts == [10, 10, 5]
    assert sorted(found) == names


def test_a_query_that_finds_nothing_has_a_header(bulk: Bulk) -> None:
    """One page without rows."""
    job = bulk.ask("SELECT Id, Name FROM Account")
    assert bulk.info(job)["numberRecordsProcessed"] == 0
    answer = bulk.page(job)
    assert (answer.text, answer.headers["Sforce-Locator"]) == ('"Id","Name"\n', "null")
    assert answer.headers["Sforce-NumberOfRecords"] == "0"


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7, 10, 100, 1_000])
def test_rows_come_in_no_order_without_order_by(box: Sandbox, bulk: Bulk, count: int) -> None:
    """Neither by id nor by stamp, never the newest last, and always the same."""
    names = fill(box, count)
    first = [row[0] for row in bulk.read("SELECT Name FROM Account")[1:]]
    assert sorted(first) == names
    assert first != names
    assert first[-1] != names[-1]
    assert [row[0] for row in bulk.read("SELECT Name FROM Account")[1:]] == first


def test_order_by_and_limit_are_kept(box: Sandbox, bulk: Bulk) -> None:
    """As any query would."""
    names = fill(box, 20)
    rows = bulk.read("SELECT Name FROM Account ORDER BY Name DESC LIMIT 5")
    assert [row[0] for row in rows[1:]] == names[::-1][:5]


def test_cells_are_spelled_as_bulk_spells_them(box: Sandbox, bulk: Bulk) -> None:
    """Numbers as Java prints doubles, instants with Z, empty for null, quotes doubled."""
    box.load(
        {
            "Account": [
                {
                    "Name": 'The "Best", Ltd',
                    "Description": "two\nlines",
                    "AnnualRevenue": 12_500_000,
                    "NumberOfEmployees": 12_500_000,
                    "LastActivityDate": NOW.date(),
                }
            ]
        }
    )
    job = bulk.ask(
        "SELECT Name, Description, AnnualRevenue, NumberOfEmployees, LastActivityDate, IsDeleted, "
        "Rating, SystemModstamp, Owner.Name, Parent.Owner.Name FROM Account"
    )
    bulk.info(job)
    text = bulk.page(job).text
    assert table(text)[0][-2:] == ["Owner.Name", "Parent.Owner.Name"]
    assert text.partition("\n")[2] == (
        '"The ""Best"", Ltd","two\nlines","1.25E7","12500000","2026-03-02","false","",'
        '"2026-03-02T09:30:00.000Z","Pat Person",""\n'
    )


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (0, "0.0"), (3, "3.0"), (-2.5, "-2.5"), (9_999_999, "9999999.0"), (1e7, "1.0E7"),
        (123_456_789.5, "1.234567895E8"), (-2e7, "-2.0E7"), (0.001, "0.001"), (0.0005, "5.0E-4"),
    ],
)  # fmt: skip
def test_doubles_are_printed_as_java_does(
    box: Sandbox, bulk: Bulk, value: float, cell: str
) -> None:
    """Plain from a thousandth to below ten million, else with an exponent."""
    field = {"name": "Value__c", "type": "double", "precision": 18, "scale": 6}
    declared = [{"name": "Account", "fields": [field]}]
    box.load({"Account": [{"Name": "A", "Value__c": value}]}, schema=declared)
    assert bulk.read("SELECT Value__c FROM Account")[1:] == [[cell]]


def test_delimiter_and_line_ending_are_those_of_the_job(box: Sandbox, bulk: Bulk) -> None:
    """A file for a spreadsheet on Windows."""
    box.load({"Account": [{"Name": "A", "Rating": "Hot"}]})
    job = bulk.ask(
        "SELECT Name, Rating FROM Account", columnDelimiter="SEMICOLON", lineEnding="CRLF"
    )
    bulk.info(job)
    assert bulk.page(job).text == '"Name";"Rating"\r\n"A";"Hot"\r\n'


def test_results_are_compressed_for_whoever_can_read_that(box: Sandbox, bulk: Bulk) -> None:
    """Only for them, and the same text for all."""
    fill(box, 50)
    job = bulk.ask("SELECT Name FROM Account")
    bulk.info(job)
    packed = bulk.page(job)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < len(packed.content)
    bulk.client.http.headers["Accept-Encoding"] = "identity"
    plain = bulk.page(job)
    assert "Content-Encoding" not in plain.headers
    assert int(plain.headers["Content-Length"]) == len(plain.content)
    assert plain.text == packed.text


def test_query_all_sees_the_recycle_bin(box: Sandbox, bulk: Bulk) -> None:
    """A deleted row is in queryAll only."""
    account = bulk.client.account()
    box.delete("Account", account)
    soql = "SELECT Id, IsDeleted FROM Account"
    assert bulk.read(soql)[1:] == []
    assert bulk.read(soql, "queryAll")[1:] == [[account, "true"]]


def test_results_are_those_of_the_moment_of_the_job(box: Sandbox, bulk: Bulk) -> None:
    """What is saved later is not in them."""
    account = bulk.client.account(Rating="Hot")
    job = bulk.ask("SELECT Rating FROM Account")
    box.edit("Account", account, {"Rating": "Cold"})
    bulk.client.account()
    bulk.info(job)
    assert table(bulk.page(job).text)[1:] == [["Hot"]]


def test_a_job_is_done_at_the_first_question_or_after_a_minute(box: Sandbox, bulk: Bulk) -> None:
    """Nobody has to poll: the service works anyway."""
    job = bulk.ask("SELECT Id FROM Account")
    assert [j["state"] for j in box.jobs()] == ["UploadComplete"]
    early = bulk.page(job)
    assert (early.status_code, early.json()[0]["errorCode"]) == (400, "INVALIDJOBSTATE")
    box.advance(60)
    assert bulk.page(job).status_code == 200
    assert [(j["state"], j["polls"]) for j in box.jobs()] == [("JobComplete", 0)]


def test_results_want_the_version_that_made_the_job(bulk: Bulk) -> None:
    """Another one is a 409, for the pages and for their addresses."""
    job = bulk.ask("SELECT Id FROM Account")
    bulk.info(job)
    for tail in ("results", "resultPages"):
        path = f"/services/data/v66.0/jobs/query/{job}/{tail}"
        assert bulk.client.send("GET", path).status_code == 409


def test_a_job_is_aborted_deleted_and_then_unknown(bulk: Bulk) -> None:
    """A waiting job can't be deleted, an ended one not aborted; deleted, it is a 404."""
    job = bulk.ask("SELECT Id FROM Account")
    path = f"jobs/query/{job}"
    assert bulk.client.send("DELETE", path).status_code == 400
    answer = bulk.change(job, "Aborted", "query")
    assert (answer.status_code, answer.json()["state"]) == (200, "Aborted")
    assert bulk.state(job) == "Aborted"
    assert bulk.page(job).status_code == 400
    assert bulk.change(job, "Aborted", "query").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    deleted = bulk.client.send("DELETE", path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert bulk.client.send("GET", path).status_code == 404
    assert bulk.page(job).status_code == 404


def test_jobs_are_listed_newest_first(bulk: Bulk) -> None:
    """Query jobs and ingest jobs apart."""
    first, second = (bulk.ask(f"SELECT Id FROM {name}") for name in ("Account", "Contact"))
    ingest = bulk.open("insert")
    listed = bulk.client.send("GET", "jobs/query").json()
    assert [r["id"] for r in listed["records"]] == [second, first]
    assert (listed["done"], listed["records"][0]["object"]) == (True, "Contact")
    others = bulk.client.send("GET", "jobs/ingest").json()["records"]
    assert [r["id"] for r in others] == [ingest]


def test_result_pages_can_be_fetched_at_once(box: Sandbox, bulk: Bulk) -> None:
    """Each address gives its own rows; a small result has one."""
    names = fill(box, 3)
    job = bulk.ask("SELECT Name FROM Account")
    bulk.info(job)
    answer = bulk.client.send("GET", f"jobs/query/{job}/resultPages").json()
    assert answer["done"] is True
    (only,) = answer["resultPages"]
    rows = table(bulk.client.send("GET", only["resultUrl"]).text)
    assert sorted(row[0] for row in rows[1:]) == names


@pytest.mark.parametrize(
    ("soql", "code", "text"),
    [
        ("SELECT COUNT() FROM Account", "API_ERROR", "Aggregate"),
        ("SELECT Rating, COUNT(Id) FROM Account GROUP BY Rating", "API_ERROR", "GROUP BY"),
        ("SELECT MAX(SystemModstamp) FROM Account", "API_ERROR", "Aggregate"),
        ("SELECT Id FROM Account LIMIT 5 OFFSET 5", "API_ERROR", "OFFSET"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR", "Relationships"),
        (
            "SELECT TYPEOF What WHEN Account THEN Name END FROM Task",
            "API_ERROR",
            "TYPEOF",
        ),
        ("SELECT Id, BillingAddress FROM Account", "API_ERROR", "compound data"),
        ("SELECT Id FROM TaskWhoRelation", "INVALIDENTITY", "not supported by the Bulk API"),
        ("SELECT Nope FROM Account", "INVALID_FIELD", "No such column 'Nope'"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "not supported"),
        ("SELECT FROM", "MALFORMED_QUERY", "unexpected token"),
        ("", "MALFORMED_QUERY", "empty"),
    ],
)
def test_what_bulk_can_not_read_is_refused_at_once(
    box: Sandbox, bulk: Bulk, soql: str, code: str, text: str
) -> None:
    """HTTP 400 with a list of one error, and no job."""
    answer = bulk.client.send("POST", "jobs/query", {"operation": "query", "query": soql})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert text in answer.json()[0]["message"]
    assert box.jobs() == []


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "explain"},
        {"columnDelimiter": "COLON"},
        {"lineEnding": "CR"},
        {"contentType": "JSON"},
    ],
)
def test_an_unknown_option_is_refused(bulk: Bulk, change: dict[str, Any]) -> None:
    """Whatever the service does not know."""
    body = {"operation": "query", "query": "SELECT Id FROM Account", **change}
    assert bulk.client.send("POST", "jobs/query", body).status_code == 400


@pytest.mark.parametrize("params", [{"locator": "nope!"}, {"locator": "OTk5"}, {"maxRecords": 0}])
def test_a_wrong_page_is_refused(box: Sandbox, bulk: Bulk, params: dict[str, Any]) -> None:
    """A locator that is none, one behind the end, and a page of no rows."""
    fill(box, 3)
    job = bulk.ask("SELECT Id FROM Account")
    bulk.info(job)
    assert bulk.page(job, **params).status_code == 400


def test_a_hidden_field_can_not_be_read(box: Sandbox, bulk: Bulk) -> None:
    """Rights count as in any query."""
    box.call("POST", "hide", {"object": "Account", "field": "Rating"})
    body = {"operation": "query", "query": "SELECT Rating FROM Account"}
    answer = bulk.client.send("POST", "jobs/query", body)
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"


def test_every_request_counts_and_the_jobs_of_the_day_are_limited(box: Sandbox, bulk: Bulk) -> None:
    """API requests go up by one a step; when no job is left for the day, that is said."""
    box.call("POST", "limits", {"query_jobs": 2})
    job = bulk.ask("SELECT Id FROM Account")
    bulk.info(job)
    assert bulk.page(job).headers["Sforce-Limit-Info"] == "api-usage=3/100000"
    bulk.ask("SELECT Id FROM Account")
    limits = bulk.client.send("GET", "limits").json()
    assert limits["DailyBulkV2QueryJobs"] == {"Max": 2, "Remaining": 0}
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    refused = bulk.client.send("POST", "jobs/query", body)
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")
    box.advance(86_401)
    assert Bulk(Client(box)).ask("SELECT Id FROM Account")


def test_rows_of_a_page_are_in_the_call_log(box: Sandbox, bulk: Bulk) -> None:
    """As those of any other answer."""
    fill(box, 4)
    bulk.read("SELECT Id FROM Account")
    assert box.calls()[-1]["rows"] == 4
