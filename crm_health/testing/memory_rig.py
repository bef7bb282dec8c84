"""The suite's rig for the in-memory connector: also the shortest example of a rig."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from crm_health.connector import Connector, FieldInfo, FieldRead, Ports, Stream
from crm_health.entities import Kind
from crm_health.testing.conformance.rig import Subject, Unsupported, Wire
from crm_health.testing.memory import InMemoryConnector
from crm_health.testing.memory_crm import Fault, MemoryCrm

PAGE = 7
FAULTS = {
    Wire.LOGIN_EXPIRED: Fault.LOGIN_EXPIRED,
    Wire.RATE_LIMITED: Fault.RATE_LIMITED,
    Wire.UNAVAILABLE: Fault.UNAVAILABLE,
    Wire.HTML: Fault.GARBLED,
    Wire.TRUNCATED: Fault.GARBLED,
    Wire.LOST: Fault.LOST,
    Wire.QUOTA: Fault.QUOTA,
}
SUBJECT = Subject(
    stream=Stream(
        "Thing",
        (
            FieldRead("Text", Kind.TEXT),
            FieldRead("Number", Kind.NUMBER),
            FieldRead("Day", Kind.DATE),
            FieldRead("Key", Kind.TEXT),
        ),
    ),
    text="Text",
    number="Number",
    day="Day",
    key="Key",
    claim=Stream("Claim", (FieldRead("Key", Kind.TEXT),)),
    claim_key="Key",
    unreadable="Secret",
    refused_text="!" * 3000,
)


class MemoryRig:
    """Fills and breaks a `MemoryCrm`."""

    subject = SUBJECT
    page = PAGE
    deletes_within = timedelta(hours=1)

    def __init__(self) -> None:
        self.crm = MemoryCrm()
        key = FieldInfo("Key", "text", unique=True, length=255)
        self.crm.define(
            "Thing",
            {
                "Text": FieldInfo("Text", "text", length=2000),
                "Number": Kind.NUMBER,
                "Day": Kind.DATE,
                "Key": key,
                "Secret": replace(key, name="Secret", readable=False),
            },
        )
        self.crm.define("Claim", {"Key": key})

    def connect(self, ports: Ports) -> Connector:
        return InMemoryConnector(self.crm, ports, page=PAGE, batch=5)

    def seed(self, rows: Sequence[Mapping[str, Any]], at: datetime | None = None) -> list[str]:
        return [self.crm.put("Thing", row, at=at) for row in rows]

    def hold(self, row: Mapping[str, Any]) -> None:
        self.crm.put("Thing", row, held=True)

    def release(self) -> list[str]:
        return self.crm.release()

    def edit(self, row_id: str, values: Mapping[str, Any]) -> None:
        self.crm.edit("Thing", row_id, values)

    def delete(self, row_id: str) -> None:
        self.crm.delete("Thing", row_id)

    def merge(self, winner: str, loser: str) -> str:
        self.crm.delete("Thing", loser, merged_into=winner)
        return winner

    def lag(self, by: timedelta) -> None:
        raise Unsupported(f"without an index nothing shows {by} late")

    def now(self) -> datetime:
        return self.crm.clock.now()

    def move_clock(self, by: timedelta) -> None:
        self.crm.clock.set(self.crm.clock.now() + by)

    def fault(self, wire: Wire, times: int = 1, *, kind: str = "", after: int = 0) -> None:
        if wire is Wire.REORDERED:
            self.crm.mangle = lambda answers: answers[::-1]
        elif wire is Wire.SHORT:
            self.crm.mangle = lambda answers: answers[1:]
        elif wire in FAULTS:
            self.crm.fail_next(FAULTS[wire], times, kind=kind or None, after=after)
        else:
            raise Unsupported(f"without a wire there is no {wire.value}")

    def heal(self) -> None:
        self.crm.heal()

    def lock(self, row_id: str, times: int) -> None:
        self.crm.locks[("Thing", row_id)] = times

    def calls(self) -> int:
        return len(self.crm.calls)

    def strayed(self) -> int:
        return 0

    def truth(self, object: str) -> dict[str, dict[str, Any]]:
        names = [f.path for f in (SUBJECT.stream if object == "Thing" else SUBJECT.claim).fields]
        return {row["id"]: {n: row.get(n) for n in names} for row in self.crm.rows(object)}
