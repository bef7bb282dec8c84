"""Reading ends, is complete, and never moves a cursor past what it gave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import orjson
import pytest

from connectors.salesforce.client import Answer, Part
from connectors.salesforce.cursor import OVERLAP, Cursor
from connectors.salesforce.describe import Describer, Shape, shape_of
from connectors.salesforce.errors import QueryLost
from connectors.salesforce.read import Reader
from crm_health.connector import FieldRead, Page, Ports, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import SetupError, StateError, Unavailable
from crm_health.testing.ports import Log, make_ports

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
NAME = Stream("Account", (FieldRead("Name", Kind.TEXT),))
NEXT = "/services/data/v62.0/query/01g000000000001AAA-{}"
Reply = Callable[[str], Any]


class FakeClient:
    """Stands where the client stands: answers paths from a function."""

    data = "/services/data/v62.0"
    silent_for = 0.0

    def __init__(self, reply: Reply, covered: datetime | None = NOW) -> None:
        self.ports: Ports = make_ports(log=Log())
        self.now: datetime | None = NOW
        self.asked: list[str] = []
        self.composites: list[list[str]] = []
        self._reply = reply
        self._covered = covered

    def get(self, path: str, params: Any = None, headers: Any = None) -> Answer:
        self.asked.append(unquote(path))
        reply = self._reply(unquote(path))
        if isinstance(reply, Exception):
            raise reply
        return Answer(orjson.dumps(reply), now=NOW)

    def composite(self, parts: Any, headers: Any = None) -> dict[str, Part]:
        self.composites.append([unquote(path) for _, path in parts])
        found = {}
        for reference, path in parts:
            if "/updated/" in path:
                if self._covered is None:
                    found[reference] = Part(400, [{"errorCode": "INVALID_REPLICATION_DATE"}])
                else:
                    body = {"ids": [], "latestDateCovered": self._covered.isoformat()}
                    found[reference] = Part(200, body)
                continue
            reply = self._reply(unquote(path))
            if reply is None:
                continue
            failed = isinstance(reply, Part)
            found[reference] = reply if failed else Part(200, reply)
        return found


class FakeDescriber(Describer):
    """Knows its shapes beforehand."""

    def __init__(self, *shapes: Shape) -> None:
        self._known = {shape.info.name: shape for shape in shapes}


def account(name: str = "Account", *fields: str, replicateable: bool = True) -> Shape:
    listed = fields or ("Id", "Name", "SystemModstamp", "IsDeleted")
    kinds = {"IsDeleted": "boolean"}
    return shape_of(
        {
            "name": name,
            "replicateable": replicateable,
            "fields": [{"name": f, "type": kinds.get(f, "string")} for f in listed],
        }
    )


def row(n: int, stamp: datetime = NOW) -> dict[str, Any]:
    return {
        "Id": f"001{n:012d}AAA",
        "Name": f"A{n}",
        "SystemModstamp": stamp.isoformat(timespec="milliseconds"),
        "CreatedDate": stamp.isoformat(timespec="milliseconds"),
        "IsDeleted": False,
    }


def answer(rows: list[dict[str, Any]], total: int | None = None, link: str | None = None) -> Any:
    found: dict[str, Any] = {
        "totalSize": len(rows) if total is None else total,
        "done": link is None,
        "records": rows,
    }
    return found if link is None else {**found, "nextRecordsUrl": link}


def read(
    client: FakeClient, *shapes: Shape, stream: Stream = NAME, cursor: str | None = None
) -> list[Page]:
    describer = FakeDescriber(*(shapes or (account(),)))
    reader = Reader(client, describer)  # type: ignore[arg-type]  # the fake has what is used
    return list(reader.changes([Request(stream, cursor)]))


def paged(path: str) -> Any:
    """Three pages of one row."""
    if "01g" not in path:
        return answer([row(1)], 3, NEXT.format(1))
    n = int(path[-1])
    return answer([row(n + 1)], 3, NEXT.format(n + 1) if n == 1 else None)


def test_pages_follow_links_to_the_end() -> None:
    """Each page has the cursor of its last row; the last one has the watermark."""
    pages = read(FakeClient(paged))
    assert [p.rows["Name"].to_list() for p in pages] == [["A1"], ["A2"], ["A3"]]
    assert [p.last for p in pages] == [False, False, True]
    assert Cursor.load(pages[0].cursor).last_id == "001000000000001AAA"
    assert Cursor.load(pages[2].cursor) == Cursor(stamp=NOW, full=False)


@pytest.mark.parametrize("count", [2, 4])
def test_a_count_that_differs_fails_the_read(count: int) -> None:
    """The last page is not delivered as the last: the read is not whole."""
    client = FakeClient(lambda _: answer([row(1), row(2), row(3)], count))
    with pytest.raises(Unavailable, match="counted"):
        read(client)


def test_a_circle_of_pages_ends() -> None:
    """A link that was followed before is not followed again."""
    client = FakeClient(lambda _: answer([row(1)], 10**6, NEXT.format(1)))
    with pytest.raises(Unavailable, match="do not end"):
        read(client)
    assert len(client.asked) <= 3


def test_empty_pages_end() -> None:
    """Ten of them in a row, each with another link."""
    numbers = iter(range(10**6))
    client = FakeClient(lambda _: answer([], 5, NEXT.format(next(numbers))))
    with pytest.raises(Unavailable, match="do not end"):
        read(client)
    assert len(client.asked) <= 11


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/services/data/v62.0/query/01g",
        "//evil.example/query/01g",
        "/services/data/v62.0/sobjects/Account",
        "/services/data/v62.0/query/../../../evil",
        "/services/data/v62.0/query/01g?x=1",
        "/services/data/v62.0/query/01g\n",
        "",
    ],
)
def test_only_paths_to_pages_are_followed(link: str) -> None:
    """Anything else is refused before it is called."""
    client = FakeClient(lambda _: answer([row(1)], 2, link))
    with pytest.raises(Unavailable):
        read(client)
    assert len(client.asked) == 1


def test_a_lost_query_goes_on_where_it_was() -> None:
    """The keyset continues after the last delivered row; nothing comes twice."""
    lost = iter([QueryLost(code="INVALID_QUERY_LOCATOR")])

    def reply(path: str) -> Any:
        if "01g" in path:
            return next(lost)
        if "AND Id > '001000000000001AAA'" in path:
            return answer([row(2)])
        return answer([row(1)], 2, NEXT.format(1))

    pages = read(FakeClient(reply))
    assert [p.rows["Name"].to_list() for p in pages] == [["A1"], ["A2"]]


def test_a_query_that_stays_lost_ends() -> None:
    """After three more tries."""
    client = FakeClient(lambda _: QueryLost(code="QUERY_TIMEOUT"))
    with pytest.raises(Unavailable, match="dropping"):
        read(client)
    assert len(client.asked) == 4


def test_the_watermark_is_no_later_than_what_is_covered() -> None:
    """An open transaction holds it back, and the next read reaches behind it."""
    covered = NOW - timedelta(hours=3)
    cursor = read(FakeClient(lambda _: answer([row(1)]), covered))[-1].cursor
    assert Cursor.load(cursor).stamp == covered
    client = FakeClient(lambda _: answer([]), covered)
    read(client, cursor=cursor)
    assert f"SystemModstamp >= {covered - OVERLAP:%Y-%m-%dT%H:%M:%SZ}" in client.composites[0][1]


def test_coverage_from_the_future_is_not_believed() -> None:
    """The service's own clock is the limit."""
    client = FakeClient(lambda _: answer([row(1)]), NOW + timedelta(days=1))
    assert Cursor.load(read(client)[-1].cursor).stamp == NOW


def test_without_coverage_the_clock_and_the_overlap_stand_in() -> None:
    """It is logged, by object and status."""
    client = FakeClient(lambda _: answer([row(1)]), None)
    assert Cursor.load(read(client)[-1].cursor).stamp == NOW
    log = client.ports.log
    assert isinstance(log, Log)
    assert log.events == [("salesforce.no_watermark", {"object": "Account", "status": 400})]


def test_the_first_watermark_of_an_interrupted_read_stays() -> None:
    """What was committed between its parts is read again, not skipped."""
    early = NOW - timedelta(hours=5)
    first = read(FakeClient(paged, early))[0].cursor
    last = read(FakeClient(lambda _: answer([row(2), row(3)]), NOW), cursor=first)[-1].cursor
    assert Cursor.load(last).stamp == early


@pytest.mark.parametrize("reply", [None, Part(500, [{"errorCode": "UNKNOWN_EXCEPTION"}])])
def test_a_part_that_fails_is_asked_alone(reply: Any) -> None:
    """Where it gets the treatment of every other call."""
    cursor = Cursor(stamp=NOW, full=False).dump()

    def answers(path: str) -> Any:
        return reply if not client.composites or not client.asked_directly else answer([row(1)])

    class Counting(FakeClient):
        asked_directly = False

        def get(self, path: str, params: Any = None, headers: Any = None) -> Answer:
            self.asked_directly = True
            return super().get(path, params, headers)

    client = Counting(answers)
    assert read(client, cursor=cursor)[-1].rows.height == 1
    assert len(client.asked) == 1


def test_objects_without_a_stamp_are_read_whole() -> None:
    """Each time, in the order of Id; their cursor says so."""
    shape = account("Account", "Id", "Name")
    client = FakeClient(lambda _: answer([row(1)]))
    cursor = read(client, shape)[-1].cursor
    again = FakeClient(lambda _: answer([row(1)]))
    read(again, shape, cursor=cursor)
    assert client.composites == again.composites == []
    assert client.asked == again.asked
    assert again.asked[0].endswith("SELECT Id, Name FROM Account ORDER BY Id")


def test_history_is_followed_by_creation() -> None:
    """Its rows never change and have no other stamp."""
    shape = account("AccountHistory", "Id", "CreatedDate", "Name", replicateable=False)
    stream = Stream("AccountHistory", NAME.fields)
    client = FakeClient(lambda _: answer([row(1)]))
    cursor = read(client, shape, stream=stream)[-1].cursor
    read(client, shape, stream=stream, cursor=cursor)
    assert "CreatedDate >= 2026-03-01T11:50:30Z ORDER BY CreatedDate, Id" in client.composites[0][0]


def test_a_long_query_travels_in_a_body() -> None:
    """The service refuses long addresses."""
    wide = Stream("Account", tuple(FieldRead(f"Custom_{n:060d}__c", Kind.TEXT) for n in range(300)))
    client = FakeClient(lambda _: answer([row(1)]))
    assert read(client, stream=wide)[-1].rows.height == 1
    assert client.asked == []


def test_a_row_without_its_stamp_fails_the_read() -> None:
    """There would be no cursor for it."""
    client = FakeClient(lambda _: answer([{"Id": "001000000000001AAA", "SystemModstamp": "soon"}]))
    with pytest.raises(Unavailable, match="stamp"):
        read(client)


def test_a_missing_right_names_the_object() -> None:
    """From the middle of a run, too."""
    client = FakeClient(lambda _: SetupError("no field Account.Name", code="INVALID_FIELD"))
    with pytest.raises(SetupError, match="Reading Account"):
        read(client)


def test_ids_need_no_stamp() -> None:
    """All live rows, in order."""
    client = FakeClient(lambda _: answer([row(1), row(2)]))
    reader = Reader(client, FakeDescriber(account()))  # type: ignore[arg-type]  # as above
    assert [s.to_list() for s in reader.ids("Account")] == [
        ["001000000000001AAA", "001000000000002AAA"]
    ]
    assert client.asked[0].endswith("FROM Account WHERE IsDeleted = false ORDER BY Id")


@pytest.mark.parametrize(
    "text",
    ["", "x", "{}", "[]", '{"v":2,"t":null,"id":"","w":null,"full":true}',
     '{"v":1,"t":"2026-03-01T00:00:00","id":"","w":null,"full":true}',
     '{"v":1,"t":null,"id":"x\' OR Id != null","w":null,"full":true}',
     '{"v":1,"t":5,"id":"","w":null,"full":true}'],
)  # fmt: skip
def test_a_damaged_cursor_is_said_so(text: str) -> None:
    """It does not become a query."""
    with pytest.raises(StateError, match="--full"):
        Cursor.load(text)


def test_cursors_survive_as_text() -> None:
    """Milliseconds and all."""
    cursor = Cursor(
        NOW + timedelta(milliseconds=7), "001000000000001AAA", NOW - OVERLAP, full=False
    )
    assert Cursor.load(cursor.dump()) == cursor
    assert Cursor.load(None) == Cursor()
