"""The HubSpot connector keeps the contract, over HTTP against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pytest

from connectors.hubspot.connector import HubSpotConnector
from connectors.hubspot.settings import load
from connectors.sandbox.handle import Sandbox
from crm_health.connector import Connector, FieldRead, Ledger, Ports, Stream
from crm_health.entities import Kind
from crm_health.testing.conformance import (
    FOREVER,
    ConformanceSuite,
    Rig,
    Subject,
    Unsupported,
    Wire,
)
from crm_health.testing.conformance.incremental import IncrementalContract
from crm_health.testing.conformance.reading import ReadingContract
from crm_health.testing.conformance.receipts import ReceiptContract
from crm_health.testing.conformance.writing import WritingContract

VERSION, LEGACY = "2026-09", "v3"
OBJECT = "companies"
SUBJECT = Subject(
    stream=Stream(
        OBJECT,
        (
            FieldRead("probe_text", Kind.TEXT),
            FieldRead("probe_number", Kind.NUMBER),
            FieldRead("probe_day", Kind.DATE),
            FieldRead("probe_key", Kind.TEXT),
        ),
    ),
    text="probe_text",
    number="probe_number",
    day="probe_day",
    key="probe_key",
    # Two objects can't be saved at once: a record bears its claim itself.
    claim=Stream(OBJECT, (FieldRead("probe_claim", Kind.TEXT),)),
    claim_key="probe_claim",
    unreadable="probe_secret",
    refused_text="!" * 70_000,
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
#: Calls of each kind: reads of rows, and writes.
PATHS = {
    "read": r"/objects/.*companies(/search|/batch/read)?$",
    "write": r"/batch/(create|update|upsert|associate)",
    "": "/",
}
_TYPES = {
    "probe_text": ("string", "textarea"),
    "probe_number": ("number", "number"),
    "probe_day": ("date", "date"),
    "probe_key": ("string", "text"),
    "probe_claim": ("string", "text"),
    "probe_secret": ("string", "text"),
}


#: Properties whose values are unique.
_KEYS = frozenset({"probe_key", "probe_claim"})


def _definition(name: str, unique: frozenset[str]) -> dict[str, Any]:
    kind, shown = _TYPES[name]
    made: dict[str, Any] = {"name": name, "label": name, "type": kind, "fieldType": shown}
    if name in unique:
        made["hasUniqueValue"] = True
    if name == "probe_secret":
        made["dataSensitivity"] = "sensitive"
    return made


def _told(value: Any) -> str:
    """A value as the service stores it."""
    return "" if value is None else str(value)


def _value(name: str, text: str | None) -> Any:
    if not text:
        return None
    if name == "probe_number":
        return float(text)
    return date.fromisoformat(text) if name == "probe_day" else text


class HubSpotRig:
    """A portal whose companies have a few properties more."""

    subject = SUBJECT
    kind = OBJECT
    paths = PATHS
    page = 100
    #: Archived records are looked for once a week.
    deletes_within = timedelta(days=8)

    def __init__(self, sandbox: Sandbox, elsewhere: Sandbox, version: str = VERSION) -> None:
        self._sandbox, self._elsewhere = sandbox, elsewhere
        self._version = version
        self._made = 500_000
        sandbox.hubspot.define(self.kind, *map(self.definition, _TYPES))
        # The clock stands still: no allowance would ever come back, no index ever catch up.
        sandbox.hubspot.settings(limits=False, search_lag=0, enrich_after=0)

    def definition(self, name: str) -> dict[str, Any]:
        """One property of the object, as an admin would define it."""
        return _definition(name, _KEYS)

    def connect(self, ports: Ports) -> Connector:
        return HubSpotConnector.of(load(self._version), ports, self._version, page_rows=self.page)

    def seed(self, rows: Sequence[Mapping[str, Any]], at: datetime | None = None) -> list[str]:
        stamp = f"{(at or self.now()).astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
        ids = [str(self._made + n) for n in range(1, len(rows) + 1)]
        self._made += len(rows)
        stamps = {"createdate": stamp, "hs_lastmodifieddate": stamp}
        self._sandbox.hubspot.load(
            {
                self.kind: [
                    {"id": i, **stamps, **{name: _told(v) for name, v in row.items()}}
                    for i, row in zip(ids, rows, strict=True)
                ]
            }
        )
        return ids

    def hold(self, row: Mapping[str, Any]) -> None:
        raise Unsupported("no save of a person's stays invisible in a list of HubSpot's")

    def release(self) -> list[str]:
        return []

    def edit(self, row_id: str, values: Mapping[str, Any]) -> None:
        self._sandbox.hubspot.edit(self.kind, row_id, {k: _told(v) for k, v in values.items()})

    def delete(self, row_id: str) -> None:
        self._sandbox.hubspot.archive(self.kind, row_id)

    def merge(self, winner: str, loser: str) -> str:
        return self._sandbox.hubspot.merge(self.kind, winner, loser)

    def lag(self, by: timedelta) -> None:
        self._sandbox.hubspot.settings(search_lag=by.total_seconds())

    def now(self) -> datetime:
        return self._sandbox.clock()

    def move_clock(self, by: timedelta) -> None:
        self._sandbox.advance(by.total_seconds())

    def fault(self, wire: Wire, times: int = 1, *, kind: str = "", after: int = 0) -> None:
        if wire is Wire.LOGIN_EXPIRED and times == 1:
            raise Unsupported("a token of HubSpot's has no session that could be renewed")
        rule: dict[str, Any] = {
            "kind": FAULTS[wire],
            "path": self.paths[kind],
            "times": 0 if times == FOREVER else times,
        }
        if after:
            # A page behind the first has a cursor in its query.
            rule["object"] = "after"
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
        raise Unsupported("HubSpot locks requests, not rows")

    def calls(self) -> int:
        return len(self._sandbox.calls())

    def strayed(self) -> int:
        return len(self._elsewhere.calls())

    def truth(self, object: str) -> dict[str, dict[str, Any]]:
        assert object == self.kind
        return {
            row["id"]: {name: _value(name, row.get(name)) for name in _TYPES}
            for row in self._sandbox.hubspot.records(self.kind)
            if not row["archived"]
        }


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Sandbox]:
    """Another host, that nobody should call."""
    with Sandbox.start() as made:
        yield made


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A fresh portal whose clock stands still, with the environment pointing at it."""
    now = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)
    with Sandbox.start(now=now, frozen=True) as box:
        for name, value in box.hubspot_environment.items():
            monkeypatch.setenv(name, value)
        yield box


class TestHubSpot(ConformanceSuite):
    """By the dated paths; one portal a test."""

    @pytest.fixture
    def rig(self, sandbox: Sandbox, elsewhere: Sandbox) -> Iterator[Rig]:
        """The rig of that portal; every planned fault must have come."""
        rig = HubSpotRig(sandbox, elsewhere)
        yield rig
        rig.check()


class TestHubSpotByLegacyPaths(
    ReadingContract, IncrementalContract, WritingContract, ReceiptContract
):
    """By the paths of v3 and v4, which answer a little differently."""

    @pytest.fixture
    def rig(self, sandbox: Sandbox, elsewhere: Sandbox) -> Iterator[Rig]:
        """As above."""
        rig = HubSpotRig(sandbox, elsewhere, LEGACY)
        yield rig
        rig.check()


class ClaimingRig(HubSpotRig):
    """Deals whose claim is not unique: it is written down at their company."""

    kind = "deals"
    paths: ClassVar[dict[str, str]] = {
        **PATHS,
        "write": r"/deals.*/batch/(create|update|upsert|associate)",
    }
    account = "900001"
    subject = replace(
        SUBJECT,
        stream=replace(SUBJECT.stream, object=kind),
        claim=replace(SUBJECT.claim, object=kind),
        ledger=Ledger("companies", "probe_claims", "associations.companies"),
        account=account,
        # The default of the connector's setting.
        settles_within=timedelta(seconds=900),
    )

    def __init__(self, sandbox: Sandbox, elsewhere: Sandbox, version: str = VERSION) -> None:
        super().__init__(sandbox, elsewhere, version)
        text = {"label": "Claims", "type": "string", "fieldType": "textarea"}
        sandbox.hubspot.define("companies", {**text, "name": "probe_claims"})
        sandbox.hubspot.load({"companies": [{"id": self.account, "name": "Acme"}]})

    def definition(self, name: str) -> dict[str, Any]:
        return _definition(name, _KEYS - {"probe_claim"})


class TestHubSpotByClaims(WritingContract, ReceiptContract):
    """Where the account takes no unique property: claims at the company."""

    @pytest.fixture
    def rig(self, sandbox: Sandbox, elsewhere: Sandbox) -> Iterator[Rig]:
        """As above."""
        rig = ClaimingRig(sandbox, elsewhere)
        yield rig
        rig.check()
