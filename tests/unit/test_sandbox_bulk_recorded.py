"""Bulk jobs of the sandbox answer in the shapes that were recorded from the real service."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from bulk_help import Bulk
from sandbox_help import NOW, Client, contract, custom_key, recorded

from connectors.sandbox.handle import Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox in a thread, its clock standing still."""
    with Sandbox.start(now=NOW, frozen=True) as running:
        yield running


@pytest.fixture
def bulk(box: Sandbox) -> Bulk:
    """Jobs of the integration user, who may use an external id on opportunities."""
    assert box.org is not None
    custom_key(box.org.records, "Opportunity")
    return Bulk(Client(box))


def same_shape(ours: dict[str, Any], real: dict[str, Any], *, moment: frozenset[str]) -> None:
    """Same keys in the same order, same types; same values but for those of the moment."""
    assert list(ours) == list(real)
    assert {k: type(v) for k, v in ours.items()} == {k: type(v) for k, v in real.items()}
    kept = set(ours) - moment
    assert {k: ours[k] for k in kept} == {k: real[k] for k in kept}
    for name in ("createdDate", "systemModstamp"):
        form = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000"
        assert re.fullmatch(form, ours[name]), name


_MOMENT = frozenset(
    {
        "id", "createdById", "createdDate", "systemModstamp", "apiVersion", "contentUrl",
        "externalIdFieldName", "object", "totalProcessingTime", "apiActiveProcessingTime",
        "numberRecordsProcessed", "numberRecordsFailed",
    }
)  # fmt: skip
_GOOD = "Name,StageName,Key__c,CloseDate\nA,GENERATED,k1,2024-09-09\n"
_UPSERT = {"object_name": "Opportunity", "externalIdFieldName": "Key__c"}


def upsert(bulk: Bulk, text: str) -> Any:
    """The info of an upsert of opportunities."""
    return bulk.load("upsert", text, **_UPSERT)


def test_a_query_job_is_created_as_recorded(bulk: Bulk) -> None:
    """The first answer of a query job."""
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    ours = bulk.client.send("POST", "jobs/query", body).json()
    same_shape(ours, recorded("ampersand/bulk/read-launch-job-account.json"), moment=_MOMENT)


def test_a_query_job_that_is_done_is_told_as_documented(bulk: Bulk) -> None:
    """jobType, counters and isPkChunkingSupported."""
    ours = bulk.info(bulk.ask("SELECT Id FROM Account"))
    real = recorded("official-docs/bulk2_query_job_complete.json")
    same_shape(ours, real, moment=_MOMENT)


def test_an_unknown_job_is_told_as_documented(bulk: Bulk) -> None:
    """Of both directions, and their parts."""
    real = recorded("official-docs/bulk2_job_not_found_404.json")
    for tail in ("query/750R0000000zlh9IAA", "ingest/750R0000000zlh9IAA", "query/x/results"):
        answer = bulk.client.send("GET", f"jobs/{tail}")
        assert (answer.status_code, answer.json()) == (404, real)


def test_pages_of_a_query_are_as_documented(box: Sandbox, bulk: Bulk) -> None:
    """A header on every page, all cells quoted, locators in base64, the last one `null`."""
    real = contract("official-docs/bulk2_query_results_pages.http").read_text()
    box.load({"Account": [{"Name": f"A{n}"} for n in range(3)]})
    job = bulk.ask("SELECT Id, Name FROM Account")
    bulk.info(job)
    first = bulk.page(job, maxRecords=2)
    last = bulk.page(job, maxRecords=2, locator=first.headers["Sforce-Locator"])
    assert real.count('\n"Id","Name"\n') == 2
    for page in (first, last):
        assert re.fullmatch(r'"Id","Name"\n("001\w{15}","A\d"\n){1,2}', page.text)
    known = re.findall(r"Sforce-Locator: (\w+)", real)
    assert known[0] == "MTAwMDA"
    assert first.headers["Sforce-Locator"] == "Mg"
    assert last.headers["Sforce-Locator"] == known[-1] == "null"


@pytest.mark.parametrize(("operation", "name"), [("upsert", "write"), ("delete", "delete")])
def test_an_ingest_job_is_created_and_closed_as_recorded(
    bulk: Bulk, operation: str, name: str
) -> None:
    """The first answer has the address for the upload, the answer to closing is shorter."""
    more = {"externalIdFieldName": "Key__c"} if operation == "upsert" else {}
    body = {"operation": operation, "object": "Opportunity", **more}
    ours = bulk.client.send("POST", "jobs/ingest", body).json()
    real = recorded(f"ampersand/bulk/{name}/launch-job-opportunity.json")
    same_shape(ours, real, moment=_MOMENT)
    assert ours["contentUrl"] == f"services/data/v67.0/jobs/ingest/{ours['id']}/batches"
    assert real["contentUrl"] == f"services/data/v60.0/jobs/ingest/{real['id']}/batches"
    bulk.put(ours["id"], "Id\n")
    closed = bulk.change(ours["id"], "UploadComplete").json()
    real = recorded(f"ampersand/bulk/{name}/update-job-opportunity.json")
    same_shape(closed, real, moment=_MOMENT)


def test_an_ingest_job_in_progress_is_told_as_recorded(box: Sandbox, bulk: Bulk) -> None:
    """Counters while it works."""
    box.faults({"kind": "job_slow", "polls": 2})
    ours = upsert(bulk, _GOOD)
    same_shape(ours, recorded("ampersand/bulk/info/in-progress.json"), moment=_MOMENT)


@pytest.mark.parametrize(
    ("text", "name", "counts"),
    [
        (_GOOD, "success", (1, 0)),
        (_GOOD + "B,GENERATED,k2,2003-04-98765\n", "partial-failure", (2, 1)),
    ],
)
def test_an_ingest_job_that_is_done_is_told_as_recorded(
    bulk: Bulk, text: str, name: str, counts: tuple[int, int]
) -> None:
    """JobComplete, whether rows failed or not."""
    ours = upsert(bulk, text)
    same_shape(ours, recorded(f"ampersand/bulk/info/{name}.json"), moment=_MOMENT)
    assert (ours["numberRecordsProcessed"], ours["numberRecordsFailed"]) == counts


def test_an_ingest_job_with_a_wrong_header_is_told_as_recorded(bulk: Bulk) -> None:
    """Failed with the recorded words, nothing processed."""
    real = recorded("ampersand/bulk/info/complete-failure.json")
    ours = upsert(bulk, "Key__c,StageName_invalid_field_on_purpose\nk1,x\n")
    same_shape(ours, real, moment=_MOMENT - {"numberRecordsProcessed", "numberRecordsFailed"})


def test_refused_rows_are_told_as_recorded(bulk: Bulk) -> None:
    """The same upload gives the recorded file, quote for quote."""
    real = contract("ampersand/bulk/info/partial-failure.csv").read_text()
    head, row = csv.reader(io.StringIO(real))
    cells = dict(zip(head, row, strict=True))
    text = (
        "Name,StageName,Key__c,CloseDate\n"
        f"{cells['Name']},{cells['StageName']},{cells['external_id__c']},{cells['CloseDate']}\n"
    )
    job = upsert(bulk, text)["id"]
    ours = bulk.client.send("GET", f"jobs/ingest/{job}/failedResults").text
    assert ours.strip() == real.strip().replace("external_id__c", "Key__c")
