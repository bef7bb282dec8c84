"""The ports of a connector under test: a fixed clock, a budget, a log that can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm_health.connector import Budget, Notes, Ports
from crm_health.testing.clock import FixedClock


@dataclass
class MemoryNotes:
    """Notes that end with the process."""

    texts: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return self.texts.get(name)

    def set(self, name: str, text: str | None) -> None:
        if text is None:
            self.texts.pop(name, None)
        else:
            self.texts[name] = text


@dataclass
class Log:
    """Keeps every event that a connector logs."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, event: str, **values: Any) -> None:
        self.events.append((event, values))


def make_ports(
    clock: FixedClock | None = None,
    *,
    max_calls: int | None = None,
    log: Log | None = None,
    notes: Notes | None = None,
) -> Ports:
    """Ports for one connector; its pauses take no time."""
    clock = clock or FixedClock()
    return Ports(
        budget=Budget(max_calls),
        clock=clock.monotonic,
        sleep=clock.sleep,
        log=log or Log(),
        notes=notes or MemoryNotes(),
    )
