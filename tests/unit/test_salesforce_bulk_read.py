"""Large windows are read by jobs: complete or not at all, and on from any page after a crash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any
from urllib.parse import unquote

import orjson
import pytest

from connectors.http import TooLarge
from connectors.salesforce.bulk_csv import BadResults
from connectors.salesforce.client import Answer, Part
from connectors.salesforce.cursor import Cursor, Place
from connectors.salesforce.describe import Describer, Shape, shape_of
from connectors.salesforce.errors import QueryLost
from connectors.salesforce.read import Reader
from crm_health.connector import FieldRead, Page, Ports, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import AuthError, Rejected, SetupError, StateError, Unavailable
from crm_health.testing.clock import FixedClock
from crm_health.testing.ports import Log, make_ports

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
FIELDS = (FieldRead("Name", Kind.TEXT),)
BIG, SMALL = Stream("Big__c", FIELDS), Stream("Small__c", FIELDS)
JOB = "750{:012d}AAA"
ROWS = 7
Answers = dict[str, Any]


def shape(name: str) -> Shape:
    return shape_of(
        {
            "name": name,
            "replicateable": True,
            "fields": [
                {"name": field, "type": "boolean" if field == "IsDeleted" else "string"}
                for field in ("Id", "Name", "SystemModstamp", "IsDeleted")
            ],
        }
    )


class Service(Describer):
    """An org at the client's seam, with one answer a knob; Bulk gives rows in no order."""

    data, version, silent_for = "/services/data/v62.0", "62.0", 0.0

    def __init__(self, **knobs: Any) -> None:
        self.clock = FixedClock()
        self.ports: Ports = make_ports(self.clock, log=Log())
        self.now: datetime | None = NOW
        self.calls: list[str] = []
        self.jobs: dict[str, str] = {}
        self.aborted: list[str] = []
        self.counts = {"Big__c": ROWS}
        self.knobs = knobs
        self.states: Iterator[str] = cycle(knobs.get("states", ["JobComplete"]))
        self._known = {name: shape(name) for name in ("Big__c", "Other__c", "Small__c")}

    # The members of the client that are used.

    def get(self, path: str, params: Any = None, headers: Any = None) -> Answer:
        path = unquote(path)
        self.calls.append(path)
        if path.endswith("/recordCount"):
            return self._json(
                {"sObjects": [{"name": n, "count": c} for n, c in self.counts.items()]}
            )
        if "/queryAll?" in path or "/query/01g" in path:
            return self._json(self._query(path))
        if "/results" in path:
            return self._results(path)
        return self._json(self._info(path.rsplit("/", 1)[-1]))

    def send(self, method: str, path: str, body: bytes, headers: Any = None) -> Answer:
        self.calls.append(f"{method} {path}")
        asked = orjson.loads(body)
        if method == "PATCH":
            assert asked == {"state": "Aborted"}
            self.aborted.append(path.rsplit("/", 1)[-1])
            return self._json({"id": self.aborted[-1], "state": "Aborted"})
        if refused := self.knobs.get("refused"):
            raise refused
        assert asked["operation"] == "queryAll"
        made = JOB.format(len(self.jobs) + 1)
        self.jobs[made] = asked["query"]
        return self._json({"id": made, "state": "UploadComplete"})

    def composite(self, parts: Any, headers: Any = None) -> dict[str, Part]:
        self.calls.append("composite")
        covered: Answers = {"ids": [], "latestDateCovered": self.now and self.now.isoformat()}
        return {
            reference: Part(200, covered if "/updated/" in path else self._query(unquote(path)))
            for reference, path in parts
        }

    def _json(self, body: Any) -> Answer:
        return Answer(orjson.dumps(body), now=NOW)

    def _info(self, job: str) -> Answers:
        if job not in self.jobs:
            raise SetupError(code="NOT_FOUND")
        state = next(self.states)
        done = state == "JobComplete"
        promised = self.knobs.get("promised", self._count(self.jobs[job]))
        return {"id": job, "state": state, "numberRecordsProcessed": promised if done else 0}

    def _count(self, query: str) -> int:
        return 2 if "Small__c" in query else int(self.knobs.get("rows", ROWS))

    def _rows(self, query: str) -> list[int]:
        """Numbers of rows in a stamp order that is not the order they come in."""
        count = self._count(query)
        return [n * 3 % count for n in range(count)]

    def _results(self, path: str) -> Answer:
        job, size, _, start = re.search(  # type: ignore[union-attr]  # an address of ours
            r"query/(\w+)/results\?maxRecords=(\d+)(&locator=L(\d+))?", path
        ).groups()
        if job not in self.jobs:
            raise SetupError(code="NOT_FOUND")
        if int(size) > self.knobs.get("too_large", 10**9):
            raise TooLarge(code="CH-SIZE")
        first, query = int(start or 0), self.jobs[job]
        fault = self.knobs.get("fault")
        if fault and first >= 2:
            del self.knobs["fault"]
            raise fault
        rows = self._rows(query)[: self.knobs.get("given")]
        shown, end = rows[first : first + int(size)], first + int(size)
        columns = query.split(" FROM ")[0].removeprefix("SELECT ").split(", ")[::-1]
        lines = [",".join(columns)]
        for n in shown:
            cells = {
                "Id": f"001{n:012d}AAA",
                "Name": f"A{n}",
                "IsDeleted": "false",
                "SystemModstamp": self.stamp(n),
            }
            lines.append(",".join(cells[column] for column in columns))
        text = "\n".join(lines)
        found = {"Sforce-NumberOfRecords": str(len(shown)), "Sforce-Locator": f"L{end}"}
        if end >= len(rows):
            found["Sforce-Locator"] = "null"
        found |= self.knobs.get("headers", {})
        body = self.knobs.get("body", text.encode())
        return Answer(body, now=NOW, headers={k: v for k, v in found.items() if v})

    @staticmethod
    def stamp(n: int) -> str:
        return (NOW - timedelta(hours=n)).isoformat(timespec="milliseconds")

    def _query(self, path: str) -> Answers:
        if timeouts := self.knobs.get("timeouts"):
            self.knobs["timeouts"] = timeouts - 1
            raise QueryLost(code="QUERY_TIMEOUT")
        records = [
            {
                "Id": f"001{n:012d}AAA",
                "Name": f"A{n}",
                "SystemModstamp": self.stamp(n),
                "IsDeleted": False,
            }
            for n in sorted(self._rows(path), reverse=True)
        ]
        page = {"totalSize": len(records), "done": True, "records": records}
        if "Small__c" in path:
            return page
        if "01g" in path:
            return page | {"records": records[4:]}
        link = f"{self.data}/query/01g000000000001AAA-4"
        return page | {"done": False, "records": records[:4], "nextRecordsUrl": link}

    # What tests ask.

    @property
    def log(self) -> list[str]:
        assert isinstance(self.ports.log, Log)
        return [event for event, _ in self.ports.log.events]

    def made(self, part: str) -> int:
        return sum(part in call for call in self.calls)


def reader(service: Service, least: int = 5) -> Reader:
    return Reader(service, service, bulk_from=least, bulk_page=3)  # type: ignore[arg-type]


def read(service: Service, *streams: Stream, cursor: str | None = None) -> list[Page]:
    return list(reader(service).changes([Request(s, cursor) for s in streams or (BIG,)]))


def names(pages: list[Page]) -> list[str]:
    return [name for page in pages for name in page.rows["Name"]]


WHOLE = sorted(f"A{n}" for n in range(ROWS))


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
    ],
)
def test_results_that_are_not_whole_are_not_taken_for_whole(knobs: dict[str, Any]) -> None:
    """The read fails, and the job is forgotten, so that the next one doesn't meet it again."""
    service = Service(**knobs)
    pages: list[Page] = []
    with pytest.raises(BadResults):
        pages.extend(reader(service).changes([Request(BIG)]))
    assert not any(page.last for page in pages)
    assert Cursor.load(pages[-1].cursor).place is None
    service.knobs = {}
    assert sorted(names(read(service, cursor=pages[-1].cursor))) == WHOLE


def test_pages_that_stay_empty_end() -> None:
    """Each with a locator of its own: ten in a row are enough."""
    nothing = b"Name,Id,IsDeleted,SystemModstamp\n"
    service = Service(body=nothing, headers={"Sforce-NumberOfRecords": "0"}, rows=1_000)
    with pytest.raises(BadResults, match="do not end"):
        read(service)
    assert service.made("/results") == 10


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
