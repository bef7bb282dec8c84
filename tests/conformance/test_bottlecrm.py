"""The BottleCRM connector keeps the contract, against BottleCRM itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest

from connectors.bottlecrm.connector import BottleCrmConnector
from connectors.bottlecrm.settings import load
from crm_health.connector import Connector, FieldRead, Ports, Stream
from crm_health.entities import Kind
from crm_health.testing.conformance import (
    ConformanceSuite,
    Rig,
    Subject,
    Unsupported,
    Wire,
)
from tests import bottlecrm
from tests.faulty_wire import FaultyWire, Rule

#: Tasks: what is made once here, and the object whose lists show least.
OBJECT = "tasks"
SUBJECT = Subject(
    stream=Stream(
        OBJECT,
        (
            FieldRead("description", Kind.TEXT),
            FieldRead("cf_probe_number", Kind.NUMBER),
            FieldRead("cf_probe_day", Kind.DATE),
            FieldRead("cf_probe_key", Kind.TEXT),
        ),
    ),
    text="description",
    number="cf_probe_number",
    day="cf_probe_day",
    key="cf_probe_key",
    # Two objects can't be saved at once: a record bears its claim itself.
    claim=Stream(OBJECT, (FieldRead("cf_probe_claim", Kind.TEXT),)),
    claim_key="cf_probe_claim",
    unreadable="cf_probe_secret",
    refused_text="no text has a \x00 in it",
    looks_up=True,
)
FAULTS = {
    Wire.RATE_LIMITED: "too_many",
    Wire.UNAVAILABLE: "unavailable",
    Wire.HTML: "html",
    Wire.TRUNCATED: "truncate",
    Wire.LOST: "lose",
    Wire.REDIRECT: "redirect",
}
_METHODS = {"read": "GET", "write": "POST", "": ""}
_CUSTOM = {
    "probe_number": "number",
    "probe_day": "date",
    "probe_key": "text",
    "probe_claim": "text",
    "probe_secret": "text",
    "health_mark": "text",
}
_INSERT = (
    "INSERT INTO task (id, created_at, updated_at, description, custom_fields, org_id,"
    " title, status, priority, is_sample, kanban_order)"
    " VALUES (%s, %s, %s, %s, %s::jsonb, %s, 'seeded', 'New', 'Low', false, 0)"
)


class BottleCrmRig:
    """An org whose tasks have a few fields more, behind a wire that can be broken."""

    subject = SUBJECT
    page = 3
    # Every read is whole.
    deletes_within = timedelta(0)

    def __init__(self, crm: bottlecrm.BottleCrm, wire: FaultyWire, elsewhere: FaultyWire) -> None:
        self._crm, self._wire, self._elsewhere = crm, wire, elsewhere
        crm.back()
        self._calls, self._strays = wire.calls, elsewhere.calls
        self._held: list[str] = []

    def connect(self, ports: Ports) -> Connector:
        return BottleCrmConnector.of(load("1"), ports, page_rows=self.page)

    def seed(self, rows: Sequence[Mapping[str, Any]], at: datetime | None = None) -> list[str]:
        stamp = at or self.now()
        ids = [str(uuid4()) for _ in rows]
        made = [
            (row_id, stamp, stamp, *self._told(row), self._crm.org)
            for row_id, row in zip(ids, rows, strict=True)
        ]
        self._crm.many(_INSERT, made)
        return ids

    def hold(self, row: Mapping[str, Any]) -> None:
        row_id, now = str(uuid4()), self.now()
        self._crm.hold(_INSERT, (row_id, now, now, *self._told(row), self._crm.org))
        self._held.append(row_id)

    def release(self) -> list[str]:
        self._crm.release()
        return self._held

    def edit(self, row_id: str, values: Mapping[str, Any]) -> None:
        text, custom = self._told(values)
        self._crm.sql(
            "UPDATE task SET description = coalesce(%s, description),"
            " custom_fields = custom_fields || %s::jsonb, updated_at = now() WHERE id = %s",
            text, custom, row_id,
        )  # fmt: skip

    def delete(self, row_id: str) -> None:
        self._crm.sql("DELETE FROM task WHERE id = %s", row_id)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def move_clock(self, by: timedelta) -> None:
        """It is this machine's clock; no read depends on it."""

    def fault(self, wire: Wire, times: int = 1, *, kind: str = "", after: int = 0) -> None:
        if wire is Wire.LOGIN_EXPIRED:
            if times == 1:
                raise Unsupported("a personal access token has no session that could be renewed")
            self._crm.revoke()
            return
        if wire not in FAULTS:
            raise Unsupported(f"BottleCRM has neither batches, allowances nor links: {wire.value}")
        rule = Rule(FAULTS[wire], _METHODS[kind], r"^/api/tasks/", times, after)
        rule.to = self._elsewhere.url
        self._wire.rules.append(rule)

    def heal(self) -> None:
        self.check()
        self._wire.rules.clear()
        self._crm.restore_tokens()

    def check(self) -> None:
        """Fail where a planned fault never came: its test would have proved nothing."""
        idle = [rule.kind for rule in self._wire.rules if not rule.fired]
        assert not idle, f"never happened: {idle}"

    def merge(self, winner: str, loser: str) -> str:
        raise Unsupported("BottleCRM merges no tasks")

    def lag(self, by: timedelta) -> None:
        raise Unsupported(f"one database answers reads and writes: nothing shows {by} late")

    def lock(self, row_id: str, times: int) -> None:
        raise Unsupported("BottleCRM waits for locks of rows as long as it takes")

    def calls(self) -> int:
        return self._wire.calls - self._calls

    def strayed(self) -> int:
        return self._elsewhere.calls - self._strays

    def truth(self, object: str) -> dict[str, dict[str, Any]]:
        assert object == OBJECT
        found = self._crm.sql("SELECT id, description, custom_fields FROM task")
        return {str(row["id"]): self._values(row) for row in found}

    @staticmethod
    def _told(row: Mapping[str, Any]) -> tuple[str | None, str]:
        custom = {"health_mark": "crm-health"} | {
            name.removeprefix("cf_"): str(value) if isinstance(value, date) else value
            for name, value in row.items()
            if name.startswith("cf_")
        }
        return row.get("description"), orjson.dumps(custom).decode()

    @staticmethod
    def _values(row: Mapping[str, Any]) -> dict[str, Any]:
        custom = row["custom_fields"]
        day = custom.get("probe_day")
        return {
            "description": row["description"] or None,
            **{f"cf_{key}": custom.get(key) for key in _CUSTOM if key != "health_mark"},
            "cf_probe_day": date.fromisoformat(day) if day else None,
        }


@pytest.fixture(scope="module")
def crm() -> Iterator[bottlecrm.BottleCrm]:
    """One CRM for all of these tests; its records go with each of them."""
    if bottlecrm.environment() is None:
        pytest.skip(bottlecrm.ABSENT)
    with bottlecrm.running() as made:
        for key, kind in _CUSTOM.items():
            made.define("Task", key, kind)
        # Nobody is kept from reading a field, but it may be switched off.
        secret = "UPDATE custom_field_definition SET is_active = false WHERE key = 'probe_secret'"
        made.sql(secret)
        made.keep()
        yield made


@pytest.fixture(scope="module")
def wires(crm: bottlecrm.BottleCrm) -> Iterator[tuple[FaultyWire, FaultyWire]]:
    """The way to it, and one that nobody should take."""
    pair = FaultyWire("127.0.0.1", crm.port), FaultyWire("127.0.0.1", crm.port)
    yield pair
    for wire in pair:
        wire.close()


class TestBottleCrm(ConformanceSuite):
    """Release 1.35 on PostgreSQL, behind gunicorn."""

    @pytest.fixture
    def rig(
        self,
        crm: bottlecrm.BottleCrm,
        wires: tuple[FaultyWire, FaultyWire],
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[Rig]:
        """A rig of an empty org; every planned fault must have come."""
        wires[0].rules.clear()
        rig = BottleCrmRig(crm, *wires)
        monkeypatch.setenv("CRM_HEALTH_BOTTLECRM_URL", wires[0].url)
        monkeypatch.setenv("CRM_HEALTH_BOTTLECRM_TOKEN", crm.token)
        yield rig
        rig.check()
