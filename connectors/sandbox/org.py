"""One emulated org: its records, its sessions, its faults, and what was asked of it."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.sandbox import people
from connectors.sandbox.calls import Calls
from connectors.sandbox.clock import Clock
from connectors.sandbox.faults import Faults
from connectors.sandbox.hubspot.portal import Portal
from connectors.sandbox.jobs import Jobs
from connectors.sandbox.records import Records
from connectors.sandbox.sessions import Sessions

VERSIONS = tuple(range(31, 68))
_MAX_CURSORS = 64


@dataclass
class Usage:
    """API calls of the rolling day."""

    used: int = 0
    allowed: int = 100_000

    @property
    def header(self) -> str:
        """The value of Sforce-Limit-Info."""
        return f"api-usage={self.used}/{self.allowed}"


@dataclass(frozen=True)
class Cursor:
    """The rows of a query that did not fit one page."""

    rows: Sequence[dict[str, Any]]
    size: int
    owner: str


@dataclass
class Org:
    """Everything the server answers from."""

    records: Records = field(default_factory=lambda: Records(Clock()))
    base_url: str = ""

    def __post_init__(self) -> None:
        self.clock = self.records.clock
        self.portal = Portal(self.clock, self.records.lock)
        self.sessions = Sessions(self.clock)
        self.clients = {c.client_id: c for c in people.CLIENTS}
        self.keys: dict[str, str] = {}
        self.faults = Faults()
        self.calls = Calls()
        self.jobs = Jobs(self.clock)
        self.usage = Usage()
        self.retired: set[float] = set()
        self.snapshots: dict[str, Any] = {}
        self._cursors: OrderedDict[int, Cursor] = OrderedDict()
        self._cursor_numbers = itertools.count(1)

    def keep_cursor(self, cursor: Cursor) -> int:
        """Keep a cursor; the oldest goes when there are too many."""
        number = next(self._cursor_numbers)
        self._cursors[number] = cursor
        if len(self._cursors) > _MAX_CURSORS:
            self._cursors.popitem(last=False)
        return number

    def cursor(self, number: int) -> Cursor | None:
        """The cursor of that number, unless it is gone."""
        return self._cursors.get(number)

    def reset(self) -> None:
        """An empty org with nothing configured; the clock keeps its time."""
        with self.records.lock:
            self.records.reset()
            self.portal.reset()
            self._cursors.clear()
            self.faults.clear()
            self.calls.clear()
            self.jobs = Jobs(self.clock)
            self.usage = Usage()
            self.retired.clear()
            self.snapshots.clear()
            self.sessions.expire_all()
