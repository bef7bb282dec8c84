"""Large windows are read by jobs: complete or not at all, and on from any page after a crash."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from bulk_service import BIG, FIELDS, JOB, NOW, ROWS, SMALL, WHOLE, Service, names, read, reader

from connectors.http import TooLarge
from connectors.salesforce.bulk_csv import BadResults
from connectors.salesforce.cursor import Cursor, Place
from connectors.salesforce.errors import QueryLost
from connectors.salesforce.read import Reader
from crm_health.connector import Page, Request, Stream
from crm_health.errors import AuthError, Rejected, SetupError, StateError, Unavailable


def test_a_large_object_is_read_by_a_job() -> None:
    """The job is stored first; then all rows come, and what they cost is what was reckoned."""
    service = Service()
    pages = read(service)
    assert [page.rows.height for page in pages] == [0, 3, 3, 1]
    assert sorted(names(pages)) == WHOLE
    assert [page.last for page in pages] == [False, False, False, True]
    assert service.made("jobs/query") == 1 + 1 + 3
    assert not service.made("queryAll")
    place = Cursor.load(pages[0].cursor).place
    assert place is not None
    assert (place.job, place.locator, place.rows) == (JOB.format(1), "", 0)


def test_the_watermark_is_older_than_the_job() -> None:
    """The last row's stamp says nothing where rows come in no order."""
    service = Service()
    pages = read(service)
    order = [call for call in service.calls if call == "composite" or call.startswith("POST")]
    assert order == ["composite", f"POST {service.data}/jobs/query"]
    assert Cursor.load(pages[-1].cursor) == Cursor(stamp=NOW, full=False)
    assert "ORDER BY" not in service.jobs[JOB.format(1)]


@pytest.mark.parametrize("kept", range(4))
def test_a_read_goes_on_from_any_page(kept: int) -> None:
    """The same job, at the page that was not stored; nothing is missed, nothing asked again."""
    service = Service()
    stream = reader(service).changes([Request(BIG)])
    had = [next(stream) for _ in range(kept)]
    cursor = had[-1].cursor if had else None
    service.now = NOW + timedelta(hours=1)
    rest = read(service, cursor=cursor)
    assert sorted(names(had + rest)) == WHOLE
    assert len(service.jobs) == 1
    # What the job saw is what the cursor says, however late it was read to its end.
    assert Cursor.load(rest[-1].cursor).stamp == (NOW if had else service.now)


@pytest.mark.parametrize("kept", range(1, 4))
def test_a_job_that_is_gone_is_made_again(kept: int) -> None:
    """From where the window began: rows come again, none is missed."""
    service = Service()
    stream = reader(service).changes([Request(BIG)])
    had = [next(stream) for _ in range(kept)]
    service.jobs = {"other": ""}
    rest = read(service, cursor=had[-1].cursor)
    assert sorted(names(rest)) == WHOLE
    assert "salesforce.bulk_gone" in service.log


def test_a_job_of_another_query_or_version_is_left_alone() -> None:
    """Its columns and its results would be others."""
    service = Service()
    first = next(iter(reader(service).changes([Request(BIG)]))).cursor
    bare = Stream("Big__c", ())
    pages = list(reader(service).changes([Request(bare, first)]))
    assert sum(page.rows.height for page in pages) == ROWS
    service.version = "63.0"
    assert sorted(names(read(service, cursor=first))) == WHOLE
    assert len(service.jobs) == 3


def test_jobs_work_at_the_same_time_and_small_objects_come_meanwhile() -> None:
    """All are made before the first is waited for."""
    service = Service()
    service.counts["Other__c"] = 9
    pages = read(service, BIG, SMALL, Stream("Other__c", FIELDS))
    assert [page.stream.object for page in pages if page.last] == ["Small__c", "Big__c", "Other__c"]
    looks = [n for n, call in enumerate(service.calls) if re.search(r"query/750\w+$", call)]
    made = [n for n, call in enumerate(service.calls) if call.startswith("POST")]
    by_rest = [n for n, call in enumerate(service.calls) if "queryAll" in call]
    assert max(made + by_rest) < min(looks)
    assert service.made("recordCount") == service.made("composite") == 1


def test_few_rows_are_read_by_rest() -> None:
    """And with bulk_from 0 many are, too, without a question for their number."""
    assert not (service := Service(), read(service, SMALL))[0].jobs
    service = Service()
    pages = list(reader(service, 0).changes([Request(BIG)]))
    assert sorted(names(pages)) == WHOLE
    assert not service.jobs
    assert not service.made("recordCount")


def test_many_changes_are_read_by_a_job() -> None:
    """The first page says how many there are; the window reaches back as ever."""
    service = Service()
    stamp = NOW - timedelta(days=3)
    pages = read(service, cursor=Cursor(stamp=stamp, full=False).dump())
    assert sorted(names(pages)) == WHOLE
    (query,) = service.jobs.values()
    assert query.endswith("WHERE SystemModstamp >= 2026-02-26T11:50:30Z")
    assert Cursor.load(pages[0].cursor).stamp == stamp
    assert not service.made("recordCount")


def test_a_count_that_was_wrong_is_found_out_by_the_first_page() -> None:
    """The service's own counts are rough."""
    service = Service()
    service.counts = {}
    assert sorted(names(read(service))) == WHOLE
    assert len(service.jobs) == 1


def test_a_query_that_takes_too_long_becomes_a_job() -> None:
    """However few rows it would give."""
    service = Service(timeouts=1)
    assert sorted(names(read(service, SMALL))) == ["A0", "A1"]
    assert len(service.jobs) == 1


def test_a_query_that_never_ends_in_time_ends_the_read() -> None:
    """Neither API gives it: three more tries, and no more."""
    service = Service(timeouts=100, states=["Failed"])
    with pytest.raises(Unavailable, match="dropping"):
        read(service, SMALL)
    assert service.made("queryAll") == 5


@pytest.mark.parametrize("states", [["Failed"], ["InProgress", "Aborted"]])
def test_a_job_that_fails_is_replaced_by_rest(states: list[str]) -> None:
    """Once, for this window, and it is logged."""
    service = Service(states=states)
    pages = read(service)
    assert sorted(names(pages)) == WHOLE
    assert pages[-1].last
    assert service.log.count("salesforce.bulk_failed") == 1
    assert len(service.jobs) == 1
    assert Cursor.load(pages[-1].cursor) == Cursor(stamp=NOW, full=False)


def test_a_job_that_does_not_move_is_given_up() -> None:
    """After half an hour; it is aborted, and looks at it become rare."""
    service = Service(states=["InProgress"])
    before = service.clock.monotonic()
    assert sorted(names(read(service))) == WHOLE
    assert service.aborted == [JOB.format(1)]
    assert 1800 <= service.clock.monotonic() - before < 2000
    assert service.made("query/750") < 100


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (Rejected(code="INVALIDENTITY"), 2),
        (SetupError(code="NOT_FOUND"), 2),
        (Rejected(code="FEATURENOTENABLED"), 1),
        (Rejected(code="LIMIT_EXCEEDED"), 1),
        (AuthError(code="API_DISABLED_FOR_ORG"), 1),
    ],
)
def test_where_bulk_is_refused_rest_reads(error: Exception, tries: int) -> None:
    """For the object alone, or for the whole org; each refusal is met and told once."""
    service = Service(refused=error)
    service.counts["Other__c"] = 9
    both = reader(service)
    for _ in range(2):
        pages = list(both.changes([Request(BIG), Request(Stream("Other__c", FIELDS))]))
        assert sorted(names(pages)) == sorted(WHOLE * 2)
    assert service.made("POST") == tries
    assert service.log.count("salesforce.bulk_refused") == tries


@pytest.mark.parametrize(
    "knobs",
    [
        {"promised": ROWS + 1},
        {"promised": ROWS - 1},
        {"given": 5},
        {"headers": {"Sforce-NumberOfRecords": "2"}},
        {"headers": {"Sforce-NumberOfRecords": ""}, "given": 5},
        {"headers": {"Sforce-Locator": "null"}},
        {"headers": {"Sforce-Locator": ""}},
        {"headers": {"Sforce-Locator": "L3"}},
        {"headers": {"Sforce-Locator": "../../evil?"}},
        {"body": b"Id,Name\n"},
        {"body": b"Name,Id,IsDeleted,SystemModstamp\nA1,001000000000001AAA\n"},
        {"body": b'Name,Id,IsDeleted,SystemModstamp\n"A1'},
        {"body": b"Name,Id,IsDeleted,SystemModstamp\n1,5,001000000000001AAA,false,x\n"},
        {"body": b"Name,Id,IsDeleted,SystemModstamp\n\xff,001000000000001AAA,false,x\n"},
        {"promised": None},
    ],
)
def test_results_that_are_not_whole_are_not_taken_for_whole(knobs: dict[str, Any]) -> None:
    """One more job is made; where its results are no better REST reads, and counts by itself."""
    service = Service(**knobs)
    pages = read(service)
    assert [page.last for page in pages].index(True) == len(pages) - 1
    assert sorted(names(pages[-2:])) == WHOLE
    assert service.made("queryAll") == 1
    assert len(service.jobs) == service.log.count("salesforce.bulk_unreadable") == 2
    assert Cursor.load(pages[-1].cursor) == Cursor(stamp=NOW, full=False)


def test_results_that_were_spoilt_once_cost_one_more_job() -> None:
    """And no read by REST, which takes many more calls."""
    service = Service(fault=BadResults(code="CH-SF-CSV"))
    pages = read(service)
    assert set(names(pages)) == set(WHOLE)
    assert pages[-1].last
    assert len(service.jobs) == 2
    assert not service.made("queryAll")


def test_spoilt_results_are_forgotten_before_anything_else_can_fail() -> None:
    """Whatever ends this run, the next one does not come back to them."""
    service = Service(body=b"x")
    stream = reader(service).changes([Request(BIG)])
    had = [next(stream), next(stream)]
    assert Cursor.load(had[0].cursor).place is not None
    assert Cursor.load(had[1].cursor).place is None
    service.knobs["refused"] = Unavailable(code="HTTP-503")
    with pytest.raises(Unavailable):
        next(stream)
    service.knobs = {}
    assert sorted(names(read(service, cursor=had[1].cursor))) == WHOLE


def test_pages_that_stay_empty_end() -> None:
    """Each with a locator of its own: ten in a row are enough; so are two such jobs."""
    nothing = b"Name,Id,IsDeleted,SystemModstamp\n"
    service = Service(body=nothing, headers={"Sforce-NumberOfRecords": "0"}, rows=1_000)
    assert len(set(names(read(service)))) == 1_000
    assert service.made("/results") == 20


def test_a_missing_count_of_a_page_is_no_matter() -> None:
    """The job's own count must match then."""
    service = Service(headers={"Sforce-NumberOfRecords": ""})
    assert sorted(names(read(service))) == WHOLE


def test_a_page_that_is_too_large_is_asked_for_in_halves() -> None:
    """Down to a hundred rows; then the read fails as it would have."""
    service = Service(too_large=250)
    whole = Reader(service, service, bulk_from=5, bulk_page=1_000)  # type: ignore[arg-type]
    assert sorted(names(list(whole.changes([Request(BIG)])))) == WHOLE
    assert [int(size) for size in re.findall(r"maxRecords=(\d+)", " ".join(service.calls))] == [
        1_000,
        500,
        250,
    ]
    service = Service(too_large=1)
    with pytest.raises(TooLarge):
        list(Reader(service, service, bulk_from=5).changes([Request(BIG)]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fault", "jobs"),
    [
        (QueryLost(code="INVALID_QUERY_LOCATOR"), 2),
        (SetupError(code="HTTP-404"), 2),
        (Rejected(code="INVALIDJOBSTATE"), 1),
    ],
)
def test_results_that_are_lost_halfway_are_read_again(fault: Exception, jobs: int) -> None:
    """By another job where there may be one, by REST where the service refuses."""
    service = Service(fault=fault)
    pages = read(service)
    assert sorted(set(names(pages))) == WHOLE
    assert pages[-1].last
    assert len(service.jobs) == jobs


def test_an_answer_that_is_missing_on_the_way_fails_the_run_and_keeps_the_place() -> None:
    """One failed call is no end of pages: the next run goes on where this one stood."""
    service = Service(fault=Unavailable(code="HTTP-503"))
    had: list[Page] = []
    with pytest.raises(Unavailable, match="run again later"):
        had.extend(reader(service).changes([Request(BIG)]))
    assert names(had) != []
    rest = read(service, cursor=had[-1].cursor)
    assert sorted(names(had + rest)) == WHOLE
    assert len(service.jobs) == 1


def test_a_position_in_the_middle_stays_where_its_rest_is_read_by_a_job() -> None:
    """The rest alone is asked for, and asked for again if the job is lost."""
    middle = Cursor(NOW - timedelta(days=2), "001000000000009AAA", NOW - timedelta(hours=5))
    service = Service()
    pages = read(service, cursor=middle.dump())
    (query,) = service.jobs.values()
    assert "AND Id > '001000000000009AAA') OR SystemModstamp > " in query
    begun = Cursor.load(pages[0].cursor)
    assert (begun.stamp, begun.last_id, begun.watermark) == (
        middle.stamp,
        middle.last_id,
        middle.watermark,
    )
    assert Cursor.load(pages[-1].cursor).stamp == middle.watermark


def test_ids_of_a_large_object_come_by_a_job() -> None:
    """Each once, though a job was lost on the way."""
    service = Service(fault=SetupError(code="NOT_FOUND"))
    found = [i for series in reader(service).ids("Big__c") for i in series]
    assert sorted(found) == [f"001{n:012d}AAA" for n in range(ROWS)]
    assert set(service.jobs.values()) == {
        "SELECT Id, IsDeleted FROM Big__c WHERE IsDeleted = false"
    }
    assert not service.made("queryAll")


@pytest.mark.parametrize(
    "place",
    ['{"job":"x/../y","digest":"d","locator":"","rows":0}',
     '{"job":"750000000000001AAA","digest":"d","locator":"a&b=c","rows":0}',
     '{"job":"750000000000001AAA"}', '{"evil":1}', "[]", '"x"',
     '{"job":"750000000000001AAA","digest":"d","locator":"","rows":"1"}'],
)  # fmt: skip
def test_a_damaged_place_is_said_so_or_left_alone(place: str) -> None:
    """It does not become part of an address."""
    text = f'{{"v":1,"t":null,"id":"","w":null,"full":true,"place":{place}}}'
    if place == "[]":
        assert Cursor.load(text).place is None
        return
    with pytest.raises(StateError, match="--full"):
        Cursor.load(text)


def test_places_survive_as_text() -> None:
    """And a cursor without one looks as it did."""
    place = Place("750000000000001AAA", "abc", "MTAwMDA", 10_000)
    cursor = Cursor(NOW, watermark=NOW, full=False, place=place)
    assert Cursor.load(cursor.dump()) == cursor
    assert "place" not in Cursor(NOW).dump()
