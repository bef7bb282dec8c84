"""Where a read of one object stands. Opaque to the core; JSON inside."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from crm_health.errors import StateError

#: How far a new search reaches back: its index may lag, and then finds a change only later.
OVERLAP = timedelta(hours=1)

_PLACE = re.compile(r"[A-Za-z0-9+/=_.%-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class Cursor:
    """A position in a read, or between two.

    Between reads `stamp` says that all that was modified before it has been delivered. In the
    middle of one `end` is what `stamp` becomes at its end, and `place` is how far it came: in a
    list the service's own cursor, in a search the last id.
    """

    stamp: datetime | None = None
    end: datetime | None = None
    place: str = ""
    #: The read under way is a list of everything, rather than a search for what changed.
    listing: bool = False
    #: Rows that the list has given so far, and how many there were in the last whole one.
    seen: int = 0
    size: int = 0
    #: When the last whole list, and the last list of archived records, began.
    listed: datetime | None = None
    archived: datetime | None = None
    #: All that is live has been delivered; `place` is in the list of archived records.
    archiving: bool = False

    @property
    def midway(self) -> bool:
        """Whether a read was left unfinished here."""
        return self.end is not None

    def begun(self, end: datetime, *, listing: bool) -> Cursor:
        """At the beginning of a read."""
        return replace(self, end=end, place="", listing=listing, seen=0)

    def at(self, place: str, rows: int) -> Cursor:
        """After a page of so many rows."""
        return replace(self, place=place, seen=self.seen + rows)

    def finished(self, rows: int) -> Cursor:
        """After the last page."""
        whole = {"size": self.seen + rows, "listed": self.end} if self.listing else {}
        kept: dict[str, Any] = {"listing": False, "seen": 0, "place": "", "end": None, **whole}
        if self.archiving:
            kept |= {"archiving": False, "archived": self.end}
        return replace(self, stamp=self.end, **kept)

    def start(self, now: datetime) -> datetime | None:
        """The stamp that a new search begins with; None where everything must be listed.

        A cursor from the future was made while the service's clock was wrong: what it covers is
        not known.
        """
        if self.stamp is None or self.stamp > now + OVERLAP:
            return None
        return max(self.stamp, datetime.min.replace(tzinfo=UTC) + OVERLAP) - OVERLAP

    def dump(self) -> str:
        """As text."""
        body = {
            "v": 1,
            "t": _text(self.stamp),
            "end": _text(self.end),
            "place": self.place,
            "list": self.listing,
            "seen": self.seen,
            "size": self.size,
            "listed": _text(self.listed),
            "archived": _text(self.archived),
            "archiving": self.archiving,
        }
        return orjson.dumps(body).decode()

    @staticmethod
    def load(text: str | None) -> Cursor:
        """From text; None is the beginning.

        Raises:
            StateError: not a cursor of ours.
        """
        if text is None:
            return Cursor()
        try:
            body = orjson.loads(text)
            cursor = Cursor(
                stamp=_instant(body["t"]),
                end=_instant(body["end"]),
                place=body["place"],
                listing=bool(body["list"]),
                seen=int(body["seen"]),
                size=int(body["size"]),
                listed=_instant(body["listed"]),
                archived=_instant(body["archived"]),
                archiving=bool(body["archiving"]),
            )
            usable = body["v"] == 1 and (not cursor.place or is_place(cursor.place))
            # A search goes on behind an id.
            by_list = cursor.listing or cursor.archiving or not cursor.place
            usable = usable and (by_list or cursor.place.isdecimal())
        except (ValueError, KeyError, TypeError):
            usable = False
        if not usable:
            raise StateError(
                "A stored HubSpot cursor can't be read: run `crm-health sync --full`.",
                code="CH-HS-CURSOR",
            )
        return cursor


def is_place(text: str) -> bool:
    """Whether the text has the form of a place in a list: it becomes part of an address."""
    return bool(_PLACE.fullmatch(text))


def _text(value: datetime | None) -> str | None:
    return value.isoformat(timespec="milliseconds") if value else None


def _instant(value: str | None) -> datetime | None:
    if value is None:
        return None
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError("no zone")
    return parsed.astimezone(UTC)
