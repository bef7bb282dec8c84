"""The call log: what clients asked, and what truly happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One call as the service saw it."""

    n: int
    at: str
    client: str
    method: str
    path: str
    query: str
    sforce: dict[str, str]
    """The Sforce-... headers sent."""
    status: int
    rows: int
    """Records in the answer, or results of a write."""
    writes: int
    """Records that this call changed in the org, rolled-back ones not counted."""
    applied: bool
    """Whether it changed anything, even if the client never saw the answer."""
    fault: str
    """Kinds of the faults that hit it, joined by commas."""


class Calls:
    """Entries in order, and how many of each kind since the last clear."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, **facts: Any) -> None:
        """Note a call."""
        self.entries.append(Entry(n=len(self.entries) + 1, **facts))

    def clear(self) -> None:
        """Forget them all."""
        self.entries = []

    def report(self, after: int = 0) -> dict[str, Any]:
        """Entries after the n-th, and counters over all of them."""
        entries = self.entries
        return {
            "calls": [asdict(e) for e in entries[after:]],
            "counters": {
                "total": len(entries),
                "writes": sum(e.writes for e in entries),
                "by_status": dict(Counter(str(e.status) for e in entries)),
                "by_method": dict(Counter(e.method for e in entries)),
                "by_path": dict(Counter(_kind(e.path) for e in entries)),
                "by_fault": dict(Counter(e.fault for e in entries if e.fault)),
            },
        }


def _kind(path: str) -> str:
    """A path without its version, ids and cursors."""
    parts = path.strip("/").split("/")
    if parts[:2] == ["services", "data"]:
        parts = parts[3:]
    return "/".join("*" if len(p) > 14 and any(c.isdigit() for c in p) else p for p in parts)
