"""What a fault does to a bulk job, and what the control API tells about jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bulk_help import Bulk, table
from sandbox_help import NOW, Client

from connectors.sandbox.handle import ControlError, Sandbox

SOQL = "SELECT Name, NumberOfEmployees FROM Account"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Ten accounts in a sandbox in a thread, its clock standing still."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        rows = [{"Name": f"Account {n}", "NumberOfEmployees": 10_000_000 * n} for n in range(10)]
        running.load({"Account": rows})
        yield running


@pytest.fixture
def bulk(box: Sandbox) -> Bulk:
    """Jobs of the integration user."""
    return Bulk(Client(box))


def insert(bulk: Bulk, count: int) -> str:
    """An ingest job of so many contacts, closed and not yet asked for."""
    job = bulk.open("insert", "Contact")
    bulk.put(job, "LastName\n" + "".join(f"Name {n}\n" for n in range(count)))
    bulk.change(job, "UploadComplete")
    return job


def test_a_job_takes_as_many_questions_as_told(box: Sandbox, bulk: Bulk) -> None:
    """In progress until then; the next job is quick again."""
    box.faults({"kind": "job_slow", "polls": 3})
    job = bulk.ask(SOQL)
    assert [bulk.state(job) for _ in range(3)] == ["InProgress", "InProgress", "JobComplete"]
    assert bulk.state(bulk.ask(SOQL)) == "JobComplete"


def test_a_job_takes_as_long_as_told(box: Sandbox, bulk: Bulk) -> None:
    """By the sandbox's clock, however often it is asked for."""
    box.faults({"kind": "job_slow", "seconds": 100})
    job = bulk.ask(SOQL)
    assert [bulk.state(job) for _ in range(2)] == ["UploadComplete", "UploadComplete"]
    box.advance(99)
    assert bulk.state(job) == "InProgress"
    box.advance(1)
    assert bulk.state(job) == "JobComplete"


def test_a_slow_ingest_saves_bit_by_bit(box: Sandbox, bulk: Bulk) -> None:
    """What was saved before an abort stays, the rest is unprocessed."""
    box.faults({"kind": "job_slow", "polls": 4, "path": "ingest"})
    job = insert(bulk, 40)
    assert bulk.info(job, "ingest")["numberRecordsProcessed"] == 10
    assert bulk.info(job, "ingest")["numberRecordsProcessed"] == 20
    assert len(box.records("Contact")) == 20
    bulk.change(job, "Aborted")
    assert len(bulk.results(job, "successfulResults")) == 1 + 20
    assert len(bulk.results(job, "unprocessedrecords")) == 1 + 20
    assert len(box.records("Contact")) == 20


def test_a_job_may_never_end(box: Sandbox, bulk: Bulk) -> None:
    """Days later it is still in progress; aborting works."""
    box.faults({"kind": "job_hangs", "count": 3, "times": 2})
    query, ingest = bulk.ask(SOQL), insert(bulk, 5)
    bulk.state(query), bulk.state(ingest, "ingest")
    box.advance(3_600)
    assert bulk.state(query) == bulk.state(ingest, "ingest") == "InProgress"
    assert bulk.change(query, "Aborted", "query").status_code == 200
    assert bulk.change(ingest, "Aborted").status_code == 200
    assert len(bulk.results(ingest, "unprocessedrecords")) == 1 + 2


def test_a_job_fails_with_a_message_or_is_aborted_by_somebody(box: Sandbox, bulk: Bulk) -> None:
    """A query has no results then; an ingest has those of the rows it came to."""
    box.faults(
        {"kind": "job_fails", "message": "Retried more than fifteen times", "path": "query"},
        {"kind": "job_aborts", "count": 2, "path": "ingest"},
    )
    query = bulk.ask(SOQL)
    info = bulk.info(query)
    assert (info["state"], info["errorMessage"]) == ("Failed", "Retried more than fifteen times")
    assert bulk.page(query).status_code == 400
    ingest = insert(bulk, 5)
    assert bulk.state(ingest, "ingest") == "Aborted"
    assert len(bulk.results(ingest, "successfulResults")) == 1 + 2
    assert [row[0] for row in bulk.results(ingest, "unprocessedrecords")[1:]] == [
        "Name 2", "Name 3", "Name 4",
    ]  # fmt: skip


def test_a_complete_job_may_leave_rows_unprocessed(box: Sandbox, bulk: Bulk) -> None:
    """Its counters tell of those it came to."""
    box.faults({"kind": "job_unprocessed", "count": 2})
    job = insert(bulk, 5)
    info = bulk.info(job, "ingest")
    assert (info["state"], info["numberRecordsProcessed"]) == ("JobComplete", 3)
    assert len(bulk.results(job, "unprocessedrecords")) == 1 + 2


def test_results_may_be_fewer_than_promised(box: Sandbox, bulk: Bulk) -> None:
    """The page counts what it has, the job what it promised."""
    box.faults({"kind": "job_short", "count": 3})
    job = bulk.ask(SOQL)
    assert bulk.info(job)["numberRecordsProcessed"] == 10
    first = bulk.page(job, maxRecords=6)
    last = bulk.page(job, maxRecords=6, locator=first.headers["Sforce-Locator"])
    counts = [int(page.headers["Sforce-NumberOfRecords"]) for page in (first, last)]
    assert (counts, last.headers["Sforce-Locator"]) == ([6, 1], "null")
    assert len(table(last.text)) == 1 + 1


def test_the_count_of_a_page_may_be_missing(box: Sandbox, bulk: Bulk) -> None:
    """The rows are there, the header is not."""
    box.faults({"kind": "job_no_count"})
    job = bulk.ask(SOQL)
    bulk.info(job)
    answer = bulk.page(job)
    assert "Sforce-NumberOfRecords" not in answer.headers
    assert len(table(answer.text)) == 1 + 10


def test_odd_cells_stand_in_the_first_rows(box: Sandbox, bulk: Bulk) -> None:
    """One kind a row in the text column, every integer as a double; still ten rows of CSV."""
    box.faults({"kind": "job_odd_cells"})
    rows = bulk.read(SOQL)[1:]
    assert [row[0] for row in rows[:4]] == [
        "#N/A", 'one\ntwo\r\nthree, "four"', "x" * 1024 * 1024, "NA",
    ]  # fmt: skip
    assert {row[1] for row in rows} == {"0.0", *(f"{n}.0E7" for n in range(1, 10))}
    box.faults({"kind": "job_odd_cells", "cells": ["floats"]})
    assert "#N/A" not in {row[0] for row in bulk.read(SOQL)}


def test_an_upload_may_be_refused(box: Sandbox, bulk: Bulk) -> None:
    """The job stays open, without data."""
    box.faults({"kind": "status", "status": 400, "method": "PUT", "path": "batches"})
    job = bulk.open("insert")
    assert bulk.put(job, "Name\nA\n").status_code == 400
    assert [j["state"] for j in box.jobs()] == ["Open"]
    assert bulk.change(job, "UploadComplete").status_code == 400
    assert bulk.put(job, "Name\nA\n").status_code == 201


def test_an_answer_may_be_lost_after_the_job_was_made(box: Sandbox, bulk: Bulk) -> None:
    """The client has no id, the org has the job."""
    box.faults({"kind": "cut_after", "method": "POST", "path": "jobs/ingest"})
    with pytest.raises(OSError, match="Connection"):
        bulk.open("insert")
    assert [j["state"] for j in box.jobs()] == ["Open"]


def test_job_faults_wait_for_a_job(box: Sandbox, bulk: Bulk) -> None:
    """Other calls do not use them up; one may be kept for an object or a direction."""
    box.faults({"kind": "job_fails", "object": "Contact"}, {"kind": "job_slow", "path": "ingest"})
    bulk.client.query("SELECT Id FROM Contact")
    assert bulk.state(bulk.ask(SOQL)) == "JobComplete"
    assert bulk.state(bulk.ask("SELECT Id FROM Contact")) == "Failed"
    assert [rule["fired"] for rule in box.faults()] == [1, 0]
    with pytest.raises(ControlError, match="job_explodes"):
        box.faults({"kind": "job_explodes"})
    with pytest.raises(ControlError, match="unknown odd cells"):
        box.faults({"kind": "job_odd_cells", "cells": ["even"]})


def test_jobs_are_told_with_state_and_age(box: Sandbox, bulk: Bulk) -> None:
    """For tests that must leave no job open."""
    job = insert(bulk, 2)
    box.advance(30)
    (told,) = box.jobs()
    assert told == {
        "id": job, "direction": "ingest", "operation": "insert", "object": "Contact",
        "state": "UploadComplete", "error": "", "age_seconds": 30.0, "polls": 0, "rows": 2,
        "saved": 0, "failed": 0,
    }  # fmt: skip
    bulk.state(job, "ingest")
    (told,) = box.jobs()
    assert (told["state"], told["saved"]) == ("JobComplete", 2)


def test_a_snapshot_brings_jobs_back(box: Sandbox, bulk: Bulk) -> None:
    """With their state and their results; a reset forgets them."""
    waiting, query = insert(bulk, 2), bulk.ask(SOQL)
    box.snapshot()
    assert bulk.state(waiting, "ingest") == "JobComplete"
    later = bulk.ask(SOQL)
    box.restore()
    assert {j["id"]: j["state"] for j in box.jobs()} == {
        waiting: "UploadComplete",
        query: "UploadComplete",
    }
    assert box.records("Contact") == []
    assert bulk.state(waiting, "ingest") == bulk.state(query) == "JobComplete"
    assert len(box.records("Contact")) == 2
    assert bulk.ask(SOQL) != later
    box.reset()
    assert box.jobs() == []
