"""JSON pages become typed frames; what can't be typed is null and reported."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson
import polars as pl
import pytest

from connectors.salesforce.cells import finish
from connectors.salesforce.describe import Shape, shape_of
from connectors.salesforce.wire import Parsed, parse_page, prepared, records_json
from crm_health.connector import FieldRead, Stream
from crm_health.entities import Kind
from crm_health.errors import BrokenInvariant, Unavailable

TYPES = {
    "Id": "id",
    "Name": "string",
    "Amount": "currency",
    "Seats": "int",
    "Active": "boolean",
    "Day": "date",
    "At": "datetime",
    "SystemModstamp": "datetime",
    "IsDeleted": "boolean",
    "MasterRecordId": "reference",
}
STAMP = "2026-03-01T12:00:00.000+0000"


def shape(**changes: str) -> Shape:
    types = {**TYPES, **changes}
    return shape_of(
        {
            "name": "Account",
            "fields": [{"name": name, "type": kind} for name, kind in types.items()],
        }
    )


def stream(**kinds: Kind) -> Stream:
    return Stream("Account", tuple(FieldRead(k.replace("__", "."), v) for k, v in kinds.items()))


def page(*records: dict[str, Any], **changes: Any) -> bytes:
    filled = [
        {
            "attributes": {"type": "Account", "url": "/x"},
            "Id": f"00100000000000{n}AAA",
            "SystemModstamp": STAMP,
            "IsDeleted": False,
            **record,
        }
        for n, record in enumerate(records)
    ]
    return orjson.dumps({"totalSize": len(records), "done": True, "records": filled} | changes)


def parsed(body: bytes, reads: Stream) -> tuple[pl.DataFrame, Parsed]:
    found = parse_page(body, reads, shape())
    return finish(found.rows, reads), found


def test_values_are_typed_as_asked() -> None:
    """By the org's description first, then as the mapping wants them."""
    reads = stream(
        Name=Kind.TEXT,
        Amount=Kind.NUMBER,
        Seats=Kind.TEXT,
        Active=Kind.TEXT,
        Day=Kind.DATE,
        At=Kind.INSTANT,
        Owner__Name=Kind.TEXT,
        Owner__Manager__Level=Kind.NUMBER,
    )
    rows, found = parsed(
        page(
            {
                "Name": "Zoë 🎈",
                "Amount": 1.5,
                "Seats": 7,
                "Active": False,
                "Day": "2026-02-28",
                "At": STAMP,
                "Owner": {"Name": "Pat", "Manager": {"Level": 2}},
            },
            {"Owner": None},
            {"Owner": {"Name": "Kim", "Manager": None}},
        ),
        reads,
    )
    assert rows.schema == pl.Schema(reads.schema())
    assert rows.row(0)[3:] == (
        "Zoë 🎈",
        1.5,
        "7",
        "false",
        date(2026, 2, 28),
        datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        "Pat",
        2.0,
    )
    assert rows.row(1)[3:] == (None,) * 8
    assert rows["Owner.Name"][2] == "Kim"
    assert found.bad.is_empty()


def test_dates_and_instants_stand_in_for_each_other() -> None:
    """An instant gives its UTC day, a day its first moment."""
    rows, found = parsed(
        page({"Day": "2026-02-28", "At": "2026-03-01T23:59:59.000Z"}),
        stream(Day=Kind.INSTANT, At=Kind.DATE),
    )
    assert rows["Day"][0] == datetime(2026, 2, 28, tzinfo=UTC)
    assert rows["At"][0] == date(2026, 3, 1)
    assert found.bad.is_empty()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-01T12:00:30.000+0000", datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)),
        ("2026-03-01T12:00:30.000Z", datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)),
        ("2026-03-01T12:00:30.123+0000", datetime(2026, 3, 1, 12, 0, 30, 123_000, UTC)),
        ("2026-03-01T12:00:30.000+0130", datetime(2026, 3, 1, 10, 30, 30, tzinfo=UTC)),
        ("2026-03-01T12:00:30Z", datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("other", [STAMP, "2026-02-01T00:00:00.000Z", None])
def test_instants_may_be_written_in_several_ways(
    text: str, value: datetime, other: str | None
) -> None:
    """On one page, too; the usual way is tried first, and none is taken for another."""
    for order in ([text, other], [other, text]):
        rows, found = parsed(page(*({"At": at} for at in order)), stream(At=Kind.INSTANT))
        assert rows["At"][order.index(text)] == value
        assert rows["At"].null_count() == (other is None)
        assert found.bad.is_empty()


def test_a_page_may_be_written_in_any_order() -> None:
    """Records first, last or in the middle, with or without spaces: it is the same page."""
    reads = stream(Name=Kind.TEXT, Amount=Kind.NUMBER)
    whole = orjson.loads(page({"Name": 'a"records":[]', "Amount": 2}, {"Name": "b]"}))
    whole |= {"done": False, "nextRecordsUrl": "/services/data/v62.0/query/01g-2000"}
    ways = [
        orjson.dumps({key: whole[key] for key in keys}, option=option)
        for keys in (
            ["totalSize", "done", "nextRecordsUrl", "records"],
            ["totalSize", "done", "records", "nextRecordsUrl"],
            ["records", "nextRecordsUrl", "done", "totalSize"],
        )
        for option in (None, orjson.OPT_INDENT_2, orjson.OPT_APPEND_NEWLINE)
    ]
    first, *others = (parsed(body, reads) for body in ways)
    assert first[0]["Name"].to_list() == ['a"records":[]', "b]"]
    for rows, found in others:
        assert rows.equals(first[0])
        assert (found.total, found.done, found.next_url) == (2, False, whole["nextRecordsUrl"])


@pytest.mark.parametrize("year", ["0001", "9999", "1970"])
def test_far_years_survive(year: str) -> None:
    """The core decides what they mean."""
    rows, found = parsed(
        page({"Day": f"{year}-01-01", "At": f"{year}-01-01T00:00:00.000+0000"}),
        stream(Day=Kind.DATE, At=Kind.INSTANT),
    )
    assert rows["Day"][0] == date(int(year), 1, 1)
    assert rows["At"][0] == datetime(int(year), 1, 1, tzinfo=UTC)
    assert found.bad.is_empty()


@pytest.mark.parametrize(
    ("field", "kind", "value"),
    [
        ("Day", Kind.DATE, "2023-02-29"),
        ("Day", Kind.DATE, "28.02.2026"),
        ("At", Kind.INSTANT, "2026-01-01T24:00:00.000+0000"),
        ("At", Kind.INSTANT, "2026-01-01T12:00:00"),
        # Python has the years 1 to 9999, and the core counts with it.
        ("Day", Kind.DATE, "-0001-01-01"),
        ("Day", Kind.DATE, "0000-12-31"),
        ("Day", Kind.DATE, "+10000-01-01"),
        ("Day", Kind.INSTANT, "-0001-01-01"),
        ("At", Kind.INSTANT, "-0001-01-01T00:00:00.000+0000"),
        ("At", Kind.INSTANT, "9999-12-31T23:30:00.000-0100"),
        ("At", Kind.DATE, "0001-01-01T00:30:00.000+0100"),
        ("Name", Kind.NUMBER, "1,5"),
        ("Name", Kind.NUMBER, "NaN"),
        ("Name", Kind.NUMBER, "inf"),
        ("Name", Kind.BOOLEAN, "maybe"),
        ("Active", Kind.NUMBER, True),
        ("Active", Kind.DATE, True),
        # Below, the value is not even of the described type.
        ("Amount", Kind.NUMBER, "x"),
        ("Amount", Kind.NUMBER, {"a": 1}),
        ("Active", Kind.BOOLEAN, "yes"),
        ("Name", Kind.TEXT, {"a": 1}),
        ("Name", Kind.TEXT, ["a"]),
    ],
)
def test_a_bad_cell_is_null_and_reported(field: str, kind: Kind, value: Any) -> None:
    """The other cells of row and page are kept."""
    reads = stream(**{field: kind, "Seats": Kind.NUMBER})
    rows, found = parsed(page({"Seats": 1}, {field: value, "Seats": 2}), reads)
    assert rows[field].to_list() == [None, None]
    assert rows["Seats"].to_list() == [1.0, 2.0]
    assert found.bad["id"].to_list() == ["001000000000001AAA"]
    assert found.bad["path"].to_list() == [field]


def test_a_parent_that_is_no_record_is_reported() -> None:
    """A text where a record belongs does not fail the page."""
    rows, found = parsed(page({"Owner": "x"}), stream(Owner__Name=Kind.TEXT))
    assert rows["Owner.Name"].to_list() == [None]
    assert found.bad["path"].to_list() == ["Owner"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"[]",
        b"null",
        b"{}",
        b'{"totalSize":1,"done":true}',
        b'{"totalSize":1,"done":true,"records":null}',
        b'{"totalSize":1,"done":true,"records":[null]}',
        b'{"totalSize":1,"done":true,"records":[5]}',
        b'{"totalSize":1,"done":true,"records":[{"Name":"no id"}]}',
        b'{"done":true,"records":[]}',
        b'{"totalSize":0,"records":[]}',
        page({"Amount": 1}).replace(b'"Amount":1', b'"Amount":NaN'),
        page({"Amount": 1}).replace(b'"Amount":1', b'"Amount":1e999'),
        page({"Name": "x"})[:-5],
    ],
)
def test_what_is_no_page_is_never_zero_rows(body: bytes) -> None:
    """It is Unavailable: the read as a whole fails."""
    with pytest.raises(Unavailable):
        parse_page(body, stream(Name=Kind.TEXT, Amount=Kind.NUMBER), shape())


def test_no_rows_are_no_rows() -> None:
    """An empty page has its columns."""
    rows, found = parsed(page(), stream(Name=Kind.TEXT))
    assert rows.shape == (0, 4)
    assert (found.total, found.done, found.next_url) == (0, True, None)


def test_deleted_rows_are_bare_and_merges_are_told() -> None:
    """Only id, mark and winner."""
    rows, _ = parsed(
        page(
            {"Name": "kept"},
            {"Name": "gone", "IsDeleted": True, "MasterRecordId": "001000000000000AAA"},
        ),
        stream(Name=Kind.TEXT),
    )
    assert rows.rows() == [
        ("001000000000000AAA", False, None, "kept"),
        ("001000000000001AAA", True, "001000000000000AAA", None),
    ]


def test_the_last_of_equal_ids_wins() -> None:
    """Within one page."""
    rows, found = parsed(
        page({"Id": "001A", "Name": "old"}, {"Id": "001A", "Name": "new"}),
        stream(Name=Kind.TEXT),
    )
    assert rows["Name"].to_list() == ["new"]
    assert found.rows.height == 2  # what the service's count is compared with


def test_a_long_text_passes_whole() -> None:
    """A megabyte in one cell."""
    rows, _ = parsed(page({"Name": "x" * 1_000_000}), stream(Name=Kind.TEXT))
    assert len(rows["Name"][0]) == 1_000_000


def test_bodies_are_as_the_service_wants_them() -> None:
    """ISO days, UTC instants with milliseconds, nulls kept to clear."""
    rows = pl.DataFrame(
        {
            "id": ["001"],
            "S__c": [72.0],
            "D__c": [date(2026, 2, 28)],
            "T__c": [datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=UTC)],
            "N__c": pl.Series([None], dtype=pl.String),
        }
    )
    assert orjson.loads(records_json(rows, "Account")) == [
        {
            "id": "001",
            "S__c": 72.0,
            "D__c": "2026-02-28",
            "T__c": "2026-03-01T12:00:00.005Z",
            "N__c": None,
            "attributes": {"type": "Account"},
        }
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_never_written(value: float) -> None:
    """Caught before it leaves."""
    with pytest.raises(BrokenInvariant, match="S__c"):
        prepared(pl.DataFrame({"S__c": [1.0, None, value]}))
