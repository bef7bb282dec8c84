"""Reading an org by Bulk jobs over real HTTP: as complete as REST, and as easy to go on with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from salesforce_org import ACCOUNT, CONTACT, NOW, Make, accounts, read, rows_of

from connectors.sandbox.handle import Sandbox
from crm_health.connector import FieldRead, Request, Stream
from crm_health.entities import Kind
from crm_health.testing.clock import FixedClock
from crm_health.testing.ports import Log, make_ports

BULK = {"bulk_from": 5, "bulk_page": 200}
NEVER = {"bulk_from": 0}
OPEN = {"Open", "UploadComplete", "InProgress"}


def bulk_calls(sandbox: Sandbox) -> list[str]:
    return [call["path"] for call in sandbox.calls() if "/jobs/query" in call["path"]]


@pytest.fixture
def varied(sandbox: Sandbox) -> list[str]:
    """Accounts with every kind of value, some without, one in the recycle bin."""
    ids = [
        sandbox.edit(
            "Account",
            None,
            {
                "Name": f'A{n:04d}, "the" {n}.\nLine' if n % 3 else f"NA{n}",
                "AnnualRevenue": n * 1_000_000.5 if n % 2 else None,
                "NumberOfEmployees": n * 10_000 if n % 5 else None,
            },
        )
        for n in range(450)
    ]
    sandbox.edit("Account", ids[0], {"ParentId": ids[1]})
    sandbox.delete("Account", ids[7])
    return ids


def test_both_ways_give_the_same_rows(sandbox: Sandbox, make: Make, varied: list[str]) -> None:
    """Cell for cell and type for type, whatever order they come in."""
    by_rest = rows_of(read(make(**NEVER), ACCOUNT)).sort("id")
    pages = read(make(**BULK), ACCOUNT)
    by_bulk = rows_of(pages)
    assert by_bulk.sort("id").equals(by_rest)
    assert by_bulk.schema == by_rest.schema
    assert by_bulk["id"].to_list() != by_rest["id"].to_list()
    assert [page.rows.height for page in pages] == [0, 200, 200, 49]
    assert sorted(by_bulk["id"]) == sorted(set(varied) - {varied[7]})
    assert not any(page.bad.height for page in pages)


def test_a_full_read_costs_what_was_reckoned(sandbox: Sandbox, make: Make) -> None:
    """One call to make a job, one look, one a page; one for all counts, one for all marks."""
    accounts(sandbox, 401)
    sandbox.load({"Contact": [{"LastName": f"C{n}"} for n in range(7)]})
    connector = make(**BULK)
    connector.identity()
    connector.describe(["Account", "Contact"])
    before = connector.usage()
    list(connector.changes([Request(ACCOUNT), Request(CONTACT)]))
    after = connector.usage()
    assert after.by_kind["bulk"] == (1 + 1 + 3) + (1 + 1 + 1)
    assert after.calls - before.calls == after.by_kind["bulk"] + 2


def test_changes_after_a_bulk_read_are_neither_lost_nor_repeated_for_ever(
    sandbox: Sandbox, make: Make
) -> None:
    """The cursor is the watermark from before the job, never a row's stamp."""
    ids = accounts(sandbox, 30)
    sandbox.advance(60)
    stream = make(**BULK).changes([Request(ACCOUNT)])
    had = [next(stream)]
    # Between the making of the job and the reading of its results.
    sandbox.advance(60)
    sandbox.edit("Account", ids[3], {"Name": "changed meanwhile"})
    had += list(stream)
    assert "changed meanwhile" not in rows_of(had)["Name"]
    sandbox.advance(3600)
    again = read(make(**NEVER), ACCOUNT, had[-1].cursor)
    assert "changed meanwhile" in rows_of(again)["Name"]
    sandbox.advance(3600)
    assert rows_of(read(make(**BULK), ACCOUNT, again[-1].cursor)).is_empty()


def test_many_changes_and_deletes_come_by_a_job(sandbox: Sandbox, make: Make) -> None:
    """A deleted row has its id only, as on the other way."""
    ids = accounts(sandbox, 20)
    sandbox.advance(3600)
    cursor = read(make(**NEVER), ACCOUNT)[-1].cursor
    sandbox.advance(3600)
    for n in ids[:9]:
        sandbox.edit("Account", n, {"NumberOfEmployees": 7})
    sandbox.delete("Account", ids[10])
    sandbox.call("POST", "merge", {"object": "Account", "winner": ids[0], "loser": ids[11]})
    # The first page of one row is not all there is.
    pages = read(make(page_rows=200, **BULK), ACCOUNT, cursor)
    by_rest = rows_of(read(make(**NEVER), ACCOUNT, cursor))
    assert rows_of(pages).sort("id").equals(by_rest.sort("id"))


def test_a_read_goes_on_from_the_cursor_of_any_page(sandbox: Sandbox, make: Make) -> None:
    """In the job that was made for it, after a day and by another process."""
    ids = accounts(sandbox, 450)
    pages = read(make(**BULK), ACCOUNT)
    assert len(pages) == 4
    for n, page in enumerate(pages[:-1]):
        sandbox.advance(86_400)
        rest = rows_of(read(make(**BULK), ACCOUNT, page.cursor))
        had = rows_of(pages[: n + 1])
        assert sorted([*had["id"], *rest["id"]]) == sorted(ids)
    assert len(sandbox.jobs()) == 1


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_job_that_somebody_deleted_is_made_again(sandbox: Sandbox, make: Make, kept: int) -> None:
    """Nothing is missed, though rows come again."""
    ids = accounts(sandbox, 450)
    page = read(make(**BULK), ACCOUNT)[kept - 1]
    client = make(**BULK)._client
    job = sandbox.jobs()[0]["id"]
    client.send("DELETE", f"{client.data}/jobs/query/{job}", b"")
    rest = rows_of(read(make(**BULK), ACCOUNT, page.cursor))
    assert sorted(rest["id"]) == sorted(ids)


def test_a_job_of_another_api_version_is_not_asked_for_its_results(
    sandbox: Sandbox, make: Make
) -> None:
    """The service would answer 409 for ever."""
    ids = accounts(sandbox, 30)
    cursor = read(make(**BULK), ACCOUNT)[0].cursor
    upgraded = make(version="63.0", **BULK)
    assert sorted(rows_of(read(upgraded, ACCOUNT, cursor))["id"]) == sorted(ids)
    assert len(sandbox.jobs()) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "job_fails", "message": "InternalServerError : Ada Lovelace's row"},
        {"kind": "job_aborts"},
        {"kind": "job_hangs"},
    ],
)
def test_a_job_that_comes_to_nothing_is_replaced_by_rest(
    sandbox: Sandbox, make: Make, fault: dict[str, Any]
) -> None:
    """All rows come, no job stays open, and the service's words are not repeated in the log."""
    ids = accounts(sandbox, 450)
    sandbox.faults(fault)
    log = Log()
    pages = read(make(make_ports(FixedClock(), log=log), **BULK), ACCOUNT)
    assert sorted(rows_of(pages)["id"]) == sorted(ids)
    assert pages[-1].last
    failed = [values for event, values in log.events if event == "salesforce.bulk_failed"]
    assert len(failed) == 1
    assert "Ada" not in str(log.events)
    assert not [job for job in sandbox.jobs() if job["state"] in OPEN]


def test_a_slow_job_is_waited_for(sandbox: Sandbox, make: Make) -> None:
    """With pauses that grow: two hundred seconds cost about a dozen looks, not hundreds."""
    ids = accounts(sandbox, 30)
    sandbox.faults({"kind": "job_slow", "polls": 12})
    clock = FixedClock()
    before = clock.monotonic()
    pages = read(make(make_ports(clock), **BULK), ACCOUNT)
    assert sorted(rows_of(pages)["id"]) == sorted(ids)
    assert clock.monotonic() - before > 150


@pytest.mark.parametrize(("times", "by_rest"), [(1, False), (0, True)])
def test_fewer_rows_than_promised_are_read_again(
    sandbox: Sandbox, make: Make, times: int, by_rest: bool
) -> None:
    """By another job, and by REST where that is short too; nothing passes for whole before."""
    ids = accounts(sandbox, 450)
    sandbox.faults({"kind": "job_short", "count": 3, "times": times})
    log = Log()
    pages = read(make(make_ports(log=log), **BULK), ACCOUNT)
    assert [page.last for page in pages].index(True) == len(pages) - 1
    begun = [n for n, page in enumerate(pages) if not page.rows.height]
    assert sorted(rows_of(pages[begun[-1] :])["id"]) == sorted(ids)
    assert len(sandbox.jobs()) == 2
    codes = [v["code"] for event, v in log.events if event == "salesforce.bulk_unreadable"]
    assert codes == ["CH-SF-COUNT"] * (2 if by_rest else 1)
    assert any("/queryAll" in call["path"] for call in sandbox.calls()) == by_rest


def test_pages_without_a_count_are_added_up(sandbox: Sandbox, make: Make) -> None:
    """The job's own count is compared with all of them."""
    ids = accounts(sandbox, 450)
    sandbox.faults({"kind": "job_no_count", "times": 0})
    assert sorted(rows_of(read(make(**BULK), ACCOUNT))["id"]) == sorted(ids)
    sandbox.faults({"kind": "job_short", "count": 1})
    log = Log()
    assert set(rows_of(read(make(make_ports(log=log), **BULK), ACCOUNT))["id"]) == set(ids)
    assert "salesforce.bulk_unreadable" in [event for event, _ in log.events]


def test_odd_cells_stay_what_they_are(sandbox: Sandbox, make: Make) -> None:
    """Texts that look like nothing, line ends, a megabyte; and numbers with a point."""
    sandbox.load(
        {"Account": [{"Name": f"A{n}", "NumberOfEmployees": n * 1_000_000} for n in range(9)]}
    )
    sandbox.faults({"kind": "job_odd_cells"})
    stream = Stream(
        "Account",
        (FieldRead("NumberOfEmployees", Kind.NUMBER), FieldRead("Name", Kind.TEXT)),
    )
    rows = rows_of(read(make(**BULK), stream))
    names = set(rows["Name"])
    assert {"#N/A", 'one\ntwo\r\nthree, "four"', "x" * 1024 * 1024, "NA"} <= names
    assert rows.height == 9
    assert sorted(rows["NumberOfEmployees"]) == [n * 1e6 for n in range(9)]


@pytest.mark.parametrize("kind", ["cut_after", "truncate", "unavailable", "html", "too_many"])
@pytest.mark.parametrize("path", [r"/jobs/query$", r"/jobs/query/\w+$", r"/results"])
def test_one_bad_answer_at_any_step_is_overcome(
    sandbox: Sandbox, make: Make, kind: str, path: str
) -> None:
    """A page that fails is no end of pages."""
    ids = accounts(sandbox, 450)
    sandbox.faults({"kind": kind, "path": path, "times": 1})
    assert sorted(rows_of(read(make(**BULK), ACCOUNT))["id"]) == sorted(ids)
    assert [rule["fired"] for rule in sandbox.faults()] == [1]


def test_a_session_that_ends_between_pages_is_renewed(sandbox: Sandbox, make: Make) -> None:
    """Once for all of the job's calls."""
    ids = accounts(sandbox, 450)
    stream = make(**BULK).changes([Request(ACCOUNT)])
    had = [next(stream), next(stream)]
    sandbox.call("POST", "expire", {})
    assert sorted(rows_of(had + list(stream))["id"]) == sorted(ids)


def test_where_the_day_has_no_jobs_left_rest_reads(sandbox: Sandbox, make: Make) -> None:
    """All objects, after one refusal."""
    ids = accounts(sandbox, 30)
    sandbox.load({"Contact": [{"LastName": f"C{n}"} for n in range(9)]})
    sandbox.call("POST", "limits", {"query_jobs": 0})
    pages = list(make(**BULK).changes([Request(ACCOUNT), Request(CONTACT)]))
    rows = pl.concat([page.rows["id"] for page in pages])
    assert rows.len() == len(ids) + 9
    assert len(bulk_calls(sandbox)) == 1


def test_what_bulk_can_not_read_rest_reads(sandbox: Sandbox, make: Make) -> None:
    """The service says so of the object; the others still go by jobs."""
    ids = accounts(sandbox, 9)
    sandbox.load({"Contact": [{"LastName": f"C{n}"} for n in range(9)]})
    sandbox.faults(
        {
            "kind": "status",
            "status": 400,
            "code": "INVALIDENTITY",
            "message": "Entity 'Account' is not supported by the Bulk API.",
            "object": "Account",
            "path": r"/jobs/query$",
            "times": 0,
        }
    )
    connector = make(**BULK)
    for _ in range(2):
        pages = list(connector.changes([Request(ACCOUNT), Request(CONTACT)]))
        found = [n for page in pages if page.stream is ACCOUNT for n in page.rows["id"]]
        assert sorted(found) == sorted(ids)
    assert [job["object"] for job in sandbox.jobs()] == ["Contact", "Contact"]
    assert [rule["fired"] for rule in sandbox.faults()] == [1]


def test_ids_come_by_a_job(sandbox: Sandbox, make: Make) -> None:
    """Those of live rows, each once."""
    ids = accounts(sandbox, 450)
    sandbox.delete("Account", ids[7])
    connector = make(**BULK)
    found = [i for series in connector.ids("Account") for i in series]
    assert sorted(found) == sorted(set(ids) - {ids[7]})
    assert connector.usage().by_kind["bulk"] == 1 + 1 + 3
    assert "query" not in connector.usage().by_kind


def test_an_open_transaction_holds_the_watermark_of_a_job_back(
    sandbox: Sandbox, make: Make
) -> None:
    """What becomes visible after the job was made is found by the next read."""
    accounts(sandbox, 9)
    sandbox.advance(60)
    held = sandbox.edit("Account", None, {"Name": "late"}, hold=True)
    sandbox.clock(NOW + timedelta(hours=5))
    pages = read(make(**BULK), ACCOUNT)
    assert "late" not in rows_of(pages)["Name"]
    sandbox.release(held)
    assert "late" in rows_of(read(make(**BULK), ACCOUNT, pages[-1].cursor))["Name"]
