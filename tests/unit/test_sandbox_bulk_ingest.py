"""Ingest jobs of the sandbox: steps, what cells mean, and what becomes of each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from bulk_help import Bulk
from sandbox_help import NOW, Client, custom_key

from connectors.sandbox import ids
from connectors.sandbox.handle import Sandbox

_ENDINGS = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread, its clock standing still."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        assert running.org is not None
        custom_key(running.org.records)
        yield running


@pytest.fixture
def bulk(box: Sandbox) -> Bulk:
    """Jobs of the integration user."""
    return Bulk(Client(box))


def rows(box: Sandbox, *fields: str) -> list[tuple[Any, ...]]:
    """These fields of all accounts as stored."""
    return [tuple(r.get(f) for f in fields) for r in box.records("Account")]


def code(answer: Any) -> tuple[int, str]:
    """Status and error code of a refusal."""
    return answer.status_code, answer.json()[0]["errorCode"]


def test_rows_are_inserted_and_reported(box: Sandbox, bulk: Bulk) -> None:
    """Good rows stay though others fail; each is in exactly one of the tables."""
    info = bulk.load("insert", 'Name,Rating\nOne,Hot\n,Cold\n"Two, Ltd",\n')
    told = ("state", "numberRecordsProcessed", "numberRecordsFailed")
    assert [info[name] for name in told] == ["JobComplete", 3, 1]
    made = box.records("Account")
    assert bulk.results(info["id"], "successfulResults") == [
        ["sf__Id", "sf__Created", "Name", "Rating"],
        [made[0]["Id"], "true", "One", "Hot"],
        [made[1]["Id"], "true", "Two, Ltd", ""],
    ]
    assert bulk.results(info["id"], "failedResults") == [
        ["sf__Id", "sf__Error", "Name", "Rating"],
        ["", "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --", "", "Cold"],
    ]
    for spelling in ("unprocessedrecords", "unprocessedRecords"):
        assert bulk.results(info["id"], spelling) == [["Name", "Rating"]]


def test_an_empty_cell_leaves_and_a_marked_one_clears(box: Sandbox, bulk: Bulk) -> None:
    """`#N/A` is null; nothing is nothing said."""
    one, two = (bulk.client.account(Rating="Hot", Site="here") for _ in range(2))
    info = bulk.load("update", f"Id,Rating,Site\n{one},,#N/A\n{two},#N/A,\n")
    assert info["numberRecordsFailed"] == 0
    assert rows(box, "Rating", "Site") == [("Hot", None), (None, "here")]
    assert [r[:2] for r in bulk.results(info["id"], "successfulResults")[1:]] == [
        [one, "false"],
        [two, "false"],
    ]


def test_upserts_create_and_update_by_the_key(box: Sandbox, bulk: Bulk) -> None:
    """sf__Created says which; a row without its key is refused."""
    old = bulk.client.account(Key__c="k1")
    info = bulk.load("upsert", "Key__c,Name\nk1,Old\nk2,New\n,Lost\n", externalIdFieldName="key__c")
    assert info["externalIdFieldName"] == "Key__c"
    done = bulk.results(info["id"], "successfulResults")[1:]
    assert [(r[1], r[2]) for r in done] == [("false", "k1"), ("true", "k2")]
    assert done[0][0] == old
    assert bulk.errors(info["id"]) == ["MISSING_ARGUMENT:Key__c not specified:Key__c --"]
    assert rows(box, "Name", "Key__c") == [("Old", "k1"), ("New", "k2")]


def test_upserts_by_id_update_and_create(box: Sandbox, bulk: Bulk) -> None:
    """The way of clients that know no external id."""
    old = bulk.client.account()
    text = f"Id,Name\n{old},Old\n,New\n"
    info = bulk.load("upsert", text, externalIdFieldName="Id")
    assert info["numberRecordsFailed"] == 0
    assert rows(box, "Name") == [("Old",), ("New",)]


def test_rows_are_deleted_by_id(box: Sandbox, bulk: Bulk) -> None:
    """Into the recycle bin; what is not there is refused with its id."""
    account, gone = bulk.client.account(), ids.sf_id("001", 9)
    info = bulk.load("delete", f"Id\n{account}\n{gone}\n")
    assert rows(box, "IsDeleted") == [(True,)]
    assert bulk.results(info["id"], "failedResults")[1:] == [
        [gone, "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--", gone]
    ]


@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [
        (
            "LastActivityDate__c",
            "soon",
            (
                "INVALID_FIELD:Failed to deserialize field at col 1. Due to, 'soon' is not a valid "
                "value for the type xsd:date:LastActivityDate__c --"
            ),
        ),
        (
            "NumberOfEmployees",
            "3.0",
            (
                "INVALID_FIELD:Failed to deserialize field at col 1. Due to, '3.0' is not a valid "
                "value for the type xsd:int:NumberOfEmployees --"
            ),
        ),
        (
            "NumberOfEmployees",
            " 3",
            (
                "INVALID_FIELD:Failed to deserialize field at col 1. Due to, ' 3' is not a valid "
                "value for the type xsd:int:NumberOfEmployees --"
            ),
        ),
        (
            "Name",
            "x" * 256,
            (
                f"STRING_TOO_LONG:Account Name: data value too large: {'x' * 256} "
                "(max length=255):Name --"
            ),
        ),
        (
            "OwnerId",
            "nobody",
            "MALFORMED_ID:Owner ID: id value of incorrect type: nobody:OwnerId --",
        ),
    ],
)
def test_a_cell_that_does_not_fit_refuses_its_row(
    box: Sandbox, bulk: Bulk, column: str, cell: str, problem: str
) -> None:
    """Code, text and field, as recorded; the other rows are saved."""
    field = {"name": "LastActivityDate__c", "type": "date"}
    box.load({}, schema=[{"name": "Account", "fields": [field]}])
    one, two = (bulk.client.account() for _ in range(2))
    info = bulk.load("update", f"Id,{column}\n{one},{cell}\n{two},\n")
    assert bulk.results(info["id"], "failedResults")[1:] == [[one, problem, one, cell]]
    assert len(bulk.results(info["id"], "successfulResults")) == 2


def test_cells_are_typed_by_their_field(box: Sandbox, bulk: Bulk) -> None:
    """Numbers, dates, instants and the many words for yes."""
    fields = [
        {"name": "Yes__c", "type": "boolean"},
        {"name": "Day__c", "type": "date"},
        {"name": "At__c", "type": "datetime"},
        {"name": "Score__c", "type": "double", "precision": 18, "scale": 2},
    ]
    box.load({}, schema=[{"name": "Account", "fields": fields}])
    head = "Name,Yes__c,Day__c,At__c,Score__c\n"
    bulk.load("insert", head + "A,1,2026-03-01,2026-03-01T10:00:00.000Z,1.0E7\nB,no,,,-2.5\n")
    first, second = box.records("Account")
    told = ("Yes__c", "Day__c", "At__c", "Score__c")
    assert [first.get(n) for n in told] == [
        True, "2026-03-01", "2026-03-01T10:00:00+00:00", 10_000_000.0,
    ]  # fmt: skip
    assert [second.get(n) for n in told] == [False, None, None, -2.5]


def test_a_parent_can_be_named_by_its_key(box: Sandbox, bulk: Bulk) -> None:
    """`Account.Key__c` in the header of a contact; an unknown key refuses its row."""
    account = bulk.client.account(Key__c="parent")
    info = bulk.load("insert", "LastName,Account.Key__c\nA,parent\nB,nobody\n", "Contact")
    assert [r["AccountId"] for r in box.records("Contact")] == [account]
    assert bulk.errors(info["id"])[0].startswith("INVALID_FIELD:Foreign key external ID: nobody")


@pytest.mark.parametrize(
    ("operation", "text", "more", "error"),
    [
        ("insert", "Name,Nope\nA,1\n", {}, "InvalidBatch : Field name not found : Nope"),
        ("insert", "Name, Rating\nA,Hot\n", {}, "InvalidBatch : Field name not found :  Rating"),
        ("update", "Name\nA\n", {}, "InvalidBatch : The 'update' batch must contain 'Id'"),
        (
            "delete",
            "Id,Name\n1,2\n",
            {},
            "InvalidBatch : The 'delete' batch must contain only 'Id'",
        ),
        (
            "upsert",
            "Name\nA\n",
            {"externalIdFieldName": "Key__c"},
            "InvalidBatch : The 'upsert' batch must contain 'Key__c'",
        ),
        (
            "insert",
            "Name\r\nA\r\n",
            {},
            f"{_ENDINGS} LF",
        ),
        (
            "insert",
            "Name\nA\n",
            {"lineEnding": "CRLF"},
            f"{_ENDINGS} CRLF",
        ),
        (
            "insert",
            "Name,Site\nA\n",
            {},
            "InvalidBatch : Row 1 has 1 columns, the header has 2",
        ),
        ("insert", b"Name\n\xff\n", {}, "ClientInputError : The data is not valid UTF-8"),
    ],
)
def test_a_file_that_does_not_fit_fails_the_whole_job(
    box: Sandbox, bulk: Bulk, operation: str, text: Any, more: dict[str, Any], error: str
) -> None:
    """State Failed with the reason, nothing processed, nothing saved; the rows are unprocessed."""
    info = bulk.load(operation, text, **more)
    assert (info["state"], info["errorMessage"]) == ("Failed", error)
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (0, 0)
    assert rows(box, "Name") == []


def test_a_field_that_is_hidden_is_not_found(box: Sandbox, bulk: Bulk) -> None:
    """Rights count: the header fails the job."""
    box.call("POST", "hide", {"object": "Account", "field": "Rating"})
    info = bulk.load("insert", "Name,Rating\nA,Hot\n")
    assert info["errorMessage"] == "InvalidBatch : Field name not found : Rating"
    assert bulk.results(info["id"], "unprocessedrecords") == [["Name", "Rating"], ["A", "Hot"]]


def test_delimiter_line_ending_and_byte_order_mark_are_read(box: Sandbox, bulk: Bulk) -> None:
    """As the job says; cells keep their line breaks and blanks inside quotes."""
    text = '\ufeffName;Description\r\nA;"two\nlines; one cell"\r\n'
    info = bulk.load("insert", text, columnDelimiter="SEMICOLON", lineEnding="CRLF")
    assert info["state"] == "JobComplete"
    assert rows(box, "Name", "Description") == [("A", "two\nlines; one cell")]
    answer = bulk.client.send("GET", f"jobs/ingest/{info['id']}/successfulResults").text
    assert answer.startswith('"sf__Id";"sf__Created";Name;Description\r\n')


def test_a_job_takes_one_upload_of_csv(box: Sandbox, bulk: Bulk) -> None:
    """Another type, another upload, one that is too large: all refused, and the first one stays."""
    job = bulk.open("insert")
    assert code(bulk.put(job, "{}", "application/json")) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert code(bulk.change(job, "UploadComplete")) == (400, "INVALIDJOB")
    box.call("POST", "limits", {"upload_bytes": 20})
    assert bulk.put(job, "Name\n" + "A\n" * 20).status_code == 413
    assert bulk.put(job, "Name\nA\n").status_code == 201
    again = bulk.put(job, "Name\nB\n")
    assert code(again) == (400, "INVALIDJOB")
    assert "make sure you only do 'PUT' once" in again.json()[0]["message"]
    assert bulk.change(job, "UploadComplete").status_code == 200
    assert code(bulk.put(job, "Name\nC\n")) == (400, "INVALIDJOBSTATE")
    assert bulk.state(job, "ingest") == "JobComplete"
    assert rows(box, "Name") == [("A",)]


def test_the_upload_limit_is_that_of_the_service(box: Sandbox) -> None:
    """100 MiB."""
    assert box.org is not None
    assert box.org.jobs.upload_limit == 104_857_600


def test_steps_out_of_order_are_refused(bulk: Bulk) -> None:
    """Results before the end, closing twice, states that are none, aborting what is over."""
    job = bulk.open("insert")
    results = f"jobs/ingest/{job}/failedResults"
    assert code(bulk.client.send("GET", results)) == (400, "INVALIDJOBSTATE")
    bulk.put(job, "Name\nA\n")
    assert code(bulk.change(job, "JobComplete")) == (400, "INVALIDJOBSTATE")
    assert bulk.client.send("DELETE", f"jobs/ingest/{job}").status_code == 400
    assert bulk.change(job, "UploadComplete").status_code == 200
    assert code(bulk.change(job, "UploadComplete")) == (400, "INVALIDJOBSTATE")
    assert bulk.state(job, "ingest") == "JobComplete"
    assert code(bulk.change(job, "Aborted")) == (400, "INVALIDJOBSTATE")
    assert bulk.client.send("DELETE", f"jobs/ingest/{job}").status_code == 204
    assert bulk.client.send("GET", f"jobs/ingest/{job}").status_code == 404


def test_an_aborted_job_saves_nothing_and_gives_its_rows_back(box: Sandbox, bulk: Bulk) -> None:
    """Aborted before its turn came, all of it is unprocessed."""
    job = bulk.open("insert")
    bulk.put(job, "Name\nA\n")
    bulk.change(job, "UploadComplete")
    assert bulk.change(job, "Aborted").json()["state"] == "Aborted"
    assert bulk.state(job, "ingest") == "Aborted"
    assert bulk.results(job, "unprocessedrecords") == [["Name"], ["A"]]
    assert bulk.results(job, "successfulResults") == [["sf__Id", "sf__Created", "Name"]]
    assert rows(box, "Name") == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"operation": "insert", "object": "Nope"}, "INVALIDENTITY"),
        ({"operation": "replace", "object": "Account"}, "INVALIDOPERATION"),
        ({"operation": "hardDelete", "object": "Account"}, "FEATURENOTENABLED"),
        ({"operation": "upsert", "object": "Account"}, "INVALIDJOB"),
        (
            {"operation": "upsert", "object": "Account", "externalIdFieldName": "Name"},
            "INVALIDJOB",
        ),
        ({"operation": "insert", "object": "Account", "contentType": "JSON"}, "INVALIDJOB"),
    ],
)
def test_a_job_that_can_not_be_is_refused(
    box: Sandbox, bulk: Bulk, body: dict[str, Any], error: str
) -> None:
    """HTTP 400, and no job."""
    assert code(bulk.client.send("POST", "jobs/ingest", body)) == (400, error)
    assert box.jobs() == []


def test_uniqueness_and_rights_are_those_of_any_save(box: Sandbox, bulk: Bulk) -> None:
    """A key held by another, the same key twice in a chunk, and a field that may not be written."""
    bulk.client.account(Key__c="taken")
    one, two = (bulk.client.account() for _ in range(2))
    info = bulk.load("update", f"Id,Key__c\n{one},taken\n{two},free\n{two},free\n")
    first, second = bulk.errors(info["id"])
    assert first.startswith("DUPLICATE_VALUE:duplicate value found: Key__c duplicates value on")
    assert second == f"DUPLICATE_VALUE:duplicate id specified: {two}:--"
    info = bulk.load("update", f"Id,CreatedDate\n{one},2026-01-01T00:00:00Z\n")
    assert bulk.errors(info["id"])[0].startswith("INVALID_FIELD_FOR_INSERT_UPDATE:Unable to")


def test_a_broken_trigger_takes_its_chunk_of_two_hundred(box: Sandbox, bulk: Bulk) -> None:
    """Every row of that transaction fails with the same error; the others are saved."""
    box.faults({"kind": "batch_apex", "path": "jobs/ingest", "rows": [250]})
    info = bulk.load("insert", "Name\n" + "".join(f"N{n}\n" for n in range(500)))
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (500, 200)
    failed = bulk.results(info["id"], "failedResults")[1:]
    assert [r[2] for r in failed] == [f"N{n}" for n in range(200, 400)]
    assert {r[1].partition(":")[0] for r in failed} == {"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}
    assert len(rows(box, "Name")) == 300


def test_a_locked_row_is_refused_alone(box: Sandbox, bulk: Bulk) -> None:
    """By its id or its place in the file, whichever request of the job the rule picked."""
    accounts = [bulk.client.account() for _ in range(4)]
    box.faults(
        {"kind": "row_lock", "path": "jobs/ingest", "ids": [accounts[1]]},
        {"kind": "row_lock", "method": "PUT", "path": "batches", "rows": [3]},
    )
    info = bulk.load("update", "Id,Rating\n" + "".join(f"{a},Hot\n" for a in accounts))
    failed = bulk.results(info["id"], "failedResults")[1:]
    assert [r[0] for r in failed] == [accounts[1], accounts[3]]
    assert {r[1].partition(":")[0] for r in failed} == {"UNABLE_TO_LOCK_ROW"}
    assert [r[0] for r in rows(box, "Rating")] == ["Hot", None, "Hot", None]


def test_batches_of_ten_thousand_rows_count_against_the_day(bulk: Bulk) -> None:
    """A file is one batch at least."""
    bulk.load("insert", "Name\nA\n")
    limits = bulk.client.send("GET", "limits").json()
    assert limits["DailyBulkApiBatches"] == {"Max": 15_000, "Remaining": 14_999}


def test_an_open_job_dies_after_a_day_and_results_after_a_week(box: Sandbox, bulk: Bulk) -> None:
    """By the sandbox's clock, with nobody asking."""
    bulk.load("insert", "Name\nA\n")
    bulk.open("insert")
    box.advance(86_399)
    assert [j["state"] for j in box.jobs()] == ["JobComplete", "Open"]
    box.advance(1)
    assert [j["state"] for j in box.jobs()] == ["JobComplete", "Aborted"]
    box.advance(6 * 86_400)
    assert box.jobs() == []
