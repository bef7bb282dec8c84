"""The ports of a connector under test: a fixed clock, a budget, a log that can be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm_health.connector import Budget, Ports
from crm_health.testing.clock import FixedClock


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
) -> Ports:
    """Ports for one connector; its pauses take no time."""
    clock = clock or FixedClock()
    return Ports(
        budget=Budget(max_calls), clock=clock.monotonic, sleep=clock.sleep, log=log or Log()
    )
