"""Where a read of one object stands. Opaque to the core; JSON inside."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from connectors.salesforce.soql import is_id
from crm_health.errors import StateError

#: How far a new read reaches back, for rows that became visible after later ones.
OVERLAP = timedelta(minutes=10)

_LOCATOR = re.compile(r"[A-Za-z0-9+/=_-]{1,400}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """How far the results of a Bulk job are read."""

    job: str
    #: Which query and API version the job was made for.
    digest: str
    #: Of the next page, as the service named it; empty for the first.
    locator: str = ""
    #: Rows of the pages before it.
    rows: int = 0

    @property
    def sound(self) -> bool:
        """Whether it can be what it says: it becomes part of an address."""
        return (
            is_id(self.job)
            and isinstance(self.rows, int)
            and (not self.locator or is_locator(self.locator))
        )


def is_locator(text: str) -> bool:
    """Whether the text has the form of a place in a job's results."""
    return bool(_LOCATOR.fullmatch(text))


@dataclass(frozen=True)
class Cursor:
    """A position in the order (stamp, Id).

    Between reads only `stamp` is set: all that was stamped before it has been delivered. In the
    middle of a read `last_id` is set too, and `watermark` is what `stamp` becomes at its end.
    With a `place`, what follows the position is read from the results of a job; the position
    itself stays, for the case that the job is lost.
    """

    stamp: datetime | None = None
    last_id: str = ""
    watermark: datetime | None = None
    #: The read began at the beginning, so rows in the recycle bin were left out.
    full: bool = True
    place: Place | None = None

    @property
    def midway(self) -> bool:
        """Whether a read was left unfinished here."""
        return bool(self.last_id)

    def at(self, stamp: datetime | None, last_id: str, watermark: datetime | None) -> Cursor:
        """After a page; the first watermark of a read stays."""
        kept = self._kept(watermark)
        return replace(self, stamp=stamp, last_id=last_id, watermark=kept, place=None)

    def begun(self, place: Place, watermark: datetime | None) -> Cursor:
        """With a job for the rest; the watermark was taken before the job was made."""
        return replace(self, watermark=self._kept(watermark), place=place)

    def _kept(self, watermark: datetime | None) -> datetime | None:
        return self.watermark if self.midway and self.watermark else watermark

    def finished(self) -> Cursor:
        """After the last page."""
        return Cursor(stamp=self.watermark, full=self.watermark is None)

    def start(self, now: datetime) -> datetime | None:
        """The stamp that a new read begins with; None is the beginning.

        A cursor from the future was made while the service's clock was wrong: what it covers is
        not known, so everything is read again, deleted rows too.
        """
        if self.stamp is None or self.stamp > now + OVERLAP:
            return None
        floor = datetime.min.replace(tzinfo=UTC) + OVERLAP
        return max(self.stamp, floor) - OVERLAP

    def dump(self) -> str:
        """As text."""
        body: dict[str, Any] = {
            "v": 1,
            "t": _text(self.stamp),
            "id": self.last_id,
            "w": _text(self.watermark),
            "full": self.full,
        }
        if self.place:
            body["place"] = asdict(self.place)
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
                last_id=body["id"],
                watermark=_instant(body["w"]),
                full=bool(body["full"]),
                place=Place(**body["place"]) if body.get("place") else None,
            )
            usable = body["v"] == 1 and (not cursor.last_id or is_id(cursor.last_id))
            usable = usable and (cursor.place is None or cursor.place.sound)
        except (ValueError, KeyError, TypeError):
            usable = False
        if not usable:
            raise StateError(
                "A stored Salesforce cursor can't be read: run `crm-health sync --full`.",
                code="CH-SF-CURSOR",
            )
        return cursor


def _text(value: datetime | None) -> str | None:
    return value.isoformat(timespec="milliseconds") if value else None


def _instant(value: str | None) -> datetime | None:
    if value is None:
        return None
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError("no zone")
    return parsed.astimezone(UTC)
