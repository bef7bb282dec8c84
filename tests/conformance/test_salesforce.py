"""The Salesforce connector keeps the contract, over HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.settings import load
from connectors.sandbox import people
from connectors.sandbox.handle import Sandbox, environment
from connectors.sandbox.ids import sf_id
from connectors.sandbox.schema import Field, ObjectType, by_name, system_fields
from crm_health.connector import Connector, FieldRead, Ports, Stream
from crm_health.entities import Kind
from crm_health.testing.conformance import (
    FOREVER,
    ConformanceSuite,
    Rig,
    Subject,
    Unsupported,
    Wire,
)
from crm_health.testing.conformance.faults import FaultContract
from crm_health.testing.conformance.incremental import IncrementalContract
from crm_health.testing.conformance.reading import ReadingContract
from crm_health.testing.conformance.receipts import ReceiptContract
from crm_health.testing.conformance.writing import WritingContract

VERSION = "65.0"
PAGE = 200
OBJECT, CLAIM = "Probe__c", "Probe_Claim__c"
SUBJECT = Subject(
    stream=Stream(
        OBJECT,
        (
            FieldRead("Text__c", Kind.TEXT),
            FieldRead("Number__c", Kind.NUMBER),
            FieldRead("Day__c", Kind.DATE),
            FieldRead("Key__c", Kind.TEXT),
        ),
    ),
    text="Text__c",
    number="Number__c",
    day="Day__c",
    key="Key__c",
    claim=Stream(CLAIM, (FieldRead("Key__c", Kind.TEXT),)),
    claim_key="Key__c",
    unreadable="Secret__c",
    refused_text="!" * 3000,
)
FAULTS = {
    Wire.LOGIN_EXPIRED: "invalid_session",
    Wire.RATE_LIMITED: "too_many",
    Wire.UNAVAILABLE: "unavailable",
    Wire.HTML: "html",
    Wire.TRUNCATED: "truncate",
    Wire.LOST: "cut_after",
    Wire.REDIRECT: "redirect",
    Wire.NEXT_HOST: "next_host",
    Wire.QUOTA: "daily_limit",
    Wire.REORDERED: "reorder",
    Wire.SHORT: "short",
}
#: Calls of each kind: reads of rows, alone or several in one, then writes.
PATHS = {
    "read": r"/query|/composite$",
    "next": r"/query\w*/\w",
    "write": r"/composite/(sobjects|graph)",
    "": r"/services/data",
}


def _key() -> Field:
    return Field(
        "Key__c", "string", "Key", 255, custom=True, unique=True, external_id=True, id_lookup=True
    )


class SalesforceRig:
    """A sandbox with two objects of its own, which the integration user may read and write."""

    subject = SUBJECT
    page = PAGE
    deletes_within = timedelta(hours=1)
    paths: ClassVar[dict[str, str]] = PATHS

    def __init__(self, sandbox: Sandbox, elsewhere: Sandbox) -> None:
        assert sandbox.org is not None
        self._sandbox, self._elsewhere = sandbox, elsewhere
        self._records = sandbox.org.records
        self._made = 500_000
        fields = [
            Field("Text__c", "textarea", "Text", 2000, custom=True, filterable=False),
            Field("Number__c", "double", "Number", precision=18, scale=4, custom=True),
            Field("Day__c", "date", "Day", custom=True),
            Field("Secret__c", "string", "Secret", 255, custom=True),
            _key(),
        ]
        self._prefix = self._object(OBJECT, fields, hidden={"Secret__c"})
        self._object(CLAIM, [_key()])
        self._records.assign("Rig", people.SYNC)

    def _object(
        self, name: str, fields: Sequence[Field], hidden: Sequence[str] | set[str] = ()
    ) -> str:
        title = Field("Name", "string", "Name", 80, nillable=False, defaulted=True,
                      auto_number="P-{0000}", createable=False, updateable=False)  # fmt: skip
        columns = by_name([*system_fields(owned=True), title, *fields])
        made = self._records.add_object(ObjectType(name, name, name, "", columns, custom=True))
        self._records.grant_object("Rig", name, ("read", "create", "edit"))
        for field in fields:
            if field.name not in hidden:
                self._records.grant("Rig", name, field.name, read=True, edit=True)
        return made.key_prefix

    def connect(self, ports: Ports) -> Connector:
        return SalesforceConnector.of(load(VERSION), ports, VERSION, page_rows=PAGE)

    def seed(self, rows: Sequence[Mapping[str, Any]], at: datetime | None = None) -> list[str]:
        stamp = (at or self.now()).replace(microsecond=0)
        ids = []
        for _ in rows:
            self._made += 1
            ids.append(sf_id(self._prefix, self._made))
        self._sandbox.load(
            {
                OBJECT: [
                    {**row, "Id": i, "CreatedDate": stamp, "SystemModstamp": stamp}
                    for i, row in zip(ids, rows, strict=True)
                ]
            }
        )
        return ids

    def hold(self, row: Mapping[str, Any]) -> None:
        self._sandbox.edit(OBJECT, None, row, hold=True)

    def release(self) -> list[str]:
        return self._sandbox.release()

    def edit(self, row_id: str, values: Mapping[str, Any]) -> None:
        self._sandbox.edit(OBJECT, row_id, values)

    def delete(self, row_id: str) -> None:
        self._sandbox.delete(OBJECT, row_id)

    def merge(self, winner: str, loser: str) -> str:
        raise Unsupported("records of custom objects can't be merged")

    def lag(self, by: timedelta) -> None:
        raise Unsupported("a query shows what is saved: what shows late was saved late")

    def now(self) -> datetime:
        return self._sandbox.clock()

    def move_clock(self, by: timedelta) -> None:
        self._sandbox.advance(by.total_seconds())

    def fault(self, wire: Wire, times: int = 1, *, kind: str = "", after: int = 0) -> None:
        rule: dict[str, Any] = {
            "kind": FAULTS[wire],
            # A page behind the first has an address of its own kind.
            "path": self.paths["next" if after else kind],
            "times": 0 if times == FOREVER else times,
        }
        if wire in (Wire.REDIRECT, Wire.NEXT_HOST):
            rule["to"] = self._elsewhere.url
        self._sandbox.faults(rule)

    def heal(self) -> None:
        self.check()
        self._sandbox.clear_faults()

    def check(self) -> None:
        """Fail where a planned fault never came: its test would have proved nothing."""
        idle = [rule["kind"] for rule in self._sandbox.faults() if not rule["fired"]]
        assert not idle, f"never happened: {idle}"

    def lock(self, row_id: str, times: int) -> None:
        rule = {"kind": "row_lock", "ids": [row_id], "times": times, "path": self.paths["write"]}
        self._sandbox.faults(rule)

    def calls(self) -> int:
        return len(self._sandbox.calls())

    def strayed(self) -> int:
        return len(self._elsewhere.calls())

    def truth(self, object: str) -> dict[str, dict[str, Any]]:
        fields = (SUBJECT.stream if object == OBJECT else SUBJECT.claim).fields
        return {
            row["Id"]: {f.path: row.get(f.path) for f in fields}
            for row in self._records.rows(object)
        }


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Sandbox]:
    """Another host, that nobody should call."""
    with Sandbox.start() as made:
        yield made


class TestSalesforce(ConformanceSuite):
    """By REST: queries, Collections and composite graphs."""

    @pytest.fixture
    def rig(self, monkeypatch: pytest.MonkeyPatch, elsewhere: Sandbox) -> Iterator[Rig]:
        """A fresh sandbox, with the environment of the integration user pointing at it."""
        now = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
        with Sandbox.start(now=now, frozen=True) as sandbox:
            for name, value in environment(sandbox.url).items():
                monkeypatch.setenv(name, value)
            rig = SalesforceRig(sandbox, elsewhere)
            yield rig
            rig.check()


class JobsRig(SalesforceRig):
    """The same, written by ingest jobs; what they refuse goes on by Collections."""

    paths: ClassVar[dict[str, str]] = {
        **SalesforceRig.paths,
        "write": r"/composite/(sobjects|graph)|/jobs/ingest",
        # The answers that are a list of rows.
        "answers": r"/composite/(sobjects|graph)|/successfulResults",
    }

    def fault(self, wire: Wire, times: int = 1, *, kind: str = "", after: int = 0) -> None:
        listed = wire in (Wire.REORDERED, Wire.SHORT)
        super().fault(wire, times, kind="answers" if listed else kind, after=after)

    def check(self) -> None:
        super().check()
        left = [job for job in self._sandbox.jobs() if job["state"] == "InProgress"]
        assert not left, left


class TestSalesforceByJobs(WritingContract, ReceiptContract):
    """Every update and upsert by a Bulk 2.0 ingest job, of one row too."""

    @pytest.fixture
    def rig(self, monkeypatch: pytest.MonkeyPatch, elsewhere: Sandbox) -> Iterator[Rig]:
        """As above, but a job is worth it from one row on."""
        now = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
        with Sandbox.start(now=now, frozen=True) as sandbox:
            for name, value in environment(sandbox.url).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("CRM_HEALTH_SALESFORCE_BULK_WRITE_FROM", "1")
            rig = JobsRig(sandbox, elsewhere)
            yield rig
            rig.check()


class TestSalesforceReadsByJobs(ReadingContract, IncrementalContract, FaultContract):
    """Every object that has a row is read by a Bulk 2.0 query job."""

    @pytest.fixture
    def rig(self, monkeypatch: pytest.MonkeyPatch, elsewhere: Sandbox) -> Iterator[Rig]:
        """As above, with pages of results as small as those of REST."""
        now = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
        with Sandbox.start(now=now, frozen=True) as sandbox:
            for name, value in environment(sandbox.url).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("CRM_HEALTH_SALESFORCE_BULK_FROM", "1")
            monkeypatch.setenv("CRM_HEALTH_SALESFORCE_BULK_PAGE", str(PAGE))
            rig = SalesforceRig(sandbox, elsewhere)
            yield rig
            rig.check()
