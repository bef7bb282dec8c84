"""Ingest jobs under way, kept where a crash can't lose them: before a byte is uploaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import orjson

from crm_health.connector import Ports

_NAME = "salesforce.ingest"


@dataclass(frozen=True)
class Note:
    """A job that was asked for; without an id, nobody knows whether it was made."""

    object: str
    operation: str
    #: The service's clock before it was asked for, as ISO text; empty where it was not known.
    since: str
    id: str = ""


class JobNotes:
    """The connector's notes on its ingest jobs."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def all(self) -> list[Note]:
        """Every note; those that can't be read count as none."""
        text = self._ports.notes.get(_NAME)
        try:
            found: Any = orjson.loads(text) if text else []
            return [Note(**{name: str(value) for name, value in note.items()}) for note in found]
        except (orjson.JSONDecodeError, TypeError, AttributeError):
            self._ports.log("salesforce.notes_unreadable")
            return []

    def add(self, note: Note) -> None:
        """Keep one more."""
        self._save([*self.all(), note])

    def replace(self, old: Note, new: Note) -> None:
        """Keep another instead."""
        self._save([new if note == old else note for note in self.all()])

    def forget(self, note: Note) -> None:
        """Drop one; without any there is nothing to settle."""
        self._save([other for other in self.all() if other != note])

    def _save(self, notes: list[Note]) -> None:
        text = orjson.dumps([asdict(note) for note in notes]).decode() if notes else None
        self._ports.notes.set(_NAME, text)
