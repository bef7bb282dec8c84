"""Ingest jobs without HTTP: the CSV of rows, and what a job's results prove of each of them."""

from __future__ import annotations

import csv as stdlib_csv
import io
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors.salesforce.bulk_jobs import Job, State
from connectors.salesforce.bulk_notes import JobNotes, Note
from connectors.salesforce.bulk_results import (
    ANSWERED,
    RESULTS,
    Sent,
    fault_of,
    parse,
    receipts,
)
from connectors.salesforce.bulk_upload import carried, csv, uploads
from connectors.salesforce.errors import rule_for
from connectors.salesforce.wire import prepared
from crm_health.connector import Op, Outcome
from crm_health.testing.ports import Log, make_ports

CONTRACT = Path(
    os.environ.get("CRM_HEALTH_CONTRACT", Path(__file__).parents[3] / "shared" / "contract")
)
RECORDED = CONTRACT / "salesforce" / "ampersand" / "bulk" / "info"


# -- rows to CSV ----------------------------------------------------------------------------------


def table(**columns: Any) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    return prepared(pl.DataFrame({"seq": range(count), **columns}))


def cells(rows: pl.DataFrame) -> list[list[str]]:
    """As any reader of CSV sees it."""
    return list(stdlib_csv.reader(io.StringIO(csv(rows).decode(), newline="")))


def test_values_travel_as_the_service_writes_them() -> None:
    """Days and instants as text, whole numbers without a point, the record as `Id`."""
    rows = table(
        id=["001A", "001B"],
        Score__c=[71.0, 0.125],
        Count__c=[3, -4],
        On__c=[True, False],
        Day__c=[date(2026, 3, 1), date(1999, 12, 31)],
        At__c=pl.Series([datetime(2026, 3, 1, 12, 0, 0, 5000, UTC)] * 2),
    )
    assert cells(rows) == [
        ["Id", "Score__c", "Count__c", "On__c", "Day__c", "At__c"],
        ["001A", "71", "3", "true", "2026-03-01", "2026-03-01T12:00:00.005Z"],
        ["001B", "0.125", "-4", "false", "1999-12-31", "2026-03-01T12:00:00.005Z"],
    ]


def test_null_and_empty_clear_and_nothing_else_does() -> None:
    """An empty cell would leave a field as it is."""
    rows = table(id=["a"] * 6, T__c=["", None, " ", "NA", "null", "0"])
    assert csv(rows).splitlines()[1:3] == [b'"a",#N/A', b'"a",#N/A']
    assert [row[1] for row in cells(rows)[3:]] == [" ", "NA", "null", "0"]


@pytest.mark.parametrize("kind", [pl.Null, pl.Float64, pl.Int64, pl.Boolean, pl.Date, pl.String])
def test_a_column_of_nulls_clears_whatever_its_type(kind: Any) -> None:
    """Of no type too."""
    rows = table(id=["a"], X__c=pl.Series([None], dtype=kind))
    assert csv(rows) == b'"Id","X__c"\n"a",#N/A\n'


def test_line_ends_and_quotes_stay_inside_their_cell() -> None:
    """Rows end with LF; everything else is quoted."""
    texts = ['a\n"b"', "c\r\nd", "e\rf", "g,h", "'i'", '""', "Zoë 東京 🌲"]
    rows = table(id=["x"] * 7, T__c=texts)
    assert [row[1] for row in cells(rows)[1:]] == texts
    assert csv(table(id=["x"], T__c=["y"])) == b'"Id","T__c"\n"x","y"\n'


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["#N/A", "a"], [False, True]),
        (["a\0b", "a"], [False, True]),
        ([None, "#n/a"], [True, True]),
        (["#N/A ", "x#N/A"], [True, True]),
    ],
)
def test_what_csv_would_change_is_not_carried(texts: list[str | None], kept: list[bool]) -> None:
    """A text that is `#N/A` would clear its field without a word."""
    assert carried(table(id=["1", "2"], T__c=texts), "id").to_list() == kept


def test_rows_of_one_key_are_not_carried() -> None:
    """Their results could not be told apart."""
    rows = table(K__c=["k1", "K1", "k2"])
    assert carried(rows, "K__c").to_list() == [False, False, True]


def test_uploads_keep_below_the_limit_by_bytes() -> None:
    """Each part is a whole file, and all rows come once, in their order."""
    rows = table(id=[f"{n:018d}" for n in range(100)], T__c=["ü" * (n * 3) for n in range(100)])
    parts = list(uploads(rows, most=40, limit=3_000))
    assert all(len(body) <= 3_000 and part.height <= 40 for part, body in parts)
    assert all(body.startswith(b'"Id","T__c"\n') for _, body in parts)
    assert pl.concat([part for part, _ in parts]).equals(rows)
    assert all(body == csv(part) for part, body in parts)
    assert len(parts) > 3


def test_a_row_above_the_limit_comes_alone() -> None:
    """There is no smaller part of it; the service refuses it."""
    rows = table(id=["a", "b", "c"], T__c=["x", "y" * 500, "z"])
    assert [part["id"].to_list() for part, _ in uploads(rows, 10, 100)] == [["a"], ["b"], ["c"]]


# -- results to receipts --------------------------------------------------------------------------


def sent(count: int, op: Op = Op.UPDATE, object_name: str = "Account") -> Sent:
    rows = pl.DataFrame(
        {"seq": range(1, count + 1), "key": [key(n) for n in range(1, count + 1)]},
        schema={"seq": pl.Int64, "key": pl.String},
    )
    return Sent(op, object_name, "Id" if op is Op.UPDATE else "K__c", rows)


def key(n: int) -> str:
    return f"001{n:012d}AAA"


def results(*rows: tuple[int, str], created: str = "", ids: bool = True) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"key": key(n), "id": key(n) if ids else "", "created": created, "error": error}
            for n, error in rows
        ],
        schema=RESULTS,
    )


def judged(
    what: Sent,
    job: Job,
    failed: pl.DataFrame | None,
    left: pl.DataFrame | None,
    done: pl.DataFrame | None = None,
) -> list[str]:
    """The outcomes; `+` behind those that are sent again at once."""
    files = {"failedResults": failed, "unprocessedrecords": left, "successfulResults": done}
    found = receipts(what, job, files.__getitem__)
    assert found.schema == pl.Schema(ANSWERED)
    assert found["seq"].to_list() == what.rows["seq"].to_list()
    return [f"{row['outcome']}{'+' * row['again']}" for row in found.to_dicts()]


def complete(processed: int, failed: int = 0, state: State = State.COMPLETE) -> Job:
    return Job("750000000000001AAA", state, processed, failed)


NONE = results()
REFUSED = "STRING_TOO_LONG:too long:Name --"


def test_rows_that_are_not_named_are_done_where_all_counts_agree() -> None:
    """Sent is done plus failed plus unprocessed."""
    found = judged(sent(4), complete(3, 1), results((2, REFUSED)), results((4, "")))
    assert found == ["done", "rejected", "done", "retry"]


@pytest.mark.parametrize(
    ("job", "failed", "left"),
    [
        (complete(3, 0), NONE, NONE),  # a row too few
        (complete(5, 0), NONE, NONE),  # a row too many
        (complete(4, 2), results((2, REFUSED)), NONE),  # a failure that is not listed
        (complete(4, 0), results((2, REFUSED)), NONE),  # a failure that was not counted
        (complete(4, 1), results((9, REFUSED)), NONE),  # a failure of a row that was not sent
        (complete(4, 2), results((2, REFUSED), (2, REFUSED)), NONE),  # one row twice
        (complete(4, 1), None, NONE),
        (complete(4, 0), NONE, None),
        (complete(4, 0, State.ABORTED), NONE, NONE),
        (complete(4, 0, State.FAILED), NONE, NONE),
    ],
)
def test_counts_that_do_not_agree_prove_no_row_done(
    job: Job, failed: pl.DataFrame | None, left: pl.DataFrame | None
) -> None:
    """Then only rows that the job names as successful are done; the others are unknown."""
    found = judged(sent(4), job, failed, left, results((1, ""), (3, "")))
    assert [found[n] for n in (0, 2)] == ["done", "done"]
    assert found[3] == "unknown"
    assert found[1] in ("unknown", "rejected")
    nothing = judged(sent(4), job, failed, left, None)
    assert set(nothing) <= {"unknown", "rejected"}


def test_a_row_that_succeeded_and_failed_is_unknown() -> None:
    """Two words about one row prove nothing."""
    job = complete(2, 1, State.ABORTED)
    assert judged(sent(2), job, results((1, REFUSED)), NONE, results((1, ""), (2, ""))) == [
        "unknown",
        "done",
    ]


def test_ids_compare_by_their_first_fifteen() -> None:
    """The rest is a checksum."""
    short = results((2, REFUSED)).with_columns(pl.col("key").str.slice(0, 15))
    assert judged(sent(2), complete(2, 1), short, NONE) == ["done", "rejected"]


def test_an_upsert_is_done_only_with_the_id_of_its_record() -> None:
    """Counts alone can't tell the id."""
    done = pl.concat([results((1, ""), created="true"), results((2, ""), ids=False)])
    files = {"failedResults": NONE, "unprocessedrecords": NONE, "successfulResults": done}
    found = receipts(sent(3, Op.UPSERT), complete(3), files.__getitem__)
    assert found["outcome"].to_list() == ["done", "unknown", "unknown"]
    assert found["id"].to_list() == [key(1), None, None]
    assert found["created"][0] is True


@pytest.mark.parametrize(
    ("op", "object_name", "error", "outcome"),
    [
        (Op.UPDATE, "Account", "UNABLE_TO_LOCK_ROW:unable to obtain access:--", "retry+"),
        (Op.UPDATE, "Account", "DUPLICATES_DETECTED:Use one of these records?:--", "rejected+"),
        (Op.UPDATE, "Contact", "DUPLICATES_DETECTED:Use one of these records?:--", "rejected"),
        (Op.UPSERT, "Account", "DUPLICATES_DETECTED:Use one of these records?:--", "rejected"),
        (Op.UPDATE, "Account", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:T: x:--", "rejected+"),
        (Op.UPDATE, "Account", "ENTITY_IS_DELETED:entity is deleted:--", "gone"),
        (Op.UPDATE, "Account", "PROCESSING_HALTED:x:--", "retry+"),
        (
            Op.UPSERT,
            "E__c",
            "DUPLICATE_VALUE:duplicate value found: K__c duplicates value on record:--",
            "retry+",
        ),
        (
            Op.UPSERT,
            "E__c",
            "DUPLICATE_VALUE:duplicate value found: O__c duplicates value on record:--",
            "rejected",
        ),
        (Op.UPDATE, "Account", "", "unknown"),
        (Op.UPDATE, "Account", "what is this", "rejected"),
    ],
)
def test_errors_mean_what_they_mean_to_collections(
    op: Op, object_name: str, error: str, outcome: str
) -> None:
    """One table of codes for both ways."""
    failed = results((1, error))
    done = results((2, ""))
    found = judged(sent(2, op, object_name), complete(2, 1), failed, NONE, done)
    assert found == [outcome, "done"]


def test_what_a_failed_job_left_is_sent_again_and_what_a_stopped_one_left_is_not() -> None:
    """A person who aborts a job means it."""
    left = results((2, ""))
    done = results((1, ""))
    failed, stopped = complete(1, 0, State.FAILED), complete(1, 0, State.ABORTED)
    assert judged(sent(2), failed, NONE, left, done) == ["done", "retry+"]
    assert judged(sent(2), stopped, NONE, left, done) == ["done", "retry"]


@pytest.mark.parametrize(
    ("text", "code", "message", "fields"),
    [
        ("A_B:it: is, so:F__c --", "A_B", "it: is, so", ("F__c",)),
        ("A_B:it is:F__c G__c --", "A_B", "it is", ("F__c", "G__c")),
        ("A_B:it is:F__c, G__c --", "A_B", "it is", ("F__c", "G__c")),
        ("A_B:it is:--", "A_B", "it is", ()),
        ("A_B:two\nlines:--\n", "A_B", "two\nlines", ()),
        ("A_B:it is", "A_B", "it is", ()),
        ("A_B", "A_B", "", ()),
    ],
)
def test_an_error_has_code_message_and_fields(
    text: str, code: str, message: str, fields: tuple[str, ...]
) -> None:
    """The message may have colons of its own."""
    found = fault_of(text)
    assert (found.code, found.message, found.fields) == (code, message, fields)


def test_recorded_results_are_read() -> None:
    """As the service wrote them: our columns quoted, the client's header bare."""
    if not RECORDED.is_dir():
        pytest.skip("no recorded contract: set CRM_HEALTH_CONTRACT")
    found = parse((RECORDED / "partial-failure.csv").read_bytes(), "external_id__c")
    assert found is not None
    assert found["key"].to_list() == ["external-id-3"]
    assert found["id"].to_list() == [""]
    fault = fault_of(found["error"][0])
    assert (fault.code, fault.fields) == ("INVALID_FIELD", ("CloseDate",))
    assert fault.message.endswith("for the type xsd:date")
    # A value that does not suit is the row's own matter, not one of setup.
    assert rule_for(fault).row is Outcome.REJECTED
    assert rule_for(fault).request.__name__ == "Rejected"


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"", 0),
        (b'"sf__Id","sf__Error",Id\n', 0),
        (b'\xef\xbb\xbf"SF__ID","sf__Error",id\n"","x:y:--","1"\n', 1),
        (b'"sf__Id","sf__Error",T__c,Id\n"","x:y:--","a\n""b"",","1"\n', 1),
        (b"Id\n1\n2\n", 2),
        (b'"sf__Id","sf__Error",Name\n"","x","y"\n', None),
        (b"<html>maintenance</html>", None),
        (b'{"errorCode": "x"}', None),
    ],
)
def test_a_file_without_the_key_is_no_result(body: bytes, rows: int | None) -> None:
    """Rows are matched by it, never by their order."""
    found = parse(body, "Id")
    assert (None if found is None else found.height) == rows
    if found is not None and rows:
        assert found["key"][0] == "1"


# -- notes ----------------------------------------------------------------------------------------


def test_notes_are_kept_one_by_one() -> None:
    """The last one forgotten leaves nothing."""
    ports = make_ports()
    notes = JobNotes(ports)
    first, second = Note("Account", "update", ""), Note("E__c", "upsert", "2026-03-01")
    notes.add(first)
    notes.add(second)
    known = Note("Account", "update", "", "750000000000001AAA")
    notes.replace(first, known)
    assert JobNotes(ports).all() == [known, second]
    notes.forget(second)
    notes.forget(known)
    assert ports.notes.texts == {}  # type: ignore[attr-defined]  # the notes of tests show them


@pytest.mark.parametrize("text", ["{", "[1]", '[{"x": 1}]', "7"])
def test_notes_that_can_not_be_read_count_as_none(text: str) -> None:
    """Nothing may be concluded from an absent note either; it is logged."""
    log = Log()
    ports = make_ports(log=log)
    ports.notes.set("salesforce.ingest", text)
    assert JobNotes(ports).all() == []
    assert [event for event, _ in log.events] == ["salesforce.notes_unreadable"]
