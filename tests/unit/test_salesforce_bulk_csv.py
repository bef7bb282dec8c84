"""A page of a Bulk job's results is typed like a page of JSON, whatever stands in its cells."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson
import polars as pl
import pytest

from connectors.salesforce.bulk_csv import BadResults, parse_results
from connectors.salesforce.describe import Shape, shape_of
from connectors.salesforce.wire import parse_page
from crm_health.connector import FieldRead, Stream
from crm_health.entities import Kind

SHAPE: Shape = shape_of(
    {
        "name": "Account",
        "fields": [
            {"name": name, "type": kind}
            for name, kind in {
                "Id": "id",
                "Name": "string",
                "AnnualRevenue": "currency",
                "NumberOfEmployees": "int",
                "Active__c": "boolean",
                "Day__c": "date",
                "CreatedDate": "datetime",
                "SystemModstamp": "datetime",
                "IsDeleted": "boolean",
                "MasterRecordId": "reference",
            }.items()
        ],
    }
)
STAMP = "2026-03-01T12:00:30.000+0000"
TAIL = ["MasterRecordId", "IsDeleted", "SystemModstamp"]


def page(cells: list[str], reads: list[FieldRead], *, head: str = "", end: str = "\n") -> Any:
    """The parsed page of one row, its cells as they stand in CSV."""
    columns = ["Id", *(read.path for read in reads), *TAIL]
    header = head or ",".join(f'"{column}"' for column in columns)
    row = ",".join(['"001000000000001AAA"', *cells, '""', '"false"', f'"{STAMP}"'])
    body = f"{header}{end}{row}{end}".encode()
    return parse_results(body, columns, Stream("Account", tuple(reads)), SHAPE)


def cell(text: str, path: str, kind: Kind) -> Any:
    """One cell, typed; and what is said of it."""
    rows, bad = page([text], [FieldRead(path, kind)])
    return rows[path][0], bad["problem"].to_list()


@pytest.mark.parametrize(
    ("text", "path", "kind", "value"),
    [
        ("3.0", "NumberOfEmployees", Kind.NUMBER, 3.0),
        ("1.0E7", "NumberOfEmployees", Kind.NUMBER, 1e7),
        ('"-2.5"', "AnnualRevenue", Kind.NUMBER, -2.5),
        ("3.0", "NumberOfEmployees", Kind.TEXT, "3"),
        ("1.0E7", "NumberOfEmployees", Kind.TEXT, "10000000"),
        ("12345678901234567890", "NumberOfEmployees", Kind.TEXT, "12345678901234567890"),
        ("0.25", "AnnualRevenue", Kind.TEXT, "0.25"),
        ("3.0", "Name", Kind.TEXT, "3.0"),
        ('""', "Name", Kind.TEXT, None),
        ("", "AnnualRevenue", Kind.NUMBER, None),
        ("NA", "Name", Kind.TEXT, "NA"),
        ("#N/A", "Name", Kind.TEXT, "#N/A"),
        ("null", "Name", Kind.TEXT, "null"),
        ('"NaN"', "Name", Kind.TEXT, "NaN"),
        ('" "', "Name", Kind.TEXT, " "),
        ('"a\nb\r\nc"', "Name", Kind.TEXT, "a\nb\r\nc"),
        ('"say ""yes"", or no"', "Name", Kind.TEXT, 'say "yes", or no'),
        ("#1", "Name", Kind.TEXT, "#1"),
        ('"\u00e4\U0001f600"', "Name", Kind.TEXT, "\u00e4\U0001f600"),
        ("true", "Active__c", Kind.BOOLEAN, True),
        ("false", "Active__c", Kind.TEXT, "false"),
        ("2026-02-28", "Day__c", Kind.DATE, date(2026, 2, 28)),
        (STAMP, "CreatedDate", Kind.INSTANT, datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)),
        ("2026-03-01T12:00:30.000Z", "CreatedDate", Kind.DATE, date(2026, 3, 1)),
        ("Acme, Inc", "Parent.Name", Kind.TEXT, None),
        ('"Acme, Inc"', "Parent.Name", Kind.TEXT, "Acme, Inc"),
        ("7.5", "Parent.AnnualRevenue", Kind.NUMBER, 7.5),
    ],
)
def test_cells_become_values(text: str, path: str, kind: Kind, value: Any) -> None:
    """Only the empty cell is nothing; a number is a number however it is written."""
    if value is None and "," in text:
        with pytest.raises(BadResults):
            cell(text, path, kind)
        return
    assert cell(text, path, kind) == (value, [])


@pytest.mark.parametrize(
    ("text", "path", "kind"),
    [
        ("#N/A", "AnnualRevenue", Kind.NUMBER),
        ("NaN", "AnnualRevenue", Kind.NUMBER),
        ("1e999", "AnnualRevenue", Kind.NUMBER),
        ('"1,5"', "AnnualRevenue", Kind.NUMBER),
        ("true", "Active__c", Kind.NUMBER),
        ("yes", "Active__c", Kind.BOOLEAN),
        ("2026-02-30", "Day__c", Kind.DATE),
        ("soon", "CreatedDate", Kind.INSTANT),
        ("-0001-01-01", "Day__c", Kind.DATE),
        ("-0001-01-01T00:00:00.000Z", "CreatedDate", Kind.INSTANT),
    ],
)
def test_a_cell_that_does_not_fit_is_told(text: str, path: str, kind: Kind) -> None:
    """It is null, and its row, path and problem are listed: the row itself stays."""
    rows, bad = page([text], [FieldRead(path, kind)])
    assert rows[path].to_list() == [None]
    assert bad.to_dicts() == [
        {"id": "001000000000001AAA", "path": path, "problem": f"not a {kind.value}"}
    ]


@pytest.mark.parametrize(
    "value", [0, 7, -3, 0.1, 0.25, 1e7, 0.001, 123456.789, 1e16, 2.5e20, 9007199254740991, -0.5]
)
def test_a_number_asked_for_as_text_is_the_same_on_both_wires(value: float) -> None:
    """Or each change of the way a row comes would look like a change of the row."""
    stream = Stream("Account", (FieldRead("AnnualRevenue", Kind.TEXT),))
    record = {"Id": "001000000000001AAA", "AnnualRevenue": value, "SystemModstamp": STAMP}
    body = orjson.dumps({"totalSize": 1, "done": True, "records": [record]})
    by_rest = parse_page(body, stream, SHAPE).rows["AnnualRevenue"][0]
    assert cell(repr(value), "AnnualRevenue", Kind.TEXT) == (by_rest, [])


def test_both_wires_give_the_same_frame() -> None:
    """Column for column, type for type."""
    reads = [
        FieldRead("Name", Kind.TEXT),
        FieldRead("AnnualRevenue", Kind.NUMBER),
        FieldRead("Active__c", Kind.BOOLEAN),
        FieldRead("Day__c", Kind.DATE),
        FieldRead("CreatedDate", Kind.INSTANT),
        FieldRead("Parent.Name", Kind.TEXT),
    ]
    record = {
        "Id": "001000000000001AAA",
        "Name": "NA",
        "AnnualRevenue": 3.0,
        "Active__c": True,
        "Day__c": "2026-02-28",
        "CreatedDate": STAMP,
        "Parent": {"Name": "P"},
        "SystemModstamp": STAMP,
        "IsDeleted": False,
        "MasterRecordId": None,
    }
    body = orjson.dumps({"totalSize": 1, "done": True, "records": [record]})
    by_rest = parse_page(body, Stream("Account", tuple(reads)), SHAPE)
    rows, bad = page(["NA", "3.0", "true", "2026-02-28", STAMP.replace("+0000", "Z"), "P"], reads)
    assert rows.equals(by_rest.rows)
    assert rows.schema == by_rest.rows.schema
    assert bad.equals(by_rest.bad)


def test_deleted_rows_and_their_winners_are_known() -> None:
    """As on the other wire."""
    columns = ["Id", *TAIL]
    body = f"Id,MasterRecordId,IsDeleted,SystemModstamp\na,b,true,{STAMP}\nc,,false,{STAMP}\n"
    rows, _ = parse_results(body.encode(), columns, Stream("Account", ()), SHAPE)
    assert rows.select("_id", "_deleted", "_merged_into").rows() == [
        ("a", True, "b"),
        ("c", False, None),
    ]


def test_a_cell_of_a_megabyte_is_a_cell() -> None:
    """Commas, quotes and line ends inside it included."""
    long = 'x,""\n' * 200_000
    value, bad = cell(f'"{long}"', "Name", Kind.TEXT)
    assert value == long.replace('""', '"')
    assert bad == []


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_make_no_difference(end: str, mark: str) -> None:
    """Neither sticks to a name or a value."""
    reads = [FieldRead("Name", Kind.TEXT)]
    head = mark + '"Id","Name","MasterRecordId","IsDeleted","SystemModstamp"'
    rows, _ = page(["x"], reads, head=head, end=end)
    assert rows["Name"].to_list() == ["x"]
    assert rows["_stamp"].to_list() == [datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)]


def test_columns_may_come_in_another_order_and_case() -> None:
    """They are found by name."""
    columns = ["Id", "Name", *TAIL]
    body = f"systemmodstamp,NAME,id,IsDeleted,MasterRecordId\n{STAMP},x,a,false,\n"
    stream = Stream("Account", (FieldRead("Name", Kind.TEXT),))
    rows, _ = parse_results(body.encode(), columns, stream, SHAPE)
    assert rows.select("_id", "Name", "_deleted").rows() == [("a", "x", False)]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("Id,MasterRecordId,IsDeleted,SystemModstamp", "missing: Name"),
        ("Id,Name,Extra,MasterRecordId,IsDeleted,SystemModstamp", "not asked for: extra"),
        ("Id,Name,Name,MasterRecordId,IsDeleted,SystemModstamp", "not asked for"),
        ("Id,Name,name,MasterRecordId,IsDeleted,SystemModstamp", "one twice"),
    ],
)
def test_other_columns_are_named(header: str, told: str) -> None:
    """A value under the wrong name would be worse than none."""
    body = f"{header}\n".encode()
    stream = Stream("Account", (FieldRead("Name", Kind.TEXT),))
    with pytest.raises(BadResults, match=told) as caught:
        parse_results(body, ["Id", "Name", *TAIL], stream, SHAPE)
    assert caught.value.code == "CH-SF-COLUMNS"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b'"Id","Name","MasterRecordId","IsDeleted","SystemModstamp"\na,"b',
        b"Id,Name,MasterRecordId,IsDeleted,SystemModstamp\na,b,,fal",
        b"Id,Name,MasterRecordId,IsDeleted,SystemModstamp\na,b\n",
        b"Id,Name,MasterRecordId,IsDeleted,SystemModstamp\na,b,,false,s,more\n",
        b"Id,Name,MasterRecordId,IsDeleted,SystemModstamp\n,b,,false,s\n",
        b"Id,Name,MasterRecordId,IsDeleted,SystemModstamp\n\n",
        b"Id,Name,MasterRecordId,IsDeleted,SystemModstamp\na,\xff\xfe,,false,s\n",
    ],
)
def test_what_was_cut_is_not_taken(body: bytes) -> None:
    """Rows without their end, without an id, or in no encoding: no page of results."""
    stream = Stream("Account", (FieldRead("Name", Kind.TEXT),))
    with pytest.raises(BadResults):
        parse_results(body, ["Id", "Name", *TAIL], stream, SHAPE)


def test_a_page_without_rows_is_a_page() -> None:
    """Its types are those of any other."""
    stream = Stream("Account", (FieldRead("AnnualRevenue", Kind.NUMBER),))
    columns = ["Id", "AnnualRevenue", *TAIL]
    rows, bad = parse_results(",".join(columns).encode(), columns, stream, SHAPE)
    assert rows.height == bad.height == 0
    assert rows.schema["AnnualRevenue"] == pl.Float64
