"""What the index behind search does not know yet."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from connectors.sandbox.tables import Row


class Lag:
    """The changes of the last seconds, each with the row as it was before.

    Search filters by what a record was when the index last looked, and answers with what it is:
    so a record that is new is missing, one that changed is found by its old value and misses by
    its new one, and one that was archived counts in the total.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self.seconds = seconds
        self._changes: dict[str, deque[tuple[datetime, str, Row | None]]] = {}

    def note(self, type_id: str, record_id: str, before: Row | None, now: datetime) -> None:
        """A record changed just now; `before` is None for a new one."""
        if self.seconds > 0:
            self._changes.setdefault(type_id, deque()).append((now, record_id, before))

    def unseen(self, type_id: str, now: datetime) -> dict[str, Row | None]:
        """Record id -> the row that the index still holds; None where it holds none."""
        changes = self._changes.get(type_id)
        if not changes:
            return {}
        edge = now - timedelta(seconds=self.seconds)
        while changes and changes[0][0] <= edge:
            changes.popleft()
        found: dict[str, Row | None] = {}
        for _, record_id, before in changes:
            found.setdefault(record_id, before)
        return found

    def clear(self) -> None:
        """The index has caught up."""
        self._changes.clear()
