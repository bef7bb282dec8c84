"""What the in-memory CRM offers to tests beyond the contract, and that the contract bites."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from crm_health.config.load import load
from crm_health.connector import Batch, FieldInfo, FieldRead, Op, Page, Request, Stream
from crm_health.entities import Kind
from crm_health.errors import CrmHealthError, RateLimited, SetupError
from crm_health.sync.streams import objects, resolve
from crm_health.testing import memory
from crm_health.testing.clock import FixedClock
from crm_health.testing.conformance import ConformanceSuite
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.memory_crm import Fault, MemoryCrm
from crm_health.testing.memory_rig import MemoryRig
from crm_health.testing.memory_saves import save
from crm_health.testing.memory_schema import define_for
from crm_health.testing.ports import make_ports

STREAM = Stream(
    "Task",
    (
        FieldRead("Id", Kind.TEXT),
        FieldRead("Subject", Kind.TEXT),
        FieldRead("What.Type", Kind.TEXT),
        FieldRead("Owner.Name", Kind.TEXT),
        FieldRead("Minutes", Kind.NUMBER),
        FieldRead("At", Kind.INSTANT),
    ),
)


@pytest.fixture
def crm() -> MemoryCrm:
    """An org with tasks that hang on accounts and users."""
    made = MemoryCrm()
    fields = {"Subject": Kind.TEXT, "WhatId": Kind.TEXT, "OwnerId": Kind.TEXT, "At": Kind.INSTANT}
    parents = {"What": ("Account", "Case"), "Owner": ("User",)}
    made.define("Task", {**fields, "Minutes": Kind.NUMBER}, parents)
    for name in ("Account", "Case", "User"):
        made.define(name, {"Name": Kind.TEXT})
    return made


def _rows(crm: MemoryCrm) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    pages = list(InMemoryConnector(crm, make_ports()).changes([Request(STREAM)]))
    return (
        [row for page in pages for row in page.rows.to_dicts()],
        [row for page in pages for row in page.bad.to_dicts()],
    )


def test_paths_follow_lookups(crm: MemoryCrm) -> None:
    """A dotted path reads the parent; the type of a parent that may be several is its object."""
    user = crm.put("User", {"Name": "Ada"})
    account = crm.put("Account", {"Name": "Acme"})
    task = crm.put("Task", {"WhatId": account, "OwnerId": user})
    (row,), _ = _rows(crm)
    assert (row["Id"], row["What.Type"], row["Owner.Name"]) == (task, "Account", "Ada")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("Minutes", float("nan"), "not a finite number"),
        ("Minutes", "ten", "not a number"),
        ("Minutes", True, "not a number"),
        ("Subject", 5, "not a text"),
        ("At", datetime(2026, 1, 1), "no time zone"),
    ],
)
def test_a_cell_that_can_not_be_typed_is_reported(
    crm: MemoryCrm, field: str, value: object, problem: str
) -> None:
    """The cell becomes null and is named in `bad`; the rest of its row is read."""
    task = crm.put("Task", {"Subject": "call", field: value})
    (row,), bad = _rows(crm)
    assert row[field] is None
    assert bad == [{"id": task, "path": field, "problem": problem}]


def test_years_one_and_9999_are_read(crm: MemoryCrm) -> None:
    """The ends of the calendar survive as instants."""
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
    for end in ends:
        crm.put("Task", {"At": end})
    rows, bad = _rows(crm)
    assert [row["At"] for row in rows] == ends
    assert not bad


def test_a_merge_says_who_won(crm: MemoryCrm) -> None:
    """The loser comes deleted, with the winner's id, and not in `ids`."""
    winner, loser = crm.put("Task", {}), crm.put("Task", {})
    crm.delete("Task", loser, merged_into=winner)
    rows, _ = _rows(crm)
    assert [row["merged_into"] for row in rows if row["deleted"]] == [winner]
    (ids,) = InMemoryConnector(crm, make_ports()).ids("Task")
    assert ids.to_list() == [winner]


def test_a_purged_row_is_missing_only_from_ids(crm: MemoryCrm) -> None:
    """What vanishes without a trace is not in any read of changes."""
    kept, purged = crm.put("Task", {}), crm.put("Task", {})
    connector = InMemoryConnector(crm, make_ports())
    cursor = list(connector.changes([Request(STREAM)]))[-1].cursor
    crm.purge("Task", purged)
    later = list(connector.changes([Request(STREAM, cursor)]))
    assert purged not in [i for page in later for i in page.rows["id"]]
    assert [i for series in connector.ids("Task") for i in series] == [kept]


def test_a_save_without_a_change_moves_the_stamp(crm: MemoryCrm) -> None:
    """Our own write comes back in the next read, as it does in real CRMs: the echo."""
    task = crm.put("Task", {"Subject": "call"})
    connector = InMemoryConnector(crm, make_ports(), overlap=timedelta(0))
    cursor = list(connector.changes([Request(STREAM)]))[-1].cursor
    crm.clock.advance(timedelta(minutes=1))
    rows = pl.DataFrame({"seq": [1], "id": [task], "Subject": ["call"]})
    connector.write(Batch(Op.UPDATE, "Task", rows))
    pages = list(connector.changes([Request(STREAM, cursor)]))
    assert [i for page in pages for i in page.rows["id"]] == [task]


@pytest.mark.parametrize("object_name", ["Task", "Nothing"])
def test_writing_what_does_not_exist_is_a_setup_error(crm: MemoryCrm, object_name: str) -> None:
    """An unknown object or field ends the write and names what is missing."""
    rows = pl.DataFrame({"seq": [1], "id": ["x"], "Nope": ["y"]})
    with pytest.raises(SetupError, match=object_name):
        InMemoryConnector(crm, make_ports()).write(Batch(Op.UPDATE, object_name, rows))


def test_a_unique_value_is_unique_whatever_its_case() -> None:
    """A second row with the same key in capitals is refused, naming the field."""
    rig = MemoryRig()
    first, second = rig.seed([{"Key": "abc"}, {"Key": "other"}])
    rows = pl.DataFrame({"seq": [1], "id": [second], "Key": ["ABC"]})
    receipts = InMemoryConnector(rig.crm, make_ports()).write(Batch(Op.UPDATE, "Thing", rows))
    (receipt,) = receipts.to_dicts()
    assert (receipt["outcome"], receipt["field"]) == ("rejected", "Key")
    assert rig.crm.rows("Thing")[0]["id"] == first


def test_a_listed_value_is_required() -> None:
    """A value that the picklist lacks is refused, its neighbour is written."""
    rig = MemoryRig()
    rig.crm.define("Thing", {"Band": FieldInfo("Band", "text", values=("Red", "Green"))})
    ids = rig.seed([{}, {}])
    rows = pl.DataFrame({"seq": [1, 2], "id": ids, "Band": ["Blue", "Red"]})
    receipts = InMemoryConnector(rig.crm, make_ports()).write(Batch(Op.UPDATE, "Thing", rows))
    assert receipts["outcome"].to_list() == ["rejected", "done"]


def test_a_rate_limit_that_lasts_says_how_long() -> None:
    """Reads raise RateLimited with the seconds to wait; pauses went through the port."""
    rig, clock = MemoryRig(), FixedClock()
    rig.crm.fail_next(Fault.RATE_LIMITED, 100)
    connector = InMemoryConnector(rig.crm, make_ports(clock))
    with pytest.raises(RateLimited) as caught:
        connector.identity()
    assert caught.value.retry_after == 60.0
    assert len(clock.slept) == memory.ATTEMPTS - 1


def test_a_lost_answer_at_the_end_of_the_budget_is_unknown() -> None:
    """When no call is left to ask again, the rows that were sent are unknown, not forgotten."""
    rig = MemoryRig()
    row_id = rig.seed([{}])[0]
    rig.crm.fail_next(Fault.LOST)
    rows = pl.DataFrame({"seq": [1], "id": [row_id], "Text": ["x"]})
    connector = InMemoryConnector(rig.crm, make_ports(max_calls=1))
    assert connector.write(Batch(Op.UPDATE, "Thing", rows))["outcome"].to_list() == ["unknown"]


def test_the_clock_never_runs_backwards_by_itself() -> None:
    """Monotonic time ignores a wall clock that is set back; naive instants are refused."""
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.sleep(5)
    clock.set(datetime(2020, 1, 1, tzinfo=UTC))
    assert (clock.monotonic(), clock.now().year) == (5.0, 2020)
    with pytest.raises(ValueError, match="aware"):
        clock.set(datetime(2020, 1, 1))
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(timedelta(seconds=-1))


# Connectors with one fault each: the suite must notice every one of them.


class _SkipsTies(InMemoryConnector):
    """Takes stamps alone as its cursor."""

    def _answer(self, name: str, after: Any) -> Any:
        return super()._answer(name, (after[0], "~") if after else None)


class _ForgetsTheLateOnes(InMemoryConnector):
    """Believes that what it read was all there is up to then."""

    def _answer(self, name: str, after: Any) -> Any:
        (_, now), found = super()._answer(name, after)
        return (now + timedelta(days=9), now + timedelta(days=9000)), found


class _RereadsAll(InMemoryConnector):
    """Reads from the beginning each time."""

    def _answer(self, name: str, after: Any) -> Any:
        return super()._answer(name, after if after and after[1] else None)


class _RunsAhead(InMemoryConnector):
    """Says in its first page the cursor of its last."""

    def _read(self, request: Request) -> Any:
        pages = list(super()._read(request))
        for page in pages:
            yield Page(page.stream, page.rows, pages[-1].cursor, page.last, page.bad)


class _ShowsHalf(InMemoryConnector):
    """Takes an error behind the first page for the end."""

    def _read(self, request: Request) -> Any:
        try:
            yield from super()._read(request)
        except CrmHealthError:
            cursor = json.dumps({"t": "2026-01-01T00:00:00+00:00", "id": ""})
            rows = pl.DataFrame(schema=request.stream.schema())
            yield Page(request.stream, rows, cursor, last=True)


class _ZipsAnswers(InMemoryConnector):
    """Matches answers with rows by their place."""

    def _send(self, batch: Batch, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = self._call("write", lambda: save(self._crm, batch, rows))
        return [memory._settled(row, a) for row, a in zip(rows, answers, strict=False)]


class _CountsTooFew(InMemoryConnector):
    """Forgets that a login is a call."""

    def _login(self) -> None:
        self._crm.serve("login", lambda: None)


class _CreatesTwice(InMemoryConnector):
    """Creates without its claim when it tries again."""

    def write(self, batch: Batch) -> pl.DataFrame:
        receipts = super().write(batch)
        if batch.op is Op.CREATE_ONCE:
            self._crm.put(batch.object, {"Text": "again"})
        return receipts


CAUGHT: list[tuple[type[InMemoryConnector], Callable[..., None], tuple[Any, ...]]] = [
    (_SkipsTies, ConformanceSuite.test_rows_of_one_stamp_survive_the_end_of_a_page, ()),
    (_ForgetsTheLateOnes, ConformanceSuite.test_a_late_commit_is_found, ()),
    (
        _ForgetsTheLateOnes,
        ConformanceSuite.test_a_cursor_in_the_future_hides_nothing_for_ever,
        (),
    ),
    (_RereadsAll, ConformanceSuite.test_a_quiet_read_ends_at_once, ()),
    (_RunsAhead, ConformanceSuite.test_reading_resumes_from_the_cursor_of_any_page, ()),
    (
        _ShowsHalf,
        ConformanceSuite.test_a_lasting_fault_of_a_read_is_unavailable,
        ("unavailable", 1),
    ),
    (_ZipsAnswers, ConformanceSuite.test_reordered_creations_reach_their_rows, ()),
    (_ZipsAnswers, ConformanceSuite.test_a_row_without_answer_is_unknown, ()),
    (_CountsTooFew, ConformanceSuite.test_every_call_is_counted, ()),
    (_CreatesTwice, ConformanceSuite.test_create_once_twice_makes_one_record_and_one_claim, ()),
]


@pytest.mark.parametrize(("broken", "test", "arguments"), CAUGHT)
def test_the_suite_catches_broken_connectors(
    broken: type[InMemoryConnector], test: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    """A connector with one fault fails the test that is about it."""

    class Broken(MemoryRig):
        def connect(self, ports: Any) -> InMemoryConnector:
            return broken(self.crm, ports, page=self.page, batch=5)

    with pytest.raises((AssertionError, KeyError, CrmHealthError, pytest.fail.Exception)):
        test(ConformanceSuite(), Broken(), *arguments)
    test(ConformanceSuite(), MemoryRig(), *arguments)


def test_a_crm_can_be_defined_by_the_mapping() -> None:
    """Every path that the shipped mapping reads or writes exists, with keys that are unique."""
    mapping = load().mapping
    crm = MemoryCrm()
    define_for(crm, mapping, {"Owner": ("User",)})
    for feeds in mapping.read.values():
        for feed in feeds:
            for source in (*feed.columns.values(), *feed.extra.values()):
                assert set(source.paths) <= set(crm.tables[feed.object].info.fields)
    account = crm.tables["Account"].info.fields
    assert set(mapping.write.account.values()) <= set(account)
    assert (account["Health_Score__c"].type, account["Health_Band__c"].type) == ("double", "string")
    for out in (mapping.write.episode, mapping.write.escalation):
        fields = crm.tables[out.object].info.fields
        assert fields[out.key].unique
        assert fields[out.opened].type == "date"
    assert crm.tables["Health_Escalation__c"].info.fields["Due_At__c"].type == "datetime"
    assert not crm.tables["Task"].info.fields["Health_Key__c"].unique
    assert crm.tables["Case"].info.fields["IsClosed"].type == "boolean"
    assert crm.tables["Contact"].info.fields["EmailBouncedDate"].type == "date"


def test_what_describe_says_is_what_is_read() -> None:
    """The streams that sync makes from describe read a defined CRM without a bad cell."""
    mapping = load().mapping
    crm = MemoryCrm()
    define_for(crm, mapping)
    connector = InMemoryConnector(crm, make_ports())
    reads = resolve(mapping, connector.describe(objects(mapping)))
    assert not reads.warnings
    account = crm.put("Account", {"Name": "Acme", "CreatedDate": crm.clock.now()})
    crm.put("Case", {"AccountId": account, "IsClosed": False, "CreatedDate": crm.clock.now()})
    crm.put("Health_Usage__c", {"Account__c": account, "Value__c": 3, "Day__c": date(2026, 1, 1)})
    pages = list(connector.changes([Request(stream) for stream in reads.streams]))
    assert {page.stream.object for page in pages} == set(objects(mapping))
    assert sum(page.rows.height for page in pages) == 3
    assert [page.bad.height for page in pages] == [0] * len(pages)
