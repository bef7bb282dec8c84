"""How far a read has come: rows seen of each part of a list, and the last of each.

BottleCRM pages by offset, and tells of no change: a list is read whole each time, so that the
cursor at its end is empty. Between two pages it says where to go on, and by which rows to tell that
nothing has moved meanwhile. A read that broke off goes on for some hours only: what it has read by
then would be taken for what the CRM holds now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

#: After a whole read: the next one begins from the beginning.
WHOLE = ""
_VERSION = 1
#: Seconds that a read which broke off may be old, to be gone on with.
FRESH = 6 * 3600.0


@dataclass(frozen=True)
class Place:
    """Where a list goes on. Parts share their offset: one that is shorter has ended."""

    seen: tuple[int, ...] = ()
    last: tuple[str, ...] = ()
    #: Of an object that is listed by account: the account before this place.
    account: str = ""
    #: When the read began, by the CRM's clock, in seconds since 1970.
    begun: float = 0.0

    @property
    def offset(self) -> int:
        """How many rows the longest part has behind it."""
        return max(self.seen, default=0)

    def dump(self) -> str:
        """As text."""
        told = {"v": _VERSION, "seen": self.seen, "last": self.last, "account": self.account}
        return orjson.dumps({**told, "begun": self.begun}).decode()

    @classmethod
    def load(cls, cursor: str | None, parts: int, now: datetime | None = None) -> Place:
        """From text; the beginning where there is none, or it is too old, or of another version."""
        begins = 0.0 if now is None else now.timestamp()
        start = cls((0,) * parts, ("",) * parts, begun=begins)
        if not cursor:
            return start
        try:
            told = orjson.loads(cursor)
            place = cls(
                tuple(int(n) for n in told["seen"]),
                tuple(str(one) for one in told["last"]),
                str(told["account"]),
                float(told["begun"]),
            )
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return start
        fits = told["v"] == _VERSION and len(place.seen) == len(place.last) == parts
        # A clock that was not told yet makes nothing old.
        old = begins and place.begun and begins - place.begun >= FRESH
        return place if fits and not old else start
